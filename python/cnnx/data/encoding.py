"""Labels of any kind as the numbers that networks learn, and back."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from cnnx.arrays import Array, Float, one_hot, real_array, whole_numbers


class LabelEncoder:
    """
    Number labels from 0.

    Parameters
    ----------
    classes
        The labels in the order of their numbers; then `fit` is not needed. None takes those that
        `fit` sees, sorted.

    Attributes
    ----------
    classes_
        The labels by their numbers.

    Examples
    --------
    >>> encoder = LabelEncoder(["dog", "cat", "horse", "cheetah"])
    >>> encoder.transform(["cat", "dog"])
    array([1, 0])
    >>> encoder.inverse_transform([3])
    array(['cheetah'], dtype='<U7')
    """

    classes_: Array

    def __init__(self, classes: Iterable[Any] | None = None) -> None:
        self._numbers: dict[Any, int] = {}
        if classes is not None:
            self._set_classes(_labels(classes, f"{type(self).__name__}: classes"))

    def fit(self, y: Any) -> Self:
        """
        Take the labels in `y`, sorted, as the classes.

        Parameters
        ----------
        y
            Labels (samples,) or (samples, 1): texts, numbers, dates, or whatever can be hashed and
            compared.

        Raises
        ------
        TypeError
            For labels that can't be sorted, such as texts and numbers together.
        """
        name = f"{type(self).__name__}: y"
        found = {_key(label): label for label in _labels(y, name)}
        try:
            classes = sorted(found.values())
        except TypeError as error:
            raise TypeError(
                f"{name} holds labels that can't be sorted ({error}); give them in the order you "
                f"want: {type(self).__name__}(classes)"
            ) from error
        self._set_classes(classes)
        return self

    def _set_classes(self, classes: Sequence[Any]) -> None:
        if not classes:
            raise ValueError(f"{type(self).__name__}: there are no labels")
        self._numbers = {_key(label): number for number, label in enumerate(classes)}
        if len(self._numbers) < len(classes):
            keys = list(map(_key, classes))
            twice = next(label for label in classes if keys.count(_key(label)) > 1)
            raise ValueError(f"{type(self).__name__}: the class {twice!r} occurs twice")
        self.classes_ = _array(classes)

    def _numbers_of(self, y: Any) -> NDArray[np.int64]:
        """Return the labels' numbers (samples,); raises ValueError for one that is no class."""
        if not self._numbers:
            raise ValueError(f"{type(self).__name__}: call fit(y) first")
        labels = _labels(y, f"{type(self).__name__}: y")
        numbers = [self._numbers.get(_key(label), -1) for label in labels]
        if -1 in numbers:
            known = ", ".join(map(repr, self.classes_[:10].tolist()))
            raise ValueError(
                f"{type(self).__name__}: the label {labels[numbers.index(-1)]!r} is none of the "
                f"classes {known}{', ...' if len(self._numbers) > 10 else ''}"
            )
        return np.array(numbers, np.int64)

    def _labels_of(self, numbers: NDArray[np.int64]) -> Array:
        """Return the labels that have the numbers."""
        count = len(self._numbers)
        if not count:
            raise ValueError(f"{type(self).__name__}: call fit(y) first")
        outside = (numbers < 0) | (numbers >= count)
        if outside.any():
            raise ValueError(
                f"{type(self).__name__}: no class has the number {numbers[outside].flat[0]}; "
                f"numbers run from 0 to {count - 1}"
            )
        return self.classes_[numbers]

    def transform(self, y: Any) -> Array:
        """
        Return the numbers of labels, int64 (samples,).

        Raises
        ------
        ValueError
            For a label that is none of the classes, naming it.
        """
        return self._numbers_of(y)

    def fit_transform(self, y: Any) -> Array:
        """Return `fit(y).transform(y)`, also for a `y` that can be gone through once."""
        labels = _labels(y, f"{type(self).__name__}: y")
        return self.fit(labels).transform(labels)

    def inverse_transform(self, y: Any) -> Array:
        """
        Return the labels of numbers, (samples,) also of a column (samples, 1).

        Raises
        ------
        ValueError
            For a number that no class has.
        """
        numbers = whole_numbers(_gathered(y), f"{type(self).__name__}: y")
        is_column = numbers.ndim == 2 and numbers.shape[1] == 1
        return self._labels_of(numbers[:, 0] if is_column else numbers)


class OneHotEncoder(LabelEncoder):
    """
    Turn labels into rows with a 1 in the place of their class, and rows of figures into labels.

    Parameters
    ----------
    classes
        The labels in the order of their places; then `fit` is not needed. None takes those that
        `fit` sees, sorted.

    Attributes
    ----------
    classes_
        The labels by their places.

    Examples
    --------
    >>> encoder = OneHotEncoder(["dog", "cat", "horse", "cheetah"])
    >>> encoder.transform(["cat"])
    array([[0., 1., 0., 0.]], dtype=float32)
    >>> encoder.inverse_transform([[0.775, 0.116, 0.039, 0.070]])
    array(['dog'], dtype='<U7')
    """

    def transform(self, y: Any) -> Float:
        """
        Return one-hot rows, float32 (samples, classes).

        Raises
        ------
        ValueError
            For a label that is none of the classes, naming it.
        """
        return one_hot(self._numbers_of(y), len(self._numbers))

    def inverse_transform(self, y: Any) -> Array:
        """
        Return the label of the largest figure in each row, the first of equal ones.

        Of one figure a row, for two classes, values above 0.5 mean the second class.

        Parameters
        ----------
        y
            One-hot rows, or a network's outputs: (samples, classes), or (samples, 1) of a sigmoid.

        Raises
        ------
        ValueError
            For rows of another length, or with NaN.
        """
        rows = real_array(_gathered(y), "OneHotEncoder: y")
        spoilt = np.isnan(rows).any(axis=tuple(range(1, rows.ndim)))
        if spoilt.any():
            raise ValueError(
                f"OneHotEncoder: row {np.argmax(spoilt)} of y holds NaN, which predicts no class"
            )
        if rows.ndim == 2 and rows.shape[1] == 1 and len(self._numbers) == 2:
            return self._labels_of((rows[:, 0] > 0.5).astype(np.int64))
        if rows.ndim != 2 or rows.shape[1] != len(self._numbers):
            raise ValueError(
                f"OneHotEncoder: y must be (samples, {len(self._numbers)}), one figure a class, "
                f"got shape {rows.shape}"
            )
        return self._labels_of(rows.argmax(axis=1).astype(np.int64))


def _labels(y: Any, name: str) -> list[Any]:
    """Return labels as Python's own values, or as NumPy's dates."""
    if isinstance(y, (str, bytes)) or not isinstance(y, Iterable):
        raise TypeError(f"{name} must be a sequence of labels, got {y!r}")
    if isinstance(y, np.ma.MaskedArray):
        raise TypeError(f"{name} is a masked array; fill the masked values first: y.filled(...)")
    labels = list(np.atleast_1d(np.asarray(y)) if hasattr(y, "__array__") else y)
    if all(isinstance(label, (list, np.ndarray)) and np.shape(label) == (1,) for label in labels):
        labels = [label[0] for label in labels]  # a column
    labels = [_plain(label) for label in labels]
    for label in labels:
        if not isinstance(label, Hashable):
            raise ValueError(f"{name} must be one label a sample, got {label!r}")
        if _is_missing(label):
            kind = "NaN" if isinstance(label, float) else repr(label)
            raise ValueError(f"{name} holds {kind}, which is no label")
    return labels


def _gathered(y: Any) -> Any:
    return list(y) if isinstance(y, Iterator) else y


def _plain(label: Any) -> Any:
    if hasattr(label, "__array__") and np.ndim(label) == 0:
        label = np.asarray(label)[()]
    # A date's `item` may be a count of nanoseconds.
    is_number = isinstance(label, np.generic) and label.dtype.kind not in "mM"
    return label.item() if is_number else label


def _is_missing(label: Any) -> bool:
    """Tell whether a label is NaN, NaT or pandas' NA."""
    try:
        return bool(label != label)
    except (TypeError, ValueError):
        return True


def _key(label: Any) -> Any:
    """Return what finds a label: dates of one moment are the same in any unit."""
    if not isinstance(label, (np.datetime64, np.timedelta64)):
        return label
    for unit in ("D", "h", "m", "s", "ms", "us", "ns", "ps", "fs"):
        try:
            coarse = label.astype(f"{label.dtype.kind}8[{unit}]")
        except TypeError:  # months have no number of days
            break
        if coarse == label:
            return unit, int(coarse.astype(np.int64))
    return label


def _array(classes: Sequence[Any]) -> Array:
    """Return labels as an array that holds each as it is."""
    kinds = {type(label) for label in classes}
    kind = kinds.pop() if len(kinds) == 1 else object
    if kind is int:
        for integer in (np.int64, np.uint64):
            info = np.iinfo(integer)
            if info.min <= min(classes) and max(classes) <= info.max:
                return np.array(classes, integer)
    # NumPy drops zeros at the end of a text.
    is_text = kind is str and not any(label.endswith("\0") for label in classes)
    if is_text or kind in (bool, float, np.datetime64, np.timedelta64):
        return np.array(classes)
    array = np.empty(len(classes), object)
    array[:] = classes
    return array
