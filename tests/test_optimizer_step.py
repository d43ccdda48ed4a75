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


@example(LARGE, 3, 0.9, 1)
@given(lengths, st.sampled_from([1, 2, 10, 100_000]), st.sampled_from([0.9, 0.95]), seeds)
def test_adam_step_agrees_with_the_oracle(n: int, step: int, beta_1: float, seed: int) -> None:
    start = {
        "params": normal(seed, n),
        "m": normal(seed + 1, n),
        "v": np.abs(normal(seed + 2, n)),
    }
    grads = normal(seed + 3, n)
    rule: dict[str, Any] = {
        "learning_rate": 0.01,
        "beta_1": beta_1,
        "beta_2": 0.999,
        "epsilon": 1e-7,
        "step": step,
    }
    expected = reference.adam_step(grads=grads, **start, **rule)
    check(
        _core.adam_step,
        {"grads": grads, **rule},
        dict(zip(start, expected, strict=True)),
        start=start,
    )


@pytest.mark.usefixtures("backend")
def test_a_gradient_of_zero_moves_nothing() -> None:
    params, zeros = np.ones(5, np.float32), np.zeros(5, np.float32)
    _core.adam_step(params, zeros, zeros.copy(), zeros.copy(), 0.1, 0.9, 0.999, 1e-7, 1)
    np.testing.assert_array_equal(params, 1)
