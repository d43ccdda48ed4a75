"""Poolings."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import reference
from cnnx import layers
from random_cases.case import CHANNELS, UNIT, Array, functional
from random_cases.windows import Windows, rows_and_columns


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
