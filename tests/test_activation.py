from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from agreement import check, normal
from cnnx import _core
from strategies import seeds

NAMES = [
    "relu",
    "sigmoid",
    "tanh",
    "arctan",
    "elu",
    "leaky_relu",
    "softplus",
    "exponential",
    "relu6",
]
Operation = Callable[..., Any]
RELATIVE_ERROR = 4e-7
SMALLEST_NORMAL = 2.0**-126  # below it, results may be flushed to zero


def operations(name: str) -> tuple[Operation, Operation, Operation, Operation]:
    return (
        getattr(_core, f"{name}_forward"),
        getattr(_core, f"{name}_backward"),
        getattr(reference, f"{name}_forward"),
        getattr(reference, f"{name}_backward"),
    )


@pytest.mark.parametrize("name", NAMES)
@given(
    st.lists(st.integers(1, 19), min_size=1, max_size=3),
    st.sampled_from([0.01, 1.0, 10.0]),
    st.booleans(),
    seeds,
)
def test_activation_agrees_with_the_oracle(
    name: str, shape: list[int], scale: float, in_place: bool, seed: int
) -> None:
    forward, backward, oracle, oracle_backward = operations(name)
    src, diff_dst = normal(seed, *shape) * np.float32(scale), normal(seed + 1, *shape)
    check(
        forward,
        {"src": src},
        {"dst": oracle(src)},
        in_place={"dst": "src"} if in_place else None,
    )
    dst = oracle(src).astype(np.float32)
    check(
        backward,
        {"dst": dst, "diff_dst": diff_dst},
        {"diff_src": oracle_backward(dst, diff_dst)},
        in_place={"diff_src": "diff_dst"} if in_place else None,
    )


@pytest.mark.parametrize("name", NAMES)
def test_gradient_is_the_central_difference(name: str) -> None:
    _, backward, oracle, _ = operations(name)
    src, diff_dst = normal(1, 4, 9), normal(2, 4, 9)
    check(
        backward,
        {"dst": oracle(src).astype(np.float32), "diff_dst": diff_dst},
        {"diff_src": reference.central_differences(lambda s: oracle(s) * diff_dst, src)},
    )


@pytest.mark.parametrize("name", NAMES)
def test_arrays_large_enough_for_two_threads(name: str) -> None:
    forward, backward, oracle, oracle_backward = operations(name)
    x = normal(1, 300_001)
    y = oracle(x).astype(np.float32)
    check(forward, {"src": x}, {"dst": oracle(x)})
    check(backward, {"dst": y, "diff_dst": x}, {"diff_src": oracle_backward(y, x)})


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize(
    "name", ["sigmoid", "tanh", "arctan", "elu", "softplus", "exponential", "relu6"]
)
def test_relative_error_over_the_whole_range(name: str) -> None:
    forward, _, oracle, _ = operations(name)
    magnitudes = np.geomspace(1e-30, 100, 40_001)
    src = np.concatenate([-magnitudes, [0.0], magnitudes, np.linspace(-90, 90, 40_001)])
    src = src.astype(np.float32)
    if name == "exponential":
        src = src[src < 88]  # above, float32 overflows
    dst = np.empty_like(src)
    forward(src, dst)
    expected = oracle(src)
    error = np.abs(dst - expected)
    allowed = RELATIVE_ERROR * np.abs(expected) + np.where(
        np.abs(expected) < SMALLEST_NORMAL, SMALLEST_NORMAL, 0
    )
    worst = np.argmax(error / allowed.clip(SMALLEST_NORMAL))
    assert error[worst] <= allowed[worst], f"{name}({src[worst]}) = {dst[worst]}"


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize(
    ("name", "low", "at_zero", "high"),
    [
        ("relu", 0, 0, None),
        ("sigmoid", 0, 0.5, 1),
        ("tanh", -1, 0, 1),
        ("elu", -1, 0, None),
        ("softplus", 0, np.log(2), None),
        ("exponential", 0, 1, np.inf),
    ],
)
def test_saturation_nan_and_infinity(
    name: str, low: float, at_zero: float, high: float | None
) -> None:
    src = np.array([-np.inf, -1e30, -100, 0, 100, 1e30, np.inf, np.nan], np.float32)
    dst = np.empty_like(src)
    getattr(_core, f"{name}_forward")(src, dst)
    assert np.isnan(dst[-1])
    upper = src[4:7] if high is None else [high] * 3
    np.testing.assert_allclose(dst[:-1], [low] * 3 + [at_zero, *upper], rtol=2e-7, atol=1e-37)


@pytest.mark.usefixtures("backend")
def test_arctan_saturates_with_its_derivative() -> None:
    """The derivative is that of the output: exact to 6e-8 although the output is rounded."""
    src = np.array([np.inf, -np.inf, 1e30, -3e4, 1e4, -1000, 30, 2.5, -1, 0, np.nan], np.float32)
    dst, diff_src = np.empty_like(src), np.empty_like(src)
    _core.arctan_forward(src, dst)
    np.testing.assert_allclose(dst, np.arctan(src.astype(np.float64)), rtol=4e-7)
    _core.arctan_backward(dst, np.ones_like(src), diff_src)
    np.testing.assert_allclose(diff_src, 1 / (1 + src.astype(np.float64) ** 2), rtol=0, atol=2e-7)
    assert (diff_src[:-1] >= 0).all()


@pytest.mark.usefixtures("backend")
def test_the_derivative_of_relu_at_zero_is_zero() -> None:
    zeros, diff_src = np.array([0.0, -0.0], np.float32), np.full(2, np.nan, np.float32)
    _core.relu_backward(zeros, np.ones(2, np.float32), diff_src)
    np.testing.assert_array_equal(diff_src, 0)
