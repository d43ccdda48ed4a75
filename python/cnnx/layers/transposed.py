"""Transposed convolution: what a convolution does to gradients, as a layer."""

from collections.abc import Sequence
from typing import Any

from cnnx import _core, geometry
from cnnx.activations.activation import Named
from cnnx.arrays import Float, Shape, images
from cnnx.geometry import Pair, Placement
from cnnx.layers.call import Call
from cnnx.layers.convolution_layer import ConvolutionLayer, Windows
from cnnx.layers.layer import check_rank


class Transposed(ConvolutionLayer):
    """
    What the transposed convolutions share.

    The layer maps its input as a convolution with the same kernel maps the gradient of its output
    to that of its input. So its windows lie on its own output.

    Parameters are those of `Conv2DTranspose`.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: Any = "valid",
        output_padding: int | Sequence[int] | None = None,
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        *,
        groups: int = 1,
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
            kernel_initializer,
            bias_initializer,
            **kwargs,
        )
        self.set_filters(filters, groups)
        self.output_padding = None
        if output_padding is not None:
            self.output_padding = geometry.extents(
                output_padding, f"{self}: output_padding", self.rank, minimum=0
            )
            if any(a >= s for a, s in zip(self.output_padding, self.strides, strict=True)):
                raise ValueError(
                    f"{self}: output_padding={self.output_padding} must be less than "
                    f"strides={self.strides}"
                )

    def place(self, input_shape: Shape) -> Placement:
        """Return where the windows lie on the output, and its size."""
        return geometry.place_transposed(
            str(self),
            check_rank(self, input_shape, self.rank)[:-1],
            self.kernel_size,
            self.strides,
            self.padding,
            self.output_padding,
            self.dilation_rate,
        )

    def kernel_shape(self, input_shape: Shape) -> tuple[int, ...]:
        """Return (height, width, filters / groups, channels), without height for sequences."""
        channels = self.check_channels(input_shape)
        return (*self.kernel_size, self.filters // self.groups, channels)

    def net_input(self, call: Call, x: Float) -> None:
        """Write the transposed convolution plus bias."""
        self.transpose(call, x)

    def transpose(
        self, call: Call, x: Float, activation: Named = "linear", addend: Float | None = None
    ) -> None:
        """Write activation(transposed convolution plus bias plus addend)."""
        windows: Windows = call.windows
        _core.conv2d_backward_data(
            images(x),
            self.taps(self.kernel.value),
            images(call.y),
            *windows,
            addend=None if addend is None else images(addend),
            bias=self.bias_value,
            activation=activation,
        )

    def net_input_backward(self, call: Call, dz: Float) -> None:
        """Write the gradients of kernel, bias and input."""
        windows: Windows = call.windows
        kernel, bias, dx = call.gradient(self.kernel), call.gradient(self.bias), call.dx[0]
        if bias is not None:
            _core.bias_add_backward(dz, bias)
        if kernel is not None:
            _core.conv2d_backward_weights(
                images(dz), images(call.xs[0]), self.taps(kernel), None, *windows
            )
        if dx is not None:
            taps = self.taps(self.kernel.value)
            _core.conv2d_forward(
                images(dz), taps, None, images(dx), *windows, addend=self.gradient_so_far(call)
            )

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {
            "filters": self.filters,
            "output_padding": None if self.output_padding is None else list(self.output_padding),
            "groups": self.groups,
        }


class Conv2DTranspose(Transposed):
    """
    Put a weighted kernel around each pixel and add up where kernels overlap.

    y[n, p, q, f] = activation(bias[f] + sum over all i, j, u, v, c with i s + u d - top = p and
    j s + v d - left = q of x[n, i, j, c] kernel[u, v, f, c]), with stride s and dilation d of each
    axis. That is what a `Conv2D` of the same kernel, strides and padding does to the gradient of
    its output (Dumoulin & Visin 2016, "A guide to convolution arithmetic for deep learning",
    chapter 4). Input (batch, height, width, channels), output (batch, rows, columns, filters),
    kernel (height, width, filters / groups, channels).

    With extent e = d (kernel_size - 1) + 1 an axis of h pixels becomes (h - 1) s + max(e, s) with
    'valid' and h s with 'same'; if `output_padding` is given, (h - 1) s + e + output_padding with
    'valid' and (h - 1) s + e mod 2 + output_padding with 'same', all as in Keras.

    Parameters
    ----------
    filters
        Number of output channels.
    kernel_size
        Kernel height and width in pixels: a whole number or two.
    strides
        Pixels of the output from one kernel to the next: a whole number or two.
    padding
        'valid' (keep all that the kernels reach), 'same' (the output is `strides` times as large
        as the input), 'full' (cut off e - 1 pixels on every side), a whole number of pixels to cut
        off on every side, (height, width), or ((top, bottom), (left, right)).
    output_padding
        Pixels added at the bottom and the right, fewer than `strides`: a whole number or two. None
        adds what the sizes above say.
    data_format
        None or 'channels_last'.
    dilation_rate
        Pixels of the output from one tap of the kernel to the next: a whole number or two.
    activation
        Name or `cnnx.activations.Activation`; None is linear.
    use_bias
        Whether there is a bias.
    kernel_initializer, bias_initializer
        Name or `cnnx.initializers.Initializer`.
    groups
        Number of groups the channels are split into, each with its own filters.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    kernel_size: Pair
    strides: Pair
    dilation_rate: Pair


class Conv1DTranspose(Transposed):
    """
    Put a weighted kernel around each step of a sequence and add up where kernels overlap.

    y[n, p, f] = activation(bias[f] + sum over all i, u, c with i s + u d - before = p of
    x[n, i, c] kernel[u, f, c]), with stride s and dilation d. Input (batch, steps, channels),
    output (batch, steps, filters), kernel (steps, filters / groups, channels). The number of steps
    follows as that of rows in `Conv2DTranspose`.

    Parameters
    ----------
    filters, data_format, activation, use_bias, kernel_initializer, bias_initializer, groups
        As in `Conv2DTranspose`.
    kernel_size
        Kernel in steps.
    strides
        Steps of the output from one kernel to the next.
    padding
        'valid', 'same' or 'full' as in `Conv2DTranspose`, a whole number of steps to cut off at
        both ends, or (before, after).
    output_padding
        Steps added at the end, fewer than `strides`.
    dilation_rate
        Steps of the output from one tap of the kernel to the next.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    rank = 1
