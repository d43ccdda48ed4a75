"""Counts of predicted classes for each true class."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnx.arrays import Array, Label, whole_numbers
from cnnx.geometry import integer

__all__ = ["confusion_matrix"]

MOST_CLASSES = 1 << 15


def confusion_matrix(
    labels: Any,
    predictions: Any,
    num_classes: int | None = None,
    class_names: Sequence[Any] | None = None,
) -> NDArray[np.int64]:
    """
    Count how often each true class was taken for each class.

    Parameters
    ----------
    labels
        True classes, shape (n,) or (n, 1): whole numbers from 0, or names: texts, dates or other
        labels.
    predictions
        Predicted classes in the same form, shape (n,) or (n, 1).
    num_classes
        Of classes that are numbers; by default the largest of both plus 1.
    class_names
        Names in the order of the rows and columns; by default all that occur, sorted.

    Returns
    -------
    Counts, shape (num_classes, num_classes): the true class by the predicted one.

    Raises
    ------
    ValueError
        For different lengths, numbers outside [0, num_classes), or a name that is no class.
    TypeError
        For anything but whole numbers or names, or the one with the other.
    """
    labels, predictions = _flat(labels), _flat(predictions)
    if class_names is not None or _are_names(labels) or _are_names(predictions):
        true, predicted, count = _numbered(labels, predictions, class_names)
        if num_classes is not None:
            raise ValueError(
                f"confusion_matrix: num_classes={num_classes} is for classes that are numbers; "
                "give names as class_names"
            )
        num_classes = count
    else:
        true = whole_numbers(labels, "confusion_matrix: labels")
        predicted = whole_numbers(predictions, "confusion_matrix: predictions")
    if true.ndim != 1 or true.shape != predicted.shape:
        rows = " of classes; rows of figures become classes with argmax(axis=1)"
        raise ValueError(
            "confusion_matrix: labels and predictions must have one shape (n,), "
            f"got {true.shape} and {predicted.shape}"
            f"{rows if max(true.ndim, predicted.ndim) == 2 else ''}"
        )
    both = np.concatenate([true, predicted])
    if both.size and both.min() < 0:
        raise ValueError(f"confusion_matrix: class {both[both < 0][0]} is negative; the first is 0")
    if num_classes is None:
        num_classes = int(both.max(initial=0)) + 1
    classes = integer(num_classes, "confusion_matrix: num_classes", limit=1 << 62)
    if classes > MOST_CLASSES:
        raise ValueError(
            f"confusion_matrix: num_classes={classes} has too many pairs of classes to count; give "
            "labels that don't run from 0 as class_names"
        )
    outside = both[both >= classes]
    if outside.size:
        raise ValueError(f"confusion_matrix: class {outside[0]} is outside 0 to {classes - 1}")
    counts = np.bincount(true * classes + predicted, minlength=classes * classes)
    return counts.reshape(classes, classes)


def _flat(labels: Any) -> Any:
    """Return labels that can be gone through again, a column (n, 1) as (n,)."""
    if isinstance(labels, Iterator):
        labels = list(labels)
    array = _array(labels)
    return array[:, 0] if array is not None and array.shape[1:] == (1,) else labels


def _are_names(labels: Any) -> bool:
    array = _array(labels)
    return array is not None and array.ndim > 0 and array.dtype.kind in "USOMm"


def _array(labels: Any) -> Array | None:
    try:
        array: Array = np.asanyarray(labels)
        return array
    except ValueError:  # ragged
        return None


def _numbered(
    labels: Any, predictions: Any, class_names: Sequence[Any] | None
) -> tuple[Label, Label, int]:
    """Return named classes as their numbers, and how many there are."""
    from cnnx.data.encoding import LabelEncoder  # with cnnx.data come the readers of pictures

    if class_names is None and not (_are_names(labels) and _are_names(predictions)):
        raise TypeError(
            "confusion_matrix: labels and predictions must both be names or both be numbers; turn "
            "numbers into names with numpy.array(class_names)[numbers]"
        )
    numbers = []
    checked = "class_names"
    try:
        encoder = LabelEncoder(class_names)
        if class_names is None:
            encoder.fit([*labels, *predictions])
        for checked, given in (("labels", labels), ("predictions", predictions)):  # noqa: B007
            numbers.append(encoder.transform(given))
    except (TypeError, ValueError) as error:
        raise type(error)(f"confusion_matrix: {checked}: {error}") from None
    return numbers[0], numbers[1], len(encoder.classes_)
