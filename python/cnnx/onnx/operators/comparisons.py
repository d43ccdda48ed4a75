"""Comparisons, which give 1 where they hold and 0 elsewhere, and what is chosen by them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cnnx import layers
from cnnx.arrays import Array
from cnnx.onnx.operators.arithmetic import affine, difference, merged
from cnnx.onnx.tensor import Tensor
from cnnx.onnx.use import Use


def comparison(function: str, first: int = 0, second: int = 1) -> Callable[[Use], Tensor]:
    """Return what takes an operator that says something of the difference of its inputs."""

    def take(at: Use) -> Tensor:
        return at.elementwise(layers.Elementary, difference(at, first, second), function=function)

    return take


def negation(at: Use) -> Tensor:
    """Not."""
    return at.elementwise(layers.Elementary, at.tensor(), function="is_zero")


def conjunction(layer_class: Any) -> Callable[[Use], Tensor]:
    """Return what takes And and Or: the product of 0 and 1, and the larger."""
    return lambda at: merged(at, layer_class, _tensors(at))


def where(at: Use) -> Tensor:
    """Where."""
    return merged(at, layers.Select, _tensors(at))


def _tensors(at: Use) -> list[Tensor]:
    """Return all inputs as arrays of the network, also those that are constants."""
    places = range(len(at.inputs))
    lead = at.tensor(next((place for place in places if not at.is_constant(place)), 0))
    return [
        _filled(at, lead, at.floats(place)) if at.is_constant(place) else at.tensor(place)
        for place in places
    ]


def _filled(at: Use, tensor: Tensor, constant: Array) -> Tensor:
    """Return an array of the network that holds a constant, for each of the samples."""
    zeros = at.elementwise(layers.Rescaling, tensor, scale=0.0, offset=0.0)
    return affine(at, zeros, offset=constant)


OPERATORS: dict[str, Any] = {
    "And": conjunction(layers.Multiply),
    "Equal": comparison("is_zero"),
    "Greater": comparison("is_positive"),
    "GreaterOrEqual": comparison("is_not_negative"),
    "Less": comparison("is_positive", 1, 0),
    "LessOrEqual": comparison("is_not_negative", 1, 0),
    "Not": negation,
    "Or": conjunction(layers.Maximum),
    "Where": where,
}
