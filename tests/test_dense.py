from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from agreement import TOLERANCE, check, check_threads, normal, whole
from cnnx import _core
from strategies import seeds

sizes = st.sampled_from([1, 2, 3, 7, 16, 17, 31, 33, 64, 65])


@given(sizes, sizes, sizes, st.booleans(), st.booleans(), seeds)
def test_dense_agrees_with_the_oracle(
    mb: int, ic: int, oc: int, use_bias: bool, whole_numbers: bool, seed: int
) -> None:
    numbers, tolerance = (whole, 0.0) if whole_numbers else (normal, TOLERANCE)
    src, weights, diff_dst = (
        numbers(seed, mb, ic),
        numbers(seed + 1, ic, oc),
        numbers(seed + 2, mb, oc),
    )
    bias = numbers(seed + 3, oc) if use_bias else None
    diff_src, diff_weights, diff_bias = reference.dense_backward(src, weights, diff_dst)
    check(
        _core.dense_forward,
        {"src": src, "weights": weights, "bias": bias},
        {"dst": reference.dense_forward(src, weights, bias)},
        tolerance=tolerance,
    )
    check(
        _core.dense_backward_data,
        {"diff_dst": diff_dst, "weights": weights},
        {"diff_src": diff_src},
        tolerance=tolerance,
    )
    check(
        _core.dense_backward_weights,
        {"src": src, "diff_dst": diff_dst},
        {"diff_weights": diff_weights, "diff_bias": diff_bias if use_bias else None},
        tolerance=tolerance,
    )


@pytest.mark.parametrize(
    ("mb", "ic", "oc"), [(1, 4099, 3), (5, 3001, 17), (33, 5000, 70), (130, 30, 1), (2, 1, 5000)]
)
def test_long_and_wide_layers_agree_with_the_oracle(mb: int, ic: int, oc: int) -> None:
    src, weights, bias, diff_dst = (
        whole(1, mb, ic),
        whole(2, ic, oc),
        whole(3, oc),
        whole(4, mb, oc),
    )
    diff_src, diff_weights, diff_bias = reference.dense_backward(src, weights, diff_dst)
    check(
        _core.dense_forward,
        {"src": src, "weights": weights, "bias": bias},
        {"dst": reference.dense_forward(src, weights, bias)},
        tolerance=0.0,
    )
    check(
        _core.dense_backward_data,
        {"diff_dst": diff_dst, "weights": weights},
        {"diff_src": diff_src},
        tolerance=0.0,
    )
    check(
        _core.dense_backward_weights,
        {"src": src, "diff_dst": diff_dst},
        {"diff_weights": diff_weights, "diff_bias": diff_bias},
        tolerance=0.0,
    )


def test_gradients_are_the_central_differences() -> None:
    src, weights, bias, diff_dst = normal(1, 3, 5), normal(2, 5, 4), normal(3, 4), normal(4, 3, 4)
    check(
        _core.dense_backward_data,
        {"diff_dst": diff_dst, "weights": weights},
        {
            "diff_src": reference.central_differences(
                lambda s: reference.dense_forward(s, weights, bias) * diff_dst, src
            )
        },
    )
    check(
        _core.dense_backward_weights,
        {"src": src, "diff_dst": diff_dst},
        {
            "diff_weights": reference.central_differences(
                lambda w: reference.dense_forward(src, w, bias) * diff_dst, weights
            ),
            "diff_bias": reference.central_differences(
                lambda b: reference.dense_forward(src, weights, b) * diff_dst, bias
            ),
        },
    )


@pytest.mark.parametrize(
    ("mb", "ic", "oc"), [(32, 800, 128), (1000, 64, 10), (1, 2048, 512), (32, 18432, 64)]
)
def test_one_and_two_threads_give_the_same_bits(mb: int, ic: int, oc: int) -> None:
    src, weights, diff_dst = normal(1, mb, ic), normal(2, ic, oc), normal(3, mb, oc)
    check_threads(
        _core.dense_forward,
        {"src": src, "weights": weights, "bias": normal(4, oc)},
        {"dst": (mb, oc)},
    )
    check_threads(
        _core.dense_backward_data,
        {"diff_dst": diff_dst, "weights": weights},
        {"diff_src": (mb, ic)},
    )
    check_threads(
        _core.dense_backward_weights,
        {"src": src, "diff_dst": diff_dst},
        {"diff_weights": (ic, oc), "diff_bias": (oc,)},
    )
