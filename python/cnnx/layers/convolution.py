"""Convolution of images."""

from typing import Any

from cnnx import _core, geometry
from cnnx.arrays import Float, Shape
from cnnx.geometry import Pair, Placement
from cnnx.layers.layer import check_channels_last, image_shape
from cnnx.layers.linear import LinearLayer


class Conv2D(LinearLayer):
    """
    Slide `filters` windows over the image and weigh the pixels in each (cross-correlation).

    y[n, i, j, f] = activation(bias[f] + sum over u, v, c of
    x[n, i s + u d - top, j s + v d - left, c] kernel[u, v, c, f]), with stride s and dilation d of
    each axis; pixels outside the image count as zero. Input (batch, height, width, channels),
    output (batch, rows, columns, filters), kernel (height, width, channels / groups, filters).

    Parameters
    ----------
    filters
        Number of output channels.
    kernel_size
        Window height and width in pixels: a whole number or two.
    strides
        Pixels from one window to the next: a whole number or two.
    padding
        'valid' (none), 'same' (with stride 1 the output is as large as the input), a whole number
        of zeros on every side, (height, width), or ((top, bottom), (left, right)).
    data_format
        None or 'channels_last'.
    dilation_rate
        Pixels from one tap of the kernel to the next: a whole number or two.
    groups
        Number of groups the channels are split into, each with its own filters.
    activation
        Name or `cnnx.activations.Activation`; None is linear.
    use_bias
        Whether to add a bias to each filter.
    kernel_initializer, bias_initializer
        Name or `cnnx.initializers.Initializer`.
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
        bias_initializer: Any = "zeros",
        **kwargs: Any,
    ) -> None:
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

    def _place(self, input_shape: Shape) -> Placement:
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

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (batch, rows, columns, filters)."""
        return (input_shape[0], *self._place(input_shape).output_size, self.filters)

    def build(self, input_shape: Shape) -> None:
        """Create kernel and bias."""
        super().build(input_shape)
        padding = self._place(input_shape).padding
        self._windows = (self.strides, padding, self.dilation_rate, self.groups)

    def preactivation(self, x: Float, training: bool) -> Float:
        """Return the convolution plus bias."""
        y = self._output.rows(len(x))
        bias = None if self.bias is None else self.bias.value
        _core.conv2d_forward(x, self.kernel.value, bias, y, *self._windows)
        if training:
            self._x = x
        return y

    def backward_preactivation(self, dz: Float) -> Float | None:
        """Write the gradients of kernel and bias; return the input's."""
        if self.trainable:
            diff_bias = None if self.bias is None else self.bias.gradient
            _core.conv2d_backward_weights(
                self._x, dz, self.kernel.gradient, diff_bias, *self._windows
            )
        if not self.needs_input_gradient:
            return None
        dx = self._input_gradient.rows(len(dz))
        _core.conv2d_backward_data(dz, self.kernel.value, dx, *self._windows)
        return dx

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {
            "filters": self.filters,
            "kernel_size": list(self.kernel_size),
            "strides": list(self.strides),
            "padding": geometry.padding_config(self.padding),
            "dilation_rate": list(self.dilation_rate),
            "groups": self.groups,
        }
