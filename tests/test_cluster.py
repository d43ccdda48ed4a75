"""The simulated cluster of `bench.distributed`."""

from __future__ import annotations

import numpy as np
import pytest

from bench import distributed
from bench.cluster import Messages, expected_seconds, simulated_seconds

pytestmark = pytest.mark.one_isa


@pytest.mark.parametrize("ranks", [1, 2, 8, 64])
def test_ranks_in_step_take_what_the_formula_says(ranks: int) -> None:
    messages = Messages(1e-3, 1e6)
    got = simulated_seconds([0.5], 10_000, ranks, messages)
    assert got == pytest.approx(expected_seconds(0.5, 10_000, ranks, messages))


def test_each_step_waits_for_the_slowest() -> None:
    """Compare with the mean of the largest of so many draws."""
    steps, ranks = [1.0, 2.0], 4
    got = simulated_seconds(steps, 0, ranks, Messages(0.0, 1.0), count=4000)
    assert got == pytest.approx(2 - 0.5**ranks, abs=0.01)


def test_a_number_of_ranks_that_is_no_power_of_two() -> None:
    with pytest.raises(ValueError, match=r"power of 2, got 6"):
        simulated_seconds([1.0], 0, 6, Messages(0.0, 1.0))


def test_the_tables() -> None:
    found = {
        "steps": {1: [0.02, 0.04], 2: [0.015]},
        "shares": {
            2: {"sum": [0.003], "in_messages": [0.001, 0.002], "in_later_messages": [0.002]}
        },
        "bytes": 4000,
        "messages": [1e-6, 1e9],
    }
    measured = distributed.measured_rows(found)
    assert measured[1][0] == "1"
    assert measured[2][2:] == ["3 ms", "1.5 ms", "25%", "2.00"]
    simulated = distributed.simulated_rows(found)
    assert [row[0] for row in simulated[1:]] == [str(n) for n in distributed.RANKS]
    speeds = np.array([float(row[1].split(",")[1]) for row in simulated[1:]])
    assert (np.diff(speeds) > 0).all()
