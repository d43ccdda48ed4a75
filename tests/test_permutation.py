"""Two blocks of axes that change places."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agreement import check, normal
from cnnx import _core, layers
from single_layer import both
from strategies import seeds

extents = st.integers(1, 40)


@example((2, 3, 90_000, 1), 1)  # enough for two threads, of pictures with three channels
@example((2, 90_000, 3, 1), 1)
@example((3, 300, 301, 1), 1)
@example((1, 300, 300, 3), 1)
@given(st.tuples(st.integers(0, 3), extents, extents, st.integers(1, 5)), seeds)
def test_rows_and_columns_change_places(shape: tuple[int, ...], seed: int) -> None:
    src = normal(seed, *shape)
    check(_core.swap_axes, {"src": src}, {"dst": src.transpose(0, 2, 1, 3)}, tolerance=0)


@pytest.mark.parametrize("rank", [1, 2, 3, 4])
def test_permute_puts_axes_in_any_order_and_back(rank: int) -> None:
    for dims in itertools.permutations(range(1, rank + 1)):
        for shape in ((2, 3, 4, 5)[:rank], (2, 1, 3, 1)[:rank]):
            x = normal(rank, 2, *shape)
            layer = layers.Permute(dims)
            layer.build_once((None, *shape))
            y, dx = both(layer, x, x.transpose(0, *dims).copy())
            np.testing.assert_array_equal(y, x.transpose(0, *dims), str(dims))
            np.testing.assert_array_equal(dx, x, str(dims))
