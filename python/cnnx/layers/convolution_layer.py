"""What all convolutions share: a kernel that slides over images, or over sequences."""

from typing import Any, ClassVar, TypeAlias

import numpy as np

from cnnx import _core, geometry
from cnnx.arrays import Codes, Float, Shape, images
from cnnx.geometry import Extents, Padding, Pair, Placement
from cnnx.layers.call import Call
from cnnx.layers.layer import check_rank
from cnnx.layers.layout import in_its_layout
from cnnx.layers.linear import LinearLayer

Windows: TypeAlias = tuple[Pair, Pair, Pair, int, bool]
"""Strides, padding (top, left), dilation, groups and whether rotated, as the core takes them."""


class ConvolutionLayer(LinearLayer):
    """
    A layer whose kernel slides over images (batch, height, width, channels).

    With `rank` 1 it slides over sequences (batch, steps, channels). The core knows images alone:
    a sequence is an image of height 1, in the same memory.

    Subclasses implement `kernel_shape`, `net_input` and `net_input_backward`.
    """

    any_size = True
    rank: ClassVar[int] = 2
    """Number of axes that the kernel slides along."""
    kernel_size: Extents
    strides: Extents
    padding: Padding
    dilation_rate: Extents
    filters: int
    groups = 1
    paddings: ClassVar[tuple[str, ...]] = geometry.PADDINGS
    """The words that `padding` may be."""

    def __init__(
        self,
        kernel_size: Any,
        strides: Any,
        padding: Any,
        data_format: str | None,
        dilation_rate: Any,
        activation: Any,
        use_bias: bool,
        kernel_initializer: Any,
        bias_initializer: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(activation, use_bias, kernel_initializer, bias_initializer, **kwargs)
        self.take_layout(data_format, self.rank)
        self.kernel_size = geometry.extents(kernel_size, f"{self}: kernel_size", self.rank)
        self.strides = geometry.extents(strides, f"{self}: strides", self.rank)
        self.padding = geometry.padding(padding, f"{self}: padding", self.rank, self.paddings)
        self.dilation_rate = geometry.extents(dilation_rate, f"{self}: dilation_rate", self.rank)

    @property
    def fuses(self) -> bool:
        """Whether one pass computes all, and can take in what follows."""
        return True

    def place(self, input_shape: Shape) -> Placement:
        """Return where the windows lie on an input."""
        return geometry.place(
            str(self),
            check_rank(self, input_shape, self.rank)[:-1],
            self.kernel_size,
            self.strides,
            self.padding,
            self.dilation_rate,
        )

    def set_filters(self, filters: int, groups: int = 1) -> None:
        """Take the number of filters, and of the groups that they are split into."""
        self.filters = geometry.integer(filters, f"{self}: filters")
        self.groups = geometry.integer(groups, f"{self}: groups")
        if self.filters % self.groups:
            raise ValueError(
                f"{self}: filters={self.filters} must be a multiple of groups={self.groups}"
            )

    def check_channels(self, input_shape: Shape) -> int:
        """Return the number of input channels, which must be a multiple of `groups`."""
        channels: int = check_rank(self, input_shape, self.rank)[-1]
        if channels % self.groups:
            raise ValueError(
                f"{self}: the input's {channels} channels must be a multiple of "
                f"groups={self.groups}"
            )
        return channels

    def output_channels(self, channels: int) -> int:
        """Return the number of output channels for a number of input channels."""
        return self.filters

    @in_its_layout
    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (batch, rows, columns, channels), or (batch, steps, channels)."""
        size = self.place(input_shape).output_size[-self.rank :]
        return (input_shape[0], *size, self.output_channels(input_shape[-1]))

    def windows(self, input_shape: Shape) -> Windows:
        """Return where the windows lie, as the core takes it."""
        return (
            geometry.plane(self.strides),
            self.place(input_shape).padding,
            geometry.plane(self.dilation_rate),
            self.groups,
            False,
        )

    def taps(self, kernel: Float) -> Float:
        """Return a view of a kernel, or of its gradient, as the core takes it: HWIO."""
        return kernel if kernel.ndim == 4 else kernel[None]

    def gradient_so_far(self, call: Call) -> Float | None:
        """Return, as the core takes it, what is to be added to the input's gradient."""
        so_far = call.gradient_so_far
        return None if so_far is None else images(so_far)

    def bind(self, call: Call) -> None:
        """Place the windows."""
        input_shape = (None, *call.shapes[0])
        call.windows = self.windows(input_shape)
        call.output_size = self.place(input_shape).output_size

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {
            "kernel_size": list(self.kernel_size),
            "strides": list(self.strides),
            "padding": geometry.padding_config(self.padding),
            "dilation_rate": list(self.dilation_rate),
        }


class GroupedConvolution(ConvolutionLayer):
    """A layer that one convolution of the core computes, in groups of channels and with a bias."""

    def net_input(self, call: Call, x: Float) -> None:
        """Write the convolution plus bias."""
        self.convolve(x, self.bias_value, call.y, call.windows)

    def net_input_backward(self, call: Call, dz: Float) -> None:
        """Write the gradients of kernel, bias and input."""
        self.differentiate(call, dz)

    def convolve(self, x: Float, bias: Float | None, y: Float, windows: Windows) -> None:
        """Write the convolution plus `bias` to `y`."""
        _core.conv2d_forward(images(x), self.taps(self.kernel.value), bias, images(y), *windows)

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
        self.convolve_backward(call, dz, call.gradient(self.bias), codes, pooled_from)

    def kernel_gradient(self, call: Call, bias: Float | None) -> Float | None:
        """Return where the core writes the kernel's gradient beside that of the bias, or None."""
        kernel = call.gradient(self.kernel)
        if kernel is None and bias is not None:
            return np.empty_like(self.kernel.value)  # the core adds up both or none
        return kernel

    def convolve_backward(
        self,
        call: Call,
        dz: Float,
        bias: Float | None,
        codes: Codes | None = None,
        pooled_from: Pair | None = None,
    ) -> None:
        """Do what `differentiate` does, with the bias's gradient written to `bias`."""
        kernel, dx = self.kernel_gradient(call, bias), call.dx[0]
        windows: Windows = call.windows
        if kernel is not None:
            _core.conv2d_backward_weights(
                images(call.xs[0]),
                images(dz),
                self.taps(kernel),
                bias,
                *windows,
                codes,
                pooled_from,
            )
        if dx is not None:
            _core.conv2d_backward_data(
                images(dz),
                self.taps(self.kernel.value),
                images(dx),
                *windows,
                codes,
                pooled_from,
                self.gradient_so_far(call),
            )
