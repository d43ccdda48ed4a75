"""Nodes for layers that give a batch another shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cnnx import layers
from cnnx.layers.augmentation import LAYERS as AUGMENTATION
from cnnx.layers.value import Value
from cnnx.onnx.layer_nodes.form import FIRST, LAST, Result

if TYPE_CHECKING:
    from cnnx.onnx.writing import Writer


def reshape(w: Writer, layer: Any, value: Value, source: Value) -> Result:
    """Write a Reshape or a Flatten."""
    x = w.read(source, LAST)
    if layer.order == "F":
        x = w.node("Transpose", x, perm=_mirrored(source))
        x = w.node("Reshape", x, w.numbers(0, *reversed(_target(value))))
        return w.node("Transpose", x, perm=_mirrored(value)), LAST
    return w.node("Reshape", x, w.numbers(0, *_target(value))), LAST


def _target(value: Value) -> list[int]:
    """Return the extents of a sample; -1 is the one that is left open, if there is one."""
    return [-1 if extent is None else extent for extent in value.shape[1:]]


def _mirrored(value: Value) -> list[int]:
    return [0, *range(len(value.shape) - 1, 0, -1)]


def permute(w: Writer, layer: layers.Permute, value: Value, source: Value) -> Result:
    """Write a Permute: nothing but another layout if it moves the channels alone."""
    rank = len(value.shape)
    order = [0, *layer.dims]
    if rank > 2 and order == [0, *range(2, rank), 1]:
        return w.read(source, LAST), FIRST
    if rank > 2 and order == [0, rank - 1, *range(1, rank - 1)]:
        return w.read(source, FIRST), LAST
    return w.node("Transpose", w.read(source, LAST), perm=order), LAST


def repeat(w: Writer, layer: layers.RepeatVector, value: Value, source: Value) -> Result:
    """Write a RepeatVector."""
    x = w.node("Reshape", w.read(source, LAST), w.numbers(0, 1, *_target(source)))
    return w.node("Tile", x, w.numbers(1, layer.n, 1)), LAST


def nothing(w: Writer, layer: Any, value: Value, source: Value) -> Result:
    """Write nothing: the layer returns its input in use."""
    layout = w.has(source)
    return w.read(source, layout), layout


def reduction(w: Writer, layer: layers.Reduction, value: Value, source: Value) -> Result:
    """Write a Reduction."""
    axes = list(layer.axes(len(source.shape)))
    operator = f"Reduce{layer.operation.capitalize()}"
    keep = layer.keepdims or len(axes) == len(source.shape) - 1
    x = w.read(source, LAST)
    if layer.operation == "sum":
        name = w.node(operator, x, w.numbers(*axes), keepdims=int(keep))
    else:
        name = w.node(operator, x, axes=axes, keepdims=int(keep))
    if keep and not layer.keepdims:
        name = w.node("Reshape", name, w.numbers(0, 1))
    return name, LAST


def argmax(w: Writer, layer: layers.ArgMax, value: Value, source: Value) -> Result:
    """Write an ArgMax, whose places become float32."""
    axis = layer.axis % len(source.shape)
    keep = layer.keepdims or len(source.shape) == 2
    name = w.node("ArgMax", w.read(source, LAST), axis=axis, keepdims=int(keep))
    return w.node("Cast", name, to=1), LAST


def take(w: Writer, layer: layers.Take, value: Value, source: Value) -> Result:
    """Write a Take."""
    axis = layer.axis % len(source.shape)
    return w.node("Gather", w.read(source, LAST), w.numbers(*layer.indices), axis=axis), LAST


def padding(w: Writer, layer: layers.Padding, value: Value, source: Value) -> Result:
    """Write a Padding."""
    before, after = zip(*layer.sides, strict=True)
    inputs = [w.read(source, LAST), w.numbers(0, *before, 0, *after)]
    if layer.mode == "constant":
        inputs.append(w.number(layer.value))
    return w.node("Pad", *inputs, mode=layer.mode), LAST


def tile(w: Writer, layer: layers.Tile, value: Value, source: Value) -> Result:
    """Write a Tile."""
    return w.node("Tile", w.read(source, LAST), w.numbers(1, *layer.repeats)), LAST


LAYERS: dict[type[Any], Callable[..., Result]] = {
    layers.Reshape: reshape,
    layers.Flatten: reshape,
    layers.ArgMax: argmax,
    layers.Padding: padding,
    layers.Permute: permute,
    layers.Reduction: reduction,
    layers.Take: take,
    layers.Tile: tile,
    layers.RepeatVector: repeat,
    layers.ActivityRegularization: nothing,
    layers.Identity: nothing,
    layers.AlphaDropout: nothing,
    layers.Dropout: nothing,
    layers.SpatialDropout1D: nothing,
    layers.SpatialDropout2D: nothing,
    layers.GaussianDropout: nothing,
    layers.GaussianNoise: nothing,
    **dict.fromkeys(
        set(AUGMENTATION) - {layers.AutoContrast, layers.RandomCrop},  # both: in use too
        nothing,
    ),
}
