"""Pooling: one value for each window of an image, channel by channel."""

import math
from typing import Any, TypeAlias

from cnnx import _core, geometry, initializers
from cnnx.arrays import Float, Shape
from cnnx.geometry import Pair
from cnnx.layers.call import Call, Traits
from cnnx.layers.layer import Layer, check_channels_last, image_shape
from cnnx.layers.weight import Weight

Windows: TypeAlias = tuple[Pair, Pair, Pair]
"""Pool size, strides and padding (top, left), as the core takes them."""


class PoolingLayer(Layer):
    """
    What all pooling layers share: windows over an image.

    Subclasses say where the windows lie (`place`) and what becomes of one (`forward`, `backward`).
    """

    any_size = True

    def place(self, input_shape: Shape) -> tuple[Windows, Pair]:
        """Return the windows and how many there are, (rows, columns)."""
        raise NotImplementedError(f"{type(self).__name__} must implement place")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (batch, rows, columns, channels)."""
        return (input_shape[0], *self.place(input_shape)[1], input_shape[3])

    def build(self, input_shape: Shape) -> None:
        """Check that the windows fit."""
        self.place(input_shape)

    def bind(self, call: Call) -> None:
        """Place the windows."""
        call.windows, output_size = self.place((None, *call.shapes[0]))
        call.pixels = (len(call.y), *output_size, call.shapes[0][2])


class Maximum(PoolingLayer):
    """The largest pixel of each window; the gradient goes to the first of equal ones alone."""

    traits = Traits(reads_inputs=False, reads_output=False)

    def bind(self, call: Call) -> None:
        """Make room for the places of the largest pixels."""
        super().bind(call)
        call.argmax = None
        if call.differentiates:
            places = geometry.argmax_type(call.windows[0])
            call.argmax = call.keep("argmax", call.pixels[1:], places)

    def forward(self, call: Call, x: Float) -> None:
        """Write the largest pixel of each window."""
        _core.max_pool2d_forward(x, call.y.reshape(call.pixels), call.argmax, *call.windows)

    def backward(self, call: Call, dy: Float) -> None:
        """Send each gradient to the pixel that was the largest."""
        (dx,) = call.dx
        _core.max_pool2d_backward(dy.reshape(call.pixels), call.argmax, dx, *call.windows)


class Average(PoolingLayer):
    """The average of the pixels of each window that lie inside the image."""

    traits = Traits(reads_inputs=False, reads_output=False)

    def forward(self, call: Call, x: Float) -> None:
        """Write the average of each window."""
        _core.avg_pool2d_forward(x, call.y.reshape(call.pixels), *call.windows)

    def backward(self, call: Call, dy: Float) -> None:
        """Share each gradient among the pixels of its window."""
        (dx,) = call.dx
        _core.avg_pool2d_backward(dy.reshape(call.pixels), dx, *call.windows)


class Pooling2D(PoolingLayer):
    """
    What the pooling layers share: windows of `pool_size`, `strides` apart.

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
        None or 'channels_last'.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    def __init__(
        self,
        pool_size: int | Pair = (2, 2),
        strides: int | Pair | None = None,
        padding: Any = "valid",
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_channels_last(self, data_format)
        self.pool_size = geometry.pair(pool_size, f"{self}: pool_size")
        self.strides = (
            self.pool_size if strides is None else geometry.pair(strides, f"{self}: strides")
        )
        self.padding = geometry.padding(padding, f"{self}: padding")
        geometry.check_pool_padding(str(self), self.pool_size, self.padding)

    def place(self, input_shape: Shape) -> tuple[Windows, Pair]:
        """Return the windows and how many there are, (rows, columns)."""
        height, width, _ = image_shape(self, input_shape)
        placement = geometry.place(
            str(self),
            (height, width),
            self.pool_size,
            self.strides,
            self.padding,
            window="pool",
        )
        return (self.pool_size, self.strides, placement.padding), placement.output_size

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {
            "pool_size": list(self.pool_size),
            "strides": list(self.strides),
            "padding": geometry.padding_config(self.padding),
        }


class MaxPooling2D(Pooling2D, Maximum):
    """
    Keep the largest pixel of each window; the gradient goes to the first of equal ones alone.

    Parameters are those of `Pooling2D`: pool_size, strides, padding.
    """

    def halves(self, input_shape: Shape) -> bool:
        """Return whether the windows are 2x2 pixels side by side, and whole."""
        windows, (rows, columns) = self.place(input_shape)
        _, height, width, _ = input_shape
        return windows == ((2, 2), (2, 2), (0, 0)) and (rows, columns) == (height // 2, width // 2)


class AveragePooling2D(Pooling2D, Average):
    """
    Average the pixels of each window that lie inside the image.

    Parameters are those of `Pooling2D`: pool_size, strides, padding.
    """


class SumPooling2D(Pooling2D):
    """
    Add up the pixels of each window.

    Parameters are those of `Pooling2D`: pool_size, strides, padding.
    """

    traits = Traits(reads_inputs=False, reads_output=False)

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

    traits = Traits(reads_inputs=False, reads_output=False)

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


class GlobalPooling2D(PoolingLayer):
    """
    What the global pooling layers share: one window, the whole image.

    Input (batch, height, width, channels), output (batch, channels).

    Parameters
    ----------
    data_format
        None or 'channels_last'.
    keepdims
        True gives (batch, 1, 1, channels).
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    def __init__(
        self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        check_channels_last(self, data_format)
        self.keepdims = bool(keepdims)

    def place(self, input_shape: Shape) -> tuple[Windows, Pair]:
        """Return the one window."""
        height, width, _ = image_shape(self, input_shape)
        return ((height, width), (1, 1), (0, 0)), (1, 1)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (batch, channels), or (batch, 1, 1, channels)."""
        shape = super().compute_output_shape(input_shape)
        return shape if self.keepdims else (shape[0], shape[-1])

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"keepdims": self.keepdims}


class GlobalAveragePooling2D(GlobalPooling2D, Average):
    """
    Average each channel over the whole image.

    Parameters are those of `GlobalPooling2D`: data_format, keepdims.
    """


class GlobalMaxPooling2D(GlobalPooling2D, Maximum):
    """
    Keep each channel's largest pixel; the gradient goes to the first of equal ones alone.

    Parameters are those of `GlobalPooling2D`: data_format, keepdims.
    """
