"""A network as its user wrote it: values between inputs and outputs, in running order."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from cnnx.arrays import Shape
from cnnx.geometry import is_open
from cnnx.layers.input_layer import InputLayer
from cnnx.layers.layer import Layer
from cnnx.layers.value import Node, Value


class Graph:
    """
    Values and the uses of layers that compute them.

    Attributes
    ----------
    inputs, outputs
        Of the whole network.
    values
        What is computed between them; each stands after those that it is computed from.
    """

    def __init__(
        self, inputs: Sequence[Value], outputs: Sequence[Value], values: Sequence[Value]
    ) -> None:
        self.inputs = list(inputs)
        self.outputs = list(outputs)
        self.values = list(values)
        self._readers: dict[Value, list[Value]] = {}
        for value in self.values:
            for source in value.node.inputs:
                self._readers.setdefault(source, []).append(value)

    @classmethod
    def chain(cls, layers: Sequence[Any], first: Value) -> Graph:
        """Return the graph of a chain: each layer reads the output of the one before."""
        value, values = first, []
        for layer in layers:
            value = layer(value)
            values.append(value)
        return cls([first], [value], values)

    @classmethod
    def between(cls, inputs: Sequence[Value], outputs: Sequence[Value]) -> Graph:
        """
        Return the graph that computes outputs from inputs.

        Raises
        ------
        ValueError
            If an output depends on an input that is not among `inputs`.
        """
        found: dict[Value, None] = {}
        given = set(inputs)
        for output in outputs:
            waiting = [output]
            while waiting:
                value = waiting[-1]
                left = [
                    source
                    for source in value.node.inputs
                    if source not in given and source not in found
                ]
                if value in given or value in found or not left:
                    waiting.pop()
                    if value in given or value in found:
                        continue
                    if isinstance(value.node.layer, InputLayer):
                        raise ValueError(
                            f"Model: the outputs depend on the input '{value.name}', which is not "
                            f"among the inputs {', '.join(item.name for item in inputs)}; add it"
                        )
                    found[value] = None
                else:
                    waiting += reversed(left)
        return cls(inputs, outputs, list(found))

    def readers(self, value: Value) -> list[Value]:
        """Return what is computed from a value, one entry for each time that it is read."""
        return self._readers.get(value, [])

    def lone_reader(self, value: Value, kept: Collection[Value] = ()) -> Value | None:
        """Return what alone is computed from a value; an output or a kept value is read besides."""
        readers = self.readers(value)
        if len(readers) != 1 or value in self.outputs or value in kept:
            return None
        return readers[0]

    def layers(self) -> list[Any]:
        """Return the layers that are used, each once, in the order of their first use."""
        return list({value.node.layer: None for value in self.values})

    def flat(self) -> Graph:
        """Return the same graph with the models in it replaced by what they are made of."""
        if all(isinstance(value.node.layer, Layer) for value in self.values):
            return self
        new: dict[Value, Value] = {}
        values: list[Value] = []
        opened: dict[Node, list[Value]] = {}
        for value in self.values:
            node = value.node
            sources = tuple(new.get(source, source) for source in node.inputs)
            if isinstance(node.layer, Layer):
                if sources != node.inputs:
                    new[value] = Value(value.shape, Node(node.layer, sources))
                values.append(new.get(value, value))
                continue
            if node not in opened:
                opened[node] = node.layer.graph.copied_into(sources, values)
            new[value] = opened[node][value.index]
        return Graph(self.inputs, [new.get(value, value) for value in self.outputs], values)

    def copied_into(self, inputs: Sequence[Value], values: list[Value]) -> list[Value]:
        """
        Append the graph's values, computed from other inputs; return its outputs.

        Raises
        ------
        ValueError
            If a layer cannot be used on inputs of another size.
        """
        graph = self.flat()
        new = graph._copies(inputs)
        values += [new[value] for value in graph.values]
        return [new[value] for value in graph.outputs]

    @property
    def is_open(self) -> bool:
        """Whether an input leaves a size open."""
        return any(is_open(value.shape) for value in self.inputs)

    def sized(self, shapes: Sequence[Shape]) -> tuple[Graph, dict[Value, Value]]:
        """
        Return a graph of layers alone for inputs of other sizes, and its values by those of this.

        Parameters
        ----------
        shapes
            Of one sample of each input.

        Raises
        ------
        ValueError
            If a layer cannot be used on inputs of these sizes, or on what comes of them.
        """
        inputs = [
            Value((None, *shape), value.node)
            for value, shape in zip(self.inputs, shapes, strict=True)
        ]
        new = self._copies(inputs)
        outputs = [new[value] for value in self.outputs]
        return Graph(inputs, outputs, [new[value] for value in self.values]), new

    def _copies(self, inputs: Sequence[Value]) -> dict[Value, Value]:
        """Return the values of a graph of layers alone, computed from other inputs."""
        new = dict(zip(self.inputs, inputs, strict=True))
        for value in self.values:
            layer, before = value.node.layer, value.node.inputs
            sources = tuple(new[source] for source in before)
            shape = value.shape
            if any(one.shape != other.shape for one, other in zip(sources, before, strict=True)):
                shape = layer.build_once(*(source.shape for source in sources))
            new[value] = Value(shape, Node(layer, sources))
        return new
