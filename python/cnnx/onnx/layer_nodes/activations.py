"""Nodes for activation functions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from cnnx import activations, layers
from cnnx.activations.activation import ACTIVATIONS
from cnnx.activations.rectifiers import LEAKY_SLOPE, SELU_ALPHA, SELU_SCALE
from cnnx.layers.value import Value
from cnnx.onnx.layer_nodes.form import LAST, Result

if TYPE_CHECKING:
    from cnnx.onnx.writing import Writer


def _named(operator: str, **attributes: Any) -> Callable[..., str]:
    return lambda w, x: w.node(operator, x, **attributes)


def _along(operator: str) -> Callable[..., str]:
    return lambda w, x, axis: w.node(operator, x, axis=axis)


def clipped(w: Writer, x: str, low: float | None, high: float | None) -> str:
    """Return the name of numbers cut off below and above."""
    ends = ["" if end is None else w.number(end) for end in (low, high)]
    return w.node("Clip", x, *(ends if ends[1] else ends[:1]))


def _relu(
    w: Writer,
    x: str,
    negative_slope: float = 0.0,
    max_value: float | None = None,
    threshold: float = 0.0,
) -> str:
    if not threshold:
        y = w.node("LeakyRelu", x, alpha=negative_slope) if negative_slope else x
        if not negative_slope and max_value is None:
            return w.node("Relu", x)
        return clipped(w, y, None if negative_slope else 0, max_value)
    if not negative_slope and max_value is None:
        return w.node("ThresholdedRelu", x, alpha=threshold)
    above = clipped(w, x, None, max_value)
    below = w.node("Mul", w.node("Sub", x, w.number(threshold)), w.number(negative_slope))
    return w.node("Where", w.node("Greater", x, w.number(threshold)), above, below)


def _gelu(w: Writer, x: str, approximate: bool = False) -> str:
    if approximate:
        scale = w.number(math.sqrt(2 / math.pi))
        cubic = w.node("Mul", w.node("Mul", w.node("Mul", x, x), x), w.number(0.044715))
        gate = w.node("Tanh", w.node("Mul", w.node("Add", x, cubic), scale))
    else:
        gate = w.node("Erf", w.node("Mul", x, w.number(math.sqrt(0.5))))
    return w.node("Mul", w.node("Mul", x, w.number(0.5)), w.node("Add", gate, w.number(1)))


def _squareplus(w: Writer, x: str, b: float = 4.0) -> str:
    root = w.node("Sqrt", w.node("Add", w.node("Mul", x, x), w.number(b)))
    return w.node("Mul", w.node("Add", x, root), w.number(0.5))


def _threshold(w: Writer, x: str, threshold: float = 0.0, default_value: float = 0.0) -> str:
    if not default_value:
        return w.node("ThresholdedRelu", x, alpha=threshold)
    return w.node("Where", w.node("Greater", x, w.number(threshold)), x, w.number(default_value))


FUNCTIONS: dict[str, Callable[..., str]] = {
    "linear": lambda w, x: x,
    "relu": _relu,
    "sigmoid": _named("Sigmoid"),
    "tanh": _named("Tanh"),
    "arctan": _named("Atan"),
    "softmax": _along("Softmax"),
    "elu": lambda w, x, alpha=1.0: w.node("Elu", x, alpha=alpha),
    "leaky_relu": lambda w, x, negative_slope=LEAKY_SLOPE: w.node(
        "LeakyRelu", x, alpha=negative_slope
    ),
    "softplus": _named("Softplus"),
    "exponential": _named("Exp"),
    "relu6": lambda w, x: clipped(w, x, 0, 6),
    "selu": _named("Selu", alpha=SELU_ALPHA, gamma=SELU_SCALE),
    "celu": lambda w, x, alpha=1.0: w.node("Celu", x, alpha=alpha),
    "softsign": _named("Softsign"),
    "hard_sigmoid": _named("HardSigmoid", alpha=1 / 6, beta=0.5),
    "hard_tanh": lambda w, x: clipped(w, x, -1, 1),
    "log_sigmoid": lambda w, x: w.node("Neg", w.node("Softplus", w.node("Neg", x))),
    "log_softmax": _along("LogSoftmax"),
    "silu": lambda w, x: w.node("Mul", x, w.node("Sigmoid", x)),
    "gelu": _gelu,
    "mish": lambda w, x: w.node("Mul", x, w.node("Tanh", w.node("Softplus", x))),
    "hard_silu": _named("HardSwish"),
    "hard_shrink": lambda w, x, threshold=0.5: w.node("Shrink", x, lambd=threshold, bias=0.0),
    "soft_shrink": lambda w, x, threshold=0.5: w.node("Shrink", x, lambd=threshold, bias=threshold),
    "tanh_shrink": lambda w, x: w.node("Sub", x, w.node("Tanh", x)),
    "squareplus": _squareplus,
    "threshold": _threshold,
}
"""For the name of each activation of cnnx what writes its nodes, with its settings."""


def activation_nodes(
    w: Writer, x: str, function: activations.Activation, axes: Sequence[int]
) -> str:
    """Return the name of a function's values; `axes` are the places of the model's axes."""
    known = ACTIVATIONS.get(function.name)
    if known is None or not (known is function or function.settings):
        raise ValueError(f"onnx.save: ONNX has nothing for the activation {function.name!r}")
    settings = dict(function.settings)
    if not function.elementwise:
        settings["axis"] = axes[settings.get("axis", -1)]
    return FUNCTIONS[function.name](w, x, **settings)


def activation(w: Writer, layer: Any, value: Value, source: Value) -> Result:
    """Write a layer that applies a function."""
    layout = w.has(source)
    return w.activated(w.read(source, layout), layer.activation, layout, len(value.shape)), layout


def prelu(w: Writer, layer: layers.PReLU, value: Value, source: Value) -> Result:
    """Write a PReLU."""
    return w.node("PRelu", w.read(source, LAST), w.weight(layer.alpha)), LAST


LAYERS: dict[type[Any], Callable[..., Result]] = {
    layers.Activation: activation,
    layers.Softmax: activation,
    layers.ReLU: activation,
    layers.LeakyReLU: activation,
    layers.ELU: activation,
    layers.PReLU: prelu,
}
