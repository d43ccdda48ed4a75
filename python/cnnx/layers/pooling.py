"""Pooling: one value for each window of an image, channel by channel."""

from typing import Any

import numpy as np

from cnnx import _core, geometry
from cnnx.arrays import Float, Shape
from cnnx.buffer import Buffer
from cnnx.geometry import Pair, Placement
from cnnx.layers.layer import Layer, check_channels_last, image_shape


class Pooling2D(Layer):
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

    def _place(self, input_shape: Shape) -> Placement:
        height, width, _ = image_shape(self, input_shape)
        return geometry.place(
            str(self),
            (height, width),
            self.pool_size,
            self.strides,
            self.padding,
            window="pool",
        )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (batch, rows, columns, channels)."""
        return (input_shape[0], *self._place(input_shape).output_size, input_shape[3])

    def build(self, input_shape: Shape) -> None:
        """Place the windows."""
        self._windows = (self.pool_size, self.strides, self._place(input_shape).padding)
        self._output = Buffer(self.compute_output_shape(input_shape)[1:])
        self._input_gradient = Buffer(input_shape[1:])

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {
            "pool_size": list(self.pool_size),
            "strides": list(self.strides),
            "padding": geometry.padding_config(self.padding),
        }


class MaxPooling2D(Pooling2D):
    """
    Keep the largest pixel of each window; the gradient goes to the first of equal ones alone.

    Parameters are those of `Pooling2D`: pool_size, strides, padding.
    """

    def build(self, input_shape: Shape) -> None:
        """Place the windows."""
        super().build(input_shape)
        self._argmax = Buffer(self.compute_output_shape(input_shape)[1:], np.int32)

    def forward(self, x: Float, training: bool) -> Float:
        """Return the largest pixel of each window."""
        y = self._output.rows(len(x))
        learning = training and self.needs_input_gradient
        argmax = self._argmax.rows(len(x)) if learning else None
        _core.max_pool2d_forward(x, y, argmax, *self._windows)
        return y

    def backward(self, dy: Float) -> Float:
        """Send each gradient to the pixel that was the largest."""
        dx = self._input_gradient.rows(len(dy))
        _core.max_pool2d_backward(dy, self._argmax.rows(len(dy)), dx, *self._windows)
        return dx


class AveragePooling2D(Pooling2D):
    """
    Average the pixels of each window that lie inside the image.

    Parameters are those of `Pooling2D`: pool_size, strides, padding.
    """

    def forward(self, x: Float, training: bool) -> Float:
        """Return the average of each window."""
        y = self._output.rows(len(x))
        _core.avg_pool2d_forward(x, y, *self._windows)
        return y

    def backward(self, dy: Float) -> Float:
        """Share each gradient among the pixels of its window."""
        dx = self._input_gradient.rows(len(dy))
        _core.avg_pool2d_backward(dy, dx, *self._windows)
        return dx


class GlobalAveragePooling2D(Layer):
    """
    Average each channel over the whole image: (batch, height, width, channels) to one row each.

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

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (batch, channels), or (batch, 1, 1, channels)."""
        channels = image_shape(self, input_shape)[2]
        return (input_shape[0], *((1, 1) if self.keepdims else ()), channels)

    def build(self, input_shape: Shape) -> None:
        """Make one window of the whole image."""
        height, width, channels = image_shape(self, input_shape)
        self._windows = ((height, width), (1, 1), (0, 0))
        self._output = Buffer((1, 1, channels))
        self._input_gradient = Buffer(input_shape[1:])
        self._sample_shape = self.compute_output_shape(input_shape)[1:]

    def forward(self, x: Float, training: bool) -> Float:
        """Return each channel's average."""
        y = self._output.rows(len(x))
        _core.avg_pool2d_forward(x, y, *self._windows)
        return y.reshape(-1, *self._sample_shape)

    def backward(self, dy: Float) -> Float:
        """Share each gradient among all pixels of the channel."""
        dx = self._input_gradient.rows(len(dy))
        _core.avg_pool2d_backward(dy.reshape(-1, 1, 1, dy.shape[-1]), dx, *self._windows)
        return dx

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"keepdims": self.keepdims}
