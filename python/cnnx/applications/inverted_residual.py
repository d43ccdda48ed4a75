"""
Inverted residual blocks (Sandler et al. 2018): wide inside, narrow at both ends.

MobileNetV2 and V3 and the EfficientNets are made of them. A block widens its input by a 1x1
convolution, convolves each channel by itself, weighs the channels by a gate if it has one, and
narrows the result by a 1x1 convolution. If the output has the shape of the input, the input is
added to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from cnnx import layers
from cnnx.layers.value import Value

__all__ = ["Block", "Names", "Style", "modules_of_timm", "modules_of_torchvision", "rounded"]


def rounded(channels: float, divisor: int = 8) -> int:
    """Return the nearest multiple of a number, at least that, and not below 90 % of `channels`."""
    near = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return near + divisor if near < 0.9 * channels else near


class Names(NamedTuple):
    """What a family calls the layers of a block, after the block's own name."""

    expand: str
    expand_norm: str
    depthwise: str
    depthwise_norm: str
    reduce: str
    restore: str
    project: str
    project_norm: str


class Block(NamedTuple):
    """
    A block.

    Attributes
    ----------
    name
        With which the names of its layers begin.
    hidden, filters
        Channels within, and of the output.
    size, strides
        Of the convolution of each channel.
    activation
        Within.
    gate
        Channels of the gate in its middle; 0: there is none.
    group, place
        Its number among the groups of blocks, and among those of its group.
    expands
        Whether it begins with a 1x1 convolution.
    dropped
        Share of the samples whose block is left out in training, where it may be.
    """

    name: str
    hidden: int
    filters: int
    size: int
    strides: int
    activation: str
    gate: int
    group: int
    place: int
    expands: bool
    dropped: float = 0.0


@dataclass(frozen=True)
class Style:
    """
    How a family is built.

    Attributes
    ----------
    names
        Of the layers in a block.
    epsilon, momentum
        Of batch normalisation.
    is_torch
        Whether strided convolutions have the same border on all sides.
    gate_activations
        Within the gate, and of its output.
    """

    names: Names
    epsilon: float
    momentum: float
    is_torch: bool
    gate_activations: tuple[str, str] = ("relu", "hard_sigmoid")

    def convolution(
        self,
        x: Value,
        filters: int | None,
        size: int,
        names: tuple[str, str],
        activation: str | None = None,
        strides: int = 1,
    ) -> Value:
        """Return x after a convolution, of each channel if `filters` is None, and batch norm."""
        padding = size // 2 if self.is_torch else "same"
        convolution: layers.Layer
        if filters is None:
            convolution = layers.DepthwiseConv2D(
                size, strides, padding, use_bias=False, name=names[0]
            )
        else:
            convolution = layers.Conv2D(
                filters, size, strides, padding, use_bias=False, name=names[0]
            )
        value: Value = layers.BatchNormalization(
            epsilon=self.epsilon, momentum=self.momentum, name=names[1]
        )(convolution(x))
        if activation is not None:
            value = layers.Activation(activation, name=f"{names[1]}_{activation}")(value)
        return value

    def block(self, x: Value, block: Block) -> Value:
        """Return a block of x."""
        own = Names(*(block.name + name for name in self.names))
        y = x
        if block.expands:
            names = own.expand, own.expand_norm
            y = self.convolution(y, block.hidden, 1, names, block.activation)
        names = own.depthwise, own.depthwise_norm
        y = self.convolution(y, None, block.size, names, block.activation, block.strides)
        if block.gate:
            inner, outer = self.gate_activations
            gate = layers.GlobalAveragePooling2D(keepdims=True, name=f"{block.name}squeeze")(y)
            gate = layers.Conv2D(block.gate, 1, activation=inner, name=own.reduce)(gate)
            gate = layers.Conv2D(block.hidden, 1, activation=outer, name=own.restore)(gate)
            y = layers.Multiply(name=f"{block.name}excite")([y, gate])
        y = self.convolution(y, block.filters, 1, (own.project, own.project_norm))
        if block.strides > 1 or x.shape[-1] != block.filters:
            return y
        if block.dropped:
            y = layers.Dropout(block.dropped, (None, 1, 1, 1), name=f"{block.name}drop")(y)
        value: Value = layers.Add(name=f"{block.name}add")([x, y])
        return value


def modules_of_timm(blocks: Iterable[Block], names: Names) -> Iterator[tuple[str, str]]:
    """Yield the layers of blocks with their modules in timm."""
    for block in blocks:
        own = ["conv_pw", "bn1"] if block.expands else []
        own += ["conv_dw", f"bn{1 + block.expands}"]
        own += ["se.conv_reduce", "se.conv_expand"] if block.gate else []
        own += ["conv_pwl" if block.expands else "conv_pw", f"bn{2 + block.expands}"]
        front = f"blocks.{block.group}.{block.place}."
        yield from zip(_layers(block, names), (front + name for name in own), strict=True)


def modules_of_torchvision(
    blocks: Iterable[Block], names: Names, front: str, flat: bool = False
) -> Iterator[tuple[str, str]]:
    """
    Yield the layers of blocks with their modules in torchvision.

    Parameters
    ----------
    blocks, names
        Of the network.
    front
        What a block's modules begin with, made of its number from 1 on ({n}), or of its group's
        ({group}) and its place there ({place}).
    flat
        Whether the last convolution and its batch norm stand by themselves, as in MobileNetV2.
    """
    for number, block in enumerate(blocks, start=1):
        own, part = list[str](), 0
        for _ in range(1 + block.expands):
            own += [f"{part}.0", f"{part}.1"]
            part += 1
        if block.gate:
            own += [f"{part}.fc1", f"{part}.fc2"]
            part += 1
        own += [f"{part}", f"{part + 1}"] if flat else [f"{part}.0", f"{part}.1"]
        start = front.format(n=number, group=block.group + 1, place=block.place)
        yield from zip(_layers(block, names), (start + name for name in own), strict=True)


def _layers(block: Block, names: Names) -> Iterator[str]:
    """Yield the layers with weights, as they run."""
    left_out = set() if block.expands else {"expand", "expand_norm"}
    left_out |= set() if block.gate else {"reduce", "restore"}
    for field, name in zip(Names._fields, names, strict=True):
        if field not in left_out:
            yield block.name + name
