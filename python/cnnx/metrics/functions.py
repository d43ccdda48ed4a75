"""Figures as functions of arrays, each of which returns the figures of rows of outputs."""

from collections.abc import Callable
from typing import Any

import numpy as np

from cnnx.arrays import Float
from cnnx.metrics.accuracies import (
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
)
from cnnx.metrics.errors import ConcordanceCorrelation, PearsonCorrelation
from cnnx.metrics.metric import Metric


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Float:
    """Return the figures (...) of outputs (..., n) by `BinaryAccuracy`."""
    return _apart(BinaryAccuracy(threshold=threshold), y_true, y_pred)


def categorical_accuracy(y_true: Any, y_pred: Any) -> Float:
    """Return the figures (...) of outputs (..., n) by `CategoricalAccuracy`."""
    return _apart(CategoricalAccuracy(), y_true, y_pred)


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Float:
    """Return the figures (...) of outputs (..., n) by `SparseCategoricalAccuracy`."""
    return _apart(SparseCategoricalAccuracy(), y_true, y_pred)


def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Float:
    """Return the figures (...) of outputs (..., n) by `TopKCategoricalAccuracy`."""
    return _apart(TopKCategoricalAccuracy(k), y_true, y_pred)


def sparse_top_k_categorical_accuracy(
    y_true: Any, y_pred: Any, k: int = 5, from_sorted_ids: bool = False
) -> Float:
    """Return the figures (...) of outputs (..., n) by `SparseTopKCategoricalAccuracy`."""
    metric = SparseTopKCategoricalAccuracy(k, from_sorted_ids=from_sorted_ids)
    return _apart(metric, y_true, y_pred)


def pearson_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Float:
    """Return the figures (...) of outputs (..., n) by `PearsonCorrelation`."""
    return _apart(PearsonCorrelation(axis=axis), y_true, y_pred)


def concordance_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Float:
    """Return the figures (...) of outputs (..., n) by `ConcordanceCorrelation`."""
    return _apart(ConcordanceCorrelation(axis=axis), y_true, y_pred)


def _apart(metric: Metric, y_true: Any, y_pred: Any) -> Float:
    rows, outputs, shape = metric.rows(y_true, y_pred)
    return np.asarray(metric.values(rows, outputs), np.float32).reshape(shape)


FUNCTIONS: dict[Callable[..., Any], type[Metric]] = {
    binary_accuracy: BinaryAccuracy,
    categorical_accuracy: CategoricalAccuracy,
    sparse_categorical_accuracy: SparseCategoricalAccuracy,
    top_k_categorical_accuracy: TopKCategoricalAccuracy,
    sparse_top_k_categorical_accuracy: SparseTopKCategoricalAccuracy,
    pearson_correlation: PearsonCorrelation,
    concordance_correlation: ConcordanceCorrelation,
}
"""The class that stands for a function in `compile`."""
