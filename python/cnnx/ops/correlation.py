"""Cross-correlation and convolution of images in the terms of mathematics."""

import math
from typing import Any

import numpy as np

from cnnx import geometry
from cnnx.arrays import Array, Float, as_float32, no_memory
from cnnx.geometry import Pair
from cnnx.ops.convolution import Convolution
from cnnx.registry import choice


def correlate2d(
    x: Any,
    k: Any,
    mode: Any = "valid",
    strides: int | Pair = 1,
    bias: Any = None,
    dilation_rate: int | Pair = 1,
) -> Float:
    """
    Return the cross-correlation of an image, or of several, with a kernel, or with several.

    y[i, j] = bias + sum over u, v of x[i + u, j + v] k[u, v]. The kernel's shape decides what
    becomes of the channels; a batch axis stays as it is:

    ==================  ===========================  ===========  ===========  ==============
    k                                                x (h, w)     x (h, w, c)  x (n, h, w, c)
    ==================  ===========================  ===========  ===========  ==============
    (kh, kw)            each channel on its own      (i, j)       (i, j, c)    (n, i, j, c)
    (kh, kw, c)         the channels' sum            (i, j)       (i, j)       (n, i, j)
    (kh, kw, c, f)      f filters, the sum for each  (i, j, f)    (i, j, f)    (n, i, j, f)
    ==================  ===========================  ===========  ===========  ==============

    Parameters
    ----------
    x
        Image (height, width) or (height, width, channels), or batch of such (batch, height, width,
        channels). Without a channel axis there is one channel.
    k
        Kernel, as in the table.
    mode
        'valid' (only windows inside the image), 'same' (as large as the image), 'full' (every
        window that touches the image), or zeros on each side as in `cnnx.layers.Conv2D`. With
        kernels of even size, 'same' puts the odd row and column of zeros at the bottom and right,
        as Keras does; SciPy puts them at the top and left.
    strides, dilation_rate
        As for `cnnx.layers.Conv2D`.
    bias
        A number, or one for each result channel.

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes don't fit.
    """
    return _slide("correlate2d", "correlation", x, k, mode, strides, bias, dilation_rate)


def convolve2d(
    x: Any,
    k: Any,
    mode: Any = "valid",
    strides: int | Pair = 1,
    bias: Any = None,
    dilation_rate: int | Pair = 1,
) -> Float:
    """
    Return the convolution of images with kernels: `correlate2d` with k rotated by 180 degrees.

    In mode 'full', y[i, j] = bias + sum over u, v of x[i - u, j - v] k[u, v], which is commutative.

    Parameters
    ----------
    x, k, mode, strides, bias, dilation_rate
        As for `correlate2d`.
    """
    return _slide("convolve2d", "convolution", x, k, mode, strides, bias, dilation_rate)


def _slide(
    owner: str,
    operation: str,
    x: Any,
    k: Any,
    mode: Any,
    strides: int | Pair,
    bias: Any,
    dilation_rate: int | Pair,
) -> Float:
    image, kernel = _image(x, f"{owner}: x"), _kernel(k, f"{owner}: k")
    images = image.reshape((1,) * (4 - max(image.ndim, 3)) + image.shape + (1,) * (image.ndim == 2))
    channels = images.shape[3]
    if kernel.ndim == 2:
        taps, groups = np.repeat(kernel[..., None, None], channels, axis=3), channels
    else:
        taps, groups = kernel if kernel.ndim == 4 else kernel[..., None], 1
    padding = geometry.padding(mode, f"{owner}: mode")
    c = Convolution(owner, images, taps, strides, padding, dilation_rate, groups, operation)
    if bias is not None:
        numbers = as_float32(bias, f"{owner}: bias")
        bias = numbers if numbers.ndim else np.full(c.filters, numbers)
    y = c.forward(bias)
    if kernel.ndim == 3 or image.ndim == kernel.ndim == 2:
        y = y[..., 0]
    return y if image.ndim == 4 else y[0]


def _image(value: Any, name: str) -> Float:
    image = as_float32(value, name)
    if image.ndim not in (2, 3, 4):
        raise ValueError(
            f"{name} must be (height, width), (height, width, channels) or (batch, height, width, "
            f"channels), got shape {image.shape}"
        )
    return image


def _kernel(value: Any, name: str) -> Float:
    kernel = as_float32(value, name)
    if kernel.ndim not in (2, 3, 4):
        raise ValueError(
            f"{name} must be (height, width), (height, width, channels) or (height, width, "
            f"channels, filters), got shape {kernel.shape}"
        )
    return kernel


def conv_matrix(
    k: Any,
    input_shape: tuple[int, ...],
    order: str = "C",
    mode: Any = "valid",
    strides: int | Pair = 1,
    operation: str = "correlation",
    dilation_rate: int | Pair = 1,
) -> Any:
    """
    Return the matrix that makes a correlation a product: y.ravel(order) = matrix @ x.ravel(order).

    Its rows share the kernel's weights, and all but a few of its elements are zero. For a 2x2
    kernel and a 3x3 image in order 'F' it is equation (8.12) of Hagan et al., "Neural Network
    Design: Deep Learning", which stacks columns.

    Parameters
    ----------
    k
        Kernel (height, width), (height, width, channels) or (height, width, channels, filters).
    input_shape
        (height, width) or (height, width, channels) of one image.
    order
        'C' writes images row after row, channels last; 'F' column after column, one channel after
        the other.
    mode, strides, dilation_rate
        As for `correlate2d`, which gives y.
    operation
        'correlation' or 'convolution'.

    Returns
    -------
    Matrix (y.size, x.size) of float32: a scipy.sparse.csr_array if SciPy is installed, else an
    array.
    """
    owner = "conv_matrix"
    axes = choice(order, f"{owner}: order", "C", "F")
    kernel = _kernel(k, f"{owner}: k")
    shape = geometry.sample_shape(input_shape, f"{owner}: input_shape")
    if len(shape) not in (2, 3):
        raise ValueError(
            f"{owner}: input_shape must be (height, width) or (height, width, channels), got "
            f"{shape}"
        )
    image_shape = (shape[0], shape[1], shape[2] if len(shape) == 3 else 1)
    channels = image_shape[2]
    if kernel.ndim == 2:  # each channel on its own
        taps = kernel[..., None, None] * np.eye(channels, dtype=np.float32)
    else:
        taps = kernel if kernel.ndim == 4 else kernel[..., None]
    if taps.shape[2] != channels or 0 in taps.shape:
        raise ValueError(
            f"{owner}: a kernel of shape {kernel.shape} does not fit input_shape={shape}"
        )
    if choice(operation, f"{owner}: operation", "correlation", "convolution") == "convolution":
        taps = taps[::-1, ::-1]
    steps = geometry.pair(strides, f"{owner}: strides")
    dilation = geometry.pair(dilation_rate, f"{owner}: dilation_rate")
    (top, left), size = geometry.place(
        owner,
        (shape[0], shape[1]),
        (taps.shape[0], taps.shape[1]),
        steps,
        geometry.padding(mode, f"{owner}: mode"),
        dilation,
    )
    # Every product of the correlation: output pixel (i, j), tap (u, v), channel c, filter f.
    i, j, u, v, c, f = np.indices(size + taps.shape, sparse=True)
    row, column = i * steps[0] - top + u * dilation[0], j * steps[1] - left + v * dilation[1]
    inside = (row >= 0) & (row < shape[0]) & (column >= 0) & (column < shape[1])
    *places, weights = np.broadcast_arrays(i, j, f, row, column, c, taps)
    kept = inside & (weights != 0)
    to, source = (tuple(place[kept] for place in places[a : a + 3]) for a in (0, 3))
    result_shape = (*size, taps.shape[3])
    entries = (_positions(to, result_shape, axes), _positions(source, image_shape, axes))
    return _matrix(weights[kept], entries, (math.prod(result_shape), math.prod(image_shape)))


def _positions(indices: tuple[Array, ...], shape: tuple[int, ...], order: str) -> Array:
    """Return where elements of an array stand when it is ravelled."""
    return np.ravel_multi_index(indices, shape, order="F" if order == "F" else "C")


def _matrix(values: Array, entries: tuple[Array, Array], shape: tuple[int, int]) -> Any:
    try:
        from scipy.sparse import csr_array
    except ImportError:
        try:
            matrix = np.zeros(shape, values.dtype)
        except MemoryError:
            raise no_memory(shape, values.dtype, "conv_matrix") from None
        matrix[entries] = values
        return matrix
    return csr_array((values, entries), shape)
