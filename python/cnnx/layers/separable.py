"""Convolution in two steps: of each channel by itself, then of the channels of each pixel."""

from collections.abc import Sequence
from typing import Any

from cnnx import _core, geometry, initializers
from cnnx.arrays import Float, Shape, images
from cnnx.geometry import Pair
from cnnx.layers.call import Call
from cnnx.layers.convolution_layer import Windows
from cnnx.layers.depthwise import Depthwise
from cnnx.layers.weight import Weight

_PIXELS: Windows = ((1, 1), (0, 0), (1, 1), 1, False)
"""Windows of one pixel each."""


class Separable(Depthwise):
    """
    What the separable layers share: a depthwise convolution, and a pointwise one of its output.

    The depthwise output is kept until the backward pass, where its gradient takes its place.

    Parameters are those of `SeparableConv2D`.
    """

    kernel_name = "depthwise_kernel"
    depthwise_kernel: Weight
    pointwise_kernel: Weight

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: Any = "valid",
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = 1,
        depth_multiplier: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        pointwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        *,
        pointwise_regularizer: Any = None,
        pointwise_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            kernel_size,
            strides,
            padding,
            depth_multiplier,
            data_format,
            dilation_rate,
            activation,
            use_bias,
            depthwise_initializer,
            bias_initializer,
            **kwargs,
        )
        self.set_filters(filters)
        self.pointwise_initializer = initializers.get(
            pointwise_initializer, f"{self}: pointwise_initializer"
        )
        self.restrain("pointwise_kernel", "pointwise", pointwise_regularizer, pointwise_constraint)

    def output_channels(self, channels: int) -> int:
        """Return the number of filters."""
        return self.filters

    def add_kernels(self, input_shape: Shape) -> None:
        """Create the depthwise and the pointwise kernel."""
        shape = self.kernel_shape(input_shape)
        self.kernel = self.add_weight(self.kernel_name, shape, self.kernel_initializer)
        self.depthwise_kernel = self.kernel
        channels = super().output_channels(input_shape[-1])
        self.pointwise_kernel = self.add_weight(
            "pointwise_kernel",
            (*[1] * self.rank, channels, self.filters),
            self.pointwise_initializer,
        )

    def bind(self, call: Call) -> None:
        """Place the windows, and make room for the depthwise output."""
        super().bind(call)
        channels = super().output_channels(call.shapes[0][-1])
        call.middle = call.keep("middle", (*call.output_size, channels))

    def _pointwise(self, kernel: Float) -> Float:
        """Return a view of the pointwise kernel, or of its gradient, as the core takes it."""
        return kernel.reshape(1, 1, -1, self.filters)

    def net_input(self, call: Call, x: Float) -> None:
        """Write the pointwise convolution of the depthwise one, plus bias."""
        self.convolve(x, None, call.middle, call.windows)
        kernel = self._pointwise(self.pointwise_kernel.value)
        _core.conv2d_forward(call.middle, kernel, self.bias_value, images(call.y), *_PIXELS)

    def net_input_backward(self, call: Call, dz: Float) -> None:
        """Write the gradients of kernels, bias and input."""
        kernel, bias = call.gradient(self.pointwise_kernel), call.gradient(self.bias)
        if kernel is not None:
            _core.conv2d_backward_weights(
                call.middle, images(dz), self._pointwise(kernel), bias, *_PIXELS
            )
        elif bias is not None:
            _core.bias_add_backward(dz, bias)
        if call.gradient(self.kernel) is not None or call.dx[0] is not None:
            kernel = self._pointwise(self.pointwise_kernel.value)
            _core.conv2d_backward_data(images(dz), kernel, call.middle, *_PIXELS)
            self.convolve_backward(call, call.middle, None)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {
            "filters": self.filters,
            "pointwise_initializer": initializers.serialize(self.pointwise_initializer),
        }


class SeparableConv2D(Separable):
    """
    Convolve each channel of the image by itself, then mix the channels of each pixel.

    z[n, i, j, c m + k] = sum over u, v of
    x[n, i s + u d - top, j s + v d - left, c] depthwise_kernel[u, v, c, k] and
    y[n, i, j, f] = activation(bias[f] + sum over q of z[n, i, j, q] pointwise_kernel[0, 0, q, f]),
    with m = depth_multiplier, stride s and dilation d of each axis (Chollet 2017, "Xception").
    Input (batch, height, width, channels), output (batch, rows, columns, filters), kernels
    (height, width, channels, m) and (1, 1, channels m, filters).

    Parameters
    ----------
    filters
        Number of output channels.
    kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias
        As in `Conv2D`; the windows are those of the depthwise convolution.
    depth_multiplier
        Number of depthwise output channels for each input channel.
    depthwise_initializer, pointwise_initializer, bias_initializer
        Name or `cnnx.initializers.Initializer`.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    kernel_size: Pair
    strides: Pair
    dilation_rate: Pair


class SeparableConv1D(Separable):
    """
    Convolve each channel of a sequence by itself, then mix the channels of each step.

    z[n, i, c m + k] = sum over u of x[n, i s + u d - before, c] depthwise_kernel[u, c, k] and
    y[n, i, f] = activation(bias[f] + sum over q of z[n, i, q] pointwise_kernel[0, q, f]), with
    m = depth_multiplier, stride s and dilation d. Input (batch, steps, channels), output (batch,
    steps, filters), kernels (steps, channels, m) and (1, channels m, filters).

    Parameters
    ----------
    filters, depth_multiplier, depthwise_initializer, pointwise_initializer, bias_initializer
        As in `SeparableConv2D`.
    kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias
        As in `Conv1D`; the windows are those of the depthwise convolution.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    rank = 1
    paddings = geometry.SEQUENCE_PADDINGS
