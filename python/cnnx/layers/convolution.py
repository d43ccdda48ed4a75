"""Convolution of images and of sequences."""

from collections.abc import Sequence
from typing import Any

from cnnx import _core, geometry
from cnnx.arrays import Float, Shape
from cnnx.geometry import Pair
from cnnx.layers.call import Call
from cnnx.layers.convolution_layer import GroupedConvolution, Windows
from cnnx.layers.layer import open_size_error
from cnnx.registry import choice


class Convolution(GroupedConvolution):
    """
    What `Conv1D` and `Conv2D` share.

    Parameters are those of `Conv2D`.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: Any = "valid",
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = 1,
        groups: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = None,
        *,
        operation: str = "correlation",
        bias: str = "tied",
        bias_operation: str = "add",
        **kwargs: Any,
    ) -> None:
        owner = type(self).__name__
        self.operation = choice(operation, f"{owner}: operation", "correlation", "convolution")
        self.bias_sharing = choice(bias, f"{owner}: bias", "tied", "untied")
        self.bias_operation = choice(bias_operation, f"{owner}: bias_operation", "add", "multiply")
        # The core adds one bias a filter within the convolution; any other is a pass of its own.
        self._is_plain = not use_bias or (self.bias_sharing, self.bias_operation) == ("tied", "add")
        if bias_initializer is None:
            bias_initializer = "ones" if self.bias_operation == "multiply" else "zeros"
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

    def kernel_shape(self, input_shape: Shape) -> tuple[int, ...]:
        """Return (height, width, channels / groups, filters), without height for sequences."""
        channels = self.check_channels(input_shape)
        return (*self.kernel_size, channels // self.groups, self.filters)

    def bias_shape(self, output_shape: Shape) -> tuple[int, ...]:
        """Return (filters,), or the shape of one sample of the output if untied."""
        if self.bias_sharing == "untied" and geometry.is_open(output_shape):
            need = "has a bias for each pixel"
            raise open_size_error(self, None, need, "share it with bias='tied'")
        return output_shape[1:] if self.bias_sharing == "untied" else output_shape[-1:]

    def windows(self, input_shape: Shape) -> Windows:
        """Return where the windows lie, as the core takes it."""
        return (*super().windows(input_shape)[:4], self.operation == "convolution")

    @property
    def any_size(self) -> bool:  # type: ignore[override]
        """Whether one layer can be used on images of several sizes: an untied bias has one."""
        return self.bias_sharing == "tied"

    @property
    def fuses(self) -> bool:
        """Whether one pass computes all, and can take in what follows."""
        return self._is_plain

    def net_input(self, call: Call, x: Float) -> None:
        """Write the convolution plus, or times, the bias."""
        if self._is_plain:
            super().net_input(call, x)
            return
        product = call.y
        if self.bias_operation == "multiply":
            product = call.keep("product", call.y.shape[1:])
        self.convolve(x, None, product, call.windows)
        if self.bias is not None:
            combine = (
                _core.bias_add_forward
                if self.bias_operation == "add"
                else _core.bias_multiply_forward
            )
            combine(product, self.bias.value, call.y)

    def net_input_backward(self, call: Call, dz: Float) -> None:
        """Write the gradients of kernel, bias and input. May overwrite `dz`."""
        if self._is_plain:
            super().net_input_backward(call, dz)
            return
        bias = call.gradient(self.bias)
        if self.bias is not None and self.bias_operation == "multiply":
            product = call.keep("product", call.y.shape[1:])
            _core.bias_multiply_backward(product, self.bias.value, dz, dz, bias)
        elif bias is not None:
            _core.bias_add_backward(dz, bias)
        self.convolve_backward(call, dz, None)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {
            "filters": self.filters,
            "groups": self.groups,
            "operation": self.operation,
            "bias": self.bias_sharing,
            "bias_operation": self.bias_operation,
        }


class Conv2D(Convolution):
    r"""
    Slide `filters` windows over the image and weigh the pixels in each (cross-correlation).

    With stride s and dilation d of each axis,

    .. math::

        y_{nijf} = \mathrm{activation}(\mathrm{bias}_f + \sum_{u, v, c}
        x_{n, \, i s + u d - \mathrm{top}, \, j s + v d - \mathrm{left}, \, c}
        \; \mathrm{kernel}_{uvcf})

    Pixels outside the image count as zero. Input (batch, height, width, channels),
    output (batch, rows, columns, filters), kernel (height, width, channels / groups, filters).
    A true convolution is the same with the kernel rotated by 180 degrees.

    Parameters
    ----------
    filters
        Number of output channels.
    kernel_size
        Window height and width in pixels: a whole number or two.
    strides
        Pixels from one window to the next: a whole number or two.
    padding
        'valid' (none), 'same' (with stride 1 the output is as large as the input), 'full' (every
        window that touches the image counts), a whole number of zeros on every side, (height,
        width), or ((top, bottom), (left, right)).
    data_format
        None or 'channels_last'.
    dilation_rate
        Pixels from one tap of the kernel to the next: a whole number or two.
    groups
        Number of groups the channels are split into, each with its own filters.
    activation
        Name or `cnnx.activations.Activation`; None is linear.
    use_bias
        Whether there is a bias.
    kernel_initializer, bias_initializer
        Name or `cnnx.initializers.Initializer`. The bias begins at 0, or at 1 where it multiplies.
    operation
        'correlation', as in Keras, or 'convolution', which rotates the kernel.
    bias
        'tied' is one bias a filter; 'untied' is one an output element, (rows, columns, filters).
    bias_operation
        'add', or 'multiply': the net input is then the correlation times the bias.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    kernel_size: Pair
    strides: Pair
    dilation_rate: Pair


class Conv1D(Convolution):
    r"""
    Slide `filters` windows over the steps of a sequence and weigh the numbers in each.

    With stride s and dilation d,

    .. math::

        y_{nif} = \mathrm{activation}(\mathrm{bias}_f + \sum_{u, c}
        x_{n, \, i s + u d - \mathrm{before}, \, c} \; \mathrm{kernel}_{ucf})

    Steps outside the sequence count as zero. Input (batch, steps,
    channels), output (batch, steps, filters), kernel (steps, channels / groups, filters).

    Parameters
    ----------
    filters
        Number of output channels.
    kernel_size
        Window in steps.
    strides
        Steps from one window to the next.
    padding
        'valid' (none), 'same' (with stride 1 the output is as long as the input), 'causal' (zeros
        before the first step alone, so that no output sees a later step: van den Oord et al. 2016,
        "WaveNet"), 'full' (every window that touches the sequence counts), a whole number of zeros
        at both ends, or (before, after).
    data_format, groups, activation, use_bias, kernel_initializer, bias_initializer
        As in `Conv2D`.
    dilation_rate
        Steps from one tap of the kernel to the next.
    operation, bias, bias_operation
        As in `Conv2D`.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    rank = 1
    paddings = geometry.SEQUENCE_PADDINGS
