"""What layers compute, in plain NumPy and float64: an oracle for the core.

A form of a layer is a function (layer, x, *weights) that returns the layer's output in training; of
a layer that merges, x is a list.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import numpy as np

from cnnx import layers
from cnnx.arrays import Double, images
from cnnx.explain.activation_forms import activated
from cnnx.explain.array_forms import ARRAY_FORMS
from cnnx.geometry import Pair, plane
from cnnx.layers.convolution import Convolution
from cnnx.layers.convolution_layer import ConvolutionLayer
from cnnx.layers.depthwise import Depthwise
from cnnx.layers.dropout import DropoutLayer, NoiseLayer
from cnnx.layers.separable import Separable
from cnnx.layers.transposed import Transposed

LayerForm = Callable[..., Double]

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
    place = layer.place(x.shape)
    size, strides, dilation = map(plane, (layer.kernel_size, layer.strides, layer.dilation_rate))
    return windows(images(x), size, strides, place.padding, place.output_size, dilation)


def _activated(layer: ConvolutionLayer, x: Double, z: Double) -> Double:
    return activated(layer.activation, _shaped(layer, x, z))


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
    return _activated(layer, x, z)


def _each_channel(layer: Depthwise, x: Double, kernel: Double) -> Double:
    z: Double = np.einsum("nijuvc,uvck->nijck", _seen(layer, x), _taps(layer, kernel))
    return z.reshape(*z.shape[:3], -1)


def _depthwise(layer: Depthwise, x: Double, kernel: Double, *bias: Double) -> Double:
    return _activated(layer, x, sum(bias, _each_channel(layer, x, kernel)))


def _separable(
    layer: Separable, x: Double, depthwise: Double, pointwise: Double, *bias: Double
) -> Double:
    mixing = pointwise.reshape(pointwise.shape[-2:])
    return _activated(layer, x, sum(bias, _each_channel(layer, x, depthwise) @ mixing))


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
    (top, left), (rows, columns) = layer.place(x.shape)
    return _activated(layer, x, sum(bias, canvas[:, top : top + rows, left : left + columns]))


def _dense(layer: layers.Dense, x: Double, kernel: Double, *bias: Double) -> Double:
    return activated(layer.activation, sum(bias, x @ kernel))


def _pooled(layer: Any, x: Double, fill: float = 0.0) -> Double:
    (size, strides, padding), count = layer.place(x.shape)
    return windows(images(x), size, strides, padding, count, fill=fill)


def _shaped(layer: Any, x: Double, y: Double) -> Double:
    return y.reshape(layer.compute_output_shape(x.shape))


def _maximum(layer: Any, x: Double) -> Double:
    return _shaped(layer, x, _pooled(layer, x, -np.inf).max(axis=(3, 4)))


def _sum(layer: Any, x: Double) -> Double:
    return _shaped(layer, x, _pooled(layer, x).sum(axis=(3, 4)))


def _average(layer: Any, x: Double) -> Double:
    return _sum(layer, x) / _sum(layer, np.ones_like(x))


def _shared_out(reduce: Callable[..., Any]) -> LayerForm:
    """Return the form of adaptive pooling: `reduce` of each window, along one axis at a time."""

    def pooled(layer: Any, x: Double) -> Double:
        for axis, count in enumerate(layer.output_size, 1):
            edges = [(i * x.shape[axis] // count, (i + 1) * x.shape[axis]) for i in range(count)]
            windows = [x.take(range(first, -(-end // count)), axis) for first, end in edges]
            x = np.stack([reduce(window, axis=axis) for window in windows], axis)
        return x

    return pooled


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


def _sample_norm(layer: Any, x: Double, *affine: Double) -> Double:
    shape, axes, broadcast = layer.group(x.shape[1:])
    y: Double = x.reshape(len(x), *shape)
    variance = y.var(axis=axes, keepdims=True)
    y = (y - y.mean(axis=axes, keepdims=True)) / np.sqrt(variance + layer.epsilon)
    numbers = [weight.reshape(broadcast) for weight in affine]
    if layer.scale:
        y = y * numbers.pop(0)
    y = sum(numbers, y)
    return y.reshape(x.shape)


def _unit(layer: layers.UnitNormalization, x: Double) -> Double:
    squares = np.square(x).sum(axis=layer.axes(x.ndim), keepdims=True)
    y: Double = x / np.sqrt(squares + 1e-24)
    return y


def _rms(layer: layers.RMSNormalization, x: Double, scale: Double) -> Double:
    axes = layer.axes(x.ndim)
    root = np.sqrt(np.square(x).mean(axis=axes, keepdims=True) + layer.epsilon)
    y: Double = (
        x / root * scale.reshape([n if axis in axes else 1 for axis, n in enumerate(x.shape)])
    )
    return y


def _reshape(layer: layers.Reshape, x: Double) -> Double:
    shape = layer.compute_output_shape(x.shape)[1:]
    if layer.order == "C":
        return x.reshape(len(x), *shape)
    return np.stack([sample.reshape(shape, order="F") for sample in x])


def _alone(layer: layers.Activation, x: Double) -> Double:
    return activated(layer.activation, x)


def _padded(layer: Any, x: Double) -> Double:
    return np.pad(x, ((0, 0), *layer.sides, (0, 0)))


def _cropped(layer: Any, x: Double) -> Double:
    extents = zip(layer.sides, x.shape[1:-1], strict=True)
    return x[:, *(slice(before, extent - after) for (before, after), extent in extents)]


def _permuted(layer: layers.Permute, x: Double) -> Double:
    return x.transpose(0, *layer.dims)


def _interpolation(extent: int, factor: int) -> Double:
    """Return the matrix (extent factor, extent) that interpolates between pixels."""
    places = (np.arange(extent * factor) + 0.5) / factor - 0.5
    columns = [np.interp(places, np.arange(extent), pixel) for pixel in np.eye(extent)]
    return np.stack(columns, axis=1)


def _upsampled(layer: layers.UpSampling2D, x: Double) -> Double:
    if layer.interpolation == "nearest":
        return x.repeat(layer.size[0], axis=1).repeat(layer.size[1], axis=2)
    rows, columns = map(_interpolation, x.shape[1:3], layer.size)
    y: Double = np.einsum("ih,nhwc,jw->nijc", rows, x, columns)
    return y


def noise(layer: NoiseLayer, x: Double, seed: int) -> Double:
    """Multiply by the numbers that the layer draws for a seed, and add what it adds to 0."""
    added = np.zeros(x.shape, np.float32)
    layer.disturb(added, added, seed)
    if not isinstance(layer, DropoutLayer):
        return x + added
    factors = np.ones(x.shape, np.float32)
    layer.multiply(factors, factors, seed)
    return x * factors + added


def _same(layer: Any, x: Double) -> Double:
    return x


def _spectral(
    layer: layers.SpectralNormalization, x: Double, kernel: Double, u: Double, *rest: Double
) -> Double:
    """Return what the layer within computes, whose kernel a step has divided by its norm."""
    return layer_form(layer.layer, {})(layer.layer, x, kernel, *rest)


LAYER_FORMS: dict[type[layers.Layer], LayerForm] = {
    layers.AlphaDropout: _same,
    layers.AdaptiveAveragePooling1D: _shared_out(np.mean),
    layers.AdaptiveAveragePooling2D: _shared_out(np.mean),
    layers.AdaptiveMaxPooling1D: _shared_out(np.max),
    layers.AdaptiveMaxPooling2D: _shared_out(np.max),
    layers.Add: lambda layer, xs: reduce(np.add, xs),
    layers.Activation: _alone,
    layers.Average: lambda layer, xs: reduce(np.add, xs) / len(xs),
    layers.AveragePooling2D: _average,
    layers.BatchNormalization: _batch_norm,
    layers.Concatenate: lambda layer, xs: np.concatenate(xs, layer.axis),
    layers.Cropping1D: _cropped,
    layers.Cropping2D: _cropped,
    layers.Dense: _dense,
    layers.Dropout: _same,  # of rate 0: others have `noise`
    layers.ELU: _alone,
    layers.Flatten: _reshape,
    layers.GaussianDropout: _same,
    layers.GaussianNoise: _same,
    layers.AveragePooling1D: _average,
    layers.Conv1D: _conv,
    layers.Conv1DTranspose: _transposed,
    layers.Conv2D: _conv,
    layers.Conv2DTranspose: _transposed,
    layers.DepthwiseConv1D: _depthwise,
    layers.DepthwiseConv2D: _depthwise,
    layers.GlobalAveragePooling1D: _average,
    layers.GlobalAveragePooling2D: _average,
    layers.GlobalMaxPooling1D: _maximum,
    layers.GlobalMaxPooling2D: _maximum,
    layers.GroupNormalization: _sample_norm,
    layers.ActivityRegularization: _same,
    layers.Identity: _same,
    layers.LayerNormalization: _sample_norm,
    layers.LeakyReLU: _alone,
    layers.MaxPooling1D: _maximum,
    layers.MaxPooling2D: _maximum,
    layers.Maximum: lambda layer, xs: reduce(np.maximum, xs),
    layers.Minimum: lambda layer, xs: reduce(np.minimum, xs),
    layers.Multiply: lambda layer, xs: reduce(np.multiply, xs),
    layers.Rescaling: lambda layer, x: np.multiply(layer.scale, x) + layer.offset,
    layers.Reshape: _reshape,
    layers.SeparableConv1D: _separable,
    layers.SeparableConv2D: _separable,
    layers.Softmax: _alone,
    layers.SpectralNormalization: _spectral,
    layers.Subtract: lambda layer, xs: xs[0] - xs[1],
    layers.Permute: _permuted,
    layers.PReLU: lambda layer, x, alpha: np.where(x > 0, x, alpha * x),
    layers.ReLU: _alone,
    layers.RMSNormalization: _rms,
    layers.RepeatVector: lambda layer, x: x[:, None].repeat(layer.n, axis=1),
    layers.SpatialDropout1D: _same,
    layers.SpatialDropout2D: _same,
    layers.SumPooling2D: _sum,
    layers.UnitNormalization: _unit,
    layers.UpSampling1D: lambda layer, x: x.repeat(layer.size, axis=1),
    layers.UpSampling2D: _upsampled,
    layers.WeightedAveragePooling2D: _weighted,
    layers.ZeroPadding1D: _padded,
    layers.ZeroPadding2D: _padded,
    **ARRAY_FORMS,
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
