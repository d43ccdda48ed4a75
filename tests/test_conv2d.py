from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import cnnx
import reference
from agreement import TOLERANCE, assert_close, check, check_threads, normal, whole
from cnnx import _core
from strategies import Window, channels, seeds, windows

# groups, input channels a group, output channels a group
ungrouped = st.tuples(st.just(1), channels, channels)
grouped = st.tuples(st.integers(2, 4), st.integers(1, 5), st.integers(1, 9))
depthwise = st.tuples(channels, st.just(1), st.integers(1, 2))
ONE_PIXEL = Window((1, 1), (1, 1), (1, 1), (1, 1), (0, 0), (1, 1))

# Images, their size and strides: few pixels, some, and so many that they are summed up in parts.
POINTWISE_PIXELS = [
    (1, (1, 1), (1, 1)),
    (2, (5, 7), (1, 1)),
    (3, (7, 10), (2, 3)),
    (2, (30, 29), (1, 1)),
    (7, (40, 32), (1, 1)),
    (4, (93, 60), (2, 1)),
]


@pytest.fixture(params=["direct", "im2col"], autouse=True, scope="module")
def conv_algorithm(request: pytest.FixtureRequest) -> Iterator[None]:
    """Run all tests of this file for both ways that are exact; test_winograd.py has the third."""
    before = cnnx.config.conv_algorithm()
    cnnx.config.set_conv_algorithm(request.param)
    yield
    cnnx.config.set_conv_algorithm(before)


def geometry_of(window: Window, groups: int, rotated: bool = False) -> dict[str, Any]:
    return {
        "strides": window.strides,
        "padding": window.padding,
        "dilation": window.dilation,
        "groups": groups,
        "rotated": rotated,
    }


def same_window(height: int, width: int, kernel: int, stride: int) -> Window:
    out = tuple(-(-size // stride) for size in (height, width))
    return Window(
        (height, width),
        (out[0], out[1]),
        (kernel, kernel),
        strides=(stride, stride),
        padding=((kernel - 1) // 2, (kernel - 1) // 2),
        dilation=(1, 1),
    )


def check_conv2d(
    src: Any,
    weights: Any,
    bias: Any,
    diff_dst: Any,
    geometry: dict[str, Any],
    tolerance: float,
) -> None:
    output_size = diff_dst.shape[1:3]
    dst = reference.conv2d_forward(src, weights, bias, output_size, **geometry)
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


def check_addends(
    src: Any,
    weights: Any,
    diff_dst: Any,
    geometry: dict[str, Any],
    activation: str,
    seed: int,
    tolerance: float = TOLERANCE,
) -> None:
    """Check the sums with another array, and the transposed convolution that is one."""
    activate = {"linear": lambda x: x, "relu": reference.relu_forward}[activation]
    output_size, epilogue = diff_dst.shape[1:3], {"activation": activation}
    bias, addend = whole(seed + 4, diff_dst.shape[-1]), whole(seed + 5, *diff_dst.shape)
    dst = reference.conv2d_forward(src, weights, bias, output_size, **geometry)
    inputs = {"src": src, "weights": weights, "bias": bias, "addend": addend}
    check(
        _core.conv2d_forward,
        {**inputs, **epilogue, **geometry},
        {"dst": activate(dst + addend)},
        tolerance=tolerance,
    )
    diff_src, *_ = reference.conv2d_backward(src, weights, diff_dst, **geometry)
    bias, addend = whole(seed + 6, src.shape[-1]), whole(seed + 7, *src.shape)
    inputs = {"diff_dst": diff_dst, "weights": weights, **geometry}
    check(
        _core.conv2d_backward_data,
        {**inputs, "addend": addend},
        {"diff_src": diff_src + addend},
        tolerance=tolerance,
    )
    check(
        _core.conv2d_backward_data,
        {**inputs, "addend": addend, "bias": bias, **epilogue},
        {"diff_src": activate(diff_src + bias + addend)},
        tolerance=tolerance,
    )
    check(
        _core.conv2d_backward_data,
        {**inputs, "bias": bias, **epilogue},
        {"diff_src": activate(diff_src + bias)},
        tolerance=tolerance,
    )


@example(ONE_PIXEL, 1, (1, 1, 1), False, True, True, 0)
@example(
    Window((2, 2), (2, 2), (2, 3), strides=(1, 1), padding=(1, 1), dilation=(2, 1)),
    *(1, (2, 1, 2), False, True, True, 0),
)
@given(
    windows(dilated=True),
    st.integers(1, 3),
    st.one_of(ungrouped, grouped, depthwise),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    seeds,
)
def test_conv2d_agrees_with_the_oracle(
    window: Window,
    mb: int,
    group_sizes: tuple[int, int, int],
    rotated: bool,
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
    geometry = geometry_of(window, groups, rotated)
    check_conv2d(src, weights, bias, diff_dst, geometry, tolerance)


@pytest.mark.parametrize("window_rows", [1, 2])
@example(same_window(7, 29, 5, 1), 2, (1, 1, 6), "relu", 0)
@example(same_window(6, 20, 3, 1), 2, (1, 8, 4), "linear", 0)
@example(same_window(6, 21, 3, 1), 2, (24, 1, 1), "relu", 0)
@example(same_window(7, 10, 1, 1), 2, (1, 20, 37), "relu", 0)
@example(same_window(7, 10, 1, 3), 2, (1, 20, 37), "linear", 0)
@given(
    windows(dilated=True),
    st.integers(1, 3),
    st.one_of(ungrouped, grouped, depthwise),
    st.sampled_from(["linear", "relu"]),
    seeds,
)
def test_activation_and_pooling_in_the_same_pass(
    window_rows: int,
    window: Window,
    mb: int,
    group_sizes: tuple[int, int, int],
    activation: str,
    seed: int,
) -> None:
    groups, ic, oc = group_sizes
    src = whole(seed, mb, *window.input_size, groups * ic)
    weights = whole(seed + 1, *window.kernel_size, ic, groups * oc)
    bias = whole(seed + 2, groups * oc)
    geometry = geometry_of(window, groups)
    before = reference.conv2d_forward(src, weights, bias, window.output_size, **geometry)
    rows, columns = window.output_size
    windows = (window_rows, 2)
    pool = {"pool_size": windows, "strides": windows, "padding": (0, 0)}
    pooled_size = rows // window_rows, columns // 2
    pooled, argmax = reference.max_pool2d_forward(before, pooled_size, **pool)
    activate = {"linear": lambda x: x, "relu": reference.relu_forward}[activation]
    extra = {"activation": activation, "pooled_from": None}
    inputs = {"src": src, "weights": weights, "bias": bias, **geometry}
    check(_core.conv2d_forward, inputs | extra, {"dst": activate(before)}, tolerance=0)
    extra["pooled_from"] = window.output_size
    check(_core.conv2d_forward, inputs | extra, {"dst": activate(pooled)}, tolerance=0)
    passing = pooled > 0 if activation == "relu" else np.ones(pooled.shape, bool)
    codes = np.where(passing, argmax, 4).astype(np.uint8)
    check(
        _core.conv2d_forward,
        inputs | extra,
        {"dst": activate(pooled), "codes": codes},
        start={"codes": np.full(codes.shape, 99, np.uint8)},
        tolerance=0,
    )
    diff_dst = whole(seed + 3, *pooled.shape)
    unpooled = reference.max_pool2d_backward(diff_dst * passing, argmax, window.output_size, **pool)
    diff_src, diff_weights, diff_bias = reference.conv2d_backward(
        src, weights, unpooled, **geometry
    )
    gradient = {"diff_dst": diff_dst, "codes": codes, "pooled_from": window.output_size, **geometry}
    check(
        _core.conv2d_backward_data,
        {"weights": weights, **gradient},
        {"diff_src": diff_src},
        tolerance=0,
    )
    check(
        _core.conv2d_backward_weights,
        {"src": src, **gradient},
        {"diff_weights": diff_weights, "diff_bias": diff_bias},
        tolerance=0,
    )


@example(same_window(7, 29, 5, 1), 2, (1, 3, 6), False, "relu", 0)
@example(same_window(9, 20, 3, 2), 2, (1, 16, 4), True, "relu", 0)
@example(same_window(9, 21, 1, 2), 2, (1, 12, 4), True, "linear", 0)
@example(same_window(6, 21, 3, 2), 2, (24, 1, 1), False, "relu", 0)
@example(same_window(7, 9, 1, 1), 2, (1, 20, 37), False, "relu", 0)
@example(same_window(4, 3, 1, 1), 1, (1, 30, 150), False, "relu", 0)
@example(same_window(7, 9, 1, 3), 2, (1, 20, 37), True, "relu", 0)
@given(
    windows(dilated=True),
    st.integers(1, 3),
    st.one_of(ungrouped, grouped, depthwise),
    st.booleans(),
    st.sampled_from(["linear", "relu"]),
    seeds,
)
def test_an_addend_in_the_same_pass(
    window: Window,
    mb: int,
    group_sizes: tuple[int, int, int],
    rotated: bool,
    activation: str,
    seed: int,
) -> None:
    groups, ic, oc = group_sizes
    src = whole(seed, mb, *window.input_size, groups * ic)
    weights = whole(seed + 1, *window.kernel_size, ic, groups * oc)
    diff_dst = whole(seed + 3, mb, *window.output_size, groups * oc)
    geometry = geometry_of(window, groups, rotated)
    check_addends(src, weights, diff_dst, geometry, activation, seed, 0.0)


def test_an_addend_of_arrays_large_enough_for_two_threads() -> None:
    for groups, ic, stride in (1, 24, 1), (1, 3, 1), (1, 16, 2), (32, 32, 2):
        window = same_window(24, 24, 3, stride)
        src, weights = normal(1, 9, 24, 24, ic), normal(2, 3, 3, ic // groups, ic)
        diff_dst = normal(3, 9, *window.output_size, ic)
        check_addends(src, weights, diff_dst, geometry_of(window, groups), "relu", 4)


@pytest.mark.usefixtures("backend")
def test_an_addend_is_not_the_output_and_not_pooled() -> None:
    src, weights, dst = normal(1, 1, 6, 6, 4), normal(2, 3, 3, 4, 4), normal(3, 1, 6, 6, 4)
    geometry = {"strides": (1, 1), "padding": (1, 1), "dilation": (1, 1), "groups": 1}
    geometry["rotated"] = False
    with pytest.raises(ValueError, match="dst must not share memory with an input"):
        _core.conv2d_forward(src, weights, None, dst, **geometry, addend=dst)
    with pytest.raises(ValueError, match="diff_src must not share memory with an input"):
        _core.conv2d_backward_data(src, weights, dst, **geometry, addend=dst)
    half = np.zeros((1, 3, 3, 4), np.float32)
    with pytest.raises(ValueError, match="addend cannot be added before pooling"):
        _core.conv2d_forward(
            src, weights, None, half, **geometry, addend=half.copy(), pooled_from=(6, 6)
        )


@pytest.mark.parametrize("rotated", [False, True])
@pytest.mark.parametrize("groups", [1, 2])
def test_gradients_are_the_central_differences(groups: int, rotated: bool) -> None:
    window = Window((5, 6), (3, 3), (3, 2), (2, 2), (1, 0), (1, 1))
    geometry = geometry_of(window, groups, rotated)
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
    check_conv2d(*(whole(i, *shape) for i, shape in enumerate(shapes)), geometry, 0.0)

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


@pytest.mark.parametrize("width", [20, 29])
@pytest.mark.parametrize("oc", [1, 3, 4, 6, 8])
@pytest.mark.parametrize(("ic", "kernel", "stride"), [(1, 5, 1), (8, 3, 1), (3, 5, 2), (4, 4, 1)])
def test_few_channels_in_rows_long_enough_for_several_pixels_a_vector(
    ic: int, oc: int, kernel: int, stride: int, width: int
) -> None:
    window = same_window(6, width, kernel, stride)
    geometry = geometry_of(window, 1)
    shapes = (2, 6, width, ic), (kernel, kernel, ic, oc), (oc,), (2, *window.output_size, oc)
    check_conv2d(*(whole(i, *shape) for i, shape in enumerate(shapes)), geometry, 0.0)


@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (7, 1), (2, 3)])
@pytest.mark.parametrize("channels", [1, 3, 8, 24])
def test_depthwise(channels: int, kernel: int, stride: int) -> None:
    window = same_window(7, 21, kernel, stride)
    geometry = geometry_of(window, channels)
    output = (2, *window.output_size, channels)
    shapes = (2, 7, 21, channels), (kernel, kernel, 1, channels), (channels,), output
    check_conv2d(*(whole(i, *shape) for i, shape in enumerate(shapes)), geometry, 0.0)


@pytest.mark.parametrize(("mb", "size", "strides"), POINTWISE_PIXELS)
@pytest.mark.parametrize(("ic", "oc"), [(16, 16), (17, 24), (70, 37), (20, 290)])
def test_pointwise(
    mb: int, size: tuple[int, int], strides: tuple[int, int], ic: int, oc: int
) -> None:
    """Whole numbers agree with the oracle; real ones have the same bits on 1 and 2 threads."""
    (height, width), (dy, dx) = size, strides
    out = (height + dy - 1) // dy, (width + dx - 1) // dx
    window = Window(size, out, (1, 1), strides=strides, padding=(0, 0), dilation=(1, 1))
    geometry = geometry_of(window, 1)
    shapes = (mb, *size, ic), (1, 1, ic, oc), (oc,), (mb, *out, oc)
    check_conv2d(*(whole(i, *shape) for i, shape in enumerate(shapes)), geometry, 0.0)

    src, weights, bias, diff_dst = (normal(i, *shape) for i, shape in enumerate(shapes))
    inputs = {"src": src, "weights": weights, "bias": bias, **geometry}
    check_threads(_core.conv2d_forward, inputs, {"dst": diff_dst.shape})
    inputs = {"diff_dst": diff_dst, "weights": weights, **geometry}
    check_threads(_core.conv2d_backward_data, inputs, {"diff_src": src.shape})
    inputs = {"src": src, "diff_dst": diff_dst, **geometry}
    outputs = {"diff_weights": weights.shape, "diff_bias": (oc,)}
    check_threads(_core.conv2d_backward_weights, inputs, outputs)


def test_pointwise_where_the_last_pixels_are_not_seen() -> None:
    window = Window((8, 9), (3, 4), (1, 1), (2, 2), padding=(0, 0), dilation=(1, 1))
    shapes = (2, 8, 9, 16), (1, 1, 16, 24), (24,), (2, 3, 4, 24)
    arrays = (whole(i, *shape) for i, shape in enumerate(shapes))
    check_conv2d(*arrays, geometry_of(window, 1), 0.0)


@pytest.mark.parametrize(("ic", "oc"), [(1, 5), (3, 48), (16, 9), (65, 130), (520, 16)])
@pytest.mark.parametrize(
    ("kernel", "above", "below"), [((2, 2), 0, 0), ((3, 2), 1, 2), ((1, 4), 0, 0)]
)
def test_windows_that_lie_side_by_side(
    kernel: tuple[int, int], above: int, below: int, ic: int, oc: int
) -> None:
    """Their pixels are taken for channels of wide ones, unless these would be too many."""
    (rows, columns), (kh, kw) = (3, 5), kernel
    height = rows * kh - above + below
    window = Window((height, columns * kw), (rows, columns), kernel, kernel, (above, 0), (1, 1))
    shapes = (2, height, columns * kw, ic), (kh, kw, ic, oc), (oc,), (2, rows, columns, oc)
    src, weights, bias, diff_dst = (whole(i, *shape) for i, shape in enumerate(shapes))
    for rotated in False, True:
        geometry = geometry_of(window, 1, rotated)
        check_conv2d(src, weights, bias, diff_dst, geometry, 0.0)
        check_addends(src, weights, diff_dst, geometry, "relu", 4, 0.0)


@pytest.mark.parametrize("multiplier", [1, 2, 3])
@pytest.mark.parametrize("channels", [3, 20, 67])
@pytest.mark.parametrize(
    ("kernel", "strides"), [(3, (1, 1)), (5, (1, 2)), (7, (2, 1)), (3, (3, 2))]
)
def test_depthwise_with_several_outputs_a_channel(
    kernel: int, strides: tuple[int, int], channels: int, multiplier: int
) -> None:
    size = 9, 17
    window = Window(
        size,
        (-(-size[0] // strides[0]), -(-size[1] // strides[1])),
        (kernel, kernel),
        strides=strides,
        padding=(kernel // 2, kernel // 2),
        dilation=(1, 1),
    )
    geometry, oc = geometry_of(window, channels), channels * multiplier
    output = (2, *window.output_size, oc)
    arrays = [
        whole(i, *shape)
        for i, shape in enumerate([(2, *size, channels), (kernel, kernel, 1, oc), (oc,), output])
    ]
    check_conv2d(*arrays, geometry, 0.0)
    src, weights, _, diff_dst = arrays
    check_addends(src, weights, diff_dst, geometry, "relu", seed=7, tolerance=0.0)


@pytest.mark.parametrize("stride", [1, 2])
def test_depthwise_with_pixels_that_share_places_in_the_cache(stride: int) -> None:
    window = same_window(5, 9, 3, stride)
    geometry = geometry_of(window, 512)
    shapes = (2, 5, 9, 512), (3, 3, 1, 512), (512,), (2, *window.output_size, 512)
    check_conv2d(*(whole(i, *shape) for i, shape in enumerate(shapes)), geometry, 0.0)


@pytest.mark.parametrize(("kernel", "stride"), [(3, 2), (5, 3), (1, 2), (2, 3)])
@pytest.mark.parametrize("groups", [1, 2])
def test_strided_with_channels_that_fill_vectors(groups: int, kernel: int, stride: int) -> None:
    window = same_window(11, 16, kernel, stride)
    geometry = geometry_of(window, groups)
    ic, oc = 16 * groups, 24
    shapes = (3, 11, 16, ic), (kernel, kernel, 16, oc), (oc,), (3, *window.output_size, oc)
    check_conv2d(*(whole(i, *shape) for i, shape in enumerate(shapes)), geometry, 0.0)


@pytest.mark.parametrize(("mb", "size", "stride"), [(1, 5, 1), (2, 9, 2), (1, 14, 1)])
def test_many_weights_that_meet_few_pixels(mb: int, size: int, stride: int) -> None:
    """Threads share out the channels, of one strip and of several."""
    window, ic, oc = same_window(size, size + 2, 3, stride), 270, 290
    geometry = geometry_of(window, 1)
    shapes = (
        (mb, *window.input_size, ic),
        (3, 3, ic, oc),
        (oc,),
        (mb, *window.output_size, oc),
    )
    src, weights, bias, diff_dst = (whole(i, *shape) for i, shape in enumerate(shapes))
    check_conv2d(src, weights, bias, diff_dst, geometry, 0.0)
    check_addends(src, weights, diff_dst, geometry, "relu", 5)
    inputs = {"src": normal(1, *src.shape), "weights": normal(2, *weights.shape), "bias": bias}
    check_threads(_core.conv2d_forward, {**inputs, **geometry}, {"dst": diff_dst.shape})


@pytest.mark.parametrize(("ic", "oc"), [(1024, 300), (130, 1024), (1024, 1024)])
def test_pointwise_with_pixels_that_share_places_in_the_cache(ic: int, oc: int) -> None:
    geometry = geometry_of(same_window(9, 5, 1, 1), 1)
    shapes = (3, 9, 5, ic), (1, 1, ic, oc), (oc,), (3, 9, 5, oc)
    check_conv2d(*(whole(i, *shape) for i, shape in enumerate(shapes)), geometry, 0.0)


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


@pytest.mark.usefixtures("backend")
def test_a_nan_pixel_spreads_to_the_outputs_it_touches_and_no_further() -> None:
    src = normal(1, 1, 8, 8, 3)
    src[0, 4, 4, 1] = np.nan
    dst = np.zeros((1, 6, 6, 5), np.float32)
    _core.conv2d_forward(src, normal(2, 3, 3, 3, 5), None, dst, (1, 1), (0, 0), (1, 1), 1, False)
    touched = np.zeros(dst.shape, bool)
    touched[:, 2:5, 2:5] = True
    np.testing.assert_array_equal(np.isnan(dst), touched)


@pytest.mark.usefixtures("backend")
def test_no_images_have_gradients_of_zero() -> None:
    diff_weights, diff_bias = np.ones((1, 1, 2, 3), np.float32), np.ones(3, np.float32)
    src, diff_dst = np.ones((0, 4, 4, 2), np.float32), np.ones((0, 4, 4, 3), np.float32)
    _core.conv2d_backward_weights(
        src, diff_dst, diff_weights, diff_bias, (1, 1), (0, 0), (1, 1), 1, False
    )
    assert not diff_weights.any()
    assert not diff_bias.any()


@pytest.mark.usefixtures("backend")
def test_a_nan_pixel_may_spread_along_its_row_where_output_channels_are_few() -> None:
    src = normal(1, 1, 8, 24, 3)
    src[0, 4, 12, 1] = np.nan
    dst = np.zeros((1, 6, 22, 4), np.float32)
    _core.conv2d_forward(src, normal(2, 3, 3, 3, 4), None, dst, (1, 1), (0, 0), (1, 1), 1, False)
    assert np.isnan(dst[:, 2:5, 10:13]).all()
    dst[:, 2:5, 7:16] = 0  # four pixels a vector
    assert not np.isnan(dst).any()


@pytest.mark.parametrize("far", [-1, 2**31, 2**62, 2**63 - 1])
@pytest.mark.parametrize("name", ["strides", "padding", "dilation"])
def test_windows_that_lie_too_far_apart_to_count_are_refused(name: str, far: int) -> None:
    x, y, kernel = np.zeros((1, 5, 6, 3)), np.zeros((1, 4, 5, 4)), np.zeros((2, 3, 3, 4))
    geometry = geometry_of(ONE_PIXEL, 1) | {name: (1, far)}
    arrays = [array.astype(np.float32) for array in (x, kernel, y)]
    with pytest.raises(ValueError, match=rf"{name} must be at least \d and less than 2\*\*31, got"):
        _core.conv2d_forward(arrays[0], arrays[1], None, arrays[2], **geometry)
