"""The steps of prediction: what is fused, and what is worked out beforehand."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cnnx import _core, activations
from cnnx.arrays import Float
from cnnx.buffer import Buffer
from cnnx.geometry import Pair
from cnnx.layers.convolution import Conv2D
from cnnx.layers.layer import Layer
from cnnx.layers.normalization import BatchNormalization
from cnnx.layers.random_layer import RandomLayer
from cnnx.models.blocks import Tail, can_lead
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
        rows, columns, filters = convolution.output_shape[1:]
        self._pooled_from: Pair | None = (rows, columns) if tail.pooling else None
        self._output = Buffer(
            (rows // 2, columns // 2, filters) if tail.pooling else (rows, columns, filters)
        )

    def prepare(self) -> None:
        """Take over the layers' present weights."""
        kernel = self._convolution.kernel.value
        bias = None if self._convolution.bias is None else self._convolution.bias.value
        if self._normalization is not None:
            scale, shift = self._normalization.affine()
            kernel = kernel * scale
            bias = shift if bias is None else shift + scale * bias
        self._kernel, self._bias = kernel, bias

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
            index += 1
            if not can_lead(layer):
                self._steps.append(_predicting(layer))
                continue
            following = layers[index] if index < len(layers) else None
            normalization = None
            if layer.activation is activations.linear and type(following) is BatchNormalization:
                normalization = following
                index += 1
            tail = Tail.of(layers[index:], layer.activation)
            index += tail.taken
            self._prepared.append(PreparedConvolution(layer, normalization, tail))
            self._steps.append(self._prepared[-1].forward)

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


def _predicting(layer: Layer) -> Callable[[Float], Float]:
    return lambda x: layer.forward(x, False)
