from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agreement import check, check_threads, normal
from cnnx import _core
from reference import pictures as reference

FILL_MODES = ["constant", "nearest", "reflect", "wrap"]
extents = st.integers(1, 7)


def flat(rows: object) -> np.ndarray:
    """Return the eight numbers of a map of rows and columns."""
    return np.append(np.float32(rows).ravel(), [0, 0]).astype(np.float32)[None]


@given(
    st.integers(0, 3),
    extents,
    extents,
    st.integers(1, 4),
    st.sampled_from(FILL_MODES),
    st.sampled_from(["bilinear", "nearest"]),
    st.booleans(),
    st.integers(0, 99),
)
def test_warp_agrees_with_the_oracle(
    mb: int, h: int, w: int, c: int, fill_mode: str, interpolation: str, flat: bool, seed: int
) -> None:
    src, dy = normal(seed, mb, h, w, c), normal(seed + 1, mb, h, w, c)
    transforms = normal(seed + 2, mb, 8) * np.float32([1, 1, 5, 1, 1, 5, 0.02, 0.02])
    if flat:
        transforms[:, 6:] = 0
    ways = {"fill_mode": fill_mode, "interpolation": interpolation}
    inputs = {"transforms": transforms, **ways}
    check(
        _core.warp_forward,
        {"src": src, **inputs, "fill_value": 0.5},
        {"dst": reference.warp_forward(src, transforms, *ways.values(), 0.5)},
        tolerance=2e-5,
    )
    check(
        _core.warp_backward_data,
        {"diff_dst": dy, **inputs},
        {"diff_src": reference.warp_backward_data(dy, transforms, *ways.values())},
        tolerance=2e-5,
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
        _core.warp_forward(src, flat(transform), dst, fill_mode)
        np.testing.assert_array_equal(dst, expected)


def test_one_and_two_threads_give_the_same_bits() -> None:
    x, transforms = normal(1, 9, 40, 50, 3), normal(2, 9, 8)
    transforms[::2, 6:] = 0
    inputs = {"transforms": transforms, "fill_mode": "reflect"}
    check_threads(_core.warp_forward, {"src": x, **inputs}, {"dst": x.shape})
    check_threads(_core.warp_backward_data, {"diff_dst": x, **inputs}, {"diff_src": x.shape})


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 2.0**31])
def test_a_place_must_be_a_pixels_number(wrong: float) -> None:
    x = np.zeros((1, 2, 2, 1), np.float32)
    transforms = np.zeros((1, 8), np.float32)
    transforms[0, 4] = wrong
    with pytest.raises(ValueError, match=r"warp_forward: transforms must be finite"):
        _core.warp_forward(x, transforms, x.copy(), "wrap")
    with pytest.raises(ValueError, match=r"fill_mode must be constant.*mirror"):
        _core.warp_forward(x, np.zeros_like(transforms), x.copy(), "mirror")
    with pytest.raises(ValueError, match=r"dst must not share memory"):
        _core.warp_forward(x, np.zeros_like(transforms), x, "wrap")
