"""A convolution of any geometry beside the oracle: each pass, and what runs in it."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

import reference
from agreement import TOLERANCE, check, whole
from cnnx import _core
from strategies import Window, channels

# groups, input channels a group, output channels a group
ungrouped = st.tuples(st.just(1), channels, channels)
grouped = st.tuples(st.integers(2, 4), st.integers(1, 5), st.integers(1, 9))
depthwise = st.tuples(channels, st.just(1), st.integers(1, 2))
ONE_PIXEL = Window((1, 1), (1, 1), (1, 1), (1, 1), (0, 0), (1, 1))


def geometry_of(window: Window, groups: int, rotated: bool = False) -> dict[str, Any]:
    return {
        "strides": window.strides,
        "padding": window.padding,
        "dilation": window.dilation,
        "groups": groups,
        "rotated": rotated,
    }


def same_window(height: int, width: int, kernel: int, stride: int) -> Window:
    out = tuple(-(-size // stride) for size in (height, width))
    return Window(
        (height, width),
        (out[0], out[1]),
        (kernel, kernel),
        strides=(stride, stride),
        padding=((kernel - 1) // 2, (kernel - 1) // 2),
        dilation=(1, 1),
    )


def check_conv2d(
    src: Any,
    weights: Any,
    bias: Any,
    diff_dst: Any,
    geometry: dict[str, Any],
    tolerance: float,
) -> None:
    output_size = diff_dst.shape[1:3]
    dst = reference.conv2d_forward(src, weights, bias, output_size, **geometry)
    diff_src, diff_weights, diff_bias = reference.conv2d_backward(
        src, weights, diff_dst, **geometry
    )
    check(
        _core.conv2d_forward,
        {"src": src, "weights": weights, "bias": bias, **geometry},
        {"dst": dst},
        tolerance=tolerance,
    )
    check(
        _core.conv2d_backward_data,
        {"diff_dst": diff_dst, "weights": weights, **geometry},
        {"diff_src": diff_src},
        tolerance=tolerance,
    )
    check(
        _core.conv2d_backward_weights,
        {"src": src, "diff_dst": diff_dst, **geometry},
        {"diff_weights": diff_weights, "diff_bias": None if bias is None else diff_bias},
        tolerance=tolerance,
    )


def check_addends(
    src: Any,
    weights: Any,
    diff_dst: Any,
    geometry: dict[str, Any],
    activation: str,
    seed: int,
    tolerance: float = TOLERANCE,
) -> None:
    """Check the sums with another array, and the transposed convolution that is one."""
    activate = {"linear": lambda x: x, "relu": reference.relu_forward}[activation]
    output_size, epilogue = diff_dst.shape[1:3], {"activation": activation}
    bias, addend = whole(seed + 4, diff_dst.shape[-1]), whole(seed + 5, *diff_dst.shape)
    dst = reference.conv2d_forward(src, weights, bias, output_size, **geometry)
    inputs = {"src": src, "weights": weights, "bias": bias, "addend": addend}
    check(
        _core.conv2d_forward,
        {**inputs, **epilogue, **geometry},
        {"dst": activate(dst + addend)},
        tolerance=tolerance,
    )
    diff_src, *_ = reference.conv2d_backward(src, weights, diff_dst, **geometry)
    bias, addend = whole(seed + 6, src.shape[-1]), whole(seed + 7, *src.shape)
    inputs = {"diff_dst": diff_dst, "weights": weights, **geometry}
    check(
        _core.conv2d_backward_data,
        {**inputs, "addend": addend},
        {"diff_src": diff_src + addend},
        tolerance=tolerance,
    )
    check(
        _core.conv2d_backward_data,
        {**inputs, "addend": addend, "bias": bias, **epilogue},
        {"diff_src": activate(diff_src + bias + addend)},
        tolerance=tolerance,
    )
    check(
        _core.conv2d_backward_data,
        {**inputs, "bias": bias, **epilogue},
        {"diff_src": activate(diff_src + bias)},
        tolerance=tolerance,
    )
