"""Convolution of each channel by itself."""

from collections.abc import Sequence
from typing import Any

from cnnx import geometry
from cnnx.arrays import Float, Shape
from cnnx.geometry import Pair
from cnnx.layers.convolution_layer import GroupedConvolution, Windows


class Depthwise(GroupedConvolution):
    """
    What the depthwise layers share: kernels (height, width, channels, depth_multiplier).

    Output channel c depth_multiplier + k is channel c seen through its kernel k. In memory such a
    kernel is the core's for as many groups as channels.

    Parameters are those of `DepthwiseConv2D`.
    """

    kernel_argument = "depthwise"

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: Any = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        *,
        depthwise_regularizer: Any = None,
        depthwise_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            kernel_size,
            strides,
            padding,
            data_format,
            dilation_rate,
            activation,
            use_bias,
            depthwise_initializer,
            bias_initializer,
            kernel_regularizer=depthwise_regularizer,
            kernel_constraint=depthwise_constraint,
            **kwargs,
        )
        self.depth_multiplier = geometry.integer(depth_multiplier, f"{self}: depth_multiplier")

    def kernel_shape(self, input_shape: Shape) -> tuple[int, ...]:
        """Return (height, width, channels, depth_multiplier), without height for sequences."""
        channels = self.check_channels(input_shape)
        return (*self.kernel_size, channels, self.depth_multiplier)

    def output_channels(self, channels: int) -> int:
        """Return `depth_multiplier` for each channel."""
        return channels * self.depth_multiplier

    def windows(self, input_shape: Shape) -> Windows:
        """Return where the windows lie, as the core takes it: each channel is a group."""
        strides, padding, dilation, _, rotated = super().windows(input_shape)
        return strides, padding, dilation, input_shape[-1], rotated

    def taps(self, kernel: Float) -> Float:
        """Return a view of a kernel, or of its gradient, as the core takes it."""
        return kernel.reshape(*geometry.plane(self.kernel_size), 1, -1)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"depth_multiplier": self.depth_multiplier}


class DepthwiseConv2D(Depthwise):
    """
    Slide windows over each channel of the image by itself (depthwise convolution).

    y[n, i, j, c m + k] = activation(bias[c m + k] + sum over u, v of
    x[n, i s + u d - top, j s + v d - left, c] kernel[u, v, c, k]), with m = depth_multiplier,
    stride s and dilation d of each axis; pixels outside the image count as zero (Howard et al.
    2017, "MobileNets"). Input (batch, height, width, channels), output (batch, rows, columns,
    channels m), kernel (height, width, channels, m).

    Parameters
    ----------
    kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias
        As in `Conv2D`.
    depth_multiplier
        Number of output channels for each input channel.
    depthwise_initializer, bias_initializer
        Name or `cnnx.initializers.Initializer` of the kernel and of the bias.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    kernel_size: Pair
    strides: Pair
    dilation_rate: Pair


class DepthwiseConv1D(Depthwise):
    """
    Slide windows over each channel of a sequence by itself (depthwise convolution).

    y[n, i, c m + k] = activation(bias[c m + k] + sum over u of x[n, i s + u d - before, c]
    kernel[u, c, k]), with m = depth_multiplier, stride s and dilation d. Input (batch, steps,
    channels), output (batch, steps, channels m), kernel (steps, channels, m).

    Parameters
    ----------
    kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias
        As in `Conv1D`.
    depth_multiplier, depthwise_initializer, bias_initializer
        As in `DepthwiseConv2D`.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    rank = 1
    paddings = geometry.SEQUENCE_PADDINGS
