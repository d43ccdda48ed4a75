"""The functions of cnnx.ops."""

from __future__ import annotations

from typing import Any

import numpy as np

import reference
from agreement import normal
from argument_table.kinds import (
    ARRAY,
    CHOICE,
    CORE_SEED,
    COUNT,
    FITTED,
    IMAGES,
    MATRIX,
    MISSING,
    PADDING,
    RATE,
    SHAPE,
    Array,
    Entry,
    Fault,
    values,
)
from cnnx import ops

X, KERNEL, BIAS = normal(1, 2, 6, 5, 4), normal(2, 3, 2, 2, 6), normal(3, 6)
CONV: dict[str, Any] = {
    "strides": (2, 1),
    "padding": "same",
    "dilation_rate": (1, 2),
    "groups": 2,
    "operation": "correlation",
}
# The same in the oracle's terms: 6x5 pixels, stride 2 and 1, so 3x5; one zero at the left.
GEOMETRY: dict[str, Any] = {"strides": (2, 1), "padding": (0, 1), "dilation": (1, 2), "groups": 2}
POOL: dict[str, Any] = {"pool_size": (3, 2), "strides": 2, "padding": ((1, 0), (0, 1))}
WINDOW = ((3, 2), (2, 2), (1, 0))
ACROSS = KERNEL[:, :, [0, 1, 0, 1]]  # all of X's channels
DY, DY_POOL = normal(4, 2, 3, 5, 6), normal(5, 2, 3, 3, 4)
ROWS, GAMMA, BETA = normal(6, 7, 3), normal(7, 3), normal(8, 3)
MEAN, VARIANCE = (s.astype(np.float32) for s in reference.batch_norm_statistics(ROWS))
SIGNAL, TAPS = normal(12, 9), normal(13, 4)
WEIGHTS, DY_DENSE = normal(9, 3, 4), normal(10, 7, 4)
SEED_OF_DROPOUT = 2**64 - 1


def max_pool_gradient(x: Array, dy: Array) -> Array:
    _, argmax = reference.max_pool2d_forward(x, (3, 3), *WINDOW)
    return reference.max_pool2d_backward(dy, argmax, (6, 5), *WINDOW)


def normalised(x: Array, gamma: Array, beta: Array) -> tuple[Array, Array, Array]:
    mean, variance = reference.batch_norm_statistics(x)
    y = reference.batch_norm_forward(x, gamma, beta, mean, variance, 1e-3)
    return y, mean, 1 / np.sqrt(variance + 1e-3)


def convolved(x: Array, k: Array, bias: Array) -> Array:
    """Each channel of one image on its own."""
    taps = np.repeat(k[..., None, None], 4, axis=3)
    image = reference.conv2d_forward(
        x[None], taps, bias, (6, 5), (1, 1), (1, 0), groups=4, rotated=True
    )
    return image[0]


def as_matrix(k: Array) -> Array:
    pixels = np.eye(30).reshape(30, 6, 5, 1)
    images = reference.conv2d_forward(pixels, k[..., None, None], None, (4, 4))
    return images.reshape(30, 16).T


def activation(name: str) -> dict[str, Entry]:
    function, derivative = getattr(ops, name), getattr(ops, f"{name}_backward")
    forward = getattr(reference, f"{name}_forward")
    y = forward(ROWS).astype(np.float32)
    kinds = {"dy": FITTED | MISSING}
    backward = getattr(reference, f"{name}_backward")
    return {
        name: Entry(function, {"x": ROWS}, forward),
        f"{name}_backward": Entry(derivative, {"y": y, "dy": normal(11, 7, 3)}, backward, kinds),
    }


def dense_matrix(**arguments: Any) -> Array:
    matrix = ops.conv_matrix(**arguments)
    return matrix.toarray() if hasattr(matrix, "toarray") else matrix


CONV_KINDS = {"x": IMAGES, "kernel": MATRIX, "dy": FITTED | MISSING}
POOL_KINDS = {"x": IMAGES, "dy": FITTED | MISSING, "padding": PADDING | values("full", 3)}
ROW = ARRAY | {
    "an axis more": Fault(ValueError, lambda a: a[None]),
    "nothing": Fault(ValueError, lambda a: a[:0]),
}
SIGNAL_KINDS = {"x": ROW, "k": ROW, "mode": CHOICE, "strides": COUNT}
DENSE_KINDS = {"x": MATRIX, "kernel": MATRIX, "dy": FITTED | MISSING}
NORM_KINDS = {
    "mean": FITTED | MISSING,
    "variance": FITTED | MISSING,
    "dy": FITTED | MISSING,
    "epsilon": RATE | values(0),
}

OPS: dict[str, Entry] = {
    "conv2d": Entry(
        ops.conv2d,
        {"x": X, "kernel": KERNEL, "bias": BIAS, **CONV},
        lambda x, kernel, bias: reference.conv2d_forward(x, kernel, bias, (3, 5), **GEOMETRY),
        CONV_KINDS,
    ),
    "conv2d_backward": Entry(
        ops.conv2d_backward,
        {"x": X, "kernel": KERNEL, "dy": DY, **CONV},
        lambda x, kernel, dy: reference.conv2d_backward(x, kernel, dy, **GEOMETRY),
        CONV_KINDS,
    ),
    "correlate2d": Entry(
        ops.correlate2d,
        {"x": X, "k": ACROSS, "bias": BIAS, "mode": "full", "strides": 2, "dilation_rate": 1},
        lambda x, k, bias: reference.conv2d_forward(x, k, bias, (4, 3), (2, 2), (2, 1)),
    ),
    "convolve2d": Entry(
        ops.convolve2d,
        {
            "x": X[0],
            "k": KERNEL[..., 0, 0],
            "bias": BIAS[:4],
            "mode": "same",
            "strides": 1,
            "dilation_rate": 1,
        },
        convolved,
    ),
    "correlate1d": Entry(
        ops.correlate1d,
        {"x": SIGNAL, "k": TAPS, "mode": "full", "strides": 2},
        lambda x, k: np.correlate(x.astype(np.float64), k, "full")[::2],
        SIGNAL_KINDS,
    ),
    "convolve1d": Entry(
        ops.convolve1d,
        {"x": SIGNAL, "k": TAPS, "mode": "same", "strides": 1},
        lambda x, k: np.convolve(x.astype(np.float64), k, "full")[2:-1],
        SIGNAL_KINDS,
    ),
    "conv_matrix": Entry(
        dense_matrix,
        {
            "k": KERNEL[..., 0, 0],
            "input_shape": (6, 5),
            "order": "C",
            "mode": "valid",
            "strides": 1,
            "operation": "correlation",
            "dilation_rate": 1,
        },
        as_matrix,
        {"input_shape": SHAPE | values((None, 4), (4,), (4, 4, 1, 1))},
    ),
    "max_pool2d": Entry(
        ops.max_pool2d,
        {"x": X, **POOL},
        lambda x: reference.max_pool2d_forward(x, (3, 3), *WINDOW)[0],
        POOL_KINDS,
    ),
    "max_pool2d_backward": Entry(
        ops.max_pool2d_backward, {"x": X, "dy": DY_POOL, **POOL}, max_pool_gradient, POOL_KINDS
    ),
    "avg_pool2d": Entry(
        ops.avg_pool2d,
        {"x": X, **POOL},
        lambda x: reference.avg_pool2d_forward(x, (3, 3), *WINDOW),
        POOL_KINDS,
    ),
    "avg_pool2d_backward": Entry(
        ops.avg_pool2d_backward,
        {"x": X, "dy": DY_POOL, **POOL},
        lambda x, dy: reference.avg_pool2d_backward(dy, (6, 5), *WINDOW),
        POOL_KINDS,
    ),
    "sum_pool2d": Entry(
        ops.sum_pool2d,
        {"x": X, **POOL},
        lambda x: reference.sum_pool2d_forward(x, (3, 3), *WINDOW),
        POOL_KINDS,
    ),
    "sum_pool2d_backward": Entry(
        ops.sum_pool2d_backward,
        {"x": X, "dy": DY_POOL, **POOL},
        lambda x, dy: reference.sum_pool2d_backward(dy, (6, 5), *WINDOW),
        POOL_KINDS,
    ),
    "im2col": Entry(
        ops.im2col,
        {"x": X, "kernel_size": (3, 2), "strides": 2, "padding": 1, "dilation_rate": 1},
        lambda x: reference.im2col(x, (3, 2), (3, 3), (2, 2), (1, 1), (1, 1)),
        {"x": IMAGES},
    ),
    "dense": Entry(
        ops.dense,
        {"x": ROWS, "kernel": WEIGHTS, "bias": BIAS[:4]},
        reference.dense_forward,
        DENSE_KINDS,
    ),
    "dense_backward": Entry(
        ops.dense_backward,
        {"x": ROWS, "kernel": WEIGHTS, "dy": DY_DENSE},
        reference.dense_backward,
        DENSE_KINDS,
    ),
    "matmul": Entry(
        ops.matmul, {"a": ROWS, "b": WEIGHTS}, reference.matmul, {"a": MATRIX, "b": MATRIX}
    ),
    "batch_norm": Entry(
        ops.batch_norm,
        {"x": ROWS, "gamma": GAMMA, "beta": BETA, "epsilon": 1e-3},
        normalised,
        NORM_KINDS,
    ),
    "batch_norm_inference": Entry(
        ops.batch_norm_inference,
        {
            "x": ROWS,
            "mean": MEAN,
            "variance": VARIANCE,
            "gamma": GAMMA,
            "beta": BETA,
            "epsilon": 1e-3,
        },
        lambda x, mean, variance, gamma, beta: reference.batch_norm_forward(
            x, gamma, beta, mean, variance, 1e-3
        ),
        NORM_KINDS,
    ),
    "batch_norm_backward": Entry(
        ops.batch_norm_backward,
        {"x": ROWS, "dy": ROWS**2, "gamma": GAMMA, "epsilon": 1e-3},
        lambda x, dy, gamma: reference.batch_norm_backward(x, dy, gamma, 1e-3),
        NORM_KINDS,
    ),
    "dropout": Entry(
        ops.dropout,
        {"x": X, "rate": 0.3, "seed": SEED_OF_DROPOUT},
        lambda x: reference.dropout(x, 0.3, SEED_OF_DROPOUT),
        {"seed": CORE_SEED},
    ),
    "gaussian_dropout": Entry(
        ops.gaussian_dropout,
        {"x": X, "rate": 0.3, "seed": SEED_OF_DROPOUT},
        lambda x: reference.gaussian_dropout(x, 0.3, SEED_OF_DROPOUT),
        {"seed": CORE_SEED},
    ),
    **activation("relu"),
    **activation("sigmoid"),
    **activation("tanh"),
    **activation("arctan"),
    **activation("softmax"),
}
