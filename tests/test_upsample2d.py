"""Upsampling by whole factors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import reference
from agreement import check, normal
from cnnx import _core
from strategies import channels, seeds

WAYS = ["nearest", "bilinear"]
extents, factors = st.integers(1, 5), st.integers(1, 4)


@pytest.mark.parametrize("interpolation", WAYS)
@example(3, 17, 12, 2, 3, 17, 1)  # enough for two threads
@given(st.integers(0, 2), extents, extents, factors, factors, channels, seeds)
def test_upsampling_agrees_with_the_oracle(
    interpolation: str, mb: int, h: int, w: int, factor_h: int, factor_w: int, c: int, seed: int
) -> None:
    by = {"factors": (factor_h, factor_w), "interpolation": interpolation}
    src, diff_dst = normal(seed, mb, h, w, c), normal(seed + 1, mb, factor_h * h, factor_w * w, c)
    dst = reference.upsampled(src, *by.values())
    check(_core.upsample2d_forward, {"src": src, **by}, {"dst": dst})
    diff_src = reference.upsampled_backward(diff_dst, *by.values())
    check(_core.upsample2d_backward, {"diff_dst": diff_dst, **by}, {"diff_src": diff_src})


@pytest.mark.parametrize("interpolation", WAYS)
def test_gradients_are_the_central_differences(interpolation: str) -> None:
    src, diff_dst = normal(1, 1, 3, 2, 2), normal(2, 1, 6, 6, 2)
    by = {"factors": (2, 3), "interpolation": interpolation}
    gradient = reference.central_differences(
        lambda s: reference.upsampled(s, *by.values()) * diff_dst, src
    )
    check(_core.upsample2d_backward, {"diff_dst": diff_dst, **by}, {"diff_src": gradient})


@pytest.mark.usefixtures("backend")
def test_pixels_are_interpolated_between_their_centres() -> None:
    """The figures of TensorFlow's `resize` and Keras' `UpSampling2D`."""
    src = np.float32([1, 5, 3]).reshape(1, 1, 3, 1)
    dst = np.empty((1, 2, 6, 1), np.float32)
    _core.upsample2d_forward(src, dst, (2, 2), "bilinear")
    for row in dst[0, :, :, 0]:
        np.testing.assert_array_equal(row, [1, 2, 4, 4.5, 3.5, 3])
    _core.upsample2d_forward(src, dst, (2, 2), "nearest")
    np.testing.assert_array_equal(dst[0, 1, :, 0], [1, 1, 5, 5, 3, 3])


@pytest.mark.usefixtures("backend")
def test_a_nan_pixel_reaches_its_neighbours_alone() -> None:
    src = np.zeros((1, 1, 5, 1), np.float32)
    src[0, 0, 2] = np.nan
    dst = np.empty((1, 1, 15, 1), np.float32)
    _core.upsample2d_forward(src, dst, (1, 3), "bilinear")
    touched = np.zeros(15, bool)
    touched[5:10] = True  # the middles of the pixels beside it are those pixels
    np.testing.assert_array_equal(np.isnan(dst[0, 0, :, 0]), touched)


def test_what_does_not_fit_is_named() -> None:
    src, dst = normal(1, 2, 3, 4, 5), np.empty((2, 6, 8, 5), np.float32)
    with pytest.raises(
        ValueError, match=r"dst must have shape \(2, 6, 12, 5\), got \(2, 6, 8, 5\)"
    ):
        _core.upsample2d_forward(src, dst, (2, 3), "nearest")
    with pytest.raises(ValueError, match="factors must be at least 1"):
        _core.upsample2d_forward(src, dst, (0, 2), "nearest")
    with pytest.raises(ValueError, match="interpolation must be nearest or bilinear, got cubic"):
        _core.upsample2d_forward(src, dst, (2, 2), "cubic")
    with pytest.raises(ValueError, match=r"diff_dst must have shape \(2, 12, 16, 5\)"):
        _core.upsample2d_backward(src, dst, (2, 2), "nearest")
    with pytest.raises(ValueError, match="dst must not share memory with an input"):
        _core.upsample2d_forward(src, src, (1, 1), "bilinear")
