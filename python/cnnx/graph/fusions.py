"""Which layers run together: the one place that knows."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple, TypeAlias

from cnnx import activations
from cnnx.graph.graph import Graph
from cnnx.graph.passes import ConvolutionPass, NetInput, NormalizationPass, Pass
from cnnx.layers.activations import Activation, ReLU
from cnnx.layers.call import Traits
from cnnx.layers.convolution import Conv1D, Conv2D
from cnnx.layers.convolution_layer import GroupedConvolution
from cnnx.layers.depthwise import DepthwiseConv1D, DepthwiseConv2D
from cnnx.layers.layer import Layer
from cnnx.layers.linear import LinearLayer
from cnnx.layers.normalization import BatchNormalization
from cnnx.layers.pooling import MaxPooling2D
from cnnx.layers.reshaping import Reshape
from cnnx.layers.value import Node, Value

Operation: TypeAlias = Layer | Pass

_CONVOLUTION = (ConvolutionPass, "activation pooling", "normalization activation pooling")
TAKES: dict[type[Layer], tuple[type[Pass], str, str]] = {
    Conv1D: _CONVOLUTION,
    Conv2D: _CONVOLUTION,
    DepthwiseConv1D: _CONVOLUTION,
    DepthwiseConv2D: _CONVOLUTION,
    BatchNormalization: (NormalizationPass, "activation pooling", "activation pooling"),
}
"""For a layer that leads: its pass, and what this takes in turn, in training and in use."""


class Step(NamedTuple):
    """An operation of a plan, with what it reads and computes."""

    operation: Operation
    inputs: tuple[Value, ...]
    output: Value

    @property
    def traits(self) -> Traits:
        """What the plan of the memory has to know."""
        if isinstance(self.operation, Pass):
            return self.operation.traits
        return _traits(self.operation)


def _traits(layer: Layer) -> Traits:
    """Return what a layer says of itself, unless a subclass computes something else."""
    for cls in type(layer).__mro__:
        if "traits" in vars(cls):
            return layer.traits
        if "forward" in vars(cls) or "backward" in vars(cls):
            break
    return Traits()


def fuse(graph: Graph, training: bool, kept: Collection[Value] = ()) -> list[Step]:
    """
    Return the steps that run a graph.

    A layer is taken into the pass before it if that pass alone reads what it computes. Subclasses
    may do as they like: they stay by themselves.

    Parameters
    ----------
    graph
        Of built layers.
    training
        Whether to compute as in `fit`.
    kept
        Values that somebody wants to see, besides the outputs.
    """
    steps: list[Step] = []
    taken: set[Node] = set()
    for node in graph.nodes:
        if node in taken:
            continue
        if type(node.layer) not in TAKES or not _can_lead(node.layer, training):
            steps.append(Step(node.layer, node.inputs, node.output))
            continue
        pass_class, in_training, in_use = TAKES[type(node.layer)]
        chain = _chain(graph, node, (in_training if training else in_use).split(), kept)
        taken.update(chain)
        operation = pass_class([item.layer for item in chain])
        steps.append(Step(operation, node.inputs, chain[-1].output))
    return steps


def _can_lead(layer: Layer, training: bool) -> bool:
    if isinstance(layer, GroupedConvolution):
        return layer.fuses and layer.activation.elementwise
    return layer.trainable or not training  # a frozen normalisation is another operation


def _chain(graph: Graph, leader: Node, kinds: list[str], kept: Collection[Value]) -> list[Node]:
    """Return the leader, and the uses after it that its pass takes."""
    chain = [leader]
    if getattr(leader.layer, "activation", activations.linear) is not activations.linear:
        kinds = ["pooling"]  # which comes before the activation, too
    while kinds:
        reader = graph.lone_reader(chain[-1].output, kept)
        kind = None if reader is None else _kind(reader.layer)
        if reader is None or kind not in kinds:
            break
        kinds = kinds[kinds.index(kind) + 1 :]
        chain.append(reader)
    return chain


def _kind(layer: Layer) -> str | None:
    """Return what a layer is to the pass before it."""
    if type(layer) in (Activation, ReLU):
        assert isinstance(layer, Activation)
        return "activation" if layer.activation.elementwise else None
    if type(layer) is BatchNormalization:
        return "normalization"
    return "pooling" if type(layer) is MaxPooling2D and layer.halves else None


def net_input(graph: Graph, function: str | None = None) -> Graph | None:
    """
    Return a graph that ends before its last activation; None if it ends in no such activation.

    Layers that only give the output another shape may follow the activation.

    Parameters
    ----------
    graph
        With one output.
    function
        Name that the activation must have; by default any.
    """
    shaping: list[Node] = []
    node = graph.outputs[0].node
    while node is not None and _only_shapes(node, function):
        shaping.insert(0, node)
        node = node.inputs[0].node
    if node is None or not _ends_in(node.layer, function):
        return None
    if any(len(graph.readers(item.output)) > 1 for item in [node, *shaping]):
        return None
    gone = {node, *shaping}
    nodes = [item for item in graph.nodes if item not in gone]
    value = node.inputs[0]
    if isinstance(node.layer, LinearLayer):
        nodes.append(Node(NetInput(node.layer), node.inputs, node.output.shape))
        value = nodes[-1].output
    for item in shaping:
        nodes.append(Node(item.layer, (value,), item.output.shape))
        value = nodes[-1].output
    return Graph(graph.inputs, [value], nodes)


def _only_shapes(node: Node, function: str | None) -> bool:
    """Return whether a use gives its input another shape, and leaves rows of a softmax whole."""
    if not isinstance(node.layer, Reshape) or not _traits(node.layer).view:
        return False
    return function == "sigmoid" or node.inputs[0].shape[-1] == node.output.shape[-1]


def _ends_in(layer: Layer, function: str | None) -> bool:
    """Return whether a layer ends in an activation that can be left out."""
    for cls in (LinearLayer, Activation):
        if isinstance(layer, cls):
            plain = type(layer).forward is cls.forward and type(layer).backward is cls.backward
            return plain and function in (None, layer.activation.name)
    return False
