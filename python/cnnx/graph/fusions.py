"""Which layers run together: the one place that knows."""

from __future__ import annotations

from collections.abc import Collection, Sequence, Set
from dataclasses import replace
from typing import NamedTuple, TypeAlias

from cnnx import _core, activations
from cnnx.arrays import Shape
from cnnx.geometry import is_open
from cnnx.graph.graph import Graph
from cnnx.graph.normalized_convolution import NormalizedConvolutionPass
from cnnx.graph.passes import (
    ConvolutionChain,
    ConvolutionPass,
    NetInput,
    NormalizationPass,
    Pass,
    TransposedPass,
    is_ours,
)
from cnnx.layers.activations import ELU, Activation, LeakyReLU, ReLU
from cnnx.layers.call import Traits
from cnnx.layers.convolution import Conv1D, Conv2D
from cnnx.layers.convolution_layer import ConvolutionLayer
from cnnx.layers.depthwise import DepthwiseConv1D, DepthwiseConv2D
from cnnx.layers.layer import Layer
from cnnx.layers.linear import LinearLayer
from cnnx.layers.merging import Add
from cnnx.layers.normalization import BatchNormalization
from cnnx.layers.pooling import MaxPooling1D, MaxPooling2D
from cnnx.layers.reshaping import Reshape
from cnnx.layers.transposed import Conv1DTranspose, Conv2DTranspose
from cnnx.layers.value import Node, Value

Operation: TypeAlias = Layer | Pass

_CONVOLUTION = (
    ConvolutionPass,
    "addend activation pooling halving",
    "normalization addend activation pooling halving",
)
_TRANSPOSED = (TransposedPass, "addend activation", "addend activation")
TAKES: dict[type[Layer], tuple[type[Pass], str, str]] = {
    Conv1D: _CONVOLUTION,
    Conv1DTranspose: _TRANSPOSED,
    Conv2D: _CONVOLUTION,
    Conv2DTranspose: _TRANSPOSED,
    DepthwiseConv1D: _CONVOLUTION,
    DepthwiseConv2D: _CONVOLUTION,
    BatchNormalization: (
        NormalizationPass,
        "addend activation pooling",
        "addend activation pooling",
    ),
}
"""
For a layer that leads: its pass, and what this takes in turn, in training and in use.

An addend is the other term of an `Add`; what is pooled has none. In training, a normalisation may
also lead a convolution, see `_convolution_of_normalized`.
"""


ACTIVATIONS: tuple[type[Layer], ...] = (Activation, ELU, LeakyReLU, ReLU)
"""Layers that only apply an activation."""


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
            if cls is type(layer) or is_ours(layer):
                return layer.traits
            return replace(layer.traits, adds_gradient=False, accumulates=False, native=False)
        if "forward" in vars(cls) or "backward" in vars(cls):
            break
    return Traits()


Passes: TypeAlias = dict[tuple[Layer, ...], Pass]
"""Passes by their layers."""


def fuse(
    graph: Graph,
    training: bool,
    kept: Collection[Value] = (),
    passes: Passes | None = None,
) -> list[Step]:
    """
    Return the steps that run a graph.

    A layer is taken into the pass before it if it alone reads what that pass computes. A sum is
    taken by the last of its terms: the other is there by then, or is computed first if no pass
    makes it. Subclasses may do as they like: they stay by themselves.

    Parameters
    ----------
    graph
        Of built layers.
    training
        Whether to compute as in `fit`.
    kept
        Values that somebody wants to see, besides the outputs.
    passes
        Those made before for the same layers, which take part again; new ones are added.
    """
    passes = {} if passes is None else passes
    steps: list[Step] = []
    made = set(graph.inputs)
    taken: set[Value] = set()
    for value in graph.values:
        layer, inputs = value.node.layer, value.node.inputs
        if value in taken:
            continue
        if type(layer) in TAKES and _can_lead(layer, training):
            pass_class, in_training, in_use = TAKES[type(layer)]
            kinds = (in_training if training else in_use).split()
            chain = _chain(graph, value, kinds, kept, made, training)
            if awaited := _awaited(graph, chain, kept, made):
                steps += [Step(term.node.layer, term.node.inputs, term) for term in awaited]
                made.update(awaited)
                taken.update(awaited)
                chain = _chain(graph, value, kinds, kept, made, training)
            if training and (reader := _convolution_of_normalized(graph, chain, kept, made)):
                pass_class = NormalizedConvolutionPass
                chain.append(reader)
            taken.update(chain)
            led = tuple(
                item.node.layer for item in chain if not _is_idle(item.node.layer, training)
            )
            if led not in passes:
                passes[led] = pass_class(led)
            steps.append(Step(passes[led], inputs + _addends(chain), chain[-1]))
        else:
            steps.append(Step(layer, inputs, value))
        made.add(steps[-1].output)
    return steps if training else _linked(graph, steps, kept)


def _linked(graph: Graph, steps: Sequence[Step], kept: Collection[Value]) -> list[Step]:
    """Return steps in use, with convolutions together that run in bands of rows."""
    linked: dict[Value, Step] = {}
    for step in steps:
        before = linked.get(step.inputs[0])
        if before and graph.lone_reader(before.output, kept):
            first, then = _passes(before), _passes(step)
            if first and then and _is_chain(before.inputs[0].shape, first + then):
                del linked[before.output]
                inputs = before.inputs + step.inputs[1:]
                step = Step(ConvolutionChain(first + then), inputs, step.output)
        linked[step.output] = step
    return list(linked.values())


def _passes(step: Step) -> list[ConvolutionPass]:
    """Return the convolutions of a step; none if it is anything else."""
    if isinstance(step.operation, ConvolutionChain):
        return step.operation.passes
    return [step.operation] if isinstance(step.operation, ConvolutionPass) else []


def _is_chain(shape: Shape, passes: Sequence[ConvolutionPass]) -> bool:
    """Return whether a depthwise convolution and 1x1 ones beside it gain by running together."""
    depthwise = [type(item.convolution) is DepthwiseConv2D for item in passes]
    if sum(depthwise) != 1 or any(item.pools for item in passes):
        return False
    if any(item.adds for item in passes[:-1]) or depthwise[-2] == depthwise[-1]:
        return False
    if is_open(shape):
        return False
    for item in passes:
        layer = item.convolution
        made = layer.compute_output_shape(shape)
        kernel = layer.taps(layer.kernel.value).shape
        if not _core.conv2d_is_link(shape[1:], kernel, made[1:3], *layer.windows(shape)):
            return False
        shape = made
    return True


def _can_lead(layer: Layer, training: bool) -> bool:
    if isinstance(layer, ConvolutionLayer):
        return layer.fuses and _fuses(layer.activation, training)
    if isinstance(layer, BatchNormalization) and training:
        return layer.trainable and not layer.joins  # these are other operations
    return True


def _fuses(function: activations.Activation, training: bool) -> bool:
    """Return whether a pass can apply an activation: on the way back it has the output alone."""
    return function.core is not None and not (training and function.of_input)


def _addends(chain: Sequence[Value]) -> tuple[Value, ...]:
    """Return what layers of a chain read besides what the one before computes."""
    sources = [source for value in chain[1:] for source in value.node.inputs]
    return tuple(source for source in sources if source not in chain)


def _chain(
    graph: Graph,
    leader: Value,
    kinds: list[str],
    kept: Collection[Value],
    made: Set[Value],
    training: bool,
) -> list[Value]:
    """Return what the leading layer computes, and what its pass computes after it."""
    chain = [leader]
    if _activation(leader.node.layer) is not activations.linear:
        kinds = kinds[kinds.index("activation") + 1 :]
    while kinds and _activation(chain[-1].node.layer).increasing:
        reader = graph.lone_reader(chain[-1], kept)
        if reader is not None and _is_idle(reader.node.layer, training):
            chain.append(reader)
            continue
        kind = None if reader is None else _kind(reader, made, training)
        if reader is None or kind not in kinds:
            break
        kinds = kinds[kinds.index(kind) + 1 :]
        if kind == "addend":
            kinds = [later for later in kinds if later == "activation"]
        chain.append(reader)
    return chain


def _awaited(
    graph: Graph, chain: Sequence[Value], kept: Collection[Value], made: Set[Value]
) -> list[Value]:
    """Return what to compute first so that a chain can take the sum that reads it, in order."""
    reader = graph.lone_reader(chain[-1], kept)
    if reader is None or _kind(reader, {chain[-1]}, training=True) != "addend":
        return []
    awaited: set[Value] = set()
    waiting = [term for term in reader.node.inputs if term not in made and term is not chain[-1]]
    while waiting:
        value = waiting.pop()
        layer = value.node.layer
        if value in chain or type(layer) in TAKES or not is_ours(layer):
            return []
        awaited.add(value)
        waiting += [source for source in value.node.inputs if source not in made | awaited]
    return [value for value in graph.values if value in awaited] if awaited else []


def _convolution_of_normalized(
    graph: Graph, chain: Sequence[Value], kept: Collection[Value], made: Set[Value]
) -> Value | None:
    """Return what reads a normalisation's pass alone, if it is a convolution that can make that."""
    reader = graph.lone_reader(chain[-1], kept)
    if reader is None or type(reader.node.layer) not in (Conv2D, DepthwiseConv2D):
        return None
    layer, shape = reader.node.layer, chain[-1].shape
    assert isinstance(layer, ConvolutionLayer)
    kinds = TAKES[type(layer)][1].split()
    if (
        type(chain[0].node.layer) is not BatchNormalization
        or any(type(value.node.layer) in (Add, MaxPooling2D) for value in chain)
        or _activation(chain[-1].node.layer).core not in ("linear", "relu", "relu6")
        or _chain(graph, reader, kinds, kept, made, True) != [reader]
        or _activation(layer) is not activations.linear
        or is_open(shape)
    ):
        return None
    taps = layer.taps(layer.kernel.value).shape
    windows, size = layer.windows(shape), reader.shape[1:3]
    return reader if _core.conv2d_reads_normalized(shape[1:], taps, size, *windows) else None


def _is_idle(layer: Layer, training: bool) -> bool:
    """Return whether a layer hands on its input as it is, such as a dropout in use."""
    return not training and _traits(layer).identity_in_use


def _activation(layer: Layer) -> activations.Activation:
    """Return the activation that a layer applies; linear if it applies none."""
    function: activations.Activation = getattr(layer, "activation", activations.linear)
    return function


def _kind(value: Value, made: Set[Value], training: bool) -> str | None:
    """Return what the layer that computes a value is to the pass before it."""
    layer = value.node.layer
    if type(layer) in ACTIVATIONS:
        return "activation" if _fuses(_activation(layer), training) else None
    if type(layer) is BatchNormalization:
        return "normalization"
    if type(layer) is Add and _has_addend(value, made):
        return "addend"
    if type(layer) is MaxPooling2D and layer.halves(value.node.inputs[0].shape):
        return "pooling"
    if type(layer) is MaxPooling1D and layer.halves(value.node.inputs[0].shape):
        return "halving"
    return None


def _has_addend(value: Value, made: Set[Value]) -> bool:
    """Return whether a sum has two terms of one shape, and one of them is there already."""
    terms = value.node.inputs
    return [term.shape for term in terms] == [value.shape] * 2 and not made.isdisjoint(terms)


def net_input(graph: Graph, output: Value, function: str | None = None) -> Graph | None:
    """
    Return a graph whose output ends before its activation; None if it ends in no such activation.

    Layers that only give the output another shape may follow the activation.

    Parameters
    ----------
    graph
        Of layers alone.
    output
        One of its outputs.
    function
        Name that the activation must have; by default any.
    """
    shaping: list[Value] = []
    last = output
    while last in graph.values and _only_shapes(last, function):
        shaping.insert(0, last)
        last = last.node.inputs[0]
    if last not in graph.values or not _ends_in(last.node.layer, function):
        return None
    gone = [last, *shaping]
    if any(graph.lone_reader(item) is None for item in gone[:-1]) or graph.readers(output):
        return None  # somebody else reads what the activation computes
    values = [item for item in graph.values if item not in gone]
    value = last.node.inputs[0]
    if isinstance(last.node.layer, LinearLayer):
        value = Value(last.shape, Node(NetInput(last.node.layer), last.node.inputs))
        values.append(value)
    for item in shaping:
        value = Value(item.shape, Node(item.node.layer, (value,)))
        values.append(value)
    outputs = [value if item is output else item for item in graph.outputs]
    return Graph(graph.inputs, outputs, values)


def _only_shapes(value: Value, function: str | None) -> bool:
    """Return whether a layer gives its input another shape, and leaves rows of a softmax whole."""
    layer = value.node.layer
    if not isinstance(layer, Reshape) or not _traits(layer).view:
        return False
    return function == "sigmoid" or value.node.inputs[0].shape[-1] == value.shape[-1]


def _ends_in(layer: Layer, function: str | None) -> bool:
    """Return whether a layer ends in an activation that can be left out."""
    for cls in (LinearLayer, Activation):
        if isinstance(layer, cls):
            plain = type(layer).forward is cls.forward and type(layer).backward is cls.backward
            wanted = layer.activation if function is None else activations.get(function)
            return plain and layer.activation is wanted
    return False
