"""Sums, products, powers and other functions of elements."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from cnnx import activations, layers
from cnnx.arrays import Array, Float
from cnnx.onnx.broadcasting import aligned, side_by_side
from cnnx.onnx.operators.repetition import expanded
from cnnx.onnx.tensor import Tensor, axis
from cnnx.onnx.unsupported import UnsupportedError
from cnnx.onnx.use import Use


def merged(at: Use, layer_class: Any, tensors: list[Tensor], **settings: Any) -> Tensor:
    """Use a merging layer on arrays that are broadcast against each other."""
    if len(tensors) == 1:
        return tensors[0]
    found = aligned(tensors, at.rearrange)
    held = tuple(max(groups, key=len) for groups in zip(*(t.held for t in found), strict=True))
    axes = tuple(max(groups, key=len) for groups in zip(*(t.axes for t in found), strict=True))
    value = at.value(layer_class, *(tensor.value for tensor in found), **settings)
    return Tensor(value, held, axes)


def affine(
    at: Use, tensor: Tensor, scale: Array | None = None, offset: Array | None = None
) -> Tensor:
    """Return scale x + offset, with constants that are broadcast against the array."""
    for constant in (scale, offset):
        if constant is not None:
            tensor = expanded(at, tensor, constant.shape)
    if all(constant is None or constant.size == 1 for constant in (scale, offset)):
        factor, term = _number(scale, 1.0), _number(offset, 0.0)
        if (factor, term) == (1, 0):
            return tensor
        if math.isfinite(factor) and math.isfinite(term):
            return at.elementwise(layers.Rescaling, tensor, scale=factor, offset=term)
    weights = [at.beside(tensor, c) for c in (scale, offset) if c is not None]
    shape = np.broadcast_shapes(*(weight.shape for weight in weights))
    return at.elementwise(
        layers.Affine,
        tensor,
        [np.broadcast_to(weight, shape) for weight in weights],
        axis=[place for place, extent in enumerate(shape, start=1) if extent > 1] or None,
        scale=scale is not None,
        center=offset is not None,
    )


def _number(constant: Array | None, default: float) -> float:
    return default if constant is None else float(constant.ravel()[0])


def _operands(at: Use) -> tuple[list[Tensor], list[Float]]:
    """Return the inputs that the network computes, and the constant ones."""
    places = range(len(at.inputs))
    constants = [at.floats(place) for place in places if at.is_constant(place)]
    return [at.tensor(place) for place in places if not at.is_constant(place)], constants


def addition(at: Use) -> Tensor:
    """Add and Sum."""
    tensors, constants = _operands(at)
    found = merged(at, layers.Add, tensors)
    return affine(at, found, offset=np.asarray(sum(constants))) if constants else found


def difference(at: Use, first: int, second: int) -> Tensor:
    """Return what one input is above another."""
    if at.is_constant(first):
        return affine(at, at.tensor(second), np.full(1, -1, np.float32), at.floats(first))
    if at.is_constant(second):
        return affine(at, at.tensor(first), offset=-at.floats(second))
    return merged(at, layers.Subtract, [at.tensor(first), at.tensor(second)])


def subtraction(at: Use) -> Tensor:
    """Sub."""
    return difference(at, 0, 1)


def multiplication(at: Use) -> Tensor:
    """Mul."""
    tensors, constants = _operands(at)
    found = merged(at, layers.Multiply, tensors)
    return affine(at, found, constants[0]) if constants else found


def division(at: Use) -> Tensor:
    """Div."""
    if at.is_constant(0):
        return affine(at, power(at, at.tensor(1), -1), at.floats(0))
    if at.is_constant(1):
        with np.errstate(all="ignore"):
            return affine(at, at.tensor(0), np.float32(1) / at.floats(1))
    return merged(at, layers.Divide, [at.tensor(0), at.tensor(1)])


def power(at: Use, tensor: Tensor, exponent: float) -> Tensor:
    """Return the powers of all elements."""
    if exponent == 1:
        return tensor
    return at.elementwise(layers.Power, tensor, exponent=exponent)


def powers(at: Use) -> Tensor:
    """Pow with one exponent for all elements."""
    exponent = at.constant(1)
    if exponent.size != 1:
        raise UnsupportedError(f"its exponents have shape {exponent.shape}: one is taken")
    return power(at, at.tensor(), float(exponent.ravel()[0]))


def extreme(layer_class: Any, end: str) -> Callable[[Use], Tensor]:
    """Return what takes Max or Min."""

    def take(at: Use) -> Tensor:
        tensors, constants = _operands(at)
        found = merged(at, layer_class, tensors)
        for constant in constants:
            if constant.size != 1:
                raise UnsupportedError(f"a constant of shape {constant.shape}: numbers are taken")
            limit: dict[str, Any] = {end: float(constant.ravel()[0])}
            found = at.elementwise(layers.Clip, found, **limit)
        return found

    return take


def mean(at: Use) -> Tensor:
    """Mean."""
    return merged(at, layers.Average, [at.tensor(place) for place in range(len(at.inputs))])


def clip(at: Use) -> Tensor:
    """Clip."""
    low = at.number(1, "min", -math.inf)
    high = at.number(2, "max", math.inf)
    if low == 0 and high > 0:
        highest = None if high > np.finfo(np.float32).max / 2 else high
        return at.elementwise(layers.ReLU, at.tensor(), max_value=highest)
    limits = {"min_value": low, "max_value": high}
    finite: dict[str, Any] = {name: limit for name, limit in limits.items() if abs(limit) < 3e38}
    return at.elementwise(layers.Clip, at.tensor(), **finite) if finite else at.tensor()


def elementary(name: str) -> Callable[[Use], Tensor]:
    """Return what takes an operator that is a layer Elementary."""
    return lambda at: at.elementwise(layers.Elementary, at.tensor(), function=name)


def gelu(at: Use) -> Tensor:
    """Gelu: exact, or 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))."""
    approximate = at.attribute("approximate", "none") != "none"
    function = activations.gelu.configured(approximate)
    return at.elementwise(layers.Activation, at.tensor(), activation=function)


def concatenation(at: Use) -> Tensor:
    """Concat."""
    tensors = [at.tensor(place) for place in range(len(at.inputs))]
    place = at.axis(0, tensors[0].rank)
    if len(tensors) == 1:
        return tensors[0]
    tensors, number = side_by_side(tensors, place, at.rearrange)
    value = at.value(layers.Concatenate, *(tensor.value for tensor in tensors), axis=number)
    whole = axis(value.shape[number])
    lead = tensors[0]
    held = [whole if n == number else group for n, group in enumerate(lead.held)]
    axes = [whole if n == place else group for n, group in enumerate(lead.axes)]
    return Tensor(value, tuple(held), tuple(axes))


OPERATORS: dict[str, Any] = {
    "Abs": elementary("abs"),
    "Add": addition,
    "Ceil": elementary("ceil"),
    "Clip": clip,
    "Concat": concatenation,
    "Div": division,
    "Erf": elementary("erf"),
    "Floor": elementary("floor"),
    "Gelu": gelu,
    "Log": elementary("log"),
    "Max": extreme(layers.Maximum, "min_value"),
    "Mean": mean,
    "Min": extreme(layers.Minimum, "max_value"),
    "Mul": multiplication,
    "Neg": lambda at: affine(at, at.tensor(), np.full(1, -1, np.float32)),
    "Pow": powers,
    "Reciprocal": lambda at: power(at, at.tensor(), -1),
    "Round": elementary("round"),
    "Sqrt": lambda at: power(at, at.tensor(), 0.5),
    "Sub": subtraction,
    "Sum": addition,
}
