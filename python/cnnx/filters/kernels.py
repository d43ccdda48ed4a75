"""The kernels of the fixed filters."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cnnx.arrays import Double, Float
from cnnx.geometry import integer, number, odd

_DIFFERENCE = (-1, 0, 1)


def _kernel(rows: Any) -> Float:
    return np.array(rows, np.float32)


def _outer(column: Any, row: Any) -> Float:
    return _kernel(np.multiply.outer(column, row))


def _deviation(sigma: Any, name: str) -> float:
    return number(sigma, name, 1e-3, float("inf"))


def _bell(extent: int, sigma: float) -> Double:
    """Return the normal density at each pixel, divided by the sum over all of them."""
    density: Double = np.exp(-(((np.arange(extent) - extent // 2) / sigma) ** 2) / 2)
    return np.asarray(np.multiply.outer(density, density / density.sum() ** 2))


# Nothing, and moving.


def identity(size: int = 3) -> Float:
    """Return the kernel that leaves an image as it is: 1 in the middle of zeros."""
    kernel = np.zeros((odd(size, "identity: size"),) * 2, np.float32)
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
    extent = odd(size, "box: size")
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
    extent = odd(size, "gaussian: size")
    if sigma is not None:
        return _kernel(_bell(extent, _deviation(sigma, "gaussian: sigma")))
    binomial = np.array([math.comb(extent - 1, k) for k in range(extent)]) / 2 ** (extent - 1)
    return _outer(binomial, binomial / binomial.sum() ** 2)


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


def roberts_diagonal() -> Float:
    """
    Return Roberts' kernel of edges from the top left to the bottom right, [[0, 1], [-1, 0]].

    It is the difference of two neighbours across the edge. Its 2x2 pixels have no middle:
    `apply` says where the result lies.
    """
    return _kernel([[0, 1], [-1, 0]])


def roberts_antidiagonal() -> Float:
    """Return Roberts' kernel of edges from the bottom left to the top right, [[1, 0], [0, -1]]."""
    return _kernel([[1, 0], [0, -1]])


# Edges in all directions, and sharpening: the image plus its edges.


def laplacian4() -> Float:
    """Return the pixel times 4 minus its 4 neighbours: minus the Laplacian."""
    return _kernel([[0, -1, 0], [-1, 4, -1], [0, -1, 0]])


def laplacian4_diagonal() -> Float:
    """Return the pixel times 4 minus its 4 diagonal neighbours: `laplacian8() - laplacian4()`."""
    return _kernel([[-1, 0, -1], [0, 4, 0], [-1, 0, -1]])


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


# Blobs: spots of one size, and edges of a smoothed image.


def laplacian_of_gaussian(size: int = 9, sigma: float = 1.4) -> Float:
    """
    Return the Laplacian of a Gaussian: negative in the middle, positive around, with the sum 0.

    (r^2 - 2 sigma^2) / sigma^4 * g(r), where r is the distance from the middle and g the normal
    density with standard deviation sigma, divided by its sum over the kernel. The mean of the
    kernel is then subtracted, so that even grey gives 0.

    Parameters
    ----------
    size
        Odd number of pixels across; about 6 sigma hold all of it.
    sigma
        Standard deviation in pixels. A spot of radius sigma sqrt(2) answers most.
    """
    extent = odd(size, "laplacian_of_gaussian: size")
    deviation = _deviation(sigma, "laplacian_of_gaussian: sigma")
    squares = ((np.arange(extent) - extent // 2) / deviation) ** 2
    curvature = (squares[:, None] + squares - 2) / deviation**2
    kernel = curvature * _bell(extent, deviation)
    return _kernel(kernel - kernel.mean())


def difference_of_gaussians(
    size: int = 9, low_sigma: float = 1.0, high_sigma: float | None = None
) -> Float:
    """
    Return a narrow Gaussian minus a wide one: positive in the middle, with the sum 0.

    It keeps what is larger than `low_sigma` and smaller than `high_sigma`, and comes close to minus
    the Laplacian of a Gaussian.

    Parameters
    ----------
    size
        Odd number of pixels across.
    low_sigma, high_sigma
        Standard deviations in pixels of `gaussian(size, sigma)`; `high_sigma` is the larger one, by
        default 1.6 times `low_sigma`.
    """
    owner = "difference_of_gaussians"
    extent = odd(size, f"{owner}: size")
    low = _deviation(low_sigma, f"{owner}: low_sigma")
    high = 1.6 * low if high_sigma is None else _deviation(high_sigma, f"{owner}: high_sigma")
    if high <= low:
        raise ValueError(f"{owner}: high_sigma must be larger than low_sigma={low:g}, got {high:g}")
    return _kernel(_bell(extent, low) - _bell(extent, high))


# Lines: templates of what is looked for.


def line_horizontal(size: int = 3) -> Float:
    """Return a row of ones through the middle of zeros, `size` odd."""
    kernel = np.zeros((odd(size, "line_horizontal: size"),) * 2, np.float32)
    kernel[size // 2] = 1
    return kernel


def line_vertical(size: int = 3) -> Float:
    """Return a column of ones through the middle of zeros, `size` odd."""
    kernel = np.zeros((odd(size, "line_vertical: size"),) * 2, np.float32)
    kernel[:, size // 2] = 1
    return kernel


def line_diagonal(size: int = 3) -> Float:
    """Return ones from the top left to the bottom right, `size` odd."""
    return np.eye(odd(size, "line_diagonal: size"), dtype=np.float32)


def line_antidiagonal(size: int = 3) -> Float:
    """Return ones from the bottom left to the top right, `size` odd."""
    return np.eye(odd(size, "line_antidiagonal: size"), dtype=np.float32)[::-1].copy()
