"""Labels of any kind as the numbers that networks learn, and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
            Labels (samples,): texts, numbers, or whatever can be hashed and compared.

        Raises
        ------
        TypeError
            For labels that can't be sorted, such as texts and numbers together.
        """
        name = f"{type(self).__name__}: y"
        found = set(_labels(y, name))
        try:
            classes = sorted(found)
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
        self._numbers = {label: number for number, label in enumerate(classes)}
        if len(self._numbers) < len(classes):
            twice = next(label for label in classes if list(classes).count(label) > 1)
            raise ValueError(f"{type(self).__name__}: the class {twice!r} occurs twice")
        kinds = {type(label) for label in classes}
        self.classes_ = np.empty(len(classes), object)
        self.classes_[:] = classes
        if len(kinds) == 1 and kinds <= {bool, int, float, str}:
            self.classes_ = np.array(classes)

    def _numbers_of(self, y: Any) -> NDArray[np.int64]:
        """Return the labels' numbers (samples,); raises ValueError for one that is no class."""
        if not self._numbers:
            raise ValueError(f"{type(self).__name__}: call fit(y) first")
        labels = _labels(y, f"{type(self).__name__}: y")
        try:
            return np.array([self._numbers[label] for label in labels], np.int64)
        except KeyError as error:
            raise ValueError(
                f"{type(self).__name__}: the label {error.args[0]!r} is none of the classes "
                f"{', '.join(map(repr, list(self._numbers)[:10]))}"
                f"{', ...' if len(self._numbers) > 10 else ''}"
            ) from None

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
        """Return `fit(y).transform(y)`."""
        return self.fit(y).transform(y)

    def inverse_transform(self, y: Any) -> Array:
        """
        Return the labels of numbers.

        Raises
        ------
        ValueError
            For a number that no class has.
        """
        return self._labels_of(whole_numbers(y, f"{type(self).__name__}: y"))


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
            For rows of another length.
        """
        rows = real_array(y, "OneHotEncoder: y")
        if rows.ndim == 2 and rows.shape[1] == 1 and len(self._numbers) == 2:
            return self._labels_of((rows[:, 0] > 0.5).astype(np.int64))
        if rows.ndim != 2 or rows.shape[1] != len(self._numbers):
            raise ValueError(
                f"OneHotEncoder: y must be (samples, {len(self._numbers)}), one figure a class, "
                f"got shape {rows.shape}"
            )
        return self._labels_of(rows.argmax(axis=1).astype(np.int64))


def _labels(y: Any, name: str) -> list[Any]:
    """Return labels as Python's own values."""
    if isinstance(y, (str, bytes)) or not isinstance(y, Iterable):
        raise TypeError(f"{name} must be a sequence of labels, got {y!r}")
    labels = y.tolist() if isinstance(y, np.ndarray) else list(y)
    labels = [label.item() if isinstance(label, np.generic) else label for label in labels]
    for label in labels:
        if isinstance(label, (list, np.ndarray)):
            raise ValueError(f"{name} must be one label a sample, got {label!r}")
        if label != label:
            raise ValueError(f"{name} holds NaN, which is no label")
    return labels
