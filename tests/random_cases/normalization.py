"""Normalisation of each sample by itself."""

from __future__ import annotations

from typing import Any

import numpy as np

import reference
from cnnx import layers
from random_cases.case import UNIT, Array, Case, functional


class GroupNormalization(Case):
    """
    Mean and variance over N elements of a sample, the sums of which are exact to the last place.

    With x^ = (x - mean) / std each formula is a sum of few products, or of N for gamma and beta:
    with X = (|x| + mean |x|) / std in the place of x^, 8 UNIT of the formula with absolute values.
    A deviation is off by UNIT of the mean, so that X counts twice.
    """

    exact_on_whole_numbers = False
    EPSILON = 1e-3

    def draw(self) -> None:
        self.groups, size = int(self.chance.integers(1, 5)), int(self.chance.integers(1, 6))
        channels = self.groups * size
        pixels = self.one_of((3,), (3, 5)) if not self.large else (40, 30)
        shift = np.float32(self.one_of(0, 3))
        x = self.numbers(self.batch(), *pixels, channels) + shift
        self.arrays = (x, self.numbers(channels), self.numbers(channels))
        self.dy = self.numbers(*x.shape)

    def layer(self) -> layers.Layer:
        return layers.GroupNormalization(self.groups, epsilon=self.EPSILON)

    def by_torch(self, x: Any, gamma: Any, beta: Any) -> Any:
        moved = x.movedim(-1, 1)
        y = functional().group_norm(moved, self.groups, gamma, beta, self.EPSILON)
        return y.movedim(1, -1)

    @property
    def together(self) -> Array:
        return reference.groups_of_channels(self.arrays[0].shape[1:], self.groups)

    def over(self, values: Array) -> Array:
        """Return the mean over the elements that belong together, of each."""
        means = np.zeros(values.shape)
        for number in np.unique(self.together):
            where = self.together == number
            means[:, where] = values[:, where].mean(axis=1, keepdims=True)
        return means

    def by_oracle(self, x: Array, gamma: Array, beta: Array, *, dy: Array) -> tuple[Array, ...]:
        x, dy = reference.f64(x), reference.f64(dy)
        y = reference.normalised_together(x, gamma, beta, self.EPSILON, self.together)
        std = np.sqrt(self.over((x - self.over(x)) ** 2) + self.EPSILON)
        normal = (x - self.over(x)) / std
        g = gamma * dy
        dx = (g - self.over(g) - normal * self.over(g * normal)) / std
        axes = tuple(range(x.ndim - 1))
        return y, dx, (dy * normal).sum(axis=axes), dy.sum(axis=axes)

    def bounds(self, judge: Any, expected: list[Array]) -> list[Array]:
        x, gamma, beta = (np.abs(reference.f64(array)) for array in self.arrays)
        exact, dy = reference.f64(self.arrays[0]), np.abs(self.dy)
        std = np.sqrt(self.over((exact - self.over(exact)) ** 2) + self.EPSILON)
        normal = 2 * (x + self.over(x)) / std
        g = gamma * dy
        dx = (g + self.over(g) + normal * self.over(g * normal)) / std
        axes = tuple(range(x.ndim - 1))
        sums = (normal * gamma + beta, dx, (dy * normal).sum(axis=axes), dy.sum(axis=axes))
        return [8 * UNIT * total for total in sums]


class LayerNormalization(GroupNormalization):
    def layer(self) -> layers.Layer:
        return layers.LayerNormalization(epsilon=self.EPSILON)

    def by_torch(self, x: Any, gamma: Any, beta: Any) -> Any:
        return functional().layer_norm(x, x.shape[-1:], gamma, beta, self.EPSILON)

    @property
    def together(self) -> Array:
        return reference.pixels(self.arrays[0].shape[1:])


class RMSNormalization(Case):
    """A quotient by a root; on the way back a mean of n products, and a difference."""

    exact_on_whole_numbers = False
    EPSILON = 1e-3

    def draw(self) -> None:
        n = self.one_of(1, 3, 16, 33)
        x = self.numbers(self.batch(), 3, n)
        self.arrays = (x, self.numbers(n))
        self.dy = self.numbers(*x.shape)

    def layer(self) -> layers.Layer:
        return layers.RMSNormalization(epsilon=self.EPSILON)

    def by_torch(self, x: Any, scale: Any) -> Any:
        return functional().rms_norm(x, x.shape[-1:], scale, self.EPSILON)

    def root(self, x: Array) -> Array:
        return np.sqrt((reference.f64(x) ** 2).mean(axis=-1, keepdims=True) + self.EPSILON)

    def by_oracle(self, x: Array, scale: Array, *, dy: Array) -> tuple[Array, ...]:
        x, g, root = reference.f64(x), scale * reference.f64(dy), self.root(x)
        normal = x / root
        dx = (g - normal * (g * normal).mean(axis=-1, keepdims=True)) / root
        return normal * scale, dx, (dy * normal).sum(axis=(0, 1))

    def bounds(self, judge: Any, expected: list[Array]) -> list[Array]:
        x, scale = (np.abs(reference.f64(array)) for array in self.arrays)
        g, root = scale * np.abs(self.dy), self.root(x)
        normal = x / root
        dx = (g + normal * (g * normal).mean(axis=-1, keepdims=True)) / root
        sums = (normal * scale, dx, (np.abs(self.dy) * normal).sum(axis=(0, 1)))
        return [8 * UNIT * total for total in sums]


class UnitNormalization(Case):
    """A quotient by a length; on the way back a sum of n products, and a difference."""

    exact_on_whole_numbers = False

    def draw(self) -> None:
        n = self.one_of(1, 3, 16, 33)
        x = self.numbers(self.batch(), 3, n)
        self.arrays = (np.where(np.abs(x) < 0.01, np.float32(0.5), x),)
        self.dy = self.numbers(*x.shape)

    def layer(self) -> layers.Layer:
        return layers.UnitNormalization()

    def by_torch(self, x: Any) -> Any:
        return functional().normalize(x, dim=-1)

    def by_oracle(self, x: Array, *, dy: Array) -> tuple[Array, ...]:
        y, length = reference.unit_length(x), np.linalg.norm(reference.f64(x), axis=-1)[..., None]
        return y, (dy - y * (dy * y).sum(axis=-1, keepdims=True)) / length

    def bounds(self, judge: Any, expected: list[Array]) -> list[Array]:
        x, y, dy = reference.f64(self.arrays[0]), np.abs(expected[0]), np.abs(self.dy)
        length = np.linalg.norm(x, axis=-1)[..., None]
        terms = (dy + y * (dy * y).sum(axis=-1, keepdims=True)) / length
        return [4 * UNIT * y, (x.shape[-1] + 16) * UNIT * terms]
