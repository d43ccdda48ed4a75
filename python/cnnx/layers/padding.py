"""Zeros around sequences and images, and cutting their margins off."""

from __future__ import annotations

from typing import Any

from cnnx import _core, geometry
from cnnx.arrays import Float, Shape, images
from cnnx.geometry import Pair
from cnnx.layers.call import Call, Traits
from cnnx.layers.layer import Layer, check_rank
from cnnx.layers.layout import in_its_layout


class Margins(Layer):
    """
    What padding and cropping share: a margin before and after each axis but batch and channels.

    Attributes
    ----------
    sides
        (before, after) for each of these axes: one for sequences, two for images.
    """

    any_size = True
    sides: tuple[Pair, ...]

    def extents(self, input_shape: Shape) -> tuple[int, ...]:
        """Check `input_shape` and return its extents along the axes with margins."""
        return check_rank(self, input_shape, len(self.sides))[:-1]

    @property
    def corner(self) -> Pair:
        """Rows above and columns before the inner image; a sequence is an image of height 1."""
        return geometry.plane(tuple(before for before, _ in self.sides), height=0)


class ZeroPadding(Margins):
    """What ZeroPadding1D and ZeroPadding2D share."""

    traits = Traits(reads_inputs=False, reads_output=False, native=True)

    @in_its_layout
    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape with margins."""
        extents = self.extents(input_shape)
        padded = [
            extent and extent + sum(pair) for extent, pair in zip(extents, self.sides, strict=True)
        ]
        geometry.check_pixels(padded, f"{self}: padding={self.sides} makes an output of")
        return (input_shape[0], *padded, input_shape[-1])

    def forward(self, call: Call, x: Float) -> None:
        """Write zeros and, inside, the input."""
        _core.zero_pad2d(images(x), images(call.y), self.corner)

    def backward(self, call: Call, dy: Float) -> None:
        """Write the gradient inside the margins."""
        _core.crop2d(images(dy), images(call.dx[0]), self.corner)


class ZeroPadding1D(ZeroPadding):
    """
    Put zeros before and after each sequence.

    Input (batch, steps, channels), output (batch, before + steps + after, channels).

    Parameters
    ----------
    padding
        Zeros on both sides, or (before, after).
    data_format
        None or 'channels_last', or 'channels_first' for arrays (batch, channels, ...).
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    def __init__(
        self, padding: int | Pair = 1, data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.take_layout(data_format, 1)
        self.sides = (geometry.pair(padding, f"{self}: padding", minimum=0),)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"padding": list(self.sides[0])}


class ZeroPadding2D(ZeroPadding):
    """
    Put rows and columns of zeros around each image.

    Input (batch, height, width, channels), output (batch, top + height + bottom,
    left + width + right, channels).

    Parameters
    ----------
    padding
        Zeros on every side, (height, width), or ((top, bottom), (left, right)).
    data_format
        None or 'channels_last', or 'channels_first' for arrays (batch, channels, ...).
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    def __init__(
        self, padding: Any = (1, 1), data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.take_layout(data_format, 2)
        self.sides = geometry.sides(padding, f"{self}: padding")

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"padding": [list(pair) for pair in self.sides]}


class Cropping(Margins):
    """What Cropping1D and Cropping2D share."""

    traits = Traits(reads_inputs=False, reads_output=False, native=True)

    @in_its_layout
    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape without margins."""
        extents = self.extents(input_shape)
        inside = [
            extent and extent - sum(pair) for extent, pair in zip(extents, self.sides, strict=True)
        ]
        if any(extent is not None and extent < 1 for extent in inside):
            raise ValueError(
                f"{self}: cropping={self.sides} leaves nothing of the input's extents {extents}; "
                "cut less off, or use a larger input"
            )
        return (input_shape[0], *inside, input_shape[-1])

    def forward(self, call: Call, x: Float) -> None:
        """Write what lies inside the margins."""
        _core.crop2d(images(x), images(call.y), self.corner)

    def backward(self, call: Call, dy: Float) -> None:
        """Write zeros and, inside, the gradient."""
        _core.zero_pad2d(images(dy), images(call.dx[0]), self.corner)


class Cropping1D(Cropping):
    """
    Cut the ends of each sequence off.

    Input (batch, steps, channels), output (batch, steps - before - after, channels).

    Parameters
    ----------
    cropping
        Steps to cut off on both sides, or (before, after).
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    def __init__(self, cropping: int | Pair = (1, 1), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sides = (geometry.pair(cropping, f"{self}: cropping", minimum=0),)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"cropping": list(self.sides[0])}


class Cropping2D(Cropping):
    """
    Cut rows and columns off the sides of each image.

    Input (batch, height, width, channels), output (batch, height - top - bottom,
    width - left - right, channels).

    Parameters
    ----------
    cropping
        Pixels to cut off on every side, (height, width), or ((top, bottom), (left, right)).
    data_format
        None or 'channels_last', or 'channels_first' for arrays (batch, channels, ...).
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    def __init__(
        self, cropping: Any = ((0, 0), (0, 0)), data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.take_layout(data_format, 2)
        self.sides = geometry.sides(cropping, f"{self}: cropping")

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"cropping": [list(pair) for pair in self.sides]}
