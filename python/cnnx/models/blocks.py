"""Neighbouring layers that run in one pass over memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol, TypeGuard

import numpy as np

from cnnx import activations
from cnnx.activations import Activation
from cnnx.arrays import Codes, Float, Shape
from cnnx.buffer import Buffer
from cnnx.geometry import Pair
from cnnx.layers import activations as activation_layers
from cnnx.layers.convolution import Conv2D
from cnnx.layers.layer import Layer
from cnnx.layers.normalization import BatchNormalization
from cnnx.layers.pooling import MaxPooling2D


class Step(Protocol):
    """What a plan runs: a layer, or several that were put together."""

    def forward(self, x: Float, training: bool) -> Float:
        """Return the output for the batch `x`."""

    def backward(self, dy: Float) -> Float | None:
        """Propagate the gradient through the last `forward(x, training=True)`."""


class Tail(NamedTuple):
    """
    What follows a layer in the same pass.

    Attributes
    ----------
    activation
        Elementwise; linear where there is none.
    pooling
        Whether a 2x2 max pooling comes next.
    taken
        The number of layers that the two are.
    """

    activation: Activation
    pooling: bool
    taken: int

    @classmethod
    def of(cls, layers: Sequence[Layer], own: Activation = activations.linear) -> Tail:
        """Return what the layers begin with, after a layer with an activation of its own."""
        count = 0
        first = layers[0] if layers else None
        if own is activations.linear and isinstance(first, activation_layers.Activation):
            plain = type(first) in (activation_layers.Activation, activation_layers.ReLU)
            if plain and first.activation.elementwise:
                own, count = first.activation, 1
        following = layers[count] if count < len(layers) else None
        pooling = type(following) is MaxPooling2D and following.halves
        return cls(own, pooling, count + pooling)

    def output_shape(self, shape: Shape) -> Shape:
        """Return what becomes of a sample's `shape`."""
        return (shape[0] // 2, shape[1] // 2, *shape[2:]) if self.pooling else shape


class ConvolutionBlock:
    """
    A convolution, an activation and a 2x2 max pooling.

    The pooling comes before the activation: it gives the same, since activations grow, and a
    quarter of the values is left. The output before pooling, and its gradient, are never stored.

    Parameters
    ----------
    convolution
        Built; its own activation is not applied.
    tail
        Follows it.
    """

    def __init__(self, convolution: Conv2D, tail: Tail) -> None:
        self._convolution = convolution
        self._activation = tail.activation
        rows, columns, _ = before = convolution.output_shape[1:]
        self._pooled_from: Pair | None = (rows, columns) if tail.pooling else None
        shape = tail.output_shape(before)
        self._output = Buffer(shape)
        self._codes = Buffer(shape, np.uint8)
        self._y: Float = np.empty(0, np.float32)

    @property
    def forgets_output(self) -> bool:
        """Whether `backward` does without what `forward` returned."""
        return self._activation is activations.linear

    def _codes_of(self, batch: Float) -> Codes | None:
        return None if self._pooled_from is None else self._codes.rows(len(batch))

    def forward(self, x: Float, training: bool) -> Float:
        """Return activation(pooling(convolution))."""
        self._y = y = self._output.rows(len(x))
        codes = self._codes_of(x) if training else None
        self._convolution.convolve(x, y, training, self._activation.name, codes, self._pooled_from)
        return y

    def backward(self, dy: Float) -> Float | None:
        """Write the convolution's gradients; return the input's. Overwrites `dy`."""
        if self._pooled_from is None or self._activation is not activations.relu:
            self._activation.backward(self._y, dy, dy)  # else the codes know where ReLU gave 0
        return self._convolution.convolve_backward(dy, self._codes_of(dy), self._pooled_from)


class NormalizationBlock:
    """
    A batch normalisation, an activation and a 2x2 max pooling, which comes first here too.

    The normalised batch and its gradient are never stored.

    Parameters
    ----------
    normalization
        Built.
    tail
        Follows it.
    takes_input
        Whether nobody needs the input of a forward pass after it: backwards, its memory then
        holds its gradient.
    """

    def __init__(
        self, normalization: BatchNormalization, tail: Tail, takes_input: bool = False
    ) -> None:
        self._normalization = normalization
        self._takes_input = takes_input
        self._x: Float = np.empty(0, np.float32)
        self._activation = tail.activation.name
        self._pooling = tail.pooling
        before = normalization.output_shape[1:]
        self._input_gradient = Buffer(before)
        shape = tail.output_shape(before)
        self._output = Buffer(shape)
        self._codes = Buffer(shape, np.uint8)

    def _codes_of(self, batch: Float) -> Codes | None:
        return self._codes.rows(len(batch)) if self._pooling else None

    def forward(self, x: Float, training: bool) -> Float:
        """Return activation(pooling(normalised batch))."""
        y = self._output.rows(len(x))
        codes = self._codes_of(x) if training else None
        self._normalization.normalize(x, training, y, self._activation, self._pooling, codes)
        self._x = x
        return y

    def backward(self, dy: Float) -> Float | None:
        """Write the normalisation's gradients; return the input's. May overwrite `dy`."""
        dx = None
        if self._normalization.needs_input_gradient:
            if not self._pooling:
                dx = dy
            elif self._takes_input:
                dx = self._x
            else:
                dx = self._input_gradient.rows(len(dy))
        self._normalization.backward_normalize(dy, dx, self._activation, self._codes_of(dy))
        return dx


def can_lead(layer: Layer) -> TypeGuard[Conv2D]:
    """Whether an activation and a pooling can follow this convolution in the same pass."""
    return type(layer) is Conv2D and layer.fuses and layer.activation.elementwise


def fuse(layers: Sequence[Layer]) -> list[tuple[int, Step]]:
    """
    Return the steps of built layers, each with the index of its first layer.

    Only the first layer of a step has weights. Subclasses may do as they like: they stay by
    themselves.
    """
    steps: list[tuple[int, Step]] = []
    index = 0
    while index < len(layers):
        layer = layers[index]
        step: Step = layer
        count = 1
        if can_lead(layer):
            tail = Tail.of(layers[index + 1 :], layer.activation)
            step, count = ConvolutionBlock(layer, tail), 1 + tail.taken
        elif type(layer) is BatchNormalization and layer.trainable:
            tail = Tail.of(layers[index + 1 :])
            before = steps[-1][1] if steps else None
            takes_input = isinstance(before, ConvolutionBlock) and before.forgets_output
            step, count = NormalizationBlock(layer, tail, takes_input), 1 + tail.taken
        steps.append((index, step))
        index += count
    return steps
