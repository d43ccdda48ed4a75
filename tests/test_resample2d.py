from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agreement import check, check_threads, normal
from cnnx import _core

extents = st.integers(1, 6)


def shares(seed: int, count: int, taps: int, extent: int) -> tuple[np.ndarray, np.ndarray]:
    places = np.random.default_rng(seed).integers(0, extent, (count, taps)).astype(np.int32)
    return places, normal(seed, count, taps)


def matrix(places: np.ndarray, weights: np.ndarray, extent: int) -> np.ndarray:
    found = np.zeros((len(places), extent))
    np.add.at(found, (np.arange(len(places))[:, None], places), weights)
    return found


@given(
    st.integers(0, 3),
    st.tuples(extents, extents),
    st.tuples(extents, extents),
    st.tuples(st.integers(1, 4), st.integers(1, 4)),
    st.integers(1, 4),
    st.sampled_from([0.0, 1.5]),
)
def test_resampling_is_two_products(
    mb: int,
    size: tuple[int, int],
    wanted: tuple[int, int],
    taps: tuple[int, int],
    c: int,
    fill: float,
) -> None:
    src, dy = normal(1, mb, *size, c), normal(2, mb, *wanted, c)
    rows, columns = (shares(3 + i, wanted[i], taps[i], size[i]) for i in range(2))
    a, b = matrix(*rows, size[0]), matrix(*columns, size[1])
    covered = (a.sum(1)[:, None] * b.sum(1))[..., None]
    expected = np.einsum("ij,njkc,lk->nilc", a, src, b) + fill * (1 - covered)
    names = ("row_places", "row_shares", "column_places", "column_shares")
    inputs = dict(zip(names, (*rows, *columns), strict=True))
    check(_core.resample2d_forward, {"src": src, **inputs, "fill": fill}, {"dst": expected})
    gradient = np.einsum("ij,nilc,lk->njkc", a, dy, b)
    check(_core.resample2d_backward, {"diff_dst": dy, **inputs}, {"diff_src": gradient})


def test_one_and_two_threads_give_the_same_bits() -> None:
    src, dy = normal(1, 5, 60, 70, 3), normal(2, 5, 30, 90, 3)
    rows, columns = shares(3, 30, 5, 60), shares(4, 90, 4, 70)
    names = ("row_places", "row_shares", "column_places", "column_shares")
    inputs = dict(zip(names, (*rows, *columns), strict=True))
    check_threads(_core.resample2d_forward, {"src": src, **inputs}, {"dst": dy.shape})
    check_threads(_core.resample2d_backward, {"diff_dst": dy, **inputs}, {"diff_src": src.shape})


@pytest.mark.parametrize("wrong", [-1, 4])
def test_a_place_must_be_a_pixels_number(wrong: int) -> None:
    x = np.zeros((1, 4, 4, 1), np.float32)
    places, weights = np.full((4, 1), wrong, np.int32), np.ones((4, 1), np.float32)
    right = np.zeros((4, 1), np.int32)
    with pytest.raises(ValueError, match="row_places must be numbers of pixels"):
        _core.resample2d_forward(x, places, weights, right, weights, x.copy())
    with pytest.raises(ValueError, match="column_places must be numbers of pixels"):
        _core.resample2d_backward(x, right, weights, places, weights, x.copy())
    with pytest.raises(ValueError, match="dst must have as many images"):
        _core.resample2d_forward(x, right, weights, right, weights, x[..., :0].copy())
