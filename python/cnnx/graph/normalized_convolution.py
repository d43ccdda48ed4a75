"""The pass of a convolution that normalises what it reads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnnx import _core
from cnnx.arrays import Float, images
from cnnx.graph.passes import Pass
from cnnx.layers.call import Call, Traits
from cnnx.layers.convolution_layer import GroupedConvolution, Windows
from cnnx.layers.layer import Layer
from cnnx.layers.normalization import BatchNormalization


class NormalizedConvolutionPass(Pass):
    """
    A batch normalisation, an activation if there is one, and the convolution that reads them.

    The normalised batch is never stored: both passes of the convolution make the pixels that they
    need, in the cache. For training alone.
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        super().__init__(layers)
        normalization, convolution = layers[0], layers[-1]
        assert isinstance(normalization, BatchNormalization)
        assert isinstance(convolution, GroupedConvolution)
        self._normalization, self._convolution = normalization, convolution
        self.traits = Traits(reads_output=False, native=True)

    def bind(self, call: Call) -> None:
        """Make room for the statistics, place the windows."""
        channels = call.shapes[0][-1]
        call.columns = np.empty((3, channels), np.float32)
        call.inv_std = np.empty(channels, np.float32)
        call.sums = np.empty((2, channels), np.float32)
        self._convolution.bind(call)
        if call.differentiates and call.dx[0] is None:
            call.dx[0] = call.keep("gradient", call.shapes[0])

    def forward(self, call: Call, *xs: Float) -> None:
        """Write the convolution of the normalised batch."""
        self._normalization.find_statistics(call, xs[0])
        convolution = self._convolution
        windows: Windows = call.windows
        _core.normalized_conv2d_forward(
            images(xs[0]),
            call.columns,
            self.core,
            convolution.taps(convolution.kernel.value),
            convolution.bias_value,
            images(call.y),
            *windows,
        )

    def backward(self, call: Call, dy: Float) -> None:
        """Write the convolution's gradients, then the normalisation's over that of its output."""
        convolution, dx = self._convolution, call.dx[0]
        windows: Windows = call.windows
        bias = call.gradient(convolution.bias)
        kernel = convolution.kernel_gradient(call, bias)
        if kernel is not None:
            _core.normalized_conv2d_backward_weights(
                images(call.xs[0]),
                call.columns,
                self.core,
                images(dy),
                convolution.taps(kernel),
                bias,
                *windows,
            )
        _core.normalized_conv2d_backward_data(
            images(call.xs[0]),
            call.columns,
            self.core,
            images(dy),
            convolution.taps(convolution.kernel.value),
            images(dx),
            call.sums,
            *windows,
        )
        self._normalization.differentiate_from_sums(call, dx, self.core)
