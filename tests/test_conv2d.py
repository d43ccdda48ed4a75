from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import reference
from agreement import TOLERANCE, check, check_threads, normal, whole
from cnnx import _core
from strategies import Window, channels, seeds, windows

# groups, input channels a group, output channels a group
ungrouped = st.tuples(st.just(1), channels, channels)
grouped = st.tuples(st.integers(2, 4), st.integers(1, 5), st.integers(1, 9))
depthwise = st.tuples(channels, st.just(1), st.integers(1, 2))
ONE_PIXEL = Window((1, 1), (1, 1), (1, 1), (1, 1), (0, 0), (1, 1))


def geometry_of(window: Window, groups: int) -> dict[str, Any]:
    return {
        "strides": window.strides,
        "padding": window.padding,
        "dilation": window.dilation,
        "groups": groups,
    }


def check_conv2d(
    src: Any, weights: Any, bias: Any, diff_dst: Any, window: Window, groups: int, tolerance: float
) -> None:
    geometry = geometry_of(window, groups)
    dst = reference.conv2d_forward(src, weights, bias, window.output_size, **geometry)
    diff_src, diff_weights, diff_bias = reference.conv2d_backward(
        src, weights, diff_dst, **geometry
    )
    check(
        _core.conv2d_forward,
        {"src": src, "weights": weights, "bias": bias, **geometry},
        {"dst": dst},
        tolerance=tolerance,
    )
    check(
        _core.conv2d_backward_data,
        {"diff_dst": diff_dst, "weights": weights, **geometry},
        {"diff_src": diff_src},
        tolerance=tolerance,
    )
    check(
        _core.conv2d_backward_weights,
        {"src": src, "diff_dst": diff_dst, **geometry},
        {"diff_weights": diff_weights, "diff_bias": None if bias is None else diff_bias},
        tolerance=tolerance,
    )


@example(ONE_PIXEL, 1, (1, 1, 1), True, True, 0)
@given(
    windows(dilated=True),
    st.integers(1, 3),
    st.one_of(ungrouped, grouped, depthwise),
    st.booleans(),
    st.booleans(),
    seeds,
)
def test_conv2d_agrees_with_the_oracle(
    window: Window,
    mb: int,
    group_sizes: tuple[int, int, int],
    use_bias: bool,
    whole_numbers: bool,
    seed: int,
) -> None:
    groups, ic, oc = group_sizes
    numbers, tolerance = (whole, 0.0) if whole_numbers else (normal, TOLERANCE)
    src = numbers(seed, mb, *window.input_size, groups * ic)
    weights = numbers(seed + 1, *window.kernel_size, ic, groups * oc)
    bias = numbers(seed + 2, groups * oc) if use_bias else None
    diff_dst = numbers(seed + 3, mb, *window.output_size, groups * oc)
    check_conv2d(src, weights, bias, diff_dst, window, groups, tolerance)


@pytest.mark.parametrize("groups", [1, 2])
def test_gradients_are_the_central_differences(groups: int) -> None:
    window = Window((5, 6), (3, 3), (3, 2), (2, 2), (1, 0), (1, 1))
    geometry = geometry_of(window, groups)
    src, weights, bias = normal(1, 2, 5, 6, 2), normal(2, 3, 2, 2 // groups, 4), normal(3, 4)
    diff_dst = normal(4, 2, 3, 3, 4)

    def loss(s: Any = src, w: Any = weights, b: Any = bias) -> Any:
        return reference.conv2d_forward(s, w, b, window.output_size, **geometry) * diff_dst

    check(
        _core.conv2d_backward_data,
        {"diff_dst": diff_dst, "weights": weights, **geometry},
        {"diff_src": reference.central_differences(lambda s: loss(s=s), src)},
    )
    check(
        _core.conv2d_backward_weights,
        {"src": src, "diff_dst": diff_dst, **geometry},
        {
            "diff_weights": reference.central_differences(lambda w: loss(w=w), weights),
            "diff_bias": reference.central_differences(lambda b: loss(b=b), bias),
        },
    )


@pytest.mark.parametrize(
    ("groups", "ic", "oc", "kernel", "stride"),
    [(1, 16, 24, 3, 1), (1, 1, 8, 5, 1), (1, 32, 32, 1, 1), (1, 3, 16, 3, 2), (32, 32, 32, 3, 1)],
)
def test_arrays_large_enough_for_two_threads(
    groups: int, ic: int, oc: int, kernel: int, stride: int
) -> None:
    """Whole numbers agree with the oracle; real ones have the same bits on 1 and 2 threads."""
    mb, size = 9, 24
    out = (size + kernel // 2 * 2 - kernel) // stride + 1
    window = Window(
        (size, size),
        (out, out),
        (kernel, kernel),
        strides=(stride, stride),
        padding=(kernel // 2, kernel // 2),
        dilation=(1, 1),
    )
    geometry = geometry_of(window, groups)
    shapes = (mb, size, size, ic), (kernel, kernel, ic // groups, oc), (oc,), (mb, out, out, oc)
    check_conv2d(*(whole(i, *shape) for i, shape in enumerate(shapes)), window, groups, 0.0)

    src, weights, bias, diff_dst = (normal(i, *shape) for i, shape in enumerate(shapes))
    check_threads(
        _core.conv2d_forward,
        {"src": src, "weights": weights, "bias": bias, **geometry},
        {"dst": diff_dst.shape},
    )
    check_threads(
        _core.conv2d_backward_data,
        {"diff_dst": diff_dst, "weights": weights, **geometry},
        {"diff_src": src.shape},
    )
    check_threads(
        _core.conv2d_backward_weights,
        {"src": src, "diff_dst": diff_dst, **geometry},
        {"diff_weights": weights.shape, "diff_bias": (oc,)},
    )


@pytest.mark.usefixtures("backend")
def test_a_nan_pixel_spreads_to_the_outputs_it_touches_and_no_further() -> None:
    src = normal(1, 1, 8, 8, 3)
    src[0, 4, 4, 1] = np.nan
    dst = np.zeros((1, 6, 6, 5), np.float32)
    _core.conv2d_forward(src, normal(2, 3, 3, 3, 5), None, dst, (1, 1), (0, 0), (1, 1), 1)
    touched = np.zeros(dst.shape, bool)
    touched[:, 2:5, 2:5] = True
    np.testing.assert_array_equal(np.isnan(dst), touched)


# The worked examples of the textbooks: (image, kernel, padding, stride, printed result).
S2_IMAGE = [[94, 50, 221], [98, 109, 50], [49, 213, 91]]
S3_IMAGE = [[1, 6, 2], [5, 3, 1], [7, 0, 4]]
BITS = [[1, 1, 1, 0, 0], [0, 1, 1, 1, 0], [0, 0, 1, 1, 1], [0, 0, 1, 1, 0], [0, 1, 1, 0, 0]]
DIGITS = [[10 * row + column for column in range(1, 8)] for row in range(8)]
CROSS = [[0, 1, 0], [1, 1, 1], [0, 1, 0]]
TEXTBOOK = {
    "correlation": (S2_IMAGE, [[2, 2, 1], [1, 0, -2], [-2, 2, 2]], 0, 1, [[1017]]),
    "convolution": (S2_IMAGE, [[2, 2, -2], [-2, 0, 1], [1, 2, 2]], 0, 1, [[357]]),
    "valid": (S3_IMAGE, [[1, 2], [-1, 0]], 0, 1, [[8, 7], [4, 5]]),
    "full": (
        S3_IMAGE,
        [[1, 2], [-1, 0]],
        1,
        1,
        [[0, -1, -6, -2], [2, 8, 7, 1], [10, 4, 5, -3], [14, 7, 8, 4]],
    ),
    "full convolution": (
        S3_IMAGE,
        [[0, -1], [2, 1]],
        1,
        1,
        [[1, 8, 14, 4], [4, 7, 5, 2], [2, 11, 3, 8], [-7, 0, -4, 0]],
    ),
    "bits": (
        BITS,
        [[1, 0, 1], [0, 1, 0], [1, 0, 1]],
        0,
        1,
        [[4, 3, 4], [2, 4, 3], [2, 3, 4]],
    ),
    "stride 2": (
        DIGITS,
        [[1, 1, 1]] * 3,
        0,
        2,
        [[108, 126, 144], [288, 306, 324], [468, 486, 504]],
    ),
}


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize(
    ("image", "kernel", "pad", "stride", "result"), TEXTBOOK.values(), ids=TEXTBOOK
)
def test_textbook_examples_are_exact(
    image: Any, kernel: Any, pad: int, stride: int, result: Any
) -> None:
    src = np.array(image, np.float32)[None, :, :, None]
    weights = np.array(kernel, np.float32)[:, :, None, None]
    dst = np.empty((1, *np.shape(result), 1), np.float32)
    _core.conv2d_forward(src, weights, None, dst, (stride, stride), (pad, pad), (1, 1), 1)
    np.testing.assert_array_equal(dst[0, :, :, 0], result)


@pytest.mark.usefixtures("backend")
def test_textbook_cross_filter_over_one_and_three_channels() -> None:
    patches = {
        1.2: [[0.7, 0.2, 0.3], [0.2, 0.4, 0.1], [0.5, 0.3, 0.8]],
        4.1: [[0.1, 0.9, 0.2], [0.7, 0.9, 0.8], [0.2, 0.8, 0.1]],
        2.9: [[0.1, 0.1, 0.2], [0.7, 0.6, 0.7], [0.8, 0.8, 0.8]],
        2.4: [[0.0, 0.3, 0.9], [1.0, 0.3, 0.7], [0.2, 0.1, 0.0]],
        1.9: [[0.2, 0.2, 0.7], [0.3, 0.5, 0.4], [0.5, 0.5, 0.7]],
    }
    images = np.array(list(patches.values()), np.float32)
    cross = np.array(CROSS, np.float32)[:, :, None, None]
    geometry = ((1, 1), (0, 0), (1, 1), 1)
    one = np.empty((5, 1, 1, 1), np.float32)
    _core.conv2d_forward(images[..., None].copy(), cross, None, one, *geometry)
    np.testing.assert_allclose(one.ravel(), list(patches), rtol=1e-6)

    colour = np.ascontiguousarray(images[2:].transpose(1, 2, 0))[None]
    three = np.empty((1, 1, 1, 1), np.float32)
    weights, bias = np.repeat(cross, 3, axis=2), np.array([-3], np.float32)
    _core.conv2d_forward(colour, weights, bias, three, *geometry)
    assert three.item() == pytest.approx(4.2, rel=1e-6)
