"""Fixed filters: S0 11.2.3 and 11.4, S1's table of filters, S3 Figure 8.5, P8.2 and E8.4."""

from __future__ import annotations

import runpy
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import cnnx
from agreement import assert_close, normal, whole
from cnnx import _core, filters, layers
from cnnx.ops import convolve2d, correlate2d


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


# --- filtering ------------------------------------------------------------------------------------


def convolution(image: Any, kernel: Any, padding: str) -> Any:
    """True convolution with zeros around, from its definition."""
    turned = np.asarray(kernel, np.float64)[::-1, ::-1]
    height, width = turned.shape
    zeros: dict[str, Any] = {
        "valid": 0,
        "same": [((extent - 1) // 2, extent // 2) for extent in (height, width)],
        "full": [(extent - 1, extent - 1) for extent in (height, width)],
    }
    image = np.pad(np.asarray(image, np.float64), zeros[padding])
    rows, columns = image.shape[0] - height + 1, image.shape[1] - width + 1
    return np.array(
        [
            [(image[i : i + height, j : j + width] * turned).sum() for j in range(columns)]
            for i in range(rows)
        ]
    )


@pytest.mark.parametrize("name", MATRICES)
@pytest.mark.parametrize("padding", ["valid", "same", "full"])
def test_apply_is_a_true_convolution_of_each_colour(name: str, padding: str) -> None:
    image = np.random.default_rng(3).integers(0, 256, (11, 9, 3), np.uint8)
    got = filters.apply(image, name, padding, clip=False)
    expected = [convolution(image[..., c], MATRICES[name], padding) for c in range(3)]
    assert_close(got, np.stack(expected, axis=-1))
    assert got.dtype == np.float32
    clipped = filters.apply(image[..., 0], name, padding)
    assert clipped.dtype == np.uint8
    np.testing.assert_allclose(clipped, np.clip(expected[0], 0, 255), atol=0.501)


def test_prewitt_on_a_vertical_edge_s0_11_2_3() -> None:
    edge = [[1, 0, 0]] * 3
    assert filters.apply(edge, "prewitt_vertical", "valid", clip=False) == [[3]]
    assert filters.apply(edge, "prewitt_horizontal", "valid", clip=False) == [[0]]


def test_floats_stay_floats_and_are_clipped() -> None:
    image = np.array([[0.0, 300.0], [-5.0, 20.5]])
    np.testing.assert_array_equal(filters.apply(image, "identity"), [[0, 255], [0, 20.5]])
    np.testing.assert_array_equal(filters.apply(image, "identity", clip=False), image)


def test_shift_s3_p8_2_and_e8_4() -> None:
    image = np.zeros((5, 5))
    image[2, 2] = image[3, 1] = image[3, 2] = 1  # the figure of E8.4
    moved = np.zeros((5, 5))
    moved[1, 3] = moved[2, 2] = moved[2, 3] = 1
    np.testing.assert_array_equal(filters.apply(image, filters.shift(right=1, up=1)), moved)
    # The printed kernel is the upper right quarter of ours: its origin is its lower left element.
    printed = [[0, 1], [0, 0]]
    np.testing.assert_array_equal(filters.shift(1, 1)[:2, 1:], printed)
    full = filters.apply(image, printed, padding="full")
    np.testing.assert_array_equal(full[1:, :5], moved)
    np.testing.assert_array_equal(filters.apply(moved, filters.shift(right=-1, up=-1)), image)


def test_average_of_adjacent_pixels_s3_e8_5() -> None:
    image = np.arange(12.0).reshape(3, 4)
    means = filters.apply(image, [[0.25, 0.25], [0.25, 0.25]], "valid")
    np.testing.assert_allclose(means, [[2.5, 3.5, 4.5], [6.5, 7.5, 8.5]])


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_picture_files(tmp_path: Path, mode: str) -> None:
    image_module = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    shape = (20, 30) if mode == "L" else (20, 30, 3)
    pixels = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    image_module.fromarray(pixels).save(tmp_path / "in.png")
    got = filters.apply(tmp_path / "in.png", "sobel_vertical", out=tmp_path / "out.png")
    np.testing.assert_array_equal(got, filters.apply(pixels, "sobel_vertical"))
    with image_module.open(tmp_path / "out.png") as written:
        assert written.mode == mode
        np.testing.assert_array_equal(np.asarray(written), got)


def test_a_failing_write_leaves_the_old_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image_module = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    out = tmp_path / "out.png"
    filters.apply(np.eye(4), "box", out=out)
    before = out.read_bytes()

    def full_disk(image: Any, file: Any, *rest: Any) -> None:
        file.write(b"half a picture")
        raise OSError("No space left on device")

    monkeypatch.setattr(image_module.Image, "save", full_disk)
    with pytest.raises(OSError, match="No space left"):
        filters.apply(np.zeros((4, 4)), "box", out=out)
    assert out.read_bytes() == before
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize("name", ["picture", "picture.txt", "picture.pdf"])
def test_a_name_without_a_format_is_refused(tmp_path: Path, name: str) -> None:
    pytest.importorskip("PIL", reason="Pillow is not installed")
    with pytest.raises(ValueError, match=rf"{name}: no picture's name ends in '.*'. Use .png"):
        filters.apply(np.zeros((4, 4)), "box", out=tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".gif", ".ppm", ".webp", ".tif"])
@pytest.mark.parametrize("channels", [None, 1, 2, 3, 4, 5])
def test_channels_that_a_format_cannot_hold_are_refused(
    tmp_path: Path, channels: int | None, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the work; what is written can be read again."""
    image_module = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    out = tmp_path / f"out{suffix}"
    pixels = np.full((20, 30) if channels is None else (20, 30, channels), 200, np.uint8)
    able = {".png": [1, 2, 3, 4], ".tif": [1, 2, 3, 4], ".bmp": [1, 3, 4], ".webp": [1, 3, 4]}
    if (channels or 1) in able.get(suffix, [1, 3]):
        got = filters.apply(pixels, "identity", out=out)
        with image_module.open(out) as written:
            assert written.size == (30, 20)
            bands = np.asarray(written.convert("RGBA"))
        assert np.abs(bands[..., 0].astype(int) - got.reshape(20, 30, -1)[..., 0]).max() <= 2
        return
    monkeypatch.setattr("cnnx.filters.image.convolve2d", None)
    with pytest.raises(ValueError, match=f"out{suffix}: a picture of {channels} channels cannot"):
        filters.apply(pixels, "identity", out=out)
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_written_is_told_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("PIL", reason="Pillow is not installed")
    monkeypatch.setattr("cnnx.filters.image.convolve2d", None)
    with pytest.raises(FileNotFoundError, match="does not exist"):
        filters.apply(np.zeros((4, 4)), "box", out=tmp_path / "missing" / "out.png")
    with pytest.raises(ValueError, match=r"no picture's name ends in '\.pfm'"):
        filters.apply(np.zeros((4, 4)), "box", out=tmp_path / "out.pfm")


def test_damaged_files_are_named(tmp_path: Path) -> None:
    pytest.importorskip("PIL", reason="Pillow is not installed")
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(ValueError, match=r"filters.apply: .*text.png: no BMP"):
        filters.apply(tmp_path / "text.png", "box")


def test_wrong_images_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"image must be \(height, width\) or .*\(4,\)"):
        filters.apply(np.zeros(4), "box")
    with pytest.raises(ValueError, match="out needs clip=True"):
        filters.apply(np.zeros((4, 4)), "box", clip=False, out=tmp_path / "x.png")
    with pytest.raises(ValueError, match="padding must be 'valid' or 'same' or 'full'"):
        filters.apply(np.zeros((4, 4)), "box", padding="mirror")


def test_the_table_of_filters_is_one_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """S0 Tables 11.2.1 to 11.2.6 and S1's detectors, as examples/filter_table.py writes them."""
    image_module = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    out = tmp_path / "table.png"
    monkeypatch.setattr("sys.argv", ["filter_table.py", "--out", str(out)])
    example = Path(__file__).parents[2] / "examples" / "filter_table.py"
    table = runpy.run_path(str(example))
    assert table["TABLE"].keys() == MATRICES.keys() - {
        *("laplacian_positive", "sharpen", "shift", "roberts_antidiagonal"),
        *(name for name in MATRICES if name.startswith("line")),
    }
    lines = table["written"](filters.gaussian()).split("\n")
    assert lines == ["        1  2  1", "1/16 x  2  4  2", "        1  2  1"]
    printed = capsys.readouterr().out
    assert "Laplacian 8 sharpening" in printed
    assert "Difference of Gaussians" in printed
    with image_module.open(out) as picture:
        assert picture.width > 1000


# --- the kernel of a function: S3 P8.2 and E8.5 ---------------------------------------------------


def right_and_up(image: Any) -> Any:
    """Shift an image one pixel to the right and one up, without a convolution."""
    moved = np.zeros_like(image)
    moved[:-1, 1:] = image[1:, :-1]
    return moved


def average_of_adjacent_pixels(image: Any) -> Any:
    """Average each pixel with its neighbours to the left, above, and above the left one."""
    around = np.pad(image, ((1, 0), (1, 0)))
    return (around[1:, 1:] + around[1:, :-1] + around[:-1, 1:] + around[:-1, :-1]) / 4


def test_t5_the_kernel_that_shifts_s3_p8_2() -> None:
    kernel = filters.impulse_response(right_and_up)
    np.testing.assert_array_equal(kernel, [[0, 0, 1], [0, 0, 0], [0, 0, 0]])
    np.testing.assert_array_equal(kernel[:2, 1:], [[0, 1], [0, 0]])  # as it is printed
    assert kernel.dtype == np.float32


def test_t5_the_kernel_that_averages_s3_e8_5() -> None:
    kernel = filters.impulse_response(average_of_adjacent_pixels)
    np.testing.assert_array_equal(kernel, np.array([[0, 0, 0], [0, 1, 1], [0, 1, 1]]) / 4)
    image = whole(1, 8, 8)
    expected = average_of_adjacent_pixels(image)
    np.testing.assert_array_equal(convolve2d(image, kernel, "same"), expected)
    # The corresponding correlation kernel is rotated by 180 degrees.
    np.testing.assert_array_equal(correlate2d(image, kernel[::-1, ::-1], "same"), expected)


@pytest.mark.parametrize("name", MATRICES)
def test_t5_every_fixed_filter_gives_itself_back(name: str) -> None:
    kernel = filters.get(name)
    extra = 1 - len(kernel) % 2  # an even kernel's middle is below and to the right of its centre
    size = len(kernel) + extra
    got = filters.impulse_response(lambda image: filters.apply(image, name, clip=False), size)
    np.testing.assert_allclose(got, np.pad(kernel, (0, extra)), atol=1e-7)


def test_t5_borders_do_not_matter() -> None:
    ndimage = pytest.importorskip("scipy.ndimage", reason="SciPy is not installed")
    for mode in ("reflect", "mirror", "nearest", "wrap", "constant"):
        kernel = filters.impulse_response(partial(ndimage.uniform_filter, size=5, mode=mode), 5)
        np.testing.assert_allclose(kernel, filters.box(5), rtol=1e-5)
    rolled = filters.impulse_response(lambda x: np.roll(x, 2, axis=1), 5)
    np.testing.assert_array_equal(np.argwhere(rolled), [[2, 4]])


@pytest.mark.parametrize(
    ("function", "fault"),
    [
        (lambda x: np.maximum(x, 0), "is not linear"),
        (lambda x: np.maximum(x, right_and_up(x)), "is not linear"),
        (lambda x: x + 1, "is not linear"),
        (lambda x: np.clip(x, -255, 255), "is not linear"),
        (np.rint, "is not linear"),
        (lambda x: x * np.nan, "is not linear"),
        (lambda x: x * np.arange(len(x)), "depends on the position"),
        (lambda x: x[::-1], "depends on the position"),
        (lambda x: x * (np.arange(len(x)) % 2), "depends on the position"),
        (lambda x: np.roll(x, 2), "reaches farther than 3x3 pixels; give a larger size"),
        (lambda x: x - x.mean(), "reaches farther than 3x3 pixels"),
        (lambda x: x[1:], r"shape it is given, \(9, 9\), got \(8, 9\)"),
    ],
)
def test_t5_other_functions_are_refused(function: Any, fault: str) -> None:
    with pytest.raises(ValueError, match=f"impulse_response: the function .*{fault}"):
        filters.impulse_response(function)


def test_t5_wrong_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match=r"impulse_response: size must be odd.*got 4; use 3 or 5"):
        filters.impulse_response(np.asarray, 4)
    with pytest.raises(TypeError, match="function must be a function, got 'box'"):
        filters.impulse_response("box")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="the function's result must hold real numbers"):
        filters.impulse_response(lambda x: None)


# --- S0 11.4: networks with fixed filters ---------------------------------------------------------


def test_a_layer_of_fixed_filters_is_apply_on_each_channel() -> None:
    image = normal(2, 6, 7, 3)
    names = ["sobel_horizontal", "shift", "laplacian8"]
    layer = filters.as_layer(names, channels=3, input_shape=image.shape)
    maps = layer(image[None])[0]
    assert maps.shape == (6, 7, 9)
    for c in range(3):
        for f, name in enumerate(names):
            expected = filters.apply(image[..., c], name, clip=False)
            assert_close(maps[..., c * 3 + f], expected)


def test_a_layer_of_one_filter_with_further_arguments() -> None:
    layer = filters.as_layer(
        filters.gaussian(5), strides=2, padding="valid", activation="relu", name="blur"
    )
    image = normal(1, 9, 9)
    expected = np.maximum(filters.apply(image, filters.gaussian(5), "valid", clip=False), 0)
    assert_close(layer(image[None, ..., None])[0, ..., 0], expected[::2, ::2])
    assert not layer.trainable_weights
    assert layer.name == "blur"


def test_filters_of_different_sizes_do_not_share_a_layer() -> None:
    with pytest.raises(ValueError, match=r"need one size, got \[\(3, 3\), \(5, 5\)\]"):
        filters.as_layer(["box", filters.gaussian(5)])


def f2_by_loops(
    image: Any, kernels: list[Any], biases: list[float], stride: int = 1
) -> NDArray[np.float64]:
    """S0 (11.4.1) as it stands: Z_r[i, j] is a sum over u, v and h, plus b_r."""
    s = len(kernels[0])
    k = (s - 1) // 2
    height, width, depth = image.shape
    padded = np.zeros((height + 2 * k, width + 2 * k, depth))
    padded[k : k + height, k : k + width] = image
    rows, columns = -(-height // stride), -(-width // stride)
    z = np.zeros((rows, columns, len(kernels)))
    for i in range(rows):
        for j in range(columns):
            for r, kernel in enumerate(kernels):
                total = biases[r]
                for u in range(s):
                    for v in range(s):
                        for h in range(depth):
                            pixel = padded[i * stride + u, j * stride + v, h]
                            total += pixel * float(kernel[s - 1 - u][s - 1 - v][h])
                z[i, j, r] = total
    return z


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [3, 5])
def test_f2_a_fixed_filter_sums_over_the_depth(size: int, stride: int) -> None:
    image, kernels = normal(1, 7, 9, 4), [normal(seed, size, size, 4) for seed in (2, 3, 4)]
    layer = filters.as_layer(
        kernels, channels=4, depthwise=False, bias=[0.5, -1, 2], strides=stride, padding=size // 2
    )
    assert_close(layer(image[None])[0], f2_by_loops(image, kernels, [0.5, -1, 2], stride))
    same = filters.as_layer(kernels, channels=4, depthwise=False, bias=[0.5, -1, 2])
    assert_close(same(image[None])[0], f2_by_loops(image, kernels, [0.5, -1, 2]))
    assert not layer.trainable_weights
    assert [weight.shape for weight in layer.weights] == [(size, size, 4, 3), (3,)]


def test_f2_a_name_or_a_matrix_is_the_same_slice_in_every_channel() -> None:
    image, volume = normal(1, 6, 5, 3), normal(2, 3, 3, 3)
    layer = filters.as_layer(
        ["sobel_vertical", filters.box(), volume], channels=3, depthwise=False, bias=-0.25
    )
    slices = [np.stack([filters.get(name)] * 3, axis=-1) for name in ("sobel_vertical", "box")]
    assert_close(layer(image[None])[0], f2_by_loops(image, [*slices, volume], [-0.25] * 3))
    # One filter needs no list; of one channel, both forms are the same.
    for one in ("sobel_vertical", slices[0]):
        alone = filters.as_layer(one, channels=3, depthwise=False, bias=-0.25)
        np.testing.assert_array_equal(alone(image[None])[0], layer(image[None])[0, ..., :1])
    grey = image[None, ..., :1]
    np.testing.assert_array_equal(
        filters.as_layer("box", depthwise=False)(grey), filters.as_layer("box")(grey)
    )


def test_f2_a_fixed_bias_for_each_filter_of_each_channel() -> None:
    image = normal(1, 6, 5, 2)
    plain = filters.as_layer(["box", "laplacian4"], channels=2)
    layer = filters.as_layer(["box", "laplacian4"], channels=2, bias=[1, -2])
    assert_close(layer(image[None]), plain(image[None]) + np.array([1, -2, 1, -2], np.float32))
    assert not layer.trainable_weights


VOLUME = np.ones((3, 3, 4))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"bias": "untied"}, TypeError, "as_layer: bias must be a number .* got 'untied'"),
        ({"bias": [1, 2]}, ValueError, r"bias must be a number or 1 of them.*\(2,\)"),
        ({"bias": 1, "use_bias": False}, ValueError, "bias gives the fixed bias; leave out"),
        ({"bias": 1, "bias_initializer": "ones"}, ValueError, "leave out .*bias_initializer"),
        ({"filters": [VOLUME]}, ValueError, r"must be a name or a matrix.*\(3, 3, 4\)"),
        ({"filters": VOLUME, "depthwise": False}, ValueError, "needs channels=4, got channels=1"),
        ({"filters": VOLUME[None], "depthwise": False}, ValueError, "several filters as a list"),
        ({"filters": []}, ValueError, r"filters must be a name, a kernel or a list.*\[\]"),
        ({"filters": 3}, ValueError, "filters must be a name, a kernel or a list of them, got 3"),
        ({"channels": 0}, ValueError, "as_layer: channels must be at least 1, got 0"),
    ],
)
def test_f2_wrong_filters_and_biases(
    arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        filters.as_layer(**{"filters": "box"} | arguments)


DIRECTIONS = "horizontal", "vertical"


def fixed_filter_network() -> cnnx.Sequential:
    return cnnx.Sequential(
        [
            cnnx.Input((12, 12, 1)),
            filters.as_layer(["sobel_horizontal", "sobel_vertical"], activation="relu"),
            layers.MaxPooling2D(2),
            filters.as_layer(
                ["gaussian", normal(1, 3, 3, 2)], channels=2, depthwise=False, bias=[0.5, -1]
            ),
            layers.BatchNormalization(trainable=False),
            layers.Flatten(),
            layers.Dense(8, activation="relu", name="hidden"),
            layers.Dense(3, activation="softmax"),
        ]
    )


def test_nothing_is_propagated_into_frozen_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    """N6: no gradient is computed for or below frozen layers."""
    calls: list[str] = []
    for name in [name for name in dir(_core) if "backward" in name]:
        operation = getattr(_core, name)

        def counted(*arguments: Any, name: str = name, operation: Any = operation) -> None:
            calls.append(name)
            operation(*arguments)

        monkeypatch.setattr(_core, name, counted)
    model = fixed_filter_network()
    for layer in model.layers[:5]:
        monkeypatch.setattr(layer, "backward", lambda dy: pytest.fail("went below the classifier"))
    model.compile("sgd", "sparse_categorical_crossentropy")
    frozen = [weight.numpy() for layer in model.layers[:5] for weight in layer.weights]
    model.train_on_batch(normal(1, 4, 12, 12, 1), [0, 1, 2, 0])
    # Both dense layers learn; only the upper one passes a gradient on. (ReLU's own derivative and
    # that of the fused softmax are bound when cnnx is imported and are not counted.)
    assert sorted(calls) == [
        "dense_backward_data",
        "dense_backward_weights",
        "dense_backward_weights",
    ]
    after = [weight.numpy() for layer in model.layers[:5] for weight in layer.weights]
    for one, other in zip(frozen, after, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_network_of_fixed_filters_is_saved_and_loaded(tmp_path: Path) -> None:
    model = fixed_filter_network()
    model.save(tmp_path / "fixed.cnnx")
    again = cnnx.models.load_model(tmp_path / "fixed.cnnx")
    x = normal(1, 2, 12, 12, 1)
    np.testing.assert_array_equal(model.predict(x, verbose=0), again.predict(x, verbose=0))
    assert not again.layers[0].trainable


@pytest.mark.mnist
def test_only_the_classifier_learns_mnist(mnist_folder: Path) -> None:
    """N6 on 12,000 of the 60,000 images, for one epoch."""
    (x_train, y_train), (x_test, y_test) = cnnx.datasets.mnist.load_data(mnist_folder)
    cnnx.utils.set_random_seed(0)
    edges = [sign * filters.get(f"sobel_{way}") for way in DIRECTIONS for sign in (1, -1)]
    names = ["gaussian", "line_diagonal", "line_antidiagonal", "laplacian8"]
    weights = 2 * np.eye(4) - 0.5
    volumes = [filters.get(name)[..., None] * row for name in names for row in weights]
    model = cnnx.Sequential(
        [
            cnnx.Input((28, 28, 1)),
            filters.as_layer(edges, activation="relu"),
            layers.MaxPooling2D(2),
            filters.as_layer(volumes, 4, depthwise=False, bias=-1, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x_train, x_test = (images[..., None] / np.float32(255) for images in (x_train, x_test))
    model.fit(x_train[:12_000], y_train[:12_000], verbose=0)
    assert model.evaluate(x_test, y_test, verbose=0)[1] >= 0.9
    np.testing.assert_array_equal(model.layers[0].get_weights()[0][:, :, 0, 0], edges[0])
    kernel, bias = model.layers[2].get_weights()
    np.testing.assert_array_equal(kernel, np.stack(volumes, axis=-1).astype(np.float32))
    np.testing.assert_array_equal(bias, np.full(16, -1))
