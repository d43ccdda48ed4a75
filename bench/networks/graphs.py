"""Networks of today's kinds, in the forms of their papers; `conv1d` is a chain, of sequences."""

from collections.abc import Sequence
from typing import TypeAlias

from bench.networks.description import (
    Activation,
    Add,
    BatchNorm,
    Concatenate,
    Convolution,
    Dense,
    GlobalAverage,
    Layer,
    MaxPooling,
    Network,
    Nodes,
    Subsampling,
    TransposedConvolution,
    chain,
)

Layers: TypeAlias = Sequence[Layer]

_LABELS = "sparse_categorical_crossentropy"


def _convolution(
    filters: int,
    kernel_size: int,
    strides: int = 1,
    groups: int = 1,
    activation: str | None = None,
) -> list[Layer]:
    """Return a convolution without bias, a batch norm, and an activation."""
    layers: list[Layer] = [
        Convolution(filters, kernel_size, "same", None, strides, groups, use_bias=False),
        BatchNorm(),
    ]
    return layers if activation is None else [*layers, Activation(activation)]


def _classifier(classes: int) -> list[Layer]:
    return [GlobalAverage(), Dense(classes, "softmax")]


def _residual_block(nodes: Nodes, x: int, branch: Layers, shortcut: Layers) -> int:
    """Add a branch of x to x, or to the end of another branch, and apply ReLU."""
    return nodes.add([Add(), Activation("relu")], nodes.add(branch, x), nodes.add(shortcut, x))


def _basic(filters: int, strides: int) -> list[Layer]:
    """Return the branch of two 3x3 convolutions."""
    return [*_convolution(filters, 3, strides, 1, "relu"), *_convolution(filters, 3)]


def _bottleneck(filters: int, strides: int) -> list[Layer]:
    """Return the branch of 1x1, 3x3 and 1x1; the 3x3 carries the stride."""
    return [
        *_convolution(filters, 1, 1, 1, "relu"),
        *_convolution(filters, 3, strides, 1, "relu"),
        *_convolution(4 * filters, 1),
    ]


def _cifar_resnet(blocks: int) -> Nodes:
    """Return three groups of 16, 32 and 64 filters, with shortcuts without weights."""
    nodes = Nodes()
    x = nodes.add(_convolution(16, 3, 1, 1, "relu"), 0)
    for filters in (16, 32, 64):
        for index in range(blocks):
            shrinks = filters > 16 and index == 0
            shortcut = [Subsampling(filters)] if shrinks else []
            x = _residual_block(nodes, x, _basic(filters, 2 if shrinks else 1), shortcut)
    nodes.add(_classifier(10), x)
    return nodes


def _resnet(blocks: tuple[int, ...], deep: bool) -> Nodes:
    """Return four groups of 64 to 512 filters; a 1x1 convolution where the shape changes."""
    nodes = Nodes()
    x = nodes.add([*_convolution(64, 7, 2, 1, "relu"), MaxPooling(3, 2, 1)], 0)
    channels = 64
    for group, count in enumerate(blocks):
        filters, strides = 64 << group, 2 if group else 1
        for _ in range(count):
            branch = _bottleneck(filters, strides) if deep else _basic(filters, strides)
            made = 4 * filters if deep else filters
            shortcut = [] if made == channels else _convolution(made, 1, strides)
            x = _residual_block(nodes, x, branch, shortcut)
            channels, strides = made, 1
    nodes.add(_classifier(1000), x)
    return nodes


_INVERTED = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
"""Of MobileNetV2: expansion, channels, blocks, stride of the first."""


def _mobilenet_v2() -> Nodes:
    nodes = Nodes()
    x = nodes.add(_convolution(32, 3, 2, 1, "relu6"), 0)
    channels = 32
    for expansion, filters, count, first_strides in _INVERTED:
        for index in range(count):
            wide, strides = expansion * channels, 1 if index else first_strides
            block = _convolution(wide, 1, 1, 1, "relu6") if expansion > 1 else []
            block += _convolution(wide, 3, strides, wide, "relu6")
            y = nodes.add([*block, *_convolution(filters, 1)], x)
            x = nodes.add([Add()], y, x) if index else y
            channels = filters
    nodes.add([*_convolution(1280, 1, 1, 1, "relu6"), *_classifier(1000)], x)
    return nodes


def _unet(filters: int, depth: int) -> Nodes:
    """Return `depth` levels down and up; the filters double with each."""

    def pair(level: int) -> Layers:
        return 2 * [Convolution(filters << level, 3, "same", "relu")]

    nodes, x, seen = Nodes(), 0, []
    for level in range(depth):
        seen.append(nodes.add(pair(level), x))
        x = nodes.add([MaxPooling(2)], seen[-1])
    x = nodes.add(pair(depth), x)
    for level in reversed(range(depth)):
        x = nodes.add([TransposedConvolution(filters << level, 2)], x)
        x = nodes.add([Concatenate(), *pair(level)], seen[level], x)
    nodes.add([Convolution(1, 1, activation="sigmoid")], x)
    return nodes


GRAPHS = (
    Network("resnet20", (32, 32, 3), _cifar_resnet(3), _LABELS),
    Network("resnet18", (224, 224, 3), _resnet((2, 2, 2, 2), deep=False), _LABELS, batch_size=8),
    Network("resnet50", (224, 224, 3), _resnet((3, 4, 6, 3), deep=True), _LABELS, batch_size=4),
    Network("mobilenetv2", (224, 224, 3), _mobilenet_v2(), _LABELS, batch_size=8),
    Network("unet", (128, 128, 1), _unet(16, 4), "binary_crossentropy", batch_size=8),
    Network(
        "conv1d",
        (1000, 1),
        chain(
            Convolution(16, 7, "same", "relu"),
            MaxPooling(2),
            Convolution(32, 5, "same", "relu"),
            MaxPooling(2),
            Convolution(64, 3, "same", "relu"),
            MaxPooling(2),
            *_classifier(10),
        ),
        _LABELS,
    ),
)
