"""The kernel of a function: S3 P8.2 and E8.5."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

from agreement import whole
from cnnx import filters
from cnnx.ops import convolve2d, correlate2d
from textbook.test_filters import MATRICES


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
