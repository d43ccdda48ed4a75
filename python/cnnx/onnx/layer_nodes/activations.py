"""Nodes for activation functions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cnnx import activations, layers
from cnnx.activations.activation import ACTIVATIONS
from cnnx.activations.rectifiers import LEAKY_SLOPE, SELU_ALPHA, SELU_SCALE
from cnnx.layers.value import Value
from cnnx.onnx.layer_nodes.form import LAST, Result

if TYPE_CHECKING:
    from cnnx.onnx.writing import Writer


def _named(operator: str, **attributes: Any) -> Callable[..., str]:
    return lambda w, x, axis: w.node(operator, x, **attributes)


def _along(operator: str) -> Callable[..., str]:
    return lambda w, x, axis: w.node(operator, x, axis=axis)


def clipped(w: Writer, x: str, low: float | None, high: float | None) -> str:
    """Return the name of numbers cut off below and above."""
    ends = ["" if end is None else w.number(end) for end in (low, high)]
    return w.node("Clip", x, *(ends if ends[1] else ends[:1]))


def _gelu(w: Writer, x: str, axis: int) -> str:
    error = w.node("Erf", w.node("Mul", x, w.number(math.sqrt(0.5))))
    return w.node("Mul", w.node("Mul", x, w.number(0.5)), w.node("Add", error, w.number(1)))


FUNCTIONS: dict[str, Callable[..., str]] = {
    "linear": lambda w, x, axis: x,
    "relu": _named("Relu"),
    "sigmoid": _named("Sigmoid"),
    "tanh": _named("Tanh"),
    "arctan": _named("Atan"),
    "softmax": _along("Softmax"),
    "elu": _named("Elu"),
    "leaky_relu": _named("LeakyRelu", alpha=LEAKY_SLOPE),
    "softplus": _named("Softplus"),
    "exponential": _named("Exp"),
    "relu6": lambda w, x, axis: clipped(w, x, 0, 6),
    "selu": _named("Selu", alpha=SELU_ALPHA, gamma=SELU_SCALE),
    "softsign": _named("Softsign"),
    "hard_sigmoid": _named("HardSigmoid", alpha=1 / 6, beta=0.5),
    "hard_tanh": lambda w, x, axis: clipped(w, x, -1, 1),
    "log_sigmoid": lambda w, x, axis: w.node("Neg", w.node("Softplus", w.node("Neg", x))),
    "log_softmax": _along("LogSoftmax"),
    "silu": lambda w, x, axis: w.node("Mul", x, w.node("Sigmoid", x)),
    "gelu": _gelu,
    "mish": lambda w, x, axis: w.node("Mul", x, w.node("Tanh", w.node("Softplus", x))),
    "hard_silu": _named("HardSwish"),
}
"""For the name of each activation of cnnx what writes its nodes."""


def activation_nodes(w: Writer, x: str, function: activations.Activation, axis: int) -> str:
    """Return the name of a function's values; `axis` is that of the channels."""
    if ACTIVATIONS.get(function.name) is not function:
        raise ValueError(f"onnx.save: ONNX has nothing for the activation {function.name!r}")
    return FUNCTIONS[function.name](w, x, axis)


def activation(w: Writer, layer: Any, value: Value, source: Value) -> Result:
    """Write an Activation."""
    layout = w.has(source)
    return w.activated(w.read(source, layout), layer.activation, layout, len(value.shape)), layout


def relu(w: Writer, layer: layers.ReLU, value: Value, source: Value) -> Result:
    """Write a ReLU: a function of its own where it has a slope or a threshold."""
    layout = w.has(source)
    x = w.read(source, layout)
    slope, threshold, highest = layer.negative_slope, layer.threshold, layer.max_value
    if not threshold:
        y = w.node("LeakyRelu", x, alpha=slope) if slope else x
        if not slope and highest is None:
            return w.node("Relu", x), layout
        return clipped(w, y, None if slope else 0, highest), layout
    above = clipped(w, x, None, highest)
    below = w.node("Mul", w.node("Sub", x, w.number(threshold)), w.number(slope))
    return w.node("Where", w.node("Greater", x, w.number(threshold)), above, below), layout


def leaky_relu(w: Writer, layer: layers.LeakyReLU, value: Value, source: Value) -> Result:
    """Write a LeakyReLU."""
    layout = w.has(source)
    return w.node("LeakyRelu", w.read(source, layout), alpha=layer.negative_slope), layout


def elu(w: Writer, layer: layers.ELU, value: Value, source: Value) -> Result:
    """Write an ELU."""
    layout = w.has(source)
    return w.node("Elu", w.read(source, layout), alpha=layer.alpha), layout


def prelu(w: Writer, layer: layers.PReLU, value: Value, source: Value) -> Result:
    """Write a PReLU."""
    return w.node("PRelu", w.read(source, LAST), w.weight(layer.alpha)), LAST


LAYERS: dict[type[Any], Callable[..., Result]] = {
    layers.Activation: activation,
    layers.Softmax: activation,
    layers.ReLU: relu,
    layers.LeakyReLU: leaky_relu,
    layers.ELU: elu,
    layers.PReLU: prelu,
}
