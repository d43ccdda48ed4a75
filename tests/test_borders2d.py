"""Zeros around images, and images without their borders."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import reference
from agreement import check, normal
from cnnx import _core
from strategies import channels, seeds

borders = st.tuples(*(st.integers(0, 3) for _ in range(4)))


@example(9, 33, 31, (1, 2, 0, 3), 17, 1)  # enough for two threads
@given(st.integers(0, 3), st.integers(0, 5), st.integers(0, 5), borders, channels, seeds)
def test_each_is_the_gradient_of_the_other(
    mb: int, h: int, w: int, border: tuple[int, ...], c: int, seed: int
) -> None:
    top, bottom, left, right = border
    inner, outer = (h, w), (h + top + bottom, w + left + right)
    sides = (top, bottom), (left, right)
    src = normal(seed, mb, *inner, c)
    check(
        _core.zero_pad2d,
        {"src": src, "padding": (top, left)},
        {"dst": reference.zero_padded(src, sides)},
        tolerance=0,
    )
    src = normal(seed, mb, *outer, c)
    check(
        _core.crop2d,
        {"src": src, "cropping": (top, left)},
        {"dst": reference.cropped(src, sides)},
        tolerance=0,
    )


def test_what_does_not_fit_is_named() -> None:
    small, large = normal(1, 2, 3, 4, 5), normal(2, 2, 6, 6, 5)
    for corner in [(4, 0), (0, 3)]:
        with pytest.raises(ValueError, match="padding must leave room for the inner image"):
            _core.zero_pad2d(small, large, corner)
        with pytest.raises(ValueError, match="cropping must leave room for the inner image"):
            _core.crop2d(large, small, corner)
    with pytest.raises(ValueError, match="padding must be at least 0"):
        _core.zero_pad2d(small, large, (-1, 0))
    with pytest.raises(ValueError, match=r"src must have shape \(2, 3, 4, 1\)"):
        _core.zero_pad2d(small, np.zeros((2, 6, 6, 1), np.float32), (0, 0))
    with pytest.raises(ValueError, match=r"src must have shape \(1, 6, 6, 5\)"):
        _core.crop2d(large, small[:1].copy(), (0, 0))
    with pytest.raises(ValueError, match="dst must not share memory with an input"):
        _core.crop2d(large, large, (0, 0))
