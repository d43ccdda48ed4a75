"""One step of training that several processes take together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnnx.arrays import Array
from cnnx.layers import joint_statistics
from cnnx.layers.normalization import BatchNormalization
from cnnx.models.training_step import TrainingStep


class JointStep(TrainingStep):
    """
    A step along the gradient of a batch. Each rank has a part of the batch, possibly none.

    Each rank's gradients are those of its part of the joint loss, so that their sum over the ranks
    is the gradient of the joint batch. Moving statistics become the ranks' mean, weighted by their
    samples. All ranks return the joint figures and end with the same weights.
    """

    def differentiated(self, arrays: Sequence[Array], joint: int | None) -> list[float]:
        """Write the joint gradients, and return the joint figures."""
        rows = _rows(arrays)
        joint = self._joint(rows) if joint is None else joint
        statistics = self.parameters.state
        before = statistics.copy()
        self._share_counts(arrays, joint)
        if rows:
            values = super().differentiated(arrays, joint)
        else:
            values = self._without_samples(judges=False)
        if statistics.size:
            statistics -= before
            statistics *= np.float32(rows / joint)
            self.group.sum(statistics)
            statistics += before
        for segment in self.learned.segments:
            self.group.sum(segment.gradients)
        return self._summed(values, rows / joint)

    def judged(self, arrays: Sequence[Array], joint: int | None) -> list[float]:
        """Return the joint figures of a batch."""
        rows = _rows(arrays)
        joint = self._joint(rows) if joint is None else joint
        self._share_counts(arrays, joint)
        values = super().judged(arrays, joint) if rows else self._without_samples(judges=True)
        return self._summed(values, rows / joint)

    def _joint(self, rows: int) -> int:
        return int(self.group.sum(np.array([rows], np.int64))[0])

    def _share_counts(self, arrays: Sequence[Array], joint: int) -> None:
        """Tell each output over how many rows of all ranks its loss is the mean."""
        for head in self.heads:
            head.joint_count = head.rows_in(joint)
        varying = [head for head in self.heads if head.counts_vary]
        if varying:
            counts = np.zeros(len(varying), np.int64)
            if _rows(arrays):
                for head, targets, weights in self.given(arrays):
                    if head.counts_vary:
                        counts[varying.index(head)] = head.counted(targets, weights)[2]
            for head, count in zip(varying, self.group.sum(counts), strict=True):
                head.joint_count = int(count)

    def _without_samples(self, judges: bool) -> list[float]:
        """Take part in what the others do with their samples; return figures of 0."""
        steps = [] if judges else self._training.lives.runs
        joining = {
            index: step.operation
            for index, step in enumerate(steps)
            if isinstance(step.operation, BatchNormalization) and step.operation.joins
        }
        for layer in joining.values():
            joint_statistics.normalize_nothing(layer)
        count = 0
        for head in self.heads:
            for figure in head.judges if judges else head.figures:
                count += 1
                if figure.keeps_state:
                    nothing = np.empty((0, *head.shape), np.float32)
                    figure.of(nothing, nothing, self.group)
        if not judges:
            for index in self._training.lives.back:
                if index in joining:
                    joint_statistics.differentiate_nothing(joining[index])
            self.parameters.gradients[:] = 0
        return [0.0] * (self.losses + count)

    def _summed(self, values: list[float], share: float) -> list[float]:
        """Return the joint figures: losses are parts of the joint ones, metrics are means."""
        found = np.array(values, np.float64)
        found[self.losses :] *= share
        joint: list[float] = self.group.sum(found).tolist()
        return joint


def _rows(arrays: Sequence[Array]) -> int:
    return len(arrays[0]) if arrays else 0
