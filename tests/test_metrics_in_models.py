"""Metrics of all samples in models."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import cnnx
from agreement import normal
from cnnx import layers, metrics
from metric_samples import CLASSES, LABELS, ONE_HOT, SCORES, SHARES, WEIGHTS, YES, N

X = normal(9, N, 5)


def compiled(wanted: Any = None, weighted: Any = None) -> cnnx.Sequential:
    cnnx.utils.set_random_seed(4)
    model = cnnx.Sequential([cnnx.Input((5,)), layers.Dense(CLASSES, "softmax")])
    model.compile("sgd", "categorical_crossentropy", wanted, weighted_metrics=weighted)
    return model


STATEFUL = [
    metrics.Precision(),
    metrics.AUC(),
    metrics.F1Score("macro"),
    metrics.OneHotMeanIoU(CLASSES),
    metrics.R2Score(),
    "top_k_categorical_accuracy",
]


def test_fit_and_evaluate_report_the_figures_of_all_samples(tmp_path: Any) -> None:
    model = compiled(copy.deepcopy(STATEFUL))
    stop = cnnx.callbacks.EarlyStopping("val_auc", patience=5)
    history = model.fit(
        X,
        ONE_HOT,
        batch_size=32,
        epochs=2,
        validation_data=(X, ONE_HOT),
        callbacks=[stop],
        verbose=0,
    ).history
    outputs = model.predict(X, verbose=0)
    figures = model.evaluate(X, ONE_HOT, batch_size=19, verbose=0, return_dict=True)
    for metric in STATEFUL[:-1]:
        assert isinstance(metric, metrics.Metric)
        fresh = type(metric).from_config(metric.get_config())
        expected = fresh(ONE_HOT, outputs)
        assert figures[metric.name] == pytest.approx(expected, rel=1e-5)
        assert history[f"val_{metric.name}"][-1] == pytest.approx(expected, rel=1e-5)
    model.save(tmp_path / "model")
    again = cnnx.models.load_model(tmp_path / "model")
    assert again.evaluate(X, ONE_HOT, verbose=0, return_dict=True) == pytest.approx(figures)


def test_weighted_metrics_take_the_weights_and_others_do_not(tmp_path: Any) -> None:
    model = compiled(["accuracy", metrics.Recall()], ["accuracy", metrics.AUC(name="area"), "mae"])
    assert model.metrics_names == [
        "loss",
        "accuracy",
        "recall",
        "weighted_accuracy",
        "area",
        "mae",
    ]
    p = model.predict(X, verbose=0)
    for given in (None, WEIGHTS):
        found = model.evaluate(
            X, ONE_HOT, batch_size=50, sample_weight=given, verbose=0, return_dict=True
        )
        assert found["accuracy"] == pytest.approx(metrics.CategoricalAccuracy()(ONE_HOT, p))
        assert found["recall"] == pytest.approx(metrics.Recall()(ONE_HOT, p))
        weighted = metrics.CategoricalAccuracy()(ONE_HOT, p, given)
        assert found["weighted_accuracy"] == pytest.approx(weighted)
        assert found["area"] == pytest.approx(metrics.AUC()(ONE_HOT, p, given))
        assert found["mae"] == pytest.approx(metrics.MeanAbsoluteError()(ONE_HOT, p, given), 1e-5)
    model.save(tmp_path / "model")
    again = cnnx.models.load_model(tmp_path / "model")
    assert again.metrics_names == model.metrics_names
    assert copy.deepcopy(model).metrics_names == model.metrics_names
    history = model.fit(X, ONE_HOT, sample_weight=WEIGHTS, epochs=2, verbose=0).history
    assert 0 < history["weighted_accuracy"][-1] < 1


def test_class_weights_are_weights_of_weighted_metrics() -> None:
    model = compiled(None, ["accuracy"])
    value = model.train_on_batch(X, ONE_HOT, class_weight={0: 0.0, 1: 2.0}, return_dict=True)
    again = compiled()
    p = again.predict(X, verbose=0)
    weights = np.array([0.0, 2.0, 1.0, 1.0])[LABELS]
    expected = metrics.CategoricalAccuracy()(ONE_HOT, p, weights)
    assert value["accuracy"] == pytest.approx(expected)


def test_weights_of_pixels() -> None:
    model = cnnx.Sequential([cnnx.Input((4, 3, 2)), layers.Conv2D(3, 1, activation="softmax")])
    model.compile(
        "sgd",
        cnnx.losses.SparseCategoricalCrossentropy(ignore_class=2),
        weighted_metrics=["accuracy", metrics.MeanIoU(3, sparse_y_pred=False)],
    )
    x = normal(5, 7, 4, 3, 2)
    chance = np.random.default_rng(4)
    y = chance.integers(0, 3, (7, 4, 3))
    weights = chance.random((7, 4, 3)).astype(np.float32)
    p = model.predict(x, verbose=0)
    _, accuracy, iou = model.evaluate(x, y, batch_size=3, sample_weight=weights, verbose=0)
    seen = (p.argmax(-1) == y)[y != 2]
    assert accuracy == pytest.approx(np.average(seen, weights=weights[y != 2]), rel=1e-5)
    assert iou == pytest.approx(metrics.MeanIoU(3, sparse_y_pred=False)(y, p, weights))


def test_mean_and_sum_of_numbers() -> None:
    mean, total = metrics.Mean(), metrics.Sum()
    for metric in (mean, total):
        metric.update_state([1, 3, 5, 7], [1, 1, 0, 0])
        metric.update_state(4.0)
    assert mean.result() == pytest.approx((1 + 3 + 4) / 3)
    assert total.result() == 8
    with pytest.raises(ValueError, match="Mean takes numbers"):
        compiled([metrics.Mean()])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: metrics.Precision()(YES[:4], SHARES[:4]), r"precision: y_true of shape \(4,\)"),
        (lambda: metrics.Precision(1.5), r"precision: thresholds must be in \[0, 1\], got 1.5"),
        (lambda: metrics.Precision([]), "precision: thresholds must not be empty"),
        (lambda: metrics.Recall(class_id=4)(ONE_HOT, SHARES), "class_id=4 is none of 4 outputs"),
        (lambda: metrics.AUC(curve="P"), "auc: curve must be 'ROC' or 'PR', got 'P'"),
        (lambda: metrics.F1Score("mean"), "f1_score: average must be"),
        (lambda: metrics.IoU(3, [3]), "iou: target_class_ids must be"),
        (lambda: metrics.MeanIoU(3)(LABELS, SHARES), "sparse_y_true and sparse_y_pred say which"),
        (lambda: metrics.Precision()(YES, SCORES, WEIGHTS[:5]), "sample_weight of shape"),
        (
            lambda: metrics.Precision()(YES, SCORES, WEIGHTS * np.inf),
            "sample_weight must be finite",
        ),
        (lambda: compiled([metrics.F1Score()]).evaluate(X, ONE_HOT, verbose=0), "gives 4 figures"),
    ],
)
def test_what_is_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
