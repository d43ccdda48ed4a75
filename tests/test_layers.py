from __future__ import annotations

import itertools
import math
import re
from typing import Any, NamedTuple

import numpy as np
import pytest

import cnnx
import reference
from agreement import assert_close, normal
from cnnx import layers
from cnnx.activations import ACTIVATIONS
from cnnx.layers.augmentation import LAYERS as AUGMENTATION
from layer_test import Oracle, run_layer_test
from single_layer import backward, both, forward

EPSILON = 1e-3  # of BatchNormalization
NOISE = np.random.default_rng(5).bit_generator.random_raw()  # what a layer of seed 5 draws first
SEED_OF_FOUR_FLIPS = 57  # RandomFlip then mirrors a whole batch of layer_test.py


class Case(NamedTuple):
    layer_class: type[layers.Layer]
    arguments: dict[str, Any]
    input_shape: tuple[int, ...]
    oracle: Oracle


def local_response(x: Any, size: int, alpha: float, beta: float, bias: float) -> Any:
    """Compute one channel after the other, as the formula says."""
    y = np.empty_like(x)
    for c in range(x.shape[-1]):
        first = max(c - (size - 1) // 2, 0)
        total = np.square(x[..., first : c + size // 2 + 1]).sum(-1)
        y[..., c] = x[..., c] / (bias + alpha / size * total) ** beta
    return y


def triangle(d: float) -> float:
    return max(1 - d, 0)


def sharp(d: float) -> float:
    return keys(d, -0.5) if d < 2 else 0


def interpolated(x: Any, axis: int, wanted: int, kernel: Any) -> Any:
    """Give an axis another extent, pixel by pixel; smaller ones are means of all they cover."""
    x = np.moveaxis(x, axis, 0)
    scale = len(x) / wanted
    rows = []
    for i in range(wanted):
        place = (i + 0.5) * scale - 0.5
        shares = np.array([kernel(abs(place - j) / max(scale, 1)) for j in range(len(x))])
        rows.append(np.tensordot(shares / shares.sum(), x, 1))
    return np.moveaxis(np.array(rows), 0, axis)


def resampled(x: Any, size: tuple[int, int], interpolation: str, coordinates: str) -> Any:
    """Compute one pixel after the other, as the formula says."""
    y = np.empty((len(x), *size, x.shape[-1]))

    def place(i: int, n: int, m: int) -> float:
        if coordinates == "half_pixel":
            return (i + 0.5) * n / m - 0.5
        return i * n / m if coordinates == "asymmetric" else i * (n - 1) / (m - 1)

    def row(image: Any, at: float) -> Any:
        if interpolation == "cubic":
            around = range(math.floor(at) - 1, math.floor(at) + 3)
            last = len(image) - 1
            return sum(keys(abs(at - i)) * image[min(max(i, 0), last)] for i in around)
        at = min(max(at, 0), len(image) - 1)
        if interpolation == "nearest":
            return image[math.ceil(at - 0.5)]
        low = min(math.floor(at), len(image) - 2)
        return (1 - (at - low)) * image[low] + (at - low) * image[low + 1]

    for n, image in enumerate(x):
        for i in range(size[0]):
            line = row(image, place(i, x.shape[1], size[0]))
            for j in range(size[1]):
                y[n, i, j] = row(line, place(j, x.shape[2], size[1]))
    return y


def keys(d: float, a: float = -0.75) -> float:
    """Return the share of a pixel at a distance."""
    if d <= 1:
        return (a + 2) * d**3 - (a + 3) * d**2 + 1
    return a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a


def identity(x: Any) -> Any:
    return x


def pooled(out: tuple[int, int], *window: Any) -> Oracle:
    return lambda x: reference.max_pool2d_forward(x, out, *window)[0]


def of_sequences(operation: Any, x: Any, *weights: Any) -> Any:
    """Call an oracle for images on sequences, as images of height 1."""
    kernels = [
        weight[None] if isinstance(weight, np.ndarray) and weight.ndim > 1 else weight
        for weight in weights
    ]
    return operation(x[:, None], *kernels)[:, 0]


def normalised(x: Any, gamma: Any, beta: Any, *_: Any) -> Any:
    return reference.batch_norm_forward(
        x, gamma, beta, *reference.batch_norm_statistics(x), EPSILON
    )


CASES = {
    "affine": Case(layers.Affine, {}, (3, 4, 2), lambda x, g, b: g * x + b),
    "affine of rows, no offset": Case(
        layers.Affine, {"axis": 1, "center": False}, (3, 4, 2), lambda x, g: g * x
    ),
    "affine of one number": Case(layers.Affine, {"axis": None}, (3, 4), lambda x, g, b: g * x + b),
    "argmax": Case(layers.ArgMax, {}, (3, 4), lambda x: x.argmax(-1)),
    "argmax of rows": Case(
        layers.ArgMax, {"axis": 1, "keepdims": True}, (3, 4), lambda x: x.argmax(1)[:, None]
    ),
    "clip": Case(
        layers.Clip,
        {"min_value": -0.5, "max_value": 0.25},
        (3, 4),
        lambda x: np.clip(x, -0.5, 0.25),
    ),
    "clip above": Case(layers.Clip, {"max_value": 0.25}, (3, 4), lambda x: np.minimum(x, 0.25)),
    "abs": Case(layers.Elementary, {"function": "abs"}, (3, 4), np.abs),
    "erf": Case(
        layers.Elementary,
        {"function": "erf"},
        (3, 4),
        lambda x: np.vectorize(math.erf)(x).astype(float),
    ),
    "is positive": Case(layers.Elementary, {"function": "is_positive"}, (3, 4), lambda x: x > 0),
    "is not negative": Case(
        layers.Elementary, {"function": "is_not_negative"}, (3, 4), lambda x: x >= 0
    ),
    "local response": Case(
        layers.LocalResponseNormalization,
        {"size": 3, "alpha": 2.0, "beta": 0.5, "bias": 1.5},
        (2, 3, 5),
        lambda x: local_response(x, 3, 2.0, 0.5, 1.5),
    ),
    "local response of an even number": Case(
        layers.LocalResponseNormalization,
        {"size": 4, "alpha": 1.0},
        (2, 6),
        lambda x: local_response(x, 4, 1.0, 0.75, 1.0),
    ),
    "normalization": Case(
        layers.Normalization,
        {"mean": [1, -2], "variance": [4, 0.25]},
        (3, 4, 2),
        lambda x, mean, variance: (x - mean) / np.sqrt(variance),
    ),
    "normalization of all, inverted": Case(
        layers.Normalization,
        {"axis": None, "mean": 1, "variance": 4, "invert": True},
        (3, 2),
        lambda x, mean, variance: x * np.sqrt(variance) + mean,
    ),
    "resizing": Case(
        layers.Resizing,
        {"height": 7, "width": 3},
        (4, 5, 2),
        lambda x: resampled(x, (7, 3), "linear", "half_pixel"),
    ),
    "resizing, nearest": Case(
        layers.Resizing,
        {"height": 2, "width": 10, "interpolation": "nearest"},
        (4, 5, 2),
        lambda x: x[:, 1::2].repeat(2, axis=2),
    ),
    "resizing, cut, between 16 pixels": Case(
        layers.Resizing,
        {"height": 6, "width": 3, "interpolation": "bicubic", "crop_to_aspect_ratio": True},
        (4, 5, 2),
        lambda x: interpolated(interpolated(x[:, :, 1:3], 1, 6, sharp), 2, 3, sharp),
    ),
    "resizing, with pixels around, smaller": Case(
        layers.Resizing,
        {
            "height": 3,
            "width": 4,
            "pad_to_aspect_ratio": True,
            "fill_value": 2.0,
            "antialias": True,
        },
        (7, 4, 2),
        lambda x: interpolated(
            interpolated(
                np.pad(x, ((0, 0), (0, 0), (2, 2), (0, 0)), constant_values=2), 1, 3, triangle
            ),
            *(2, 4, triangle),
        ),
    ),
    "middle": Case(
        layers.CenterCrop, {"height": 2, "width": 3}, (5, 6, 2), lambda x: x[:, 1:3, 1:4]
    ),
    "middle of a small image": Case(
        layers.CenterCrop,
        {"height": 6, "width": 3},
        (4, 5, 2),
        lambda x: interpolated(interpolated(x[:, :, 1:3], 1, 6, triangle), 2, 3, triangle),
    ),
    "random crop of the whole": Case(
        layers.RandomCrop, {"height": 3, "width": 4}, (3, 4, 2), identity
    ),
    "padding with a number": Case(
        layers.Padding,
        {"sides": ((1, 0), (0, 2)), "value": 1.5},
        (3, 2),
        lambda x: np.pad(x, ((0, 0), (1, 0), (0, 2)), constant_values=1.5),
    ),
    "padding, reflect": Case(
        layers.Padding,
        {"sides": ((2, 1), (0, 2), (0, 0)), "mode": "reflect"},
        (3, 4, 2),
        lambda x: np.pad(x, ((0, 0), (2, 1), (0, 2), (0, 0)), mode="reflect"),
    ),
    "padding, edge": Case(
        layers.Padding,
        {"sides": ((2, 1), (0, 3)), "mode": "edge"},
        (3, 2),
        lambda x: np.pad(x, ((0, 0), (2, 1), (0, 3)), mode="edge"),
    ),
    "square": Case(layers.Power, {"exponent": 2}, (3, 4), np.square),
    "cube": Case(layers.Power, {"exponent": 3}, (3, 4), lambda x: x**3),
    "reciprocal": Case(layers.Power, {"exponent": -1}, (3, 4), lambda x: 1 / x),
    "mean": Case(layers.Reduction, {}, (3, 4), lambda x: x.mean((1, 2))[:, None]),
    "sum of rows": Case(
        layers.Reduction,
        {"operation": "sum", "axis": 1, "keepdims": True},
        (3, 4, 2),
        lambda x: x.sum(1, keepdims=True),
    ),
    "max of two axes": Case(
        layers.Reduction,
        {"operation": "max", "axis": (1, -1)},
        (3, 4, 2),
        lambda x: x.max((1, 3)),
    ),
    "min": Case(layers.Reduction, {"operation": "min", "axis": -1}, (3, 4), lambda x: x.min(-1)),
    **{
        f"resampling {interpolation}, {coordinates}, {size}": Case(
            layers.Resampling,
            {"size": size, "interpolation": interpolation, "coordinates": coordinates},
            (4, 5, 2),
            lambda x, size=size, i=interpolation, c=coordinates: resampled(x, size, i, c),
        )
        for interpolation in ("nearest", "linear", "cubic")
        for coordinates in ("half_pixel", "asymmetric", "align_corners")
        for size in ((7, 3), (8, 10))
    },
    "take": Case(layers.Take, {"indices": [2, 0, 2], "axis": 1}, (3, 4), lambda x: x[:, [2, 0, 2]]),
    "take every other": Case(layers.Take, {"indices": [1, 3]}, (3, 4), lambda x: x[:, :, 1:4:2]),
    "tile": Case(
        layers.Tile, {"repeats": (2, 1, 3)}, (3, 4, 2), lambda x: np.tile(x, (1, 2, 1, 3))
    ),
    "conv2d": Case(
        layers.Conv2D,
        {"filters": 4, "kernel_size": 3},
        (5, 6, 2),
        lambda x, w, b: reference.conv2d_forward(x, w, b, (3, 4)),
    ),
    "conv2d same, strides, tanh": Case(
        layers.Conv2D,
        {
            "filters": 3,
            "kernel_size": (3, 2),
            "strides": (2, 1),
            "padding": "same",
            "activation": "tanh",
        },
        (5, 4, 2),
        lambda x, w, b: np.tanh(reference.conv2d_forward(x, w, b, (3, 4), (2, 1), (1, 0))),
    ),
    "conv2d groups, dilation, uneven padding, no bias": Case(
        layers.Conv2D,
        {
            "filters": 6,
            "kernel_size": 2,
            "padding": ((1, 0), (0, 2)),
            "dilation_rate": (1, 2),
            "groups": 3,
            "use_bias": False,
        },
        (4, 4, 3),
        lambda x, w: reference.conv2d_forward(x, w, None, (4, 4), (1, 1), (1, 0), (1, 2), 3),
    ),
    "conv2d convolution, full, dilation": Case(
        layers.Conv2D,
        {
            "filters": 4,
            "kernel_size": (3, 2),
            "strides": (2, 1),
            "padding": "FULL",
            "dilation_rate": (1, 2),
            "groups": 2,
            "operation": "convolution",
        },
        (5, 4, 2),
        lambda x, w, b: reference.conv2d_forward(
            x, w, b, (4, 6), (2, 1), (2, 2), (1, 2), 2, rotated=True
        ),
    ),
    "conv2d untied bias": Case(
        layers.Conv2D,
        {"filters": 3, "kernel_size": 2, "bias": "untied", "activation": "sigmoid"},
        (4, 5, 2),
        lambda x, w, b: reference.sigmoid_forward(reference.conv2d_forward(x, w, None, (3, 4)) + b),
    ),
    "conv2d bias multiplies": Case(
        layers.Conv2D,
        {"filters": 3, "kernel_size": 2, "bias_operation": "multiply"},
        (4, 5, 2),
        lambda x, w, b: reference.conv2d_forward(x, w, None, (3, 4)) * b,
    ),
    "conv2d untied bias multiplies, tanh": Case(
        layers.Conv2D,
        {
            "filters": 3,
            "kernel_size": 2,
            "bias": "untied",
            "bias_operation": "multiply",
            "activation": "tanh",
        },
        (3, 3, 2),
        lambda x, w, b: np.tanh(reference.conv2d_forward(x, w, None, (2, 2)) * b),
    ),
    "conv1d": Case(
        layers.Conv1D,
        {"filters": 4, "kernel_size": 3},
        (7, 2),
        lambda x, w, b: of_sequences(reference.conv2d_forward, x, w, b, (1, 5)),
    ),
    "conv1d causal, dilation, strides, groups, tanh": Case(
        layers.Conv1D,
        {
            "filters": 4,
            "kernel_size": (3,),
            "strides": 2,
            "padding": "causal",
            "dilation_rate": 2,
            "groups": 2,
            "activation": "tanh",
        },
        (7, 2),
        lambda x, w, b: np.tanh(
            of_sequences(reference.conv2d_forward, x, w, b, (1, 4), (1, 2), (0, 4), (1, 2), 2)
        ),
    ),
    "conv1d convolution, full, untied bias multiplies": Case(
        layers.Conv1D,
        {
            "filters": 2,
            "kernel_size": 3,
            "padding": "full",
            "operation": "convolution",
            "bias": "untied",
            "bias_operation": "multiply",
        },
        (5, 2),
        lambda x, w, b: (
            of_sequences(
                reference.conv2d_forward, x, w, None, (1, 7), (1, 1), (0, 2), (1, 1), 1, True
            )
            * b
        ),
    ),
    "depthwise conv2d": Case(
        layers.DepthwiseConv2D,
        {"kernel_size": 3},
        (5, 6, 3),
        lambda x, w, b: reference.depthwise2d_forward(x, w, b, (3, 4)),
    ),
    "depthwise conv2d same, strides, multiplier, sigmoid": Case(
        layers.DepthwiseConv2D,
        {
            "kernel_size": (3, 2),
            "strides": (2, 1),
            "padding": "same",
            "depth_multiplier": 3,
            "activation": "sigmoid",
        },
        (5, 4, 2),
        lambda x, w, b: reference.sigmoid_forward(
            reference.depthwise2d_forward(x, w, b, (3, 4), (2, 1), (1, 0))
        ),
    ),
    "depthwise conv2d uneven padding, dilation, no bias": Case(
        layers.DepthwiseConv2D,
        {
            "kernel_size": 2,
            "padding": ((1, 0), (0, 2)),
            "dilation_rate": (1, 2),
            "use_bias": False,
        },
        (4, 4, 3),
        lambda x, w: reference.depthwise2d_forward(x, w, None, (4, 4), (1, 1), (1, 0), (1, 2)),
    ),
    "depthwise conv1d causal, multiplier": Case(
        layers.DepthwiseConv1D,
        {"kernel_size": 3, "padding": "causal", "depth_multiplier": 2, "activation": "elu"},
        (5, 3),
        lambda x, w, b: reference.elu_forward(
            of_sequences(reference.depthwise2d_forward, x, w, b, (1, 5), (1, 1), (0, 2))
        ),
    ),
    "separable conv2d": Case(
        layers.SeparableConv2D,
        {"filters": 4, "kernel_size": 3},
        (5, 6, 2),
        lambda x, d, p, b: reference.separable2d_forward(x, d, p, b, (3, 4)),
    ),
    "separable conv2d same, strides, multiplier, tanh, no bias": Case(
        layers.SeparableConv2D,
        {
            "filters": 3,
            "kernel_size": (2, 3),
            "strides": 2,
            "padding": "same",
            "depth_multiplier": 2,
            "activation": "tanh",
            "use_bias": False,
        },
        (5, 4, 2),
        lambda x, d, p: np.tanh(
            reference.separable2d_forward(x, d, p, None, (3, 2), (2, 2), (0, 0))
        ),
    ),
    "separable conv1d, dilation": Case(
        layers.SeparableConv1D,
        {"filters": 3, "kernel_size": 2, "padding": (2, 1), "dilation_rate": 3},
        (4, 2),
        lambda x, d, p, b: of_sequences(
            reference.separable2d_forward, x, d, p, b, (1, 4), (1, 1), (0, 2), (1, 3)
        ),
    ),
    "conv2d transpose": Case(
        layers.Conv2DTranspose,
        {"filters": 3, "kernel_size": 3},
        (3, 4, 2),
        lambda x, w, b: reference.conv2d_transpose_forward(x, w, b, (5, 6)),
    ),
    "conv2d transpose same, strides, tanh": Case(
        layers.Conv2DTranspose,
        {
            "filters": 2,
            "kernel_size": (3, 2),
            "strides": (2, 3),
            "padding": "same",
            "activation": "tanh",
        },
        (3, 2, 3),
        lambda x, w, b: np.tanh(
            reference.conv2d_transpose_forward(x, w, b, (6, 6), (2, 3), (0, 0))
        ),
    ),
    "conv2d transpose same, large kernel, output padding, no bias": Case(
        layers.Conv2DTranspose,
        {
            "filters": 2,
            "kernel_size": (5, 4),
            "strides": 2,
            "padding": "same",
            "output_padding": (0, 1),
            "use_bias": False,
        },
        (3, 3, 2),
        lambda x, w: reference.conv2d_transpose_forward(x, w, None, (5, 5), (2, 2), (2, 1)),
    ),
    "conv2d transpose uneven padding, dilation, groups": Case(
        layers.Conv2DTranspose,
        {
            "filters": 4,
            "kernel_size": 2,
            "padding": ((1, 0), (0, 2)),
            "dilation_rate": (2, 3),
            "groups": 2,
        },
        (4, 3, 6),
        lambda x, w, b: reference.conv2d_transpose_forward(
            x, w, b, (5, 4), (1, 1), (1, 0), (2, 3), 2
        ),
    ),
    "conv1d transpose, strides beyond the kernel": Case(
        layers.Conv1DTranspose,
        {"filters": 2, "kernel_size": 2, "strides": 3},
        (4, 3),
        lambda x, w, b: of_sequences(
            reference.conv2d_transpose_forward, x, w, b, (1, 12), (1, 3), (0, 0)
        ),
    ),
    "max pooling": Case(layers.MaxPooling2D, {}, (5, 6, 2), pooled((2, 3), (2, 2), (2, 2), (0, 0))),
    "max pooling same, overlapping": Case(
        layers.MaxPooling2D,
        {"pool_size": 3, "strides": 2, "padding": "same"},
        (5, 6, 2),
        pooled((3, 3), (3, 3), (2, 2), (1, 0)),
    ),
    "average pooling same": Case(
        layers.AveragePooling2D,
        {"pool_size": (2, 3), "strides": 2, "padding": "same"},
        (5, 6, 2),
        lambda x: reference.avg_pool2d_forward(x, (3, 3), (2, 3), (2, 2), (0, 0)),
    ),
    "sum pooling, overlapping": Case(
        layers.SumPooling2D,
        {"pool_size": (3, 2), "strides": 2},
        (5, 6, 2),
        lambda x: reference.sum_pool2d_forward(x, (2, 3), (3, 2), (2, 2), (0, 0)),
    ),
    "weighted average pooling": Case(
        layers.WeightedAveragePooling2D,
        {},
        (5, 6, 3),
        lambda x, w: w * reference.sum_pool2d_forward(x, (2, 3), (2, 2), (2, 2), (0, 0)),
    ),
    "weighted average pooling same, from ones": Case(
        layers.WeightedAveragePooling2D,
        {"pool_size": 2, "padding": "same", "scale_initializer": "ones"},
        (5, 5, 2),
        lambda x, w: w * reference.sum_pool2d_forward(x, (3, 3), (2, 2), (2, 2), (0, 0)),
    ),
    "max pooling of sequences": Case(
        layers.MaxPooling1D,
        {},
        (7, 2),
        lambda x: of_sequences(pooled((1, 3), (1, 2), (1, 2), (0, 0)), x),
    ),
    "max pooling of sequences, same, overlapping": Case(
        layers.MaxPooling1D,
        {"pool_size": (3,), "strides": 2, "padding": "same"},
        (6, 3),
        lambda x: of_sequences(pooled((1, 3), (1, 3), (1, 2), (0, 0)), x),
    ),
    "average pooling of sequences, padding": Case(
        layers.AveragePooling1D,
        {"pool_size": 3, "strides": 1, "padding": (2, 1)},
        (5, 2),
        lambda x: of_sequences(reference.avg_pool2d_forward, x, (1, 6), (1, 3), (1, 1), (0, 2)),
    ),
    "adaptive max pooling, uneven shares": Case(
        layers.AdaptiveMaxPooling2D,
        {"output_size": (2, 3)},
        (5, 7, 2),
        pooled((2, 3), (4, 4), (0, 0), (0, 0)),
    ),
    "adaptive average pooling, uneven shares": Case(
        layers.AdaptiveAveragePooling2D,
        {"output_size": (3, 2)},
        (5, 4, 2),
        lambda x: reference.avg_pool2d_forward(x, (3, 2), (3, 2), (0, 0), (0, 0)),
    ),
    "adaptive average pooling, more windows than pixels": Case(
        layers.AdaptiveAveragePooling2D,
        {"output_size": 5},
        (3, 2, 2),
        lambda x: reference.avg_pool2d_forward(x, (5, 5), (2, 2), (0, 0), (0, 0)),
    ),
    "adaptive max pooling of sequences": Case(
        layers.AdaptiveMaxPooling1D,
        {"output_size": 3},
        (7, 2),
        lambda x: of_sequences(pooled((1, 3), (1, 4), (1, 0), (0, 0)), x),
    ),
    "adaptive average pooling of sequences": Case(
        layers.AdaptiveAveragePooling1D,
        {"output_size": 3},
        (6, 2),
        lambda x: x.reshape(len(x), 3, 2, 2).mean(axis=2),
    ),
    "global max pooling of sequences": Case(
        layers.GlobalMaxPooling1D, {"keepdims": True}, (5, 2), lambda x: x.max(1, keepdims=True)
    ),
    "global average pooling of sequences": Case(
        layers.GlobalAveragePooling1D, {}, (5, 2), lambda x: x.mean(axis=1)
    ),
    "global max pooling": Case(layers.GlobalMaxPooling2D, {}, (3, 5, 2), lambda x: x.max((1, 2))),
    "global max pooling, keepdims": Case(
        layers.GlobalMaxPooling2D,
        {"keepdims": True},
        (3, 5, 2),
        lambda x: x.max(axis=(1, 2), keepdims=True),
    ),
    "global average pooling": Case(
        layers.GlobalAveragePooling2D, {}, (3, 5, 2), lambda x: x.mean(axis=(1, 2))
    ),
    "global average pooling, keepdims": Case(
        layers.GlobalAveragePooling2D,
        {"keepdims": True},
        (3, 5, 2),
        lambda x: x.mean(axis=(1, 2), keepdims=True),
    ),
    "flatten": Case(layers.Flatten, {}, (2, 3, 2), lambda x: x.reshape(len(x), -1)),
    "reshape": Case(
        layers.Reshape, {"target_shape": (3, -1)}, (2, 3, 2), lambda x: x.reshape(len(x), 3, 4)
    ),
    "identity": Case(layers.Identity, {}, (2, 3), identity),
    "activity": Case(layers.ActivityRegularization, {"l1": 0.1, "l2": 0.2}, (2, 3), identity),
    "permute": Case(
        layers.Permute, {"dims": (3, 1, 2)}, (2, 3, 4), lambda x: reference.permuted(x, (3, 1, 2))
    ),
    "permute rows and columns": Case(
        layers.Permute, {"dims": [2, 1]}, (3, 5), lambda x: reference.permuted(x, (2, 1))
    ),
    "repeat vector": Case(
        layers.RepeatVector, {"n": 3}, (5,), lambda x: np.stack([x, x, x], axis=1)
    ),
    "zero padding of images": Case(
        layers.ZeroPadding2D, {}, (2, 3, 2), lambda x: reference.zero_padded(x, ((1, 1), (1, 1)))
    ),
    "zero padding of each side": Case(
        layers.ZeroPadding2D,
        {"padding": ((0, 2), (3, 1))},
        (2, 3, 2),
        lambda x: reference.zero_padded(x, ((0, 2), (3, 1))),
    ),
    "zero padding of sequences": Case(
        layers.ZeroPadding1D, {}, (3, 2), lambda x: reference.zero_padded(x, ((1, 1),))
    ),
    "zero padding before sequences": Case(
        layers.ZeroPadding1D,
        {"padding": (2, 0)},
        (3, 2),
        lambda x: reference.zero_padded(x, ((2, 0),)),
    ),
    "cropping of nothing": Case(layers.Cropping2D, {}, (2, 3, 2), identity),
    "cropping of images": Case(
        layers.Cropping2D,
        {"cropping": ((1, 0), (2, 1))},
        (3, 5, 2),
        lambda x: reference.cropped(x, ((1, 0), (2, 1))),
    ),
    "cropping of rows and columns": Case(
        layers.Cropping2D,
        {"cropping": (1, 2)},
        (3, 6, 1),
        lambda x: reference.cropped(x, ((1, 1), (2, 2))),
    ),
    "cropping of sequences": Case(
        layers.Cropping1D, {}, (5, 2), lambda x: reference.cropped(x, ((1, 1),))
    ),
    "upsampling of images": Case(
        layers.UpSampling2D, {}, (3, 2, 2), lambda x: reference.upsampled(x, (2, 2))
    ),
    "upsampling of rows alone": Case(
        layers.UpSampling2D, {"size": (3, 1)}, (2, 3, 1), lambda x: reference.upsampled(x, (3, 1))
    ),
    "bilinear upsampling": Case(
        layers.UpSampling2D,
        {"interpolation": "bilinear"},
        (3, 4, 2),
        lambda x: reference.upsampled(x, (2, 2), "bilinear"),
    ),
    "bilinear upsampling of a single row": Case(
        layers.UpSampling2D,
        {"size": (3, 4), "interpolation": "bilinear"},
        (1, 3, 2),
        lambda x: reference.upsampled(x, (3, 4), "bilinear"),
    ),
    "upsampling of sequences": Case(
        layers.UpSampling1D,
        {"size": 3},
        (4, 2),
        lambda x: reference.upsampled(x[:, :, None], (3, 1))[:, :, 0],
    ),
    "flatten, columns first": Case(
        layers.Flatten,
        {"order": "F"},
        (2, 3, 2),
        lambda x: np.stack([sample.ravel(order="F") for sample in x]),
    ),
    "reshape, columns first": Case(
        layers.Reshape,
        {"target_shape": (3, -1), "order": "F"},
        (2, 3, 2),
        lambda x: np.stack([sample.reshape(3, 4, order="F") for sample in x]),
    ),
    "dense": Case(layers.Dense, {"units": 3}, (5,), lambda x, w, b: x @ w + b),
    "dense softmax": Case(
        layers.Dense,
        {"units": 3, "activation": "softmax"},
        (5,),
        lambda x, w, b: reference.softmax_forward(x @ w + b),
    ),
    "dense on images, no bias": Case(
        layers.Dense,
        {"units": 3, "use_bias": False, "activation": "sigmoid"},
        (2, 2, 4),
        lambda x, w: reference.sigmoid_forward(x @ w),
    ),
    "relu": Case(layers.ReLU, {}, (3, 4), reference.relu_forward),
    "relu, at most 1": Case(
        layers.ReLU, {"max_value": 1}, (3, 4), lambda x: reference.rectifier_forward(x, 1, 0, 0)
    ),
    "relu, above a threshold": Case(
        layers.ReLU,
        {"threshold": 0.5},
        (3, 4),
        lambda x: reference.rectifier_forward(x, np.inf, 0, 0.5),
    ),
    "relu of three pieces": Case(
        layers.ReLU,
        {"max_value": 1.5, "negative_slope": 0.1, "threshold": 0.25},
        (3, 5),
        lambda x: reference.rectifier_forward(x, 1.5, 0.1, 0.25),
    ),
    "leaky relu": Case(
        layers.LeakyReLU, {}, (3, 4), lambda x: reference.rectifier_forward(x, np.inf, 0.3, 0)
    ),
    "leaky relu of the core": Case(
        layers.LeakyReLU, {"negative_slope": 0.2}, (3, 4), reference.leaky_relu_forward
    ),
    "elu": Case(layers.ELU, {}, (3, 4), reference.elu_forward),
    "elu, half as deep": Case(
        layers.ELU,
        {"alpha": 0.5},
        (3, 4),
        lambda x: np.where(x > 0, x, 0.5 * reference.elu_forward(x)),
    ),
    "prelu": Case(layers.PReLU, {}, (3, 4), reference.prelu_forward),
    "prelu, a slope a channel": Case(
        layers.PReLU,
        {"alpha_initializer": "ones", "shared_axes": [1, 2]},
        (3, 5, 2),
        reference.prelu_forward,
    ),
    "softmax": Case(layers.Softmax, {}, (2, 4), reference.softmax_forward),
    "unit normalization": Case(layers.UnitNormalization, {}, (3, 4), reference.unit_length),
    "root mean square normalization": Case(
        layers.RMSNormalization,
        {"epsilon": 0.1},
        (3, 4),
        lambda x, scale: reference.rms_normalised(x, scale, 0.1),
    ),
    "root mean square normalization of rows and channels": Case(
        layers.RMSNormalization,
        {"axis": [1, -1]},
        (3, 2, 4),
        lambda x, scale: reference.rms_normalised(x, scale[:, None], 1e-6, (1, 3)),
    ),
    "unit normalization of images": Case(
        layers.UnitNormalization,
        {"axis": [1, 2, 3]},
        (3, 2, 4),
        lambda x: reference.unit_length(x, (1, 2, 3)),
    ),
    "softmax along the rows": Case(
        layers.Softmax, {"axis": 1}, (3, 2, 4), lambda x: reference.softmax_forward(x, 1)
    ),
    "gelu, approximated": Case(
        layers.Activation,
        {"activation": {"class_name": "gelu", "config": {"approximate": True}}},
        (3, 4),
        reference.gelu_tanh_forward,
    ),
    **{
        f"activation {name}": Case(
            layers.Activation, {"activation": name}, (2, 5), getattr(reference, f"{name}_forward")
        )
        for name in ACTIVATIONS
        if name != "linear"
    },
    "dense silu, of its input": Case(
        layers.Dense,
        {"units": 4, "activation": "swish"},
        (5,),
        lambda x, w, b: reference.silu_forward(x @ w + b),
    ),
    "conv2d gelu": Case(
        layers.Conv2D,
        {"filters": 3, "kernel_size": 2, "activation": "gelu"},
        (3, 4, 2),
        lambda x, w, b: reference.gelu_forward(reference.conv2d_forward(x, w, b, (2, 3))),
    ),
    "dense elu": Case(
        layers.Dense,
        {"units": 4, "activation": "elu"},
        (5,),
        lambda x, w, b: reference.elu_forward(x @ w + b),
    ),
    "activation linear": Case(layers.Activation, {"activation": "linear"}, (5,), identity),
    "batch normalization of images": Case(layers.BatchNormalization, {}, (3, 2, 2), normalised),
    "batch normalization of rows": Case(layers.BatchNormalization, {}, (5,), normalised),
    "batch normalization, no gamma, no beta": Case(
        layers.BatchNormalization,
        {"scale": False, "center": False},
        (3,),
        lambda x, *_: normalised(x, 1.0, 0.0),
    ),
    "batch normalization, frozen": Case(
        layers.BatchNormalization,
        {"trainable": False},
        (3,),
        lambda x, *weights: reference.batch_norm_forward(x, *weights, EPSILON),
    ),
    "layer normalization of rows": Case(
        layers.LayerNormalization,
        {},
        (5,),
        lambda x, g, b: reference.normalised_together(x, g, b, EPSILON, np.zeros(5)),
    ),
    "layer normalization of pixels": Case(
        layers.LayerNormalization,
        {"axis": 3, "epsilon": 0.1},
        (3, 2, 4),
        lambda x, g, b: reference.normalised_together(x, g, b, 0.1, reference.pixels((3, 2, 4))),
    ),
    "layer normalization of whole images": Case(
        layers.LayerNormalization,
        {"axis": [-1, 1, 2]},
        (3, 2, 3),
        lambda x, g, b: reference.normalised_together(x, g, b, EPSILON, np.zeros((3, 2, 3))),
    ),
    "layer normalization of rows of pixels, no beta": Case(
        layers.LayerNormalization,
        {"axis": 2, "center": False},
        (2, 5, 3),
        lambda x, g: reference.normalised_together(
            x, g[:, None], 0, EPSILON, np.arange(6).reshape(2, 1, 3).repeat(5, axis=1)
        ),
    ),
    "layer normalization, frozen": Case(
        layers.LayerNormalization,
        {"trainable": False, "scale": False},
        (4,),
        lambda x, b: reference.normalised_together(x, 1, b, EPSILON, np.zeros(4)),
    ),
    "group normalization": Case(
        layers.GroupNormalization,
        {"groups": 2},
        (3, 2, 6),
        lambda x, g, b: reference.normalised_together(
            x, g, b, EPSILON, reference.groups_of_channels((3, 2, 6), 2)
        ),
    ),
    "group normalization of each channel": Case(
        layers.GroupNormalization,
        {"groups": -1, "axis": 3, "center": False, "scale": False},
        (3, 2, 3),
        lambda x: reference.normalised_together(
            x, 1, 0, EPSILON, reference.groups_of_channels((3, 2, 3), 3)
        ),
    ),
    "group normalization of rows": Case(
        layers.GroupNormalization,
        {"groups": 1, "epsilon": 0.01},
        (5,),
        lambda x, g, b: reference.normalised_together(x, g, b, 0.01, np.zeros(5)),
    ),
    "random flip, seed of four flips": Case(
        layers.RandomFlip,
        {"mode": "horizontal", "seed": SEED_OF_FOUR_FLIPS},
        (3, 4, 2),
        lambda x: x[:, :, ::-1],
    ),
    "random translation by half": Case(
        layers.RandomTranslation,
        {"height_factor": (0.5, 0.5), "width_factor": (-0.25, -0.25), "fill_mode": "wrap"},
        (4, 4, 2),
        lambda x: np.roll(x, (2, -1), (1, 2)),
    ),
    "random rotation by a quarter": Case(
        layers.RandomRotation,
        {"factor": (0.25, 0.25), "fill_mode": "constant"},
        (3, 3, 2),
        lambda x: np.rot90(x, 1, (1, 2)),
    ),
    "random zoom out of nothing": Case(
        layers.RandomZoom, {"height_factor": 0.0}, (3, 4, 1), identity
    ),
    "random shear of nothing": Case(layers.RandomShear, {}, (3, 4, 2), identity),
    "random perspective of nothing": Case(
        layers.RandomPerspective, {"scale": 0.0}, (3, 4, 2), identity
    ),
    "random contrast of values from 0": Case(
        layers.RandomContrast, {"factor": 0.0}, (3, 4, 2), lambda x: np.maximum(x, 0)
    ),
    "random contrast of any values": Case(
        layers.RandomContrast, {"factor": 0.0, "value_range": None}, (3, 4, 2), identity
    ),
    "rescaling of channels": Case(
        layers.Rescaling,
        {"scale": [0.5, 2.0], "offset": (-1, 3)},
        (3, 2),
        lambda x: np.array([0.5, 2.0]) * x + [-1, 3],
    ),
    "rescaling": Case(
        layers.Rescaling, {"scale": 0.5, "offset": -1}, (3, 2), lambda x: 0.5 * x - 1
    ),
    "dropout": Case(
        layers.Dropout, {"rate": 0.3, "seed": 5}, (3, 4), lambda x: reference.dropout(x, 0.3, NOISE)
    ),
    "dropout of whole images": Case(
        layers.Dropout,
        {"rate": 0.3, "noise_shape": (None, 1, 1), "seed": 5},
        (3, 4),
        lambda x: reference.shared_dropout(x, 0.3, NOISE, (len(x), 1, 1)),
    ),
    "dropout, shared by the batch": Case(
        layers.Dropout,
        {"rate": 0.3, "noise_shape": [1, None, 1], "seed": 5},
        (3, 4),
        lambda x: reference.shared_dropout(x, 0.3, NOISE, (1, 3, 1)),
    ),
    "alpha dropout": Case(
        layers.AlphaDropout,
        {"rate": 0.3, "seed": 5},
        (3, 4),
        lambda x: reference.alpha_dropout(x, 0.3, NOISE),
    ),
    "alpha dropout 0": Case(layers.AlphaDropout, {"rate": 0.0}, (3, 4), identity),
    "gaussian dropout": Case(
        layers.GaussianDropout,
        {"rate": 0.3, "seed": 5},
        (3, 4),
        lambda x: reference.gaussian_dropout(x, 0.3, NOISE),
    ),
    "spatial dropout of sequences": Case(
        layers.SpatialDropout1D,
        {"rate": 0.3, "seed": 5},
        (3, 4),
        lambda x: reference.spatial_dropout(x, 0.3, NOISE),
    ),
    "spatial dropout of images": Case(
        layers.SpatialDropout2D,
        {"rate": 0.5, "seed": 5},
        (3, 2, 5),
        lambda x: reference.spatial_dropout(x, 0.5, NOISE),
    ),
    "gaussian noise": Case(
        layers.GaussianNoise,
        {"stddev": 0.3, "seed": 5},
        (3, 4),
        lambda x: reference.gaussian_noise(x, 0.3, NOISE),
    ),
    "gaussian noise 0": Case(layers.GaussianNoise, {"stddev": 0}, (3, 4), identity),
    "dropout 0": Case(layers.Dropout, {"rate": 0.0}, (3, 4), identity),
    "gaussian dropout 0": Case(layers.GaussianDropout, {"rate": 0.0}, (3, 4), identity),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_layer(case: Case) -> None:
    run_layer_test(*case)


def test_every_layer_has_a_case() -> None:
    exempt = {layers.InputLayer, layers.Layer, layers.Quantization}  # the last: below
    exempt |= {layers.SpectralNormalization}  # test_spectral_normalization.py
    exempt |= {
        layer for layer in AUGMENTATION if not hasattr(layer, "maps")
    }  # test_augmentation.py
    classes = {getattr(layers, name) for name in layers.__all__}
    classes = {item for item in classes if isinstance(item, type)} - exempt
    classes = {item for item in classes if not item.merges}  # those: tests/test_merging.py
    assert classes == {case.layer_class for case in CASES.values()} - exempt


def test_quantization_rounds_and_lets_gradients_pass() -> None:
    layer = layers.Quantization([0.5, 0.25], [1, 0], -3, 4)
    x = np.array([[0.75, 0.125], [-9.0, 0.3], [0.2, 9.0]], np.float32)
    layer.build_once((None, 2))
    call = forward(layer, x)
    # 0.75 / 0.5 is halfway between 1 and 2, and 0.125 / 0.25 between 0 and 1: the even one
    np.testing.assert_array_equal(call.y, [[3, 0], [-3, 1], [1, 4]])
    dx = backward(layer, call, np.ones_like(x))
    np.testing.assert_array_equal(dx, [[2, 4], [0, 4], [2, 0]])
    again = layers.Quantization.from_config(layer.get_config())
    np.testing.assert_array_equal(again(x), call.y)


def test_normalization_adapts_to_samples() -> None:
    x = 3 * normal(1, 50, 4, 2) + np.float32([5, -1])
    layer = layers.Normalization()
    layer.adapt(x)
    y = layer(x)
    assert_close(y.mean(axis=(0, 1)) + 1, np.ones(2), 1e-5)
    assert_close(y.std(axis=(0, 1)), np.ones(2), 1e-5)
    inverse = layers.Normalization(
        mean=layer.mean.value, variance=layer.variance.value, invert=True
    )
    assert_close(inverse(y), x, 1e-6)
    whole = layers.Normalization(axis=None)
    whole.adapt(x)
    assert_close(whole.mean.value, [x.mean()])
    with pytest.raises(ValueError, match=r"Normalization .*: data must be samples"):
        layers.Normalization().adapt([1.0, 2.0])
    constant = layers.Normalization()
    constant.adapt(np.ones((3, 2)))
    np.testing.assert_array_equal(constant(np.ones((1, 2))), [[0, 0]])


@pytest.mark.parametrize("axis", [-1, None])
def test_normalization_adapts_to_streams(axis: int | None) -> None:
    """Far from 0, where a sum of squares would lose all digits."""
    x = normal(1, 50, 4, 2) + np.float32([5000, -1])
    y = np.arange(50)
    expected = layers.Normalization(axis)
    expected.adapt(x)
    cuts = [(0, 7), (7, 8), (8, 50)]

    class Numbered:
        def __len__(self) -> int:
            return 3

        def __getitem__(self, place: int) -> Any:
            return x[slice(*cuts[place])], y[slice(*cuts[place])]

    endless = (x[slice(*cuts[place % 3])] for place in itertools.count())
    streams = [cnnx.data.ArrayStream(x, y, batch_size=9), (x[i:j] for i, j in cuts), Numbered()]
    for stream, steps in [*((stream, None) for stream in streams), (endless, 3)]:
        layer = layers.Normalization(axis)
        layer.adapt(stream, steps)
        np.testing.assert_allclose(layer.mean.value, expected.mean.value, rtol=1e-6)
        np.testing.assert_allclose(layer.variance.value, expected.variance.value, rtol=1e-5)
    with pytest.raises(ValueError, match="data holds no batches"):
        layers.Normalization().adapt(iter([]))
    if axis is not None:
        with pytest.raises(ValueError, match=r"all batches of data must have 2 channels.*\(3, 5\)"):
            layers.Normalization().adapt(iter([x, np.ones((3, 5))]))


def test_logarithm() -> None:
    layer = layers.Elementary("log")
    x = np.array([[0.5, 1, 8]], np.float32)
    layer.build_once((None, 3))
    call = forward(layer, x)
    assert_close(call.y, np.log(x))
    assert_close(backward(layer, call, np.ones_like(x)), 1 / x)
    assert np.isnan(layer(-x)).all()


def test_dropout_drops_the_same_elements_on_the_way_back() -> None:
    layer = layers.Dropout(0.25, seed=3)
    x = np.full((50, 40), 3, np.float32)
    layer.build_once((None, 40))
    call = forward(layer, x)
    y = call.y.copy()
    np.testing.assert_array_equal(np.unique(y), [0, 4])
    assert np.mean(y == 0) == pytest.approx(0.25, abs=0.05)
    np.testing.assert_array_equal(backward(layer, call, x), y)
    assert not np.array_equal(layer(x, training=True), y)
    np.testing.assert_array_equal(layer(x), x)
    np.testing.assert_array_equal(layers.Dropout(0.25, seed=3)(x, training=True), y)


def test_dropout_drops_together_where_the_noise_has_an_extent_of_1() -> None:
    x = np.full((300, 3, 5), 3, np.float32)
    layer = layers.Dropout(0.25, (None, 1, 1), 3)
    y = layer(x, training=True)
    np.testing.assert_array_equal(y, y[:, :1, :1] + np.zeros_like(y))
    assert np.mean(y[:, 0, 0] == 0) == pytest.approx(0.25, abs=0.08)
    every = layers.Dropout(0.25, (None, None, None), seed=3)(x, training=True)
    np.testing.assert_array_equal(every, layers.Dropout(0.25, seed=3)(x, training=True))
    rows = layers.Dropout(0.25, noise_shape=(300, 1, 1), seed=3)
    np.testing.assert_array_equal(rows(x, training=True), y)
    with pytest.raises(ValueError, match=r"is for batches of 300, got 2 samples; None suits"):
        rows(x[:2], training=True)
    for shape in [(None, 1), (None, 2, 1), (None, 1, 1, 1)]:
        with pytest.raises(ValueError, match=r"must have an extent for each axis of the input"):
            layers.Dropout(0.25, shape)(x)


def test_alpha_dropout_keeps_mean_and_variance() -> None:
    x = normal(1, 1000, 400)
    y = layers.AlphaDropout(0.3, seed=3)(x, training=True)
    assert y.mean() == pytest.approx(0, abs=0.01)
    assert y.std() == pytest.approx(1, abs=0.01)
    assert len(np.unique(y)) < 0.75 * y.size  # what is dropped is one number
    np.testing.assert_array_equal(layers.AlphaDropout(0.3)(x), x)


def test_gaussian_dropout_multiplies_by_the_same_noise_on_the_way_back() -> None:
    layer = layers.GaussianDropout(0.2, seed=3)
    x = np.full((500, 40), 3, np.float32)
    layer.build_once((None, 40))
    call = forward(layer, x)
    y = call.y.copy()
    assert y.mean() == pytest.approx(3, abs=0.06)
    assert y.std() == pytest.approx(3 * 0.5, abs=0.06)
    np.testing.assert_array_equal(backward(layer, call, x), y)
    assert not np.array_equal(layer(x, training=True), y)
    np.testing.assert_array_equal(layer(x), x)
    np.testing.assert_array_equal(layers.GaussianDropout(0.2, seed=3)(x, training=True), y)


def test_spatial_dropout_drops_whole_channels() -> None:
    x = np.full((40, 3, 2, 50), 3, np.float32)
    layer = layers.SpatialDropout2D(0.25, seed=3)
    y = layer(x, training=True)
    np.testing.assert_array_equal(y, y[:, :1, :1] + np.zeros_like(y))
    np.testing.assert_array_equal(np.unique(y), [0, 4])
    assert np.mean(y == 0) == pytest.approx(0.25, abs=0.05)
    np.testing.assert_array_equal(layer(x), x)
    with pytest.raises(ValueError, match=r"SpatialDropout2D .* expects images \(batch, height"):
        layers.SpatialDropout2D(0.5)(x[0])
    with pytest.raises(ValueError, match=r"expects sequences \(batch, steps, channels\), got"):
        layers.SpatialDropout1D(0.5)(x)


def test_gaussian_noise_is_added_in_training_alone() -> None:
    layer = layers.GaussianNoise(0.2, seed=3)
    x = np.full((500, 40), 3, np.float32)
    layer.build_once((None, 40))
    call = forward(layer, x)
    y = call.y.copy()
    assert y.mean() == pytest.approx(3, abs=0.01)
    assert y.std() == pytest.approx(0.2, abs=0.01)
    np.testing.assert_array_equal(backward(layer, call, x), x)
    assert not np.array_equal(layer(x, training=True), y)
    np.testing.assert_array_equal(layer(x), x)
    np.testing.assert_array_equal(layers.GaussianNoise(0.2, seed=3)(x, training=True), y)


def test_weighted_average_pooling_starts_as_the_average() -> None:
    x = np.random.default_rng(1).random((2, 6, 4, 3), np.float32)
    got = layers.WeightedAveragePooling2D((3, 2))(x)
    np.testing.assert_allclose(got, layers.AveragePooling2D((3, 2))(x), rtol=1e-6)


def test_frozen_weighted_pooling_passes_the_gradient_alone() -> None:
    layer = layers.WeightedAveragePooling2D(2, trainable=False)
    layer.build_once((None, 2, 2, 1))
    layer.scale.assign(np.array([3], np.float32))
    _, dx = both(layer, np.ones((1, 2, 2, 1)), np.full((1, 1, 1, 1), 2))
    np.testing.assert_array_equal(dx, np.full((1, 2, 2, 1), 6))


def test_batch_normalization_moves_its_statistics_in_training_alone() -> None:
    layer = layers.BatchNormalization(momentum=0.9)
    x = np.random.default_rng(1).normal(5, 2, (100, 3)).astype(np.float32)
    layer(x)
    np.testing.assert_array_equal(layer.get_weights()[2:], [[0] * 3, [1] * 3])
    layer(x, training=True)
    mean, variance = layer.get_weights()[2:]
    np.testing.assert_allclose(mean, 0.1 * x.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(variance, 0.9 + 0.1 * x.var(axis=0), rtol=1e-5)


@pytest.mark.parametrize(
    ("layer", "input_shape", "output_shape"),
    [
        (layers.MaxPooling2D(3), (15, 15, 1), (5, 5, 1)),
        (layers.MaxPooling2D(2), (5, 7, 4), (2, 3, 4)),
        (layers.Conv2D(8, 5), (28, 28, 1), (24, 24, 8)),
        (layers.Flatten(), (10, 10, 8), (800,)),
    ],
    ids=lambda item: str(item),
)
def test_textbook_shapes(
    layer: layers.Layer, input_shape: tuple[int, ...], output_shape: tuple[int, ...]
) -> None:
    assert layer.compute_output_shape((None, *input_shape)) == (None, *output_shape)


def test_conv2d_initial_bias_leaves_the_net_input_alone() -> None:
    x = np.ones((1, 4, 4, 1), np.float32)
    for bias in ("tied", "untied"):
        for operation in ("add", "multiply"):
            layer = layers.Conv2D(2, 3, bias=bias, bias_operation=operation)
            y = layer(x)
            kernel = layer.get_weights()[0]
            assert_close(y, reference.conv2d_forward(x, kernel, None, (2, 2)))


@pytest.mark.parametrize(
    ("arguments", "input_size", "output_size"),
    [
        # Keras 3: (n - 1) s + max(e, s) and n s; with q (n - 1) s + e + q and (n - 1) s + e % 2 + q
        ({"kernel_size": 3}, (7, 8), (9, 10)),
        ({"kernel_size": 2, "strides": 2}, (7, 8), (14, 16)),
        ({"kernel_size": 2, "strides": (3, 5)}, (7, 8), (21, 40)),
        ({"kernel_size": 3, "strides": 2}, (7, 8), (15, 17)),
        ({"kernel_size": 3, "strides": 2, "padding": "same"}, (7, 8), (14, 16)),
        ({"kernel_size": 3, "strides": 2, "output_padding": 1}, (7, 8), (16, 18)),
        (
            {"kernel_size": 3, "strides": 2, "padding": "SAME", "output_padding": 0},
            (7, 8),
            (13, 15),
        ),
        (
            {"kernel_size": 4, "strides": 2, "padding": "same", "output_padding": 1},
            (7, 8),
            (13, 15),
        ),
        ({"kernel_size": 3, "dilation_rate": (1, 2)}, (7, 8), (9, 12)),
        # PyTorch: (n - 1) s - 2 p + e + q
        ({"kernel_size": 4, "strides": 2, "padding": 1}, (7, 8), (14, 16)),
        ({"kernel_size": 3, "strides": 2, "padding": 1, "output_padding": 1}, (7, 8), (14, 16)),
        ({"kernel_size": 3, "padding": "full"}, (7, 8), (5, 6)),
    ],
)
def test_sizes_of_transposed_convolutions(
    arguments: dict[str, Any], input_size: tuple[int, int], output_size: tuple[int, int]
) -> None:
    layer = layers.Conv2DTranspose(5, **arguments)
    assert layer.compute_output_shape((None, *input_size, 2)) == (None, *output_size, 5)
    assert layer(np.ones((2, *input_size, 2))).shape == (2, *output_size, 5)
    assert layer.get_weights()[0].shape == (*layer.kernel_size, 5, 2)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("strides", [1, 2, 3])
def test_a_transposed_convolution_is_what_a_convolution_does_to_gradients(
    strides: int, padding: str, backend: None
) -> None:
    size = 3 * strides + (2 if padding == "valid" else 0)
    convolution = layers.Conv2D(4, 3, strides, padding, groups=2, use_bias=False)
    convolution.build_once((None, size, size, 6))
    x, dy = (
        np.random.default_rng(1).random(shape, np.float32)
        for shape in ((2, size, size, 6), (2, *convolution.output_shape[1:]))
    )
    _, dx = both(convolution, x, dy)
    transposed = layers.Conv2DTranspose(6, 3, strides, padding, use_bias=False, groups=2)
    transposed.build_once((None, *dy.shape[1:]))
    transposed.set_weights(convolution.get_weights())
    rows = transposed.output_shape[1]
    assert rows <= size
    np.testing.assert_array_equal(transposed(dy), dx[:, :rows, :rows])
    assert not dx[:, rows:].any()


def test_a_causal_convolution_sees_no_later_step() -> None:
    for layer in (
        layers.Conv1D(3, 4, padding="causal", dilation_rate=2),
        layers.DepthwiseConv1D(4, padding="causal", dilation_rate=2),
        layers.SeparableConv1D(3, 4, padding="causal", dilation_rate=2),
    ):
        x = np.random.default_rng(1).random((1, 9, 2), np.float32)
        before = layer(x)
        assert before.shape[1] == 9
        x[:, 5] += 1
        changed = np.abs(layer(x) - before).max(axis=(0, 2)) > 1e-4
        np.testing.assert_array_equal(np.flatnonzero(changed), [5, 7])


def test_sequences_are_images_of_height_1() -> None:
    x = np.random.default_rng(1).random((3, 11, 4), np.float32)
    for one, two in (
        (
            layers.Conv1D(4, 3, 2, "same", groups=2),
            layers.Conv2D(4, (1, 3), (1, 2), "same", groups=2),
        ),
        (layers.DepthwiseConv1D(3, 2), layers.DepthwiseConv2D((1, 3), (1, 2))),
        (layers.SeparableConv1D(5, 3), layers.SeparableConv2D(5, (1, 3))),
        (layers.Conv1DTranspose(5, 3, 2), layers.Conv2DTranspose(5, (1, 3), (1, 2))),
        (layers.MaxPooling1D(3, 2, "same"), layers.MaxPooling2D((1, 3), (1, 2), "same")),
        (layers.AveragePooling1D(2), layers.AveragePooling2D((1, 2))),
    ):
        one.build_once((None, 11, 4))
        two.build_once((None, 1, 11, 4))
        two.set_weights(
            [weight[None] if weight.ndim > 1 else weight for weight in one.get_weights()]
        )
        np.testing.assert_array_equal(one(x), two(x[:, None])[:, 0])


@pytest.mark.parametrize(
    "layer",
    [
        layers.Conv1D(4, 2),
        layers.DepthwiseConv1D(2),
        layers.SeparableConv1D(4, 2),
        layers.Conv1DTranspose(4, 2),
        layers.Dense(3, activation="tanh"),
        layers.BatchNormalization(),
        layers.LayerNormalization(),
        layers.GroupNormalization(2),
        layers.PReLU(),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_each_weight_may_be_frozen_by_itself(layer: Any) -> None:
    x = np.random.default_rng(1).random((2, 5, 4), np.float32)
    layer.build_once((None, 5, 4))
    dy = np.random.default_rng(2).random((2, *layer.output_shape[1:]), np.float32)
    _, dx = both(layer, x, dy)
    learned = layer.trainable_weights
    gradients = [weight.gradient.copy() for weight in learned]
    for alone in learned:
        for weight in learned:
            weight.trainable = weight is alone
            weight.gradient[...] = 7
        np.testing.assert_array_equal(both(layer, x, dy)[1], dx)
        for weight, gradient in zip(learned, gradients, strict=True):
            expected = gradient if weight is alone else np.full(weight.shape, 7)
            np.testing.assert_array_equal(weight.gradient, expected)


NEW = {
    "Conv1D": (layers.Conv1D(4, 3, padding="same", activation="tanh"), (7, 4)),
    "DepthwiseConv2D": (layers.DepthwiseConv2D(3, padding="same"), (5, 6, 4)),
    "SeparableConv2D": (layers.SeparableConv2D(4, 3, padding="same"), (5, 6, 4)),
    "Conv2DTranspose": (layers.Conv2DTranspose(4, 3, padding="same", activation="elu"), (5, 6, 4)),
    "MaxPooling1D": (layers.MaxPooling1D(3, 1, padding="same"), (7, 4)),
}


@pytest.mark.parametrize(("layer", "input_shape"), NEW.values(), ids=NEW)
def test_a_layer_used_twice_keeps_the_uses_apart(
    layer: layers.Layer, input_shape: tuple[int, ...], backend: None
) -> None:
    layer.build_once((None, *input_shape))
    second = type(layer).from_config(layer.get_config() | {"name": "second"})
    second.build_once((None, *input_shape))
    second.set_weights(layer.get_weights())
    x, dy = (np.random.default_rng(seed).random((3, *input_shape), np.float32) for seed in (1, 2))
    results = []
    for top in (layer, second):
        below = forward(layer, x)
        above = forward(top, below.y)
        gradient = backward(top, above, dy)
        of_top = [weight.gradient.copy() for weight in top.weights]
        results.append([above.y, *of_top, backward(layer, below, gradient)])
        results[-1] += [weight.gradient.copy() for weight in layer.weights]
    for got, expected in zip(*results, strict=True):
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize(("layer", "input_shape"), NEW.values(), ids=NEW)
def test_no_samples(layer: layers.Layer, input_shape: tuple[int, ...]) -> None:
    empty = np.zeros((0, *input_shape), np.float32)
    layer.build_once((None, *input_shape))
    y, dx = both(layer, empty, np.zeros((0, *layer.output_shape[1:])))
    assert y.shape == (0, *layer.output_shape[1:])
    assert dx.shape == empty.shape
    for weight in layer.weights:
        assert not weight.gradient.any()


def test_the_names_of_keras_are_the_same_classes() -> None:
    for kind in ("1D", "2D"):
        for name, other in (
            ("Conv", "Convolution"),
            ("SeparableConv", "SeparableConvolution"),
            ("MaxPooling", "MaxPool"),
            ("AveragePooling", "AvgPool"),
            ("GlobalMaxPooling", "GlobalMaxPool"),
            ("GlobalAveragePooling", "GlobalAvgPool"),
        ):
            assert getattr(layers, name + kind) is getattr(layers, other + kind)
    assert layers.Conv2DTranspose is layers.Convolution2DTranspose
    assert layers.Conv1DTranspose is layers.Convolution1DTranspose


@pytest.mark.parametrize(
    ("layer", "input_shape", "message"),
    [
        (
            layers.Conv1D(2, 3),
            (5,),
            r"Conv1D .* expects sequences \(batch, steps, channels\).*None\]",
        ),
        (layers.MaxPooling1D(2), (5, 4, 3), r"expects sequences \(batch, steps, channels\)"),
        (layers.DepthwiseConv2D(2), (5, 4), r"grey images need a channel axis"),
        (layers.Conv1D(2, 3), (2, 1), "a 3-step kernel .* does not fit the 2-step input.*sequence"),
        (layers.Conv1D(2, 3, groups=2), (5, 3), "3 channels must be a multiple of groups=2"),
        (layers.Conv2DTranspose(2, 3, groups=2), (5, 5, 3), "3 channels must be a multiple of g"),
        (layers.Conv2DTranspose(2, 3, padding=4), (5, 5, 1), r"leaves nothing of the 5x5 input"),
        (layers.Conv2DTranspose(1, 2, 2, "same", 0), (1, 1, 1), r"leaves nothing of the 1x1"),
        (
            layers.Conv2DTranspose(1, 2, 2**20),
            (2**13, 1, 1),
            r"makes \d+ outputs of an axis of 8192",
        ),
        (layers.Conv2DTranspose(1, 2, 2**20), (2, 2, 1), "too big for any memory"),
        (layers.Conv1DTranspose(1, 3, 2**30), (9, 1), "makes 9663676416 outputs of an axis of 9"),
    ],
)
def test_inputs_that_do_not_fit(
    layer: layers.Layer, input_shape: tuple[int, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        layer.build_once((None, *input_shape))


def test_settings_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match=r"output_padding=\(2, 2\) must be less than strides=\(2"):
        layers.Conv2DTranspose(1, 3, strides=2, output_padding=2)
    with pytest.raises(ValueError, match="filters=3 must be a multiple of groups=2"):
        layers.Conv2DTranspose(3, 3, groups=2)
    with pytest.raises(ValueError, match=r"padding must be 'valid', 'same', 'full', a whole"):
        layers.Conv1DTranspose(3, 3, padding="causal")
    with pytest.raises(ValueError, match=r"padding=.* must be less than pool_size=\(2,\)"):
        layers.MaxPooling1D(2, padding=2)


def test_names_are_those_of_keras() -> None:
    first, second = layers.MaxPooling2D(), layers.MaxPooling2D()
    assert first.name.startswith("max_pooling2d")
    assert first.name != second.name
    assert layers.Conv2D(1, 1).name.startswith("conv2d")
    assert layers.BatchNormalization().name.startswith("batch_normalization")
    assert layers.Conv2DTranspose(1, 1).name.startswith("conv2d_transpose")
    assert layers.DepthwiseConv1D(1).name.startswith("depthwise_conv1d")
    separable = layers.SeparableConv2D(2, 3, name="s")
    separable(np.ones((1, 5, 5, 3)))
    assert {weight.path: weight.shape for weight in separable.weights} == {
        "s/depthwise_kernel": (3, 3, 3, 1),
        "s/pointwise_kernel": (1, 1, 3, 2),
        "s/bias": (2,),
    }


def test_a_seed_repeats_the_first_weights() -> None:
    def weights() -> np.ndarray:
        cnnx.utils.set_random_seed(7)
        layer = layers.Dense(50)
        layer.build_once((None, 30))
        return layer.get_weights()[0]

    first = weights()
    np.testing.assert_array_equal(first, weights())
    limit = np.sqrt(6 / (30 + 50))  # glorot_uniform
    assert 0.95 * limit < np.abs(first).max() <= limit


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (layers.LayerNormalization(axis=0), (2, 3), "axis=(0,) must name axes of samples, 1 to 1"),
        (layers.LayerNormalization(axis=2), (2, 3), "axis=(2,) must name axes of samples, 1 to 1"),
        (layers.LayerNormalization(axis=[1, -1]), (2, 3), "or -1 to -1 for an input with 2 axes"),
        (layers.GroupNormalization(4), (2, 6), "6 channels must be a multiple of groups=4"),
        (layers.GroupNormalization(axis=1), (2, 5, 32), "axis must be -1 or 2, the last of shape"),
    ],
)
def test_normalization_needs_axes_and_groups_that_fit(
    layer: layers.Layer, shape: tuple[int, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        layer(np.ones(shape))


def test_normalization_of_samples_does_not_look_at_other_samples() -> None:
    x = 100 + normal(1, 5, 4, 3, 6)
    for layer in (layers.LayerNormalization(), layers.GroupNormalization(3)):
        whole = layer(x, training=True)
        np.testing.assert_array_equal(layer(x), whole)
        np.testing.assert_array_equal(layer(x[2:3]), whole[2:3])


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (layers.Permute((2, 1)), (2, 3, 4, 5), "dims=(2, 1) is for samples of 2 axes, got shape"),
        (layers.RepeatVector(2), (2, 3, 4), "expects rows (batch, features), got shape (None, 3,"),
        (layers.ZeroPadding2D(), (2, 3, 4), "grey images need a channel axis"),
        (layers.ZeroPadding1D(), (2, 3), "expects sequences (batch, steps, channels), got shape"),
        (layers.Cropping2D((1, 2)), (1, 5, 4, 1), "((1, 1), (2, 2)) leaves nothing of the input's"),
        (layers.Cropping1D(2), (1, 4, 1), "cropping=((2, 2),) leaves nothing of the input's"),
        (layers.UpSampling1D(), (2, 3), "expects sequences (batch, steps, channels), got shape"),
        (layers.UpSampling2D(2**20), (1, 2, 2, 1), "2097152x2097152 pixels, which is too big for"),
    ],
    ids=str,
)
def test_places_and_sizes_must_fit(
    layer: layers.Layer, shape: tuple[int, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        layer(np.ones(shape))


@pytest.mark.parametrize("dims", [(1, 3), (2, 2), (1, 2, 4)])
def test_permute_needs_each_axis_once(dims: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="Permute 'p': dims must"):
        layers.Permute(dims, name="p")


def test_bilinear_upsampling_by_hand() -> None:
    """Half-pixel centres: a quarter and three quarters, and the outermost pixels repeated."""
    x = np.array([0, 4, 8], np.float32).reshape(1, 1, 3, 1)
    y = layers.UpSampling2D((1, 2), interpolation="bilinear")(x)
    np.testing.assert_array_equal(y.ravel(), [0, 1, 3, 5, 7, 8])
    y = layers.UpSampling2D((1, 3), interpolation="bilinear")(x)
    np.testing.assert_allclose(y.ravel(), np.array([0, 0, 4, 8, 12, 16, 20, 24, 24]) / 3, rtol=1e-6)


def test_cropping_undoes_padding_in_a_model() -> None:
    model = cnnx.Sequential([cnnx.Input((4, 4, 3)), layers.Identity(), layers.ZeroPadding2D(2)])
    model.add(layers.Cropping2D(2))
    x = normal(1, 2, 4, 4, 3)
    np.testing.assert_array_equal(model.predict(x, verbose=0), x)
