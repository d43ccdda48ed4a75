from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

import reference
from agreement import check, normal, whole
from cnnx import _core
from cnnx.geometry import argmax_type
from strategies import Pair, Window, channels, seeds, windows

# Enough for two threads.
LARGE = Window((32, 32), (16, 16), (2, 2), (2, 2), (0, 0), (1, 1))
WORDS = Window((20, 19), (4, 1), (17, 17), (1, 3), (0, 0), (1, 1))  # positions above 255
UNEVEN = Window((32, 30), (7, 7), (6, 6), (0, 0), (0, 0), (1, 1))
OVERLAPPING = Window((32, 32), (32, 32), (3, 3), (1, 1), (1, 1), (1, 1))


def halves() -> st.SearchStrategy[Window]:
    """2x2 windows side by side, which have a path of their own."""
    return st.builds(
        lambda h, w: Window((h, w), (h // 2, w // 2), (2, 2), (2, 2), (0, 0), (1, 1)),
        st.integers(2, 9),
        st.integers(2, 21),
    )


def shares() -> st.SearchStrategy[Window]:
    """Windows that share out the pixels of an axis, or of both; wholly, or with some in two."""
    sizes, shared = st.integers(1, 13), st.sampled_from([(0, 0), (0, 1), (1, 0)])

    def window(h: int, w: int, rows: int, columns: int, strides: Pair) -> Window:
        size = tuple(
            n // m + (2 if n % m else 0) if stride == 0 else 2
            for n, m, stride in zip((h, w), (rows, columns), strides, strict=True)
        )
        count = tuple(
            m if stride == 0 else n
            for n, m, stride in zip((h, w), (rows, columns), strides, strict=True)
        )
        return Window((h, w), count, size, strides, (0, 0), (1, 1))

    return st.builds(window, sizes, sizes, sizes, sizes, shared)


def geometry(window: Window) -> dict[str, Any]:
    return {
        "pool_size": window.kernel_size,
        "strides": window.strides,
        "padding": window.padding,
    }


def check_max_pool2d(src: NDArray[np.float32], window: Window) -> None:
    dst, argmax = reference.max_pool2d_forward(src, window.output_size, **geometry(window))
    argmax = argmax.astype(argmax_type(window.kernel_size))
    check(
        _core.max_pool2d_forward,
        {"src": src, **geometry(window)},
        {"dst": dst, "argmax": argmax},
        start={"argmax": np.full_like(argmax, 99)},
        tolerance=0,
    )
    check(
        _core.max_pool2d_forward,
        {"src": src, **geometry(window)},
        {"dst": dst, "argmax": None},
        tolerance=0,
    )
    diff_dst = whole(5, *dst.shape)
    check(
        _core.max_pool2d_backward,
        {"diff_dst": diff_dst, "argmax": argmax, **geometry(window)},
        {
            "diff_src": reference.max_pool2d_backward(
                diff_dst, argmax, window.input_size, **geometry(window)
            )
        },
        tolerance=0,
    )


@example(LARGE, 8, 16, 1)
@example(OVERLAPPING, 8, 70, 1)
@example(UNEVEN, 8, 16, 1)
@example(WORDS, 2, 17, 1)
@given(st.one_of(windows(), halves(), shares()), st.integers(1, 3), channels, seeds)
def test_max_pool2d_agrees_with_the_oracle(window: Window, mb: int, c: int, seed: int) -> None:
    """Whole numbers: there are ties, and the gradients' sums are exact."""
    check_max_pool2d(whole(seed, mb, *window.input_size, c), window)


@given(
    st.one_of(windows(), halves(), shares()),
    channels,
    st.sampled_from([np.nan, -np.inf, np.inf]),
    seeds,
)
def test_max_pool2d_passes_nan_and_infinity(
    window: Window, c: int, special: float, seed: int
) -> None:
    src = normal(seed, 2, *window.input_size, c)
    src[np.random.default_rng(seed).random(src.shape) < 0.4] = special
    check_max_pool2d(src, window)


@pytest.mark.parametrize("name", ["avg_pool2d", "sum_pool2d"])
@example(LARGE, 8, 16, 1)
@example(OVERLAPPING, 8, 70, 1)
@example(UNEVEN, 8, 16, 1)
@given(st.one_of(windows(), halves(), shares()), st.integers(1, 3), channels, seeds)
def test_average_and_sum_agree_with_the_oracle(
    name: str, window: Window, mb: int, c: int, seed: int
) -> None:
    src = normal(seed, mb, *window.input_size, c)
    diff_dst = normal(seed + 1, mb, *window.output_size, c)
    forward = getattr(reference, f"{name}_forward")
    check(
        getattr(_core, f"{name}_forward"),
        {"src": src, **geometry(window)},
        {"dst": forward(src, window.output_size, **geometry(window))},
    )
    backward = getattr(reference, f"{name}_backward")
    check(
        getattr(_core, f"{name}_backward"),
        {"diff_dst": diff_dst, **geometry(window)},
        {"diff_src": backward(diff_dst, window.input_size, **geometry(window))},
    )


def test_gradients_are_the_central_differences() -> None:
    window = Window((5, 6), (3, 3), (3, 2), (2, 2), (1, 0), (1, 1))
    src, diff_dst = normal(1, 2, 5, 6, 3), normal(2, 2, 3, 3, 3)
    _, argmax = reference.max_pool2d_forward(src, window.output_size, **geometry(window))
    argmax = argmax.astype(np.uint8)
    check(
        _core.max_pool2d_backward,
        {"diff_dst": diff_dst, "argmax": argmax, **geometry(window)},
        {
            "diff_src": reference.central_differences(
                lambda s: (
                    reference.max_pool2d_forward(s, window.output_size, **geometry(window))[0]
                    * diff_dst
                ),
                src,
            )
        },
    )
    for name in ("avg_pool2d", "sum_pool2d"):
        forward = getattr(reference, f"{name}_forward")
        check(
            getattr(_core, f"{name}_backward"),
            {"diff_dst": diff_dst, **geometry(window)},
            {
                "diff_src": reference.central_differences(
                    lambda s, forward=forward: (
                        forward(s, window.output_size, **geometry(window)) * diff_dst
                    ),
                    src,
                )
            },
        )


@pytest.mark.usefixtures("backend")
def test_the_first_of_equal_maxima_receives_the_gradient() -> None:
    argmax = np.empty((1, 1, 1, 1), np.uint8)
    dst, diff_src = np.empty((1, 1, 1, 1), np.float32), np.empty((1, 2, 2, 1), np.float32)
    window = ((2, 2), (2, 2), (0, 0))
    src = np.array([[1, 7], [7, 7]], np.float32)[None, :, :, None]
    _core.max_pool2d_forward(src, dst, argmax, *window)
    _core.max_pool2d_backward(dst, argmax, diff_src, *window)
    assert (dst.item(), argmax.item()) == (7, 1)
    np.testing.assert_array_equal(diff_src[0, :, :, 0], [[0, 7], [0, 0]])


@pytest.mark.usefixtures("backend")
def test_an_argmax_outside_the_window_reaches_no_memory() -> None:
    diff_src = np.full((1, 2, 2, 1), np.nan, np.float32)
    argmax = np.full((1, 1, 1, 1), 255, np.uint8)
    _core.max_pool2d_backward(
        np.ones((1, 1, 1, 1), np.float32), argmax, diff_src, (2, 2), (2, 2), (0, 0)
    )
    np.testing.assert_array_equal(diff_src, 0)


@pytest.mark.usefixtures("backend")
@example(LARGE, 3, 16, 1)
@example(OVERLAPPING, 3, 70, 1)
@given(st.one_of(windows(), halves(), shares()), st.integers(1, 3), channels, seeds)
def test_a_gradient_is_added_to_what_is_there(window: Window, mb: int, c: int, seed: int) -> None:
    """Whole numbers: the sums are exact."""
    src = whole(seed, mb, *window.input_size, c)
    dst, argmax = reference.max_pool2d_forward(src, window.output_size, **geometry(window))
    argmax = argmax.astype(argmax_type(window.kernel_size))
    diff_dst, so_far = whole(5, *dst.shape), whole(6, *src.shape)
    diff_src = so_far.copy()
    _core.max_pool2d_backward(
        diff_dst, argmax, diff_src, *geometry(window).values(), accumulate=True
    )
    expected = reference.max_pool2d_backward(
        diff_dst, argmax, window.input_size, **geometry(window)
    )
    np.testing.assert_array_equal(diff_src, so_far + expected)


@pytest.mark.parametrize("shape", [(1, 4096 * 64), (1024, 3), (700, 701)])
@pytest.mark.parametrize("depth", [1, 17])
def test_the_mean_of_a_large_window_loses_no_digits(shape: tuple[int, int], depth: int) -> None:
    """One running sum is off by 1e-3 here."""
    src = np.full((1, *shape, depth), 0.1, np.float32)
    check(
        _core.avg_pool2d_forward,
        {"src": src, "pool_size": shape, "strides": (1, 1), "padding": (0, 0)},
        {"dst": np.full((1, 1, 1, depth), src[0, 0, 0, 0].astype(np.float64))},
        tolerance=4e-6,
    )


def test_shares_are_windows_of_their_length() -> None:
    src = np.zeros((1, 5, 4, 1), np.float32)
    dst = np.empty((1, 2, 2, 1), np.float32)
    for size, padding, message in [
        ((3, 2), (0, 0), "pool_size is less than a share of 5 pixels among 2"),
        ((4, 1), (0, 0), "pool_size is less than a share of 4 pixels among 2"),
        ((4, 2), (1, 0), "padding must be 0 where a stride of 0 shares out pixels"),
    ]:
        with pytest.raises(ValueError, match=message):
            _core.avg_pool2d_forward(src, dst, size, (0, 0), padding)
