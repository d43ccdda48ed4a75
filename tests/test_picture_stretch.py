from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from agreement import backends, restore_backend
from cnnx import _core
from cnnx.data import picture_size
from cnnx.data.picture_size import stretch
from pictures import Image

Box = tuple[float, float, float, float]
sides = st.integers(1, 40)


ONE = 1 << 22


def shares(extent: int, low: float, high: float, count: int) -> NDArray[np.int64]:
    """The share of each of `extent` inputs in each of `count` outputs, in parts of 2^22."""
    scale = (high - low) / count
    centres = low + (np.arange(count) + 0.5) * scale
    place = np.arange(extent)
    away = np.abs((place - centres[:, None] + 0.5) * (1 / max(scale, 1.0)))
    covered = np.minimum(place + 1, high) - np.maximum(place, low)
    weights = (1 - away).clip(0) * covered.clip(0, 1)
    total = weights.cumsum(axis=1)[:, -1:]  # in this order, as the core adds
    return np.floor(0.5 + weights / total * ONE).astype(np.int64)


def expected(pixels: Any, box: Box, size: tuple[int, int]) -> NDArray[np.int64]:
    """The averages along rows, rounded, and of them those along columns."""
    columns = shares(pixels.shape[1], box[0], box[2], size[1])
    rows = shares(pixels.shape[0], box[1], box[3], size[0])
    across = np.einsum("xw,hwc->hxc", columns, pixels.astype(np.int64)) + ONE // 2
    return np.minimum((np.einsum("yh,hxc->yxc", rows, across // ONE) + ONE // 2) // ONE, 255)


def noise(seed: int, *shape: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def stretched(
    pixels: Any, box: Box, size: tuple[int, int], channels: int = 0, dtype: Any = np.uint8
) -> Any:
    h, w, c = pixels.shape
    source = np.concatenate([pixels, noise(1, h, w, 1)], axis=2) if c == 3 else pixels
    dst = np.full((*size, channels or c), 77, dtype)
    one = _core.PictureStretch(dst, source.shape, box)
    for start in range(0, h, 7):
        one.take(np.ascontiguousarray(source[start : start + 7]))
    return dst


@given(sides, sides, sides, sides, st.sampled_from([1, 3]), st.booleans(), st.integers(0, 99))
def test_the_core_agrees_with_the_oracle(
    h: int, w: int, oh: int, ow: int, c: int, in_part: bool, seed: int
) -> None:
    pixels = noise(seed, h, w, c)
    box = (0.25, 0.5, w - 0.125, h - 0.25) if in_part else (0, 0, w, h)
    want = expected(pixels, box, (oh, ow))
    with restore_backend():
        for backend in backends():
            backend.use()
            np.testing.assert_array_equal(stretched(pixels, box, (oh, ow)), want)
    wide = stretched(pixels, box, (oh, ow), 3, np.float32)
    np.testing.assert_array_equal(wide, np.broadcast_to(want, wide.shape))


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize(
    "sizes", [((60, 47), (20, 20)), ((31, 64), (31, 17)), ((9, 5), (40, 5)), ((700, 3), (700, 1))]
)
def test_it_is_what_pillow_makes(mode: str, sizes: tuple[tuple[int, int], ...]) -> None:
    (h, w), (oh, ow) = sizes
    image = Image.fromarray(noise(3, h, w, 3)).convert(mode)
    out = np.empty((oh, ow, 3 if mode == "RGB" else 1), np.uint8)
    stretch(image, (0, 0, w, h), out)
    pillows = np.asarray(image.resize((ow, oh), Image.Resampling.BILINEAR)).reshape(out.shape)
    assert np.abs(pillows.astype(int) - out).max() <= (h / oh > w / ow)  # columns may come first


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_images_in_several_blocks_and_of_old_versions(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their rows are copied a few at a time."""
    image = Image.fromarray(noise(4, 90, 31, 3)).convert(mode)
    box = (0, 0, 30.5, 89.25)
    whole, parts = (np.empty((20, 33, 3 if mode == "RGB" else 1), np.uint8) for _ in range(2))
    stretch(image, box, whole)
    monkeypatch.delattr(Image.Image, "__arrow_c_array__", raising=False)
    monkeypatch.setattr(picture_size, "BAND", 200)
    stretch(image, box, parts)
    np.testing.assert_array_equal(parts, whole)


def test_an_image_lends_its_bytes() -> None:
    image = Image.fromarray(noise(5, 4, 6, 3))
    if not hasattr(image, "__arrow_c_array__"):
        pytest.skip("Pillow before 11.2")
    lent = _core.arrow_bytes(*image.__arrow_c_array__())
    pixels = np.asarray(image)
    del image
    np.testing.assert_array_equal(lent.reshape(4, 6, 4)[..., :3], pixels)
    with pytest.raises(ValueError, match="must hold bytes"):
        _core.arrow_bytes(*Image.new("F", (3, 2)).__arrow_c_array__())
    with pytest.raises(ValueError, match="PyCapsule"):
        _core.arrow_bytes(*reversed(Image.new("L", (3, 2)).__arrow_c_array__()))


@pytest.mark.parametrize(
    ("dst", "shape", "box", "words"),
    [
        ((3, 4), (5, 5, 4), (0, 0, 5, 5), "dst must have 3 dimensions"),
        ((3, 4, 2), (5, 5, 1), (0, 0, 5, 5), "dst must have 3 channels"),
        ((3, 4, 1), (5, 5, 4), (0, 0, 5, 5), "dst must have 3 channels"),
        ((0, 4, 3), (5, 5, 4), (0, 0, 5, 5), "dst must be at least 1"),
        ((3, 4, 3), (5, 0, 4), (0, 0, 5, 5), "shape must be at least 1"),
        ((3, 4, 3), (5, 5, 3), (0, 0, 5, 5), "shape must end in"),
        ((3, 4, 3), (5, 5, 4), (0, 0, 5.5, 5), "box must be"),
        ((3, 4, 3), (5, 5, 4), (0, 2, 5, 2), "box must be"),
        ((3, 4, 3), (5, 5, 4), (float("nan"), 0, 5, 5), "box must be"),
    ],
)
def test_wrong_arguments(dst: Any, shape: Any, box: Any, words: str) -> None:
    with pytest.raises(ValueError, match=f"PictureStretch: {words}"):
        _core.PictureStretch(np.empty(dst, np.uint8), shape, box)


def test_wrong_rows() -> None:
    one = _core.PictureStretch(np.empty((2, 2, 3), np.uint8), (5, 6, 4), (0, 0, 6, 5))
    with pytest.raises(ValueError, match="rows must have shape"):
        one.take(noise(0, 2, 6, 3))
    one.take(noise(0, 4, 6, 4))
    with pytest.raises(ValueError, match="must not be more than the picture has left"):
        one.take(noise(0, 2, 6, 4))
