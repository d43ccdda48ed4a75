from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from agreement import check, check_threads, normal
from cnnx import _core

FILL_MODES = ["constant", "nearest", "reflect", "wrap"]
extents = st.integers(1, 7)


@given(
    st.integers(0, 3),
    extents,
    extents,
    st.integers(1, 3),
    st.sampled_from(FILL_MODES),
    st.integers(0, 99),
)
def test_affine_agrees_with_the_oracle(
    mb: int, h: int, w: int, c: int, fill_mode: str, seed: int
) -> None:
    src, dy = normal(seed, mb, h, w, c), normal(seed + 1, mb, h, w, c)
    transforms = normal(seed + 2, mb, 2, 3) * np.float32([1, 1, 5])
    inputs = {"transforms": transforms, "fill_mode": fill_mode}
    check(
        _core.affine_forward,
        {"src": src, **inputs},
        {"dst": reference.affine_forward(src, transforms, fill_mode)},
    )
    check(
        _core.affine_backward_data,
        {"diff_dst": dy, **inputs},
        {"diff_src": reference.affine_backward_data(dy, transforms, fill_mode)},
    )


@pytest.mark.usefixtures("backend")
def test_whole_pixels_move_exactly() -> None:
    src = normal(1, 1, 4, 6, 2)
    for transform, fill_mode, expected in (
        ([[1, 0, 0], [0, 1, 0]], "constant", src),
        ([[1, 0, 0], [0, -1, 5]], "constant", src[:, :, ::-1]),
        ([[-1, 0, 3], [0, 1, 0]], "constant", src[:, ::-1]),
        ([[1, 0, -1], [0, 1, 2]], "wrap", np.roll(src, (1, -2), (1, 2))),
        ([[1, 0, -1], [0, 1, 0]], "nearest", src[:, [0, 0, 1, 2]]),
        ([[1, 0, -2], [0, 1, 0]], "reflect", src[:, [1, 0, 0, 1]]),
        ([[1, 0, 5], [0, 1, 0]], "reflect", src[:, [2, 1, 0, 0]]),
        ([[1, 0, -4], [0, 1, 0]], "constant", np.zeros_like(src)),
    ):
        dst = np.empty_like(src)
        _core.affine_forward(src, np.float32([transform]), dst, fill_mode)
        np.testing.assert_array_equal(dst, expected)


def test_one_and_two_threads_give_the_same_bits() -> None:
    x, transforms = normal(1, 9, 40, 50, 3), normal(2, 9, 2, 3)
    inputs = {"transforms": transforms, "fill_mode": "reflect"}
    check_threads(_core.affine_forward, {"src": x, **inputs}, {"dst": x.shape})
    check_threads(_core.affine_backward_data, {"diff_dst": x, **inputs}, {"diff_src": x.shape})


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 2.0**31])
def test_a_place_must_be_a_pixels_number(wrong: float) -> None:
    x = np.zeros((1, 2, 2, 1), np.float32)
    transforms = np.zeros((1, 2, 3), np.float32)
    transforms[0, 1, 1] = wrong
    with pytest.raises(ValueError, match=r"affine_forward: transforms must be finite"):
        _core.affine_forward(x, transforms, x.copy(), "wrap")
    with pytest.raises(ValueError, match=r"fill_mode must be constant.*mirror"):
        _core.affine_forward(x, np.zeros_like(transforms), x.copy(), "mirror")
    with pytest.raises(ValueError, match=r"dst must not share memory"):
        _core.affine_forward(x, np.zeros_like(transforms), x, "wrap")
