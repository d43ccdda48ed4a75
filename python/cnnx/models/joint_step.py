"""One step of training that several processes take together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from cnnx.arrays import Array
from cnnx.graph import Graph
from cnnx.layers import joint_statistics
from cnnx.layers.normalization import BatchNormalization
from cnnx.layers.weight import Weight
from cnnx.models.gradient_sum import GradientSum
from cnnx.models.objective import Objective
from cnnx.models.parameters import Parameters
from cnnx.models.training_step import TrainingStep
from cnnx.optimizers import Optimizer


class JointStep(TrainingStep):
    """
    A step along the gradient of a batch. Each rank has a part of the batch, possibly none.

    Each rank's gradients are those of its part of the joint loss, so that their sum over the ranks
    is the gradient of the joint batch. Moving statistics become the ranks' mean, weighted by their
    samples. All ranks return the joint figures and end with the same weights. Where sizes are left
    open, the ranks' parts may be of several sizes.
    """

    def __init__(
        self,
        graph: Graph,
        objectives: Sequence[Objective],
        optimizer: Optimizer,
        parameters: Parameters,
    ) -> None:
        super().__init__(graph, objectives, optimizer, parameters)
        self._gradients = GradientSum(self.group, self._training, parameters)

    def differentiated(self, arrays: Sequence[Array], joint: int | None) -> list[float]:
        """Write the joint gradients, and return the joint figures."""
        rows = _rows(arrays)
        joint = self._joint(rows) if joint is None else joint
        self._share_counts(arrays, joint)
        if rows:
            binding, values = self.forward(arrays, joint)
        else:
            values = self._forward_without_samples()
        shared = self._weighted(values, rows / joint, self.parameters.state - self._statistics)
        figures = self.group.begin_sum(shared)
        try:
            if rows:
                self.backward(binding, self._gradients.after)
            else:
                self._backward_without_samples()
        finally:
            figures.wait()
            self._gradients.wait()
        np.add(self._statistics, shared[len(values) :], self.parameters.state, casting="same_kind")
        joint_values: list[float] = shared[: len(values)].tolist()
        return joint_values

    def judged(self, arrays: Sequence[Array], joint: int | None, apart: bool = True) -> list[float]:
        """Return the joint figures of a batch."""
        rows = _rows(arrays)
        joint = self._joint(rows) if joint is None else joint
        self._share_counts(arrays, joint)
        values = super().judged(arrays, joint, apart) if rows else self._no_figures(judges=apart)
        found: list[float] = self.group.sum(self._weighted(values, rows / joint)).tolist()
        return found

    def _joint(self, rows: int) -> int:
        return int(self.group.sum(np.array([rows], np.int64))[0])

    def _share_counts(self, arrays: Sequence[Array], joint: int) -> None:
        """Tell each output over how many rows of all ranks its loss is the mean."""
        for head in self.heads:
            head.joint_extent = head.rows_in(joint)
        varying = [head for head in self.heads if head.extent_varies]
        if varying:
            extents = np.zeros(len(varying), np.float64)
            if _rows(arrays):
                for head, targets, weights in self.given(arrays):
                    if head.extent_varies:
                        extents[varying.index(head)] = head.extent(targets, weights)
            for head, extent in zip(varying, self.group.sum(extents), strict=True):
                head.joint_extent = float(extent)

    def _forward_without_samples(self) -> list[float]:
        """Take part in what the others do forward with their samples; return figures of 0."""
        for _, layer in self._joining(range(len(self._training.lives.runs))):
            joint_statistics.normalize_nothing(layer)
        Weight.count_change(self._training.statistics)
        return self._no_figures(judges=False)

    def _backward_without_samples(self) -> None:
        """Take part in what the others do backward, with gradients of 0."""
        self.parameters.gradients[:] = 0
        back = self._training.lives.back
        joining = dict(self._joining(back))
        for index in back:
            if index in joining:
                joint_statistics.differentiate_nothing(joining[index])
            self._gradients.begin(index)

    def _joining(self, steps: Iterable[int]) -> list[tuple[int, BatchNormalization]]:
        """Return those of some steps whose statistics are the joint ones, with their layers."""
        operations = [(index, self._training.lives.runs[index].operation) for index in steps]
        return [
            (index, layer)
            for index, layer in operations
            if isinstance(layer, BatchNormalization) and layer.joins
        ]

    def _no_figures(self, judges: bool) -> list[float]:
        """Take part in metrics that see the samples of all ranks; return figures of 0."""
        count = 0
        for head in self.heads:
            for figure in head.judges if judges else head.figures:
                count += 1
                if figure.keeps_state:
                    nothing = np.empty((0, *(e or 0 for e in head.shape)), np.float32)
                    figure.of(nothing, nothing, nothing[:0].reshape(0), self.group)
        return [0.0] * (self.losses + count)

    def _weighted(self, values: list[float], share: float, moved: Any = ()) -> Any:
        """Return figures, and moved statistics, whose sums over the ranks are the joint ones."""
        shared = np.concatenate([values, moved]).astype(np.float64)
        shared[self.losses :] *= share  # losses are parts of the joint ones already
        return shared


def _rows(arrays: Sequence[Array]) -> int:
    return len(arrays[0]) if arrays else 0
