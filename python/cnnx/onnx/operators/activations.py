"""Activation functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cnnx import activations, layers
from cnnx.onnx.operators.shapes import joined
from cnnx.onnx.tensor import Tensor
from cnnx.onnx.unsupported import UnsupportedError
from cnnx.onnx.use import Use


def function(name: str) -> Callable[[Use], Tensor]:
    """Return what takes an operator without settings: an activation of that name."""
    return lambda at: at.elementwise(layers.Activation, at.tensor(), activation=name)


def relu(at: Use) -> Tensor:
    """Relu."""
    return at.elementwise(layers.ReLU, at.tensor())


def scaled(at: Use, tensor: Tensor, scale: float, offset: float = 0.0) -> Tensor:
    """Return scale x + offset."""
    if (scale, offset) == (1, 0):
        return tensor
    return at.elementwise(layers.Rescaling, tensor, scale=scale, offset=offset)


def leaky_relu(at: Use) -> Tensor:
    """LeakyRelu, whose slope may not be negative."""
    slope = at.attribute("alpha", 0.01)
    if slope < 0:
        raise UnsupportedError(f"attribute alpha={slope}: must not be negative")
    return at.elementwise(layers.LeakyReLU, at.tensor(), negative_slope=slope)


def elu(at: Use) -> Tensor:
    """Elu, whose depth may not be negative."""
    alpha = at.attribute("alpha", 1.0)
    if alpha < 0:
        raise UnsupportedError(f"attribute alpha={alpha}: must not be negative")
    return at.elementwise(layers.ELU, at.tensor(), alpha=alpha)


def celu(at: Use) -> Tensor:
    """Celu, whose depth must be positive."""
    alpha = at.attribute("alpha", 1.0)
    if alpha <= 0:
        raise UnsupportedError(f"attribute alpha={alpha}: must be positive")
    return _applied(at, activations.celu.configured(alpha))


def shrink(at: Use) -> Tensor:
    """Shrink: x - bias above lambd, x + bias below -lambd, else 0; with a bias of 0 or lambd."""
    threshold, bias = at.attribute("lambd", 0.5), at.attribute("bias", 0.0)
    if threshold < 0:
        raise UnsupportedError(f"attribute lambd={threshold}: must not be negative")
    if bias not in (0, threshold):
        raise UnsupportedError(f"attribute bias={bias}: must be 0 or lambd={threshold}")
    function = activations.soft_shrink if bias else activations.hard_shrink
    return _applied(at, function.configured(threshold))


def thresholded_relu(at: Use) -> Tensor:
    """ThresholdedRelu: x above alpha, else 0."""
    return _applied(at, activations.threshold.configured(at.attribute("alpha", 1.0)))


def _applied(at: Use, function: activations.Activation) -> Tensor:
    return at.elementwise(layers.Activation, at.tensor(), activation=function)


def selu(at: Use) -> Tensor:
    """Selu: gamma elu(x)."""
    alpha = at.attribute("alpha", 1.6732632)
    gamma = at.attribute("gamma", 1.0507009)
    if abs(alpha - 1.6732632) < 1e-5 and abs(gamma - 1.0507009) < 1e-5:
        return function("selu")(at)
    if alpha < 0:
        raise UnsupportedError(f"attribute alpha={alpha}: must not be negative")
    return scaled(at, at.elementwise(layers.ELU, at.tensor(), alpha=alpha), gamma)


def hard_sigmoid(at: Use) -> Tensor:
    """HardSigmoid: alpha x + beta, cut off below 0 and above 1."""
    alpha, beta = at.attribute("alpha", 0.2), at.attribute("beta", 0.5)
    tensor = at.tensor()
    if abs(alpha - 1 / 6) > 1e-6 or abs(beta - 0.5) > 1e-6:
        tensor = scaled(at, tensor, 6 * alpha, 6 * beta - 3)
    return at.elementwise(layers.Activation, tensor, activation="hard_sigmoid")


def softmax(name: str) -> Callable[[Use], Tensor]:
    """Return what takes Softmax or LogSoftmax; before version 13 over all axes from `axis` on."""

    def take(at: Use) -> Tensor:
        tensor = at.tensor()
        place = at.axis(-1 if at.opset >= 13 else 1, max(tensor.rank, 1))
        last = place + 1 if at.opset >= 13 else tensor.rank
        over = joined(tensor.own_axis(number) for number in range(place, last))
        held = [tuple(atom for atom in group if atom not in over) for group in tensor.held[1:]]
        tensor = at.arranged(tensor, [*filter(None, held), over])
        return at.elementwise(layers.Activation, tensor, activation=name)

    return take


def prelu(at: Use) -> Tensor:
    """PRelu with constant slopes."""
    tensor = at.tensor()
    slopes = at.beside(tensor, at.floats(1))
    shared = [place for place, extent in enumerate(slopes.shape, start=1) if extent == 1]
    return at.elementwise(layers.PReLU, tensor, [slopes], shared_axes=shared or None)


OPERATORS: dict[str, Any] = {
    "Celu": celu,
    "Elu": elu,
    "Exp": function("exponential"),
    "HardSigmoid": hard_sigmoid,
    "HardSwish": function("hard_silu"),
    "LeakyRelu": leaky_relu,
    "LogSoftmax": softmax("log_softmax"),
    "Mish": function("mish"),
    "PRelu": prelu,
    "Relu": relu,
    "Selu": selu,
    "Shrink": shrink,
    "Sigmoid": function("sigmoid"),
    "Softmax": softmax("softmax"),
    "Softplus": function("softplus"),
    "Softsign": function("softsign"),
    "Atan": function("arctan"),
    "Swish": function("silu"),
    "Tanh": function("tanh"),
    "ThresholdedRelu": thresholded_relu,
}
