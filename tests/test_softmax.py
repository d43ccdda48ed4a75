from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import reference
from agreement import check, normal
from cnnx import _core
from strategies import seeds

rows = st.integers(1, 9)
classes = st.sampled_from([1, 2, 3, 10, 16, 17, 100, 257])


@given(rows, classes, st.sampled_from([0.1, 1.0, 30.0]), st.booleans(), seeds)
def test_softmax_agrees_with_the_oracle(
    mb: int, n: int, scale: float, in_place: bool, seed: int
) -> None:
    src = normal(seed, mb, n) * np.float32(scale)
    check(
        _core.softmax_forward,
        {"src": src},
        {"dst": reference.softmax_forward(src)},
        in_place={"dst": "src"} if in_place else None,
    )


@given(rows, st.sampled_from([2, 3, 10, 16, 17, 257]), seeds)
def test_softmax_backward_agrees_with_the_oracle(mb: int, n: int, seed: int) -> None:
    dst = reference.softmax_forward(normal(seed, mb, n)).astype(np.float32)
    diff_dst = normal(seed + 1, mb, n)
    check(
        _core.softmax_backward,
        {"dst": dst, "diff_dst": diff_dst},
        {"diff_src": reference.softmax_backward(dst, diff_dst)},
    )


def test_gradient_is_the_central_difference() -> None:
    src, diff_dst = normal(1, 3, 7), normal(2, 3, 7)
    check(
        _core.softmax_backward,
        {"dst": reference.softmax_forward(src).astype(np.float32), "diff_dst": diff_dst},
        {
            "diff_src": reference.central_differences(
                lambda s: reference.softmax_forward(s) * diff_dst, src
            )
        },
    )


def test_arrays_large_enough_for_two_threads() -> None:
    x = normal(1, 20_001, 10)
    check(_core.softmax_forward, {"src": x}, {"dst": reference.softmax_forward(x)})
    check(
        _core.softmax_backward,
        {"dst": x, "diff_dst": x},
        {"diff_src": reference.softmax_backward(x, x)},
    )


def softmax(src: list[list[float]] | NDArray[np.float32]) -> NDArray[np.float32]:
    src = np.array(src, np.float32)
    dst = np.full_like(src, np.nan)
    _core.softmax_forward(src, dst)
    return dst


@pytest.mark.usefixtures("backend")
def test_relative_error() -> None:
    """The maximum is 0, so that x - max is exact."""
    src = np.random.default_rng(1).uniform(-80, 0, (2000, 10)).astype(np.float32)
    src[:, 0] = 0
    np.testing.assert_allclose(softmax(src), reference.softmax_forward(src), rtol=4e-7)


@pytest.mark.usefixtures("backend")
def test_large_logits_stay_finite() -> None:
    np.testing.assert_array_equal(softmax([[1e4, -1e4, 0]]), [[1, 0, 0]])
    np.testing.assert_array_equal(softmax([[-1e4, -1e4]]), [[0.5, 0.5]])


@pytest.mark.usefixtures("backend")
def test_nan_spreads_over_its_own_row_alone() -> None:
    dst = softmax([[0, np.nan, 1], [0, 0, 0]])
    assert np.isnan(dst[0]).all()
    np.testing.assert_allclose(dst[1], 1 / 3, rtol=1e-6)


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize(
    ("logits", "printed"),
    [
        ([3.2, 1.3, 0.2, 0.8], [0.775, 0.116, 0.039, 0.070]),
        ([2, 4], [0.119, 0.881]),
        ([4, 8], [0.018, 0.982]),
    ],
)
def test_textbook_examples(logits: list[float], printed: list[float]) -> None:
    np.testing.assert_allclose(softmax([logits])[0], printed, rtol=0, atol=5e-4)
