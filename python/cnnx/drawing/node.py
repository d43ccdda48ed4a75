"""What is drawn for one layer: a figure of its output, its size above, and a caption below."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cnnx.drawing.figures import Bar, Figure, Neurons, Scale, Sheets
from cnnx.drawing.svg import LINE_HEIGHT, Point, group, text, text_width
from cnnx.layers.convolution import Conv2D
from cnnx.layers.dense import Dense
from cnnx.layers.layer import Layer
from cnnx.layers.linear import LinearLayer
from cnnx.layers.pooling import PoolingLayer
from cnnx.models.network import Network

_COLOURS = {Conv2D: "#ffd9a0", PoolingLayer: "#f4b3ab", Dense: "#a9d3ee"}
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

    def draw(self, middle: Point, caption: float) -> str:
        """Return the node with its figure around `middle` and its caption from `caption` down."""
        return group("layer", self._elements(middle, caption))

    def _elements(self, middle: Point, caption: float) -> Iterator[str]:
        yield from self.figure.elements(middle)
        if self.size:
            yield text(self.size, middle.x, middle.y - self.figure.height / 2 - _ABOVE)
        baseline = caption + LINE_HEIGHT - 4
        if self.title:
            yield text(self.title, middle.x, baseline, bold=True)
            baseline += LINE_HEIGHT
        for place, line in enumerate(self.lines):
            yield text(line, middle.x, baseline + place * LINE_HEIGHT)


def network_nodes(network: Network, options: Options) -> list[Node]:
    """Return a node for the input of a built network and one for each layer."""
    shapes = [network.input_shape[1:], *(layer.output_shape[1:] for layer in network.layers)]
    scale = Scale(extent for shape in shapes if len(shape) > 1 for extent in shape[:2])
    first = Node(_array(shapes[0], scale, _INPUT), _size(shapes[0], options), "input", ())
    return [first, *(_layer_node(layer, scale, options) for layer in network.layers)]


def _layer_node(layer: Layer, scale: Scale, options: Options) -> Node:
    shape = layer.output_shape[1:]
    title = layer.name if options.names else ""
    return Node(_figure(layer, scale), _size(shape, options), title, tuple(_lines(layer, options)))


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


def _lines(layer: Layer, options: Options) -> Iterator[str]:
    """Yield what the layer does, line by line."""
    yield " ".join([type(layer).__name__, *_measures(layer)])
    details = ", ".join(_details(layer))
    if details:
        yield details
    activation = getattr(getattr(layer, "activation", None), "name", "linear")
    if options.activations and activation != "linear":
        yield activation
    count = layer.count_params()
    if count:
        frozen = "" if layer.trainable else ", frozen"
        yield f"{count:,} parameter{'s' if count > 1 else ''}{frozen}"


def _measures(layer: Layer) -> Iterator[str]:
    """Yield the window of a convolution or pooling, the rate of a dropout."""
    for name in ("kernel_size", "pool_size"):
        if hasattr(layer, name):
            yield _pair(getattr(layer, name))
    if hasattr(layer, "rate"):
        yield f"{layer.rate:g}"


def _pair(pair: Any) -> str:
    return "x".join(map(str, pair))


def _details(layer: Layer) -> Iterator[str]:
    """Yield what is not as usual in the way the windows lie."""
    usual = getattr(layer, "pool_size", (1, 1))
    strides = getattr(layer, "strides", usual)
    if tuple(strides) != tuple(usual):
        yield f"stride {strides[0] if strides[0] == strides[1] else _pair(strides)}"
    dilation = getattr(layer, "dilation_rate", (1, 1))
    if max(dilation) > 1:
        yield f"dilation {dilation[0] if dilation[0] == dilation[1] else _pair(dilation)}"
    groups = getattr(layer, "groups", 1)
    if groups > 1:
        yield f"{groups} groups"
