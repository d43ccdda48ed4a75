"""What a network is written down with: arrays that it will hold, and uses of layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnnx.arrays import Shape

if TYPE_CHECKING:
    from cnnx.layers.layer import Layer


class Value:
    """
    An array that a network will hold.

    Attributes
    ----------
    shape
        Batch first, None for its size.
    node
        The use of a layer that computes it; None for an input.
    """

    __slots__ = ("node", "shape")

    def __init__(self, shape: Shape, node: Node | None = None) -> None:
        self.shape = tuple(shape)
        self.node = node

    def __repr__(self) -> str:
        origin = "an input" if self.node is None else f"the output of {self.node.layer}"
        return f"<Value of shape {self.shape}, {origin}>"


class Node:
    """
    One use of a layer.

    Attributes
    ----------
    layer
        The layer, or another operation with its interface.
    inputs, output
        What it reads, and what it computes.
    """

    __slots__ = ("inputs", "layer", "output")

    def __init__(self, layer: Layer, inputs: tuple[Value, ...], shape: Shape) -> None:
        self.layer = layer
        self.inputs = inputs
        self.output = Value(shape, self)
