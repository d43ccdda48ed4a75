"""The forms in float64 of layers that take arrays with any number of axes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cnnx import layers
from cnnx.arrays import Double


def _affine(layer: layers.Affine, x: Double, *weights: Double) -> Double:
    left = list(weights)
    y = x * left.pop(0) if layer.scale else x
    return y + left.pop(0) if layer.center else y


def _reduced(layer: layers.Reduction, x: Double) -> Double:
    reduce: dict[str, Callable[..., Any]] = {
        "mean": np.mean,
        "sum": np.sum,
        "max": np.max,
        "min": np.min,
    }
    found: Double = reduce[layer.operation](x, axis=layer.axes(x.ndim))
    return found.reshape(layer.compute_output_shape(x.shape))


def _resampled(layer: layers.Resampling, x: Double) -> Double:
    x = x - layer.filling  # what is around an image is 0 then
    for number, axis in enumerate(layer.axes(x.shape[1:-1])):
        matrix = np.zeros((layer.size[number], x.shape[number + 1]))
        np.add.at(matrix, (np.arange(len(matrix))[:, None], axis.places), axis.shares)
        x = np.moveaxis(np.tensordot(matrix, x, (1, number + 1)), 0, number + 1)
    return x + layer.filling


def _middle(layer: layers.CenterCrop, x: Double) -> Double:
    rows, columns = x.shape[1] - layer.height, x.shape[2] - layer.width
    if min(rows, columns) < 0:
        resizing = layers.Resizing(layer.height, layer.width, crop_to_aspect_ratio=True)
        return _resampled(resizing, x)
    top, left = rows // 2, columns // 2
    return x[:, top : top + layer.height, left : left + layer.width]


def _local_response(layer: layers.LocalResponseNormalization, x: Double) -> Double:
    places = np.arange(x.shape[-1])
    apart = places - places[:, None]  # row c, column j
    seen = (apart >= -((layer.size - 1) // 2)) & (apart <= layer.size // 2)
    sums = np.square(x) @ seen.T
    result: Double = x / (layer.bias + layer.alpha / layer.size * sums) ** layer.beta
    return result


def _padded(layer: layers.Padding, x: Double) -> Double:
    sides = ((0, 0), *layer.sides)
    if layer.mode == "constant":
        return np.pad(x, sides, constant_values=layer.value)
    return np.pad(x, sides, mode="reflect" if layer.mode == "reflect" else "edge")


def _quantized(layer: layers.Quantization, x: Double) -> Double:
    steps = np.rint(x / np.array(layer.scale)) + np.array(layer.zero_point)
    result: Double = np.clip(steps, layer.low, layer.high)
    return result


def _product(layer: layers.MatMul, xs: Sequence[Double]) -> Double:
    return np.asarray(np.matmul(*xs), np.float64)


def _dot(layer: layers.Dot, xs: Sequence[Double]) -> Double:
    axes = layer.places([x.ndim for x in xs])
    pairs = list(zip(xs, axes, strict=True))
    if layer.normalize:
        pairs = [(x / np.sqrt(np.square(x).sum(axis, keepdims=True)), axis) for x, axis in pairs]
    vectors = [np.moveaxis(x, axis, -1) for x, axis in pairs]
    found = [np.tensordot(a, b, (-1, -1)) for a, b in zip(*vectors, strict=True)]
    shape = layer.compute_output_shape(*(x.shape for x in xs))
    return np.stack(found).reshape(len(found), *shape[1:])


_ELEMENTARY: dict[str, Callable[[Double], Any]] = {
    "abs": np.abs,
    "erf": lambda x: np.asarray(np.frompyfunc(math.erf, 1, 1)(x), np.float64),
    "log": np.log,
    "floor": np.floor,
    "ceil": np.ceil,
    "round": np.rint,
    "is_positive": lambda x: (x > 0).astype(np.float64),
    "is_not_negative": lambda x: (x >= 0).astype(np.float64),
    "is_zero": lambda x: (x == 0).astype(np.float64),
}


def _normalized(layer: layers.Normalization, x: Double, *_: Double) -> Double:
    deviation = np.maximum(np.sqrt(layer.variance.value.astype(np.float64)), 1e-7)
    mean = layer.mean.value.astype(np.float64)
    return x * deviation + mean if layer.invert else (x - mean) / deviation


ARRAY_FORMS: dict[type[layers.Layer], Callable[..., Any]] = {
    layers.CenterCrop: _middle,
    layers.Affine: _affine,
    layers.ArgMax: lambda layer, x: x.argmax(layer.axis).reshape(
        layer.compute_output_shape(x.shape)
    ),
    layers.Clip: lambda layer, x: np.clip(
        x,
        -np.inf if layer.min_value is None else layer.min_value,
        np.inf if layer.max_value is None else layer.max_value,
    ),
    layers.Select: lambda layer, xs: np.where(xs[0] != 0, xs[1], xs[2]),
    layers.Divide: lambda layer, xs: xs[0] / xs[1],
    layers.Elementary: lambda layer, x: _ELEMENTARY[layer.function](x),
    layers.LocalResponseNormalization: _local_response,
    layers.Dot: _dot,
    layers.MatMul: _product,
    layers.Padding: _padded,
    layers.Normalization: _normalized,
    layers.Resizing: _resampled,
    layers.Power: lambda layer, x: np.power(x, layer.exponent),
    layers.Quantization: _quantized,
    layers.Reduction: _reduced,
    layers.Resampling: _resampled,
    layers.Take: lambda layer, x: np.take(x, layer.indices, layer.axis),
    layers.Tile: lambda layer, x: np.tile(x, (1, *layer.repeats)),
}
"""Each is a function (layer, x, *weights), as those of `double_precision`."""
