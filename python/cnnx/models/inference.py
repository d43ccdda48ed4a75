"""The steps of prediction: what is fused, and what is worked out beforehand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeGuard

from cnnx import _core, activations
from cnnx.arrays import Float
from cnnx.buffer import Buffer
from cnnx.geometry import Pair
from cnnx.layers.convolution import Conv2D
from cnnx.layers.layer import Layer
from cnnx.layers.normalization import BatchNormalization
from cnnx.layers.random_layer import RandomLayer
from cnnx.models.blocks import NormalizationBlock, Step, Tail, can_lead
from cnnx.models.parameters import Parameters


class PreparedConvolution:
    """
    A convolution, batch normalisation, activation and 2x2 max pooling, for prediction alone.

    The normalisation is folded into kernel and bias: with s = gamma / sqrt(variance + epsilon),
    they become s kernel and s (bias - mean) + beta (mean and variance are the moving ones).

    Parameters
    ----------
    convolution
        Built.
    normalization
        Follows it, or None.
    tail
        Follows both.
    """

    def __init__(
        self, convolution: Conv2D, normalization: BatchNormalization | None, tail: Tail
    ) -> None:
        self._convolution = convolution
        self._normalization = normalization
        self._activation = tail.activation.name
        rows, columns, _ = before = convolution.output_shape[1:]
        self._pooled_from: Pair | None = (rows, columns) if tail.pooling else None
        self._output = Buffer(tail.output_shape(before))

    def prepare(self) -> None:
        """Take over the layers' present weights."""
        kernel = self._convolution.kernel.value
        bias = None if self._convolution.bias is None else self._convolution.bias.value
        if self._normalization is not None:
            scale, shift = self._normalization.affine()
            kernel = kernel * scale
            bias = shift if bias is None else shift + scale * bias
        self._kernel, self._bias = kernel, bias
        self._prepared = _core.PreparedWeights()

    def forward(self, x: Float) -> Float:
        """Return the output for a batch."""
        y = self._output.rows(len(x))
        _core.conv2d_forward(
            x,
            self._kernel,
            self._bias,
            y,
            *self._convolution.windows,
            self._activation,
            None,
            self._pooled_from,
            self._prepared,
        )
        return y


class Inference:
    """
    How a model predicts.

    Layers that act in training alone are left out, and convolutions take what follows them into
    their pass (`PreparedConvolution`); what is worked out from weights is kept until they change.

    Parameters
    ----------
    layers
        Built layers.
    parameters
        Their flat buffers, which know when a weight has changed.
    """

    def __init__(self, layers: Sequence[Layer], parameters: Parameters) -> None:
        self._parameters = parameters
        self._version = -1
        self._prepared: list[PreparedConvolution] = []
        self._steps: list[Callable[[Float], Float]] = []
        layers = [layer for layer in layers if not isinstance(layer, RandomLayer)]
        index = 0
        while index < len(layers):
            layer = layers[index]
            following = layers[index + 1] if index + 1 < len(layers) else None
            index += 1
            if can_lead(layer):
                normalization = None
                if layer.activation is activations.linear and _normalizes(following):
                    normalization = following
                    index += 1
                tail = Tail.of(layers[index:], layer.activation)
                index += tail.taken
                self._prepared.append(PreparedConvolution(layer, normalization, tail))
                self._steps.append(self._prepared[-1].forward)
            elif _normalizes(layer):
                tail = Tail.of(layers[index:])
                index += tail.taken
                self._steps.append(_predicting(NormalizationBlock(layer, tail)))
            else:
                self._steps.append(_predicting(layer))

    def __call__(self, x: Float) -> Float:
        """Return the output for a batch, in an array that the next call overwrites."""
        version = self._parameters.version
        if version != self._version:
            for convolution in self._prepared:
                convolution.prepare()
            self._version = version
        for step in self._steps:
            x = step(x)
        return x


def _normalizes(layer: Layer | None) -> TypeGuard[BatchNormalization]:
    return type(layer) is BatchNormalization


def _predicting(step: Step) -> Callable[[Float], Float]:
    return lambda x: step.forward(x, False)
