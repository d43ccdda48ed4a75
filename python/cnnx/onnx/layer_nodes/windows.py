"""Nodes for convolutions and pooling."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnx import layers
from cnnx.arrays import Array
from cnnx.geometry import Extents, Padding, is_open, zeros_around
from cnnx.layers.resampling import Axis
from cnnx.layers.value import Value
from cnnx.onnx.layer_nodes.form import FIRST, LAST, Result

if TYPE_CHECKING:
    from cnnx.onnx.writing import Writer


def _pads(
    sizes: tuple[int, ...],
    kernel: tuple[int, ...],
    strides: tuple[int, ...],
    dilation: tuple[int, ...],
    before: tuple[int, ...],
    outputs: tuple[int, ...],
) -> list[int]:
    """Return pixels before and after each axis that make so many windows."""
    after = [
        max((count - 1) * s + d * (k - 1) + 1 - n - b, 0)
        for n, k, s, d, b, count in zip(
            sizes, kernel, strides, dilation, before, outputs, strict=True
        )
    ]
    return [*before, *after]


def _oihw(kernel: Array) -> Array:
    return kernel.transpose(kernel.ndim - 1, kernel.ndim - 2, *range(kernel.ndim - 2))


def _oihw_rotated(kernel: Array) -> Array:
    return _oihw(kernel[tuple([slice(None, None, -1)] * (kernel.ndim - 2))])


def _channels_first(bias: Array) -> Array:
    """Return an untied bias, or one a channel, beside images with the channels first."""
    return np.moveaxis(bias, -1, 0)


def _around_any(
    padding: Padding, size: Extents, strides: Extents, dilation: Extents
) -> dict[str, Any]:
    """Return the attributes that say how many pixels lie around images of any size."""
    if padding == "same" and max(strides) > 1:
        return {"auto_pad": "SAME_UPPER"}  # it depends on the size
    reaches = [d * (k - 1) for k, d in zip(size, dilation, strict=True)]
    if padding == "same":
        sides = [(reach // 2, reach - reach // 2) for reach in reaches]
    else:
        sides = [zeros_around(padding, axis, reach + 1) for axis, reach in enumerate(reaches)]
    return {"pads": [side for pair in zip(*sides, strict=True) for side in pair]}


def _windows(layer: Any, source: Value) -> dict[str, Any]:
    """Return the attributes that say where windows lie."""
    rank, size, strides, dilation = (
        layer.rank,
        layer.kernel_size,
        layer.strides,
        layer.dilation_rate,
    )
    if is_open(source.shape):
        around = _around_any(layer.padding, size, strides, dilation)
    else:
        placement = layer.place(source.shape)
        before, outputs = placement.padding[-rank:], placement.output_size[-rank:]
        around = {"pads": _pads(source.shape[1:-1], size, strides, dilation, before, outputs)}
    return {
        "kernel_shape": list(size),
        "strides": list(strides),
        "dilations": list(dilation),
        **around,
    }


def convolution(w: Writer, layer: Any, value: Value, source: Value) -> Result:
    """Write a Conv1D or Conv2D."""
    rotated = layer.operation == "convolution"
    kernel = w.weight(layer.kernel, _oihw_rotated if rotated else _oihw)
    tied = layer.bias is not None and layer.fuses
    inputs = [w.read(source, FIRST), kernel, *([w.weight(layer.bias)] if tied else [])]
    name = w.node("Conv", *inputs, group=layer.groups, **_windows(layer, source))
    if layer.bias is not None and not tied:
        bias = w.weight(
            layer.bias,
            lambda array: (
                _channels_first(array) if array.ndim > 1 else array.reshape(-1, *[1] * layer.rank)
            ),
        )
        name = w.node("Mul" if layer.bias_operation == "multiply" else "Add", name, bias)
    return w.activated(name, layer.activation, FIRST, len(value.shape)), FIRST


def depthwise(w: Writer, layer: Any, value: Value, source: Value) -> Result:
    """Write a DepthwiseConv1D or DepthwiseConv2D."""
    bias = [] if layer.bias is None else [layer.bias]
    name = _depthwise(w, layer, source, value, bias)
    return w.activated(name, layer.activation, FIRST, len(value.shape)), FIRST


def _depthwise(w: Writer, layer: Any, source: Value, value: Value, bias: list[Any]) -> str:
    size = layer.kernel_size
    kernel = w.weight(layer.kernel, lambda array: _oihw(array.reshape(*size, 1, -1)))
    inputs = [w.read(source, FIRST), kernel, *map(w.weight, bias)]
    return w.node("Conv", *inputs, group=source.shape[-1], **_windows(layer, source))


def separable(w: Writer, layer: Any, value: Value, source: Value) -> Result:
    """Write a SeparableConv1D or SeparableConv2D."""
    middle = _depthwise(w, layer, source, value, [])
    inputs = [middle, w.weight(layer.pointwise_kernel, _oihw)]
    name = w.node("Conv", *inputs, *([] if layer.bias is None else [w.weight(layer.bias)]))
    return w.activated(name, layer.activation, FIRST, len(value.shape)), FIRST


_EXAMPLE = 1 << 16
"""Stands for a size that is left open: what is cut off does not depend on it."""


def transposed(w: Writer, layer: Any, value: Value, source: Value) -> Result:
    """Write a Conv1DTranspose or Conv2DTranspose."""
    rank = layer.rank
    shape = [_EXAMPLE if extent is None else extent for extent in source.shape]
    placement = layer.place(shape)
    before, outputs = placement.padding[-rank:], placement.output_size[-rank:]
    after, added = [], []
    for place, n in enumerate(shape[1:-1]):
        extent = layer.dilation_rate[place] * (layer.kernel_size[place] - 1) + 1
        whole = (n - 1) * layer.strides[place] + extent
        left = whole - before[place] - outputs[place]
        after.append(max(left, 0))
        added.append(max(-left, 0))
    inputs = [w.read(source, FIRST), w.weight(layer.kernel, _oihw)]
    name = w.node(
        "ConvTranspose",
        *inputs,
        *([] if layer.bias is None else [w.weight(layer.bias)]),
        kernel_shape=list(layer.kernel_size),
        strides=list(layer.strides),
        dilations=list(layer.dilation_rate),
        pads=[*before, *after],
        output_padding=added,
        group=layer.groups,
    )
    return w.activated(name, layer.activation, FIRST, len(value.shape)), FIRST


def _pool(w: Writer, operator: str, layer: Any, source: Value, **attributes: Any) -> str:
    rank = layer.rank
    if is_open(source.shape):
        size, strides = layer.pool_size, layer.strides
        around = _around_any(layer.padding, size, strides, (1,) * rank)
    else:
        (size, strides, before), outputs = layer.place(source.shape)
        size, strides, before, outputs = (
            tuple(numbers[-rank:]) for numbers in (size, strides, before, outputs)
        )
        pads = _pads(source.shape[1:-1], size, strides, (1,) * rank, before, outputs)
        around = {"pads": pads}
    return w.node(
        operator,
        w.read(source, FIRST),
        kernel_shape=list(size),
        strides=list(strides),
        **around,
        **attributes,
    )


def max_pooling(w: Writer, layer: Any, value: Value, source: Value) -> Result:
    """Write a MaxPooling1D or MaxPooling2D."""
    return _pool(w, "MaxPool", layer, source), FIRST


def average_pooling(w: Writer, layer: Any, value: Value, source: Value) -> Result:
    """Write an AveragePooling1D or AveragePooling2D."""
    return _pool(w, "AveragePool", layer, source, count_include_pad=0), FIRST


def adaptive_pooling(w: Writer, layer: Any, value: Value, source: Value) -> Result:
    """Write an adaptive pooling: as usual if all windows are alike, else axis by axis."""
    averages = "Average" in type(layer).__name__
    w.check_sizes(source)
    if 0 not in layer.place(source.shape)[0][1]:
        return _pool(w, "AveragePool" if averages else "MaxPool", layer, source), FIRST
    axes = [_shared_out(*pair) for pair in zip(source.shape[1:-1], layer.output_size, strict=True)]
    if averages:
        return _gathered(w, axes, source), LAST
    seen = [axis._replace(shares=np.ones_like(axis.shares)) for axis in axes]
    return _gathered(w, seen, source, operator="Max"), LAST


def _shared_out(pixels: int, windows: int) -> Axis:
    """Return the pixels of each window of an adaptive average, and their shares."""
    edges = np.arange(windows + 1) * pixels
    first, last = edges[:-1] // windows, (edges[1:] - 1) // windows
    length = (last - first + 1)[:, None]
    taps = np.arange(length.max())
    places = np.minimum(first[:, None] + taps, last[:, None])  # the last one again: its share is 0
    return Axis(places, ((taps < length) / length).astype(np.float32))


def sum_pooling(w: Writer, layer: Any, value: Value, source: Value) -> Result:
    """Write a SumPooling2D, or a WeightedAveragePooling2D."""
    average = _pool(w, "AveragePool", layer, source, count_include_pad=1)
    area = math.prod(layer.pool_size)
    if isinstance(layer, layers.WeightedAveragePooling2D):
        factor = w.weight(layer.scale, lambda scale: (scale * area).reshape(-1, 1, 1))
    else:
        factor = w.number(area)
    return w.node("Mul", average, factor), FIRST


def global_pooling(w: Writer, layer: Any, value: Value, source: Value) -> Result:
    """Write a global pooling layer."""
    operator = "GlobalAveragePool" if "Average" in type(layer).__name__ else "GlobalMaxPool"
    name = w.node(operator, w.read(source, FIRST))
    if layer.keepdims:
        return name, FIRST
    return w.node("Flatten", name), LAST


def padding(w: Writer, layer: Any, value: Value, source: Value) -> Result:
    """Write a ZeroPadding1D or ZeroPadding2D."""
    before, after = zip(*layer.sides, strict=True)
    pads = w.numbers(0, 0, *before, 0, 0, *after)
    return w.node("Pad", w.read(source, FIRST), pads), FIRST


_END = 2**63 - 1
"""Cuts nothing off."""


def cropping(w: Writer, layer: Any, value: Value, source: Value) -> Result:
    """Write a Cropping1D or Cropping2D."""
    starts = [before for before, _ in layer.sides]
    ends = [-after if after else _END for _, after in layer.sides]
    axes = range(2, 2 + len(starts))
    cuts = [w.numbers(*starts), w.numbers(*ends), w.numbers(*axes)]
    return w.node("Slice", w.read(source, FIRST), *cuts), FIRST


def upsampling(w: Writer, layer: Any, value: Value, source: Value) -> Result:
    """Write an UpSampling1D or UpSampling2D."""
    scales = w.constant(np.array([1, 1, *layer.factors], np.float32), "scales")
    attributes = (
        {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
        if layer.interpolation == "bilinear"
        else {
            "mode": "nearest",
            "coordinate_transformation_mode": "asymmetric",
            "nearest_mode": "floor",
        }
    )
    return w.node("Resize", w.read(source, FIRST), "", scales, **attributes), FIRST


def resampling(w: Writer, layer: layers.Resampling, value: Value, source: Value) -> Result:
    """Write a Resampling: by scales if they are its own, else by sizes."""
    extents = source.shape[1:-1]
    if isinstance(layer, layers.Resizing) and not layer.is_plain:
        return _resampled(w, layer, source), LAST
    if layer.interpolation == "cubic" or layer.scales is not None:
        w.check_sizes(source)
    if layer.interpolation == "cubic" and any(map(int.__lt__, layer.size, extents)):
        return _resampled(w, layer, source), LAST  # ONNX Runtime makes nothing smaller so
    x = w.read(source, FIRST)
    attributes = {
        "mode": layer.interpolation,
        "coordinate_transformation_mode": layer.coordinates,
        "nearest_mode": layer.rounding,
        "cubic_coeff_a": layer.cubic_coefficient,
        "exclude_outside": int(layer.exclude_outside),
    }
    sizes = w.node("Shape", x, end=2)
    sizes = w.node("Concat", sizes, w.numbers(*layer.size), axis=0)
    if layer.scales is None:
        return w.node("Resize", x, "", "", sizes, **attributes), FIRST
    scales = np.array([1, 1, *layer.scales], np.float32)
    pairs = zip(extents, layer.scales, layer.size, strict=True)
    if all(int(np.floor(np.float32(n) * np.float32(s))) == m for n, s, m in pairs):
        return w.node("Resize", x, "", w.constant(scales, "scales"), **attributes), FIRST
    return _resampled(w, layer, source), LAST


def _resampled(w: Writer, layer: layers.Resampling, source: Value) -> str:
    """Write a Resampling as sums of pixels times their shares."""
    w.check_sizes(source)
    return _gathered(w, layer.axes(source.shape[1:-1]), source, layer.filling)


def _gathered(
    w: Writer, axes: Sequence[Axis], source: Value, filling: float = 0, operator: str = "Sum"
) -> str:
    """Write sums, or maxima, of pixels times their shares, axis by axis."""
    name = w.read(source, LAST)
    if filling:
        name = w.node("Sub", name, w.number(filling))  # what is around an image is 0 then
    for number, axis in enumerate(axes):
        parts = []
        for place, share in zip(axis.places.T, axis.shares.T, strict=True):
            part = w.node("Gather", name, w.numbers(*place.tolist()), axis=number + 1)
            if (share != 1).any():
                column = share.reshape(-1, *[1] * (len(source.shape) - number - 2))
                part = w.node("Mul", part, w.constant(column, "share"))
            parts.append(part)
        name = w.node(operator, *parts) if len(parts) > 1 else parts[0]
    return w.node("Add", name, w.number(filling)) if filling else name


def cut(
    w: Writer, layer: layers.CenterCrop | layers.RandomCrop, value: Value, source: Value
) -> Result:
    """Write a CenterCrop or a RandomCrop in use: a slice, or a part that is resized."""
    w.check_sizes(source)
    rows, columns = source.shape[1] - layer.height, source.shape[2] - layer.width
    if type(layer) is layers.CenterCrop and min(rows, columns) >= 0:
        x = w.read(source, FIRST)
        starts = (rows // 2, columns // 2)
        ends = (starts[0] + layer.height, starts[1] + layer.width)
        return w.node("Slice", x, w.numbers(*starts), w.numbers(*ends), w.numbers(2, 3)), FIRST
    resizing = layers.Resizing(layer.height, layer.width, crop_to_aspect_ratio=True)
    return _resampled(w, resizing, source), LAST


LAYERS: dict[type[Any], Callable[..., Result]] = {
    layers.Conv1D: convolution,
    layers.Conv2D: convolution,
    layers.DepthwiseConv1D: depthwise,
    layers.DepthwiseConv2D: depthwise,
    layers.SeparableConv1D: separable,
    layers.SeparableConv2D: separable,
    layers.Conv1DTranspose: transposed,
    layers.Conv2DTranspose: transposed,
    layers.MaxPooling1D: max_pooling,
    layers.MaxPooling2D: max_pooling,
    layers.AveragePooling1D: average_pooling,
    layers.AveragePooling2D: average_pooling,
    layers.AdaptiveAveragePooling1D: adaptive_pooling,
    layers.AdaptiveAveragePooling2D: adaptive_pooling,
    layers.AdaptiveMaxPooling1D: adaptive_pooling,
    layers.AdaptiveMaxPooling2D: adaptive_pooling,
    layers.SumPooling2D: sum_pooling,
    layers.WeightedAveragePooling2D: sum_pooling,
    layers.GlobalAveragePooling1D: global_pooling,
    layers.GlobalAveragePooling2D: global_pooling,
    layers.GlobalMaxPooling1D: global_pooling,
    layers.GlobalMaxPooling2D: global_pooling,
    layers.ZeroPadding1D: padding,
    layers.ZeroPadding2D: padding,
    layers.Cropping1D: cropping,
    layers.Cropping2D: cropping,
    layers.Resampling: resampling,
    layers.Resizing: resampling,
    layers.CenterCrop: cut,
    layers.RandomCrop: cut,
    layers.UpSampling1D: upsampling,
    layers.UpSampling2D: upsampling,
}
