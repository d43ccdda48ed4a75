from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cnnx
from agreement import normal
from cnnx import metrics

OUTPUTS = np.array([[0.1, 0.7, 0.2], [0.5, 0.3, 0.2], [0.2, 0.2, 0.6], [0.9, 0.1, 0.0]])
LABELS = np.array([1, 2, 2, 0])
ONE_HOT = np.eye(3)[LABELS]


@pytest.mark.parametrize(
    ("metric", "y", "expected"),
    [
        (metrics.SparseCategoricalAccuracy(), LABELS, 3 / 4),
        (metrics.SparseCategoricalAccuracy(), LABELS[:, None], 3 / 4),
        (metrics.CategoricalAccuracy(), ONE_HOT, 3 / 4),
        (metrics.BinaryAccuracy(), ONE_HOT, 11 / 12),
        (metrics.BinaryAccuracy(threshold=0.25), ONE_HOT, 9 / 12),
        (metrics.MeanSquaredError(), ONE_HOT, ((OUTPUTS - ONE_HOT) ** 2).mean()),
        (metrics.MeanAbsoluteError(), ONE_HOT, np.abs(OUTPUTS - ONE_HOT).mean()),
    ],
    ids=lambda item: type(item).__name__,
)
def test_values_over_one_batch_and_over_several(
    metric: metrics.Metric, y: Any, expected: float
) -> None:
    assert metric(y, OUTPUTS) == pytest.approx(expected, rel=1e-6)
    metric.reset_state()
    for part in (slice(0, 1), slice(1, 4)):
        metric.update_state(y[part], OUTPUTS[part])
    assert metric.result() == pytest.approx(expected, rel=1e-6)


@pytest.mark.filterwarnings("ignore:the output .* ends in sigmoid")
@pytest.mark.parametrize(
    ("loss", "units", "targets", "metric"),
    [
        ("sparse_categorical_crossentropy", 3, LABELS, "sparse_categorical_accuracy"),
        ("categorical_crossentropy", 3, ONE_HOT, "categorical_accuracy"),
        ("binary_crossentropy", 1, LABELS % 2, "binary_accuracy"),
        ("mse", 3, ONE_HOT, "mae"),
    ],
)
def test_accuracy_means_the_one_that_suits_the_loss(
    loss: str, units: int, targets: Any, metric: str
) -> None:
    model = cnnx.Sequential([cnnx.Input((2,)), cnnx.layers.Dense(units, "sigmoid")])
    x = normal(1, 4, 2)
    model.compile("sgd", loss, metrics=["accuracy", metric])
    _, accuracy, same = model.evaluate(x, targets, batch_size=3, verbose=0)
    outputs = model.predict(x, verbose=0)
    if metric != "mae":
        assert accuracy == same
    else:
        assert same == pytest.approx(np.abs(outputs - targets).mean(), rel=1e-5)


def test_confusion_matrix() -> None:
    counts = metrics.confusion_matrix([0, 1, 2, 2, 2], [0, 2, 2, 2, 1], num_classes=4)
    np.testing.assert_array_equal(counts, [[1, 0, 0, 0], [0, 0, 1, 0], [0, 1, 2, 0], [0, 0, 0, 0]])


ANIMALS = ["dog", "cat", "horse", "cat"]


def test_confusion_matrix_of_names() -> None:
    """Rows and columns: cat, dog, horse, as scikit-learn sorts them; or as they are given."""
    found = metrics.confusion_matrix(ANIMALS, np.array(["dog", "cat", "cat", "dog"]))
    np.testing.assert_array_equal(found, [[1, 1, 0], [0, 1, 0], [1, 0, 0]])
    names = ["dog", "horse", "cat", "cheetah"]
    found = metrics.confusion_matrix(ANIMALS, ANIMALS, class_names=names)
    np.testing.assert_array_equal(found, np.diag([1, 1, 2, 0]))
    found = metrics.confusion_matrix([8, 3, 3], [3, 3, 8], class_names=[3, 8])
    np.testing.assert_array_equal(found, [[1, 1], [1, 0]])
    sklearn = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    true, predicted = np.random.default_rng(1).choice(ANIMALS, (2, 50))
    expected = sklearn.confusion_matrix(true, predicted)
    np.testing.assert_array_equal(metrics.confusion_matrix(true, predicted), expected)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((ANIMALS, [0, 1, 2, 3]), TypeError, "labels and predictions must both be names"),
        (([0, 1, 2, 3], ANIMALS), TypeError, "labels and predictions must both be names"),
        ((ANIMALS, ANIMALS[:3]), ValueError, r"one shape \(n,\), got \(4,\) and \(3,\)"),
        ((ANIMALS, ANIMALS, None, ["dog", "cat"]), ValueError, "labels: .* label 'horse' is none"),
        ((["dog"], ["cow"], None, ["dog", "cat"]), ValueError, "predictions: .* label 'cow'"),
        ((ANIMALS, ANIMALS, 3), ValueError, "num_classes=3 is for classes that are numbers"),
    ],
)
def test_confusion_matrix_refuses_other_names(
    arguments: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"confusion_matrix: .*{message}|confusion_matrix: {message}"):
        metrics.confusion_matrix(*arguments)


def test_confusion_matrix_counts_true_classes_in_rows() -> None:
    expected = [[1, 1, 0], [0, 0, 0], [0, 1, 1]]
    np.testing.assert_array_equal(metrics.confusion_matrix([0, 0, 2, 2], [0, 1, 1, 2]), expected)
    with pytest.raises(ValueError, match=r"one shape \(n,\), got \(2,\) and \(3,\)"):
        metrics.confusion_matrix([0, 1], [0, 1, 1])


def test_a_metric_that_reads_other_targets_than_the_loss_is_refused() -> None:
    model = cnnx.Sequential([cnnx.Input((2,)), cnnx.layers.Dense(3, activation="softmax")])
    with pytest.raises(ValueError, match=r"reads targets of the outputs' shape.*'accuracy'"):
        model.compile("sgd", "sparse_categorical_crossentropy", ["categorical_accuracy"])


@pytest.mark.parametrize(
    "figures",
    [
        ["accuracy", metrics.BinaryAccuracy("accuracy")],
        [metrics.BinaryAccuracy(threshold=0.2), metrics.BinaryAccuracy(threshold=0.8)],
        [metrics.MeanSquaredError("loss")],
    ],
)
def test_figures_of_one_name_are_refused(figures: list[Any]) -> None:
    model = cnnx.Sequential([cnnx.Input((3,)), cnnx.layers.Dense(1, "sigmoid")])
    with pytest.raises(ValueError, match=r"two figures bear the name '.*'; give a metric another"):
        model.compile("sgd", "binary_crossentropy", figures)
