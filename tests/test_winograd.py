"""The three passes of convolutions by Winograd's algorithm: 3x3 of stride 1 and 2, and rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

import cnnx
import reference
from agreement import check, check_threads, normal
from cnnx import _core
from strategies import Window, seeds, windows_of_3x3

strided = st.sampled_from([1, 2]).flatmap(windows_of_3x3)
wide = st.sampled_from([16, 17, 33, 64])  # channels; fewer are computed in another way
SAME = {"strides": (1, 1), "padding": (1, 1), "dilation": (1, 1), "groups": 1, "rotated": False}


@pytest.fixture(autouse=True, scope="module")
def winograd() -> Iterator[None]:
    before = cnnx.config.conv_algorithm()
    cnnx.config.set_conv_algorithm("winograd")
    yield
    cnnx.config.set_conv_algorithm(before)


def geometry_of(window: Window, rotated: bool) -> dict[str, Any]:
    return SAME | {"strides": window.strides, "padding": window.padding, "rotated": rotated}


@given(strided, st.integers(1, 3), wide, wide, st.booleans(), st.booleans(), seeds)
def test_the_passes_agree_with_the_oracle(
    window: Window, mb: int, ic: int, oc: int, rotated: bool, use_bias: bool, seed: int
) -> None:
    src, weights = normal(seed, mb, *window.input_size, ic), normal(seed + 1, 3, 3, ic, oc)
    bias = normal(seed + 2, oc) if use_bias else None
    diff_dst = normal(seed + 3, mb, *window.output_size, oc)
    geometry = geometry_of(window, rotated)
    dst = reference.conv2d_forward(src, weights, bias, window.output_size, **geometry)
    diff_src, diff_weights, diff_bias = reference.conv2d_backward(
        src, weights, diff_dst, **geometry
    )
    inputs = {"src": src, "weights": weights, "bias": bias, **geometry}
    check(_core.conv2d_forward, inputs, {"dst": dst})
    inputs = {"diff_dst": diff_dst, "weights": weights, **geometry}
    check(_core.conv2d_backward_data, inputs, {"diff_src": diff_src})
    inputs = {"src": src, "diff_dst": diff_dst, **geometry}
    expected = {"diff_weights": diff_weights, "diff_bias": diff_bias if use_bias else None}
    check(_core.conv2d_backward_weights, inputs, expected)


@given(
    st.sampled_from([3, 5]),
    st.integers(1, 30),
    st.tuples(st.integers(0, 4), st.integers(0, 4)),
    st.integers(1, 3),
    wide,
    wide,
    st.booleans(),
    seeds,
)
def test_rows_agree_with_the_oracle(
    taps: int,
    size: int,
    padding: tuple[int, int],
    rows: int,
    ic: int,
    oc: int,
    rotated: bool,
    seed: int,
) -> None:
    """Kernels of one row, each row of an image by itself."""
    before, after = padding
    width = size + before + after - taps + 1
    assume(width > 0)
    src, weights = normal(seed, 2, rows, size, ic), normal(seed + 1, 1, taps, ic, oc)
    bias, diff_dst = normal(seed + 2, oc), normal(seed + 3, 2, rows, width, oc)
    geometry = SAME | {"padding": (0, before), "rotated": rotated}
    dst = reference.conv2d_forward(src, weights, bias, (rows, width), **geometry)
    diff_src, diff_weights, diff_bias = reference.conv2d_backward(
        src, weights, diff_dst, **geometry
    )
    addend = normal(seed + 4, *dst.shape)
    inputs = {"src": src, "weights": weights, "bias": bias, "addend": addend, **geometry}
    check(
        _core.conv2d_forward,
        inputs | {"activation": "relu"},
        {"dst": reference.relu_forward(dst + addend)},
    )
    inputs = {"diff_dst": diff_dst, "weights": weights, **geometry}
    check(_core.conv2d_backward_data, inputs, {"diff_src": diff_src})
    inputs = {"src": src, "diff_dst": diff_dst, **geometry}
    expected = {"diff_weights": diff_weights, "diff_bias": diff_bias}
    check(_core.conv2d_backward_weights, inputs, expected)


@pytest.mark.parametrize("taps", [3, 5])
def test_bits_of_rows_do_not_depend_on_the_number_of_threads(taps: int) -> None:
    src, weights = normal(1, 9, 1, 501, 16), normal(2, 1, taps, 16, 33)
    diff_dst = normal(3, 9, 1, 501, 33)
    geometry = SAME | {"padding": (0, taps // 2)}
    inputs = {"src": src, "weights": weights, "bias": None, **geometry}
    check_threads(_core.conv2d_forward, inputs, {"dst": diff_dst.shape})
    inputs = {"diff_dst": diff_dst, "weights": weights, **geometry}
    check_threads(_core.conv2d_backward_data, inputs, {"diff_src": src.shape})
    inputs = {"src": src, "diff_dst": diff_dst, "diff_bias": None, **geometry}
    check_threads(_core.conv2d_backward_weights, inputs, {"diff_weights": weights.shape})
    pooled = {"pooled_from": (1, 501), **geometry}
    dst = {"dst": (9, 1, 250, 33)}
    check_threads(
        _core.conv2d_forward, {"src": src, "weights": weights, "bias": None, **pooled}, dst
    )
    codes = np.random.default_rng(4).integers(0, 2, (9, 1, 250, 33), np.uint8)
    pooled |= {"diff_dst": diff_dst[:, :, :250].copy(), "codes": codes}
    check_threads(
        _core.conv2d_backward_data, {"weights": weights, **pooled}, {"diff_src": src.shape}
    )
    inputs = {"src": src, "diff_bias": None, **pooled}
    check_threads(_core.conv2d_backward_weights, inputs, {"diff_weights": weights.shape})


def two_largest_differ(before: NDArray[Any], window_rows: int) -> bool:
    """Whether rounding errors cannot change which pixel of a window is the largest."""
    mb, rows, columns, channels = before.shape
    whole = before[:, : rows // window_rows * window_rows, : columns // 2 * 2]
    shape = mb, rows // window_rows, window_rows, columns // 2, 2, channels
    ordered = np.sort(whole.reshape(shape).transpose(0, 1, 3, 5, 2, 4).reshape(-1, 2 * window_rows))
    return bool(np.all(ordered[:, -1] - ordered[:, -2] > 1e-4))


def check_pooled_pass(
    src: NDArray[np.float32],
    weights: NDArray[np.float32],
    output_size: tuple[int, int],
    window_rows: int,
    activation: str,
    geometry: dict[str, Any],
    seed: int,
) -> None:
    """Compare the passes of a convolution, a pooling of `window_rows` x 2 pixels, an activation."""
    bias = normal(seed, weights.shape[-1])
    before = reference.conv2d_forward(src, weights, bias, output_size, **geometry)
    assume(two_largest_differ(before, window_rows))
    windows, (rows, columns) = (window_rows, 2), output_size
    pool = {"pool_size": windows, "strides": windows, "padding": (0, 0)}
    pooled_size = rows // window_rows, columns // 2
    pooled, argmax = reference.max_pool2d_forward(before, pooled_size, **pool)
    activate = {"linear": lambda x: x, "relu": reference.relu_forward}[activation]
    inputs = {"src": src, "weights": weights, "bias": bias, "activation": activation, **geometry}
    check(_core.conv2d_forward, inputs, {"dst": activate(before)})
    inputs["pooled_from"] = output_size
    check(_core.conv2d_forward, inputs | {"codes": None}, {"dst": activate(pooled)})
    if activation == "relu":
        assume(np.all(np.abs(pooled) > 1e-4))  # else rounding may decide what passes
    passing = pooled > 0 if activation == "relu" else np.ones(pooled.shape, bool)
    codes = np.where(passing, argmax, 4).astype(np.uint8)
    check(
        _core.conv2d_forward,
        inputs,
        {"dst": activate(pooled), "codes": codes},
        start={"codes": np.full(codes.shape, 99, np.uint8)},
    )
    diff_dst = normal(seed + 1, *pooled.shape)
    unpooled = reference.max_pool2d_backward(diff_dst * passing, argmax, output_size, **pool)
    diff_src, diff_weights, diff_bias = reference.conv2d_backward(
        src, weights, unpooled, **geometry
    )
    gradient = {"diff_dst": diff_dst, "codes": codes, "pooled_from": output_size, **geometry}
    check(_core.conv2d_backward_data, {"weights": weights, **gradient}, {"diff_src": diff_src})
    check(
        _core.conv2d_backward_weights,
        {"src": src, **gradient},
        {"diff_weights": diff_weights, "diff_bias": diff_bias},
    )


@given(
    windows_of_3x3(stride=1),
    st.sampled_from([1, 2]),
    st.integers(1, 2),
    wide,
    wide,
    st.sampled_from(["linear", "relu"]),
    st.booleans(),
    seeds,
)
def test_activation_and_pooling_in_the_same_pass(
    window: Window,
    window_rows: int,
    mb: int,
    ic: int,
    oc: int,
    activation: str,
    rotated: bool,
    seed: int,
) -> None:
    src, weights = normal(seed, mb, *window.input_size, ic), normal(seed + 1, 3, 3, ic, oc)
    geometry = geometry_of(window, rotated)
    check_pooled_pass(src, weights, window.output_size, window_rows, activation, geometry, seed + 2)


@given(
    st.sampled_from([3, 5]),
    st.one_of(st.integers(2, 30), st.just(410)),
    st.integers(1, 3),
    wide,
    wide,
    st.sampled_from(["linear", "relu"]),
    st.booleans(),
    seeds,
)
def test_activation_and_pooling_of_rows_in_the_same_pass(
    taps: int,
    size: int,
    rows: int,
    ic: int,
    oc: int,
    activation: str,
    rotated: bool,
    seed: int,
) -> None:
    src, weights = normal(seed, 2, rows, size, ic), normal(seed + 1, 1, taps, ic, oc)
    geometry = SAME | {"padding": (0, taps // 2), "rotated": rotated}
    check_pooled_pass(src, weights, (rows, size), 1, activation, geometry, seed + 2)


@given(strided, st.integers(1, 2), wide, wide, st.booleans(), seeds)
def test_an_addend_in_the_same_pass(
    window: Window, mb: int, ic: int, oc: int, rotated: bool, seed: int
) -> None:
    src, weights = normal(seed, mb, *window.input_size, ic), normal(seed + 1, 3, 3, ic, oc)
    diff_dst, bias = normal(seed + 2, mb, *window.output_size, oc), normal(seed + 3, oc)
    geometry = geometry_of(window, rotated)
    dst = reference.conv2d_forward(src, weights, bias, window.output_size, **geometry)
    addend = normal(seed + 4, *dst.shape)
    inputs = {"src": src, "weights": weights, "bias": bias, "addend": addend}
    expected = {"dst": reference.relu_forward(dst + addend)}
    check(_core.conv2d_forward, inputs | geometry | {"activation": "relu"}, expected)
    diff_src, *_ = reference.conv2d_backward(src, weights, diff_dst, **geometry)
    inputs = {"diff_dst": diff_dst, "weights": weights, "addend": src}
    check(_core.conv2d_backward_data, inputs | geometry, {"diff_src": diff_src + src})
    bias = normal(seed + 5, ic)
    expected = {"diff_src": reference.relu_forward(diff_src + bias + src)}
    check(
        _core.conv2d_backward_data,
        inputs | geometry | {"bias": bias, "activation": "relu"},
        expected,
    )


@pytest.mark.parametrize("activation", ["linear", "relu", "tanh"])
def test_threads_share_out_the_channels_of_few_tiles(activation: str) -> None:
    """Of register tiles and some channels beside them."""
    src, weights, bias = normal(1, 1, 9, 10, 80), normal(2, 3, 3, 80, 101), normal(3, 101)
    before = reference.conv2d_forward(src, weights, bias, (9, 10), **SAME)
    addend = normal(4, *before.shape)
    activate = {"linear": np.copy, "relu": reference.relu_forward, "tanh": np.tanh}[activation]
    inputs = {"src": src, "weights": weights, "bias": bias, "activation": activation, **SAME}
    check(_core.conv2d_forward, inputs | {"addend": addend}, {"dst": activate(before + addend)})
    pool = {"pool_size": (2, 2), "strides": (2, 2), "padding": (0, 0)}
    pooled, argmax = reference.max_pool2d_forward(before, (4, 5), **pool)
    inputs["pooled_from"] = (9, 10)
    check(_core.conv2d_forward, inputs | {"codes": None}, {"dst": activate(pooled)})
    if activation == "linear":
        start = {"codes": np.full(pooled.shape, 99, np.uint8)}
        codes = argmax.astype(np.uint8)
        check(_core.conv2d_forward, inputs, {"dst": pooled, "codes": codes}, start=start)


def largest_error(got: NDArray[Any], expected: NDArray[Any]) -> float:
    return float(np.abs(got - expected).max() / np.abs(expected).max())


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize(
    ("kernel", "size", "ic", "oc", "stride"),
    [
        ((3, 3), 26, 32, 64, 1),
        ((3, 3), 20, 128, 128, 1),
        ((3, 3), 13, 128, 136, 1),
        ((3, 3), 26, 32, 64, 2),
        ((3, 3), 9, 256, 256, 2),
        ((1, 3), 26, 32, 64, 1),
        ((1, 5), 26, 32, 64, 1),
    ],
)
def test_errors_against_float64(
    kernel: tuple[int, int], size: int, ic: int, oc: int, stride: int
) -> None:
    """Relative to the largest output. With many weights, threads share the blocks of tiles, or few
    tiles meet the weights a part at a time."""
    outputs = -(-size // stride)
    src, weights = normal(1, 3, size, size, ic), normal(2, *kernel, ic, oc)
    diff_dst = normal(3, 3, outputs, outputs, oc)
    dst, diff_src = np.empty_like(diff_dst), np.empty_like(src)
    diff_weights = np.empty_like(weights)
    padding = kernel[0] // 2, kernel[1] // 2
    geometry = SAME | {"strides": (stride, stride), "padding": padding}
    _core.conv2d_forward(src, weights, None, dst, **geometry)
    _core.conv2d_backward_data(diff_dst, weights, diff_src, **geometry)
    _core.conv2d_backward_weights(src, diff_dst, diff_weights, None, **geometry)
    expected = reference.conv2d_forward(src, weights, None, (outputs, outputs), **geometry)
    assert largest_error(dst, expected) < 4e-6
    expected_src, expected_weights, _ = reference.conv2d_backward(
        src, weights, diff_dst, **geometry
    )
    assert largest_error(diff_src, expected_src) < 4e-6
    assert largest_error(diff_weights, expected_weights) < 4e-6


@pytest.mark.parametrize(
    ("mb", "size", "ic", "oc", "stride"),
    [
        (9, 24, 16, 33, 1),
        (40, 24, 32, 32, 1),
        (20, 11, 128, 144, 1),
        (3, 11, 128, 144, 1),
        (9, 45, 16, 33, 2),
        (20, 11, 256, 272, 2),
    ],
)
def test_bits_do_not_depend_on_the_number_of_threads(
    mb: int, size: int, ic: int, oc: int, stride: int
) -> None:
    outputs = -(-size // stride)
    src, weights = normal(1, mb, size, size, ic), normal(2, 3, 3, ic, oc)
    diff_dst = normal(3, mb, outputs, outputs, oc)
    geometry = SAME | {"strides": (stride, stride)}
    inputs = {"src": src, "weights": weights, "bias": None, **geometry}
    check_threads(_core.conv2d_forward, inputs, {"dst": diff_dst.shape})
    inputs = {"diff_dst": diff_dst, "weights": weights, **geometry}
    check_threads(_core.conv2d_backward_data, inputs, {"diff_src": src.shape})
    inputs = {"src": src, "diff_dst": diff_dst, "diff_bias": None, **geometry}
    check_threads(_core.conv2d_backward_weights, inputs, {"diff_weights": weights.shape})


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize(("kernel", "stride"), [((3, 3), 1), ((3, 3), 2), ((1, 3), 1), ((1, 5), 1)])
def test_a_scale_of_prepared_weights_is_that_of_the_weights(
    kernel: tuple[int, int], stride: int
) -> None:
    weights, scale, src = normal(1, *kernel, 20, 40), normal(2, 40), normal(3, 2, 12, 12, 20)
    dst, expected = np.zeros((2, 2, 12 // stride, 12 // stride, 40), np.float32)
    padding = kernel[0] // 2, kernel[1] // 2
    windows = (stride, stride), padding, (1, 1), 1, False
    with_scale, without = _core.PreparedWeights(scale), _core.PreparedWeights()
    _core.conv2d_forward(src, weights, None, dst, *windows, prepared=with_scale)
    _core.conv2d_forward(src, weights * scale, None, expected, *windows, prepared=without)
    np.testing.assert_array_equal(dst, expected)


@pytest.mark.usefixtures("backend")
def test_a_nan_pixel_spreads_to_the_tiles_that_see_it_and_no_further() -> None:
    src = normal(1, 1, 14, 14, 16)
    src[0, 2, 5, 1] = np.nan
    dst = np.zeros((1, 12, 12, 16), np.float32)
    _core.conv2d_forward(src, normal(2, 3, 3, 16, 16), None, dst, **SAME | {"padding": (0, 0)})
    nan = np.isnan(dst)
    assert nan[:, :3, 3:6].all()
    nan[:, :4, :8] = False  # the tiles from rows 0 and columns 0 and 4 on see 6x6 pixels
    assert not nan.any()


@pytest.mark.usefixtures("backend")
def test_a_nan_pixel_spreads_to_the_tiles_of_stride_2_that_see_it_and_no_further() -> None:
    src = normal(1, 1, 13, 13, 16)
    src[0, 2, 5, 1] = np.nan
    dst = np.zeros((1, 6, 6, 16), np.float32)
    geometry = SAME | {"strides": (2, 2), "padding": (0, 0)}
    _core.conv2d_forward(src, normal(2, 3, 3, 16, 16), None, dst, **geometry)
    nan = np.isnan(dst)
    assert nan[:, :2, 2].all()
    nan[:, :2, 2:4] = False  # the tile from row 0 and column 2 on sees rows 0-4 and columns 4-8
    assert not nan.any()


@pytest.mark.parametrize("stride", [1, 2])
def test_auto_takes_it_where_it_pays(stride: int) -> None:
    """A layer of many outputs has the bits of "winograd", one of few those of "direct"."""
    for size, algorithm in (24, "winograd"), (5, "direct"):
        src, weights = normal(1, 1, stride * size, stride * size, 32), normal(2, 3, 3, 32, 32)
        results = {}
        for name in "auto", "winograd", "direct":
            cnnx.config.set_conv_algorithm(name)
            results[name] = np.empty((1, size, size, 32), np.float32)
            geometry = SAME | {"strides": (stride, stride)}
            _core.conv2d_forward(src, weights, None, results[name], **geometry)
        cnnx.config.set_conv_algorithm("winograd")
        assert not np.array_equal(results["winograd"], results["direct"])
        np.testing.assert_array_equal(results["auto"], results[algorithm])
