from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnnx import metrics


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


DATES = np.array(["2024-03-01", "1969-07-20", "2024-03-01"], "M8[D]")
FORMS: dict[str, tuple[Any, Any]] = {
    "numbers": ([0, 1, 1], [1, 1, 0]),
    "lists of columns": ([[0], [1], [1]], [[1], [1], [0]]),
    "a column and a row": (np.array([[0], [1], [1]]), np.array([1, 1, 0])),
    "binary targets": (np.float32([[0], [1], [1]]), np.float32([[1], [1], [0]])),
    "booleans": ([False, True, True], np.array([True, True, False])),
    "texts": (["a", "b", "b"], ["b", "b", "a"]),
    "columns of texts": (np.array([["a"], ["b"], ["b"]]), [["b"], ["b"], ["a"]]),
    "objects": (np.array(["a", "b", "b"], object), np.array(["b", "b", "a"])),
    "bytes": ([b"a", b"b", b"b"], [b"b", b"b", b"a"]),
    "dates": (DATES[[1, 0, 0]], DATES.astype("M8[s]")[[0, 0, 1]]),
    "generators": (iter(["a", "b", "b"]), iter(["b", "b", "a"])),
    "generators of numbers": (iter([0, 1, 1]), iter([1, 1, 0])),
}


@pytest.mark.parametrize(("labels", "predictions"), FORMS.values(), ids=FORMS)
def test_labels_in_any_form(labels: Any, predictions: Any) -> None:
    np.testing.assert_array_equal(metrics.confusion_matrix(labels, predictions), [[0, 1], [1, 1]])


@pytest.mark.parametrize(
    ("labels", "predictions", "message"),
    [
        ([-1, 0], [0, 0], "class -1 is negative"),
        ([-1], [-1], "class -1 is negative"),
        ([0, 5], [0, 1], "class 5 is outside 0 to 2"),
        ([[0, 1], [1, 0]], [1, 0], r"\(2, 2\) and \(2,\) of classes; .* argmax\(axis=1\)"),
        ([0.5], [1], "whole numbers"),
        ([10**9], [1], "num_classes=1000000001 has too many pairs"),
    ],
    ids=str,
)
def test_wrong_numbers_are_named(labels: Any, predictions: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"confusion_matrix: .*{message}"):
        metrics.confusion_matrix(labels, predictions, 3 if "outside" in message else None)
