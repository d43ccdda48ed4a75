"""A network as its user wrote it: uses of layers, in an order in which they can run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cnnx.layers.layer import Layer
from cnnx.layers.value import Node, Value


class Graph:
    """
    Uses of layers between inputs and outputs.

    Attributes
    ----------
    inputs, outputs
        Of the whole network.
    nodes
        Each stands after those whose outputs it reads.
    """

    def __init__(
        self, inputs: Sequence[Value], outputs: Sequence[Value], nodes: Sequence[Node]
    ) -> None:
        self.inputs = list(inputs)
        self.outputs = list(outputs)
        self.nodes = list(nodes)
        self._readers: dict[Value, list[Node]] = {}
        for node in self.nodes:
            for value in node.inputs:
                self._readers.setdefault(value, []).append(node)

    @classmethod
    def chain(cls, layers: Sequence[Layer]) -> Graph:
        """Return the graph of built layers, each of which reads the output of the one before."""
        first = value = Value(layers[0].input_shape)
        nodes = []
        for layer in layers:
            nodes.append(Node(layer, (value,), layer.output_shape))
            value = nodes[-1].output
        return cls([first], [value], nodes)

    def readers(self, value: Value) -> list[Node]:
        """Return the uses that read a value, one entry for each time."""
        return self._readers.get(value, [])

    def lone_reader(self, value: Value, kept: Iterable[Value] = ()) -> Node | None:
        """Return the use that alone reads a value; an output or a kept value has others."""
        readers = self.readers(value)
        if len(readers) != 1 or value in self.outputs or value in kept:
            return None
        return readers[0]
