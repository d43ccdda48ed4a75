"""Larger sequences and images."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import reference
from cnnx import layers
from random_cases.case import CHANNELS, UNIT, Array, Case, functional


class UpSampling2D(Case):
    """
    A bilinear pixel is a sum of 4 products, with rounded shares: 8 UNIT of absolute values.

    A gradient is a sum of those of all pixels that a pixel has a share in. Shares of powers of 2
    are exact, so that whole numbers are exact for the nearest pixel, and those factors.
    """

    def draw(self) -> None:
        self.size = tuple(int(factor) for factor in self.chance.integers(1, 5, 2))
        self.interpolation = self.one_of("nearest", "bilinear")
        self.whole = self.whole and (self.interpolation == "nearest" or 3 not in self.size)
        rows, columns = (int(n) for n in self.chance.integers(1, 9, 2))
        shape = (self.batch(), rows, columns, self.one_of(*CHANNELS))
        self.arrays = (self.numbers(*shape),)
        self.dy = self.numbers(shape[0], rows * self.size[0], columns * self.size[1], shape[3])

    def layer(self) -> layers.Layer:
        return layers.UpSampling2D(self.size, interpolation=self.interpolation)

    def by_torch(self, x: Any) -> Any:
        bilinear = {"align_corners": False} if self.interpolation == "bilinear" else {}
        y = functional().interpolate(
            x.permute(0, 3, 1, 2), scale_factor=self.size, mode=self.interpolation, **bilinear
        )
        return y.permute(0, 2, 3, 1)

    def by_oracle(self, x: Array, *, dy: Array) -> tuple[Array, ...]:
        return (
            reference.upsampled(x, self.size, self.interpolation),
            reference.upsampled_backward(dy, self.size, self.interpolation),
        )

    def bounds(self, judge: Any, expected: list[Array]) -> list[Array]:
        y, dx = self.magnitudes(judge)
        if self.interpolation == "nearest":
            return [np.zeros(y.shape), math.prod(self.size) * UNIT * dx]
        return [8 * UNIT * y, (8 + 4 * math.prod(self.size)) * UNIT * dx]


class UpSampling1D(UpSampling2D):
    def draw(self) -> None:
        super().draw()
        self.interpolation, self.size = "nearest", (self.size[0], 1)
        x = self.arrays[0][:, :, 0]
        self.arrays = (x,)
        self.dy = self.numbers(len(x), x.shape[1] * self.size[0], x.shape[2])

    def layer(self) -> layers.Layer:
        return layers.UpSampling1D(self.size[0])

    def by_torch(self, x: Any) -> Any:
        return x.repeat_interleave(self.size[0], dim=1)

    def by_oracle(self, x: Array, *, dy: Array) -> tuple[Array, ...]:
        y, dx = super().by_oracle(x[:, :, None], dy=dy[:, :, None])
        return y[:, :, 0], dx[:, :, 0]
