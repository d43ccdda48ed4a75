"""Layers that are written in NumPy: functions of elements, sums along axes, other sizes."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

from cnnx import layers
from random_cases.arrangement import Merged
from random_cases.case import CHANNELS, UNIT, Array, Case, functional
from random_cases.rows import Elementwise


class Affine(Case):
    def draw(self) -> None:
        shape = [self.batch(), *(int(n) for n in self.chance.integers(1, 9, 2))]
        shape.append(self.one_of(*CHANNELS))
        self.axis = self.one_of(-1, (1, -1), (1, 2, 3), None)
        self.options = self.one_of({}, {"center": False}, {"scale": False})
        layer = self.layer()
        layer.build_once((None, *shape[1:]))
        weights = [self.numbers(*weight.shape) for weight in layer.weights]
        self.arrays = (self.numbers(*shape), *weights)
        self.dy = self.numbers(*shape)

    def layer(self) -> layers.Layer:
        return layers.Affine(self.axis, **self.options)

    def split(self, *weights: Any) -> tuple[Any, Any]:
        left = list(weights)
        gamma = left.pop(0) if self.options.get("scale", True) else None
        return gamma, left.pop(0) if left else None

    def by_torch(self, x: Any, *weights: Any) -> Any:
        gamma, beta = self.split(*weights)
        y = x if gamma is None else x * gamma
        return y if beta is None else y + beta

    def by_oracle(self, x: Array, *weights: Array, dy: Array) -> tuple[Array, ...]:
        gamma, beta = self.split(*weights)
        found = [self.by_torch(x, *weights), dy if gamma is None else dy * gamma]
        for weight, terms in ((gamma, dy * x), (beta, dy)):
            if weight is not None:
                shared = tuple(n for n, extent in enumerate(weight.shape, 1) if extent == 1)
                found.append(terms.sum((0, *shared)).reshape(weight.shape))
        return tuple(found)


class Exact(Elementwise):
    """A function whose values and derivatives are rounded once at most."""

    def bounds(self, judge: Any, expected: list[Array]) -> list[Array]:
        return [UNIT * np.abs(result) for result in expected]


class Clip(Exact):
    def draw(self) -> None:
        super().draw()
        self.limits = self.one_of((-0.5, 0.7), (None, 0.25), (-1.5, None), (None, None))

    def layer(self) -> layers.Layer:
        return layers.Clip(*self.limits)

    def by_torch(self, x: Any) -> Any:
        low, high = self.limits
        return x.clamp(-math.inf if low is None else low, math.inf if high is None else high)

    def by_oracle(self, x: Array, *, dy: Array) -> tuple[Array, ...]:
        low, high = self.limits
        y = np.clip(x.astype(np.float64), low, high) if self.limits != (None, None) else x
        return y, np.where(x == y, dy, 0)

    def bounds(self, judge: Any, expected: list[Array]) -> list[Array]:
        return [UNIT * np.abs(expected[0]), 0 * expected[1]]  # a limit is rounded


class Quantization(Exact):
    """Scales are powers of 2, so that nothing is rounded but where it should be."""

    def draw(self) -> None:
        super().draw()
        self.scale = float(self.one_of(0.25, 0.5, 1))
        self.zero_point, self.low, self.high = self.one_of((0, -2, 3), (4, 0, 9))

    def layer(self) -> layers.Layer:
        return layers.Quantization(self.scale, self.zero_point, self.low, self.high)

    def by_torch(self, x: Any) -> Any:
        steps = x / self.scale
        rounded = steps + (steps.round() - steps).detach() + self.zero_point
        return rounded.clamp(self.low, self.high)

    def by_oracle(self, x: Array, *, dy: Array) -> tuple[Array, ...]:
        steps = np.round(x / self.scale) + self.zero_point
        inside = (steps >= self.low) & (steps <= self.high)
        return np.clip(steps, self.low, self.high), dy * inside / self.scale


class Elementary(Elementwise):
    """Erf and log are off by 16 UNIT of their values; the others are exact."""

    STEPS = {  # noqa: RUF012
        "floor": np.floor,
        "ceil": np.ceil,
        "round": np.round,
        "is_positive": lambda x: (x > 0) * 1.0,
        "is_not_negative": lambda x: (x >= 0) * 1.0,
        "is_zero": lambda x: (x == 0) * 1.0,
    }

    def draw(self) -> None:
        super().draw()
        self.name = self.one_of("abs", "erf", "log", *self.STEPS)
        if self.name == "log":
            self.arrays = (np.abs(self.arrays[0]) + np.float32(0.1),)
        elif self.name.startswith("is_"):
            self.arrays = (np.round(self.arrays[0]),)

    def layer(self) -> layers.Layer:
        return layers.Elementary(self.name)

    def by_torch(self, x: Any) -> Any:
        import torch

        holds = {"is_positive": torch.gt, "is_not_negative": torch.ge, "is_zero": torch.eq}
        if self.name in holds:
            return 0 * x + holds[self.name](x, 0)
        return getattr(torch, self.name)(x)

    def by_oracle(self, x: Array, *, dy: Array) -> tuple[Array, ...]:
        x = x.astype(np.float64)
        match self.name:
            case "abs":
                return np.abs(x), dy * np.sign(x)
            case "log":
                return np.log(x), dy / x
            case "erf":
                slopes = 2 / math.sqrt(math.pi) * np.exp(-x * x)
                return np.vectorize(math.erf, otypes=[float])(x), dy * slopes
        return self.STEPS[self.name](x), 0 * dy

    def bounds(self, judge: Any, expected: list[Array]) -> list[Array]:
        y, dx = expected
        if self.name not in ("erf", "log"):
            return [0 * y, 0 * dx]
        power = np.square(self.arrays[0]) if self.name == "erf" else 0  # is rounded in exp(-x^2)
        return [16 * UNIT * np.abs(y), (8 + power) * UNIT * np.abs(dx)]


class Power(Elementwise):
    """Off by 8 UNIT of the value, and by twice that in the derivative, a product of two."""

    def draw(self) -> None:
        super().draw()
        self.arrays = (np.abs(self.arrays[0]) + np.float32(0.25),)
        self.exponent = float(self.one_of(2, 0.5, -1, 3, 1.5))

    def layer(self) -> layers.Layer:
        return layers.Power(self.exponent)

    def by_torch(self, x: Any) -> Any:
        return x**self.exponent

    def by_oracle(self, x: Array, *, dy: Array) -> tuple[Array, ...]:
        x = x.astype(np.float64)
        return x**self.exponent, dy * self.exponent * x ** (self.exponent - 1)

    def bounds(self, judge: Any, expected: list[Array]) -> list[Array]:
        y, dx = expected
        return [8 * UNIT * np.abs(y), 16 * UNIT * np.abs(dx)]


class LocalResponse(Elementwise):
    """Sums of squares in float64; what is rounded is each of a few products."""

    def draw(self) -> None:
        super().draw()
        self.size = self.one_of(1, 3, 5)
        self.alpha, self.beta, self.bias = self.one_of((2.0, 0.5, 1.5), (1e-4, 0.75, 1.0))

    def layer(self) -> layers.Layer:
        return layers.LocalResponseNormalization(self.size, self.alpha, self.beta, self.bias)

    def by_torch(self, x: Any) -> Any:
        turned = x.movedim(-1, 1).reshape(len(x), x.shape[-1], -1)
        y = functional().local_response_norm(turned, self.size, self.alpha, self.beta, self.bias)
        return y.reshape(x.movedim(-1, 1).shape).movedim(1, -1)

    def parts(self, x: Array, dy: Array) -> tuple[Array, Array, Array]:
        """Return y, and the two terms of dx."""
        places = np.arange(x.shape[-1])
        near = np.abs(places - places[:, None]) <= self.size // 2
        base = self.bias + self.alpha / self.size * (x.astype(np.float64) ** 2 @ near)
        factor = 2 * self.alpha * self.beta / self.size
        second = factor * x * ((dy * x * base ** (-self.beta - 1)) @ near)
        return x * base**-self.beta, dy * base**-self.beta, second

    def by_oracle(self, x: Array, *, dy: Array) -> tuple[Array, ...]:
        y, first, second = self.parts(x, dy)
        return y, first - second

    def bounds(self, judge: Any, expected: list[Array]) -> list[Array]:
        y, first, second = self.parts(np.abs(self.arrays[0]), np.abs(self.dy))
        return [4 * UNIT * y, 8 * UNIT * (first + second)]


class Normalization(Elementwise):
    """(x - mean) / deviation as a product and a sum of rounded numbers."""

    def draw(self) -> None:
        super().draw()
        count = self.one_of(1, self.dy.shape[-1])
        self.axis = None if count == 1 else -1
        self.mean = self.numbers(count).astype(float).tolist()
        self.variance = (np.abs(self.numbers(count)) + 0.1).astype(float).tolist()
        self.invert = self.chance.random() < 0.3

    def layer(self) -> layers.Layer:
        return layers.Normalization(self.axis, self.mean, self.variance, self.invert)

    def factors(self) -> tuple[Array, Array]:
        mean, deviation = (np.float64(n) for n in (self.mean, np.sqrt(np.float64(self.variance))))
        return (deviation, mean) if self.invert else (1 / deviation, -mean / deviation)

    def by_torch(self, x: Any) -> Any:
        scale, offset = (x.new_tensor(factor) for factor in self.factors())
        return x * scale + offset

    def by_oracle(self, x: Array, *, dy: Array) -> tuple[Array, ...]:
        scale, offset = self.factors()
        return x * scale + offset, dy * scale

    def bounds(self, judge: Any, expected: list[Array]) -> list[Array]:
        scale, offset = (np.abs(factor) for factor in self.factors())
        return [
            8 * UNIT * (np.abs(self.arrays[0]) * scale + offset),
            4 * UNIT * np.abs(expected[1]),
        ]


class Reduction(Case):
    """Means are sums times a rounded number. The largest and the smallest are exact."""

    def draw(self) -> None:
        self.operation = self.one_of("sum", "mean", "max", "min")
        self.whole = self.whole and self.operation == "sum"
        shape = [self.batch(), *(int(n) for n in self.chance.integers(1, 7, 3))]
        self.axis = self.one_of(-1, 1, (1, 2), (1, -1), None)
        self.keepdims = bool(self.chance.integers(2))
        self.arrays = (self.numbers(*shape),)
        self.dy = self.numbers(*self.layer().compute_output_shape(tuple(shape)))

    def layer(self) -> layers.Layer:
        return layers.Reduction(self.operation, self.axis, self.keepdims)

    @property
    def axes(self) -> tuple[int, ...]:
        given = self.axis if isinstance(self.axis, tuple) else (self.axis,)
        return (1, 2, 3) if self.axis is None else tuple(n % 4 for n in given)

    def by_torch(self, x: Any) -> Any:
        reduce = {"sum": "sum", "mean": "mean", "max": "amax", "min": "amin"}[self.operation]
        return getattr(x, reduce)(dim=self.axes).reshape(self.dy.shape)

    def by_oracle(self, x: Array, *, dy: Array) -> tuple[Array, ...]:
        y = getattr(np, self.operation)(x.astype(np.float64), axis=self.axes, keepdims=True)
        dx = np.broadcast_to(dy.reshape(y.shape), x.shape)
        if self.operation == "mean":
            dx = dx / math.prod(x.shape[n] for n in self.axes)
        elif self.operation != "sum":
            dx = dx * (x == y)
        return y.reshape(dy.shape), dx

    def bounds(self, judge: Any, expected: list[Array]) -> list[Array]:
        if self.operation in ("max", "min"):
            return [np.zeros(result.shape) for result in expected]
        return super().bounds(judge, expected)


class Resampling(Case):
    """Sums of at most 16 products with two rounded shares each; shares may be negative."""

    exact_on_whole_numbers = False

    def draw(self) -> None:
        shape = [self.batch(), *(int(n) for n in self.chance.integers(2, 9, 2)), 1]
        shape[-1] = self.one_of(*CHANNELS)
        self.size = [int(n) for n in self.chance.integers(2, 12, 2)]
        self.interpolation = self.one_of("nearest", "linear", "cubic")
        self.coordinates = "half_pixel"
        if self.interpolation != "nearest":  # PyTorch knows no other nearest pixel
            self.coordinates = self.one_of("half_pixel", "align_corners")
        self.arrays = (self.numbers(*shape),)
        self.dy = self.numbers(shape[0], *self.size, shape[-1])

    def layer(self) -> layers.Layer:
        words = self.interpolation, self.coordinates, "round_prefer_ceil"
        return layers.Resampling(self.size, *words)

    def by_torch(self, x: Any) -> Any:
        mode = {"nearest": "nearest-exact", "linear": "bilinear", "cubic": "bicubic"}
        corners = {"align_corners": self.coordinates == "align_corners"}
        y = functional().interpolate(
            x.movedim(-1, 1),
            size=self.size,
            mode=mode[self.interpolation],
            **({} if self.interpolation == "nearest" else corners),
        )
        return y.movedim(1, -1)

    def matrix(self, n: int, m: int) -> Array:
        """Return the shares of n pixels in m, by fractions."""
        shares = np.zeros((m, n))
        for i in range(m):
            place = (Fraction(2 * i + 1, 2) * n / m) - Fraction(1, 2)
            if self.coordinates == "align_corners":
                place = Fraction(i * (n - 1), m - 1)
            low = math.floor(place)
            if self.interpolation == "nearest":
                shares[i, min(max(math.floor(place + Fraction(1, 2)), 0), n - 1)] = 1
                continue
            reach = 1 if self.interpolation == "linear" else 2
            for pixel in range(low + 1 - reach, low + 1 + reach):
                share = self.share(abs(place - pixel))
                shares[i, min(max(pixel, 0), n - 1)] += share
        return shares

    def share(self, distance: Fraction) -> Fraction:
        if self.interpolation == "linear":
            return 1 - distance
        a, d = Fraction(-3, 4), distance
        if d <= 1:
            return (a + 2) * d**3 - (a + 3) * d**2 + 1
        return a * (d**3 - 5 * d**2 + 8 * d - 4)

    def matrices(self) -> list[Array]:
        extents = self.arrays[0].shape[1:3]
        return [self.matrix(n, m) for n, m in zip(extents, self.size, strict=True)]

    def by_oracle(self, x: Array, *, dy: Array) -> tuple[Array, ...]:
        rows, columns = self.matrices()
        return (
            np.einsum("ij,kl,njlc->nikc", rows, columns, x),
            np.einsum("ij,kl,nikc->njlc", rows, columns, dy),
        )

    def bounds(self, judge: Any, expected: list[Array]) -> list[Array]:
        """Return how far sums with positive shares may be off; cubic ones are at most 1.4."""
        rows, columns = (np.abs(matrix) + 1e-3 for matrix in self.matrices())
        x, dy = np.abs(self.arrays[0]), np.abs(self.dy)
        return [
            32 * UNIT * np.einsum("ij,kl,njlc->nikc", rows, columns, x),
            64 * UNIT * np.einsum("ij,kl,nikc->njlc", rows, columns, dy),
        ]


class Resizing(Resampling):
    def draw(self) -> None:
        super().draw()
        self.coordinates = "half_pixel"
        if self.interpolation == "cubic":
            self.interpolation = "linear"

    def layer(self) -> layers.Layer:
        word = {"linear": "bilinear"}.get(self.interpolation, self.interpolation)
        return layers.Resizing(*self.size, interpolation=word)


class Divide(Merged):
    layer_class = layers.Divide
    most = 2
    exact_on_whole_numbers = False

    def draw(self) -> None:
        super().draw()
        a, b = self.arrays
        self.arrays = (a, np.copysign(np.abs(b) + np.float32(0.25), b))

    def merged(self, *xs: Any) -> Any:
        return xs[0] / xs[1]

    def shares(self, *xs: Array) -> list[Array]:
        a, b = (x.astype(np.float64) for x in xs)
        return [1 / b, -a / b**2]


class Select(Merged):
    layer_class = layers.Select

    def draw(self) -> None:
        super().draw()
        self.arrays = tuple(self.numbers(*self.dy.shape) for _ in range(3))
        self.arrays = (np.round(self.arrays[0]), *self.arrays[1:])

    def by_torch(self, *xs: Any) -> Any:
        return 0 * xs[0] + xs[1].where(xs[0] != 0, xs[2])

    def merged(self, *xs: Any) -> Any:
        return np.where(xs[0] != 0, xs[1], xs[2])

    def shares(self, *xs: Array) -> list[Array]:
        chosen = xs[0] != 0
        return [np.zeros(chosen.shape), chosen * 1.0, ~chosen * 1.0]


class Dot(Merged):
    layer_class = layers.Dot
    bounds = Case.bounds

    def draw(self) -> None:
        m, k, n = (int(extent) for extent in self.chance.integers(1, 9, 3))
        batch = self.batch()
        self.arrays = self.numbers(batch, k, m), self.numbers(batch, n, k)
        self.dy = self.numbers(batch, m, n)

    def layer(self) -> layers.Layer:
        return layers.Dot((1, 2))

    def merged(self, *xs: Any) -> Any:
        a, b = xs
        return a.swapaxes(1, 2) @ b.swapaxes(1, 2)

    def by_oracle(self, *xs: Array, dy: Array) -> tuple[Array, ...]:
        a, b = (x.astype(np.float64) for x in xs)
        return (
            np.einsum("bkm,bnk->bmn", a, b),
            np.einsum("bmn,bnk->bkm", dy, b),
            np.einsum("bmn,bkm->bnk", dy, a),
        )


class MatMul(Merged):
    layer_class = layers.MatMul
    bounds = Case.bounds

    def draw(self) -> None:
        m, k, n = (int(extent) for extent in self.chance.integers(1, 9, 3))
        batch = self.batch()
        one, two = self.one_of(((), ()), ((3,), (3,)), ((1, 2), (4, 1)))
        self.arrays = self.numbers(batch, *one, m, k), self.numbers(batch, *two, k, n)
        self.dy = self.numbers(*np.matmul(*self.arrays).shape)

    def merged(self, *xs: Any) -> Any:
        return xs[0] @ xs[1]

    def by_oracle(self, *xs: Array, dy: Array) -> tuple[Array, ...]:
        a, b = (x.astype(np.float64) for x in xs)
        lead = dy.shape[:-2]
        wide, tall = (
            np.broadcast_to(a, (*lead, *a.shape[-2:])),
            np.broadcast_to(b, (*lead, *b.shape[-2:])),
        )
        y = np.einsum("...mk,...kn->...mn", wide, tall)
        da = np.einsum("...mn,...kn->...mk", dy, tall)
        db = np.einsum("...mk,...mn->...kn", wide, dy)
        return y, self.folded(da, a.shape), self.folded(db, b.shape)

    def folded(self, gradient: Array, shape: tuple[int, ...]) -> Array:
        """Return a gradient summed over what was repeated."""
        axes = tuple(n for n, extent in enumerate(shape) if extent < gradient.shape[n])
        return gradient.sum(axis=axes, keepdims=True)
