"""Counts of right and wrong yes-or-no answers, at one threshold or at several."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from cnnx.arrays import Double, Float
from cnnx.geometry import integer, number
from cnnx.metrics.arguments import like_outputs, listed, weights_like
from cnnx.metrics.metric import Metric

Thresholds: TypeAlias = float | Sequence[float] | None


class Counts:
    """
    Weights of true and false positives and negatives above each of several thresholds.

    Parameters
    ----------
    thresholds
        In any order. An output is positive if it is greater.
    columns
        Number of labels that are counted apart; None counts all outputs together.

    Attributes
    ----------
    positives, negatives
        (columns, thresholds + 1): the weights of outputs whose target is 1 or 0, by how many
        thresholds they exceed.
    """

    def __init__(self, thresholds: Sequence[float], columns: int = 1) -> None:
        self.thresholds = np.asarray(thresholds, np.float32)
        self._order = np.argsort(self.thresholds, kind="stable")
        self._sorted = self.thresholds[self._order]
        self.positives = np.zeros((columns, len(self.thresholds) + 1))
        self.negatives = np.zeros_like(self.positives)

    def add(self, targets: Any, outputs: Any, weights: Any) -> None:
        """Take in targets and outputs of shape (rows, columns)."""
        exceeded = np.searchsorted(self._sorted, outputs, side="left")
        exceeded[np.isnan(outputs)] = 0
        size = self.positives.shape[1]
        for column, (positives, negatives) in enumerate(
            zip(self.positives, self.negatives, strict=True)
        ):
            true = targets[:, column] != 0
            places, factors = exceeded[:, column], weights[:, column]
            positives += np.bincount(places[true], factors[true], size)
            negatives += np.bincount(places[~true], factors[~true], size)

    def _above(self, histogram: Double) -> Double:
        """Return the weight above each threshold (thresholds, columns), in the order given."""
        above = histogram[:, ::-1].cumsum(axis=1)[:, ::-1][:, 1:]
        found: Double = np.empty_like(above)
        found[:, self._order] = above
        return found.T

    @property
    def true_positives(self) -> Double:
        """(thresholds, columns)."""
        return self._above(self.positives)

    @property
    def false_positives(self) -> Double:
        """(thresholds, columns)."""
        return self._above(self.negatives)

    @property
    def false_negatives(self) -> Double:
        """(thresholds, columns)."""
        found: Double = self.positives.sum(axis=1) - self.true_positives
        return found

    @property
    def true_negatives(self) -> Double:
        """(thresholds, columns)."""
        found: Double = self.negatives.sum(axis=1) - self.false_positives
        return found


def share(part: Any, rest: Any) -> Any:
    """Return part / (part + rest), and 0 for 0 / 0."""
    whole = np.asarray(part + rest, np.float64)
    return np.divide(part, whole, out=np.zeros_like(whole), where=whole != 0)


class CountingMetric(Metric):
    """
    What the metrics of counts share.

    Parameters
    ----------
    thresholds
        Numbers from 0 to 1: outputs above one are positive. Of several, `result` is an array.
    top_k
        Only the k largest outputs of a sample can be positive.
    class_id
        The one output that counts.
    name
        Under which it is reported.
    """

    sums = ("positives", "negatives")

    def __init__(
        self,
        thresholds: Thresholds = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        label = name or self.default_name
        self.thresholds = thresholds if thresholds is None else _checked(thresholds, label)
        self.top_k = None if top_k is None else integer(top_k, f"{label}: top_k")
        self.class_id = class_id
        if class_id is not None:
            self.class_id = integer(class_id, f"{label}: class_id", minimum=0)
        super().__init__(name)

    def reset_state(self) -> None:
        """Forget all batches."""
        usual = 0.5 if self.top_k is None else -np.inf
        given = usual if self.thresholds is None else self.thresholds
        self._counts = Counts(given if isinstance(given, list) else [given])

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in one batch; as for `Metric`."""
        targets, outputs = like_outputs(y_true, y_pred, self.name)
        weights = weights_like(sample_weight, outputs.shape, self.name)
        if self.top_k is not None:
            outputs = _largest(outputs, self.top_k)
        if self.class_id is not None:
            if self.class_id >= outputs.shape[-1]:
                raise ValueError(
                    f"{self.name}: class_id={self.class_id} is none of {outputs.shape[-1]} outputs"
                )
            targets, outputs = targets[..., self.class_id], outputs[..., self.class_id]
            weights = weights[..., self.class_id]
        self._counts.add(*(array.reshape(-1, 1) for array in (targets, outputs, weights)))

    def figure(self, counts: Counts) -> Any:
        """Return the figure of each threshold."""
        raise NotImplementedError(f"{type(self).__name__} must implement figure")

    def result(self) -> Any:
        """Return the figure, or an array with one for each threshold."""
        found = np.asarray(self.figure(self._counts))[:, 0]
        return found if isinstance(self.thresholds, list) else float(found[0])

    def get_state(self) -> dict[str, Any]:
        """Return the counts."""
        return {"positives": self._counts.positives, "negatives": self._counts.negatives}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from what `get_state` returned."""
        self._counts.positives = np.array(state["positives"])
        self._counts.negatives = np.array(state["negatives"])

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            "thresholds": self.thresholds,
            "top_k": self.top_k,
            "class_id": self.class_id,
            "name": self.name,
        }


def _checked(thresholds: Any, name: str) -> float | list[float]:
    """Return thresholds as one number or a list."""
    label = f"{name}: thresholds"
    if isinstance(thresholds, (list, tuple)) or np.ndim(thresholds) == 1:
        found = [number(item, label, 0, 1, include_high=True) for item in listed(thresholds, label)]
        if not found:
            raise ValueError(f"{label} must not be empty")
        return found
    return number(thresholds, label, 0, 1, include_high=True)


def _largest(outputs: Float, k: int) -> Float:
    """Return outputs, minus infinity in the place of all but the k largest of each row."""
    if k >= outputs.shape[-1]:
        return outputs
    kept = np.argsort(-outputs, axis=-1, kind="stable")[..., :k]
    found = np.full_like(outputs, -np.inf)
    np.put_along_axis(found, kept, np.take_along_axis(outputs, kept, -1), -1)
    return found


class Precision(CountingMetric):
    """
    The share of the outputs above the threshold, 0.5, whose target is 1.

    Parameters are those of `CountingMetric`: thresholds, top_k, class_id, name.
    """

    def figure(self, counts: Counts) -> Any:
        """Return the share at each threshold."""
        return share(counts.true_positives, counts.false_positives)


class Recall(CountingMetric):
    """
    The share of the targets that are 1 whose output is above the threshold, 0.5.

    Parameters are those of `CountingMetric`: thresholds, top_k, class_id, name.
    """

    def figure(self, counts: Counts) -> Any:
        """Return the share at each threshold."""
        return share(counts.true_positives, counts.false_negatives)


class ConditionCount(CountingMetric):
    """A count at one threshold or at several: thresholds and name are as for `CountingMetric`."""

    def __init__(
        self, thresholds: Thresholds = None, name: str | None = None, dtype: Any = None
    ) -> None:
        super().__init__(thresholds, None, None, name)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"thresholds": self.thresholds, "name": self.name}


class TruePositives(ConditionCount):
    """The weight of outputs above the threshold, 0.5, whose target is 1."""

    def figure(self, counts: Counts) -> Any:
        """Return the count at each threshold."""
        return counts.true_positives


class FalsePositives(ConditionCount):
    """The weight of outputs above the threshold, 0.5, whose target is 0."""

    def figure(self, counts: Counts) -> Any:
        """Return the count at each threshold."""
        return counts.false_positives


class TrueNegatives(ConditionCount):
    """The weight of outputs not above the threshold, 0.5, whose target is 0."""

    def figure(self, counts: Counts) -> Any:
        """Return the count at each threshold."""
        return counts.true_negatives


class FalseNegatives(ConditionCount):
    """The weight of outputs not above the threshold, 0.5, whose target is 1."""

    def figure(self, counts: Counts) -> Any:
        """Return the count at each threshold."""
        return counts.false_negatives
