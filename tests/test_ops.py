"""The functional API: what it adds to the core is geometry, dtypes and fresh results."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import reference
from agreement import assert_close, normal
from cnnx import ops

X, KERNEL, BIAS = normal(1, 2, 6, 5, 4), normal(2, 3, 2, 2, 6), normal(3, 6)
CONV: dict[str, Any] = {
    "strides": (2, 1),
    "padding": "same",
    "dilation_rate": (1, 2),
    "groups": 2,
}
# The same in the oracle's terms: 6x5 pixels, stride 2 and 1, so 3x5; one zero at the left.
GEOMETRY: dict[str, Any] = {
    "strides": (2, 1),
    "padding": (0, 1),
    "dilation": (1, 2),
    "groups": 2,
}
POOL: dict[str, Any] = {"pool_size": (3, 2), "strides": 2, "padding": ((1, 0), (0, 1))}
WINDOW = ((3, 2), (2, 2), (1, 0))
DY, DY_POOL, ROWS = normal(4, 2, 3, 5, 6), normal(5, 2, 3, 3, 4), normal(6, 7, 3)
GAMMA, BETA = normal(7, 3), normal(8, 3)
MEAN, VARIANCE = reference.batch_norm_statistics(ROWS)
DST, ARGMAX = reference.max_pool2d_forward(X, (3, 3), *WINDOW)
SOFTMAX = reference.softmax_forward(ROWS).astype(np.float32)

CASES = {
    "conv2d": (
        lambda: ops.conv2d(X, KERNEL, BIAS, **CONV),
        reference.conv2d_forward(X, KERNEL, BIAS, (3, 5), **GEOMETRY),
    ),
    "conv2d_backward": (
        lambda: ops.conv2d_backward(X, KERNEL, DY, **CONV),
        reference.conv2d_backward(X, KERNEL, DY, **GEOMETRY),
    ),
    "correlate2d": (
        lambda: ops.correlate2d(X, KERNEL[:, :, [0, 1, 0, 1]], "full", 2, BIAS),
        reference.conv2d_forward(X, KERNEL[:, :, [0, 1, 0, 1]], BIAS, (4, 3), (2, 2), (2, 1)),
    ),
    "convolve2d": (
        lambda: ops.convolve2d(X[0], KERNEL[..., 0, 0], "same"),
        reference.conv2d_forward(
            X[:1],
            np.tile(KERNEL[..., :1, :1], 4),
            None,
            (6, 5),
            (1, 1),
            (1, 0),
            groups=4,
            rotated=True,
        )[0],
    ),
    "conv_matrix": (
        lambda: ops.conv_matrix(KERNEL[..., 0, 0], (6, 5)) @ X[0, ..., 0].ravel(),
        reference.conv2d_forward(X[:1, ..., :1], KERNEL[..., :1, :1], None, (4, 4)).ravel(),
    ),
    "max_pool2d": (lambda: ops.max_pool2d(X, **POOL), DST),
    "max_pool2d_backward": (
        lambda: ops.max_pool2d_backward(X, DY_POOL, **POOL),
        reference.max_pool2d_backward(DY_POOL, ARGMAX, (6, 5), *WINDOW),
    ),
    "avg_pool2d": (
        lambda: ops.avg_pool2d(X, **POOL),
        reference.avg_pool2d_forward(X, (3, 3), *WINDOW),
    ),
    "avg_pool2d_backward": (
        lambda: ops.avg_pool2d_backward(X, DY_POOL, **POOL),
        reference.avg_pool2d_backward(DY_POOL, (6, 5), *WINDOW),
    ),
    "sum_pool2d": (
        lambda: ops.sum_pool2d(X, **POOL),
        reference.sum_pool2d_forward(X, (3, 3), *WINDOW),
    ),
    "sum_pool2d_backward": (
        lambda: ops.sum_pool2d_backward(X, DY_POOL, **POOL),
        reference.sum_pool2d_backward(DY_POOL, (6, 5), *WINDOW),
    ),
    "im2col": (
        lambda: ops.im2col(X, (3, 2), strides=2, padding=1),
        reference.im2col(X, (3, 2), (3, 3), (2, 2), (1, 1), (1, 1)),
    ),
    "dense": (
        lambda: ops.dense(ROWS, GAMMA[:, None], BIAS[:1]),
        reference.dense_forward(ROWS, GAMMA[:, None], BIAS[:1]),
    ),
    "dense_backward": (
        lambda: ops.dense_backward(ROWS, GAMMA[:, None], ROWS[:, :1]),
        reference.dense_backward(ROWS, GAMMA[:, None], ROWS[:, :1]),
    ),
    "matmul": (lambda: ops.matmul(ROWS.T, ROWS), reference.matmul(ROWS.T, ROWS)),
    "batch_norm": (
        lambda: ops.batch_norm(ROWS, GAMMA, BETA),
        (
            reference.batch_norm_forward(ROWS, GAMMA, BETA, MEAN, VARIANCE, 1e-3),
            MEAN,
            1 / np.sqrt(VARIANCE + 1e-3),
        ),
    ),
    "batch_norm_inference": (
        lambda: ops.batch_norm_inference(ROWS, MEAN, VARIANCE, GAMMA, BETA),
        reference.batch_norm_forward(ROWS, GAMMA, BETA, MEAN, VARIANCE, 1e-3),
    ),
    "batch_norm_backward": (
        lambda: ops.batch_norm_backward(ROWS, ROWS**2, GAMMA),
        reference.batch_norm_backward(ROWS, ROWS**2, GAMMA, 1e-3),
    ),
    "dropout": (lambda: ops.dropout(X, 0.3, 2**64 - 1), reference.dropout(X, 0.3, 2**64 - 1)),
    "gaussian_dropout": (
        lambda: ops.gaussian_dropout(X, 0.3, 2**64 - 1),
        reference.gaussian_dropout(X, 0.3, 2**64 - 1),
    ),
    "arctan": (lambda: ops.arctan(X), reference.arctan_forward(X)),
    "arctan_backward": (
        lambda: ops.arctan_backward(X / 3, X + 1),
        reference.arctan_backward(X / 3, X + 1),
    ),
    "relu": (lambda: ops.relu(X), reference.relu_forward(X)),
    "sigmoid": (lambda: ops.sigmoid(X), reference.sigmoid_forward(X)),
    "tanh": (lambda: ops.tanh(X), reference.tanh_forward(X)),
    "softmax": (lambda: ops.softmax(X), reference.softmax_forward(X)),
    "relu_backward": (lambda: ops.relu_backward(X, X + 1), reference.relu_backward(X, X + 1)),
    "sigmoid_backward": (
        lambda: ops.sigmoid_backward(X, X + 1),
        reference.sigmoid_backward(X, X + 1),
    ),
    "tanh_backward": (lambda: ops.tanh_backward(X, X + 1), reference.tanh_backward(X, X + 1)),
    "softmax_backward": (
        lambda: ops.softmax_backward(SOFTMAX, ROWS),
        reference.softmax_backward(SOFTMAX, ROWS),
    ),
}


@pytest.mark.parametrize("name", ops.__all__)
def test_agreement_with_the_oracle(name: str) -> None:
    call, expected = CASES[name]
    got = call()
    pairs = zip(got, expected, strict=True) if isinstance(got, tuple) else [(got, expected)]
    for result, reference_result in pairs:
        assert result.dtype == np.float32
        assert_close(result, reference_result, what=name)


@pytest.mark.parametrize("layout", [np.asarray, np.asfortranarray, lambda a: a[::2, ::-1]])
@pytest.mark.parametrize("dtype", ["f4", "f8", "i2"])
def test_matmul_of_any_layout(layout: Any, dtype: str) -> None:
    a, b = (layout((10 * normal(i, 6, 6)).astype(dtype)) for i in (1, 2))
    assert_close(ops.matmul(a, b.T), reference.matmul(a, b.T))


def test_an_empty_batch_gives_an_empty_result() -> None:
    assert ops.conv2d(X[:0], KERNEL, groups=2).shape == (0, 4, 4, 6)
    assert ops.max_pool2d(X[:0]).shape == (0, 3, 2, 4)
    assert ops.dense(ROWS[:0], GAMMA[:, None]).shape == (0, 1)
    assert ops.softmax(ROWS[:0]).shape == (0, 3)
    _, kernel, bias = ops.dense_backward(ROWS[:0], GAMMA[:, None], ROWS[:0, :1])
    assert not kernel.any()
    assert not bias.any()
