"""Pooling: one value for each window of an image or a sequence, channel by channel."""

import math
from collections.abc import Sequence
from typing import Any, ClassVar, TypeAlias

from cnnx import _core, geometry, initializers
from cnnx.arrays import Float, Shape, images
from cnnx.geometry import Extents, Pair
from cnnx.layers.call import Call, Traits
from cnnx.layers.layer import Layer, check_rank
from cnnx.layers.layout import in_its_layout
from cnnx.layers.weight import Weight

Windows: TypeAlias = tuple[Pair, Pair, Pair]
"""Pool size, strides and padding (top, left), as the core takes them."""


class PoolingLayer(Layer):
    """
    What all pooling layers share: windows over images (batch, height, width, channels).

    With `rank` 1 they lie over sequences (batch, steps, channels). The core knows images alone: a
    sequence is an image of height 1, in the same memory.

    Subclasses say where the windows lie (`place`) and what becomes of one (`forward`, `backward`).
    """

    any_size = True
    rank: ClassVar[int] = 2
    """Number of axes that the windows slide along."""

    def place(self, input_shape: Shape) -> tuple[Windows, Pair]:
        """Return the windows and how many there are, (rows, columns)."""
        raise NotImplementedError(f"{type(self).__name__} must implement place")

    @in_its_layout
    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (batch, rows, columns, channels), or (batch, steps, channels)."""
        size = self.place(input_shape)[1][-self.rank :]
        return (input_shape[0], *size, input_shape[-1])

    def build(self, input_shape: Shape) -> None:
        """Check that the windows fit."""
        self.place(input_shape)

    def bind(self, call: Call) -> None:
        """Place the windows."""
        call.windows, output_size = self.place((None, *call.shapes[0]))
        call.pixels = (len(call.y), *output_size, call.shapes[0][-1])


class Maximum(PoolingLayer):
    """The largest pixel of each window; the gradient goes to the first of equal ones alone."""

    traits = Traits(
        reads_inputs=False, reads_output=False, accumulates=True, recomputes=True, native=True
    )

    def bind(self, call: Call) -> None:
        """Make room for the places of the largest pixels."""
        super().bind(call)
        call.argmax = None
        if call.differentiates:
            places = geometry.argmax_type(call.windows[0])
            call.argmax = call.keep("argmax", call.pixels[1:], places)

    def forward(self, call: Call, x: Float) -> None:
        """Write the largest pixel of each window."""
        _core.max_pool2d_forward(images(x), call.y.reshape(call.pixels), call.argmax, *call.windows)

    def backward(self, call: Call, dy: Float) -> None:
        """Send each gradient to the pixel that was the largest."""
        gradients, dx = dy.reshape(call.pixels), images(call.dx[0])
        pool_size, strides, padding = call.windows
        accumulate = call.gradient_so_far is not None
        _core.max_pool2d_backward(
            gradients, call.argmax, dx, pool_size, strides, padding, accumulate
        )


class Average(PoolingLayer):
    """The average of the pixels of each window that lie inside the image."""

    traits = Traits(reads_inputs=False, reads_output=False, native=True)

    def forward(self, call: Call, x: Float) -> None:
        """Write the average of each window."""
        _core.avg_pool2d_forward(images(x), call.y.reshape(call.pixels), *call.windows)

    def backward(self, call: Call, dy: Float) -> None:
        """Share each gradient among the pixels of its window."""
        dx = images(call.dx[0])
        _core.avg_pool2d_backward(dy.reshape(call.pixels), dx, *call.windows)


class LocalPooling(PoolingLayer):
    """
    What the pooling layers share that are not global: windows of `pool_size`, `strides` apart.

    Parameters are those of `Pooling2D`.
    """

    pool_size: Extents
    strides: Extents

    def __init__(
        self,
        pool_size: int | Sequence[int] = 2,
        strides: int | Sequence[int] | None = None,
        padding: Any = "valid",
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.take_layout(data_format, self.rank)
        self.pool_size = geometry.extents(pool_size, f"{self}: pool_size", self.rank)
        self.strides = self.pool_size
        if strides is not None:
            self.strides = geometry.extents(strides, f"{self}: strides", self.rank)
        self.padding = geometry.padding(padding, f"{self}: padding", self.rank)
        geometry.check_pool_padding(str(self), self.pool_size, self.padding)

    def place(self, input_shape: Shape) -> tuple[Windows, Pair]:
        """Return the windows and how many there are, (rows, columns)."""
        placement = geometry.place(
            str(self),
            check_rank(self, input_shape, self.rank)[:-1],
            self.pool_size,
            self.strides,
            self.padding,
            window="pool",
        )
        size, strides = geometry.plane(self.pool_size), geometry.plane(self.strides)
        return (size, strides, placement.padding), placement.output_size

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {
            "pool_size": list(self.pool_size),
            "strides": list(self.strides),
            "padding": geometry.padding_config(self.padding),
        }


class Pooling2D(LocalPooling):
    """
    What the pooling layers of images share: windows of `pool_size`, `strides` apart.

    Input (batch, height, width, channels), output (batch, rows, columns, channels).

    Parameters
    ----------
    pool_size
        Window height and width in pixels: a whole number or two.
    strides
        Pixels from one window to the next; by default `pool_size`.
    padding
        'valid' (windows that reach over the edge are dropped), 'same' (none is), or zeros on each
        side as in `Conv2D`, fewer than the window's pixels. Padding takes no part in the result.
    data_format
        None or 'channels_last', or 'channels_first' for arrays (batch, channels, ...).
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """


class Pooling1D(LocalPooling):
    """
    What the pooling layers of sequences share: windows of `pool_size` steps, `strides` apart.

    Input (batch, steps, channels), output (batch, steps, channels).

    Parameters
    ----------
    pool_size
        Window in steps.
    strides
        Steps from one window to the next; by default `pool_size`.
    padding
        'valid' (windows that reach over the end are dropped), 'same' (none is), or a number of
        zeros at both ends or (before, after), fewer than the window's steps. Padding takes no part
        in the result.
    data_format
        None or 'channels_last', or 'channels_first' for arrays (batch, channels, ...).
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    rank = 1


class MaxPooling2D(Pooling2D, Maximum):
    """
    Keep the largest pixel of each window; the gradient goes to the first of equal ones alone.

    Parameters are those of `Pooling2D`: pool_size, strides, padding.
    """

    def halves(self, input_shape: Shape) -> bool:
        """Return whether the windows are 2x2 pixels side by side, and whole."""
        if geometry.is_open(input_shape):
            return False
        windows, (rows, columns) = self.place(input_shape)
        _, height, width, _ = input_shape
        return windows == ((2, 2), (2, 2), (0, 0)) and (rows, columns) == (height // 2, width // 2)


class AveragePooling2D(Pooling2D, Average):
    """
    Average the pixels of each window that lie inside the image.

    Parameters are those of `Pooling2D`: pool_size, strides, padding.
    """


class MaxPooling1D(Pooling1D, Maximum):
    """
    Keep the largest number of each window; the gradient goes to the first of equal ones alone.

    Parameters are those of `Pooling1D`: pool_size, strides, padding.
    """

    def halves(self, input_shape: Shape) -> bool:
        """Return whether the windows are two steps side by side, and whole."""
        if geometry.is_open(input_shape):
            return False
        windows, size = self.place(input_shape)
        return windows == ((1, 2), (1, 2), (0, 0)) and size == (1, input_shape[1] // 2)


class AveragePooling1D(Pooling1D, Average):
    """
    Average the numbers of each window that lie inside the sequence.

    Parameters are those of `Pooling1D`: pool_size, strides, padding.
    """


class SumPooling2D(Pooling2D):
    """
    Add up the pixels of each window.

    Parameters are those of `Pooling2D`: pool_size, strides, padding.
    """

    traits = Traits(reads_inputs=False, reads_output=False, native=True)

    def forward(self, call: Call, x: Float) -> None:
        """Write the sum of each window."""
        _core.sum_pool2d_forward(x, call.y, *call.windows)

    def backward(self, call: Call, dy: Float) -> None:
        """Give each gradient to all pixels of its window."""
        (dx,) = call.dx
        _core.sum_pool2d_backward(dy, dx, *call.windows)


class WeightedAveragePooling2D(Pooling2D):
    """
    Multiply the sum of each window's pixels by a number that is learned, one a channel.

    y = w sum(window), with w = 1 / (pool height * pool width) at first: the average of whole
    windows (Hagan et al., "Neural Network Design", 2nd ed., chapter on convolution networks, Eq.
    8.22, there called average pooling).

    Parameters
    ----------
    pool_size, strides, padding, data_format
        As in `Pooling2D`.
    scale_initializer
        Name or `cnnx.initializers.Initializer` of w; None starts with the average.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    scale: Weight

    def __init__(
        self,
        pool_size: int | Pair = (2, 2),
        strides: int | Pair | None = None,
        padding: Any = "valid",
        data_format: str | None = None,
        scale_initializer: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, **kwargs)
        if scale_initializer is None:
            scale_initializer = initializers.Constant(1 / math.prod(self.pool_size))
        self.scale_initializer = initializers.get(scale_initializer, f"{self}: scale_initializer")

    def build(self, input_shape: Shape) -> None:
        """Place the windows and create the scale."""
        super().build(input_shape)
        self.scale = self.add_weight("scale", input_shape[-1:], self.scale_initializer)

    traits = Traits(reads_inputs=False, reads_output=False, native=True)

    def forward(self, call: Call, x: Float) -> None:
        """Write the scaled sum of each window."""
        sums = call.keep("sums", call.y.shape[1:])
        _core.sum_pool2d_forward(x, sums, *call.windows)
        _core.bias_multiply_forward(sums, self.scale.value, call.y)

    def backward(self, call: Call, dy: Float) -> None:
        """Write the scale's gradient; give each gradient, scaled, to all pixels of its window."""
        sums, (dx,) = call.keep("sums", call.y.shape[1:]), call.dx
        scaled = None if dx is None else dy
        _core.bias_multiply_backward(sums, self.scale.value, dy, scaled, call.gradient(self.scale))
        if dx is not None:
            _core.sum_pool2d_backward(dy, dx, *call.windows)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {
            "scale_initializer": initializers.serialize(self.scale_initializer)
        }


class GlobalPooling(PoolingLayer):
    """
    What the global pooling layers share: one window, the whole image or sequence.

    Input (batch, height, width, channels) or (batch, steps, channels), output (batch, channels).

    Parameters
    ----------
    data_format
        None or 'channels_last', or 'channels_first' for arrays (batch, channels, ...).
    keepdims
        True gives (batch, 1, 1, channels), and (batch, 1, channels) for sequences.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    def __init__(
        self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.take_layout(data_format, self.rank)
        self.keepdims = bool(keepdims)

    def place(self, input_shape: Shape) -> tuple[Windows, Pair]:
        """Return the one window."""
        size = geometry.plane(check_rank(self, input_shape, self.rank)[:-1])
        return (size, (1, 1), (0, 0)), (1, 1)

    @in_its_layout
    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (batch, channels), or with axes of 1 between."""
        self.place(input_shape)
        pixel = (1,) * self.rank if self.keepdims else ()
        return (input_shape[0], *pixel, input_shape[-1])

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"keepdims": self.keepdims}


class GlobalAveragePooling2D(GlobalPooling, Average):
    """
    Average each channel over the whole image.

    Parameters are those of `GlobalPooling`: data_format, keepdims.
    """


class GlobalMaxPooling2D(GlobalPooling, Maximum):
    """
    Keep each channel's largest pixel; the gradient goes to the first of equal ones alone.

    Parameters are those of `GlobalPooling`: data_format, keepdims.
    """


class GlobalAveragePooling1D(GlobalPooling, Average):
    """
    Average each channel over the whole sequence.

    Parameters are those of `GlobalPooling`: data_format, keepdims.
    """

    rank = 1


class GlobalMaxPooling1D(GlobalPooling, Maximum):
    """
    Keep each channel's largest number; the gradient goes to the first of equal ones alone.

    Parameters are those of `GlobalPooling`: data_format, keepdims.
    """

    rank = 1
