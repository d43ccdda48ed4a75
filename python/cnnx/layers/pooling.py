"""Pooling: one value for each window of an image, channel by channel."""

import math
from typing import Any, TypeAlias

import numpy as np

from cnnx import _core, geometry, initializers
from cnnx.arrays import Float, Shape
from cnnx.buffer import Buffer
from cnnx.geometry import Pair
from cnnx.layers.layer import Layer, check_channels_last, image_shape
from cnnx.layers.weight import Weight

Windows: TypeAlias = tuple[Pair, Pair, Pair]
"""Pool size, strides and padding (top, left), as the core takes them."""


class PoolingLayer(Layer):
    """
    What all pooling layers share: windows over an image.

    Subclasses say where the windows lie (`place`) and what becomes of one (`forward`, `backward`).
    """

    def place(self, input_shape: Shape) -> tuple[Windows, Pair]:
        """Return the windows and how many there are, (rows, columns)."""
        raise NotImplementedError(f"{type(self).__name__} must implement place")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (batch, rows, columns, channels)."""
        return (input_shape[0], *self.place(input_shape)[1], input_shape[3])

    def build(self, input_shape: Shape) -> None:
        """Place the windows."""
        self._windows, output_size = self.place(input_shape)
        self._pixels = (*output_size, input_shape[3])
        self._output = Buffer(self._pixels)
        self._input_gradient = Buffer(input_shape[1:])


class Maximum(PoolingLayer):
    """The largest pixel of each window; the gradient goes to the first of equal ones alone."""

    def build(self, input_shape: Shape) -> None:
        """Place the windows."""
        super().build(input_shape)
        self._argmax = Buffer(self._pixels, geometry.argmax_type(self._windows[0]))

    def forward(self, x: Float, training: bool) -> Float:
        """Return the largest pixel of each window."""
        y = self._output.rows(len(x))
        learning = training and self.needs_input_gradient
        argmax = self._argmax.rows(len(x)) if learning else None
        _core.max_pool2d_forward(x, y, argmax, *self._windows)
        return y

    def backward(self, dy: Float) -> Float | None:
        """Send each gradient to the pixel that was the largest."""
        dx = self._input_gradient.rows(len(dy))
        _core.max_pool2d_backward(dy, self._argmax.rows(len(dy)), dx, *self._windows)
        return dx


class Average(PoolingLayer):
    """The average of the pixels of each window that lie inside the image."""

    def forward(self, x: Float, training: bool) -> Float:
        """Return the average of each window."""
        y = self._output.rows(len(x))
        _core.avg_pool2d_forward(x, y, *self._windows)
        return y

    def backward(self, dy: Float) -> Float | None:
        """Share each gradient among the pixels of its window."""
        dx = self._input_gradient.rows(len(dy))
        _core.avg_pool2d_backward(dy, dx, *self._windows)
        return dx


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

    @property
    def halves(self) -> bool:
        """Whether the windows are 2x2 pixels side by side, and whole (of a built layer)."""
        rows, columns, _ = self.input_shape[1:]
        return self._windows == ((2, 2), (2, 2), (0, 0)) and self._pixels[:2] == (
            rows // 2,
            columns // 2,
        )


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

    def forward(self, x: Float, training: bool) -> Float:
        """Return the sum of each window."""
        y = self._output.rows(len(x))
        _core.sum_pool2d_forward(x, y, *self._windows)
        return y

    def backward(self, dy: Float) -> Float | None:
        """Give each gradient to all pixels of its window."""
        dx = self._input_gradient.rows(len(dy))
        _core.sum_pool2d_backward(dy, dx, *self._windows)
        return dx


class WeightedAveragePooling2D(SumPooling2D):
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
        self._scaled = Buffer(self._pixels)
        self._sums = np.empty(0, np.float32)

    def forward(self, x: Float, training: bool) -> Float:
        """Return the scaled sum of each window."""
        self._sums = super().forward(x, training)
        y = self._scaled.rows(len(x))
        _core.bias_multiply_forward(self._sums, self.scale.value, y)
        return y

    def backward(self, dy: Float) -> Float | None:
        """Write the scale's gradient; give each gradient, scaled, to all pixels of its window."""
        sums_gradient = dy if self.needs_input_gradient else None
        scale_gradient = self.scale.gradient if self.trainable else None
        _core.bias_multiply_backward(
            self._sums, self.scale.value, dy, sums_gradient, scale_gradient
        )
        return None if sums_gradient is None else super().backward(sums_gradient)

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

    def forward(self, x: Float, training: bool) -> Float:
        """Return one value for each channel."""
        y = super().forward(x, training)
        return y if self.keepdims else y.reshape(len(y), y.shape[-1])

    def backward(self, dy: Float) -> Float | None:
        """Propagate the gradient of each channel's value."""
        return super().backward(dy.reshape(-1, *self._pixels))

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
