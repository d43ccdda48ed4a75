"""The structure of a model as plain numbers, and models made from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cnnx.graph import Graph
from cnnx.layers.input_layer import InputLayer
from cnnx.layers.value import Node, Value

Structure = dict[str, Any]
"""
"nodes": a list [layer, values] for each use of a layer, in running order: the layer's number, and
the numbers of the values that it reads; "inputs" and "outputs": numbers of values. The output of
the use with number n is value [n, 0]; a model used as a layer may have further ones.
"""


def structure_of(graph: Graph) -> tuple[list[Any], Structure]:
    """Return the layers of a graph, those of its inputs first, and how they are used."""
    layers: dict[Any, int] = {}
    numbers: dict[Node, int] = {}
    nodes: list[list[Any]] = []
    for value in (*graph.inputs, *graph.values):
        node = value.node
        if node in numbers:
            continue
        layer = layers.setdefault(node.layer, len(layers))
        sources = [_place(source, numbers) for source in node.inputs]
        numbers[node] = len(nodes)
        nodes.append([layer, sources])
    return list(layers), {
        "nodes": nodes,
        "inputs": [_place(value, numbers) for value in graph.inputs],
        "outputs": [_place(value, numbers) for value in graph.outputs],
    }


def _place(value: Value, numbers: dict[Node, int]) -> list[int]:
    return [numbers[value.node], value.index]


def assemble(
    layers: Sequence[Any],
    structure: Structure,
    use: Callable[[Any, Any], Any] = lambda layer, given: layer(given),
) -> tuple[list[Value], list[Value]]:
    """
    Use layers as a structure says; return inputs and outputs.

    A value of `cnnx.Input` among the layers stands for itself; `use` calls any other layer on a
    value, or on a list of several.

    Raises
    ------
    ValueError
        If a use reads what is not computed before it.
    """
    made: list[list[Value]] = []

    def find(place: tuple[int, int]) -> Value:
        number, index = place
        if not (0 <= number < len(made) and 0 <= index < len(made[number])):
            raise ValueError(f"a use of a layer reads {place!r}, which is not computed before it")
        return made[number][index]

    for number, sources in structure["nodes"]:
        if not 0 <= number < len(layers):
            raise ValueError(f"there is no layer {number!r}")
        layer = layers[number]
        if isinstance(layer, (InputLayer, Value)):
            made.append([layer.value() if isinstance(layer, InputLayer) else layer])
            continue
        values = [find(place) for place in sources]
        found = use(layer, values[0] if len(values) == 1 else values)
        made.append(found if isinstance(found, list) else [found])
    return (
        [find(place) for place in structure["inputs"]],
        [find(place) for place in structure["outputs"]],
    )
