"""What is drawn for one layer: a figure of its output, its size above, and a caption below."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cnnx.drawing.caption import caption
from cnnx.drawing.figures import Bar, Figure, Neurons, Scale, Sheets
from cnnx.drawing.svg import LINE_HEIGHT, Point, group, text, text_width
from cnnx.layers.convolution_layer import ConvolutionLayer
from cnnx.layers.dense import Dense
from cnnx.layers.layer import Layer
from cnnx.layers.linear import LinearLayer
from cnnx.layers.pooling import PoolingLayer
from cnnx.models.model import Model

_COLOURS = {ConvolutionLayer: "#ffd9a0", PoolingLayer: "#f4b3ab", Dense: "#a9d3ee"}
_INPUT, _STEP, _OTHER = "#f2f2f2", "#c9e4c5", "#e6def2"
_ABOVE = 6.0  # from a figure to the size above it


@dataclass(frozen=True)
class Options:
    """What is written at a layer besides its operation."""

    shapes: bool
    names: bool
    activations: bool


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


def network_nodes(network: Model, options: Options) -> list[Node]:
    """Return a node for the input of a built network and one for each layer."""
    values = network.flat_graph.values
    shapes = [network.input_shape[1:], *(value.shape[1:] for value in values)]
    scale = Scale(extent for shape in shapes if len(shape) > 1 for extent in shape[:2])
    first = Node(_array(shapes[0], scale, _INPUT), _size(shapes[0], options), "input", ())
    return [
        first,
        *(_layer_node(value.node.layer, scale, options) for value in network.flat_graph.values),
    ]


def _layer_node(layer: Layer, scale: Scale, options: Options) -> Node:
    size = _size(layer.output_shape[1:], options)
    lines = tuple(caption(layer, options.activations))
    return Node(_figure(layer, scale), size, layer.name if options.names else "", lines)


def _figure(layer: Layer, scale: Scale) -> Figure:
    keeps = layer.output_shape == layer.input_shape
    if keeps and not isinstance(layer, (LinearLayer, PoolingLayer)):
        return Bar(_STEP)
    colours = (colour for kind, colour in _COLOURS.items() if isinstance(layer, kind))
    return _array(layer.output_shape[1:], scale, next(colours, _OTHER))


def _array(shape: Sequence[int], scale: Scale, fill: str) -> Figure:
    if len(shape) < 2:
        return Neurons(math.prod(shape), fill)
    return Sheets(scale(shape[0]), scale(shape[1]), math.prod(shape[2:]), fill)


def _size(shape: Sequence[int], options: Options) -> str:
    return (" x ".join(map(str, shape)) or "1") if options.shapes else ""
