"""Nodes for layers that compute each element by itself, for merging layers and for products."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnx import layers
from cnnx.layers.value import Value
from cnnx.onnx.layer_nodes.activations import clipped
from cnnx.onnx.layer_nodes.form import FIRST, LAST, Result

if TYPE_CHECKING:
    from cnnx.onnx.writing import Writer


def dense(w: Writer, layer: layers.Dense, value: Value, source: Value) -> Result:
    """Write a Dense."""
    x, kernel = w.read(source, LAST), w.weight(layer.kernel)
    if len(source.shape) == 2:
        inputs = [x, kernel, *([] if layer.bias is None else [w.weight(layer.bias)])]
        name = w.node("Gemm", *inputs)
    else:
        name = w.node("MatMul", x, kernel)
        if layer.bias is not None:
            name = w.node("Add", name, w.weight(layer.bias))
    return w.activated(name, layer.activation, LAST, len(value.shape)), LAST


def _common(w: Writer, sources: tuple[Value, ...]) -> str:
    """Return the layout that most values have already."""
    ready = [w.has(source) for source in sources if len(source.shape) > 2]
    return FIRST if 2 * ready.count(FIRST) > len(ready) else LAST


def merged(operator: str) -> Callable[..., Result]:
    """Return what writes a merging layer, as an operator of two inputs again and again."""

    def write(w: Writer, layer: Any, value: Value, *sources: Value) -> Result:
        layout = _common(w, sources)
        name, *others = (w.read(source, layout) for source in sources)
        for other in others:
            name = w.node(operator, name, other)
        return name, layout

    return write


def average(w: Writer, layer: Any, value: Value, *sources: Value) -> Result:
    """Write an Average."""
    name, layout = merged("Add")(w, layer, value, *sources)
    return w.node("Mul", name, w.number(1 / len(sources))), layout


def concatenation(w: Writer, layer: layers.Concatenate, value: Value, *sources: Value) -> Result:
    """Write a Concatenate."""
    layout = _common(w, sources)
    rank = len(value.shape)
    axis = layer.axis % rank
    if layout == FIRST:
        axis = 1 if axis == rank - 1 else axis + 1
    return w.node("Concat", *(w.read(source, layout) for source in sources), axis=axis), layout


def rescaling(w: Writer, layer: layers.Rescaling, value: Value, source: Value) -> Result:
    """Write a Rescaling."""
    numbers = [np.asarray(number, np.float32) for number in (layer.scale, layer.offset)]
    layout = LAST if any(number.ndim for number in numbers) else w.has(source)
    name = w.node("Mul", w.read(source, layout), w.constant(numbers[0], "scale"))
    if numbers[1].any():
        name = w.node("Add", name, w.constant(numbers[1], "offset"))
    return name, layout


def affine(w: Writer, layer: layers.Affine, value: Value, source: Value) -> Result:
    """Write an Affine."""
    name = w.read(source, LAST)
    for operator, weight in (("Mul", layer.gamma), ("Add", layer.beta)):
        if weight is not None:
            name = w.node(operator, name, w.weight(weight))
    return name, LAST


def power(w: Writer, layer: layers.Power, value: Value, source: Value) -> Result:
    """Write a Power."""
    layout = w.has(source)
    x = w.read(source, layout)
    if layer.exponent == 0.5:
        return w.node("Sqrt", x), layout
    return w.node("Pow", x, w.number(layer.exponent)), layout


def clip(w: Writer, layer: layers.Clip, value: Value, source: Value) -> Result:
    """Write a Clip."""
    layout = w.has(source)
    x = w.read(source, layout)
    if layer.min_value is None and layer.max_value is None:
        return x, layout
    return clipped(w, x, layer.min_value, layer.max_value), layout


def elementary(w: Writer, layer: layers.Elementary, value: Value, source: Value) -> Result:
    """Write an Elementary."""
    layout = w.has(source)
    x = w.read(source, layout)
    comparison = _COMPARISONS.get(layer.function)
    if comparison is None:
        return w.node(layer.function.capitalize(), x), layout
    return w.node("Cast", w.node(comparison, x, w.number(0)), to=FLOAT), layout


def selection(w: Writer, layer: layers.Select, value: Value, *sources: Value) -> Result:
    """Write a Select."""
    layout = _common(w, sources)
    condition, *others = (w.read(source, layout) for source in sources)
    return w.node("Where", w.node("Cast", condition, to=BOOL), *others), layout


def product(w: Writer, layer: layers.MatMul, value: Value, *sources: Value) -> Result:
    """Write a MatMul."""
    return w.node("MatMul", *(w.read(source, LAST) for source in sources)), LAST


def dot(w: Writer, layer: layers.Dot, value: Value, *sources: Value) -> Result:
    """Write a Dot as a product of matrices."""
    factors = []
    axes = layer.places([len(source.shape) for source in sources])
    for place, (source, axis) in enumerate(zip(sources, axes, strict=True)):
        x = w.read(source, LAST)
        if layer.normalize:
            squares = w.node("ReduceSum", w.node("Mul", x, x), w.numbers(axis), keepdims=1)
            x = w.node("Div", x, w.node("Max", w.node("Sqrt", squares), w.number(1e-12)))
        order = [0, *(other for other in range(1, len(source.shape)) if other != axis)]
        order.insert(1 if place else len(order), axis)
        x = w.node("Transpose", x, perm=order)
        vectors = [source.shape[axis], -1] if place else [-1, source.shape[axis]]
        factors.append(w.node("Reshape", x, w.numbers(0, *vectors)))
    name = w.node("MatMul", *factors)
    return w.node("Reshape", name, w.numbers(0, *value.shape[1:])), LAST


def quantization(w: Writer, layer: layers.Quantization, value: Value, source: Value) -> Result:
    """Write a Quantization as what it is made of: steps of any range are whole numbers."""
    x = w.read(source, LAST)
    scale = w.constant(np.array(layer.scale, np.float32), "scale")
    point = w.constant(np.array(layer.zero_point, np.float32), "zero_point")
    steps = w.node("Add", w.node("Round", w.node("Div", x, scale)), point)
    return clipped(w, steps, layer.low, layer.high), LAST


FLOAT, BOOL = 1, 9
"""Types of ONNX."""
_COMPARISONS = {
    "is_positive": "Greater",
    "is_not_negative": "GreaterOrEqual",
    "is_zero": "Equal",
}


def stretched(w: Writer, layer: layers.AutoContrast, value: Value, source: Value) -> Result:
    """Write an AutoContrast: least and most of each channel become the ends of the range."""
    x = w.read(source, LAST)
    low, high = layer.settings.value_range
    least, most = (w.node(f"Reduce{end}", x, axes=[1, 2], keepdims=1) for end in ("Min", "Max"))
    spread = w.node("Sub", most, least)
    scale = w.node("Div", w.number(high - low), spread)
    moved = w.node("Mul", w.node("Sub", x, least), scale)
    moved = w.node("Add", moved, w.number(low))
    y = w.node("Where", w.node("Greater", spread, w.number(0)), moved, x)
    return clipped(w, y, low, high), LAST


LAYERS: dict[type[Any], Callable[..., Result]] = {
    layers.AutoContrast: stretched,
    layers.Dense: dense,
    layers.Add: merged("Add"),
    layers.Affine: affine,
    layers.Clip: clip,
    layers.Divide: merged("Div"),
    layers.Elementary: elementary,
    layers.Dot: dot,
    layers.MatMul: product,
    layers.Power: power,
    layers.Select: selection,
    layers.Quantization: quantization,
    layers.Subtract: merged("Sub"),
    layers.Multiply: merged("Mul"),
    layers.Maximum: merged("Max"),
    layers.Minimum: merged("Min"),
    layers.Average: average,
    layers.Concatenate: concatenation,
    layers.Rescaling: rescaling,
}
