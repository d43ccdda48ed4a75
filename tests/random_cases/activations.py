"""Activation functions that need their input, rows of logarithms, and slopes that are learned."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import reference
from cnnx import layers
from random_cases.case import UNIT, Array, Case, functional
from random_cases.rows import Elementwise


class Gated(Elementwise):
    """
    x g(x), where g and g' are powers of e of about -x^2.

    Rounding x shifts the powers by x^2 UNIT of their value: 16 (1 + x^2) UNIT of the sum of the
    absolute values of |x| g + |x|, and of the derivative's terms g + |x g'|.
    """

    TORCH = {"silu": "silu", "mish": "mish", "hard_silu": "hardswish"}  # noqa: RUF012

    def draw(self) -> None:
        self.name = self.one_of("silu", "gelu", "mish", "hard_silu")
        super().draw()

    def layer(self) -> layers.Layer:
        return layers.Activation(self.name)

    def by_torch(self, x: Any) -> Any:
        if self.name == "gelu":  # PyTorch's own takes 1 + erf, which cancels far below 0
            import torch

            return x * torch.special.erfc(-x / math.sqrt(2)) / 2
        return getattr(functional(), self.TORCH[self.name])(x)

    def by_oracle(self, x: Array, *, dy: Array) -> tuple[Array, ...]:
        forward = getattr(reference, f"{self.name}_forward")
        return forward(x), getattr(reference, f"{self.name}_backward")(x, dy)

    def bounds(self, judge: Any, expected: list[Array]) -> list[Array]:
        x = reference.f64(self.arrays[0])
        unit = 16 * UNIT * (1 + x**2)
        gate = np.abs(expected[0] / x)
        slope = np.abs(getattr(reference, f"{self.name}_backward")(x, np.ones(x.shape))) + gate
        return [unit * np.abs(expected[0]), unit * np.abs(self.dy) * (gate + slope)]


class LogSoftmax(Elementwise):
    """Rounding x - max and the logarithm of the sum: 8 UNIT of the largest; n powers are added."""

    def layer(self) -> layers.Layer:
        return layers.Activation("log_softmax")

    def by_torch(self, x: Any) -> Any:
        return x.log_softmax(-1)

    def by_oracle(self, x: Array, *, dy: Array) -> tuple[Array, ...]:
        y = reference.log_softmax_forward(x)
        return y, reference.log_softmax_backward(y, dy)

    def bounds(self, judge: Any, expected: list[Array]) -> list[Array]:
        y, dy = expected[0], np.abs(self.dy)
        unit = UNIT * (8 + y.shape[-1] + np.ptp(y, axis=-1, keepdims=True))
        total = dy.sum(axis=-1, keepdims=True)
        return [unit * (1 + np.abs(y)), unit * (dy + 2 * np.exp(y) * total * (1 + np.abs(y)))]


class Rectifier(Elementwise):
    """Three pieces of a line; each is at most a difference times a slope."""

    def draw(self) -> None:
        super().draw()
        self.highest = self.one_of(None, 1.0, 6.0)
        self.slope, self.threshold = self.one_of(0.0, 0.25, 0.3), self.one_of(0.0, 0.5)

    def layer(self) -> layers.Layer:
        return layers.ReLU(self.highest, self.slope, self.threshold)

    def by_torch(self, x: Any) -> Any:
        above = x if self.highest is None else x.clamp(max=self.highest)
        return above.where(x > self.threshold, self.slope * (x - self.threshold))

    def by_oracle(self, x: Array, *, dy: Array) -> tuple[Array, ...]:
        highest = np.inf if self.highest is None else self.highest
        y = reference.rectifier_forward(x, highest, self.slope, self.threshold)
        rises = (x > self.threshold) & (x < highest)
        return y, dy * np.where(x > self.threshold, rises, self.slope)

    def bounds(self, judge: Any, expected: list[Array]) -> list[Array]:
        return [
            3 * UNIT * self.slope * (np.abs(self.arrays[0]) + self.threshold),
            2 * UNIT * np.abs(expected[1]),
        ]


class LeakyRectifier(Rectifier):
    def draw(self) -> None:
        super().draw()
        self.highest, self.threshold = None, 0.0

    def layer(self) -> layers.Layer:
        return layers.LeakyReLU(self.slope)


class ExponentialLinear(Elementwise):
    """Off by 8 UNIT of the value; the derivative below 0 is y + alpha."""

    def draw(self) -> None:
        super().draw()
        self.alpha = self.one_of(0.5, 1.0, 1.7)

    def layer(self) -> layers.Layer:
        return layers.ELU(self.alpha)

    def by_torch(self, x: Any) -> Any:
        return functional().elu(x, self.alpha)

    def by_oracle(self, x: Array, *, dy: Array) -> tuple[Array, ...]:
        below = self.alpha * np.expm1(np.minimum(reference.f64(x), 0))
        return np.where(x > 0, x, below), dy * np.where(x > 0, 1, below + self.alpha)

    def bounds(self, judge: Any, expected: list[Array]) -> list[Array]:
        y = np.abs(expected[0])
        return [8 * UNIT * y, 16 * UNIT * np.abs(self.dy) * (y + 1 + self.alpha)]


class LearnedSlopes(Case):
    """A slope a channel: products, and sums of products."""

    def draw(self) -> None:
        shape = [int(n) for n in self.chance.integers(1, 12, 3)]
        batch = self.batch()
        self.arrays = (self.numbers(batch, *shape), self.numbers(1, 1, shape[-1]))
        self.dy = self.numbers(batch, *shape)

    def layer(self) -> layers.Layer:
        return layers.PReLU(shared_axes=(1, 2))

    def by_torch(self, x: Any, alpha: Any) -> Any:
        return x.where(x > 0, alpha * x)

    def by_oracle(self, x: Array, alpha: Array, *, dy: Array) -> tuple[Array, ...]:
        total = (dy * np.minimum(reference.f64(x), 0)).sum(axis=(0, 1, 2))
        dx = dy * np.where(x > 0, 1, np.broadcast_to(reference.f64(alpha), x.shape))
        return reference.prelu_forward(x, alpha), dx, total.reshape(alpha.shape)

    def bounds(self, judge: Any, expected: list[Array]) -> list[Array]:
        y, dx, _ = (np.abs(result) for result in expected)
        total = np.abs(self.dy * np.minimum(self.arrays[0], 0)).sum(axis=(0, 1, 2))
        return [UNIT * y, UNIT * dx, 2 * UNIT * total.reshape(self.arrays[1].shape)]
