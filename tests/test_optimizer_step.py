from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import reference
from agreement import check, normal
from cnnx import _core
from strategies import seeds

lengths = st.integers(5, 70)
LARGE = 300_001  # enough for two threads


@example(LARGE, 0.9, True, 1)
@given(lengths, st.sampled_from([0.0, 0.9]), st.booleans(), seeds)
def test_sgd_step_agrees_with_the_oracle(
    n: int, momentum: float, nesterov: bool, seed: int
) -> None:
    params, grads, velocity = normal(seed, n), normal(seed + 1, n), normal(seed + 2, n)
    rule: dict[str, Any] = {"learning_rate": 0.1, "momentum": momentum, "nesterov": nesterov}
    after, moved = reference.sgd_step(params, grads, velocity, **rule)
    check(
        _core.sgd_step,
        {"grads": grads, **rule},
        {"params": after, "velocity": moved},
        start={"params": params, "velocity": velocity},
    )


@given(lengths, seeds)
def test_plain_descent_needs_no_velocity(n: int, seed: int) -> None:
    params, grads = normal(seed, n), normal(seed + 1, n)
    check(
        _core.sgd_step,
        {"grads": grads, "learning_rate": 0.1, "momentum": 0.0, "nesterov": False},
        {"params": reference.sgd_step(params, grads, 0 * params, 0.1)[0], "velocity": None},
        start={"params": params},
    )


@example(LARGE, 0.1, 1)
@given(lengths, st.sampled_from([0.1, 1.0]), seeds)
def test_momentum_step_agrees_with_the_oracle(n: int, grad_share: float, seed: int) -> None:
    start = {"params": normal(seed, n), "velocity": normal(seed + 1, n)}
    rule: dict[str, Any] = {"learning_rate": 0.1, "momentum": 0.9, "grad_share": grad_share}
    grads = normal(seed + 2, n)
    expected = reference.momentum_step(grads=grads, **start, **rule)
    check(
        _core.momentum_step,
        {"grads": grads, **rule},
        dict(zip(start, expected, strict=True)),
        start=start,
    )


@example(LARGE, (1.0, 1.0), (1e-7, 0.0), True, True, 1)
@given(
    lengths,
    st.sampled_from([(1.0, 1.0), (0.9, 0.1)]),
    st.sampled_from([(1e-3, 0.0), (0.0, 1e-3)]),
    st.booleans(),
    st.booleans(),
    seeds,
)
def test_rms_step_agrees_with_the_oracle(
    n: int,
    shares: tuple[float, float],
    epsilons: tuple[float, float],
    centered: bool,
    moving: bool,
    seed: int,
) -> None:
    start: dict[str, Any] = {
        "params": normal(seed, n),
        "squares": 5 + np.abs(normal(seed + 1, n)),  # more than any mean squared
        "mean": 0.1 * normal(seed + 3, n) if centered and shares[0] < 1 else None,
        "velocity": normal(seed + 4, n) if moving else None,
    }
    rule: dict[str, Any] = {
        "learning_rate": 0.1,
        "kept": shares[0],
        "added": shares[1],
        "inner_epsilon": epsilons[0],
        "outer_epsilon": epsilons[1],
        "momentum": 0.8,
    }
    grads = normal(seed + 2, n)
    check(
        _core.rms_step,
        {"grads": grads, **rule},
        reference.rms_step(grads=grads, **start, **rule),
        start={name: array for name, array in start.items() if array is not None},
    )


MOMENTS = {"learning_rate": 0.01, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7}


@pytest.mark.parametrize(
    ("name", "slots", "rule"),
    [
        ("adam_step", "m v", MOMENTS),
        ("adam_step", "m v peak", MOMENTS),
        ("nadam_step", "m v", MOMENTS | {"m_share": 1.3, "grad_share": 0.4}),
        ("adamax_step", "m u", MOMENTS),
    ],
    ids=["adam", "amsgrad", "nadam", "adamax"],
)
@example(LARGE, 3, 0.9, 1)
@given(lengths, st.sampled_from([1, 2, 10, 100_000]), st.sampled_from([0.9, 0.95]), seeds)
def test_steps_by_moments_agree_with_the_oracle(
    name: str, slots: str, rule: dict[str, float], n: int, step: int, beta_1: float, seed: int
) -> None:
    start = {
        slot: normal(seed + place, n) if slot in ("params", "m") else np.abs(normal(seed, n))
        for place, slot in enumerate(["params", *slots.split()])
    }
    grads = normal(seed + 5, n)
    given: dict[str, Any] = rule | {"step": step, "beta_1": beta_1}
    absent: dict[str, Any] = {} if name != "adam_step" or "peak" in start else {"peak": None}
    expected = getattr(reference, name)(grads=grads, **start, **absent, **given)
    check(
        getattr(_core, name),
        {"grads": grads, **given, **absent},
        dict(zip(start, expected, strict=True)),
        start=start,
    )


@example(LARGE, 1)
@given(lengths, seeds)
def test_adadelta_step_agrees_with_the_oracle(n: int, seed: int) -> None:
    start = {
        "params": normal(seed, n),
        "squares": np.abs(normal(seed + 1, n)),
        "moves": np.abs(normal(seed + 2, n)),
    }
    rule: dict[str, Any] = {"learning_rate": 0.5, "rho": 0.9, "epsilon": 1e-4}
    grads = normal(seed + 3, n)
    expected = reference.adadelta_step(grads=grads, **start, **rule)
    check(
        _core.adadelta_step,
        {"grads": grads, **rule},
        dict(zip(start, expected, strict=True)),
        start=start,
    )


@example(LARGE, 1)
@given(lengths, seeds)
def test_lion_step_agrees_with_the_oracle(n: int, seed: int) -> None:
    start = {"params": normal(seed, n), "m": normal(seed + 1, n)}
    start["m"][::3] = 0
    grads = normal(seed + 2, n)
    grads[::3] = 0  # where both are, nothing moves
    rule: dict[str, Any] = {"learning_rate": 0.25, "beta_1": 0.9, "beta_2": 0.99}
    expected = reference.lion_step(grads=grads, **start, **rule)
    check(
        _core.lion_step,
        {"grads": grads, **rule},
        dict(zip(start, expected, strict=True)),
        start=start,
    )


@pytest.mark.usefixtures("backend")
def test_a_gradient_of_zero_moves_nothing() -> None:
    params, zeros = np.ones(5, np.float32), np.zeros(5, np.float32)
    _core.adam_step(params, zeros, zeros.copy(), zeros.copy(), None, 0.1, 0.9, 0.999, 1e-7, 1)
    np.testing.assert_array_equal(params, 1)
