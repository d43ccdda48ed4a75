"""Convolution of images."""

from typing import Any, TypeAlias

from cnnx import _core, geometry
from cnnx.arrays import Codes, Float, Shape
from cnnx.geometry import Pair, Placement
from cnnx.layers.call import Call
from cnnx.layers.layer import check_channels_last, image_shape
from cnnx.layers.linear import LinearLayer
from cnnx.registry import choice

Windows: TypeAlias = tuple[Pair, Pair, Pair, int, bool]
"""Strides, padding (top, left), dilation, groups and whether rotated, as the core takes them."""


class Conv2D(LinearLayer):
    """
    Slide `filters` windows over the image and weigh the pixels in each (cross-correlation).

    y[n, i, j, f] = activation(bias[f] + sum over u, v, c of
    x[n, i s + u d - top, j s + v d - left, c] kernel[u, v, c, f]), with stride s and dilation d of
    each axis; pixels outside the image count as zero. Input (batch, height, width, channels),
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

    def __init__(
        self,
        filters: int,
        kernel_size: int | Pair,
        strides: int | Pair = (1, 1),
        padding: Any = "valid",
        data_format: str | None = None,
        dilation_rate: int | Pair = (1, 1),
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
        super().__init__(activation, use_bias, kernel_initializer, bias_initializer, **kwargs)
        check_channels_last(self, data_format)
        self.filters = geometry.integer(filters, f"{self}: filters")
        self.kernel_size = geometry.pair(kernel_size, f"{self}: kernel_size")
        self.strides = geometry.pair(strides, f"{self}: strides")
        self.padding = geometry.padding(padding, f"{self}: padding")
        self.dilation_rate = geometry.pair(dilation_rate, f"{self}: dilation_rate")
        self.groups = geometry.integer(groups, f"{self}: groups")
        if self.filters % self.groups:
            raise ValueError(
                f"{self}: filters={self.filters} must be a multiple of groups={self.groups}"
            )

    def place(self, input_shape: Shape) -> Placement:
        """Return where the windows lie on an input."""
        height, width, _ = image_shape(self, input_shape)
        return geometry.place(
            str(self),
            (height, width),
            self.kernel_size,
            self.strides,
            self.padding,
            self.dilation_rate,
        )

    def kernel_shape(self, input_shape: Shape) -> tuple[int, ...]:
        """Return (height, width, channels / groups, filters)."""
        channels = image_shape(self, input_shape)[2]
        if channels % self.groups:
            raise ValueError(
                f"{self}: the input's {channels} channels must be a multiple of "
                f"groups={self.groups}"
            )
        return (*self.kernel_size, channels // self.groups, self.filters)

    def bias_shape(self, output_shape: Shape) -> tuple[int, ...]:
        """Return (filters,), or (rows, columns, filters) if untied."""
        return output_shape[1:] if self.bias_sharing == "untied" else output_shape[3:]

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (batch, rows, columns, filters)."""
        return (input_shape[0], *self.place(input_shape).output_size, self.filters)

    def bind(self, call: Call) -> None:
        """Place the windows."""
        placement = self.place((None, *call.shapes[0]))
        rotated = self.operation == "convolution"
        windows: Windows = (
            self.strides,
            placement.padding,
            self.dilation_rate,
            self.groups,
            rotated,
        )
        call.windows = windows
        call.output_size = placement.output_size

    @property
    def any_size(self) -> bool:  # type: ignore[override]
        """Whether one layer can be used on images of several sizes: an untied bias has one."""
        return self.bias_sharing == "tied"

    @property
    def fuses(self) -> bool:
        """Whether an activation and a pooling can follow in the same pass."""
        return self._is_plain

    def net_input(self, call: Call, x: Float) -> None:
        """Write the convolution plus, or times, the bias."""
        if self._is_plain:
            _core.conv2d_forward(x, self.kernel.value, self.bias_value, call.y, *call.windows)
            return
        product = call.y
        if self.bias_operation == "multiply":
            product = call.keep("product", call.y.shape[1:])
        _core.conv2d_forward(x, self.kernel.value, None, product, *call.windows)
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
            self.differentiate(call, dz)
            return
        bias = call.gradient(self.bias)
        if self.bias is not None and self.bias_operation == "multiply":
            product = call.keep("product", call.y.shape[1:])
            _core.bias_multiply_backward(product, self.bias.value, dz, dz, bias)
        elif bias is not None:
            _core.bias_add_backward(dz, bias)
        self._differentiate(call, dz, None, None, None)

    def differentiate(
        self,
        call: Call,
        dz: Float,
        codes: Codes | None = None,
        pooled_from: Pair | None = None,
    ) -> None:
        """
        Write the gradients of kernel, bias and input, from that of the convolution plus bias.

        Parameters
        ----------
        call
            Of the forward pass.
        dz
            The gradient; pooled if `pooled_from` is given.
        codes
            Which pixel of its window each pooled value was.
        pooled_from
            Rows and columns before the pooling that follows in the same pass.
        """
        self._differentiate(call, dz, call.gradient(self.bias), codes, pooled_from)

    def _differentiate(
        self,
        call: Call,
        dz: Float,
        bias: Float | None,
        codes: Codes | None,
        pooled_from: Pair | None,
    ) -> None:
        kernel, (dx,) = call.gradient(self.kernel), call.dx
        windows: Windows = call.windows
        if kernel is not None:
            _core.conv2d_backward_weights(
                call.xs[0], dz, kernel, bias, *windows, codes, pooled_from
            )
        if dx is not None:
            _core.conv2d_backward_data(dz, self.kernel.value, dx, *windows, codes, pooled_from)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {
            "filters": self.filters,
            "kernel_size": list(self.kernel_size),
            "strides": list(self.strides),
            "padding": geometry.padding_config(self.padding),
            "dilation_rate": list(self.dilation_rate),
            "groups": self.groups,
            "operation": self.operation,
            "bias": self.bias_sharing,
            "bias_operation": self.bias_operation,
        }
