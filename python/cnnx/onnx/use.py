"""One node of a file, as the function sees it that makes layers of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np

from cnnx.arrays import Array, Float
from cnnx.layers.layer import Layer
from cnnx.layers.value import Value
from cnnx.onnx.arrangement import arranged
from cnnx.onnx.broadcasting import constant_beside
from cnnx.onnx.folding import Known, fixed
from cnnx.onnx.model_file import Node
from cnnx.onnx.tensor import Atom, Group, Tensor
from cnnx.onnx.unsupported import UnsupportedError

Operand: TypeAlias = Tensor | Known | None


class Builder(Protocol):
    """What a use adds its layers to."""

    opset: int
    samples: Atom
    batch: int
    """Number of samples that the file was written for; 0 for any."""
    is_open: bool
    """Whether the sizes are examples: what depends on them otherwise than by a layer is refused."""

    def add(self, layer: Layer, values: Sequence[Value], weights: Sequence[Array]) -> Value:
        """Use a new layer on values."""

    def name(self, wanted: str) -> str:
        """Return a name that no layer has."""


class Use:
    """
    One node of a file, with what it reads.

    Parameters
    ----------
    node
        Of the file.
    inputs
        What it reads: arrays of the network, known ones, or None for those left out.
    builder
        Takes the layers.
    """

    def __init__(self, node: Node, inputs: Sequence[Operand], builder: Builder) -> None:
        self.node = node
        self.inputs = list(inputs)
        self.builder = builder
        self.opset = builder.opset

    # What it reads.

    def tensor(self, place: int = 0) -> Tensor:
        """Return an input that the network computes."""
        found = self.inputs[place] if place < len(self.inputs) else None
        if isinstance(found, Tensor):
            return found
        raise UnsupportedError(f"input {place} is {'missing' if found is None else 'a constant'}")

    def has(self, place: int) -> bool:
        """Return whether an input is given."""
        return place < len(self.inputs) and self.inputs[place] is not None

    def is_constant(self, place: int) -> bool:
        """Return whether an input is a known array."""
        return self.has(place) and not isinstance(self.inputs[place], Tensor)

    def known(self, place: int) -> Known:
        """Return a known input, for each number of samples."""
        found = self.inputs[place] if place < len(self.inputs) else None
        if found is None or isinstance(found, Tensor):
            kind = "missing" if found is None else "no constant"
            raise UnsupportedError(f"input {place} is {kind}")
        return found

    def constant(self, place: int) -> Array:
        """Return a constant input."""
        return fixed(self.known(place), f"input {place}")

    def floats(self, place: int) -> Float:
        """Return a constant input of numbers as float32."""
        return np.ascontiguousarray(self.constant(place), np.float32)

    def optional(self, place: int) -> Float | None:
        """Return a constant input of numbers, or None if it is left out."""
        return self.floats(place) if self.has(place) else None

    def number(self, place: int, name: str, default: float) -> float:
        """Return a number that newer versions have as an input, and older ones as an attribute."""
        if not self.has(place):
            return float(self.attribute(name, default))
        array = self.constant(place)
        if array.size != 1:
            raise UnsupportedError(f"input {place} has shape {array.shape}, and should be a number")
        return float(array.ravel()[0])

    def integers(self, place: int, name: str) -> list[int] | None:
        """Return numbers that newer versions have as an input, and older ones as an attribute."""
        if self.has(place):
            return [int(number) for number in self.constant(place).ravel()[:64]]
        found = self.attribute(name)
        return None if found is None else list(found)

    def attribute(self, name: str, default: Any = None) -> Any:
        """Return an attribute."""
        found = self.node.attributes.get(name, default)
        if default is not None and not isinstance(found, (type(default), int)):
            raise UnsupportedError(f"attribute {name}={found!r}")
        return found

    def axis(self, default: int, rank: int, name: str = "axis") -> int:
        """Return an attribute that is the number of an axis, counted from the front."""
        return self.place(self.attribute(name, default), rank)

    def place(self, axis: int, rank: int) -> int:
        """Return the number of an axis, counted from the front."""
        if not -rank <= axis < rank:
            raise UnsupportedError(f"there is no axis {axis} of {rank}")
        return axis % rank

    # What it makes.

    def value(
        self,
        layer_class: type[Layer],
        *values: Value,
        weights: Sequence[Array] = (),
        **settings: Any,
    ) -> Value:
        """Use a new layer on values, and return what it computes; `weights` are its own."""
        layer = layer_class(**settings, name=self.builder.name(self.node.name))
        return self.builder.add(layer, values, weights)

    def rearrange(self, layer_class: type[Layer], value: Value, **settings: Any) -> Value:
        """Use a new layer that only puts elements in another order or shape."""
        layer = layer_class(**settings, name=self.builder.name(f"{self.node.name}_layout"))
        return self.builder.add(layer, [value], [])

    def arranged(self, tensor: Tensor, groups: Sequence[Group]) -> Tensor:
        """Return a tensor whose value has certain axes after that of the samples."""
        return arranged(tensor, groups, self.rearrange)

    def elementwise(
        self,
        layer_class: type[Layer],
        tensor: Tensor,
        weights: Sequence[Array] = (),
        **settings: Any,
    ) -> Tensor:
        """Use a layer that leaves each element where it is."""
        value = self.value(layer_class, tensor.value, weights=weights, **settings)
        return tensor._replace(value=value)

    def beside(self, tensor: Tensor, constant: Array) -> Float:
        """Return a constant as it stands beside a sample of a value."""
        return np.ascontiguousarray(constant_beside(tensor, constant), np.float32)
