"""How PyTorch orders the elements of flattened images: channel after channel."""

from __future__ import annotations

import numpy as np

from cnnx.arrays import Label, Shape
from cnnx.geometry import is_open
from cnnx.graph.graph import Graph
from cnnx.graph.layout import with_channels_last
from cnnx.layers import Concatenate, Dense, Flatten, Permute, Reshape
from cnnx.layers.layer import Layer
from cnnx.layers.value import Value

__all__ = ["FlatOrders"]


class FlatOrders:
    """
    The layers of a network that see flattened images, or make what becomes images.

    Attributes
    ----------
    inputs, outputs
        For such a layer, the place in PyTorch of each element of its input, or of its output.
    """

    def __init__(self, graph: Graph) -> None:
        self.inputs: dict[Layer, Label] = {}
        self.outputs: dict[Layer, Label] = {}
        graph = with_channels_last(graph.flat())
        self._follow(graph)
        self._trace_back(graph)

    def _follow(self, graph: Graph) -> None:
        orders: dict[Value, Label] = {}
        for value in graph.values:
            layer, sources = value.node.layer, value.node.inputs
            if len(value.shape) != 2 or is_open(value.shape):  # no weights lie along open rows
                continue
            if isinstance(layer, (Flatten, Reshape)) and len(sources[0].shape) > 2:
                if _moves(sources[0], first=True):
                    continue  # the channels are first, as in PyTorch
                orders[value] = _channels_first(sources[0].shape[1:], layer.order)
            elif isinstance(layer, Concatenate):
                orders[value] = _joined([(s.shape[1], orders.get(s)) for s in sources])
            elif sources and sources[0] in orders:
                self.inputs[layer] = orders[sources[0]]
                if not isinstance(layer, Dense):
                    orders[value] = orders[sources[0]]

    def _trace_back(self, graph: Graph) -> None:
        orders: dict[Value, Label] = {}
        for value in reversed(graph.values):
            layer, sources = value.node.layer, value.node.inputs
            if is_open(value.shape):
                continue
            if isinstance(layer, Reshape) and len(value.shape) > 2 and len(sources[0].shape) == 2:
                readers = graph.readers(value)
                if readers and all(_moves(reader, first=False) for reader in readers):
                    continue
                orders[sources[0]] = _channels_first(value.shape[1:], layer.order)
            elif value in orders:
                self.outputs[layer] = orders[value]
                if not isinstance(layer, Dense):
                    orders.update((source, orders[value]) for source in sources)


def _moves(value: Value, first: bool) -> bool:
    """Return whether a value is computed by moving the channels first, or last."""
    layer, rank = value.node.layer, len(value.shape)
    dims = (rank - 1, *range(1, rank - 1)) if first else (*range(2, rank), 1)
    return isinstance(layer, Permute) and layer.dims == dims


def _channels_first(shape: Shape, order: str) -> Label:
    """Return where PyTorch has what we have at 0, 1, 2, ... of a flattened sample."""
    places = np.arange(np.prod(shape)).reshape(shape[-1], *shape[:-1])
    return np.moveaxis(places, 0, -1).ravel("F" if order == "F" else "C")


def _joined(parts: list[tuple[int, Label | None]]) -> Label:
    starts = np.cumsum([0, *(size for size, _ in parts)])
    return np.concatenate(
        [
            start + (np.arange(size) if order is None else order)
            for start, (size, order) in zip(starts, parts, strict=False)
        ]
    )
