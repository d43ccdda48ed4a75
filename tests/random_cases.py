"""Random layers and losses, for comparing them with PyTorch or the oracle; error bounds for each.

A case draws its configuration and its numbers from one generator. It says how the library computes
its results (`by_cnnx`), how PyTorch and the oracle do in float64, and how far a float32 result may
be from theirs (`bounds`). Results are the output, then the gradients of the arrays.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

import cnnx
import reference
from cnnx import layers, losses

Array = NDArray[Any]
Pads = tuple[tuple[int, int], tuple[int, int]]
UNIT = 2.0**-24  # the largest relative error of one float32 operation
SMALLEST = 2.0**-126  # results below may be flushed to zero
CHANNELS = [1, 2, 3, 4, 5, 6, 8, 15, 16, 17, 33]


def rows_and_columns(array: Array) -> tuple[int, int]:
    return array.shape[1], array.shape[2]


class Case:
    """
    One random configuration.

    `arrays` are what the results are differentiated by, the input first. Unless a subclass says
    otherwise, the results are sums of products of them, and no float32 sum of k products, in
    whatever order, is off by more than (k + 2) UNIT times the sum of their absolute values.
    Whole numbers must then come out exactly.
    """

    exact_on_whole_numbers = True
    arrays: tuple[Array, ...]
    dy: Array

    def __init__(self, chance: np.random.Generator, whole: bool, large: bool) -> None:
        self.chance, self.large = chance, large
        self.whole = whole and self.exact_on_whole_numbers
        self.draw()

    def draw(self) -> None:
        """Choose the configuration and fill `arrays` and `dy`."""
        raise NotImplementedError

    def layer(self) -> layers.Layer:
        """Return the layer, not built yet."""
        raise NotImplementedError

    def by_torch(self, *arrays: Any) -> Any:
        """Return the output for tensors of float64."""
        raise NotImplementedError

    def by_oracle(self, *arrays: Array, dy: Array) -> tuple[Array, ...]:
        """Return all results by the loops of reference.py."""
        raise NotImplementedError

    # What most cases share.

    def one_of(self, *options: Any) -> Any:
        return options[self.chance.integers(len(options))]

    def numbers(self, *shape: int) -> Array:
        if self.whole:
            return self.chance.integers(-4, 5, shape).astype(np.float32)
        return self.chance.standard_normal(shape).astype(np.float32)

    def batch(self) -> int:
        return 16 if self.large else int(self.chance.integers(1, 4))

    def by_cnnx(self) -> list[Array]:
        layer = self.layer()
        x, *weights = self.arrays
        layer.build_once((None, *x.shape[1:]))
        for weight, value in zip(layer.weights, weights, strict=False):
            weight.assign(value)
        y = layer.forward(x, training=True).copy()
        dx = layer.backward(self.dy.copy())
        return [y, dx.copy(), *(weight.gradient.copy() for weight in layer.trainable_weights)]

    def magnitudes(self, judge: Any) -> list[Array]:
        """Return for each result the sum of the absolute values of what it is a sum of."""
        return judge(self, [np.abs(a) for a in self.arrays], np.abs(self.dy))

    def terms(self, judge: Any) -> list[Array]:
        """Return for each result the number of products that it is a sum of."""
        return judge(self, [np.ones(a.shape) for a in self.arrays], np.ones(self.dy.shape))

    def bounds(self, judge: Any, expected: list[Array]) -> list[Array]:
        pairs = zip(self.terms(judge), self.magnitudes(judge), strict=True)
        return [(terms + 2) * UNIT * magnitude for terms, magnitude in pairs]


# --- windows --------------------------------------------------------------------------------------


class Windows(Case):
    """Windows over images: `padding` as the layer takes it, `pads` as (before, after) an axis."""

    dilated = False

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
        from torch.nn import functional as F  # noqa: N812

        (top, bottom), (left, right) = self.pads
        return F.pad(x.permute(0, 3, 1, 2), (left, right, top, bottom), value=outside)


class Convolution(Windows):
    dilated = True

    def draw_channels(self) -> tuple[int, int, int]:
        """Return groups, and the input and output channels of each."""
        if self.chance.random() < 0.6:
            return 1, self.one_of(*CHANNELS), self.one_of(*CHANNELS)
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
        return layers.Conv2D(
            self.filters,
            self.window,
            self.strides,
            self.padding,
            dilation_rate=self.dilation,
            groups=self.groups,
            use_bias=len(self.arrays) == 3,
            operation="convolution" if self.rotated else "correlation",
        )

    def by_torch(self, x: Any, kernel: Any, bias: Any = None) -> Any:
        from torch.nn import functional as F  # noqa: N812

        weights = kernel.flip(0, 1) if self.rotated else kernel
        y = F.conv2d(
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
        return 1, self.one_of(16, 17, 33, 40), self.one_of(16, 17, 33, 40)

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


class SumPooling(Windows):
    layer_class: type[layers.Layer] = layers.SumPooling2D

    def draw(self) -> None:
        self.draw_windows()
        mb, channels = self.batch(), self.one_of(*CHANNELS)
        self.arrays = (self.numbers(mb, *self.size, channels),)
        self.dy = self.numbers(mb, *self.output_size, channels)

    @property
    def where(self) -> tuple[Any, Any, Any]:
        return self.window, self.strides, self.before

    def layer(self) -> layers.Layer:
        return self.layer_class(self.window, self.strides, self.padding)  # type: ignore[call-arg]

    def sums(self, x: Any) -> Any:
        from torch.nn import functional as F  # noqa: N812

        y = F.avg_pool2d(self.images(x), self.window, self.strides, divisor_override=1)
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
        from torch.nn import functional as F  # noqa: N812

        y = F.max_pool2d(self.images(x, -math.inf), self.window, self.strides)
        return y.permute(0, 2, 3, 1)

    def by_oracle(self, x: Array, *, dy: Array) -> tuple[Array, ...]:
        y, argmax = reference.max_pool2d_forward(x, self.output_size, *self.where)
        return y, reference.max_pool2d_backward(dy, argmax, rows_and_columns(x), *self.where)

    def bounds(self, judge: Any, expected: list[Array]) -> list[Array]:
        terms = judge(self, self.arrays, np.ones(self.dy.shape))[1]
        magnitudes = judge(self, self.arrays, np.abs(self.dy))[1]
        return [np.zeros(expected[0].shape), (terms + 2) * UNIT * magnitudes]


class Global:
    """One window, the whole image."""

    def draw_windows(self: Any) -> None:
        self.size = self.window = tuple(int(n) for n in self.chance.integers(1, 12, 2))
        self.strides, self.pads, self.output_size = (1, 1), ((0, 0), (0, 0)), (1, 1)

    def layer(self: Any) -> layers.Layer:
        return self.layer_class(keepdims=True)


class GlobalMaxPooling(Global, MaxPooling):
    layer_class = layers.GlobalMaxPooling2D


class GlobalAveragePooling(Global, AveragePooling):
    layer_class = layers.GlobalAveragePooling2D


# --- rows -----------------------------------------------------------------------------------------


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
        from torch.nn import functional as F  # noqa: N812

        return F.linear(x, kernel.T, bias)

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
    }

    def draw(self) -> None:
        self.name = self.one_of(*self.TERMS)
        super().draw()

    def layer(self) -> layers.Layer:
        return layers.Activation(self.name)

    def by_torch(self, x: Any) -> Any:
        import torch
        from torch.nn import functional as F  # noqa: N812

        functions = {
            "leaky_relu": lambda x: F.leaky_relu(x, SLOPE),
            "arctan": torch.atan,
            "elu": F.elu,
            "softplus": lambda x: F.softplus(x, threshold=700),
            "exponential": torch.exp,
        }
        return functions.get(self.name, getattr(torch, self.name, None))(x)

    def by_oracle(self, x: Array, *, dy: Array) -> tuple[Array, ...]:
        y = getattr(reference, f"{self.name}_forward")(x)
        return y, getattr(reference, f"{self.name}_backward")(y, dy)

    def bounds(self, judge: Any, expected: list[Array]) -> list[Array]:
        y = expected[0]
        value = np.zeros(y.shape) if self.name == "relu" else 8 * UNIT * np.abs(y) + SMALLEST
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

    def draw(self) -> None:
        self.rate, self.seed = self.one_of(0.0, 0.5, 0.5 if self.whole else 0.3), self.one_of(1, 2)
        super().draw()

    def layer(self) -> layers.Layer:
        return layers.Dropout(self.rate, seed=self.seed)

    @property
    def factors(self) -> Array:
        noise_seed = np.random.default_rng(self.seed).bit_generator.random_raw()
        ones = np.ones(self.dy.shape)
        return reference.dropout(ones, self.rate, noise_seed) if self.rate else ones

    def by_torch(self, x: Any) -> Any:
        return x * x.new_tensor(self.factors)

    def by_oracle(self, x: Array, *, dy: Array) -> tuple[Array, ...]:
        return x * self.factors, dy * self.factors


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
        from torch.nn import functional as F  # noqa: N812

        rows = x.reshape(-1, x.shape[-1])
        y = F.batch_norm(rows, None, None, gamma, beta, training=True, eps=self.EPSILON)
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
        from torch.nn import functional as F  # noqa: N812

        given = [x.new_tensor(a) for a in (*self.statistics, *self.scale)]
        y = F.batch_norm(x.reshape(-1, x.shape[-1]), *given, eps=self.EPSILON)
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


# --- losses ---------------------------------------------------------------------------------------


class Loss(Case):
    """
    The mean loss of a batch, and its gradient by the outputs.

    The outputs are the kernel of a dense layer that is given the unit matrix. The bounds are those
    of n outputs and mb samples: (n + mb + 16) UNIT of the absolute values of what is summed, for
    the gradient (n + 16) UNIT.
    """

    exact_on_whole_numbers = False
    loss: losses.Loss
    dy = np.ones(())  # of the mean

    def draw(self) -> None:
        mb = 3000 if self.large else int(self.chance.integers(1, 20))
        outputs = self.numbers(mb, self.one_of(2, 3, 10, 16, 17, 40)) * np.float32(
            self.one_of(1, 5)
        )
        self.targets = self.chance.random(outputs.shape).astype(np.float32)
        self.arrays = (outputs,)

    @property
    def y(self) -> Array:
        """The targets as the loss takes them."""
        return self.targets

    def by_cnnx(self) -> list[Array]:
        (outputs,) = self.arrays
        mb, n = outputs.shape
        model = cnnx.Sequential([cnnx.Input((mb,)), layers.Dense(n, use_bias=False)])
        model.compile(cnnx.optimizers.SGD(0.0), self.loss)
        model.set_weights([outputs])
        value = model.train_on_batch(np.eye(mb, dtype=np.float32), self.y)
        return [np.asarray(value), model.parameters.gradients.reshape(mb, n).copy()]

    def terms_of(self, outputs: Array, targets: Array) -> tuple[Array, Array]:
        """Return the absolute values of what is summed, for each output, and of its gradient."""
        raise NotImplementedError

    def oracle(self, outputs: Array, targets: Array) -> tuple[Array, Array]:
        """Return the loss of each sample and its gradient."""
        raise NotImplementedError

    def by_oracle(self, outputs: Array, *, dy: Array) -> tuple[Array, ...]:
        values, gradient = self.oracle(outputs, self.targets)
        return values.mean(), gradient / len(outputs)

    def bounds(self, judge: Any, expected: list[Array]) -> list[Array]:
        outputs = reference.f64(self.arrays[0])
        mb, n = outputs.shape
        value, gradient = self.terms_of(outputs, reference.f64(self.targets))
        most = (n + 16 + np.ptp(outputs, axis=-1, keepdims=True)) * UNIT
        return [(n + mb + 16) * UNIT * value.sum() / mb, most * gradient / mb + SMALLEST]


class SquaredError(Loss):
    loss = losses.MeanSquaredError()
    oracle = staticmethod(reference.mean_squared_error)

    def by_torch(self, outputs: Any) -> Any:
        from torch.nn import functional as F  # noqa: N812

        return F.mse_loss(outputs, outputs.new_tensor(self.targets))

    def terms_of(self, outputs: Array, targets: Array) -> tuple[Array, Array]:
        n = outputs.shape[1]
        return (outputs - targets) ** 2 / n, 2 * np.abs(outputs - targets) / n


class HalfSquaredError(Loss):
    loss = losses.HalfSquaredError()
    oracle = staticmethod(reference.half_squared_error)

    def by_torch(self, outputs: Any) -> Any:
        return ((outputs - outputs.new_tensor(self.targets)) ** 2).sum() / 2 / len(outputs)

    def terms_of(self, outputs: Array, targets: Array) -> tuple[Array, Array]:
        return (outputs - targets) ** 2 / 2, np.abs(outputs - targets)


class AbsoluteError(Loss):
    loss = losses.MeanAbsoluteError()
    oracle = staticmethod(reference.mean_absolute_error)

    def by_torch(self, outputs: Any) -> Any:
        from torch.nn import functional as F  # noqa: N812

        return F.l1_loss(outputs, outputs.new_tensor(self.targets))

    def terms_of(self, outputs: Array, targets: Array) -> tuple[Array, Array]:
        n = outputs.shape[1]
        return np.abs(outputs - targets) / n, np.full(outputs.shape, 1 / n)


class CategoricalFromLogits(Loss):
    """The targets sum to 1."""

    loss = losses.CategoricalCrossentropy(from_logits=True)
    oracle = staticmethod(reference.softmax_cross_entropy)

    def draw(self) -> None:
        super().draw()
        self.targets /= self.targets.sum(axis=1, keepdims=True)

    def by_torch(self, outputs: Any) -> Any:
        from torch.nn import functional as F  # noqa: N812

        return F.cross_entropy(outputs, outputs.new_tensor(self.targets))

    def terms_of(self, outputs: Array, targets: Array) -> tuple[Array, Array]:
        below = outputs.max(axis=1, keepdims=True) - outputs
        total = np.log(np.exp(-below).sum(axis=1, keepdims=True))
        total_target = targets.sum(axis=1, keepdims=True)
        gradient = reference.softmax_forward(outputs) * total_target + targets
        return targets * (below + total + 1), gradient


class BinaryFromLogits(Loss):
    loss = losses.BinaryCrossentropy(from_logits=True)
    oracle = staticmethod(reference.sigmoid_cross_entropy)

    def by_torch(self, outputs: Any) -> Any:
        from torch.nn import functional as F  # noqa: N812

        return F.binary_cross_entropy_with_logits(outputs, outputs.new_tensor(self.targets))

    def terms_of(self, outputs: Array, targets: Array) -> tuple[Array, Array]:
        n = outputs.shape[1]
        value = np.abs(outputs) * (1 + targets) + np.log1p(np.exp(-np.abs(outputs)))
        return value / n, (reference.sigmoid_forward(outputs) + targets) / n


class OfProbabilities(Loss):
    def draw(self) -> None:
        super().draw()
        probabilities = reference.softmax_forward(self.arrays[0])
        self.arrays = (np.clip(probabilities, 1e-6, 1 - 1e-6).astype(np.float32),)


class Categorical(OfProbabilities):
    loss = losses.CategoricalCrossentropy()
    oracle = staticmethod(reference.categorical_cross_entropy)

    def by_torch(self, outputs: Any) -> Any:
        return -(outputs.new_tensor(self.targets) * outputs.log()).sum() / len(outputs)

    def terms_of(self, outputs: Array, targets: Array) -> tuple[Array, Array]:
        return -targets * np.log(outputs), targets / outputs


class Labelled(Loss):
    """Classes in the place of targets."""

    def draw(self) -> None:
        super().draw()
        mb, n = self.targets.shape
        self.labels = self.chance.integers(0, n, mb)
        self.targets = reference.one_hot(self.labels, n).astype(np.float32)

    @property
    def y(self) -> Array:
        return self.labels


class SparseFromLogits(Labelled, CategoricalFromLogits):
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)


class Sparse(Labelled, Categorical):
    loss = losses.SparseCategoricalCrossentropy()


class Binary(OfProbabilities):
    loss = losses.BinaryCrossentropy()
    oracle = staticmethod(reference.binary_cross_entropy)

    def by_torch(self, outputs: Any) -> Any:
        from torch.nn import functional as F  # noqa: N812

        return F.binary_cross_entropy(outputs, outputs.new_tensor(self.targets))

    def terms_of(self, outputs: Array, targets: Array) -> tuple[Array, Array]:
        n = outputs.shape[1]
        value = -targets * np.log(outputs) + (1 - targets) * (1 - np.log1p(-outputs))
        return value / n, (outputs + targets) / (outputs * (1 - outputs)) / n


FAMILIES: dict[str, type[Case]] = {
    "Conv2D": Convolution,
    "Conv2D, depthwise": Depthwise,
    "Conv2D, Winograd": Winograd,
    "Dense": Dense,
    "MaxPooling2D": MaxPooling,
    "AveragePooling2D": AveragePooling,
    "SumPooling2D": SumPooling,
    "WeightedAveragePooling2D": WeightedPooling,
    "GlobalMaxPooling2D": GlobalMaxPooling,
    "GlobalAveragePooling2D": GlobalAveragePooling,
    "BatchNormalization": BatchNormalization,
    "BatchNormalization, frozen": BatchNormalizationInUse,
    "Activation": Activation,
    "Softmax": Softmax,
    "Dropout": Dropout,
    "Rescaling": Rescaling,
    "MeanSquaredError": SquaredError,
    "HalfSquaredError": HalfSquaredError,
    "MeanAbsoluteError": AbsoluteError,
    "CategoricalCrossentropy": Categorical,
    "CategoricalCrossentropy, logits": CategoricalFromLogits,
    "SparseCategoricalCrossentropy": Sparse,
    "SparseCategoricalCrossentropy, logits": SparseFromLogits,
    "BinaryCrossentropy": Binary,
    "BinaryCrossentropy, logits": BinaryFromLogits,
}


def random_case(family: str, number: int) -> Case:
    """Return case `number`, always the same; half are of whole numbers, each 25th is large."""
    chance = np.random.default_rng([number, *family.encode()])
    return FAMILIES[family](chance, whole=number % 2 == 1, large=number % 25 == 24)
