"""Convolutions and poolings."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import cnnx
import reference
from cnnx import layers
from random_cases.case import CHANNELS, UNIT, Array, Case, functional

Pads = tuple[tuple[int, int], tuple[int, int]]


def rows_and_columns(array: Array) -> tuple[int, int]:
    return array.shape[1], array.shape[2]


class Windows(Case):
    """Windows over images: `padding` as the layer takes it, `pads` as (before, after) an axis."""

    dilated = False
    rank = 2

    def own(self, pair: Any) -> Any:
        """Return what belongs to the layer's axes of a pair, or a word of padding as it is."""
        return pair if isinstance(pair, str) else pair[-self.rank :]

    def draw_windows(self) -> None:
        def pair(low: int, high: int) -> tuple[int, int]:
            rows, columns = self.chance.integers(low, high + 1, 2)
            return int(rows), int(columns)

        self.window, self.strides = pair(1, 5), pair(1, 4)
        self.dilation = pair(1, 3) if self.dilated else (1, 1)
        extents = [(k - 1) * d + 1 for k, d in zip(self.window, self.dilation, strict=True)]
        kind = self.one_of("valid", "same", "explicit")
        sizes, pads = [], []
        for extent, stride in zip(extents, self.strides, strict=True):
            zeros = self.chance.integers(0, extent, 2) if kind == "explicit" else (0, 0)
            smallest = 1 if kind == "same" else max(1, extent - int(sum(zeros)))
            size = int(self.chance.integers(smallest, extent + 8)) + (16 if self.large else 0)
            if kind == "same":
                total = max((-(-size // stride) - 1) * stride + extent - size, 0)
                zeros = (total // 2, total - total // 2)
            sizes.append(size)
            pads.append((int(zeros[0]), int(zeros[1])))
        self.size: tuple[int, int] = (sizes[0], sizes[1])
        self.pads: Pads = (pads[0], pads[1])
        self.padding: Any = self.pads if kind == "explicit" else kind
        places = zip(sizes, pads, extents, self.strides, strict=True)
        out = [(n + sum(p) - e) // s + 1 for n, p, e, s in places]
        self.output_size: tuple[int, int] = (out[0], out[1])

    @property
    def before(self) -> tuple[int, int]:
        return self.pads[0][0], self.pads[1][0]

    def images(self, x: Any, outside: float = 0.0) -> Any:
        """Return images as PyTorch has them, padded."""
        (top, bottom), (left, right) = self.pads
        return functional().pad(x.permute(0, 3, 1, 2), (left, right, top, bottom), value=outside)


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


class SumPooling(Windows):
    layer_class: Any = layers.SumPooling2D

    def draw(self) -> None:
        self.draw_windows()
        mb, channels = self.batch(), self.one_of(*CHANNELS)
        self.arrays = (self.numbers(mb, *self.size, channels),)
        self.dy = self.numbers(mb, *self.output_size, channels)

    @property
    def where(self) -> tuple[Any, Any, Any]:
        return self.window, self.strides, self.before

    def layer(self) -> layers.Layer:
        return self.layer_class(
            self.own(self.window), self.own(self.strides), self.own(self.padding)
        )

    def sums(self, x: Any) -> Any:
        y = functional().avg_pool2d(self.images(x), self.window, self.strides, divisor_override=1)
        return y.permute(0, 2, 3, 1)

    def by_torch(self, x: Any) -> Any:
        return self.sums(x)

    def by_oracle(self, x: Array, *, dy: Array) -> tuple[Array, ...]:
        return (
            reference.sum_pool2d_forward(x, self.output_size, *self.where),
            reference.sum_pool2d_backward(dy, rows_and_columns(x), *self.where),
        )


class WeightedPooling(SumPooling):
    layer_class = layers.WeightedAveragePooling2D

    def draw(self) -> None:
        super().draw()
        self.arrays += (self.numbers(self.dy.shape[-1]),)

    def by_torch(self, x: Any, scale: Any) -> Any:
        return self.sums(x) * scale

    def by_oracle(self, x: Array, scale: Array, *, dy: Array) -> tuple[Array, ...]:
        sums, dx = super().by_oracle(x, dy=dy * scale)
        return sums * scale, dx, (dy * sums).sum(axis=(0, 1, 2))


class AveragePooling(SumPooling):
    """The mean of n pixels is a sum of n; division rounds, so that whole numbers are not exact."""

    layer_class = layers.AveragePooling2D
    exact_on_whole_numbers = False

    def by_torch(self, x: Any) -> Any:
        return self.sums(x) / self.sums(x.detach() * 0 + 1)

    def by_oracle(self, x: Array, *, dy: Array) -> tuple[Array, ...]:
        return (
            reference.avg_pool2d_forward(x, self.output_size, *self.where),
            reference.avg_pool2d_backward(dy, rows_and_columns(x), *self.where),
        )

    def terms(self, judge: Any) -> list[Array]:
        pixels = math.prod(self.window)
        return [np.full(self.dy.shape, pixels), np.full(self.arrays[0].shape, pixels)]


class MaxPooling(SumPooling):
    """Maxima are exact; only sums of gradients are rounded."""

    layer_class = layers.MaxPooling2D

    def by_torch(self, x: Any) -> Any:
        y = functional().max_pool2d(self.images(x, -math.inf), self.window, self.strides)
        return y.permute(0, 2, 3, 1)

    def by_oracle(self, x: Array, *, dy: Array) -> tuple[Array, ...]:
        y, argmax = reference.max_pool2d_forward(x, self.output_size, *self.where)
        return y, reference.max_pool2d_backward(dy, argmax, rows_and_columns(x), *self.where)

    def bounds(self, judge: Any, expected: list[Array]) -> list[Array]:
        terms = judge(self, self.arrays, np.ones(self.dy.shape))[1]
        magnitudes = judge(self, self.arrays, np.abs(self.dy))[1]
        return [np.zeros(expected[0].shape), (terms + 2) * UNIT * magnitudes]


class Adaptive:
    """Windows that share out the pixels of each axis."""

    def draw_windows(self: Any) -> None:
        self.size, self.output_size = (
            tuple(int(n) for n in self.chance.integers(1, 14, 2)) for _ in "xy"
        )
        self.window = tuple(
            n // m + (2 if n % m else 0) for n, m in zip(self.size, self.output_size, strict=True)
        )
        self.strides, self.pads, self.padding = (0, 0), ((0, 0), (0, 0)), "valid"

    def layer(self: Any) -> layers.Layer:
        return self.layer_class(self.own(self.output_size))

    def by_torch(self: Any, x: Any) -> Any:
        pooled = getattr(functional(), self.torch_name)(self.images(x), self.output_size)
        return pooled.permute(0, 2, 3, 1)


class AdaptiveAveragePooling(Adaptive, AveragePooling):
    layer_class = layers.AdaptiveAveragePooling2D
    torch_name = "adaptive_avg_pool2d"


class AdaptiveMaxPooling(Adaptive, MaxPooling):
    layer_class = layers.AdaptiveMaxPooling2D
    torch_name = "adaptive_max_pool2d"


class Global:
    """One window, the whole image."""

    def draw_windows(self: Any) -> None:
        self.size = self.window = tuple(int(n) for n in self.chance.integers(1, 12, 2))
        self.strides, self.pads, self.output_size = (1, 1), ((0, 0), (0, 0)), (1, 1)
        self.padding = "valid"

    def layer(self: Any) -> layers.Layer:
        return self.layer_class(keepdims=True)


class GlobalMaxPooling(Global, MaxPooling):
    layer_class = layers.GlobalMaxPooling2D


class GlobalAveragePooling(Global, AveragePooling):
    layer_class = layers.GlobalAveragePooling2D


def lifted(x: Any, *weights: Any) -> list[Any]:
    """Return sequences, and kernels over them, as images of height 1 and theirs."""
    return [x[:, None], *(weight[None] if weight.ndim > 1 else weight for weight in weights)]


def lowered(x: Any, *weights: Any) -> list[Any]:
    """Return images of height 1, and kernels over them, as sequences and theirs."""
    return [x[:, 0], *(weight[0] if weight.ndim > 1 else weight for weight in weights)]


class Sequences:
    """Windows of height 1; the layer sees one axis less."""

    rank = 1

    def draw_windows(self: Any) -> None:
        super().draw_windows()  # type: ignore[misc]
        for name in ("size", "window", "strides", "dilation", "output_size"):
            if hasattr(self, name):
                setattr(self, name, (1, getattr(self, name)[1]))
        self.pads = ((0, 0), self.pads[1])
        if not isinstance(self.padding, str):
            self.padding = self.pads

    def draw(self: Any) -> None:
        super().draw()  # type: ignore[misc]
        self.arrays = tuple(lowered(*self.arrays))
        self.dy = self.dy[:, 0]

    def by_torch(self: Any, *arrays: Any) -> Any:
        return super().by_torch(*lifted(*arrays))[:, 0]  # type: ignore[misc]

    def by_oracle(self: Any, *arrays: Array, dy: Array) -> tuple[Array, ...]:
        y, *gradients = super().by_oracle(*lifted(*arrays), dy=dy[:, None])  # type: ignore[misc]
        return y[:, 0], *lowered(*gradients)


class Convolution1D(Sequences, Convolution):
    layer_class = layers.Conv1D


class DepthwiseConvolution1D(Sequences, DepthwiseConvolution):
    layer_class = layers.DepthwiseConv1D


class SeparableConvolution1D(Sequences, SeparableConvolution):
    layer_class = layers.SeparableConv1D


class TransposedConvolution1D(Sequences, TransposedConvolution):
    layer_class = layers.Conv1DTranspose

    def draw_windows(self) -> None:
        super().draw_windows()
        if self.added is not None:
            self.added = (0, self.added[1])


class MaxPooling1D(Sequences, MaxPooling):
    layer_class = layers.MaxPooling1D


class AveragePooling1D(Sequences, AveragePooling):
    layer_class = layers.AveragePooling1D


class GlobalMaxPooling1D(Sequences, GlobalMaxPooling):
    layer_class = layers.GlobalMaxPooling1D


class GlobalAveragePooling1D(Sequences, GlobalAveragePooling):
    layer_class = layers.GlobalAveragePooling1D


class AdaptiveAveragePooling1D(Sequences, AdaptiveAveragePooling):
    layer_class = layers.AdaptiveAveragePooling1D


class AdaptiveMaxPooling1D(Sequences, AdaptiveMaxPooling):
    layer_class = layers.AdaptiveMaxPooling1D
