"""The forms in float64 of losses: one number a row of outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cnnx import losses
from cnnx.arrays import Array, Double
from cnnx.explain.activation_forms import log_softmax

_LEAST = 1e-7  # bound of quotients and logarithms


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
    return _mean(entropies)


def _logarithmic(loss: Any, t: Double, y: Double) -> Double:
    above, below = (np.log1p(np.maximum(part, _LEAST)) for part in (y, t))
    return _mean((above - below) ** 2)


def _huber(loss: Any, t: Double, y: Double) -> Double:
    size = np.abs(y - t)
    near = np.minimum(size, loss.delta)
    return _mean(near * (size - near / 2))


def _log_cosh(loss: Any, t: Double, y: Double) -> Double:
    return _mean(np.logaddexp(y - t, t - y) - np.log(2))


def _divergence(loss: Any, t: Double, y: Double) -> Double:
    p, q = np.clip(y, _LEAST, 1), np.clip(t, _LEAST, 1)
    found: Double = (q * np.log(q / p)).sum(axis=-1)
    return found


def _focal(loss: Any, t: Double, y: Double) -> Double:
    p = np.exp(-np.logaddexp(0, -y)) if loss.from_logits else y
    q = np.clip(p, _LEAST, 1 - _LEAST)
    entropies = -(t * np.log(q) + (1 - t) * np.log1p(-q))
    alpha = loss.alpha if loss.apply_class_balancing else None
    weights = 1.0 if alpha is None else t * alpha + (1 - t) * (1 - alpha)
    return _mean(weights * np.maximum(t * (1 - p) + (1 - t) * p, 0) ** loss.gamma * entropies)


def _categorical_focal(loss: Any, t: Double, y: Double) -> Double:
    sums = y.sum(axis=-1, keepdims=True)
    shares = np.exp(log_softmax(y)) if loss.from_logits else y / np.where(sums == 0, 1.0, sums)
    p = np.clip(shares, _LEAST, 1 - _LEAST)
    found: Double = -(np.asarray(loss.alpha) * (1 - p) ** loss.gamma * t * np.log(p)).sum(axis=-1)
    return found


def _categorical_hinge(loss: Any, t: Double, y: Double) -> Double:
    wrong, right = ((1 - t) * y).max(axis=-1), (t * y).sum(axis=-1)
    found: Double = np.maximum(1 + wrong - right, 0)
    return found


def _generalized(loss: Any, labels: Array, y: Double) -> Double:
    chosen = np.take_along_axis(y, np.asarray(labels)[..., None], axis=-1)[..., 0]
    found: Double = (1 - np.maximum(chosen, 0) ** loss.q) / loss.q
    return found


def _cosine(loss: Any, t: Double, y: Double) -> Double:
    lengths = [np.maximum(np.linalg.norm(part, axis=-1), _LEAST) for part in (t, y)]
    found: Double = -(t * y).sum(axis=-1) / (lengths[0] * lengths[1])
    return found


def _mean(values: Double) -> Double:
    mean: Double = values.mean(axis=-1)
    return mean


LOSS_FORMS: dict[type[losses.Loss], Callable[[Any, Any, Double], Double]] = {
    losses.BinaryCrossentropy: _binary,
    losses.BinaryFocalCrossentropy: _focal,
    losses.CategoricalCrossentropy: _categorical,
    losses.CategoricalFocalCrossentropy: _categorical_focal,
    losses.CategoricalGeneralizedCrossEntropy: _generalized,
    losses.CategoricalHinge: _categorical_hinge,
    losses.CosineSimilarity: _cosine,
    losses.HalfSquaredError: lambda loss, t, y: ((y - t) ** 2).sum(axis=-1) / 2,
    losses.Hinge: lambda loss, t, y: _mean(np.maximum(1 - t * y, 0)),
    losses.Huber: _huber,
    losses.KLDivergence: _divergence,
    losses.LogCosh: _log_cosh,
    losses.MeanAbsoluteError: lambda loss, t, y: _mean(np.abs(y - t)),
    losses.MeanAbsolutePercentageError: lambda loss, t, y: _mean(
        100 * np.abs(y - t) / np.maximum(np.abs(t), _LEAST)
    ),
    losses.MeanSquaredError: lambda loss, t, y: _mean((y - t) ** 2),
    losses.MeanSquaredLogarithmicError: _logarithmic,
    losses.Poisson: lambda loss, t, y: _mean(y - t * np.log(y + _LEAST)),
    losses.SparseCategoricalCrossentropy: _sparse,
    losses.SquaredHinge: lambda loss, t, y: _mean(np.maximum(1 - t * y, 0) ** 2),
}


def loss_value(loss: losses.Loss, targets: Any, y: Double) -> float:
    """Return a loss of a batch; of one that sees it as a whole, by what it computes itself."""
    if loss.whole:
        return float(np.mean(loss.call(targets, y)))
    form = next(LOSS_FORMS[kind] for kind in type(loss).__mro__ if kind in LOSS_FORMS)
    values = form(loss, targets, y)
    count = loss.counted(targets.reshape(-1), None)[2] if loss.sparse else values.size
    return float(values.sum() / (loss.extent(count, None) or 1))
