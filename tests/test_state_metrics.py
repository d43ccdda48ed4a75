"""Metrics of all samples against plain NumPy."""

from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np
import pytest

import cnnx
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

PLACES = [i / 199 for i in range(200)]


def counted(threshold: float, w: Any = 1.0) -> tuple[float, float, float, float]:
    """Return the weights of true and false positives, true and false negatives, one by one."""
    sums = [0.0, 0.0, 0.0, 0.0]
    factors = np.broadcast_to(w, N)
    for target, output, weight in zip(YES, SCORES, factors, strict=True):
        positive = output > np.float32(threshold)
        place = (0 if target else 1) if positive else (3 if target else 2)
        sums[place] += float(weight)
    return sums[0], sums[1], sums[2], sums[3]


def precision(threshold: float, w: Any = 1.0) -> float:
    tp, fp, _, _ = counted(threshold, w)
    return tp / (tp + fp) if tp + fp else 0.0


def recall(threshold: float, w: Any = 1.0) -> float:
    tp, _, _, fn = counted(threshold, w)
    return tp / (tp + fn)


def specificity(threshold: float, w: Any = 1.0) -> float:
    _, fp, tn, _ = counted(threshold, w)
    return tn / (tn + fp)


def pairs(w: Any) -> float:
    """Return the weight of pairs of a 1 and a 0 in which the 1 has the larger score."""
    factors = np.broadcast_to(w, N)
    one, zero = YES == 1, YES == 0
    a, b = SCORES[one][:, None], SCORES[zero][None]
    weights = factors[one][:, None] * factors[zero][None]
    return float((((a > b) + 0.5 * (a == b)) * weights).sum() / weights.sum())


def f_scores(beta: float, w: Any = 1.0) -> tuple[Any, Any]:
    """Return the F-score of each class of the largest output, and how often each occurs."""
    found = SHARES.argmax(axis=1)
    factors = np.broadcast_to(w, N)
    scores, often = [], []
    for k in range(CLASSES):
        tp = factors[(found == k) & (k == LABELS)].sum()
        p = tp / factors[found == k].sum()
        r = tp / factors[k == LABELS].sum()
        scores.append((1 + beta**2) * p * r / (beta**2 * p + r))
        often.append(factors[k == LABELS].sum())
    return np.array(scores), np.array(often)


def ious(true: Any, found: Any, w: Any = 1.0) -> list[float]:
    factors = np.broadcast_to(w, true.shape)
    sums = []
    for k in range(int(true.max()) + 1):
        both = factors[(true == k) & (found == k)].sum()
        sums.append(both / factors[(true == k) | (found == k)].sum())
    return sums


def r2(w: Any = 1.0) -> Any:
    factors = np.broadcast_to(w, N)[:, None]
    mean = (factors * OTHERS).sum(axis=0) / (factors * np.ones_like(OTHERS)).sum(axis=0)
    errors = (factors * (OTHERS - NUMBERS) ** 2).sum(axis=0)
    return 1 - errors / (factors * (OTHERS - mean) ** 2).sum(axis=0)


def top(k: int, w: Any = 1.0) -> float:
    order = np.argsort(-SHARES, axis=1)[:, :k]
    right = np.array([label in row for label, row in zip(LABELS, order, strict=True)])
    return float(np.average(right, weights=np.broadcast_to(w, N)))


W = WEIGHTS.astype(np.float64)
CASES: dict[str, tuple[metrics.Metric, Any, Any, Any]] = {
    "precision": (metrics.Precision(), YES, SCORES, lambda w: precision(0.5, w)),
    "precision above 0.3": (metrics.Precision(0.3), YES, SCORES, lambda w: precision(0.3, w)),
    "recalls": (
        metrics.Recall([0.7, 0.2]),
        YES,
        SCORES,
        lambda w: [recall(0.7, w), recall(0.2, w)],
    ),
    "true positives": (metrics.TruePositives(), YES, SCORES, lambda w: counted(0.5, w)[0]),
    "false positives": (metrics.FalsePositives(0.4), YES, SCORES, lambda w: counted(0.4, w)[1]),
    "true negatives": (metrics.TrueNegatives(), YES, SCORES, lambda w: counted(0.5, w)[2]),
    "false negatives": (metrics.FalseNegatives(), YES, SCORES, lambda w: counted(0.5, w)[3]),
    "precision of the best": (
        metrics.Precision(top_k=1),
        ONE_HOT,
        SHARES,
        lambda w: top(1, w),
    ),
    "recall of a class": (
        metrics.Recall(class_id=2),
        ONE_HOT,
        SHARES,
        lambda w: np.average(
            SHARES[LABELS == 2, 2] > 0.5, weights=np.broadcast_to(w, N)[LABELS == 2]
        ),
    ),
    "area of the ROC, exact": (
        metrics.AUC(thresholds=sorted({float(s) for s in SCORES})),
        YES,
        SCORES,
        pairs,
    ),
    "sensitivity": (
        metrics.SensitivityAtSpecificity(0.6),
        YES,
        SCORES,
        lambda w: max(recall(t, w) for t in PLACES if specificity(t, w) >= 0.6),
    ),
    "specificity": (
        metrics.SpecificityAtSensitivity(0.8),
        YES,
        SCORES,
        lambda w: max(specificity(t, w) for t in PLACES if recall(t, w) >= 0.8),
    ),
    "precision at recall": (
        metrics.PrecisionAtRecall(0.8),
        YES,
        SCORES,
        lambda w: max(precision(t, w) for t in PLACES if recall(t, w) >= 0.8),
    ),
    "recall at precision": (
        metrics.RecallAtPrecision(0.8),
        YES,
        SCORES,
        lambda w: max(recall(t, w) for t in PLACES if precision(t, w) >= 0.8),
    ),
    "F1 of classes": (metrics.F1Score(), ONE_HOT, SHARES, lambda w: f_scores(1, w)[0]),
    "F1, macro": (metrics.F1Score("macro"), ONE_HOT, SHARES, lambda w: f_scores(1, w)[0].mean()),
    "F1, micro": (metrics.F1Score("micro"), ONE_HOT, SHARES, lambda w: top(1, w)),
    "F2, weighted": (
        metrics.FBetaScore("weighted", 2.0),
        ONE_HOT,
        SHARES,
        lambda w: np.average(f_scores(2, w)[0], weights=f_scores(2, w)[1]),
    ),
    "IoU": (
        metrics.IoU(CLASSES, [0, 2], sparse_y_pred=False),
        LABELS,
        SHARES,
        lambda w: np.mean([ious(LABELS, SHARES.argmax(1), w)[k] for k in (0, 2)]),
    ),
    "mean IoU": (
        metrics.MeanIoU(CLASSES),
        LABELS,
        SHARES.argmax(1),
        lambda w: np.mean(ious(LABELS, SHARES.argmax(1), w)),
    ),
    "mean IoU of one-hot rows": (
        metrics.OneHotMeanIoU(CLASSES),
        ONE_HOT,
        SHARES,
        lambda w: np.mean(ious(LABELS, SHARES.argmax(1), w)),
    ),
    "IoU of one-hot rows": (
        metrics.OneHotIoU(CLASSES, [1]),
        ONE_HOT,
        SHARES,
        lambda w: ious(LABELS, SHARES.argmax(1), w)[1],
    ),
    "IoU without a class": (
        metrics.MeanIoU(CLASSES, ignore_class=3, sparse_y_pred=False),
        LABELS,
        SHARES,
        lambda w: np.mean(
            ious(
                LABELS[LABELS != 3],
                SHARES.argmax(1)[LABELS != 3],
                np.broadcast_to(w, N)[LABELS != 3],
            )
            + [0.0] * bool((SHARES.argmax(1)[LABELS != 3] == 3).any())
        ),
    ),
    "IoU of two": (
        metrics.BinaryIoU(threshold=0.4),
        YES,
        SCORES,
        lambda w: np.mean(ious(YES, (np.float32(0.4) <= SCORES).astype(int), w)),
    ),
    "R2": (metrics.R2Score(), OTHERS, NUMBERS, lambda w: r2(w).mean()),
    "R2 of outputs": (metrics.R2Score(None), OTHERS, NUMBERS, r2),
    "root of the squared error": (
        metrics.RootMeanSquaredError(),
        OTHERS,
        NUMBERS,
        lambda w: np.sqrt(
            np.average(((OTHERS - NUMBERS) ** 2).mean(axis=1), weights=np.broadcast_to(w, N))
        ),
    ),
    "top 2": (metrics.TopKCategoricalAccuracy(2), ONE_HOT, SHARES, lambda w: top(2, w)),
    "top 3 of labels": (
        metrics.SparseTopKCategoricalAccuracy(3),
        LABELS,
        SHARES,
        lambda w: top(3, w),
    ),
    "labels": (metrics.SparseCategoricalAccuracy(), LABELS, SHARES, lambda w: top(1, w)),
    "one-hot": (metrics.CategoricalAccuracy(), ONE_HOT, SHARES, lambda w: top(1, w)),
    "yes or no": (
        metrics.BinaryAccuracy(),
        YES,
        SCORES,
        lambda w: np.average((SCORES > 0.5) == YES, weights=np.broadcast_to(w, N)),
    ),
    "equal": (
        metrics.Accuracy(),
        LABELS,
        SHARES.argmax(1),
        lambda w: top(1, w),
    ),
    "cosine": (
        metrics.CosineSimilarity(),
        OTHERS,
        NUMBERS,
        lambda w: np.average(
            (OTHERS * NUMBERS).sum(1)
            / np.linalg.norm(OTHERS, axis=1)
            / np.linalg.norm(NUMBERS, axis=1),
            weights=np.broadcast_to(w, N),
        ),
    ),
    "correlation": (
        metrics.PearsonCorrelation(),
        OTHERS,
        NUMBERS,
        lambda w: np.average(
            [np.corrcoef(a, b)[0, 1] for a, b in zip(OTHERS, NUMBERS, strict=True)],
            weights=np.broadcast_to(w, N),
        ),
    ),
    "a loss without a class": (
        metrics.SparseCategoricalCrossentropy(ignore_class=1),
        LABELS,
        SHARES,
        lambda w: np.average(
            -np.log(SHARES[np.arange(N), LABELS])[LABELS != 1],
            weights=np.broadcast_to(w, N)[LABELS != 1],
        ),
    ),
    "a loss": (
        metrics.CategoricalCrossentropy(),
        ONE_HOT,
        SHARES,
        lambda w: np.average(-np.log(SHARES[np.arange(N), LABELS]), weights=np.broadcast_to(w, N)),
    ),
}


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize(("metric", "y", "p", "oracle"), CASES.values(), ids=CASES)
def test_values_over_batches(
    metric: metrics.Metric, y: Any, p: Any, oracle: Any, weighted: bool
) -> None:
    """In batches of any size, put down and taken up again between them."""
    metric.reset_state()
    for first in range(0, N, 37):
        part = slice(first, first + 37)
        metric.update_state(y[part], p[part], WEIGHTS[part] if weighted else None)
        state = json.loads(json.dumps(metric.get_state(), default=lambda a: a.tolist()))
        arrays = {
            name: np.array(item) if name.startswith("_") and isinstance(item, list) else item
            for name, item in state.items()
        }
        metric = type(metric).from_config(json.loads(json.dumps(metric.get_config())))
        metric.set_state(arrays)
    expected = oracle(W if weighted else 1.0)
    np.testing.assert_allclose(metric.result(), expected, rtol=2e-5)


def test_no_samples_give_0() -> None:
    for metric, *_ in CASES.values():
        fresh = type(metric).from_config(metric.get_config())
        assert np.all(np.asarray(fresh.result()) == 0)


def auc_of_steps(curve: str, method: str) -> float:
    """Return the area under the points of 200 thresholds, as Keras defines them."""
    places = [-1e-7, *[i / 199 for i in range(1, 199)], 1 + 1e-7]
    points = []
    for threshold in places:
        tp, fp, tn, fn = counted(threshold)
        share = tp / (tp + fp) if tp + fp else 0.0
        points.append(
            (fp / (fp + tn), tp / (tp + fn)) if curve == "ROC" else (tp / (tp + fn), share)
        )
    area = 0.0
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        height = {"minoring": min(y0, y1), "majoring": max(y0, y1)}.get(method, (y0 + y1) / 2)
        area += (x0 - x1) * height
    return area


@pytest.mark.parametrize("method", ["interpolation", "minoring", "majoring"])
@pytest.mark.parametrize("curve", ["ROC", "PR"])
def test_areas_of_steps(curve: str, method: str) -> None:
    if (curve, method) == ("PR", "interpolation"):
        pytest.skip("is no sum of trapezoids: test_figures_of_keras")
    found = metrics.AUC(curve=curve, summation_method=method)(YES, SCORES)
    assert found == pytest.approx(auc_of_steps(curve, method), rel=1e-6)


def test_areas_of_several_labels() -> None:
    single = [metrics.AUC()(MULTI[:, k], SHARES[:, k]) for k in range(CLASSES)]
    assert metrics.AUC(multi_label=True)(MULTI, SHARES) == pytest.approx(np.mean(single))
    weights = [1.0, 0.0, 2.0, 1.0]
    found = metrics.AUC(multi_label=True, label_weights=weights)(MULTI, SHARES)
    assert found == pytest.approx(np.average(single, weights=weights))
    logits = np.log(SHARES / (1 - SHARES))
    found = metrics.AUC(multi_label=True, from_logits=True)(MULTI, logits)
    assert found == pytest.approx(np.mean(single), abs=2e-3)


def test_a_function_with_arguments() -> None:
    metric = metrics.MeanMetricWrapper(cnnx.losses.huber, "far", delta=0.5)
    metric.update_state(OTHERS, NUMBERS)
    expected = cnnx.losses.Huber(0.5)(OTHERS, NUMBERS)
    assert metric.result() == pytest.approx(expected)
    again = metrics.deserialize(json.loads(json.dumps(metrics.serialize(metric))))
    again.update_state(OTHERS, NUMBERS)
    assert (again.name, again.result()) == ("far", metric.result())
