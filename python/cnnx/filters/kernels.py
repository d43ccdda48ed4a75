"""The kernels of the fixed filters, and finding them by name."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from cnnx import registry
from cnnx.arrays import Float, as_float32
from cnnx.geometry import integer, number

_DIFFERENCE = (-1, 0, 1)


def _kernel(rows: Any) -> Float:
    return np.array(rows, np.float32)


def _odd(size: int, name: str) -> int:
    extent = integer(size, f"{name}: size")
    if extent % 2 == 0:
        raise ValueError(
            f"{name}: size must be odd, so that the kernel has a middle, got {extent}; "
            f"use {extent - 1} or {extent + 1}"
        )
    return extent


def _outer(column: Any, row: Any) -> Float:
    return _kernel(np.multiply.outer(column, row))


# Nothing, and moving.


def identity(size: int = 3) -> Float:
    """Return the kernel that leaves an image as it is: 1 in the middle of zeros."""
    kernel = np.zeros((_odd(size, "identity"),) * 2, np.float32)
    kernel[size // 2, size // 2] = 1
    return kernel


def shift(right: int = 1, up: int = 1) -> Float:
    """
    Return the kernel that moves an image.

    It is the image of a single point after the move: the smallest odd square that holds it.

    Parameters
    ----------
    right, up
        Pixels; negative ones move left and down.
    """
    limit = 2**15
    across = integer(right, "shift: right", minimum=-limit, limit=limit)
    rise = integer(up, "shift: up", minimum=-limit, limit=limit)
    middle = max(abs(across), abs(rise), 1)
    kernel = np.zeros((2 * middle + 1,) * 2, np.float32)
    kernel[middle - rise, middle + across] = 1
    return kernel


# Smoothing.


def box(size: int = 3) -> Float:
    """Return the kernel of the mean over `size` x `size` pixels, `size` odd."""
    extent = _odd(size, "box")
    return np.full((extent, extent), 1 / extent**2, np.float32)


def gaussian(size: int = 3, sigma: float | None = None) -> Float:
    """
    Return a kernel of weights that fall off like a bell and sum to 1.

    Parameters
    ----------
    size
        Odd number of pixels across.
    sigma
        None weighs by binomial coefficients, 1 2 1 or 1 4 6 4 1; a number samples the normal
        density exp(-(x^2 + y^2) / (2 sigma^2)) with this standard deviation, in pixels.
    """
    extent = _odd(size, "gaussian")
    if sigma is None:
        bell = np.array([math.comb(extent - 1, k) for k in range(extent)]) / 2 ** (extent - 1)
    else:
        deviation = number(sigma, "gaussian: sigma", 1e-3, float("inf"))
        bell = np.exp(-(((np.arange(extent) - extent // 2) / deviation) ** 2) / 2)
    return _outer(bell, bell / bell.sum() ** 2)


# Edges: the difference of neighbours in one direction, smoothed in the other.


def first_order() -> Float:
    """Return four times the mixed derivative: corners, and edges along the diagonals."""
    return _outer(_DIFFERENCE, _DIFFERENCE)


def prewitt_horizontal() -> Float:
    """Return the kernel of horizontal edges that takes the mean of three columns."""
    return _outer(_DIFFERENCE, (1, 1, 1))


def prewitt_vertical() -> Float:
    """Return the kernel of vertical edges that takes the mean of three rows."""
    return _outer((1, 1, 1), _DIFFERENCE)


def sobel_horizontal() -> Float:
    """Return the kernel of horizontal edges that weighs the middle column twice."""
    return _outer(_DIFFERENCE, (1, 2, 1))


def sobel_vertical() -> Float:
    """Return the kernel of vertical edges that weighs the middle row twice."""
    return _outer((1, 2, 1), _DIFFERENCE)


# Edges in all directions, and sharpening: the image plus its edges.


def laplacian4() -> Float:
    """Return the pixel times 4 minus its 4 neighbours: minus the Laplacian."""
    return _kernel([[0, -1, 0], [-1, 4, -1], [0, -1, 0]])


def laplacian8() -> Float:
    """Return the pixel times 8 minus its 8 neighbours: edges in diagonal directions as well."""
    return _kernel([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]])


def laplacian_positive() -> Float:
    """Return the positive Laplacian mask, the 4 neighbours minus the pixel times 4."""
    return -laplacian4()


def laplacian5() -> Float:
    """Return the sharpening kernel `identity() + laplacian4()`."""
    return identity() + laplacian4()


def laplacian9() -> Float:
    """Return the strong sharpening kernel `identity() + laplacian8()`."""
    return identity() + laplacian8()


# Lines: templates of what is looked for.


def line_horizontal(size: int = 3) -> Float:
    """Return a row of ones through the middle of zeros, `size` odd."""
    kernel = np.zeros((_odd(size, "line_horizontal"),) * 2, np.float32)
    kernel[size // 2] = 1
    return kernel


def line_vertical(size: int = 3) -> Float:
    """Return a column of ones through the middle of zeros, `size` odd."""
    kernel = np.zeros((_odd(size, "line_vertical"),) * 2, np.float32)
    kernel[:, size // 2] = 1
    return kernel


def line_diagonal(size: int = 3) -> Float:
    """Return ones from the top left to the bottom right, `size` odd."""
    return np.eye(_odd(size, "line_diagonal"), dtype=np.float32)


def line_antidiagonal(size: int = 3) -> Float:
    """Return ones from the bottom left to the top right, `size` odd."""
    return np.eye(_odd(size, "line_antidiagonal"), dtype=np.float32)[::-1].copy()


FILTERS: dict[str, Callable[..., Float]] = {
    function.__name__: function
    for function in (
        identity,
        shift,
        box,
        gaussian,
        first_order,
        prewitt_horizontal,
        prewitt_vertical,
        sobel_horizontal,
        sobel_vertical,
        laplacian4,
        laplacian5,
        laplacian8,
        laplacian9,
        laplacian_positive,
        line_horizontal,
        line_vertical,
        line_diagonal,
        line_antidiagonal,
    )
} | {"sharpen": laplacian5}
"""The functions by name."""


def get(identifier: Any, **arguments: Any) -> Float:
    """
    Return a kernel from the name of its function, or a matrix as one.

    Parameters
    ----------
    identifier
        Name in any letter case, or the kernel itself: a matrix of numbers.
    **arguments
        For the function: `get("gaussian", size=5)`.

    Raises
    ------
    ValueError
        For an unknown name, listing the valid ones, or an array that is no matrix.
    """
    if isinstance(identifier, str):
        return registry.resolve("filter", identifier, FILTERS)(**arguments)
    kernel = as_float32(identifier, "filter")
    if kernel.ndim != 2 or not kernel.size:
        raise ValueError(
            f"a filter must be a name or a matrix (height, width), got shape {kernel.shape}"
        )
    return kernel


def separable(filter: Any) -> tuple[Float, Float] | None:
    """
    Return the column and the row whose product a kernel is, or None if it is of no such form.

    A separable kernel of k x k costs 2 k products a pixel instead of k^2.

    Parameters
    ----------
    filter
        Name or kernel.
    """
    kernel = get(filter)
    taps = np.argwhere(kernel)
    if not len(taps):
        return kernel[:, 0], kernel[0]
    i, j = min(reversed(taps.tolist()), key=lambda tap: abs(kernel[tap[0], tap[1]]))
    column, row = kernel[:, j].copy(), kernel[i] / kernel[i, j]
    is_product = np.allclose(np.multiply.outer(column, row), kernel, rtol=1e-5, atol=0)
    return (column, row) if is_product else None
