"""Weights that are prepared once for many convolutions."""

from __future__ import annotations

import numpy as np
import pytest

from agreement import assert_close, normal
from cnnx import _core

pytestmark = [pytest.mark.every_isa, pytest.mark.usefixtures("conv_algorithm")]


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize(("ic", "oc"), [(3, 5), (5, 8), (32, 48), (20, 300), (130, 600)])
@pytest.mark.parametrize("kernel", [1, 3])
def test_prepared_weights_change_nothing(kernel: int, ic: int, oc: int) -> None:
    weights, bias = normal(1, kernel, kernel, ic, oc), normal(2, oc)
    prepared = _core.PreparedWeights()
    for mb in (9, 1, 9):
        src = normal(mb, mb, 12, 11, ic)
        dst, again = np.zeros((2, mb, 12, 11, oc), np.float32)
        windows = (1, 1), (kernel // 2, kernel // 2), (1, 1), 1, False
        _core.conv2d_forward(src, weights, bias, dst, *windows)
        _core.conv2d_forward(src, weights, bias, again, *windows, prepared=prepared)
        assert_close(again, dst)


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize(
    ("kernel", "stride", "ic", "oc", "groups"),
    [
        *[(3, 1, 3, 5, 1), (3, 1, 20, 40, 1), (3, 2, 16, 24, 1), (1, 1, 24, 33, 1)],
        *[(3, 1, 8, 12, 4), (3, 1, 24, 24, 24), (3, 1, 3, 3, 3), (3, 1, 12, 24, 12)],
    ],
)
def test_a_scale_of_prepared_weights_is_that_of_the_weights(
    kernel: int, stride: int, ic: int, oc: int, groups: int
) -> None:
    weights, scale = normal(1, kernel, kernel, ic // groups, oc), normal(2, oc)
    src, size = normal(3, 4, 12, 12, ic), 12 // stride
    dst, expected = np.zeros((2, 4, size, size, oc), np.float32)
    windows = (stride, stride), (kernel // 2, kernel // 2), (1, 1), groups, False
    with_scale, without = _core.PreparedWeights(scale), _core.PreparedWeights()
    for _ in range(2):
        _core.conv2d_forward(src, weights, None, dst, *windows, prepared=with_scale)
    _core.conv2d_forward(src, weights * scale, None, expected, *windows, prepared=without)
    np.testing.assert_array_equal(dst, expected)


def test_a_scale_of_prepared_weights_has_a_number_for_each_output_channel() -> None:
    x, weights, y = (
        np.zeros(shape, np.float32) for shape in ((1, 4, 4, 3), (1, 1, 3, 4), (1, 4, 4, 4))
    )
    prepared = _core.PreparedWeights(np.ones(3, np.float32))
    with pytest.raises(ValueError, match="prepared must have a scale of 4 channels, got 3"):
        _core.conv2d_forward(
            x, weights, None, y, (1, 1), (0, 0), (1, 1), 1, False, prepared=prepared
        )
