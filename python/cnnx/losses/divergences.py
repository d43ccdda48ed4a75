"""Distances of distributions and of directions."""

from functools import partial

from cnnx import _core
from cnnx.arrays import Array
from cnnx.geometry import number
from cnnx.losses.cross_entropies import SparseCategoricalCrossentropy
from cnnx.losses.elementwise import ElementwiseLoss
from cnnx.losses.loss import Kernels, PlainLoss
from cnnx.losses.targets import require_last_axis, require_shares


class KLDivergence(ElementwiseLoss):
    """
    The sum over outputs of target log(target / output), in nats (Kullback & Leibler 1951).

    Both are kept from 1e-7 to 1; where that bites, the derivative is 0.
    """

    name = "kl_divergence"
    function = "divergence"
    mean = False

    def check_targets(self, y: Array, output_shape: tuple[int, ...], owner: str) -> Array:
        """Return the targets; raises ValueError for one outside 0 to 1."""
        targets = super().check_targets(y, output_shape, owner)
        require_shares(self.name, targets, owner)
        return targets


class Poisson(ElementwiseLoss):
    """
    The mean over outputs of output - target log(output + 1e-7): of counts that are expected.

    It is NaN for outputs below 0.
    """

    function = "poisson"


class CosineSimilarity(PlainLoss):
    """
    Minus the cosine of the angle between outputs and targets: -1 where they point the same way.

    It is 0 where either is 0. Their lengths count as 1e-7 below.

    Parameters
    ----------
    axis
        -1: the last one.
    reduction, name
        As for `Loss`.
    """

    on_outputs = Kernels(_core.cosine_loss_forward, _core.cosine_loss_backward)

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        super().__init__(reduction, name)
        require_last_axis(axis, self.name)


class CategoricalGeneralizedCrossEntropy(PlainLoss):
    """
    (1 - p^q) / q of the probability p of the labelled class (Zhang & Sabuncu 2018).

    Between cross-entropy (q near 0) and absolute error (q near 1): it forgives wrong labels. The
    derivative of a probability of 0 is that of 1e-7.

    Parameters
    ----------
    q
        In (0, 1).
    reduction, name
        As for `Loss`.
    """

    name = "categorical_generalized_cross_entropy"
    sparse = True
    arguments = ("q",)

    def __init__(
        self,
        q: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        super().__init__(reduction, name)
        self.q = number(q, f"{self.name}: q", 2.0**-126, 1)

    def check_targets(self, y: Array, output_shape: tuple[int, ...], owner: str) -> Array:
        """Return the labels as int64 of shape `output_shape[:-1]`, all in range."""
        return SparseCategoricalCrossentropy(name=self.name).check_targets(y, output_shape, owner)

    @property
    def on_outputs(self) -> Kernels:
        """What computes the loss from rows of probabilities."""
        return Kernels(
            partial(_core.generalized_cross_entropy_forward, self.q),
            partial(_core.generalized_cross_entropy_backward, self.q),
        )
