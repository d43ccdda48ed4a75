from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import reference
from agreement import TOLERANCE, check, check_threads, normal, whole
from cnnx import _core
from strategies import seeds


def positive(seed: int, *shape: int) -> NDArray[np.float32]:
    """Numbers whose sums do not cancel."""
    return np.abs(normal(seed, *shape))


ROWS = [(), (1,), (2,), (7,), (16,), (70,), (300,), (3, 5), (2, 9, 8)]
BIASES = [(1,), (2,), (3,), (8,), (15,), (16,), (17,), (33,), (70,), (5, 3), (4, 3, 6)]


@given(st.sampled_from(ROWS), st.sampled_from(BIASES), st.booleans(), seeds)
def test_bias_agrees_with_the_oracle(
    rows: tuple[int, ...], shape: tuple[int, ...], whole_numbers: bool, seed: int
) -> None:
    numbers, tolerance = (whole, 0.0) if whole_numbers else (positive, TOLERANCE)
    src, diff_dst = numbers(seed, *rows, *shape), numbers(seed + 1, *rows, *shape)
    bias = numbers(seed + 2, *shape)
    _, sums = reference.bias_backward(src, bias, diff_dst, multiply=False)
    diff_src, products = reference.bias_backward(src, bias, diff_dst, multiply=True)
    for in_place in (None, {"dst": "src"}):
        for operation, dst in (
            (_core.bias_add_forward, src + bias),
            (_core.bias_multiply_forward, src * bias),
        ):
            inputs = {"src": src, "bias": bias}
            check(operation, inputs, {"dst": dst}, in_place=in_place, tolerance=tolerance)
    check(_core.bias_add_backward, {"diff_dst": diff_dst}, {"diff_bias": sums}, tolerance=tolerance)
    for results, in_place in (
        ({"diff_src": diff_src, "diff_bias": products}, None),
        ({"diff_src": diff_src, "diff_bias": products}, {"diff_src": "diff_dst"}),
        ({"diff_src": diff_src, "diff_bias": None}, None),
        ({"diff_src": None, "diff_bias": products}, None),
    ):
        check(
            _core.bias_multiply_backward,
            {"src": src, "bias": bias, "diff_dst": diff_dst},
            results,
            in_place=in_place,
            tolerance=tolerance,
        )


def test_gradients_are_the_central_differences() -> None:
    src, bias, diff_dst = normal(1, 4, 3, 5), normal(2, 3, 5), normal(3, 4, 3, 5)
    check(
        _core.bias_add_backward,
        {"diff_dst": diff_dst},
        {"diff_bias": reference.central_differences(lambda b: (src + b) * diff_dst, bias)},
    )
    check(
        _core.bias_multiply_backward,
        {"src": src, "bias": bias, "diff_dst": diff_dst},
        {
            "diff_src": reference.central_differences(lambda s: s * bias * diff_dst, src),
            "diff_bias": reference.central_differences(lambda b: src * b * diff_dst, bias),
        },
    )


@pytest.mark.parametrize(
    ("rows", "shape"), [((32, 26, 26), (8,)), ((300,), (13, 13, 7)), ((40000,), (3,))]
)
def test_one_and_two_threads_give_the_same_bits(
    rows: tuple[int, ...], shape: tuple[int, ...]
) -> None:
    src, bias, diff_dst = normal(1, *rows, *shape), normal(2, *shape), normal(3, *rows, *shape)
    for operation in (_core.bias_add_forward, _core.bias_multiply_forward):
        check_threads(operation, {"src": src, "bias": bias}, {"dst": src.shape})
    check_threads(_core.bias_add_backward, {"diff_dst": diff_dst}, {"diff_bias": shape})
    check_threads(
        _core.bias_multiply_backward,
        {"src": src, "bias": bias, "diff_dst": diff_dst},
        {"diff_src": src.shape, "diff_bias": shape},
    )
