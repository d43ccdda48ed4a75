from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from agreement import assert_close, check, normal
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
    "hard_sigmoid",
    "selu",
    "celu",
    "softsign",
    "hard_tanh",
    "log_sigmoid",
    "hard_shrink",
    "soft_shrink",
    "squareplus",
]
OF_INPUT = {
    "silu": [],
    "gelu": [],
    "gelu_tanh": [],
    "mish": [],
    "hard_silu": [-3, 3],
    "tanh_shrink": [],
    "threshold": [0],
}
"""Those whose derivatives are computed from the argument, and where they bend."""
PARAMETERS = [
    ("elu", (0.7,)),
    ("elu", (0.0,)),
    ("leaky_relu", (0.01,)),
    ("celu", (0.3,)),
    ("celu", (2.5,)),
    ("hard_shrink", (1.25,)),
    ("soft_shrink", (0.0,)),
    ("squareplus", (0.25,)),
    ("rectifier", (6.0, 0.1, 0.0)),
    ("rectifier", (1.5, 0.0, 0.5)),
    ("rectifier", (np.inf, 0.25, 1.0)),
    ("threshold", (0.5, -2.0)),
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
    expected = oracle_backward(dst, diff_dst)
    if np.linalg.norm(expected) > 0.02 * np.linalg.norm(diff_dst):  # else a difference of few bits
        check(
            backward,
            {"dst": dst, "diff_dst": diff_dst},
            {"diff_src": expected},
            in_place={"diff_src": "diff_dst"} if in_place else None,
        )


@pytest.mark.parametrize("name", OF_INPUT)
@given(st.lists(st.integers(1, 19), min_size=1, max_size=3), st.booleans(), seeds)
def test_activation_of_its_input_agrees_with_the_oracle(
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
    smooth = src
    for bend in OF_INPUT[name]:
        smooth = np.where(abs(smooth - bend) < 0.01, np.float32(1), smooth)
    smooth, step = smooth.astype(np.float64), 1e-5
    differences = diff_dst * (oracle(smooth + step) - oracle(smooth - step)) / (2 * step)
    error = np.linalg.norm(oracle_backward(smooth, diff_dst) - differences)
    assert error <= 1e-6 * np.linalg.norm(diff_dst)


@pytest.mark.parametrize("name", NAMES)
def test_gradient_is_the_central_difference(name: str) -> None:
    _, backward, oracle, _ = operations(name)
    src, diff_dst = normal(1, 4, 9), normal(2, 4, 9)
    check(
        backward,
        {"dst": oracle(src).astype(np.float32), "diff_dst": diff_dst},
        {"diff_src": reference.central_differences(lambda s: oracle(s) * diff_dst, src)},
    )


@pytest.mark.parametrize(("name", "parameters"), PARAMETERS, ids=str)
def test_parameters_in_the_place_of_the_usual_ones(
    name: str, parameters: tuple[float, ...]
) -> None:
    forward, backward, oracle, oracle_backward = operations(name)
    src, diff_dst = 2 * normal(3, 5, 37), normal(4, 5, 37)
    y = oracle(src, *parameters)
    given = {"parameters": parameters}
    check(forward, {"src": src, **given}, {"dst": y})
    seen = src if name in OF_INPUT else y.astype(np.float32)
    check(
        backward,
        {"dst": seen, "diff_dst": diff_dst, **given},
        {"diff_src": oracle_backward(seen, diff_dst, *parameters)},
    )
    bends = np.abs(np.abs(src)[..., None] - [0, *parameters]).min(-1) < 0.01
    smooth = np.where(bends, np.float32(0.111), src)
    seen = smooth if name in OF_INPUT else oracle(smooth, *parameters)
    differences = reference.central_differences(lambda s: oracle(s, *parameters) * diff_dst, smooth)
    assert_close(oracle_backward(seen, diff_dst, *parameters), differences, 1e-4)


def test_a_wrong_number_of_parameters_is_refused() -> None:
    x = np.ones(3, np.float32)
    with pytest.raises(ValueError, match="elu_forward: parameters of elu must be 1, got 2"):
        _core.elu_forward(x, x.copy(), (1.0, 2.0))


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2])
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@given(st.lists(st.integers(1, 19), min_size=3, max_size=3), st.booleans(), seeds)
def test_softmax_along_any_axis(
    name: str, axis: int, shape: list[int], in_place: bool, seed: int
) -> None:
    forward, backward, oracle, oracle_backward = operations(name)
    src, diff_dst = 4 * normal(seed, *shape), normal(seed + 1, *shape)
    place = {"axis": axis}
    check(
        forward,
        {"src": src, **place},
        {"dst": oracle(src, axis)},
        in_place={"dst": "src"} if in_place else None,
    )
    dst = oracle(src, axis).astype(np.float32)
    expected = oracle_backward(dst, diff_dst, axis)
    if np.linalg.norm(expected) > 1e-3:  # of one element it is 0 but for rounding
        check(
            backward,
            {"dst": dst, "diff_dst": diff_dst, **place},
            {"diff_src": expected},
            in_place={"diff_src": "diff_dst"} if in_place else None,
        )


def test_softmax_of_many_columns_on_two_threads() -> None:
    for shape in ((3, 7, 90_001), (200, 5, 301)):
        src = normal(1, *shape)
        expected = reference.softmax_forward(src, 1)
        check(_core.softmax_forward, {"src": src, "axis": 1}, {"dst": expected})


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
