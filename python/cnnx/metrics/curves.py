"""Figures of curves over many thresholds."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnx.arrays import Double
from cnnx.geometry import integer, number
from cnnx.metrics.arguments import like_outputs, listed, weights_like
from cnnx.metrics.counts import CountingMetric, Counts, share
from cnnx.metrics.metric import Metric
from cnnx.registry import choice

_BEYOND = 1e-7
"""How far the first and the last threshold lie outside 0 and 1."""


class AUC(Metric):
    """
    The area under a curve: of the ROC, or of precision over recall.

    The curve has a point for each threshold: with 200 evenly spaced ones its area is off by about
    as much as outputs share a cell. Given `thresholds`, it is exact where these separate all
    outputs. Source of the interpolation between points of precision: Davis & Goadrich (2006).

    Parameters
    ----------
    num_thresholds
        How many, evenly from 0 to 1, at least 2.
    curve
        'ROC': true positives over false positives; 'PR': precision over recall.
    summation_method
        'interpolation': trapezoids, or the right curve between points of 'PR'; 'minoring' and
        'majoring': the lower and the higher end of each step.
    name
        Under which it is reported.
    dtype
        Says nothing: figures are float64.
    thresholds
        In the place of evenly spaced ones, from 0 to 1; -1e-7 and 1 + 1e-7 are added.
    multi_label
        Whether each output is a label with an area of its own; `result` is their mean.
    num_labels
        Number of labels; found in the first batch.
    label_weights
        What the areas of labels count in the mean.
    from_logits
        Whether outputs are logits: their sigmoid is taken.
    """

    sums = ("positives", "negatives")

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: Any = None,
        thresholds: Sequence[float] | None = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Sequence[float] | None = None,
        from_logits: bool = False,
    ) -> None:
        label = name or self.default_name
        self.curve = choice(curve, f"{label}: curve", "ROC", "PR")
        self.summation_method = choice(
            summation_method, f"{label}: summation_method", "interpolation", "minoring", "majoring"
        )
        self.num_thresholds = integer(num_thresholds, f"{label}: num_thresholds", minimum=2)
        count = self.num_thresholds
        inner = [i / (count - 1) for i in range(1, count - 1)]
        self.thresholds = None
        if thresholds is not None:
            named = f"{label}: thresholds"
            self.thresholds = [
                number(item, named, 0, 1, include_high=True) for item in listed(thresholds, named)
            ]
            inner = sorted(self.thresholds)
        self._points = [-_BEYOND, *inner, 1 + _BEYOND]
        self.multi_label = bool(multi_label)
        self.num_labels = num_labels
        if num_labels is not None:
            self.num_labels = integer(num_labels, f"{label}: num_labels")
        self.label_weights = None
        if label_weights is not None:
            named = f"{label}: label_weights"
            self.label_weights = [
                number(item, named, 0, np.inf) for item in listed(label_weights, named)
            ]
        self.from_logits = bool(from_logits)
        super().__init__(name)

    def reset_state(self) -> None:
        """Forget all batches."""
        labels = (self.num_labels or 0) if self.multi_label else 1
        self._counts: Counts | None = Counts(self._points, labels) if labels else None

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in one batch; as for `Metric`."""
        targets, outputs = like_outputs(y_true, y_pred, self.name)
        weights = weights_like(sample_weight, outputs.shape, self.name)
        if self.from_logits:
            outputs = (1 / (1 + np.exp(-outputs.astype(np.float64)))).astype(np.float32)
        labels = outputs.shape[-1] if self.multi_label else 1
        if self._counts is None:
            self._counts = Counts(self._points, labels)
        if len(self._counts.positives) != labels:
            raise ValueError(
                f"{self.name}: there were {len(self._counts.positives)} labels before, got {labels}"
            )
        self._counts.add(*(array.reshape(-1, labels) for array in (targets, outputs, weights)))

    def result(self) -> float:
        """Return the area, or the mean of the labels' areas; 0 for no samples."""
        if self._counts is None:
            return 0.0
        areas = self._areas(self._counts)
        if self.label_weights is None:
            return float(areas.mean())
        if len(self.label_weights) != len(areas):
            raise ValueError(
                f"{self.name}: label_weights has {len(self.label_weights)} weights for "
                f"{len(areas)} labels"
            )
        factors = np.asarray(self.label_weights)
        return float((areas * factors).sum() / factors.sum()) if factors.sum() else 0.0

    def _areas(self, counts: Counts) -> Double:
        if self.curve == "PR" and self.summation_method == "interpolation":
            return _interpolated(counts)
        recall = share(counts.true_positives, counts.false_negatives)
        if self.curve == "ROC":
            x, y = share(counts.false_positives, counts.true_negatives), recall
        else:
            x, y = recall, share(counts.true_positives, counts.false_positives)
        heights = {
            "interpolation": (y[:-1] + y[1:]) / 2,
            "minoring": np.minimum(y[:-1], y[1:]),
            "majoring": np.maximum(y[:-1], y[1:]),
        }[self.summation_method]
        areas: Double = ((x[:-1] - x[1:]) * heights).sum(axis=0)
        return areas

    def get_state(self) -> dict[str, Any]:
        """Return the counts."""
        if self._counts is None:
            return {"positives": None, "negatives": None}
        return {"positives": self._counts.positives, "negatives": self._counts.negatives}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from what `get_state` returned."""
        self.reset_state()
        if state["positives"] is not None:
            self._counts = Counts(self._points, len(state["positives"]))
            self._counts.positives = np.array(state["positives"])
            self._counts.negatives = np.array(state["negatives"])

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            "num_thresholds": self.num_thresholds,
            "curve": self.curve,
            "summation_method": self.summation_method,
            "name": self.name,
            "thresholds": self.thresholds,
            "multi_label": self.multi_label,
            "num_labels": self.num_labels,
            "label_weights": self.label_weights,
            "from_logits": self.from_logits,
        }


def _interpolated(counts: Counts) -> Double:
    """
    Return the areas under precision over recall, exact between the points.

    From one threshold to the next true and all positives grow in proportion: with slope s and
    intercept b, precision is s + b / positives, whose integral is s dTP + s b log(ratio).
    """
    tp = counts.true_positives
    positives = tp + counts.false_positives
    d_tp = tp[:-1] - tp[1:]
    slope = _quotient(d_tp, np.maximum(positives[:-1] - positives[1:], 0))
    intercept = tp[1:] - slope * positives[1:]
    both = (positives[:-1] > 0) & (positives[1:] > 0)
    ratio = np.where(both, _quotient(positives[:-1], positives[1:]), 1)
    parts = slope * (d_tp + intercept * np.log(ratio))
    whole = np.maximum(tp[1:] + counts.false_negatives[1:], 0)
    areas: Double = _quotient(parts, whole).sum(axis=0)
    return areas


def _quotient(a: Double, b: Double) -> Double:
    found: Double = np.divide(a, b, out=np.zeros_like(a), where=b != 0)
    return found


class ConstrainedMetric(CountingMetric):
    """
    The best of one figure among the thresholds where another is at least a value.

    Parameters
    ----------
    value
        What the other figure is at least, from 0 to 1.
    num_thresholds
        How many, evenly from 0 to 1.
    class_id, name
        As for `CountingMetric`.
    """

    sums = CountingMetric.sums

    constraint: str

    def __init__(
        self,
        value: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        label = name or self.default_name
        self.value = number(value, f"{label}: {self.constraint}", 0, 1, include_high=True)
        self.num_thresholds = integer(num_thresholds, f"{label}: num_thresholds")
        super().__init__(None, None, class_id, name)

    def reset_state(self) -> None:
        """Forget all batches."""
        count = self.num_thresholds
        even = [i / (count - 1) for i in range(count)] if count > 1 else [0.5]
        self._counts = Counts(even)

    def best(self, constrained: Any, figure: Any) -> float:
        """Return the largest figure where the other is large enough; 0 if it never is."""
        feasible = figure[constrained >= self.value]
        return float(feasible.max()) if feasible.size else 0.0

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            self.constraint: self.value,
            "num_thresholds": self.num_thresholds,
            "class_id": self.class_id,
            "name": self.name,
        }


class SensitivityAtSpecificity(ConstrainedMetric):
    """
    The best recall of the 1s where the recall of the 0s is at least `specificity`.

    Parameters are those of `ConstrainedMetric`.
    """

    default_name = "sensitivity_at_specificity"
    constraint = "specificity"

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(specificity, num_thresholds, class_id, name)

    def result(self) -> float:
        """Return the figure."""
        c = self._counts
        recall = share(c.true_positives, c.false_negatives)
        return self.best(share(c.true_negatives, c.false_positives), recall)


class SpecificityAtSensitivity(ConstrainedMetric):
    """
    The best recall of the 0s where the recall of the 1s is at least `sensitivity`.

    Parameters are those of `ConstrainedMetric`.
    """

    default_name = "specificity_at_sensitivity"
    constraint = "sensitivity"

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(sensitivity, num_thresholds, class_id, name)

    def result(self) -> float:
        """Return the figure."""
        c = self._counts
        recall = share(c.true_positives, c.false_negatives)
        return self.best(recall, share(c.true_negatives, c.false_positives))


class PrecisionAtRecall(ConstrainedMetric):
    """
    The best precision where recall is at least `recall`.

    Parameters are those of `ConstrainedMetric`.
    """

    default_name = "precision_at_recall"
    constraint = "recall"

    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(recall, num_thresholds, class_id, name)

    def result(self) -> float:
        """Return the figure."""
        c = self._counts
        recall = share(c.true_positives, c.false_negatives)
        return self.best(recall, share(c.true_positives, c.false_positives))


class RecallAtPrecision(ConstrainedMetric):
    """
    The best recall where precision is at least `precision`.

    Parameters are those of `ConstrainedMetric`.
    """

    default_name = "recall_at_precision"
    constraint = "precision"

    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(precision, num_thresholds, class_id, name)

    def result(self) -> float:
        """Return the figure."""
        c = self._counts
        recall = share(c.true_positives, c.false_negatives)
        return self.best(share(c.true_positives, c.false_positives), recall)
