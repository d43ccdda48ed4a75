"""Focal cross-entropies: what the network is sure of counts little (Lin et al. 2017)."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnx.arrays import Array, Double, Float
from cnnx.geometry import number
from cnnx.losses.cross_entropies import BinaryCrossentropy, CategoricalCrossentropy, CrossEntropy
from cnnx.losses.elementwise import elementwise_kernels, sigmoid_kernels
from cnnx.losses.loss import Kernels
from cnnx.losses.rows import EPSILON, as_double, row_factors, row_kernels


class BinaryFocalCrossentropy(CrossEntropy):
    """
    The mean over outputs of (1 - q)^gamma times the cross-entropy, q the probability of the target.

    With p the output and t the target, q = t p + (1 - t)(1 - p). p is kept from 1e-7 to 1 - 1e-7 in
    the logarithm; where that bites, the derivative of the logarithm is 0.

    Parameters
    ----------
    apply_class_balancing
        Whether to multiply by t alpha + (1 - t)(1 - alpha).
    alpha
        Weight of the class 1, from 0 to 1.
    gamma
        How much less counts what is sure, >= 0; 0 is cross-entropy.
    from_logits
        True if the outputs are logits: the sigmoid is then part of the loss.
    label_smoothing
        Share s by which targets move towards 1/2.
    axis, reduction, name
        As for `CategoricalCrossentropy`.
    """

    name = "binary_focal_crossentropy"
    uniform = BinaryCrossentropy.uniform
    check_targets = BinaryCrossentropy.check_targets

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        super().__init__(from_logits, label_smoothing, axis, reduction, name)
        self.apply_class_balancing = bool(apply_class_balancing)
        self.alpha = number(alpha, f"{self.name}: alpha", 0, 1, include_high=True)
        self.gamma = number(gamma, f"{self.name}: gamma", 0, math.inf)

    @property
    def on_outputs(self) -> Kernels:
        """What computes the loss from rows of probabilities."""
        return elementwise_kernels("focal", self._parameters)

    @property
    def on_logits(self) -> Kernels:
        """What computes it from rows of logits."""
        return sigmoid_kernels("focal", self._parameters)

    @property
    def _parameters(self) -> list[float]:
        balance = [self.alpha, 1 - self.alpha] if self.apply_class_balancing else [1.0, 1.0]
        return [self.gamma, *balance]

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        own = {
            "apply_class_balancing": self.apply_class_balancing,
            "alpha": self.alpha,
            "gamma": self.gamma,
        }
        return own | super().get_config()


class CategoricalFocalCrossentropy(CrossEntropy):
    """
    -sum over classes of alpha (1 - p)^gamma * target * ln p, with p the probability of each class.

    Outputs are divided by their sum, and kept from 1e-7 to 1 - 1e-7; where that bites, the
    derivative is 0.

    Parameters
    ----------
    alpha
        Weight of all classes, >= 0, or a list with one for each.
    gamma
        How much less counts what is sure, >= 0.
    from_logits
        True if the outputs are logits: the softmax is then part of the loss.
    label_smoothing, axis, reduction, name
        As for `CategoricalCrossentropy`.
    """

    name = "categorical_focal_crossentropy"
    check_targets = CategoricalCrossentropy.check_targets

    def __init__(
        self,
        alpha: float | Sequence[float] = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        super().__init__(from_logits, label_smoothing, axis, reduction, name)
        label = f"{self.name}: alpha"
        several = isinstance(alpha, (list, tuple, np.ndarray)) and np.ndim(alpha) == 1
        self.alpha: float | list[float] = (
            [number(item, label, 0, math.inf) for item in alpha]  # type: ignore[union-attr]
            if several
            else number(alpha, label, 0, math.inf)
        )
        self.gamma = number(gamma, f"{self.name}: gamma", 0, math.inf)

    @property
    def on_outputs(self) -> Kernels:
        """What computes the loss from rows of probabilities."""
        return row_kernels(self.values, self.slopes)

    @property
    def on_logits(self) -> Kernels:
        """What computes it from rows of logits."""
        return Kernels(self._forward_logits, self._backward_logits)

    def values(self, targets: Double, outputs: Double) -> Double:
        """Return the loss of each row of probabilities."""
        p = np.clip(_shares(outputs)[0], EPSILON, 1 - EPSILON)
        found: Double = (-self._alphas(p) * self._power(1 - p)[0] * targets * np.log(p)).sum(axis=1)
        return found

    def slopes(self, targets: Double, outputs: Double) -> Double:
        """Return the derivatives by the probabilities."""
        shares, total = _shares(outputs)
        p = np.clip(shares, EPSILON, 1 - EPSILON)
        modulation, slope = self._power(1 - p)
        by_share = self._alphas(p) * targets * (slope * np.log(p) - modulation / p)
        by_share = np.where(p == shares, by_share, 0)
        found: Double = (by_share - (by_share * shares).sum(axis=1, keepdims=True)) / total
        return found

    def probabilities(self, logits: Double) -> Double:
        """Return the softmax."""
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        found: Double = powers / powers.sum(axis=1, keepdims=True)
        return found

    def through(self, probabilities: Double, slopes: Double) -> Double:
        """Return derivatives by the logits."""
        mean = (slopes * probabilities).sum(axis=1, keepdims=True)
        found: Double = probabilities * (slopes - mean)
        return found

    def _forward_logits(
        self, logits: Float, targets: Array, probabilities: Float, losses: Float
    ) -> None:
        found = self.probabilities(as_double(logits))
        probabilities[...] = found
        losses[...] = self.values(as_double(targets), found)

    def _backward_logits(
        self, probs: Float, targets: Array, weights: Float | None, scale: float, gradient: Float
    ) -> None:
        seen = as_double(probs)
        slopes = self.through(seen, self.slopes(as_double(targets), seen))
        gradient[...] = slopes * row_factors(weights, scale)

    def _power(self, rest: Double) -> tuple[Double, Double]:
        """Return rest^gamma, and its derivative."""
        lower = self.gamma * rest ** (self.gamma - 1) if self.gamma else np.zeros_like(rest)
        return rest**self.gamma, lower

    def _alphas(self, p: Double) -> Any:
        if isinstance(self.alpha, list) and len(self.alpha) != p.shape[1]:
            raise ValueError(
                f"{self.name}: alpha has {len(self.alpha)} weights for {p.shape[1]} classes"
            )
        return np.asarray(self.alpha)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"alpha": self.alpha, "gamma": self.gamma} | super().get_config()


def _shares(outputs: Double) -> tuple[Double, Double]:
    """Return outputs over their sum, and the sum; 1 in the place of 0."""
    total = outputs.sum(axis=1, keepdims=True)
    total = np.where(total == 0, 1, total)
    return outputs / total, total
