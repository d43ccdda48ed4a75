"""What a network is written down with: arrays that it will hold, and uses of layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnnx.arrays import Shape

if TYPE_CHECKING:
    from cnnx.layers.layer import Layer


class Node:
    """
    One use of a layer, or of a model as a layer.

    Attributes
    ----------
    layer
        What is used.
    inputs
        The values that it reads, in their order.
    """

    __slots__ = ("inputs", "layer")

    def __init__(self, layer: Any, inputs: tuple[Value, ...]) -> None:
        self.layer: Layer = layer
        self.inputs = inputs


class Value:
    """
    An array that a network will hold: what `cnnx.Input` and a layer called on values return.

    `a + b`, `a - b` and `a * b` are the merging layers Add, Subtract and Multiply.

    Attributes
    ----------
    shape
        Batch first, None for its size.
    node
        The use of a layer that computes it; an input's is the use of an InputLayer.
    index
        Its number among the outputs of the node.
    """

    __slots__ = ("__weakref__", "index", "node", "shape")
    __array_ufunc__ = None  # so that NumPy does not take a value apart

    def __init__(self, shape: Shape, node: Node, index: int = 0) -> None:
        self.shape = tuple(shape)
        self.node = node
        self.index = index

    @property
    def name(self) -> str:
        """Name of the layer that computes it."""
        return self.node.layer.name

    def __add__(self, other: Value) -> Value:
        return self._merged("Add", other)

    def __sub__(self, other: Value) -> Value:
        return self._merged("Subtract", other)

    def __mul__(self, other: Value) -> Value:
        return self._merged("Multiply", other)

    def _merged(self, name: str, other: Any) -> Value:
        from cnnx.layers import merging  # stands above: its layers are made of what is here

        if not isinstance(other, Value):
            raise TypeError(
                f"{name} merges two values of a network, got {self} and {other!r}; for a number "
                "use layers.Rescaling(scale, offset)"
            )
        value: Value = getattr(merging, name)()([self, other])
        return value

    def __repr__(self) -> str:
        return f"<Value of shape {self.shape}, output of {self.node.layer}>"
