"""Convolutions of the shapes that the core computes in ways of their own."""

from __future__ import annotations

import pytest

from agreement import check_threads, normal, whole
from cnnx import _core
from conv2d_checks import check_addends, check_conv2d, geometry_of, same_window
from strategies import Window

pytestmark = [pytest.mark.every_isa, pytest.mark.usefixtures("conv_algorithm")]

# Images, their size and strides: few pixels, some, and so many that they are summed up in parts.
POINTWISE_PIXELS = [
    (1, (1, 1), (1, 1)),
    (2, (5, 7), (1, 1)),
    (3, (7, 10), (2, 3)),
    (2, (30, 29), (1, 1)),
    (7, (40, 32), (1, 1)),
    (4, (93, 60), (2, 1)),
]


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


@pytest.mark.parametrize("mb", [1, 3])
@pytest.mark.parametrize(
    ("taps", "padding", "stride", "dilation", "group_sizes"),
    [
        (7, 3, 1, 1, (1, 1, 16)),
        (7, 0, 1, 1, (1, 3, 40)),
        (4, 5, 1, 3, (1, 2, 9)),
        (3, 0, 1, 400, (1, 2, 9)),
        (9, 4, 2, 1, (1, 8, 24)),
        (2, 0, 3, 1, (1, 7, 20)),
        (5, 2, 1, 1, (3, 2, 8)),
    ],
)
def test_long_signals_that_threads_share_out(
    taps: int,
    padding: int,
    stride: int,
    dilation: int,
    group_sizes: tuple[int, int, int],
    mb: int,
) -> None:
    """Lengths that can be cut evenly, and others."""
    groups, ic, oc = group_sizes
    for length in (1260, 1009):
        width = (length - 1) * stride + (taps - 1) * dilation + 1 - 2 * padding
        window = Window(
            *((1, width), (1, length), (1, taps)),
            strides=(1, stride),
            padding=(0, padding),
            dilation=(1, dilation),
        )
        geometry = geometry_of(window, groups)
        shapes = (mb, 1, width, groups * ic), (1, taps, ic, groups * oc), (groups * oc,)
        arrays = [
            whole(i, *shape) for i, shape in enumerate((*shapes, (mb, 1, length, groups * oc)))
        ]
        check_conv2d(*arrays, geometry, 0.0)
        src, weights, _, diff_dst = arrays
        check_addends(src, weights, diff_dst, geometry, "relu", 4, 0.0)


@pytest.mark.parametrize(("ic", "oc"), [(1024, 300), (130, 1024), (1024, 1024)])
def test_pointwise_with_pixels_that_share_places_in_the_cache(ic: int, oc: int) -> None:
    geometry = geometry_of(same_window(9, 5, 1, 1), 1)
    shapes = (3, 9, 5, ic), (1, 1, ic, oc), (oc,), (3, 9, 5, oc)
    check_conv2d(*(whole(i, *shape) for i, shape in enumerate(shapes)), geometry, 0.0)
