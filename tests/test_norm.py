from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import reference
from agreement import assert_close, backends, check, normal
from cnnx import _core
from strategies import seeds

LARGE = 300_001  # enough for two threads


@example(LARGE, 1)
@given(st.integers(1, 2000), seeds)
def test_sums_agree_with_the_oracle_and_do_not_depend_on_threads(n: int, seed: int) -> None:
    x = normal(seed, n)
    expected = [np.abs(x.astype(np.float64)).sum(), (x.astype(np.float64) ** 2).sum()]
    one_thread: list[float] = []
    for backend in backends():
        backend.use()
        found = [_core.sum_of_magnitudes(x), _core.sum_of_squares(x)]
        assert found == pytest.approx(expected, rel=1e-6)
        assert backend.threads == 1 or found == one_thread
        one_thread = found


@pytest.mark.usefixtures("backend")
def test_sums_of_nothing_and_of_what_is_not_finite() -> None:
    assert _core.sum_of_squares(np.empty(0, np.float32)) == 0
    assert np.isnan(_core.sum_of_magnitudes(np.array([1, np.nan], np.float32)))
    assert _core.sum_of_squares(np.array([1, -np.inf], np.float32)) == np.inf


@example(LARGE, 0.1, 0.2, 1)
@given(st.integers(1, 70), st.sampled_from([0.0, 0.1]), st.sampled_from([0.0, 0.2]), seeds)
def test_the_gradient_of_penalties_is_added(n: int, l1: float, l2: float, seed: int) -> None:
    src, so_far = normal(seed, n), normal(seed + 1, n)
    src[::4] = 0  # where |x| has no slope
    check(
        _core.penalty_backward,
        {"src": src, "l1": l1, "l2": l2, "scale": 0.5},
        {"diff_src": so_far + 0.5 * reference.penalty_gradient(src, l1, l2)},
        start={"diff_src": so_far},
    )


@example(1, 700, 300, (0.5, 1.0), 1.0, 1)
@given(
    st.integers(1, 3),
    st.integers(1, 9),
    st.sampled_from([1, 5, 64, 70]),
    st.sampled_from([(0.0, 2.0), (1.0, 1.0), (2.0, 5.0)]),
    st.sampled_from([1.0, 0.3]),
    seeds,
)
def test_norms_are_limited_as_by_the_oracle(
    outer: int, reduced: int, inner: int, limits: tuple[float, float], rate: float, seed: int
) -> None:
    array = normal(seed, outer, reduced, inner)
    rule: dict[str, Any] = {"least": limits[0], "most": limits[1], "rate": rate, "epsilon": 1e-7}
    check(
        _core.limit_norms,
        rule,
        {"array": reference.limited_norms(array, **rule)},
        start={"array": array},
    )


def test_a_column_of_zeros_stays() -> None:
    array = np.zeros((1, 3, 2), np.float32)
    _core.limit_norms(array, 1.0, 2.0, 1.0, 1e-7)
    assert_close(array, np.zeros((1, 3, 2)))
