"""Dense layers, functions of single numbers and rows, normalisation."""

from __future__ import annotations

from typing import Any

import numpy as np

import cnnx
import reference
from cnnx import layers
from random_cases.case import CHANNELS, SMALLEST, UNIT, Array, Case, functional


class Dense(Case):
    def draw(self) -> None:
        sizes = [1, 2, 3, 7, 16, 17, 31, 33, 64, 65]
        mb, inputs = self.one_of(*sizes), self.one_of(*sizes, 300 if self.large else 5)
        self.units = self.one_of(*sizes)
        self.arrays = (self.numbers(mb, inputs), self.numbers(inputs, self.units))
        if self.chance.random() < 0.7:
            self.arrays += (self.numbers(self.units),)
        self.dy = self.numbers(mb, self.units)

    def layer(self) -> layers.Layer:
        return layers.Dense(self.units, use_bias=len(self.arrays) == 3)

    def by_torch(self, x: Any, kernel: Any, bias: Any = None) -> Any:
        return functional().linear(x, kernel.T, bias)

    def by_oracle(
        self, x: Array, kernel: Array, bias: Array | None = None, *, dy: Array
    ) -> tuple[Array, ...]:
        gradients = reference.dense_backward(x, kernel, dy)
        return reference.dense_forward(x, kernel, bias), *gradients[: len(self.arrays)]


class Elementwise(Case):
    """Rows or images; the output has their shape."""

    exact_on_whole_numbers = False

    def draw(self) -> None:
        shape = [int(n) for n in self.chance.integers(1, 10, self.chance.integers(2, 5))]
        shape[-1] = self.one_of(2, *CHANNELS)
        shape[0] = 400 if self.large else shape[0]
        self.arrays = (self.numbers(*shape) * np.float32(self.one_of(1, 3)),)
        self.dy = self.numbers(*shape)


class Rescaling(Elementwise):
    exact_on_whole_numbers = True

    def draw(self) -> None:
        super().draw()
        self.scale, self.offset = (float(number) for number in self.numbers(2))

    def layer(self) -> layers.Layer:
        return layers.Rescaling(self.scale, self.offset)

    def by_torch(self, x: Any) -> Any:
        return x * self.scale + self.offset

    def by_oracle(self, x: Array, *, dy: Array) -> tuple[Array, ...]:
        return reference.f64(x) * self.scale + self.offset, reference.f64(dy) * self.scale

    def bounds(self, judge: Any, expected: list[Array]) -> list[Array]:
        products = np.abs(self.arrays[0]) * abs(self.scale)
        return [2 * UNIT * (products + abs(self.offset)), UNIT * np.abs(expected[1])]


SLOPE = float(np.float32(0.2))


class Activation(Elementwise):
    """
    An elementwise function, off by 8 UNIT of its value.

    Its derivative is a polynomial in the value: off by 16 UNIT of the sum of the absolute values of
    that polynomial's terms.
    """

    TERMS = {  # noqa: RUF012
        "relu": lambda y: np.zeros(y.shape),
        "leaky_relu": lambda y: np.ones(y.shape),
        "sigmoid": lambda y: y + y * y,
        "tanh": lambda y: 1 + y * y,
        "arctan": lambda y: np.ones(y.shape),
        "elu": lambda y: np.abs(y) + 1,
        "softplus": lambda y: 1 + np.exp(-y),
        "exponential": lambda y: y,
        "relu6": lambda y: np.zeros(y.shape),
        "hard_tanh": lambda y: np.zeros(y.shape),
        "hard_sigmoid": lambda y: np.ones(y.shape),
        "selu": lambda y: np.abs(y) + 2,
        "softsign": lambda y: (1 + np.abs(y)) ** 2,
        "log_sigmoid": lambda y: np.ones(y.shape),
    }
    EXACT = ("relu", "relu6", "hard_tanh")

    def draw(self) -> None:
        self.name = self.one_of(*self.TERMS)
        super().draw()

    def layer(self) -> layers.Layer:
        return layers.Activation(self.name)

    def by_torch(self, x: Any) -> Any:
        import torch

        functions = {
            "leaky_relu": lambda x: functional().leaky_relu(x, SLOPE),
            "arctan": torch.atan,
            "elu": functional().elu,
            "softplus": lambda x: functional().softplus(x, threshold=700),
            "relu6": functional().relu6,
            "hard_tanh": functional().hardtanh,
            "hard_sigmoid": functional().hardsigmoid,
            "selu": functional().selu,
            "softsign": functional().softsign,
            "log_sigmoid": functional().logsigmoid,
            "exponential": torch.exp,
        }
        return functions.get(self.name, getattr(torch, self.name, None))(x)

    def by_oracle(self, x: Array, *, dy: Array) -> tuple[Array, ...]:
        y = getattr(reference, f"{self.name}_forward")(x)
        return y, getattr(reference, f"{self.name}_backward")(y, dy)

    def bounds(self, judge: Any, expected: list[Array]) -> list[Array]:
        y = expected[0]
        value = 8 * UNIT * np.abs(y) + SMALLEST
        if self.name in self.EXACT:
            value = np.zeros(y.shape)
        return [value, 16 * UNIT * np.abs(self.dy) * type(self).TERMS[self.name](y)]


class Softmax(Elementwise):
    """Rounding x - max shifts the power by as much; n powers are added up."""

    def layer(self) -> layers.Layer:
        return layers.Softmax()

    def by_torch(self, x: Any) -> Any:
        return x.softmax(-1)

    def by_oracle(self, x: Array, *, dy: Array) -> tuple[Array, ...]:
        y = reference.softmax_forward(x)
        return y, reference.softmax_backward(y, dy)

    def bounds(self, judge: Any, expected: list[Array]) -> list[Array]:
        y, x, dy = expected[0], self.arrays[0], np.abs(self.dy)
        terms = x.shape[-1] + np.ptp(x, axis=-1, keepdims=True) + 16
        products = y * (dy + (dy * y).sum(axis=-1, keepdims=True))
        return [terms * UNIT * y + SMALLEST, 2 * terms * UNIT * products + SMALLEST]


class Dropout(Elementwise):
    """The random numbers are those of the oracle's generator; PyTorch draws others."""

    exact_on_whole_numbers = True
    oracle = staticmethod(reference.dropout)

    def draw(self) -> None:
        self.rate, self.seed = self.one_of(0.0, 0.5, 0.5 if self.whole else 0.3), self.one_of(1, 2)
        super().draw()

    def layer(self) -> layers.Layer:
        return layers.Dropout(self.rate, seed=self.seed)

    @property
    def noise_seed(self) -> int:
        return np.random.default_rng(self.seed).bit_generator.random_raw()

    @property
    def factors(self) -> Array:
        ones = np.ones(self.dy.shape)
        return self.oracle(ones, self.rate, self.noise_seed) if self.rate else ones

    def by_torch(self, x: Any) -> Any:
        return x * x.new_tensor(self.factors)

    def by_oracle(self, x: Array, *, dy: Array) -> tuple[Array, ...]:
        return x * self.factors, dy * self.factors


class AlphaDropout(Dropout):
    """What is dropped becomes the limit of selu; all is scaled and shifted."""

    exact_on_whole_numbers = False

    def layer(self) -> layers.Layer:
        return layers.AlphaDropout(self.rate, seed=self.seed)

    def line(self) -> tuple[Array, Array]:
        """Return what each element is multiplied by, and what is added then."""
        if not self.rate:
            return np.ones(self.dy.shape), np.zeros(self.dy.shape)
        zeros, ones = np.zeros(self.dy.shape), np.ones(self.dy.shape)
        added = reference.alpha_dropout(zeros, self.rate, self.noise_seed)
        return reference.alpha_dropout(ones, self.rate, self.noise_seed) - added, added

    def by_torch(self, x: Any) -> Any:
        factors, added = map(x.new_tensor, self.line())
        return x * factors + added

    def by_oracle(self, x: Array, *, dy: Array) -> tuple[Array, ...]:
        factors, added = self.line()
        return x * factors + added, dy * factors

    def bounds(self, judge: Any, expected: list[Array]) -> list[Array]:
        factors, added = (np.abs(part) for part in self.line())
        sizes = [np.abs(self.arrays[0]) * factors + added, np.abs(self.dy) * factors]
        return [8 * UNIT * size for size in sizes]


class SpatialDropout2D(Dropout):
    """One number a channel of a sample."""

    oracle = staticmethod(reference.spatial_dropout)
    pixels: tuple[int, ...] = (5, 3)

    def draw(self) -> None:
        super().draw()
        shape = (self.batch(), *self.pixels, self.one_of(*CHANNELS))
        self.arrays, self.dy = (self.numbers(*shape),), self.numbers(*shape)

    def layer(self) -> layers.Layer:
        return layers.SpatialDropout2D(self.rate, seed=self.seed)


class SpatialDropout1D(SpatialDropout2D):
    pixels = (7,)

    def layer(self) -> layers.Layer:
        return layers.SpatialDropout1D(self.rate, seed=self.seed)


class GaussianNoise(Dropout):
    """A sum with a normal number, which itself is the difference of 1 + z and 1."""

    exact_on_whole_numbers = False

    def layer(self) -> layers.Layer:
        return layers.GaussianNoise(self.rate, seed=self.seed)

    @property
    def summands(self) -> Array:
        return reference.gaussian_noise(np.zeros(self.dy.shape), self.rate, self.noise_seed)

    def by_torch(self, x: Any) -> Any:
        return x + x.new_tensor(self.summands)

    def by_oracle(self, x: Array, *, dy: Array) -> tuple[Array, ...]:
        return x + self.summands, reference.f64(dy)

    def bounds(self, judge: Any, expected: list[Array]) -> list[Array]:
        summands = np.abs(self.summands) + self.rate
        return [
            16 * UNIT * (np.abs(self.arrays[0]) + summands),
            UNIT * np.abs(self.dy),
        ]


class BatchNormalization(Case):
    """
    By the batch's statistics over N rows; x^ = (x - mean) / std.

    With X = (|x| + mean |x|) / std in the place of x^, each formula is a sum of products of at most
    N terms, whose factors are rounded sums of N terms themselves: 2 (N + 8) UNIT times the formula
    with absolute values.
    """

    exact_on_whole_numbers = False
    EPSILON = 1e-3

    def draw(self) -> None:
        channels = self.one_of(*CHANNELS)
        shape = self.one_of((40,), (3, 5, 6), (8, 2, 7)) if not self.large else (3000,)
        shift = np.float32(self.one_of(0, 3))
        self.arrays = (
            self.numbers(*shape, channels) + shift,
            self.numbers(channels),
            self.numbers(channels),
        )
        self.dy = self.numbers(*shape, channels)

    def layer(self) -> layers.Layer:
        return layers.BatchNormalization(epsilon=self.EPSILON)

    def by_torch(self, x: Any, gamma: Any, beta: Any) -> Any:
        rows = x.reshape(-1, x.shape[-1])
        y = functional().batch_norm(rows, None, None, gamma, beta, training=True, eps=self.EPSILON)
        return y.reshape(x.shape)

    def by_oracle(self, x: Array, gamma: Array, beta: Array, *, dy: Array) -> tuple[Array, ...]:
        statistics = reference.batch_norm_statistics(x)
        y = reference.batch_norm_forward(x, gamma, beta, *statistics, self.EPSILON)
        return y, *reference.batch_norm_backward(x, dy, gamma, self.EPSILON)

    def bounds(self, judge: Any, expected: list[Array]) -> list[Array]:
        x, gamma, beta = (np.abs(reference.f64(a)).reshape(-1, a.shape[-1]) for a in self.arrays)
        dy = np.abs(self.dy).reshape(x.shape)
        std = np.sqrt(reference.batch_norm_statistics(self.arrays[0])[1] + self.EPSILON)
        normal = (x + x.mean(axis=0)) / std
        dx = gamma / std * (dy + dy.mean(axis=0) + normal * (dy * normal).mean(axis=0))
        sums = (normal * gamma + beta, dx, (dy * normal).sum(axis=0), dy.sum(axis=0))
        unit = 2 * (len(x) + 8) * UNIT
        return [
            unit * sum_.reshape(array.shape) for sum_, array in zip(sums, expected, strict=True)
        ]


class BatchNormalizationInUse(Case):
    """A frozen layer: an affine map by given statistics, 8 UNIT of its terms' absolute values."""

    exact_on_whole_numbers = False
    EPSILON = 1e-3

    def draw(self) -> None:
        channels = self.one_of(*CHANNELS)
        shape = self.one_of((40,), (3, 5, 6), (1,)) if not self.large else (3000,)
        self.statistics = (self.numbers(channels), np.abs(self.numbers(channels)))
        self.scale = (self.numbers(channels), self.numbers(channels))
        self.arrays = (self.numbers(*shape, channels),)
        self.dy = self.numbers(*shape, channels)

    def layer(self) -> layers.Layer:
        initial = {
            f"{name}_initializer": cnnx.initializers.Constant(value)
            for name, value in zip(
                ("gamma", "beta", "moving_mean", "moving_variance"),
                (*self.scale, *self.statistics),
                strict=True,
            )
        }
        return layers.BatchNormalization(epsilon=self.EPSILON, trainable=False, **initial)

    def by_torch(self, x: Any) -> Any:
        given = [x.new_tensor(a) for a in (*self.statistics, *self.scale)]
        y = functional().batch_norm(x.reshape(-1, x.shape[-1]), *given, eps=self.EPSILON)
        return y.reshape(x.shape)

    def by_oracle(self, x: Array, *, dy: Array) -> tuple[Array, ...]:
        y = reference.batch_norm_forward(x, *self.scale, *self.statistics, self.EPSILON)
        return y, dy * self.factor

    @property
    def factor(self) -> Array:
        return reference.f64(self.scale[0]) / np.sqrt(self.statistics[1] + self.EPSILON)

    def bounds(self, judge: Any, expected: list[Array]) -> list[Array]:
        factor, beta, mean = np.abs(self.factor), np.abs(self.scale[1]), np.abs(self.statistics[0])
        value = (np.abs(self.arrays[0]) + mean) * factor + beta
        return [8 * UNIT * value, 8 * UNIT * np.abs(self.dy) * factor]
