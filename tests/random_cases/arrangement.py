"""Layers that move numbers about, and layers that merge several inputs."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from cnnx import layers
from cnnx.layers.call import alone, take_gradients, take_output
from random_cases.case import CHANNELS, UNIT, Array, Case, functional


class Moved(Case):
    """Every number is one of the input's, or 0; every gradient is exact, or a sum of a few."""

    summed = 1

    def moved(self, x: Array) -> Array:
        """Return the output."""
        raise NotImplementedError

    def returned(self, dy: Array) -> Array:
        """Return the gradient of the input."""
        raise NotImplementedError

    def by_oracle(self, x: Array, *, dy: Array) -> tuple[Array, ...]:
        return self.moved(x), self.returned(dy)

    def bounds(self, judge: Any, expected: list[Array]) -> list[Array]:
        y, dx = self.magnitudes(judge)
        return [0 * y, (self.summed - 1) * UNIT * dx]


class ZeroPadding2D(Moved):
    def draw(self) -> None:
        rows, columns = (int(n) for n in self.chance.integers(1, 9, 2))
        sides = self.chance.integers(0, 4, (2, 2)).tolist()
        self.sides = [tuple(pair) for pair in sides]
        self.arrays = (self.numbers(self.batch(), rows, columns, self.one_of(*CHANNELS)),)
        self.inside = tuple(
            slice(before, before + size)
            for (before, _), size in zip(self.sides, (rows, columns), strict=True)
        )
        self.dy = self.numbers(*ZeroPadding2D.moved(self, self.arrays[0]).shape)

    def layer(self) -> layers.Layer:
        return layers.ZeroPadding2D(tuple(self.sides))

    def moved(self, x: Array) -> Array:
        return np.pad(x, [(0, 0), *self.sides, (0, 0)])

    def returned(self, dy: Array) -> Array:
        return dy[:, *self.inside]

    def by_torch(self, x: Any) -> Any:
        (top, bottom), (left, right) = self.sides
        return functional().pad(x, (0, 0, left, right, top, bottom))


class Cropping2D(ZeroPadding2D):
    """What padding does backwards: the larger image is the input."""

    def draw(self) -> None:
        super().draw()
        (x,), dy = self.arrays, self.dy
        self.arrays, self.dy = (dy,), x

    def layer(self) -> layers.Layer:
        return layers.Cropping2D(tuple(self.sides))

    def moved(self, x: Array) -> Array:
        return x[:, *self.inside]

    def returned(self, dy: Array) -> Array:
        return np.pad(dy, [(0, 0), *self.sides, (0, 0)])

    def by_torch(self, x: Any) -> Any:
        (top, bottom), (left, right) = self.sides
        return functional().pad(x, (0, 0, -left, -right, -top, -bottom))


class Permute(Moved):
    def draw(self) -> None:
        self.dims = tuple(int(n) + 1 for n in self.chance.permutation(3))
        extents = [int(n) for n in self.chance.integers(1, 7, 3)]
        self.arrays = (self.numbers(self.batch(), *extents),)
        self.dy = self.numbers(*self.moved(self.arrays[0]).shape)

    def layer(self) -> layers.Layer:
        return layers.Permute(self.dims)

    def moved(self, x: Array) -> Array:
        return x.transpose(0, *self.dims)

    def returned(self, dy: Array) -> Array:
        return dy.transpose(np.argsort([0, *self.dims]))

    def by_torch(self, x: Any) -> Any:
        return x.permute(0, *self.dims)


class RepeatVector(Moved):
    def draw(self) -> None:
        self.summed = int(self.chance.integers(1, 9))
        self.arrays = (self.numbers(self.batch(), self.one_of(*CHANNELS)),)
        self.dy = self.numbers(*self.moved(self.arrays[0]).shape)

    def layer(self) -> layers.Layer:
        return layers.RepeatVector(self.summed)

    def moved(self, x: Array) -> Array:
        return np.repeat(x[:, None], self.summed, axis=1)

    def returned(self, dy: Array) -> Array:
        return dy.sum(axis=1)

    def by_torch(self, x: Any) -> Any:
        return x[:, None].expand(-1, self.summed, -1)


class Merged(Case):
    """Two or three inputs of one shape; at most three roundings of what is at most the bound."""

    layer_class: ClassVar[type[layers.Layer]]
    most = 3

    def draw(self) -> None:
        rows, columns = (int(n) for n in self.chance.integers(1, 9, 2))
        shape = (self.batch(), rows, columns, self.one_of(*CHANNELS))
        count = int(self.chance.integers(2, self.most + 1))
        self.arrays = tuple(self.numbers(*shape) for _ in range(count))
        self.dy = self.numbers(*shape)

    def layer(self) -> layers.Layer:
        return self.layer_class()

    def by_cnnx(self) -> list[Array]:
        layer = self.layer()
        layer.build_once(*((None, *x.shape[1:]) for x in self.arrays))
        call = alone(layer, *self.arrays)
        y = layer.forward(call, *call.xs)
        if y is not None:
            take_output(call, y)
        y = call.y.copy()
        dx = layer.backward(call, self.dy.copy())
        if dx is not None:
            take_gradients(call, dx)
        return [y, *call.dx]

    def by_torch(self, *xs: Any) -> Any:
        return self.merged(*xs)

    def merged(self, *xs: Any) -> Any:
        """Return the output, of arrays or tensors."""
        raise NotImplementedError

    def shares(self, *xs: Array) -> list[Array]:
        """Return the derivatives of the output by each input."""
        raise NotImplementedError

    def by_oracle(self, *xs: Array, dy: Array) -> tuple[Array, ...]:
        return self.merged(*xs), *(dy * share for share in self.shares(*xs))

    def bounds(self, judge: Any, expected: list[Array]) -> list[Array]:
        total = sum(np.abs(x) for x in self.arrays)
        return [3 * UNIT * np.maximum(total, np.abs(expected[0]))] + [
            3 * UNIT * np.abs(dx) for dx in expected[1:]
        ]


class Add(Merged):
    layer_class = layers.Add

    def merged(self, *xs: Any) -> Any:
        return sum(xs[1:], xs[0])

    def shares(self, *xs: Array) -> list[Array]:
        return [np.ones(x.shape) for x in xs]


class Subtract(Merged):
    layer_class = layers.Subtract
    most = 2

    def merged(self, *xs: Any) -> Any:
        return xs[0] - xs[1]

    def shares(self, *xs: Array) -> list[Array]:
        return [np.ones(xs[0].shape), -np.ones(xs[0].shape)]


class Average(Add):
    layer_class = layers.Average
    exact_on_whole_numbers = False  # a third is rounded

    def merged(self, *xs: Any) -> Any:
        return sum(xs[1:], xs[0]) / len(xs)

    def shares(self, *xs: Array) -> list[Array]:
        return [np.full(x.shape, 1 / len(xs)) for x in xs]


class Multiply(Merged):
    layer_class = layers.Multiply

    def merged(self, *xs: Any) -> Any:
        return math.prod(xs[1:], start=xs[0])

    def shares(self, *xs: Array) -> list[Array]:
        return [math.prod([*xs[:i], *xs[i + 1 :]], start=np.float64(1)) for i in range(len(xs))]


class Maximum(Merged):
    """No two elements are equal: PyTorch shares a gradient among equal ones."""

    layer_class = layers.Maximum
    exact_on_whole_numbers = False
    sign = 1

    def merged(self, *xs: Any) -> Any:
        if isinstance(xs[0], np.ndarray):
            return self.sign * np.max([self.sign * x for x in xs], axis=0)
        import torch

        return self.sign * torch.stack([self.sign * x for x in xs]).amax(0)

    def shares(self, *xs: Array) -> list[Array]:
        largest = self.merged(*xs)
        return [(x == largest).astype(np.float64) for x in xs]


class Minimum(Maximum):
    layer_class = layers.Minimum
    sign = -1


class Concatenate(Merged):
    layer_class = layers.Concatenate

    def draw(self) -> None:
        super().draw()
        self.axis = self.one_of(1, 2, 3, -1)
        self.dy = self.numbers(*np.concatenate(self.arrays, self.axis).shape)

    def layer(self) -> layers.Layer:
        return layers.Concatenate(axis=self.axis)

    def by_torch(self, *xs: Any) -> Any:
        import torch

        return torch.cat(xs, self.axis)

    def by_oracle(self, *xs: Array, dy: Array) -> tuple[Array, ...]:
        return np.concatenate(xs, self.axis), *np.split(dy, len(xs), self.axis)

    def bounds(self, judge: Any, expected: list[Array]) -> list[Array]:
        return [np.zeros(result.shape) for result in expected]
