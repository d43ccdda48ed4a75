"""Pooling to a size: as many windows as are wanted, whatever the size of the input."""

from collections.abc import Sequence
from typing import Any

from cnnx import geometry
from cnnx.arrays import Shape
from cnnx.geometry import Extents, Pair
from cnnx.layers.layer import check_rank
from cnnx.layers.layout import in_its_layout
from cnnx.layers.pooling import Average, Maximum, PoolingLayer, Windows


class AdaptivePooling(PoolingLayer):
    """
    What the adaptive pooling layers share: windows that share out the pixels of each axis.

    Of m windows over n pixels, window i sees those from floor(i n / m) up to, and without,
    ceil((i + 1) n / m), as in PyTorch. If m does not divide n, neighbours see a pixel together.

    Input (batch, height, width, channels), output (batch, rows, columns, channels); of sequences
    (batch, steps, channels) both.

    Parameters
    ----------
    output_size
        Windows along each axis: rows and columns of images, steps of sequences; a whole number
        counts for all axes.
    data_format
        None or 'channels_last', or 'channels_first' for arrays (batch, channels, ...).
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    output_size: Extents

    def __init__(
        self, output_size: int | Sequence[int], data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.take_layout(data_format, self.rank)
        self.output_size = geometry.extents(output_size, f"{self}: output_size", self.rank)

    def place(self, input_shape: Shape) -> tuple[Windows, Pair]:
        """Return the windows, with a stride of 0 where they are not alike, and how many."""
        size = geometry.plane(check_rank(self, input_shape, self.rank)[:-1])
        count = geometry.plane(self.output_size)
        (rows, down), (columns, across) = map(_share, size, count)
        return ((rows, columns), (down, across), (0, 0)), count

    def build(self, input_shape: Shape) -> None:
        """Check that there are images or sequences."""
        self.compute_output_shape(input_shape)

    @in_its_layout
    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (batch, rows, columns, channels), or (batch, steps, channels)."""
        channels = check_rank(self, input_shape, self.rank)[-1]
        geometry.check_pixels(self.output_size, f"{self}: output_size makes an output of")
        return (input_shape[0], *self.output_size, channels)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"output_size": list(self.output_size)}


def _share(pixels: int, windows: int) -> Pair:
    """Return the length of windows that share out pixels, and their stride; 0 if it changes."""
    share, rest = divmod(pixels, windows)
    return (share + 2, 0) if rest else (share, share)


class AdaptiveAveragePooling1D(AdaptivePooling, Average):
    """
    Average the numbers of each of `output_size` windows of a sequence.

    Parameters are those of `AdaptivePooling`: output_size, data_format.
    """

    rank = 1


class AdaptiveAveragePooling2D(AdaptivePooling, Average):
    """
    Average the pixels of each of `output_size` windows of an image.

    Parameters are those of `AdaptivePooling`: output_size, data_format.
    """


class AdaptiveMaxPooling1D(AdaptivePooling, Maximum):
    """
    Keep the largest number of each of `output_size` windows of a sequence.

    The gradient goes to the first of equal ones alone. Parameters are those of `AdaptivePooling`:
    output_size, data_format.
    """

    rank = 1


class AdaptiveMaxPooling2D(AdaptivePooling, Maximum):
    """
    Keep the largest pixel of each of `output_size` windows of an image.

    The gradient goes to the first of equal ones alone. Parameters are those of `AdaptivePooling`:
    output_size, data_format.
    """
