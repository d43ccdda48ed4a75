"""Nodes for normalisation."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnx import layers
from cnnx.arrays import Array
from cnnx.geometry import is_open
from cnnx.layers.value import Value
from cnnx.onnx.layer_nodes.form import FIRST, LAST, Result

if TYPE_CHECKING:
    from cnnx.onnx.writing import Writer


def batch_normalization(
    w: Writer, layer: layers.BatchNormalization, value: Value, source: Value
) -> Result:
    """Write a BatchNormalization with its moving statistics."""
    channels = layer.moving_mean.shape
    gamma = w.weight(layer.gamma) if layer.gamma else w.constant(np.ones(channels, np.float32))
    beta = w.weight(layer.beta) if layer.beta else w.constant(np.zeros(channels, np.float32))
    statistics = [w.weight(layer.moving_mean), w.weight(layer.moving_variance)]
    inputs = [w.read(source, FIRST), gamma, beta, *statistics]
    name = w.node("BatchNormalization", *inputs, epsilon=layer.epsilon, momentum=layer.momentum)
    return name, FIRST


def sample_normalization(w: Writer, layer: Any, value: Value, source: Value) -> Result:
    """Write a LayerNormalization or a GroupNormalization, as what it is made of."""
    grouping = layer.group(source.shape[1:])
    x = w.read(source, LAST)
    seen = [0, *(extent or 0 for extent in grouping.shape)]  # 0: as it is
    x = w.node("Reshape", x, w.numbers(*seen))
    axes = list(grouping.axes)
    centred = w.node("Sub", x, w.node("ReduceMean", x, axes=axes, keepdims=1))
    squares = w.node("Mul", centred, centred)
    variance = w.node("ReduceMean", squares, axes=axes, keepdims=1)
    deviation = w.node("Sqrt", w.node("Add", variance, w.number(layer.epsilon)))
    name = w.node("Div", centred, deviation)

    def shaped(array: Array) -> Array:
        return array.reshape(grouping.affine)

    if layer.gamma is not None:
        name = w.node("Mul", name, w.weight(layer.gamma, shaped))
    if layer.beta is not None:
        name = w.node("Add", name, w.weight(layer.beta, shaped))
    return w.node("Reshape", name, w.numbers(0, *(e or 0 for e in source.shape[1:]))), LAST


def local_response(
    w: Writer, layer: layers.LocalResponseNormalization, value: Value, source: Value
) -> Result:
    """
    Write a LocalResponseNormalization as what it is made of.

    OpenVINO 2026.4 computes something else of the operator LRN, and ONNX Runtime no even sizes.
    """
    x, channels = w.read(source, LAST), source.shape[-1]
    squares = w.node("Reshape", w.node("Mul", x, x), w.numbers(0, 1, -1, channels))
    means = w.node(
        "AveragePool",
        squares,
        kernel_shape=[1, layer.size],
        pads=[0, (layer.size - 1) // 2, 0, layer.size // 2],
        count_include_pad=1,
    )
    shape = w.node("Shape", x) if is_open(source.shape) else w.numbers(0, *source.shape[1:])
    means = w.node("Reshape", means, shape)
    base = w.node("Add", w.node("Mul", means, w.number(layer.alpha)), w.number(layer.bias))
    return w.node("Mul", x, w.node("Pow", base, w.number(-layer.beta))), LAST


def normalization(w: Writer, layer: layers.Normalization, value: Value, source: Value) -> Result:
    """Write a Normalization, with what its statistics come to."""
    scale, offset = layer.factors(source.shape[-1])
    name = w.node("Mul", w.read(source, LAST), w.constant(scale, "scale"))
    return w.node("Add", name, w.constant(offset, "offset")), LAST


def unit_normalization(
    w: Writer, layer: layers.UnitNormalization, value: Value, source: Value
) -> Result:
    """Write a UnitNormalization, with the length as what it is made of."""
    x = w.read(source, LAST)
    axes = w.numbers(*layer.axes(len(source.shape)))
    squares = w.node("ReduceSum", w.node("Mul", x, x), axes, keepdims=1)
    length = w.node("Max", w.node("Sqrt", squares), w.number(1e-12))
    return w.node("Div", x, length), LAST


def rms_normalization(
    w: Writer, layer: layers.RMSNormalization, value: Value, source: Value
) -> Result:
    """Write a RMSNormalization, as what it is made of."""
    x, shape = w.read(source, LAST), source.shape
    axes = layer.axes(len(shape))
    squares = w.node("ReduceMean", w.node("Mul", x, x), axes=list(axes), keepdims=1)
    root = w.node("Sqrt", w.node("Add", squares, w.number(layer.epsilon)))
    along = [extent if axis in axes else 1 for axis, extent in enumerate(shape)][1:]
    scale = w.weight(layer.scale, lambda array: array.reshape(along))
    return w.node("Mul", w.node("Div", x, root), scale), LAST


LAYERS: dict[type[Any], Callable[..., Result]] = {
    layers.BatchNormalization: batch_normalization,
    layers.Normalization: normalization,
    layers.LocalResponseNormalization: local_response,
    layers.LayerNormalization: sample_normalization,
    layers.GroupNormalization: sample_normalization,
    layers.RMSNormalization: rms_normalization,
    layers.UnitNormalization: unit_normalization,
}
