"""What regularizers add to the loss of a network."""

from __future__ import annotations

from collections.abc import Iterable

from cnnx.graph import Graph
from cnnx.layers.activity_penalty import ActivityPenalty
from cnnx.layers.value import Node, Value
from cnnx.layers.weight import Weight


class Penalties:
    """
    The penalties of weights and outputs.

    Parameters
    ----------
    weights
        Those that learn.
    activities
        The steps that measure outputs.
    """

    def __init__(self, weights: Iterable[Weight], activities: list[ActivityPenalty]) -> None:
        self._weights = [
            (weight, weight.regularizer) for weight in weights if weight.regularizer is not None
        ]
        self._activities = activities

    def __bool__(self) -> bool:
        """Return whether there are any."""
        return bool(self._weights or self._activities)

    def share_rows(self, rows: int) -> None:
        """Say over how many samples, of all ranks, the penalties of outputs are means."""
        for activity in self._activities:
            activity.share_rows(rows)

    def of_outputs(self) -> list[float]:
        """Return the penalties of the outputs of the last batch."""
        return [activity.value for activity in self._activities]

    def of_weights(self) -> list[float]:
        """Return the penalties of the weights as they are."""
        return [regularizer.penalty(weight.value) for weight, regularizer in self._weights]

    def add_gradients(self) -> None:
        """Add the derivatives of the weights' penalties to their gradients."""
        for weight, regularizer in self._weights:
            regularizer.add_gradient(weight.value, weight.gradient)


def penalized(graph: Graph) -> tuple[Graph, list[ActivityPenalty]]:
    """Return a graph in which the outputs that have a regularizer are measured, and by what."""
    if not regularized(graph):
        return graph, []
    new: dict[Value, Value] = {}
    values: list[Value] = []
    activities: list[ActivityPenalty] = []
    for value in graph.values:
        layer = value.node.layer
        sources = tuple(new.get(source, source) for source in value.node.inputs)
        computed = value
        if sources != value.node.inputs:
            computed = Value(value.shape, Node(layer, sources))
        values.append(computed)
        if layer.activity_regularizer is not None:
            activities.append(ActivityPenalty(layer.activity_regularizer))
            activities[-1].build_once(value.shape)
            computed = Value(value.shape, Node(activities[-1], (computed,)))
            values.append(computed)
        new[value] = computed
    outputs = [new.get(output, output) for output in graph.outputs]
    return Graph(graph.inputs, outputs, values), activities


def regularized(graph: Graph) -> int:
    """Return how many outputs of layers have a regularizer."""
    return sum(value.node.layer.activity_regularizer is not None for value in graph.values)
