"""A metric of one output in training and judging."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from cnnx.arrays import Array, Float
from cnnx.distributed import Group
from cnnx.metrics import Metric
from cnnx.metrics.arguments import one_number


def take_in(metric: Metric, group: Group, *given: Any) -> None:
    """Let a metric take in a batch of all ranks: targets, predictions and, if any, weights."""
    if group.size == 1:
        metric.update_state(*given)
    elif metric.adds_up:
        metric.add_sums(group.gather(metric.sums_of(*given)))
    else:
        rows = (None if one is None else group.rows(np.asarray(one)) for one in given)
        metric.update_state(*rows)


class Figure(NamedTuple):
    """A metric of one output, and how it reads a batch."""

    metric: Metric
    keeps_state: bool
    by_rows: bool
    weighted: bool

    def of(self, targets: Array, predictions: Float, weights: Array, group: Group) -> float:
        """Return the figure of a batch; of a metric that keeps a state, of all so far."""
        metric = self.metric
        if self.keeps_state:
            given = [targets, predictions, *([weights] if self.weighted else [])]
            take_in(metric, group, *given)
            return one_number(metric.running(), metric.name)
        if self.by_rows:
            predictions = predictions.reshape(-1, predictions.shape[-1])
            targets = targets.reshape(-1 if metric.sparse else predictions.shape)
        return metric.total(targets, predictions) / len(predictions)
