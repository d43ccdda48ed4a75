"""What a convolution does to its output in the same pass: an addend, an activation, a pooling."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import reference
from agreement import check, normal, whole
from cnnx import _core
from conv2d_checks import check_addends, depthwise, geometry_of, grouped, same_window, ungrouped
from strategies import Window, seeds, windows

pytestmark = [pytest.mark.every_isa, pytest.mark.usefixtures("conv_algorithm")]

LONG_SIGNAL = Window((1, 1260), (1, 1260), (1, 7), (1, 1), (0, 3), (1, 1))


@pytest.mark.parametrize("window_rows", [1, 2])
@example(same_window(7, 29, 5, 1), 2, (1, 1, 6), "relu", 0)
@example(same_window(6, 20, 3, 1), 2, (1, 8, 4), "linear", 0)
@example(same_window(6, 21, 3, 1), 2, (24, 1, 1), "relu", 0)
@example(same_window(7, 10, 1, 1), 2, (1, 20, 37), "relu", 0)
@example(same_window(7, 10, 1, 3), 2, (1, 20, 37), "linear", 0)
@example(LONG_SIGNAL, 2, (1, 1, 16), "relu", 0)
@given(
    windows(dilated=True),
    st.integers(1, 3),
    st.one_of(ungrouped, grouped, depthwise),
    st.sampled_from(["linear", "relu"]),
    seeds,
)
def test_activation_and_pooling_in_the_same_pass(
    window_rows: int,
    window: Window,
    mb: int,
    group_sizes: tuple[int, int, int],
    activation: str,
    seed: int,
) -> None:
    groups, ic, oc = group_sizes
    src = whole(seed, mb, *window.input_size, groups * ic)
    weights = whole(seed + 1, *window.kernel_size, ic, groups * oc)
    bias = whole(seed + 2, groups * oc)
    geometry = geometry_of(window, groups)
    before = reference.conv2d_forward(src, weights, bias, window.output_size, **geometry)
    rows, columns = window.output_size
    windows = (window_rows, 2)
    pool = {"pool_size": windows, "strides": windows, "padding": (0, 0)}
    pooled_size = rows // window_rows, columns // 2
    pooled, argmax = reference.max_pool2d_forward(before, pooled_size, **pool)
    activate = {"linear": lambda x: x, "relu": reference.relu_forward}[activation]
    extra = {"activation": activation, "pooled_from": None}
    inputs = {"src": src, "weights": weights, "bias": bias, **geometry}
    check(_core.conv2d_forward, inputs | extra, {"dst": activate(before)}, tolerance=0)
    extra["pooled_from"] = window.output_size
    check(_core.conv2d_forward, inputs | extra, {"dst": activate(pooled)}, tolerance=0)
    passing = pooled > 0 if activation == "relu" else np.ones(pooled.shape, bool)
    codes = np.where(passing, argmax, 4).astype(np.uint8)
    check(
        _core.conv2d_forward,
        inputs | extra,
        {"dst": activate(pooled), "codes": codes},
        start={"codes": np.full(codes.shape, 99, np.uint8)},
        tolerance=0,
    )
    diff_dst = whole(seed + 3, *pooled.shape)
    unpooled = reference.max_pool2d_backward(diff_dst * passing, argmax, window.output_size, **pool)
    diff_src, diff_weights, diff_bias = reference.conv2d_backward(
        src, weights, unpooled, **geometry
    )
    gradient = {"diff_dst": diff_dst, "codes": codes, "pooled_from": window.output_size, **geometry}
    check(
        _core.conv2d_backward_data,
        {"weights": weights, **gradient},
        {"diff_src": diff_src},
        tolerance=0,
    )
    check(
        _core.conv2d_backward_weights,
        {"src": src, **gradient},
        {"diff_weights": diff_weights, "diff_bias": diff_bias},
        tolerance=0,
    )


@example(same_window(7, 29, 5, 1), 2, (1, 3, 6), False, "relu", 0)
@example(same_window(9, 20, 3, 2), 2, (1, 16, 4), True, "relu", 0)
@example(same_window(9, 21, 1, 2), 2, (1, 12, 4), True, "linear", 0)
@example(same_window(6, 21, 3, 2), 2, (24, 1, 1), False, "relu", 0)
@example(same_window(7, 9, 1, 1), 2, (1, 20, 37), False, "relu", 0)
@example(same_window(4, 3, 1, 1), 1, (1, 30, 150), False, "relu", 0)
@example(same_window(7, 9, 1, 3), 2, (1, 20, 37), True, "relu", 0)
@given(
    windows(dilated=True),
    st.integers(1, 3),
    st.one_of(ungrouped, grouped, depthwise),
    st.booleans(),
    st.sampled_from(["linear", "relu"]),
    seeds,
)
def test_an_addend_in_the_same_pass(
    window: Window,
    mb: int,
    group_sizes: tuple[int, int, int],
    rotated: bool,
    activation: str,
    seed: int,
) -> None:
    groups, ic, oc = group_sizes
    src = whole(seed, mb, *window.input_size, groups * ic)
    weights = whole(seed + 1, *window.kernel_size, ic, groups * oc)
    diff_dst = whole(seed + 3, mb, *window.output_size, groups * oc)
    geometry = geometry_of(window, groups, rotated)
    check_addends(src, weights, diff_dst, geometry, activation, seed, 0.0)


def test_an_addend_of_arrays_large_enough_for_two_threads() -> None:
    for groups, ic, stride in (1, 24, 1), (1, 3, 1), (1, 16, 2), (32, 32, 2):
        window = same_window(24, 24, 3, stride)
        src, weights = normal(1, 9, 24, 24, ic), normal(2, 3, 3, ic // groups, ic)
        diff_dst = normal(3, 9, *window.output_size, ic)
        check_addends(src, weights, diff_dst, geometry_of(window, groups), "relu", 4)


@pytest.mark.usefixtures("backend")
def test_an_addend_is_not_the_output_and_not_pooled() -> None:
    src, weights, dst = normal(1, 1, 6, 6, 4), normal(2, 3, 3, 4, 4), normal(3, 1, 6, 6, 4)
    geometry = {"strides": (1, 1), "padding": (1, 1), "dilation": (1, 1), "groups": 1}
    geometry["rotated"] = False
    with pytest.raises(ValueError, match="dst must not share memory with an input"):
        _core.conv2d_forward(src, weights, None, dst, **geometry, addend=dst)
    with pytest.raises(ValueError, match="diff_src must not share memory with an input"):
        _core.conv2d_backward_data(src, weights, dst, **geometry, addend=dst)
    half = np.zeros((1, 3, 3, 4), np.float32)
    with pytest.raises(ValueError, match="addend cannot be added before pooling"):
        _core.conv2d_forward(
            src, weights, None, half, **geometry, addend=half.copy(), pooled_from=(6, 6)
        )
