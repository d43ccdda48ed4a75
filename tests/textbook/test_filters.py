"""Fixed filters: S0 11.2.3, S1's table of filters, S3 Figure 8.5."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from agreement import assert_close, normal
from cnnx import filters


def squared_distances(size: int) -> NDArray[np.float64]:
    """From the middle of a square."""
    row, column = np.mgrid[:size, :size] - size // 2
    return np.asarray(row**2 + column**2, np.float64)


def normal_density(size: int, sigma: float) -> NDArray[np.float64]:
    density = np.exp(-squared_distances(size) / (2 * sigma**2)) / (2 * np.pi * sigma**2)
    return np.asarray(density / density.sum())


def laplacian_of_gaussian(size: int, sigma: float) -> NDArray[np.float64]:
    squares = squared_distances(size)
    kernel = (squares - 2 * sigma**2) / sigma**4 * normal_density(size, sigma)
    return np.asarray(kernel - kernel.sum() / size**2)


MATRICES: dict[str, Any] = {
    # S0 (11.2.10), and the box and Gaussian filters of Table 11.2.2
    "identity": [[0, 0, 0], [0, 1, 0], [0, 0, 0]],
    "box": np.ones((3, 3)) / 9,
    "gaussian": np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]]) / 16,
    # S0 (11.2.13) to (11.2.17)
    "first_order": [[1, 0, -1], [0, 0, 0], [-1, 0, 1]],
    "prewitt_horizontal": [[-1, -1, -1], [0, 0, 0], [1, 1, 1]],
    "prewitt_vertical": [[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]],
    "sobel_horizontal": [[-1, -2, -1], [0, 0, 0], [1, 2, 1]],
    "sobel_vertical": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
    # S0 (11.2.18) to (11.2.20) and Table 11.2.6
    "laplacian4": [[0, -1, 0], [-1, 4, -1], [0, -1, 0]],
    "laplacian_positive": [[0, 1, 0], [1, -4, 1], [0, 1, 0]],
    "laplacian5": [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
    "laplacian8": [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]],
    "laplacian9": [[-1, -1, -1], [-1, 9, -1], [-1, -1, -1]],
    # The second filter of S0 (11.2.20)
    "laplacian4_diagonal": [[-1, 0, -1], [0, 4, 0], [-1, 0, -1]],
    # S1, "Feature detection": Roberts' cross, and the two detectors of blobs
    "roberts_diagonal": [[0, 1], [-1, 0]],
    "roberts_antidiagonal": [[1, 0], [0, -1]],
    "laplacian_of_gaussian": laplacian_of_gaussian(9, 1.4),
    "difference_of_gaussians": normal_density(9, 1.0) - normal_density(9, 1.6),
    # S1: the three edge filters are first_order, laplacian_positive and laplacian8
    "sharpen": [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
    # S3 Figure 8.5
    "line_horizontal": [[0, 0, 0], [1, 1, 1], [0, 0, 0]],
    "line_vertical": [[0, 1, 0], [0, 1, 0], [0, 1, 0]],
    "line_diagonal": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "line_antidiagonal": [[0, 0, 1], [0, 1, 0], [1, 0, 0]],
    # S3 P8.2: one pixel to the right and one up (the text goes on "left and up", the kernel is
    # that of the question)
    "shift": [[0, 0, 1], [0, 0, 0], [0, 0, 0]],
}


@pytest.mark.parametrize("name", MATRICES)
def test_kernels_are_those_of_the_sources(name: str) -> None:
    kernel = filters.FILTERS[name]()
    assert kernel.dtype == np.float32
    np.testing.assert_allclose(kernel, MATRICES[name], rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(filters.get(name.upper()), kernel)


def test_every_filter_has_a_matrix() -> None:
    assert filters.FILTERS.keys() == MATRICES.keys()
    assert {name for name, item in vars(filters).items() if item in filters.FILTERS.values()} == (
        filters.FILTERS.keys() - {"sharpen"}
    )


def test_gaussian_s0_11_2_11_and_11_2_12() -> None:
    sampled = filters.gaussian(3, sigma=1)
    np.testing.assert_allclose(sampled[0], [0.07511, 0.12384, 0.07511], atol=5e-6)
    np.testing.assert_allclose(sampled[1], [0.12384, 0.20418, 0.12384], atol=5e-6)
    five = filters.gaussian(5)
    np.testing.assert_allclose(five, np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256)
    np.testing.assert_allclose(filters.gaussian(3, sigma=1e3), filters.box(), rtol=1e-5)
    np.testing.assert_allclose(filters.gaussian(3, sigma=1e-2), filters.identity(), atol=1e-9)


@pytest.mark.parametrize("size", [1, 3, 5, 7, 15])
def test_families_have_every_odd_size_and_smoothing_weights_sum_to_1(size: int) -> None:
    for smoothing in (filters.box(size), filters.gaussian(size), filters.gaussian(size, 2.0)):
        assert smoothing.shape == (size, size)
        assert smoothing.sum() == pytest.approx(1, rel=1e-6)
    assert filters.identity(size).sum() == filters.identity(size)[size // 2, size // 2] == 1
    assert filters.line_antidiagonal(size).trace() == 1


def test_edge_filters_sum_to_0_and_sharpening_ones_to_1() -> None:
    edges = [name for name in MATRICES if name.startswith(("prewitt", "sobel", "first"))]
    laplacians = ["laplacian4", "laplacian4_diagonal", "laplacian8", "laplacian_positive"]
    for name in [*edges, *laplacians, "roberts_diagonal", "roberts_antidiagonal"]:
        assert filters.get(name).sum() == 0
    assert filters.laplacian5().sum() == filters.laplacian9().sum() == 1


@pytest.mark.parametrize("name", ["box", "gaussian", "identity", "line_vertical"])
def test_even_sizes_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name}: size must be odd.*got 4; use 3 or 5"):
        filters.get(name, size=4)


def test_unknown_filters_are_refused() -> None:
    with pytest.raises(ValueError, match=r"filter 'sobel' is unknown.*Valid names: box"):
        filters.get("sobel")
    with pytest.raises(ValueError, match=r"a filter must be a name or a matrix.*\(3,\)"):
        filters.get([1, 2, 3])


# --- separable filters: S0 (11.2.12) to (11.2.17) -------------------------------------------------

FACTORS: dict[str, tuple[Any, Any]] = {
    "first_order": ([-1, 0, 1], [-1, 0, 1]),
    "prewitt_horizontal": ([-1, 0, 1], [1, 1, 1]),
    "prewitt_vertical": ([1, 1, 1], [-1, 0, 1]),
    "sobel_horizontal": ([-1, 0, 1], [1, 2, 1]),
    "sobel_vertical": ([1, 2, 1], [-1, 0, 1]),
    "gaussian": (np.array([1, 2, 1]) / 16, [1, 2, 1]),
    "box": (np.full(3, 1 / 9), [1, 1, 1]),
}


@pytest.mark.parametrize("name", FACTORS)
def test_separable_filters_say_so(name: str) -> None:
    factors = filters.separable(name)
    assert factors is not None
    for got, expected in zip(factors, FACTORS[name], strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-6)


def test_which_filters_are_separable() -> None:
    not_separable = {name for name in MATRICES if filters.separable(name) is None}
    assert not_separable == {
        *("laplacian4", "laplacian5", "laplacian8", "laplacian9", "laplacian_positive", "sharpen"),
        *("line_diagonal", "line_antidiagonal", "roberts_diagonal", "roberts_antidiagonal"),
        *("laplacian4_diagonal", "laplacian_of_gaussian", "difference_of_gaussians"),
    }
    assert filters.separable(filters.gaussian(31, sigma=3.0)) is not None
    assert filters.separable(np.zeros((3, 3))) is not None
    assert filters.separable(normal(1, 3, 3)) is None


# --- blobs and Roberts' cross: S1, "Feature detection" --------------------------------------------


@pytest.mark.parametrize(("size", "sigma"), [(9, 1.4), (15, 2.0), (7, 0.8)])
def test_laplacian_of_gaussian_is_scipys(size: int, sigma: float) -> None:
    ndimage = pytest.importorskip("scipy.ndimage", reason="SciPy is not installed")
    kernel = filters.laplacian_of_gaussian(size, sigma)
    assert kernel.sum() == pytest.approx(0, abs=1e-6)
    assert kernel[size // 2, size // 2] < 0
    point = np.zeros((size, size))
    point[size // 2, size // 2] = 1
    response = ndimage.gaussian_laplace(point, sigma, mode="constant", radius=size // 2)
    # SciPy does not subtract the mean of what is left over at the edges.
    np.testing.assert_allclose(kernel, response - response.mean(), atol=1e-6)


def test_difference_of_gaussians() -> None:
    kernel = filters.get("difference_of_gaussians", size=11, low_sigma=1, high_sigma=2)
    np.testing.assert_allclose(
        kernel, filters.gaussian(11, sigma=1) - filters.gaussian(11, sigma=2), atol=1e-8
    )
    assert kernel.sum() == pytest.approx(0, abs=1e-6)
    # Close to minus the Laplacian of a Gaussian, up to a factor.
    laplacian = filters.laplacian_of_gaussian(11, sigma=1.3)
    close = filters.difference_of_gaussians(11, 1.25, 1.35)
    assert np.corrcoef(close.ravel(), -laplacian.ravel())[0, 1] > 0.999


@pytest.mark.parametrize(("low", "high"), [(2, 2), (2, 1)])
def test_the_second_gaussian_is_the_wider_one(low: float, high: float) -> None:
    with pytest.raises(ValueError, match=f"high_sigma must be larger than low_sigma=2, got {high}"):
        filters.difference_of_gaussians(9, low, high)
    with pytest.raises(ValueError, match="laplacian_of_gaussian: sigma must be in"):
        filters.laplacian_of_gaussian(9, 0)


def test_roberts_cross_is_the_difference_of_diagonal_neighbours() -> None:
    """A kernel of even size: the result at [i, j] belongs to the pixels [i, j] to [i+1, j+1]."""
    image = np.random.default_rng(4).integers(0, 100, (4, 5)).astype(float)
    around = np.pad(image, ((0, 1), (0, 1)))  # 'same': the odd zeros lie at the bottom and right
    across = around[1:, 1:] - around[:-1, :-1]
    got = filters.apply(image, "roberts_antidiagonal", clip=False)
    np.testing.assert_array_equal(got, across)
    got = filters.apply(image, "roberts_diagonal", clip=False)
    np.testing.assert_array_equal(got, around[1:, :-1] - around[:-1, 1:])
    edge = np.tri(6)  # white below the diagonal from the top left to the bottom right
    inner = np.s_[:5, :5]
    assert np.abs(filters.apply(edge, "roberts_diagonal", clip=False)[inner]).sum() == 9
    assert not filters.apply(edge, "roberts_antidiagonal", clip=False)[inner].any()


@pytest.mark.parametrize("size", [(2, 2), (2, 3), (4, 1), (4, 4)])
def test_even_kernels_lie_as_scipy_has_them(size: tuple[int, int]) -> None:
    ndimage = pytest.importorskip("scipy.ndimage", reason="SciPy is not installed")
    image, kernel = normal(1, 7, 6), normal(2, *size)
    expected = ndimage.convolve(image, kernel, mode="constant")
    assert_close(filters.apply(image, kernel, clip=False), expected)
    separable = np.multiply.outer(kernel[:, 0], kernel[0])  # in two passes
    expected = ndimage.convolve(image, separable, mode="constant")
    assert_close(filters.apply(image, separable, clip=False), expected)
