"""Networks with their channels first, written down for layers that compute with channels last."""

from __future__ import annotations

from collections.abc import Collection

from cnnx.graph.graph import Graph
from cnnx.graph.passes import is_ours
from cnnx.layers.activations import Activation
from cnnx.layers.activity_penalty import ActivityRegularization
from cnnx.layers.dropout import Dropout, GaussianDropout, GaussianNoise
from cnnx.layers.layer import Layer
from cnnx.layers.layout import channels_last
from cnnx.layers.merging import Average, Concatenate, Divide, Maximum, Minimum, Multiply, Sum
from cnnx.layers.reshaping import Identity, Permute
from cnnx.layers.value import Node, Value

_ELEMENTWISE = (
    Activation,
    ActivityRegularization,
    Average,
    Divide,
    Dropout,
    GaussianDropout,
    GaussianNoise,
    Identity,
    Maximum,
    Minimum,
    Multiply,
    Sum,
)
"""Layers that compute the same in both layouts, if nothing is repeated along an axis."""


def with_channels_last(graph: Graph) -> Graph:
    """
    Return a graph that computes the same, and in which no layer takes its channels first.

    Values move their channels where such a layer reads one with the channels first, or another
    layer one that is there with the channels last alone: between neighbours, and layers that work
    element by element, nothing is moved.

    Parameters
    ----------
    graph
        Of layers alone.
    """
    if not any(_is_first(value) for value in graph.values):
        return graph
    turning = _Turning()
    for value in graph.values:
        turning.add(value)
    return Graph(graph.inputs, [turning.first(item) for item in graph.outputs], turning.values)


def channel_move(value: Value, own: Collection[Layer]) -> Permute | None:
    """
    Return the layer of a value that `with_channels_last` wrote down to move channels, or None.

    Parameters
    ----------
    value
        Of the graph that it returned.
    own
        The layers of the network that it was given.
    """
    layer = value.node.layer
    return layer if isinstance(layer, Permute) and layer not in own else None


def _is_first(value: Value) -> bool:
    layer, sources = value.node.layer, value.node.inputs
    return bool(sources) and layer.puts_channels_first(sources[0].shape)


class _Turning:
    """
    Writes a graph down again.

    Attributes
    ----------
    values
        Of the new graph.
    """

    def __init__(self) -> None:
        self.values: list[Value] = []
        self._first: dict[Value, Value] = {}
        self._last: dict[Value, Value] = {}

    def first(self, value: Value) -> Value:
        """Return what stands for a value, with its axes as they were written down."""
        if value not in self._first and value in self._last:
            rank = len(value.shape)
            self._first[value] = self._moved(
                self._last[value], "first", (rank - 1, *range(1, rank - 1)), value.shape
            )
        return self._first.get(value, value)

    def last(self, value: Value) -> Value:
        """Return what stands for a value that was written down with its channels first."""
        if value not in self._last:
            dims = (*range(2, len(value.shape)), 1)
            self._last[value] = self._moved(
                self.first(value), "last", dims, channels_last(value.shape)
            )
        return self._last[value]

    def add(self, value: Value) -> None:
        """Write down what computes a value."""
        layer, sources = value.node.layer, value.node.inputs
        if _is_first(value):
            layer.build_once(sources[0].shape)
            made = self._computed(value, layer.channels_last_form, (self.last(sources[0]),))
            if len(value.shape) == len(sources[0].shape):
                self._last[value] = made
            else:
                self._first[value] = made
        elif self._last.keys() & set(sources) and (turned := _turned(layer, value)) is not None:
            self._last[value] = self._computed(value, turned, tuple(map(self.last, sources)))
        else:
            inputs = tuple(map(self.first, sources))
            if inputs != sources:
                self._first[value] = Value(value.shape, Node(layer, inputs))
            self.values.append(self._first.get(value, value))

    def _computed(self, value: Value, layer: Layer, sources: tuple[Value, ...]) -> Value:
        turns = len(value.shape) == len(sources[0].shape)
        shape = channels_last(value.shape) if turns else value.shape
        made = Value(shape, Node(layer, sources))
        self.values.append(made)
        return made

    def _moved(
        self, value: Value, to: str, dims: tuple[int, ...], shape: tuple[int | None, ...]
    ) -> Value:
        layer = Permute(dims, name=f"{value.name}_channels_{to}")
        layer.build_once(value.shape)
        made = Value(shape, Node(layer, (value,)))
        self.values.append(made)
        return made


def _turned(layer: Layer, value: Value) -> Layer | None:
    """Return the layer that computes a value with channels last; None if none here does."""
    shapes = [source.shape for source in value.node.inputs]
    if len(value.shape) < 3 or any(len(shape) != len(value.shape) for shape in shapes):
        return None
    if type(layer) is Concatenate:
        is_of_channels = layer.axis in (1, 1 - len(value.shape))
        return layer.with_settings(axis=-1) if is_of_channels else None
    if not (is_ours(layer) and isinstance(layer, _ELEMENTWISE)):
        return None
    if any(shape != value.shape for shape in shapes) or getattr(layer, "noise_shape", None):
        return None
    if isinstance(layer, Activation) and not layer.activation.elementwise:
        return None
    return layer
