from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from agreement import assert_close, check, normal
from cnnx import _core, activations, layers
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
    "hard_sigmoid",
]
GATED = ["silu", "hard_silu"]
"""Those whose derivatives are computed from the argument."""
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


@pytest.mark.parametrize("name", GATED)
@given(st.lists(st.integers(1, 19), min_size=1, max_size=3), st.booleans(), seeds)
def test_gated_activation_agrees_with_the_oracle(
    name: str, shape: list[int], in_place: bool, seed: int
) -> None:
    forward, backward, oracle, oracle_backward = operations(name)
    src, diff_dst = 3 * normal(seed, *shape), normal(seed + 1, *shape)
    check(
        forward, {"src": src}, {"dst": oracle(src)}, in_place={"dst": "src"} if in_place else None
    )
    check(
        backward,
        {"dst": src, "diff_dst": diff_dst},
        {"diff_src": oracle_backward(src, diff_dst)},
        in_place={"diff_src": "diff_dst"} if in_place else None,
    )
    smooth = np.where(abs(abs(src) - 3) < 0.01, np.float32(1), src)  # hard_silu bends at -3 and 3
    differences = reference.central_differences(lambda s: oracle(s) * diff_dst, smooth)
    assert_close(oracle_backward(smooth, diff_dst), differences, 1e-4)


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
        ("hard_sigmoid", 0, 0.5, 1),
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


# --- functions by their names ---------------------------------------------------------------------

FINITE = np.array([-1e30, -200, -20, -3, -1, -1e-3, 0, 1e-30, 0.5, 3, 6, 20, 200, 1e30], np.float32)
NAMED = [name for name in activations.ACTIVATIONS if name != "linear"]


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("name", NAMED)
def test_the_whole_range_of_every_function(name: str) -> None:
    """No overflow, and small values keep their digits; exp(200) alone is infinite."""
    src = FINITE[:-2] if name == "exponential" else FINITE
    got, expected = activations.get(name)(src), getattr(reference, f"{name}_forward")(src)
    sensitive = 1 + np.minimum(np.abs(src), 20) ** 2 if name == "gelu" else 1
    bound = 16 * 2.0**-24 * sensitive * np.abs(expected) + SMALLEST_NORMAL
    assert (np.abs(got - expected) <= bound).all(), f"{got} for {expected}"


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("name", NAMED)
def test_nan_stays_nan(name: str) -> None:
    assert np.isnan(activations.get(name)([np.nan])).all()


@pytest.mark.parametrize("name", NAMED)
def test_increasing_functions_increase(name: str) -> None:
    function = activations.get(name)
    x = np.linspace(-8, 8, 4001, dtype=np.float32)
    if function.elementwise:
        assert function.increasing == (np.diff(function(x)) >= -1e-6).all()
    else:
        assert not function.increasing


def test_names_of_keras() -> None:
    assert activations.get("swish") is activations.swish is activations.silu
    assert activations.get("hard_swish") is activations.hard_swish is activations.hard_silu
    assert activations.get("HardSigmoid") is activations.hard_sigmoid
    with pytest.raises(ValueError, match=r"unknown. Did you mean 'gelu'\? Valid names: arctan"):
        activations.get("gelo")


def test_copies_of_functions() -> None:
    for function in activations.ACTIVATIONS.values():
        assert copy.deepcopy(function) is function
        assert pickle.loads(pickle.dumps(function)) is function
    own = layers.ReLU(max_value=2).activation
    np.testing.assert_array_equal(copy.deepcopy(own)([-1.0, 1.0, 3.0]), [0, 1, 2])


def test_plain_rectifiers_are_those_of_the_core() -> None:
    assert layers.ReLU().activation is activations.relu
    assert layers.ReLU(negative_slope=0.2).activation is activations.leaky_relu
    assert layers.LeakyReLU(0.2).activation is activations.leaky_relu
    assert layers.LeakyReLU(0).activation is activations.relu
    assert layers.ELU().activation is activations.elu


def test_prelu_needs_axes_that_are_there() -> None:
    with pytest.raises(ValueError, match=r"shared_axes=\(2,\) must be less than 2, the number of"):
        layers.PReLU(shared_axes=2)(np.ones((2, 3)))
