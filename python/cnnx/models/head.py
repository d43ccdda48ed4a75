"""One output of a network in training: its loss and its figures."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence

import numpy as np

from cnnx.arrays import Array, Float, Shape
from cnnx.buffer import Buffer
from cnnx.distributed import Group
from cnnx.geometry import is_open
from cnnx.losses import Loss
from cnnx.models.figure import Figure
from cnnx.models.objective import Objective


class Head:
    """
    One output of a network with its objective.

    Parameters
    ----------
    objective
        Its loss and metrics.
    shape
        Of one sample's output; it may leave sizes open, see `at`.
    fused
        Whether the network ends before the activation that belongs to the loss.
    group
        Whose samples metrics that keep a state see.

    Attributes
    ----------
    joint_extent
        What the losses of the rows of all ranks are divided by; None: of those of this process.
    """

    def __init__(self, objective: Objective, shape: Shape, fused: bool, group: Group) -> None:
        self.objective = objective
        self.shape = shape
        self.loss = objective.loss
        self.joint_extent: float | None = None
        self._group = group
        self.sparse = self.loss is not None and self.loss.sparse
        several = len(shape) > 1
        self.figures = [
            Figure(metric, metric.keeps_state, several and not metric.whole, weighted=False)
            for metric in objective.metrics
        ]
        self.figures += [Figure(metric, True, False, True) for metric in objective.weighted]
        self.judges = [  # apart, as `evaluate` may run within an epoch
            figure._replace(metric=copy.deepcopy(figure.metric)) if figure.keeps_state else figure
            for figure in self.figures
        ]
        self._fused = fused
        self._from_logits = fused or (self.loss is not None and self.loss.from_logits)
        self._units = shape[-1]
        self._loss_sees_rows = len(shape) > 1 and self.loss is not None and not self.loss.whole
        if self.loss is not None:
            on_logits = self.loss.on_logits if self._from_logits else None
            self._kernels = on_logits or self.loss.on_outputs
        self._rows_vary = self._is_open and self._loss_sees_rows
        """Whether samples of several sizes have other numbers of rows of outputs."""
        if not self._is_open:
            self._make_room()

    @property
    def _is_open(self) -> bool:
        return is_open((None, *self.shape))

    def _make_room(self) -> None:
        """Make the buffers of a batch."""
        self._probabilities = Buffer(self.shape)
        self._losses = Buffer(self.shape[:-1] if self._loss_sees_rows else ())

    def at(self, shape: Shape) -> Head:
        """Return the output with its sizes, this one if it leaves none open; metrics are shared."""
        if not self._is_open:
            return self
        sized = copy.copy(self)
        sized.shape = shape
        sized._make_room()
        return sized

    def _rows(self, outputs: Float) -> Float:
        return outputs.reshape(-1, self._units) if self._loss_sees_rows else outputs

    def row_weights(self, weights: Float | None) -> Float | None:
        """Return weights of samples, or of rows, as a flat array of weights of rows."""
        if weights is None or not self._loss_sees_rows:
            return weights
        if weights.ndim > 1:
            return weights.reshape(-1)
        return np.repeat(weights, math.prod(self.shape[:-1]))

    def rows_of(self, samples: int) -> Shape:
        """Return the shape of a batch's rows of outputs, each of which may have its weight."""
        return (samples, *self.shape[:-1]) if self._loss_sees_rows else (samples,)

    def rows_in(self, samples: int) -> int:
        """Return the number of rows of outputs of so many samples, of sizes that are known."""
        return math.prod(extent or 1 for extent in self.rows_of(samples))

    @property
    def extent_varies(self) -> bool:
        """Whether a batch's samples may differ in what their losses are divided by."""
        if self.loss is None:
            return False
        if self._rows_vary or self.loss.reduction in ("sum", "mean_with_sample_weight"):
            return True
        counted = getattr(type(self.loss), "counted", Loss.counted)
        return counted is not Loss.counted and getattr(self.loss, "ignore_class", self) is not None

    def extent(self, targets: Array, weights: Float | None) -> float:
        """Return what the losses of rows are divided by."""
        assert self.loss is not None
        _, factors, count = self.counted(targets, weights)
        return self.loss.extent(count, factors)

    def counted(self, targets: Array, weights: Float | None) -> tuple[Array, Float | None, int]:
        """Return rows of targets, their weights, and how many the loss counts."""
        assert self.loss is not None
        wanted = targets
        if self._loss_sees_rows:
            wanted = targets.reshape(-1) if self.sparse else targets.reshape(-1, self._units)
        return self.loss.counted(wanted if self.sparse else self.loss.smooth(wanted), weights)

    def score(
        self, outputs: Float, targets: Array, weights: Float | None, figures: Sequence[Figure]
    ) -> list[float]:
        """Return the loss, if there is one, and the metrics; `weights` has one number a row."""
        predictions, values = outputs, []
        if self.loss is not None:
            losses = self._losses.rows(len(outputs))
            rows = outputs
            if self._loss_sees_rows:
                losses, rows = losses.reshape(-1), rows.reshape(-1, self._units)
            seen, factors, count = self.counted(targets, weights)
            extent = self.joint_extent
            self._divisor = (self.loss.extent(count, factors) if extent is None else extent) or 1
            if self._from_logits:
                probabilities = self._probabilities.rows(len(outputs))
                found = self._rows(probabilities)
                self._kernels.forward(rows, seen, found, losses)
                rows = found
                if self._fused:
                    predictions = probabilities
            else:
                self._kernels.forward(rows, seen, losses)
            if factors is not None:
                losses[factors == 0] = 0  # be the loss infinite or NaN
                losses *= factors
            values.append(float(np.add.reduce(losses)) / self._divisor)
            self._seen = rows, seen, factors
        if figures:
            counts = self._factors(weights, len(outputs))
            values += [figure.of(targets, predictions, counts, self._group) for figure in figures]
        return values

    def _factors(self, weights: Float | None, samples: int) -> Array:
        """Return what samples, or rows of outputs, count in figures of weighted samples."""
        if weights is None or not self.objective.weighted:
            return np.ones(samples if self.objective.weighted else 0, np.float32)
        return weights.reshape(self.rows_of(samples))

    def differentiate(self, dy: Float) -> None:
        """Write the gradient of the loss with respect to the output that `score` saw last."""
        if self.loss is None:
            dy[...] = 0
            return
        gradient = self._rows(dy)
        scale = self.objective.share / self._divisor
        self._kernels.backward(*self._seen, scale, gradient)
        weights = self._seen[-1]
        if weights is not None:
            gradient[weights == 0] = 0
