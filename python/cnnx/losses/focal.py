"""Focal cross-entropies: what the network is sure of counts little (Lin et al. 2017)."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from cnnx import _core
from cnnx.arrays import Array
from cnnx.geometry import number
from cnnx.losses.cross_entropies import BinaryCrossentropy, CategoricalCrossentropy, CrossEntropy
from cnnx.losses.elementwise import elementwise_kernels, sigmoid_kernels
from cnnx.losses.loss import Kernels


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
        return self._kernels(_core.categorical_focal_forward, _core.categorical_focal_backward)

    @property
    def on_logits(self) -> Kernels:
        """What computes it from rows of logits."""
        return self._kernels(_core.softmax_focal_forward, _core.softmax_focal_backward)

    def _kernels(self, forward: Callable[..., None], backward: Callable[..., None]) -> Kernels:
        given = self.gamma, np.array(self.alpha, np.float32, ndmin=1)
        return Kernels(partial(forward, *given), partial(backward, *given))

    def check_targets(self, y: Array, output_shape: tuple[int, ...], owner: str) -> Array:
        """Return the one-hot targets; raises ValueError for labels, and for a list of alphas."""
        classes = output_shape[-1]
        if isinstance(self.alpha, list) and len(self.alpha) != classes:
            raise ValueError(
                f"{self.name}: alpha has {len(self.alpha)} weights for {classes} classes"
            )
        return CategoricalCrossentropy(name=self.name).check_targets(y, output_shape, owner)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"alpha": self.alpha, "gamma": self.gamma} | super().get_config()
