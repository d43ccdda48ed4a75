"""The layers of a model of ours in the order in which Keras counts them."""

from __future__ import annotations

from typing import Any

from cnnx.graph import Graph
from cnnx.keras_files.fixed import Fixed
from cnnx.keras_files.weights import Slot
from cnnx.layers import Affine
from cnnx.layers.value import Node
from cnnx.registry import MODELS


def slots_of(model: Any) -> list[Slot]:
    """Return the layers of a model, and of those within, as Keras counts those of its twin."""
    sequential = isinstance(model, MODELS["Sequential"])
    layers = model.layers if sequential else _by_depth(model.graph)
    return [_slot(layer) for layer in layers]


def _slot(layer: Any) -> Slot:
    name = type(layer).__name__
    if isinstance(layer, MODELS["Model"]):
        return Slot("Functional" if name == "Model" else name, layer, slots_of(layer))
    if isinstance(layer, Affine) and not layer.trainable:  # as `Conversion` makes it
        return Slot("Normalization", layer, fixed=Fixed())
    return Slot(name, layer)


def _by_depth(graph: Graph) -> list[Any]:
    """
    Return the layers of a graph, those farthest from the outputs first.

    How far a layer is, is the number of uses on the longest way from it to an output. Of layers as
    far as each other, those come first that are met first on the way back from the outputs.
    """
    met: dict[Any, int] = {}
    done: dict[Node, None] = {}
    for output in graph.outputs:
        waiting = [output.node]
        while waiting:
            node = waiting[-1]
            met.setdefault(node.layer, len(met))
            left = next((value.node for value in node.inputs if value.node not in done), None)
            if left is None:
                done.setdefault(waiting.pop())
            else:
                waiting.append(left)
    uses: dict[Node, int] = {}
    depths: dict[Any, int] = {}
    for node in reversed(done):
        depth = max(uses.get(node, 0), depths.get(node.layer, 0))
        depths[node.layer] = depth
        for value in node.inputs:
            uses[value.node] = max(uses.get(value.node, 0), depth + 1)
    for value in graph.inputs:
        depths.setdefault(value.node.layer, 0)
        met.setdefault(value.node.layer, -1)
    return sorted(depths, key=lambda layer: (-depths[layer], met[layer]))
