"""Metrics of all samples against scikit-learn and Keras."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnnx import metrics
from metric_samples import (
    CLASSES,
    LABELS,
    MULTI,
    NUMBERS,
    ONE_HOT,
    OTHERS,
    SCORES,
    SHARES,
    WEIGHTS,
    YES,
    N,
)


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
def test_figures_of_scikit_learn(weights: Any) -> None:
    theirs = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    positive, found = SCORES > 0.5, SHARES.argmax(1)
    given = {"sample_weight": weights}
    exact = metrics.AUC(thresholds=sorted({float(s) for s in SCORES}))
    for metric, y, p, expected in (
        (metrics.Precision(), YES, SCORES, theirs.precision_score(YES, positive, **given)),
        (metrics.Recall(), YES, SCORES, theirs.recall_score(YES, positive, **given)),
        (exact, YES, SCORES, theirs.roc_auc_score(YES, SCORES, **given)),
        (
            metrics.F1Score("macro"),
            ONE_HOT,
            SHARES,
            theirs.f1_score(LABELS, found, average="macro", **given),
        ),
        (
            metrics.FBetaScore("weighted", 0.5),
            ONE_HOT,
            SHARES,
            theirs.fbeta_score(LABELS, found, beta=0.5, average="weighted", **given),
        ),
        (
            metrics.MeanIoU(CLASSES),
            LABELS,
            found,
            theirs.jaccard_score(LABELS, found, average="macro", **given),
        ),
        (metrics.R2Score(), OTHERS, NUMBERS, theirs.r2_score(OTHERS, NUMBERS, **given)),
        (
            metrics.SparseTopKCategoricalAccuracy(2),
            LABELS,
            SHARES,
            theirs.top_k_accuracy_score(LABELS, SHARES, k=2, **given),
        ),
    ):
        assert metric(y, p, weights) == pytest.approx(expected, rel=2e-5), metric


KERAS: list[tuple[str, dict[str, Any], Any, Any]] = [
    ("AUC", {}, YES, SCORES),
    ("AUC", {"curve": "PR"}, YES, SCORES),
    ("AUC", {"curve": "PR", "summation_method": "minoring"}, YES, SCORES),
    ("AUC", {"num_thresholds": 11, "multi_label": True}, MULTI, SHARES),
    ("Precision", {"top_k": 2}, MULTI, SHARES),
    ("Precision", {"thresholds": [0.2, 0.8]}, YES, SCORES),
    ("Recall", {"top_k": 2, "thresholds": 0.3}, MULTI, SHARES),
    ("Recall", {"class_id": 1}, MULTI, SHARES),
    ("F1Score", {}, ONE_HOT, SHARES),
    ("F1Score", {"threshold": 0.4, "average": "micro"}, MULTI, SHARES),
    ("FBetaScore", {"beta": 2.0, "average": "weighted"}, ONE_HOT, SHARES),
    ("BinaryIoU", {"target_class_ids": [1], "threshold": 0.3}, YES, SCORES),
    ("MeanIoU", {"num_classes": 4, "ignore_class": 1}, LABELS, SHARES.argmax(1)),
    ("R2Score", {"class_aggregation": "variance_weighted_average"}, OTHERS, NUMBERS),
    ("R2Score", {"num_regressors": 3}, OTHERS[:, :1], NUMBERS[:, :1]),
    ("SensitivityAtSpecificity", {"specificity": 0.7}, YES, SCORES),
    ("PrecisionAtRecall", {"recall": 0.7, "num_thresholds": 50}, YES, SCORES),
    ("CosineSimilarity", {}, OTHERS, NUMBERS),
    ("LogCoshError", {}, OTHERS, NUMBERS),
    ("KLDivergence", {}, SHARES, SHARES[::-1]),
    ("CategoricalHinge", {}, ONE_HOT, SHARES),
    ("PearsonCorrelation", {}, OTHERS, NUMBERS),
    ("ConcordanceCorrelation", {}, OTHERS, NUMBERS),
    ("RootMeanSquaredError", {}, OTHERS, NUMBERS),
    ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, MULTI, SHARES),
    ("SparseCategoricalCrossentropy", {}, LABELS, SHARES),
    ("TopKCategoricalAccuracy", {"k": 2}, ONE_HOT, SHARES),
]


@pytest.mark.parametrize(("name", "arguments", "y", "p"), KERAS)
def test_figures_of_keras(keras: Any, name: str, arguments: Any, y: Any, p: Any) -> None:
    ours, theirs = getattr(metrics, name)(**arguments), getattr(keras.metrics, name)(**arguments)
    for part in (slice(0, 100), slice(100, N)):
        ours.update_state(y[part], p[part])
        theirs.update_state(*(np.array(a[part], np.float32) for a in (y, p)))
    np.testing.assert_allclose(ours.result(), np.asarray(theirs.result()), rtol=1e-4, atol=1e-6)
