"""Convolution of images."""

from typing import Any

from cnnx import _core, geometry
from cnnx.arrays import Float, as_float32, empty
from cnnx.geometry import Pair
from cnnx.ops.arguments import IMAGE, array, expect, vector
from cnnx.registry import choice


class Convolution:
    """The checked arguments of a convolution; errors begin with `owner`."""

    def __init__(
        self,
        owner: str,
        x: Any,
        kernel: Any,
        strides: int | Pair,
        padding: Any,
        dilation_rate: int | Pair,
        groups: int,
        operation: str,
    ) -> None:
        self.owner = owner
        self.x = array(x, f"{owner}: x", IMAGE)
        self.kernel = array(kernel, f"{owner}: kernel", "height width channels/groups filters")
        groups = geometry.integer(groups, f"{owner}: groups")
        height, width, depth, self.filters = self.kernel.shape
        channels = self.x.shape[3]
        if depth * groups != channels or self.filters % groups or 0 in self.kernel.shape:
            raise ValueError(
                f"{owner}: a kernel of shape {self.kernel.shape} with groups={groups} does "
                f"not fit {channels} channels; it needs ({height}, {width}, channels / groups, a "
                "multiple of groups)"
            )
        stride_pair = geometry.pair(strides, f"{owner}: strides")
        dilation = geometry.pair(dilation_rate, f"{owner}: dilation_rate")
        placement = geometry.place(
            owner,
            self.x.shape[1:3],
            (height, width),
            stride_pair,
            geometry.padding(padding, f"{owner}: padding"),
            dilation,
        )
        kind = choice(operation, f"{owner}: operation", "correlation", "convolution")
        self.windows = (stride_pair, placement.padding, dilation, groups, kind == "convolution")
        self.output_shape = (len(self.x), *placement.output_size, self.filters)

    def forward(self, bias: Any) -> Float:
        """Return the result with `bias` (filters,) or None added."""
        dst = empty(self.owner, self.output_shape)
        checked = vector(bias, self.filters, f"{self.owner}: bias")
        _core.conv2d_forward(self.x, self.kernel, checked, dst, *self.windows)
        return dst


def conv2d(
    x: Any,
    kernel: Any,
    bias: Any = None,
    strides: int | Pair = 1,
    padding: Any = "valid",
    dilation_rate: int | Pair = 1,
    groups: int = 1,
    operation: str = "correlation",
) -> Float:
    """
    Return the cross-correlation, or the true convolution, of images with a kernel, plus bias.

    Parameters
    ----------
    x
        Images (batch, height, width, channels).
    kernel
        (height, width, channels / groups, filters).
    bias
        (filters,) or None.
    strides, padding, dilation_rate, groups, operation
        As for `cnnx.layers.Conv2D`.

    Returns
    -------
    Array (batch, rows, columns, filters).

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes don't fit.
    """
    convolution = Convolution(
        "conv2d", x, kernel, strides, padding, dilation_rate, groups, operation
    )
    return convolution.forward(bias)


def conv2d_backward(
    x: Any,
    kernel: Any,
    dy: Any,
    strides: int | Pair = 1,
    padding: Any = "valid",
    dilation_rate: int | Pair = 1,
    groups: int = 1,
    operation: str = "correlation",
) -> tuple[Float, Float, Float]:
    """
    Return the gradients of `conv2d` with respect to x, kernel and bias.

    Parameters
    ----------
    x, kernel, strides, padding, dilation_rate, groups, operation
        As they were given to `conv2d`.
    dy
        Gradient with respect to its result.
    """
    owner = "conv2d_backward"
    c = Convolution(owner, x, kernel, strides, padding, dilation_rate, groups, operation)
    gradient = expect(as_float32(dy, f"{owner}: dy"), c.output_shape, f"{owner}: dy")
    dx, dw, db = (empty(owner, shape) for shape in (c.x.shape, c.kernel.shape, (c.filters,)))
    _core.conv2d_backward_data(gradient, c.kernel, dx, *c.windows)
    _core.conv2d_backward_weights(c.x, gradient, dw, db, *c.windows)
    return dx, dw, db


def im2col(
    x: Any,
    kernel_size: int | Pair,
    strides: int | Pair = 1,
    padding: Any = "valid",
    dilation_rate: int | Pair = 1,
) -> Float:
    """
    Return the windows of images as the rows of a matrix: a convolution is then a matrix product.

    Parameters
    ----------
    x
        Images (batch, height, width, channels).
    kernel_size, strides, padding, dilation_rate
        As for `cnnx.layers.Conv2D`.

    Returns
    -------
    Matrix (batch * rows * columns, kernel height * kernel width * channels).
    """
    src = array(x, "im2col: x", IMAGE)
    window = geometry.pair(kernel_size, "im2col: kernel_size")
    stride_pair = geometry.pair(strides, "im2col: strides")
    dilation = geometry.pair(dilation_rate, "im2col: dilation_rate")
    normal = geometry.padding(padding, "im2col: padding")
    begin, size = geometry.place("im2col", src.shape[1:3], window, stride_pair, normal, dilation)
    rows = len(src) * size[0] * size[1]
    col = empty("im2col", (rows, window[0] * window[1] * src.shape[3]))
    _core.im2col(src, col, window, size, stride_pair, begin, dilation)
    return col
