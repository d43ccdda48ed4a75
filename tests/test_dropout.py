from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from agreement import check, check_threads, normal
from cnnx import _core


@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=3),
    st.sampled_from([0.0, 0.2, 0.5, 0.9]),
    st.booleans(),
    st.integers(0, 2**64 - 1),
)
def test_dropout_agrees_with_the_oracle(
    shape: list[int], rate: float, in_place: bool, seed: int
) -> None:
    src = normal(seed % 2**32, *shape)
    check(
        _core.dropout,
        {"src": src, "rate": rate, "seed": seed},
        {"dst": reference.dropout(src, rate, seed)},
        in_place={"dst": "src"} if in_place else None,
    )


def test_the_oracle_is_philox() -> None:
    """The known answers that its authors publish with Random123 (kat_vectors)."""
    assert reference.philox4x32_10(0, 0) == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]


def test_one_and_two_threads_give_the_same_bits() -> None:
    x = normal(1, 300_001)
    check_threads(_core.dropout, {"src": x, "rate": 0.3, "seed": 5}, {"dst": x.shape})


@pytest.mark.usefixtures("backend")
def test_the_share_of_zeros_is_the_rate_and_the_mean_stays() -> None:
    src, dst = np.ones(1_000_000, np.float32), np.empty(1_000_000, np.float32)
    _core.dropout(src, dst, 0.3, 11)
    assert np.mean(dst == 0) == pytest.approx(0.3, abs=3e-3)  # 6 standard deviations
    assert dst.mean() == pytest.approx(1, abs=4e-3)
    other = np.empty_like(dst)
    _core.dropout(src, other, 0.3, 12)
    assert np.mean((dst == 0) & (other == 0)) == pytest.approx(0.09, abs=3e-3)
