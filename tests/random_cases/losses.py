"""Losses and their gradients."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

import cnnx
import reference
from cnnx import layers, losses
from random_cases.case import SMALLEST, UNIT, Array, Case, functional


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
        mb = 500 if self.large else int(self.chance.integers(1, 20))
        outputs = self.numbers(mb, self.one_of(2, 3, 10, 16, 17, 40)) * np.float32(
            self.one_of(1, 5)
        )
        self.targets = self.chance.random(outputs.shape).astype(np.float32)
        self.arrays = (outputs,)

    @property
    def y(self) -> Array:
        """The targets as the loss takes them."""
        return self.targets

    @cached_property
    def model(self) -> cnnx.Sequential:
        """A model that learns nothing, so that it can be asked again."""
        mb, n = self.arrays[0].shape
        model = cnnx.Sequential([cnnx.Input((mb,)), layers.Dense(n, use_bias=False)])
        model.compile(cnnx.optimizers.SGD(0.0), self.loss)
        model.set_weights(self.arrays)
        return model

    def by_cnnx(self) -> list[Array]:
        outputs = self.arrays[0]
        value = self.model.train_on_batch(np.eye(len(outputs), dtype=np.float32), self.y)
        return [np.asarray(value), self.model.parameters.gradients.reshape(outputs.shape).copy()]

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
        return functional().mse_loss(outputs, outputs.new_tensor(self.targets))

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
        return functional().l1_loss(outputs, outputs.new_tensor(self.targets))

    def terms_of(self, outputs: Array, targets: Array) -> tuple[Array, Array]:
        n = outputs.shape[1]
        return np.abs(outputs - targets) / n, np.full(outputs.shape, 1 / n)


class Cosine(Loss):
    """A sum of products over two lengths; the gradient is a difference of two rows over them."""

    loss = losses.CosineSimilarity()

    @staticmethod
    def oracle(outputs: Array, targets: Array) -> tuple[Array, Array]:
        y, t = reference.f64(outputs), reference.f64(targets)
        y_length, t_length = (np.sqrt((part**2).sum(axis=1, keepdims=True)) for part in (y, t))
        cosine = (t * y).sum(axis=1, keepdims=True) / (y_length * t_length)
        return -cosine[:, 0], (cosine * y / y_length - t / t_length) / y_length

    def by_torch(self, outputs: Any) -> Any:
        targets = outputs.new_tensor(self.targets)
        return -functional().cosine_similarity(outputs, targets, dim=1).mean()

    def terms_of(self, outputs: Array, targets: Array) -> tuple[Array, Array]:
        y_length, t_length = (np.linalg.norm(x, axis=1)[:, None] for x in (outputs, targets))
        value = np.abs(targets * outputs) / (y_length * t_length)
        along = value.sum(axis=1, keepdims=True) * np.abs(outputs) / y_length
        return value, (along + targets / t_length) / y_length


class Hinge(Loss):
    """The gradient is a difference of shares: it needs no rounding but that of the mean."""

    loss = losses.CategoricalHinge()

    def draw(self) -> None:
        super().draw()
        mb, n = self.targets.shape
        self.targets = reference.one_hot(self.chance.integers(0, n, mb), n).astype(np.float32)

    @staticmethod
    def oracle(outputs: Array, targets: Array) -> tuple[Array, Array]:
        y, t = reference.f64(outputs), reference.f64(targets)
        wrong = (1 - t) * y
        margin = 1 + wrong.max(axis=1) - (t * y).sum(axis=1)
        gradient = reference.one_hot(wrong.argmax(axis=1), y.shape[1]) * (1 - t) - t
        return np.maximum(margin, 0), gradient * (margin > 0)[:, None]

    def by_torch(self, outputs: Any) -> Any:
        targets = outputs.new_tensor(self.targets)
        worst = ((1 - targets) * outputs).max(dim=1).values
        return (1 + worst - (targets * outputs).sum(dim=1)).clamp(min=0).mean()

    def terms_of(self, outputs: Array, targets: Array) -> tuple[Array, Array]:
        return np.abs(outputs) + 1, np.ones(outputs.shape)


class CategoricalFromLogits(Loss):
    """The targets sum to 1."""

    loss = losses.CategoricalCrossentropy(from_logits=True)
    oracle = staticmethod(reference.softmax_cross_entropy)

    def draw(self) -> None:
        super().draw()
        self.targets /= self.targets.sum(axis=1, keepdims=True)

    def by_torch(self, outputs: Any) -> Any:
        return functional().cross_entropy(outputs, outputs.new_tensor(self.targets))

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
        return functional().binary_cross_entropy_with_logits(
            outputs, outputs.new_tensor(self.targets)
        )

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
        return functional().binary_cross_entropy(outputs, outputs.new_tensor(self.targets))

    def terms_of(self, outputs: Array, targets: Array) -> tuple[Array, Array]:
        n = outputs.shape[1]
        value = -targets * np.log(outputs) + (1 - targets) * (1 - np.log1p(-outputs))
        return value / n, (outputs + targets) / (outputs * (1 - outputs)) / n
