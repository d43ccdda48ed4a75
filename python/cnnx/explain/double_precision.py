"""What layers and losses compute, in plain NumPy and float64: an oracle for the core.

A form of a layer is a function (layer, x, *weights) that returns the layer's output in training.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from cnnx import layers, losses
from cnnx.arrays import Array, Double, images
from cnnx.geometry import Pair, plane
from cnnx.layers.convolution import Convolution
from cnnx.layers.convolution_layer import ConvolutionLayer
from cnnx.layers.depthwise import Depthwise
from cnnx.layers.dropout import NoiseLayer
from cnnx.layers.separable import Separable
from cnnx.layers.transposed import Transposed

LayerForm = Callable[..., Double]

ACTIVATIONS: dict[str, Callable[[Double], Double]] = {
    "linear": lambda z: z,
    "relu": lambda z: np.maximum(z, 0),
    "sigmoid": lambda z: np.exp(-np.logaddexp(0, -z)),
    "tanh": np.tanh,
    "arctan": np.arctan,
    "softmax": lambda z: np.exp(_log_softmax(z)),
    "elu": lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
    "leaky_relu": lambda z: np.where(z > 0, z, 0.2 * z),
    "softplus": lambda z: np.logaddexp(0, z),
    "exponential": np.exp,
}


def _log_softmax(z: Double) -> Double:
    shifted = z - z.max(axis=-1, keepdims=True)
    result: Double = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return result


# Layers.


def windows(
    x: Double,
    size: Pair,
    strides: Pair,
    padding: Pair,
    count: Pair,
    dilation: Pair = (1, 1),
    fill: float = 0.0,
) -> Double:
    """
    Return the window that each output sees: (batch, rows, columns, height, width, channels).

    Parameters
    ----------
    x
        Images (batch, height, width, channels).
    size, strides, dilation
        Of the windows, each for rows and columns.
    padding
        Pixels at the top and at the left.
    count
        Number of windows down and across.
    fill
        Value of the pixels outside the image.
    """
    places = [
        step * np.arange(number)[:, None] + gap * np.arange(extent)
        for step, number, gap, extent in zip(strides, count, dilation, size, strict=True)
    ]
    after = [
        max(int(place.max()) + 1 - before - extent, 0)
        for place, before, extent in zip(places, padding, x.shape[1:3], strict=True)
    ]
    sides = tuple(zip(padding, after, strict=True))
    padded = np.pad(x, ((0, 0), *sides, (0, 0)), constant_values=fill)
    rows, columns = places
    seen: Double = padded[:, rows[:, None, :, None], columns[None, :, None, :]]
    return seen


def _seen(layer: ConvolutionLayer, x: Double) -> Double:
    """Return the window that each output of a convolution sees."""
    place = layer.place(layer.input_shape)
    size, strides, dilation = map(plane, (layer.kernel_size, layer.strides, layer.dilation_rate))
    return windows(images(x), size, strides, place.padding, place.output_size, dilation)


def _activated(layer: ConvolutionLayer, z: Double) -> Double:
    return ACTIVATIONS[layer.activation.name](z.reshape(len(z), *layer.output_shape[1:]))


def _taps(layer: ConvolutionLayer, kernel: Double) -> Double:
    """Return a kernel (height, width, ..., ...)."""
    return kernel.reshape(*plane(layer.kernel_size), *kernel.shape[-2:])


def _in_groups(
    groups: int, product: Callable[[Double, Double], Double], x: Double, kernel: Double
) -> Double:
    """Return the products of the groups of channels of `x` and of `kernel`, side by side."""
    parts = zip(np.split(x, groups, axis=-1), np.split(kernel, groups, axis=-1), strict=True)
    joined: Double = np.concatenate([product(*pair) for pair in parts], axis=-1)
    return joined


def _conv(layer: Convolution, x: Double, kernel: Double, *bias: Double) -> Double:
    taps = _taps(layer, kernel)
    if layer.operation == "convolution":
        taps = taps[::-1, ::-1]

    def product(seen: Double, filters: Double) -> Double:
        weighed: Double = np.einsum("nijuvc,uvcf->nijf", seen, filters)
        return weighed

    z = _in_groups(layer.groups, product, _seen(layer, x), taps)
    for b in bias:
        z = z * b if layer.bias_operation == "multiply" else z + b
    return _activated(layer, z)


def _each_channel(layer: Depthwise, x: Double, kernel: Double) -> Double:
    z: Double = np.einsum("nijuvc,uvck->nijck", _seen(layer, x), _taps(layer, kernel))
    return z.reshape(*z.shape[:3], -1)


def _depthwise(layer: Depthwise, x: Double, kernel: Double, *bias: Double) -> Double:
    return _activated(layer, sum(bias, _each_channel(layer, x, kernel)))


def _separable(
    layer: Separable, x: Double, depthwise: Double, pointwise: Double, *bias: Double
) -> Double:
    mixing = pointwise.reshape(pointwise.shape[-2:])
    return _activated(layer, sum(bias, _each_channel(layer, x, depthwise) @ mixing))


def _transposed(layer: Transposed, x: Double, kernel: Double, *bias: Double) -> Double:
    pixels, taps = images(x), _taps(layer, kernel)
    (height, width), (tall, wide) = pixels.shape[1:3], taps.shape[:2]
    (down, across), (gap, aside) = plane(layer.strides), plane(layer.dilation_rate)
    # Large enough for what all kernels reach and for what is cut out of it below.
    size = (height * down + tall * gap, width * across + wide * aside)
    canvas = np.zeros((len(x), *size, layer.filters))
    for u, v in np.ndindex(tall, wide):
        reached = canvas[:, u * gap :: down, v * aside :: across]
        reached[:, :height, :width] += _in_groups(
            layer.groups, lambda part, filters: part @ filters.T, pixels, taps[u, v]
        )
    (top, left), (rows, columns) = layer.place(layer.input_shape)
    return _activated(layer, sum(bias, canvas[:, top : top + rows, left : left + columns]))


def _dense(layer: layers.Dense, x: Double, kernel: Double, *bias: Double) -> Double:
    return ACTIVATIONS[layer.activation.name](sum(bias, x @ kernel))


def _pooled(layer: Any, x: Double, fill: float = 0.0) -> Double:
    (size, strides, padding), count = layer.place(layer.input_shape)
    return windows(images(x), size, strides, padding, count, fill=fill)


def _shaped(layer: Any, y: Double) -> Double:
    return y.reshape(len(y), *layer.output_shape[1:])


def _maximum(layer: Any, x: Double) -> Double:
    return _shaped(layer, _pooled(layer, x, -np.inf).max(axis=(3, 4)))


def _sum(layer: Any, x: Double) -> Double:
    return _shaped(layer, _pooled(layer, x).sum(axis=(3, 4)))


def _average(layer: Any, x: Double) -> Double:
    return _sum(layer, x) / _sum(layer, np.ones_like(x))


def _weighted(layer: layers.WeightedAveragePooling2D, x: Double, scale: Double) -> Double:
    return _sum(layer, x) * scale


def _batch_norm(layer: layers.BatchNormalization, x: Double, *weights: Double) -> Double:
    *affine, mean, variance = weights
    if layer.trainable:
        axes = tuple(range(x.ndim - 1))
        mean, variance = x.mean(axis=axes), x.var(axis=axes)
    y: Double = (x - mean) / np.sqrt(variance + layer.epsilon)
    if layer.scale:
        y = y * affine.pop(0)
    return sum(affine, y)


def _reshape(layer: layers.Reshape, x: Double) -> Double:
    shape = layer.output_shape[1:]
    if layer.order == "C":
        return x.reshape(len(x), *shape)
    return np.stack([sample.reshape(shape, order="F") for sample in x])


def noise(layer: NoiseLayer, x: Double, seed: int) -> Double:
    """Multiply by the numbers that the layer draws for a seed."""
    factors = np.ones(x.shape, np.float32)
    layer.multiply(factors, factors, seed)
    return x * factors


LAYER_FORMS: dict[type[layers.Layer], LayerForm] = {
    layers.Activation: lambda layer, x: ACTIVATIONS[layer.activation.name](x),
    layers.AveragePooling1D: _average,
    layers.AveragePooling2D: _average,
    layers.BatchNormalization: _batch_norm,
    layers.Conv1D: _conv,
    layers.Conv1DTranspose: _transposed,
    layers.Conv2D: _conv,
    layers.Conv2DTranspose: _transposed,
    layers.Dense: _dense,
    layers.DepthwiseConv1D: _depthwise,
    layers.DepthwiseConv2D: _depthwise,
    layers.Dropout: lambda layer, x: x,  # of rate 0: others have `noise`
    layers.Flatten: _reshape,
    layers.GaussianDropout: lambda layer, x: x,
    layers.GlobalAveragePooling1D: _average,
    layers.GlobalAveragePooling2D: _average,
    layers.GlobalMaxPooling1D: _maximum,
    layers.GlobalMaxPooling2D: _maximum,
    layers.MaxPooling1D: _maximum,
    layers.MaxPooling2D: _maximum,
    layers.ReLU: lambda layer, x: np.maximum(x, 0),
    layers.Rescaling: lambda layer, x: layer.scale * x + layer.offset,
    layers.Reshape: _reshape,
    layers.SeparableConv1D: _separable,
    layers.SeparableConv2D: _separable,
    layers.Softmax: lambda layer, x: ACTIVATIONS["softmax"](x),
    layers.SumPooling2D: _sum,
    layers.WeightedAveragePooling2D: _weighted,
}


def layer_form(layer: layers.Layer, own: Mapping[type[layers.Layer], LayerForm]) -> LayerForm:
    """
    Return the form of a layer: one of `own`, or the one that is written here.

    Raises
    ------
    TypeError
        If there is none. A subclass may compute something else than its base: it needs its own.
    """
    form = {**LAYER_FORMS, **own}.get(type(layer))
    if form is None:
        raise TypeError(
            f"{layer} has no form in float64; give one: "
            f"references={{{type(layer).__name__}: function(layer, x, *weights)}}"
        )
    return form


# Losses: one number a row of outputs.


def _log(p: Double) -> Double:
    logarithm: Double = np.log(np.maximum(p, np.finfo(np.float64).tiny))
    return logarithm


def _categorical(loss: Any, t: Double, y: Double) -> Double:
    logarithms = _log_softmax(y) if loss.from_logits else _log(y)
    result: Double = -(t * logarithms).sum(axis=-1)
    return result


def _sparse(loss: Any, labels: Array, y: Double) -> Double:
    return _categorical(loss, np.eye(y.shape[-1])[labels], y)


def _binary(loss: Any, t: Double, y: Double) -> Double:
    if loss.from_logits:
        entropies = np.logaddexp(0, y) - t * y
    else:
        entropies = -(t * _log(y) + (1 - t) * _log(1 - y))
    mean: Double = entropies.mean(axis=-1)
    return mean


LOSS_FORMS: dict[type[losses.Loss], Callable[[Any, Any, Double], Double]] = {
    losses.BinaryCrossentropy: _binary,
    losses.CategoricalCrossentropy: _categorical,
    losses.HalfSquaredError: lambda loss, t, y: ((y - t) ** 2).sum(axis=-1) / 2,
    losses.MeanAbsoluteError: lambda loss, t, y: np.abs(y - t).mean(axis=-1),
    losses.MeanSquaredError: lambda loss, t, y: ((y - t) ** 2).mean(axis=-1),
    losses.SparseCategoricalCrossentropy: _sparse,
}
