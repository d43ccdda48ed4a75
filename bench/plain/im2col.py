"""Patches as the rows of a matrix, so that a convolution is one matrix product of NumPy."""

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from bench.networks import Array
from bench.plain.operations import Operations


def _patches(images: Array, size: int) -> Array:
    """Return the patches (batch * rows * columns, channels * size * size)."""
    windows = sliding_window_view(images, (size, size), axis=(2, 3))
    return windows.transpose(0, 2, 3, 1, 4, 5).reshape(-1, images.shape[1] * size * size)


def _convolve(images: Array, kernel: Array, bias: Array) -> Array:
    filters, _, size, _ = kernel.shape
    rows, columns = (length - size + 1 for length in images.shape[2:])
    z = _patches(images, size) @ kernel.reshape(filters, -1).T + bias
    return np.ascontiguousarray(z.reshape(-1, rows, columns, filters).transpose(0, 3, 1, 2))


def _convolve_backward(
    images: Array, kernel: Array, dz: Array, wants_dx: bool
) -> tuple[Any, Array, Array]:
    filters, channels, size, _ = kernel.shape
    batch, _, rows, columns = dz.shape
    errors = dz.transpose(0, 2, 3, 1).reshape(-1, filters)
    dk = (errors.T @ _patches(images, size)).reshape(kernel.shape)
    if not wants_dx:
        return None, dk, errors.sum(axis=0)
    dpatches = (errors @ kernel.reshape(filters, -1)).reshape(
        batch, rows, columns, channels, size, size
    )
    dx = np.zeros_like(images)
    for u, v in np.ndindex(size, size):
        dx[:, :, u : u + rows, v : v + columns] += dpatches[..., u, v].transpose(0, 3, 1, 2)
    return dx, dk, errors.sum(axis=0)


def _pixels_of_windows(images: Array) -> Array:
    """Return the four pixels of each 2x2 window, in the first axis."""
    return np.stack([images[:, :, i::2, j::2] for i, j in np.ndindex(2, 2)])


def max_pool(images: Array) -> Array:
    """Return the largest pixel of each 2x2 window."""
    largest: Array = _pixels_of_windows(images).max(axis=0)
    return largest


def max_pool_backward(images: Array, dy: Array) -> Array:
    """Return the gradient, which goes to the first of the largest pixels."""
    first = _pixels_of_windows(images).argmax(axis=0)
    dx = np.zeros_like(images)
    for place, (i, j) in enumerate(np.ndindex(2, 2)):
        dx[:, :, i::2, j::2] = dy * (first == place)
    return dx


OPERATIONS = Operations(
    _convolve, _convolve_backward, max_pool, max_pool_backward, whole_batches=True
)
