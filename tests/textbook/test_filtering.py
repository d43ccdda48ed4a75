"""Filtering images: S0 11.2.3, S3 P8.2 and E8.4."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agreement import assert_close
from cnnx import filters
from textbook.test_filters import MATRICES


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
