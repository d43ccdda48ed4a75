"""Pooling of images."""

from typing import Any

from cnnx import _core, geometry
from cnnx.arrays import Float, as_float32, empty
from cnnx.geometry import Pair, Placement
from cnnx.ops.arguments import IMAGE, array, expect


def _pool(
    operation: str, shape: tuple[int, ...], pool_size: Any, strides: Any, padding: Any
) -> tuple[tuple[Pair, Pair, Pair], tuple[int, ...]]:
    """Return the core's arguments and the shape of the result."""
    size = geometry.pair(pool_size, f"{operation}: pool_size")
    steps = size if strides is None else geometry.pair(strides, f"{operation}: strides")
    normal = geometry.padding(padding, f"{operation}: padding")
    geometry.check_pool_padding(operation, size, normal)
    placement: Placement = geometry.place(
        operation, (shape[1], shape[2]), size, steps, normal, window="pool"
    )
    return (size, steps, placement.padding), (shape[0], *placement.output_size, shape[3])


def max_pool2d(
    x: Any, pool_size: int | Pair = 2, strides: int | Pair | None = None, padding: Any = "valid"
) -> Float:
    """
    Return the largest pixel of each window, channel by channel; padding takes no part.

    Parameters
    ----------
    x
        Images (batch, height, width, channels).
    pool_size, strides, padding
        As for `cnnx.layers.MaxPooling2D`.
    """
    src = array(x, "max_pool2d: x", IMAGE)
    windows, shape = _pool("max_pool2d", src.shape, pool_size, strides, padding)
    dst = empty("max_pool2d", shape)
    _core.max_pool2d_forward(src, dst, None, *windows)
    return dst


def max_pool2d_backward(
    x: Any,
    dy: Any,
    pool_size: int | Pair = 2,
    strides: int | Pair | None = None,
    padding: Any = "valid",
) -> Float:
    """
    Return the gradient of `max_pool2d` with respect to x; the first of equal pixels receives it.

    Parameters
    ----------
    x, pool_size, strides, padding
        As they were given to `max_pool2d`.
    dy
        Gradient with respect to its result.
    """
    name = "max_pool2d_backward"
    src = array(x, f"{name}: x", IMAGE)
    windows, shape = _pool(name, src.shape, pool_size, strides, padding)
    gradient = expect(as_float32(dy, f"{name}: dy"), shape, f"{name}: dy")
    argmax = empty(name, shape, geometry.argmax_type(windows[0]))
    _core.max_pool2d_forward(src, empty(name, shape), argmax, *windows)
    dx = empty(name, src.shape)
    _core.max_pool2d_backward(gradient, argmax, dx, *windows)
    return dx


def _sum_pool(operation: str, x: Any, *window: Any) -> Float:
    src = array(x, f"{operation}: x", IMAGE)
    windows, shape = _pool(operation, src.shape, *window)
    dst = empty(operation, shape)
    getattr(_core, f"{operation}_forward")(src, dst, *windows)
    return dst


def _sum_pool_backward(operation: str, x: Any, dy: Any, *window: Any) -> Float:
    name = f"{operation}_backward"
    src = array(x, f"{name}: x", IMAGE)
    windows, shape = _pool(name, src.shape, *window)
    gradient = expect(as_float32(dy, f"{name}: dy"), shape, f"{name}: dy")
    dx = empty(name, src.shape)
    getattr(_core, name)(gradient, dx, *windows)
    return dx


def avg_pool2d(
    x: Any, pool_size: int | Pair = 2, strides: int | Pair | None = None, padding: Any = "valid"
) -> Float:
    """
    Return the average of each window's pixels inside the image, channel by channel.

    Parameters
    ----------
    x
        Images (batch, height, width, channels).
    pool_size, strides, padding
        As for `cnnx.layers.AveragePooling2D`.
    """
    return _sum_pool("avg_pool2d", x, pool_size, strides, padding)


def avg_pool2d_backward(
    x: Any,
    dy: Any,
    pool_size: int | Pair = 2,
    strides: int | Pair | None = None,
    padding: Any = "valid",
) -> Float:
    """
    Return the gradient of `avg_pool2d` with respect to x.

    Parameters
    ----------
    x, pool_size, strides, padding
        As they were given to `avg_pool2d`.
    dy
        Gradient with respect to its result.
    """
    return _sum_pool_backward("avg_pool2d", x, dy, pool_size, strides, padding)


def sum_pool2d(
    x: Any, pool_size: int | Pair = 2, strides: int | Pair | None = None, padding: Any = "valid"
) -> Float:
    """
    Return the sum of each window's pixels inside the image, channel by channel.

    Parameters
    ----------
    x
        Images (batch, height, width, channels).
    pool_size, strides, padding
        As for `cnnx.layers.SumPooling2D`.
    """
    return _sum_pool("sum_pool2d", x, pool_size, strides, padding)


def sum_pool2d_backward(
    x: Any,
    dy: Any,
    pool_size: int | Pair = 2,
    strides: int | Pair | None = None,
    padding: Any = "valid",
) -> Float:
    """
    Return the gradient of `sum_pool2d` with respect to x.

    Parameters
    ----------
    x, pool_size, strides, padding
        As they were given to `sum_pool2d`.
    dy
        Gradient with respect to its result.
    """
    return _sum_pool_backward("sum_pool2d", x, dy, pool_size, strides, padding)
