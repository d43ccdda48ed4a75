"""Shares of samples that are right."""

from typing import Any

import numpy as np

from cnnx.arrays import Double, Float, Label
from cnnx.buffer import Buffer
from cnnx.geometry import integer, number
from cnnx.losses.targets import ignored_label
from cnnx.metrics.metric import Metric


class Accuracy(Metric):
    """The share of outputs that are equal to their targets."""

    def values(self, targets: Float, outputs: Float) -> Double:
        """Return the share of each row."""
        found: Double = np.equal(targets, outputs).mean(axis=1)
        return found


class BinaryAccuracy(Metric):
    """
    The share of outputs on the right side of a threshold.

    Parameters
    ----------
    name
        Under which it is reported.
    dtype
        Says nothing: figures are float64.
    threshold
        Outputs above it count as 1.
    """

    default_name = "binary_accuracy"

    def __init__(self, name: str | None = None, dtype: Any = None, threshold: float = 0.5) -> None:
        super().__init__(name)
        self.threshold = number(threshold, f"{self.name}: threshold", -np.inf, np.inf)
        self._right = Buffer((), np.bool_)

    def _are_right(self, targets: Float, outputs: Float) -> Any:
        right = np.greater(outputs, self.threshold, out=self._right.like(outputs))
        return np.equal(right, targets, out=right)

    def values(self, targets: Float, outputs: Float) -> Double:
        """Return the share of right outputs of each row."""
        found: Double = self._are_right(targets, outputs).mean(axis=1)
        return found

    def total(self, targets: Float, outputs: Float) -> float:
        """Return the sum over rows of the share of right outputs."""
        right = self._are_right(targets, outputs)
        return float(np.count_nonzero(right) / outputs.shape[1])

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"threshold": self.threshold}


class SparseCategoricalAccuracy(Metric):
    """
    The share of samples whose largest output is the labelled class; targets are labels.

    Parameters
    ----------
    name
        Under which it is reported.
    dtype
        Says nothing: figures are float64.
    ignore_class
        A label whose samples or pixels do not count; 'accuracy' takes over that of the loss.
    """

    default_name = "sparse_categorical_accuracy"
    sparse = True

    def __init__(
        self, name: str | None = None, dtype: Any = None, ignore_class: int | None = None
    ) -> None:
        super().__init__(name)
        self.ignore_class = ignored_label(ignore_class, f"{self.name}: ignore_class")
        self._predicted = Buffer((), np.intp)
        self._right = Buffer((), np.bool_)

    @property
    def keeps_state(self) -> bool:
        """Whether batches of one size may hold different numbers of labels that count."""
        return self.ignore_class is not None or super().keeps_state

    def values(self, targets: Label, outputs: Float) -> Any:
        """Return which rows are right and count."""
        rows = len(outputs)
        predicted = outputs.argmax(1, out=self._predicted.rows(rows))
        right = np.equal(predicted, targets, out=self._right.rows(rows))
        if self.ignore_class is not None:
            right &= targets != self.ignore_class
        return right

    def total(self, targets: Label, outputs: Float) -> float:
        """Return the number of right rows."""
        return float(np.count_nonzero(self.values(targets, outputs)))

    def counts(self, targets: Any) -> Any:
        """Return which labels are not ignored."""
        return 1 if self.ignore_class is None else targets != self.ignore_class

    def counted(self, targets: Label) -> int:
        """Return the number of labels that are not ignored."""
        if self.ignore_class is None:
            return super().counted(targets)
        return int(np.count_nonzero(targets != self.ignore_class))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"ignore_class": self.ignore_class}


class CategoricalAccuracy(SparseCategoricalAccuracy):
    """The share of samples whose largest output is the target's largest; targets are one-hot."""

    default_name = "categorical_accuracy"
    sparse = False

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name)
        self._labels = Buffer((), np.intp)

    def values(self, targets: Any, outputs: Float) -> Any:
        """Return which rows are right."""
        return super().values(targets.argmax(1, out=self._labels.rows(len(targets))), outputs)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"name": self.name}


class SparseTopKCategoricalAccuracy(Metric):
    """
    The share of samples whose labelled class is among the k largest outputs; targets are labels.

    Parameters
    ----------
    k
        How many outputs count, from 1 on. A class that ties with the k-th is among them.
    name
        Under which it is reported.
    dtype
        Says nothing: figures are float64.
    from_sorted_ids
        Whether the outputs are the classes' numbers instead, the best first.
    """

    default_name = "sparse_top_k_categorical_accuracy"
    sparse = True

    def __init__(
        self,
        k: int = 5,
        name: str | None = None,
        dtype: Any = None,
        from_sorted_ids: bool = False,
    ) -> None:
        super().__init__(name)
        self.k = integer(k, f"{self.name}: k")
        self.from_sorted_ids = bool(from_sorted_ids)

    def values(self, targets: Any, outputs: Float) -> Any:
        """Return which rows are right."""
        if self.from_sorted_ids:
            return (outputs[:, : self.k] == targets[:, None]).any(axis=1)
        inside = (targets >= 0) & (targets < outputs.shape[1])
        chosen = outputs[np.arange(len(outputs)), np.where(inside, targets, 0)]
        better = np.count_nonzero(outputs > chosen[:, None], axis=1)
        return inside & (better < self.k) & np.isfinite(chosen)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"k": self.k, "name": self.name, "from_sorted_ids": self.from_sorted_ids}


class TopKCategoricalAccuracy(SparseTopKCategoricalAccuracy):
    """
    The share of samples whose class is among the k largest outputs; targets are one-hot.

    Parameters are those of `SparseTopKCategoricalAccuracy`, without `from_sorted_ids`.
    """

    default_name = "top_k_categorical_accuracy"
    sparse = False

    def __init__(self, k: int = 5, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(k, name)

    def values(self, targets: Any, outputs: Float) -> Any:
        """Return which rows are right."""
        return super().values(targets.argmax(axis=1), outputs)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"k": self.k, "name": self.name}
