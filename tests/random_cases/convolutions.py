"""Convolutions."""

from __future__ import annotations

from typing import Any

import numpy as np

import cnnx
import reference
from cnnx import layers
from random_cases.case import CHANNELS, Array, functional
from random_cases.windows import Windows


class Convolution(Windows):
    dilated = True
    layer_class: Any = layers.Conv2D

    def draw_channels(self) -> tuple[int, int, int]:
        """Return groups, and the input and output channels of each."""
        if self.chance.random() < 0.6:
            most = [64, 130] if self.large else CHANNELS
            return 1, self.one_of(*most), self.one_of(*most)
        groups, ic, oc = self.chance.integers((2, 1, 1), (5, 6, 10))
        return int(groups), int(ic), int(oc)

    def draw(self) -> None:
        self.draw_windows()
        self.groups, ic, oc = self.draw_channels()
        self.filters = self.groups * oc
        self.rotated = bool(self.chance.random() < 0.2)
        mb = self.batch()
        x = self.numbers(mb, *self.size, self.groups * ic)
        kernel = self.numbers(*self.window, ic, self.filters)
        self.arrays = (x, kernel)
        if self.chance.random() < 0.7:
            self.arrays += (self.numbers(self.filters),)
        self.dy = self.numbers(mb, *self.output_size, self.filters)

    def layer(self) -> layers.Layer:
        return self.layer_class(
            self.filters,
            self.own(self.window),
            self.own(self.strides),
            self.own(self.padding),
            dilation_rate=self.own(self.dilation),
            groups=self.groups,
            use_bias=len(self.arrays) == 3,
            operation="convolution" if self.rotated else "correlation",
        )

    def by_torch(self, x: Any, kernel: Any, bias: Any = None) -> Any:
        weights = kernel.flip(0, 1) if self.rotated else kernel
        y = functional().conv2d(
            self.images(x),
            weights.permute(3, 2, 0, 1).contiguous(),
            bias,
            self.strides,
            dilation=self.dilation,
            groups=self.groups,
        )
        return y.permute(0, 2, 3, 1)

    def by_oracle(
        self, x: Array, kernel: Array, bias: Array | None = None, *, dy: Array
    ) -> tuple[Array, ...]:
        geometry: dict[str, Any] = {
            "strides": self.strides,
            "padding": self.before,
            "dilation": self.dilation,
            "groups": self.groups,
            "rotated": self.rotated,
        }
        y = reference.conv2d_forward(x, kernel, bias, self.output_size, **geometry)
        gradients = reference.conv2d_backward(x, kernel, dy, **geometry)
        return y, *gradients[: len(self.arrays)]


class Depthwise(Convolution):
    def draw_channels(self) -> tuple[int, int, int]:
        return self.one_of(*CHANNELS), 1, int(self.chance.integers(1, 3))


class Winograd(Convolution):
    """
    3x3 kernels by Winograd's products.

    An output then depends on the rounding of all products of its tile, and their factors are larger
    than those of the sum: the bound of each is 8 times the largest of all. The constants of the
    transform are no whole numbers, so that whole numbers come out rounded.
    """

    exact_on_whole_numbers = False

    def draw_channels(self) -> tuple[int, int, int]:
        most = [64, 130] if self.large else [16, 17, 33, 40]
        return 1, self.one_of(*most), self.one_of(*most)

    def draw_windows(self) -> None:
        zeros, rows, columns = (int(n) for n in self.chance.integers((0, 3, 3), (2, 14, 14)))
        self.window, self.strides, self.dilation = (3, 3), (1, 1), (1, 1)
        self.padding = self.pads = ((zeros, zeros), (zeros, zeros))
        self.size = (rows, columns)
        self.output_size = (rows + 2 * zeros - 2, columns + 2 * zeros - 2)

    def by_cnnx(self) -> list[Array]:
        before = cnnx.config.conv_algorithm()
        cnnx.config.set_conv_algorithm("winograd")
        try:
            return super().by_cnnx()
        finally:
            cnnx.config.set_conv_algorithm(before)

    def bounds(self, judge: Any, expected: list[Array]) -> list[Array]:
        return [np.full(b.shape, 8 * b.max()) for b in super().bounds(judge, expected)]


class DepthwiseConvolution(Windows):
    dilated = True
    layer_class: Any = layers.DepthwiseConv2D

    def draw(self) -> None:
        self.draw_windows()
        mb, channels, multiplier = self.batch(), self.one_of(*CHANNELS), self.one_of(1, 1, 2)
        kernels = self.draw_kernels(channels, multiplier)
        outputs = kernels[-1].shape[-1] if len(kernels) > 1 else channels * multiplier
        self.options = {"depth_multiplier": multiplier, "use_bias": self.chance.random() < 0.7}
        bias = (self.numbers(outputs),) if self.options["use_bias"] else ()
        self.arrays = (self.numbers(mb, *self.size, channels), *kernels, *bias)
        self.dy = self.numbers(mb, *self.output_size, outputs)

    def draw_kernels(self, channels: int, multiplier: int) -> list[Array]:
        return [self.numbers(*self.window, channels, multiplier)]

    def layer(self) -> layers.Layer:
        return self.layer_class(
            kernel_size=self.own(self.window),
            strides=self.own(self.strides),
            padding=self.own(self.padding),
            dilation_rate=self.own(self.dilation),
            **self.options,
        )

    @property
    def where(self) -> tuple[Any, Any, Any]:
        return self.strides, self.before, self.dilation

    def by_torch(self, x: Any, kernel: Any, bias: Any = None) -> Any:
        weights = kernel.permute(2, 3, 0, 1).reshape(-1, 1, *self.window)
        y = functional().conv2d(
            self.images(x),
            weights,
            bias,
            self.strides,
            dilation=self.dilation,
            groups=x.shape[-1],
        )
        return y.permute(0, 2, 3, 1)

    def by_oracle(
        self, x: Array, kernel: Array, bias: Array | None = None, *, dy: Array
    ) -> tuple[Array, ...]:
        y = reference.depthwise2d_forward(x, kernel, bias, self.output_size, *self.where)
        gradients = reference.depthwise2d_backward(x, kernel, dy, *self.where)
        return y, *gradients[: len(self.arrays)]


class SeparableConvolution(DepthwiseConvolution):
    """Sums of sums: of n products of three numbers each, where n is the product of the two."""

    layer_class: Any = layers.SeparableConv2D

    def draw_kernels(self, channels: int, multiplier: int) -> list[Array]:
        filters = self.one_of(1, 2, 5, 17)
        pointwise = self.numbers(1, 1, channels * multiplier, filters)
        return [*super().draw_kernels(channels, multiplier), pointwise]

    def layer(self) -> layers.Layer:
        self.options["filters"] = self.dy.shape[-1]
        return super().layer()

    def by_torch(self, x: Any, kernel: Any, pointwise: Any, bias: Any = None) -> Any:
        y = super().by_torch(x, kernel) @ pointwise[0, 0]
        return y if bias is None else y + bias

    def by_oracle(  # type: ignore[override]
        self, x: Array, kernel: Array, pointwise: Array, bias: Array | None = None, *, dy: Array
    ) -> tuple[Array, ...]:
        kernels = (kernel, pointwise)
        y = reference.separable2d_forward(x, *kernels, bias, self.output_size, *self.where)
        gradients = reference.separable2d_backward(x, *kernels, dy, *self.where)
        return y, *gradients[: len(self.arrays)]


class TransposedConvolution(Convolution):
    """The windows lie on the output, which is `size`; the input is `output_size`."""

    layer_class: Any = layers.Conv2DTranspose

    def draw_windows(self) -> None:
        super().draw_windows()
        extents = [(k - 1) * d + 1 for k, d in zip(self.window, self.dilation, strict=True)]
        axes = list(zip(self.output_size, self.strides, extents, strict=True))
        whole = [(n - 1) * s + e for n, s, e in axes]
        if self.padding == "same":
            rows, columns = (n * s for n, s, _ in axes)
            self.size, self.added = (rows, columns), None
            zeros = [max(w - n, 0) for w, n in zip(whole, self.size, strict=True)]
            self.pads = (zeros[0] // 2, -(-zeros[0] // 2)), (zeros[1] // 2, -(-zeros[1] // 2))
        else:
            sums = [n + sum(p) for n, p in zip(self.size, self.pads, strict=True)]
            self.added = sums[0] - whole[0], sums[1] - whole[1]

    def draw(self) -> None:
        self.draw_windows()
        self.groups, ic, oc = self.draw_channels()
        self.filters = self.groups * oc
        mb = self.batch()
        x = self.numbers(mb, *self.output_size, self.groups * ic)
        self.arrays = (x, self.numbers(*self.window, oc, self.groups * ic))
        if self.chance.random() < 0.7:
            self.arrays += (self.numbers(self.filters),)
        self.dy = self.numbers(mb, *self.size, self.filters)

    def layer(self) -> layers.Layer:
        return self.layer_class(
            self.filters,
            self.own(self.window),
            self.own(self.strides),
            self.own(self.padding),
            None if self.added is None else self.own(self.added),
            dilation_rate=self.own(self.dilation),
            use_bias=len(self.arrays) == 3,
            groups=self.groups,
        )

    def by_torch(self, x: Any, kernel: Any, bias: Any = None) -> Any:
        whole = functional().conv_transpose2d(
            x.permute(0, 3, 1, 2),
            kernel.permute(3, 2, 0, 1).contiguous(),
            None,
            self.strides,
            groups=self.groups,
            dilation=self.dilation,
        )
        (top, left), (rows, columns) = self.before, self.size
        room = functional().pad(whole, (0, columns + left, 0, rows + top))
        y = room[:, :, top : top + rows, left : left + columns].permute(0, 2, 3, 1)
        return y if bias is None else y + bias

    def by_oracle(
        self, x: Array, kernel: Array, bias: Array | None = None, *, dy: Array
    ) -> tuple[Array, ...]:
        windows = (self.strides, self.before, self.dilation, self.groups)
        y = reference.conv2d_transpose_forward(x, kernel, bias, self.size, *windows)
        gradients = reference.conv2d_transpose_backward(x, kernel, dy, *windows)
        return y, *gradients[: len(self.arrays)]
