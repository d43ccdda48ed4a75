"""Convolutions of any geometry beside the oracle, and what is no geometry."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import reference
from agreement import TOLERANCE, check, check_threads, normal, whole
from cnnx import _core
from conv2d_checks import ONE_PIXEL, check_conv2d, depthwise, geometry_of, grouped, ungrouped
from strategies import Window, seeds, windows

pytestmark = [pytest.mark.every_isa, pytest.mark.usefixtures("conv_algorithm")]


@example(ONE_PIXEL, 1, (1, 1, 1), False, True, True, 0)
@example(
    Window((2, 2), (2, 2), (2, 3), strides=(1, 1), padding=(1, 1), dilation=(2, 1)),
    *(1, (2, 1, 2), False, True, True, 0),
)
@given(
    windows(dilated=True),
    st.integers(1, 3),
    st.one_of(ungrouped, grouped, depthwise),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    seeds,
)
def test_conv2d_agrees_with_the_oracle(
    window: Window,
    mb: int,
    group_sizes: tuple[int, int, int],
    rotated: bool,
    use_bias: bool,
    whole_numbers: bool,
    seed: int,
) -> None:
    groups, ic, oc = group_sizes
    numbers, tolerance = (whole, 0.0) if whole_numbers else (normal, TOLERANCE)
    src = numbers(seed, mb, *window.input_size, groups * ic)
    weights = numbers(seed + 1, *window.kernel_size, ic, groups * oc)
    bias = numbers(seed + 2, groups * oc) if use_bias else None
    diff_dst = numbers(seed + 3, mb, *window.output_size, groups * oc)
    geometry = geometry_of(window, groups, rotated)
    check_conv2d(src, weights, bias, diff_dst, geometry, tolerance)


@pytest.mark.parametrize("rotated", [False, True])
@pytest.mark.parametrize("groups", [1, 2])
def test_gradients_are_the_central_differences(groups: int, rotated: bool) -> None:
    window = Window((5, 6), (3, 3), (3, 2), (2, 2), (1, 0), (1, 1))
    geometry = geometry_of(window, groups, rotated)
    src, weights, bias = normal(1, 2, 5, 6, 2), normal(2, 3, 2, 2 // groups, 4), normal(3, 4)
    diff_dst = normal(4, 2, 3, 3, 4)

    def loss(s: Any = src, w: Any = weights, b: Any = bias) -> Any:
        return reference.conv2d_forward(s, w, b, window.output_size, **geometry) * diff_dst

    check(
        _core.conv2d_backward_data,
        {"diff_dst": diff_dst, "weights": weights, **geometry},
        {"diff_src": reference.central_differences(lambda s: loss(s=s), src)},
    )
    check(
        _core.conv2d_backward_weights,
        {"src": src, "diff_dst": diff_dst, **geometry},
        {
            "diff_weights": reference.central_differences(lambda w: loss(w=w), weights),
            "diff_bias": reference.central_differences(lambda b: loss(b=b), bias),
        },
    )


@pytest.mark.parametrize(
    ("groups", "ic", "oc", "kernel", "stride"),
    [(1, 16, 24, 3, 1), (1, 1, 8, 5, 1), (1, 32, 32, 1, 1), (1, 3, 16, 3, 2), (32, 32, 32, 3, 1)],
)
def test_arrays_large_enough_for_two_threads(
    groups: int, ic: int, oc: int, kernel: int, stride: int
) -> None:
    """Whole numbers agree with the oracle; real ones have the same bits on 1 and 2 threads."""
    mb, size = 9, 24
    out = (size + kernel // 2 * 2 - kernel) // stride + 1
    window = Window(
        (size, size),
        (out, out),
        (kernel, kernel),
        strides=(stride, stride),
        padding=(kernel // 2, kernel // 2),
        dilation=(1, 1),
    )
    geometry = geometry_of(window, groups)
    shapes = (mb, size, size, ic), (kernel, kernel, ic // groups, oc), (oc,), (mb, out, out, oc)
    check_conv2d(*(whole(i, *shape) for i, shape in enumerate(shapes)), geometry, 0.0)

    src, weights, bias, diff_dst = (normal(i, *shape) for i, shape in enumerate(shapes))
    check_threads(
        _core.conv2d_forward,
        {"src": src, "weights": weights, "bias": bias, **geometry},
        {"dst": diff_dst.shape},
    )
    check_threads(
        _core.conv2d_backward_data,
        {"diff_dst": diff_dst, "weights": weights, **geometry},
        {"diff_src": src.shape},
    )
    check_threads(
        _core.conv2d_backward_weights,
        {"src": src, "diff_dst": diff_dst, **geometry},
        {"diff_weights": weights.shape, "diff_bias": (oc,)},
    )


@pytest.mark.usefixtures("backend")
def test_a_nan_pixel_spreads_to_the_outputs_it_touches_and_no_further() -> None:
    src = normal(1, 1, 8, 8, 3)
    src[0, 4, 4, 1] = np.nan
    dst = np.zeros((1, 6, 6, 5), np.float32)
    _core.conv2d_forward(src, normal(2, 3, 3, 3, 5), None, dst, (1, 1), (0, 0), (1, 1), 1, False)
    touched = np.zeros(dst.shape, bool)
    touched[:, 2:5, 2:5] = True
    np.testing.assert_array_equal(np.isnan(dst), touched)


@pytest.mark.usefixtures("backend")
def test_no_images_have_gradients_of_zero() -> None:
    diff_weights, diff_bias = np.ones((1, 1, 2, 3), np.float32), np.ones(3, np.float32)
    src, diff_dst = np.ones((0, 4, 4, 2), np.float32), np.ones((0, 4, 4, 3), np.float32)
    _core.conv2d_backward_weights(
        src, diff_dst, diff_weights, diff_bias, (1, 1), (0, 0), (1, 1), 1, False
    )
    assert not diff_weights.any()
    assert not diff_bias.any()


@pytest.mark.usefixtures("backend")
def test_a_nan_pixel_may_spread_along_its_row_where_output_channels_are_few() -> None:
    src = normal(1, 1, 8, 24, 3)
    src[0, 4, 12, 1] = np.nan
    dst = np.zeros((1, 6, 22, 4), np.float32)
    _core.conv2d_forward(src, normal(2, 3, 3, 3, 4), None, dst, (1, 1), (0, 0), (1, 1), 1, False)
    assert np.isnan(dst[:, 2:5, 10:13]).all()
    dst[:, 2:5, 7:16] = 0  # four pixels a vector
    assert not np.isnan(dst).any()


@pytest.mark.parametrize("far", [-1, 2**31, 2**62, 2**63 - 1])
@pytest.mark.parametrize("name", ["strides", "padding", "dilation"])
def test_windows_that_lie_too_far_apart_to_count_are_refused(name: str, far: int) -> None:
    x, y, kernel = np.zeros((1, 5, 6, 3)), np.zeros((1, 4, 5, 4)), np.zeros((2, 3, 3, 4))
    geometry = geometry_of(ONE_PIXEL, 1) | {name: (1, far)}
    arrays = [array.astype(np.float32) for array in (x, kernel, y)]
    with pytest.raises(ValueError, match=rf"{name} must be at least \d and less than 2\*\*31, got"):
        _core.conv2d_forward(arrays[0], arrays[1], None, arrays[2], **geometry)
