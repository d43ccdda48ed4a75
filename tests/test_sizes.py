"""Sizes near 2**31 and 2**63: refused at once, or computed as small ones are."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnx
from cnnx import _core, layers, ops

HUGE = [2**31, 2**32, 2**62, 2**63, 2**64, 10**30]
X = np.ones((1, 8, 8, 2), np.float32)
KERNEL = np.ones((3, 3, 2, 2), np.float32)

SIZES: dict[str, Callable[[int], Any]] = {
    "filters": lambda n: layers.Conv2D(n, 3),
    "kernel_size": lambda n: layers.Conv2D(2, (3, n)),
    "strides": lambda n: layers.Conv2D(2, 3, strides=(n, 1)),
    "dilation_rate": lambda n: layers.Conv2D(2, 3, dilation_rate=n),
    "padding": lambda n: layers.Conv2D(2, 3, padding=n),
    "groups": lambda n: layers.Conv2D(2, 3, groups=n),
    "pool_size": lambda n: layers.AveragePooling2D(n),
    "pool strides": lambda n: layers.MaxPooling2D(2, strides=n),
    "units": lambda n: layers.Dense(n),
    "shape": lambda n: cnnx.Input((n, 8, 1)),
    "batch_size": lambda n: cnnx.Sequential([layers.Flatten()]).predict(X, batch_size=n),
    "conv2d strides": lambda n: ops.conv2d(X, KERNEL, strides=n),
    "conv2d dilation_rate": lambda n: ops.conv2d(X, KERNEL, dilation_rate=n),
    "conv2d padding": lambda n: ops.conv2d(X, KERNEL, padding=(n, 0)),
    "avg_pool2d pool_size": lambda n: ops.avg_pool2d(X, pool_size=n),
}


@pytest.mark.parametrize("name", SIZES)
@pytest.mark.parametrize("size", HUGE)
def test_what_needs_more_than_31_bits_is_refused(name: str, size: int) -> None:
    with pytest.raises(ValueError, match=f"{name.split()[-1]}.*less than {2**31}.*{size}"):
        SIZES[name](size)


# What 31 bits can hold, but no memory: the layers are refused when their shapes are known.
MOST = 2**31 - 1
LAYERS: dict[str, Callable[[], layers.Layer]] = {
    "a kernel": lambda: layers.Conv2D(2, MOST, padding="same", name="it"),
    "units": lambda: layers.Dense(MOST, name="it"),
    "zeros of the full mode": lambda: layers.Conv2D(
        1, 3, dilation_rate=MOST, padding="full", name="it"
    ),
    "zeros on both sides": lambda: layers.Conv2D(1, 1, padding=MOST, name="it"),
}


@pytest.mark.parametrize("name", LAYERS)
def test_products_that_no_memory_holds_are_refused_when_built(name: str) -> None:
    layer = LAYERS[name]()
    with pytest.raises(ValueError, match=f"'it'.*({MOST}|{2**31})"):
        cnnx.Sequential([cnnx.Input((8, 8, MOST if name == "units" else 2)), layer])


def test_taps_that_lie_very_far_apart() -> None:
    """Only the middle one ever meets the image; the rest of the scratch would be padding."""
    for algorithm in ("direct", "im2col", "winograd"):
        with_algorithm(algorithm)
        y = ops.conv2d(X, KERNEL, dilation_rate=MOST // 4, padding="same")
        np.testing.assert_array_equal(y, np.full((1, 8, 8, 2), 2.0))


def test_strides_far_beyond_the_image() -> None:
    for algorithm in ("direct", "im2col", "winograd"):
        with_algorithm(algorithm)
        y = ops.conv2d(X, KERNEL, strides=MOST)
        np.testing.assert_array_equal(y, np.full((1, 1, 1, 2), 18.0))
    np.testing.assert_array_equal(ops.max_pool2d(X, 2, strides=MOST), np.ones((1, 1, 1, 2)))
    np.testing.assert_array_equal(
        ops.avg_pool2d(X, 46340, padding="same", strides=1),
        X,  # 46340**2 is just below 2**31
    )


CORE_PAIRS = {"strides": (1, 1), "padding": (0, 0), "dilation": (1, 1)}


@pytest.mark.parametrize("name", CORE_PAIRS)
@pytest.mark.parametrize("size", [2**31, 2**62, 2**63 - 1])
def test_the_core_refuses_sizes_whose_products_could_overflow(name: str, size: int) -> None:
    pairs = CORE_PAIRS | {name: (1, size)}
    with pytest.raises(ValueError, match=f"conv2d_forward: {name}.*{size}"):
        _core.conv2d_forward(X, KERNEL, None, X[:, 2:, 2:].copy(), **pairs, groups=1, rotated=False)
    with pytest.raises(ValueError, match=f"im2col: {name}.*{size}"):
        _core.im2col(X, np.empty((36, 18), np.float32), (3, 3), (6, 6), **pairs)
    if name != "dilation":
        del pairs["dilation"]
        with pytest.raises(ValueError, match=f"avg_pool2d_forward: {name}.*{size}"):
            _core.avg_pool2d_forward(X, X[:, 2:, 2:].copy(), (3, 3), **pairs)


def test_a_matrix_of_patches_whose_size_overflows_is_refused() -> None:
    """2**32 rows or columns: 2**64 elements would be none."""
    empty = np.empty((0, 0), np.float32)
    for kernel, outputs in (((2**32, 2**32), (1, 1)), ((1, 1), (2**32, 2**32))):
        with pytest.raises(ValueError, match=f"im2col: .*{2**32}"):
            _core.im2col(X, empty, kernel, outputs, (1, 1), (0, 0), (1, 1))


def with_algorithm(name: str) -> None:
    cnnx.config.set_conv_algorithm(name)


@pytest.fixture(autouse=True)
def _same_algorithm_afterwards() -> Iterator[None]:
    before = cnnx.config.conv_algorithm()
    yield
    cnnx.config.set_conv_algorithm(before)


# More than 2**31 elements. `pytest -m thorough tests/test_sizes.py` takes 12 GiB.


def kib(file: str, entry: str) -> int:
    """Return an entry of a file of /proc."""
    return int(re.findall(rf"^{entry}:\s*(\d+) kB$", Path(file).read_text(), re.MULTILINE)[0])


def needs_memory(gib: int) -> None:
    if kib("/proc/meminfo", "MemAvailable") < gib * 2**20:
        pytest.skip(f"needs {gib} GiB of memory")


# Of 64 channels, 5x5, dilation 2: the patches of all outputs have 2.15e9 elements.
PATCHES, TAPS = 1167 - 8, 5 * 5 * 64


@pytest.fixture(scope="module")
def whole_numbers() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(1)
    x = generator.integers(-3, 4, (1, 1167, 1167, 64), np.int8).astype(np.float32)
    return x, generator.integers(-3, 4, (5, 5, 64, 2), np.int8).astype(np.float32)


@pytest.mark.thorough
def test_im2col_of_more_than_2_to_31_elements(
    whole_numbers: tuple[np.ndarray, np.ndarray],
) -> None:
    needs_memory(11)
    x, _ = whole_numbers
    col = np.empty((PATCHES**2, TAPS), np.float32)
    assert col.size > 2**31
    _core.im2col(x, col, (5, 5), (PATCHES, PATCHES), (1, 1), (0, 0), (2, 2))
    for row in (0, PATCHES, PATCHES**2 - 1):
        top, left = divmod(row, PATCHES)
        patch = x[0, top : top + 9 : 2, left : left + 9 : 2]
        np.testing.assert_array_equal(col[row], patch.ravel())


@pytest.mark.thorough
@pytest.mark.parametrize("algorithm", ["direct", "im2col"])
def test_convolution_whose_patches_have_more_than_2_to_31_elements(
    whole_numbers: tuple[np.ndarray, np.ndarray], algorithm: str
) -> None:
    """Every pass is exact, and none ever has all patches in memory."""
    with_algorithm(algorithm)
    x, kernel = whole_numbers
    Path("/proc/self/clear_refs").write_text("5")  # the highest resident size is the present one
    before = kib("/proc/self/status", "VmHWM")
    y = ops.conv2d(x, kernel, dilation_rate=2)
    ones = np.ones_like(y)
    dx, dkernel, _ = ops.conv2d_backward(x, kernel, ones, dilation_rate=2)
    grown = kib("/proc/self/status", "VmHWM") - before
    assert grown < 2**20, "1 GiB: images and their gradients take 0.4"
    expected = np.zeros((PATCHES, PATCHES, 2), np.float32)
    for ky in range(5):
        for kx in range(5):
            seen = x[0, 2 * ky : 2 * ky + PATCHES, 2 * kx : 2 * kx + PATCHES]
            expected += seen @ kernel[ky, kx]
            sums = seen.sum(axis=(0, 1), dtype=np.float64)
            np.testing.assert_array_equal(dkernel[ky, kx], np.stack([sums, sums], axis=1))
    np.testing.assert_array_equal(y[0], expected)
    np.testing.assert_array_equal(dx[0, 600, 600], kernel.sum(axis=(0, 1, 3)))


SIDE = 46400  # squared: 2**31 and 0.3 % more
PERIOD = 251  # of the picture's rows


def picture_row(row: int) -> np.ndarray:
    return (np.arange(SIDE) * 31 + row % PERIOD * 17) % 251


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    needs_memory(13)
    x = np.empty((1, SIDE, SIDE, 1), np.float32)
    rows = [picture_row(row)[:, None].astype(np.float32) for row in range(PERIOD)]
    for row in range(SIDE):
        x[0, row] = rows[row % PERIOD]
    return x


def assert_reduced(y: np.ndarray, reduce: Callable[..., np.ndarray]) -> None:
    """Compare y with the reduced windows of 2x2 pixels of the picture."""
    assert y.shape == (1, SIDE // 2, SIDE // 2, 1)
    for first in range(PERIOD):
        two = np.stack([picture_row(2 * first), picture_row(2 * first + 1)])
        expected = reduce(two.reshape(2, -1, 2), axis=(0, 2))
        rows = y[0, first::PERIOD, :, 0]
        np.testing.assert_array_equal(rows, np.broadcast_to(expected, rows.shape))


@pytest.mark.thorough
def test_pooling_of_more_than_2_to_31_pixels(picture: np.ndarray) -> None:
    assert_reduced(ops.max_pool2d(picture, pool_size=2), np.max)


@pytest.mark.thorough
@pytest.mark.parametrize("algorithm", ["direct", "im2col"])
def test_convolution_of_more_than_2_to_31_pixels(picture: np.ndarray, algorithm: str) -> None:
    with_algorithm(algorithm)
    assert_reduced(ops.conv2d(picture, np.ones((2, 2, 1, 1), np.float32), strides=2), np.sum)
