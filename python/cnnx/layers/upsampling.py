"""Layers that make sequences and images larger."""

from __future__ import annotations

from typing import Any

from cnnx import _core, geometry
from cnnx.arrays import Float, Shape, images
from cnnx.geometry import Extents, Pair
from cnnx.layers.call import Call, Traits
from cnnx.layers.layer import Layer, check_rank
from cnnx.layers.layout import in_its_layout
from cnnx.registry import choice


class UpSampling(Layer):
    """
    What the upsampling layers share.

    Attributes
    ----------
    factors
        One for each axis but batch and channels: one for sequences, two for images.
    """

    any_size = True
    traits = Traits(reads_inputs=False, reads_output=False, recomputes=True, native=True)
    size: Any
    factors: Extents
    interpolation = "nearest"

    @in_its_layout
    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (batch, extents times the factors, channels)."""
        *extents, channels = check_rank(self, input_shape, len(self.factors))
        large = [
            extent and extent * factor for extent, factor in zip(extents, self.factors, strict=True)
        ]
        geometry.check_pixels(large, f"{self}: size={self.size} makes an output of")
        return (input_shape[0], *large, channels)

    def forward(self, call: Call, x: Float) -> None:
        """Write the larger sequences or images."""
        factors = geometry.plane(self.factors)
        _core.upsample2d_forward(images(x), images(call.y), factors, self.interpolation)

    def backward(self, call: Call, dy: Float) -> None:
        """Send each gradient to the pixels that it came from, in the same shares."""
        factors = geometry.plane(self.factors)
        _core.upsample2d_backward(images(dy), images(call.dx[0]), factors, self.interpolation)


class UpSampling1D(UpSampling):
    """
    Repeat each step of a sequence: y[n, i, c] = x[n, floor(i / size), c].

    Input (batch, steps, channels), output (batch, steps size, channels).

    Parameters
    ----------
    size
        Number of copies of each step.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    def __init__(self, size: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = geometry.integer(size, f"{self}: size")
        self.factors = (self.size,)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"size": self.size}


class UpSampling2D(UpSampling):
    """
    Make images larger by whole factors.

    Input (batch, height, width, channels), output (batch, height rows, width columns, channels) for
    size (rows, columns). 'nearest' repeats pixels: y[n, i, j, c] =
    x[n, floor(i / rows), floor(j / columns), c]. 'bilinear' places the middle of output pixel i at
    (i + 1/2) / rows - 1/2 and interpolates between the two input pixels around it, in both
    directions; beyond the outermost pixels it repeats them.

    Parameters
    ----------
    size
        Factors for height and width: a whole number or two.
    data_format
        None or 'channels_last', or 'channels_first' for arrays (batch, channels, ...).
    interpolation
        'nearest' or 'bilinear'.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    size: Pair

    def __init__(
        self,
        size: int | Pair = (2, 2),
        data_format: str | None = None,
        interpolation: str = "nearest",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.take_layout(data_format, 2)
        self.size = self.factors = geometry.pair(size, f"{self}: size")
        self.interpolation = choice(interpolation, f"{self}: interpolation", "nearest", "bilinear")

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {
            "size": list(self.size),
            "interpolation": self.interpolation,
        }
