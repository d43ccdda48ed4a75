"""Sums, products and maxima of several arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

import reference
from agreement import check, normal, whole
from cnnx import _core
from strategies import seeds

sizes = st.integers(0, 150)
counts = st.integers(1, 5)
LARGE = 150_001  # enough for two threads
FACTORS = [1.0, -1.0, 0.5, 2.0, 0.25]
Arrays = list[NDArray[np.float32]]


def named(srcs: Arrays) -> dict[str, Any]:
    return {f"src{k}": src for k, src in enumerate(srcs)}


def of_list(operation: Callable[..., None], count: int) -> Callable[..., None]:
    """Return the operation with an argument for each of its arrays: what `check` takes."""

    def call(**arguments: Any) -> None:
        srcs = [arguments.pop(f"src{k}") for k in range(count)]
        if "diff_src0" in arguments:
            arguments["diff_srcs"] = [arguments.pop(f"diff_src{k}") for k in range(count)]
        operation(srcs, **arguments)

    return call


@example(LARGE, 3, "relu", False, 1)
@given(sizes, counts, st.sampled_from(["linear", "relu", "tanh"]), st.booleans(), seeds)
def test_weighted_sum(n: int, count: int, activation: str, in_place: bool, seed: int) -> None:
    srcs = [normal(seed + k, n) for k in range(count)]
    factors = FACTORS[:count]
    total = reference.weighted_sum(srcs, factors)
    activate = {"linear": lambda x: x, "relu": reference.relu_forward, "tanh": np.tanh}[activation]
    check(
        of_list(_core.weighted_sum, count),
        {**named(srcs), "factors": factors, "activation": activation},
        {"dst": activate(total)},
        in_place={"dst": f"src{seed % count}"} if in_place else None,
    )


@given(sizes, counts, seeds)
def test_sums_of_whole_numbers_are_exact(n: int, count: int, seed: int) -> None:
    srcs = [whole(seed + k, n) for k in range(count)]
    inputs = {**named(srcs), "factors": FACTORS[:count]}
    expected = reference.weighted_sum(srcs, FACTORS[:count])
    check(of_list(_core.weighted_sum, count), inputs, {"dst": expected}, tolerance=0)


@example(LARGE, 2, False, 1)
@given(sizes, counts, st.booleans(), seeds)
def test_product(n: int, count: int, in_place: bool, seed: int) -> None:
    srcs = [normal(seed + k, n) for k in range(count)]
    check(
        of_list(_core.product, count),
        named(srcs),
        {"dst": reference.product(srcs)},
        in_place={"dst": f"src{seed % count}"} if in_place else None,
    )


@example(LARGE, 3, False, 1)
@given(sizes, counts, st.booleans(), seeds)
def test_maximum(n: int, count: int, in_place: bool, seed: int) -> None:
    srcs, diff_dst = [whole(seed + k, n) for k in range(count)], normal(seed + 9, n)  # many equal
    if n > 3:
        srcs[-1][2] = np.nan
        srcs[0][3] = -np.inf
    largest, number = reference.maximum(srcs)
    check(
        of_list(_core.maximum_forward, count),
        named(srcs),
        {"dst": largest},
        in_place={"dst": f"src{seed % count}"} if in_place else None,
        tolerance=0,
    )
    gradients = {f"diff_src{k}": np.where(number == k, diff_dst, 0) for k in range(count)}
    inputs = {**named(srcs), "diff_dst": diff_dst}
    backward = of_list(_core.maximum_backward, count)
    places = {f"diff_src{k}": f"src{k}" for k in range(count)} if in_place else None
    check(backward, inputs, gradients, in_place=places, tolerance=0)
    wanted = {
        name: None if k == seed % count else value
        for k, (name, value) in enumerate(gradients.items())
    }
    check(backward, inputs, wanted, tolerance=0)


def test_gradients_are_the_central_differences() -> None:
    a, b, diff_dst = normal(1, 9), normal(2, 9), normal(3, 9)
    of_product = reference.central_differences(lambda x: x * b * diff_dst, a)
    check(of_list(_core.product, 2), {"src0": diff_dst, "src1": b}, {"dst": of_product})
    of_maximum = reference.central_differences(lambda x: np.maximum(x, b) * diff_dst, a)
    check(
        of_list(_core.maximum_backward, 2),
        {"src0": a, "src1": b, "diff_dst": diff_dst},
        {"diff_src0": of_maximum, "diff_src1": None},
    )


def test_what_does_not_fit_is_named() -> None:
    a, b = normal(1, 3, 4), normal(2, 3, 5)
    with pytest.raises(ValueError, match=r"product: srcs must have shape \(3, 4\), got \(3, 5\)"):
        _core.product([a, b], np.empty_like(a))
    with pytest.raises(ValueError, match="maximum_forward: srcs must not be empty"):
        _core.maximum_forward([], np.empty_like(a))
    with pytest.raises(ValueError, match="factors must be as many as srcs, got 1 for 2"):
        _core.weighted_sum([a, a], [1.0], np.empty_like(a))
    with pytest.raises(ValueError, match="activation is unknown: 'nonsense'"):
        _core.weighted_sum([a], [1.0], np.empty_like(a), "nonsense")
    with pytest.raises(ValueError, match="diff_srcs must be as many as srcs, got 1 for 2"):
        _core.maximum_backward([a, a], a, [None])
    with pytest.raises(TypeError, match="srcs must be float32, got float64"):
        _core.product([a.astype(float)], np.empty_like(a))
