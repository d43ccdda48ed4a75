"""The forms in float64 of losses: one number a row of outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cnnx import losses
from cnnx.arrays import Array, Double
from cnnx.explain.activation_forms import log_softmax


def _log(p: Double) -> Double:
    logarithm: Double = np.log(np.maximum(p, np.finfo(np.float64).tiny))
    return logarithm


def _probabilities(y: Double) -> Double:
    sums = y.sum(axis=-1, keepdims=True)
    divided: Double = y / np.where((np.abs(sums - 1) <= 1e-4) | (sums == 0), 1.0, sums)
    return divided


def _categorical(loss: Any, t: Double, y: Double) -> Double:
    logarithms = log_softmax(y) if loss.from_logits else _log(_probabilities(y))
    result: Double = -(t * logarithms).sum(axis=-1)
    return result


def _sparse(loss: Any, labels: Array, y: Double) -> Double:
    counts = np.asarray(labels != loss.ignore_class)
    result: Double = (
        _categorical(loss, np.eye(y.shape[-1])[np.where(counts, labels, 0)], y) * counts
    )
    return result


def _binary(loss: Any, t: Double, y: Double) -> Double:
    if loss.from_logits:
        entropies = np.logaddexp(0, y) - t * y
    else:
        entropies = -(t * _log(y) + (1 - t) * _log(1 - y))
    mean: Double = entropies.mean(axis=-1)
    return mean


LOSS_FORMS: dict[type[losses.Loss], Callable[[Any, Any, Double], Double]] = {
    losses.BinaryCrossentropy: _binary,
    losses.CategoricalCrossentropy: _categorical,
    losses.HalfSquaredError: lambda loss, t, y: ((y - t) ** 2).sum(axis=-1) / 2,
    losses.MeanAbsoluteError: lambda loss, t, y: np.abs(y - t).mean(axis=-1),
    losses.MeanSquaredError: lambda loss, t, y: ((y - t) ** 2).mean(axis=-1),
    losses.SparseCategoricalCrossentropy: _sparse,
}


def loss_value(loss: losses.Loss, targets: Any, y: Double) -> float:
    """Return a loss of a batch; of losses without a form here, by what they compute themselves."""
    form = LOSS_FORMS.get(type(loss))
    if form is not None:
        values = form(loss, targets, y)
    elif loss.whole:
        return float(np.mean(loss.call(targets, y)))
    else:
        values = _of_rows(loss, targets, y)
    count = loss.counted(targets.reshape(-1), None)[2] if loss.sparse else values.size
    return float(values.sum() / (loss.extent(count, None) or 1))


def _of_rows(loss: Any, targets: Any, y: Double) -> Double:
    rows = y.reshape(-1, y.shape[-1])
    seen = loss.probabilities(rows) if loss.from_logits else rows
    wanted = targets.reshape(-1) if loss.sparse else targets.reshape(rows.shape)
    result: Double = loss.values(wanted, seen)
    return result
