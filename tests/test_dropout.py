from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from agreement import TOLERANCE, check, check_threads, normal
from cnnx import _core


@pytest.mark.parametrize("name", ["dropout", "gaussian_dropout"])
@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=3),
    st.sampled_from([0.0, 0.2, 0.5, 0.9]),
    st.booleans(),
    st.integers(0, 2**64 - 1),
)
def test_dropout_agrees_with_the_oracle(
    name: str, shape: list[int], rate: float, in_place: bool, seed: int
) -> None:
    src = normal(seed % 2**32, *shape)
    dst = getattr(reference, name)(src, rate, seed)
    cancelled = 1.0
    if name == "gaussian_dropout":  # a factor 1 + noise of almost 0 keeps the rounding of both
        cancelled = max(1.0, float(np.linalg.norm(src) / np.linalg.norm(dst)))
    check(
        getattr(_core, name),
        {"src": src, "rate": rate, "seed": seed},
        {"dst": dst},
        in_place={"dst": "src"} if in_place else None,
        tolerance=TOLERANCE * cancelled,
    )


def test_the_oracle_is_philox() -> None:
    """The known answers that its authors publish with Random123 (kat_vectors)."""
    assert reference.philox4x32_10(0, 0) == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]


@pytest.mark.parametrize("name", ["dropout", "gaussian_dropout"])
def test_one_and_two_threads_give_the_same_bits(name: str) -> None:
    x = normal(1, 300_001)
    check_threads(getattr(_core, name), {"src": x, "rate": 0.3, "seed": 5}, {"dst": x.shape})


@pytest.mark.usefixtures("backend")
def test_the_share_of_zeros_is_the_rate_and_the_mean_stays() -> None:
    src, dst = np.ones(1_000_000, np.float32), np.empty(1_000_000, np.float32)
    _core.dropout(src, dst, 0.3, 11)
    assert np.mean(dst == 0) == pytest.approx(0.3, abs=3e-3)  # 6 standard deviations
    assert dst.mean() == pytest.approx(1, abs=4e-3)
    other = np.empty_like(dst)
    _core.dropout(src, other, 0.3, 12)
    assert np.mean((dst == 0) & (other == 0)) == pytest.approx(0.09, abs=3e-3)


@pytest.mark.usefixtures("backend")
def test_gaussian_noise_has_the_moments_of_a_normal_number() -> None:
    """Mean 1, variance rate / (1 - rate), skewness 0, kurtosis 3: within 5 standard errors."""
    src, dst = np.ones(1_000_000, np.float32), np.empty(1_000_000, np.float32)
    _core.gaussian_dropout(src, dst, 0.2, 11)
    z = (dst.astype(np.float64) - 1) / 0.5
    for power, moment, error in ((1, 0, 1), (2, 1, 2**0.5), (3, 0, 15**0.5), (4, 3, 96**0.5)):
        assert np.mean(z**power) == pytest.approx(moment, abs=5e-3 * error), power
    assert abs(np.mean(z[::2] * z[1::2])) < 5e-3 * 2**0.5  # the two of a pair
    assert np.abs(z).max() > 4.5
