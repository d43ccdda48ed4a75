"""Loops over filters, rows and columns, as the paper writes them; a window at a time in NumPy."""

import numpy as np

from bench.networks import Array
from bench.plain.operations import Operations


def _convolve(images: Array, kernel: Array, bias: Array) -> Array:
    filters, _, size, _ = kernel.shape
    rows, columns = (length - size + 1 for length in images.shape[2:])
    maps = np.zeros((len(images), filters, rows, columns), images.dtype)
    for m, image in enumerate(images):
        for f in range(filters):
            for i in range(rows):
                for j in range(columns):
                    window = image[:, i : i + size, j : j + size]
                    maps[m, f, i, j] = np.sum(window * kernel[f]) + bias[f]
    return maps


def _convolve_backward(
    images: Array, kernel: Array, dz: Array, wants_dx: bool
) -> tuple[Array, Array, Array]:
    """Compute dx even where nobody wants it, as the paper's program does."""
    size = kernel.shape[-1]
    dx, dk = np.zeros_like(images), np.zeros_like(kernel)
    for m, image in enumerate(images):
        for f in range(len(kernel)):
            for i in range(dz.shape[2]):
                for j in range(dz.shape[3]):
                    place = (slice(None), slice(i, i + size), slice(j, j + size))
                    dk[f] += dz[m, f, i, j] * image[place]
                    dx[m][place] += dz[m, f, i, j] * kernel[f]
    return dx, dk, dz.sum(axis=(0, 2, 3))


def _max_pool(images: Array) -> Array:
    batch, channels, height, width = images.shape
    maps = np.zeros((batch, channels, height // 2, width // 2), images.dtype)
    for m in range(batch):
        for c in range(channels):
            for i in range(height // 2):
                for j in range(width // 2):
                    window = images[m, c, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
                    maps[m, c, i, j] = np.max(window)
    return maps


def _max_pool_backward(images: Array, dy: Array) -> Array:
    dx = np.zeros_like(images)
    batch, channels, rows, columns = dy.shape
    for m in range(batch):
        for c in range(channels):
            for i in range(rows):
                for j in range(columns):
                    window = images[m, c, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
                    row, column = divmod(int(np.argmax(window)), 2)
                    dx[m, c, 2 * i + row, 2 * j + column] = dy[m, c, i, j]
    return dx


OPERATIONS = Operations(
    _convolve, _convolve_backward, _max_pool, _max_pool_backward, whole_batches=False
)
