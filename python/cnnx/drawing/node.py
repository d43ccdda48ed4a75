"""What is drawn for one layer: a figure of its output, its size above, and a caption below."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cnnx.arrays import Shape
from cnnx.drawing.caption import caption
from cnnx.drawing.figures import Bar, Figure, Junction, Neurons, Scale, Sheets
from cnnx.drawing.svg import LINE_HEIGHT, Point, group, text, text_width
from cnnx.graph import Graph
from cnnx.layers.convolution_layer import ConvolutionLayer
from cnnx.layers.dense import Dense
from cnnx.layers.layer import Layer
from cnnx.layers.linear import LinearLayer
from cnnx.layers.merging import Add, Average, Maximum, Minimum, Multiply, Subtract
from cnnx.layers.pooling import PoolingLayer
from cnnx.layers.value import Value
from cnnx.models.layer_range import layers_between
from cnnx.models.model import Model

_COLOURS = {ConvolutionLayer: "#ffd9a0", PoolingLayer: "#f4b3ab", Dense: "#a9d3ee"}
_SIGNS: dict[type[Layer], str] = {
    Add: "+",
    Subtract: "\N{MINUS SIGN}",
    Multiply: "\N{MULTIPLICATION SIGN}",
    Average: "avg",
    Maximum: "max",
    Minimum: "min",
}
_INPUT, _STEP, _OTHER = "#f2f2f2", "#c9e4c5", "#e6def2"
_EXAMPLES = (256, 224, 1024, 64)
"""Sizes that may stand for one that is left open."""
_ABOVE = 6.0  # from a figure to the size above it


@dataclass(frozen=True)
class Options:
    """What is written at a layer besides its operation."""

    shapes: bool = True
    dtype: bool = False
    names: bool = True
    activations: bool = True
    trainable: bool = False


@dataclass(frozen=True)
class Node:
    """
    A figure with text above and below, around a middle line that arrows run on.

    Attributes
    ----------
    figure
        Centred on the middle line.
    size
        Written above the figure; may be empty.
    title
        First line of the caption, in bold; may be empty.
    lines
        The rest of the caption.
    """

    figure: Figure
    size: str
    title: str
    lines: tuple[str, ...]

    @property
    def width(self) -> float:
        """Pixels across, of the figure or the widest text."""
        bold = 1.1 * text_width(self.title)
        return max(self.figure.width, bold, *map(text_width, (self.size, *self.lines)))

    @property
    def rise(self) -> float:
        """Pixels above the middle line."""
        return self.figure.height / 2 + (_ABOVE + LINE_HEIGHT if self.size else 0)

    @property
    def caption_height(self) -> float:
        """Pixels of the caption."""
        return LINE_HEIGHT * (bool(self.title) + len(self.lines))

    def draw(self, middle: Point, top: float) -> str:
        """Return the node with its figure around `middle` and its caption from `top` down."""
        return group("layer", self._elements(middle, top))

    def _elements(self, middle: Point, top: float) -> Iterator[str]:
        yield from self.figure.elements(middle)
        if self.size:
            yield text(self.size, middle.x, middle.y - self.figure.height / 2 - _ABOVE)
        baseline = top + LINE_HEIGHT - 4
        if self.title:
            yield text(self.title, middle.x, baseline, bold=True)
            baseline += LINE_HEIGHT
        for place, line in enumerate(self.lines):
            yield text(line, middle.x, baseline + place * LINE_HEIGHT)


def network_nodes(
    network: Model, options: Options, nested: bool = True, layer_range: Sequence[str] | None = None
) -> tuple[list[Node], list[tuple[int, int]]]:
    """
    Return a node for each input and each use of a layer, and which of them reads which.

    Parameters
    ----------
    network
        Built.
    options
        What is written at a layer.
    nested
        Whether models used as layers are drawn layer by layer.
    layer_range
        Between which layers: as for `plot_model`.
    """
    graph = network.flat_graph if nested else network.graph
    uses = {value.node: value for value in reversed([*graph.inputs, *graph.values])}
    within = layers_between([use.layer for use in reversed(uses)], layer_range, "plot_model")
    shown = [value for use, value in reversed(uses.items()) if use.layer in within]
    numbers = {value.node: number for number, value in enumerate(shown)}
    shapes = _drawn_shapes(graph)
    sizes = [shapes[value] for value in shown]
    scale = Scale(extent for shape in sizes if len(shape) > 1 for extent in shape[:2])
    alone = len(graph.inputs) == 1
    nodes = [
        _input_node(value, shapes, scale, options, alone)
        if value in graph.inputs
        else _layer_node(value, shapes, scale, options)
        for value in shown
    ]
    edges = {
        (numbers[source.node], numbers[value.node]): None
        for value in shown
        for source in value.node.inputs
        if source.node in numbers
    }
    return nodes, list(edges)


def _input_node(
    value: Value, shapes: Mapping[Value, Shape], scale: Scale, options: Options, alone: bool
) -> Node:
    return Node(
        _array(shapes[value], scale, _INPUT),
        _size(value.shape[1:], options),
        "input" if alone else value.name,
        () if alone else ("input",),
    )


def _drawn_shapes(graph: Graph) -> dict[Value, Shape]:
    """Return the shape in which samples of each value are drawn; sizes left open get examples."""
    values = [*graph.inputs, *graph.values]
    if not graph.is_open:
        return {value: value.shape[1:] for value in values}
    of_layers = not any(isinstance(value.node.layer, Model) for value in values)
    for example in _EXAMPLES if of_layers else ():
        try:
            _, sized = graph.sized(
                [
                    tuple(example if extent is None else extent for extent in value.shape[1:])
                    for value in graph.inputs
                ]
            )
        except ValueError:  # a layer cannot be used on it
            continue
        return {value: sized[value].shape[1:] for value in values}
    return {value: tuple(extent or 1 for extent in value.shape[1:]) for value in values}


def _layer_node(
    value: Value, shapes: Mapping[Value, Shape], scale: Scale, options: Options
) -> Node:
    layer = value.node.layer
    lines = tuple(caption(layer, options.activations))
    if options.trainable and layer.weights:
        lines += ("trainable" if layer.trainable_weights else "not trainable",)
    title = layer.name if options.names else ""
    return Node(_figure(value, shapes, scale), _size(value.shape[1:], options), title, lines)


def _figure(value: Value, shapes: Mapping[Value, Shape], scale: Scale) -> Figure:
    layer = value.node.layer
    if type(layer) in _SIGNS:
        return Junction(_SIGNS[type(layer)], _STEP)
    keeps = shapes[value] == shapes[value.node.inputs[0]]
    if keeps and not isinstance(layer, (LinearLayer, PoolingLayer)):
        return Bar(_STEP)
    colours = (colour for kind, colour in _COLOURS.items() if isinstance(layer, kind))
    return _array(shapes[value], scale, next(colours, _OTHER))


def _array(shape: Sequence[int], scale: Scale, fill: str) -> Figure:
    if len(shape) < 2:
        return Neurons(math.prod(shape), fill)
    return Sheets(scale(shape[0]), scale(shape[1]), math.prod(shape[2:]), fill)


def _size(shape: Sequence[int | None], options: Options) -> str:
    extents = ["?" if extent is None else str(extent) for extent in shape]
    size = (" x ".join(extents) or "1") if options.shapes else ""
    return f"{size} float32".lstrip() if options.dtype else size
