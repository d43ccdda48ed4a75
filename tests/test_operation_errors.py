"""Wrong input of operations, and of the core's functions behind them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cnnx import _core, ops
from refusals import assert_refused, table

pytestmark = pytest.mark.one_isa

V, T = ValueError, TypeError


def op(name: str, *shapes: Any, **options: Any) -> Callable[[], Any]:
    """Call an operation on zeros of the given shapes."""
    return lambda: getattr(ops, name)(*(np.zeros(shape) for shape in shapes), **options)


OPS = {
    "rank": (
        op("conv2d", (4, 4, 2), (3, 3, 2, 5)),
        V,
        ["conv2d: x", r"\(4, 4, 2\)", r"x\[\.\.\., None\]"],
    ),
    "channels": (op("conv2d", (1, 4, 4, 2), (3, 3, 3, 5)), V, ["conv2d", "2 channels"]),
    "groups": (op("conv2d", (1, 4, 4, 2), (3, 3, 1, 5), groups=2), V, ["conv2d", "groups=2"]),
    "bias": (op("conv2d", (1, 4, 4, 2), (3, 3, 2, 5), (4,)), V, ["conv2d: bias", r"\(5,\)"]),
    "kernel does not fit": (
        op("conv2d", (1, 2, 2, 1), (3, 3, 1, 1)),
        V,
        ["conv2d", "3x3", "2x2", "same"],
    ),
    "correlation of one axis": (
        op("correlate2d", (4,), (3, 3)),
        V,
        ["correlate2d: x", "height, width", r"\(4,\)"],
    ),
    "correlation with one axis": (
        op("convolve2d", (4, 4), (3,)),
        V,
        ["convolve2d: k", "height, width", r"\(3,\)"],
    ),
    "correlation of other channels": (
        op("correlate2d", (4, 4, 2), (3, 3, 3)),
        V,
        ["correlate2d", "2 channels"],
    ),
    "matrix order": (op("conv_matrix", (2, 2), input_shape=(3, 3), order="K"), V, ["order", "'K'"]),
    "matrix input of a batch": (
        op("conv_matrix", (2, 2), input_shape=(1, 3, 3, 1)),
        V,
        ["input_shape", r"\(1, 3, 3, 1\)"],
    ),
    "matrix of other channels": (
        op("conv_matrix", (2, 2, 2), input_shape=(3, 3)),
        V,
        ["conv_matrix", r"\(2, 2, 2\)", r"\(3, 3\)"],
    ),
    "gradient": (
        op("conv2d_backward", (1, 4, 4, 2), (3, 3, 2, 5), (1, 2, 3, 5)),
        V,
        ["conv2d_backward: dy", r"\(1, 2, 2, 5\)", r"\(1, 2, 3, 5\)"],
    ),
    "pool": (op("max_pool2d", (1, 2, 2, 1), pool_size=99), V, ["max_pool2d", "99x99"]),
    "dense": (op("dense", (2, 3), (4, 5)), V, ["dense: kernel", r"\(3, 5\)", r"\(4, 5\)"]),
    "matmul": (op("matmul", (2, 3), (4, 5)), V, ["matmul", "3 != 4"]),
    "softmax of nothing": (op("softmax", (2, 0)), V, ["softmax"]),
}


def core(name: str, *shapes: Any) -> Callable[[], None]:
    """Call an operation of the core with zeros of the given shapes; the rest is passed on."""
    return lambda: getattr(_core, name)(
        *(np.zeros(s, np.float32) if isinstance(s, list) else s for s in shapes)
    )


ONE, NONE = (1, 1), (0, 0)
CONV = [[1, 4, 4, 2], [3, 3, 2, 5], [5], [1, 2, 2, 5], ONE, NONE, ONE, 1, False]


def conv(**changes: Any) -> Callable[[], None]:
    names = ["src", "weights", "bias", "dst"]
    names += ["strides", "padding", "dilation", "groups", "rotated"]
    return core("conv2d_forward", *(dict(zip(names, CONV, strict=True)) | changes).values())


CORE = {
    "rank": (conv(src=[4, 4, 2]), V, ["conv2d_forward", "src", "4 dimensions", "3"]),
    "channels": (conv(weights=[3, 3, 3, 5]), V, ["conv2d_forward", r"3"]),
    "bias": (conv(bias=[4]), V, ["conv2d_forward", "bias", r"\(5,\s?\)", r"\(4,\s?\)"]),
    "empty weights": (conv(weights=[0, 3, 2, 5]), V, ["conv2d_forward", "weights", "empty"]),
    "groups": (conv(groups=2), V, ["conv2d_forward", "groups|weights"]),
    "stride": (conv(strides=(0, 1)), V, ["conv2d_forward", "strides", "0"]),
    "dilation": (conv(dilation=(1, -1)), V, ["conv2d_forward", "dilation", "-1"]),
    "wrong output channels": (conv(dst=[1, 2, 2, 4]), V, ["conv2d_forward", "dst", "5", "4"]),
    "bias of other axes": (
        core("bias_add_forward", [2, 3, 4], [2, 3], [2, 3, 4]),
        V,
        ["bias_add_forward", "bias", "last axes"],
    ),
    "gradient of a bias of more axes": (
        core("bias_multiply_backward", [4], [2, 4], [4], [4], [2, 4]),
        V,
        ["bias_multiply_backward", "bias", "last axes"],
    ),
    "empty bias": (
        core("bias_add_backward", [2, 0], [0]),
        V,
        ["bias_add_backward", "diff_bias", "empty"],
    ),
    "dense": (
        core("dense_forward", [2, 3], [4, 5], None, [2, 5]),
        V,
        ["dense_forward", "weights", "3, 5", "4, 5"],
    ),
    "float64": (
        lambda: _core.relu_forward(np.zeros(2), np.zeros(2, np.float32)),
        T,
        ["relu_forward", "src", "float32", "float64"],
    ),
    "strided": (
        lambda: _core.relu_forward(np.zeros(4, np.float32)[::2], np.zeros(2, np.float32)),
        V,
        ["src", "contiguous"],
    ),
    "shapes differ": (core("relu_forward", [2], [3]), V, ["relu_forward", "dst"]),
    "read-only output": (
        lambda: _core.relu_forward(np.zeros(2, np.float32), np.frombuffer(b"\0" * 8, np.float32)),
        V,
        ["dst", "read-only"],
    ),
    "unaligned": (
        lambda: _core.relu_forward(
            np.zeros(9, np.uint8)[1:].view(np.float32), np.zeros(2, np.float32)
        ),
        V,
        ["src", "aligned"],
    ),
    "big-endian": (
        lambda: _core.relu_forward(np.zeros(2, ">f4"), np.zeros(2, np.float32)),
        T,
        ["src", "float32"],
    ),
    "label beyond the classes": (
        lambda: _core.sparse_categorical_cross_entropy_forward(
            np.zeros((1, 3), np.float32), np.array([3]), np.zeros(1, np.float32)
        ),
        V,
        ["label", "3"],
    ),
    "adam step 0": (
        lambda: _core.adam_step(*np.zeros((5, 2), np.float32), 0.1, 0.9, 0.99, 1e-7, 0),
        V,
        ["adam_step", "step", "0"],
    ),
    "Gaussian dropout rate 1": (
        lambda: _core.gaussian_dropout(*np.zeros((2, 4), np.float32), 1.0, 0),
        V,
        ["gaussian_dropout", "rate", "1"],
    ),
}

TABLE = table(ops=OPS, core=CORE)


@pytest.mark.parametrize(("call", "kind", "fragments"), TABLE.values(), ids=TABLE)
def test_wrong_input(call: Callable[[], Any], kind: Any, fragments: list[str]) -> None:
    assert_refused(call, kind, fragments)
