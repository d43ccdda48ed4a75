"""Arrays joined along an axis, and taken apart again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agreement import check, normal
from cnnx import _core
from strategies import seeds

shapes = st.lists(st.integers(0, 5), min_size=1, max_size=4)


@example([1000, 31], 1, [3, 64, 1, 16], 1)  # enough for two threads
@given(shapes, st.integers(0, 3), st.lists(st.integers(0, 19), min_size=1, max_size=4), seeds)
def test_parts_are_joined_and_taken_out(
    shape: list[int], axis: int, extents: list[int], seed: int
) -> None:
    axis = min(axis, len(shape) - 1)
    parts = [normal(seed + k, *shape[:axis], n, *shape[axis + 1 :]) for k, n in enumerate(extents)]
    joined = np.concatenate(parts, axis)

    def concatenate(dst: Any, **srcs: Any) -> None:
        _core.concatenate(list(srcs.values()), dst, axis)

    inputs = {f"src{k}": part for k, part in enumerate(parts)}
    check(concatenate, inputs, {"dst": joined}, tolerance=0)

    wanted = [k for k in range(len(parts)) if k != seed % 4]
    begins = [sum(extents[:k]) for k in wanted]

    def split(src: Any, **dsts: Any) -> None:
        _core.split(src, list(dsts.values()), begins, axis)

    check(split, {"src": joined}, {f"dst{k}": parts[k] for k in wanted}, tolerance=0)


def test_what_does_not_fit_is_named() -> None:
    a, b, dst = normal(1, 3, 4, 2), normal(2, 3, 4, 5), np.empty((3, 4, 7), np.float32)
    for srcs, axis, problem in [
        ([a, b], 3, "axis must be at least 0 and less than 3, got 3"),
        ([a, b], -1, "axis must be at least 0 and less than 3, got -1"),
        ([a], 2, "srcs must fill the 7 of the joined axis, got 2"),
        ([b, b], 2, "srcs must lie within the 7 of the joined axis, got 5 from 5 on"),
        ([a, b[:2]], 2, r"srcs must have shape \(3, 4, 5\), got \(2, 4, 5\)"),
        ([a, b[0]], 2, "srcs must have 3 dimensions, got 2"),
        ([dst], 2, "dst must not share memory with an input"),
    ]:
        with pytest.raises(ValueError, match=problem):
            _core.concatenate(srcs, dst, axis)
    for dsts, begins, problem in [
        ([a, b], [0], "begins must be as many as dsts, got 1 for 2"),
        ([a], [-1], "dsts must lie within the 7 of the joined axis, got 2 from -1 on"),
        ([a], [6], "dsts must lie within the 7 of the joined axis, got 2 from 6 on"),
    ]:
        with pytest.raises(ValueError, match=problem):
            _core.split(dst, dsts, begins, 2)
