"""Figures of several classes: F-scores, and intersections over unions."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnx.arrays import Double, Float
from cnnx.geometry import integer, number
from cnnx.losses.targets import ignored_label, require_last_axis
from cnnx.metrics.arguments import like_outputs, listed, weights_like, without_last_ones
from cnnx.metrics.metric import Metric
from cnnx.registry import choice

_EPSILON = 1e-7
"""Keras' summand of denominators."""


class FBetaScore(Metric):
    """
    (1 + beta^2) precision recall / (beta^2 precision + recall), of each class or on average.

    Parameters
    ----------
    average
        None: an array with the figure of each class; 'macro': their mean; 'weighted': weighted by
        how often classes occur; 'micro': of all answers together. In `fit`, one of the last three.
    beta
        How much more recall counts than precision, > 0.
    threshold
        Outputs above it are positive; None: the largest output of each sample.
    name
        Under which it is reported.
    """

    sums = ("_sums",)

    default_name = "fbeta_score"

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name)
        self.average = average
        if average is not None:
            self.average = choice(average, f"{self.name}: average", "micro", "macro", "weighted")
        self.beta = number(beta, f"{self.name}: beta", 2.0**-126, np.inf)
        self.threshold = threshold
        if threshold is not None:
            self.threshold = number(threshold, f"{self.name}: threshold", 0, 1, include_high=True)

    def reset_state(self) -> None:
        """Forget all batches."""
        self._sums: Double | None = None

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in one batch; as for `Metric`. Targets are 0 and 1."""
        targets, outputs = like_outputs(y_true, y_pred, self.name)
        weights = weights_like(sample_weight, outputs.shape, self.name)
        n = outputs.shape[-1]
        t, w = (np.asarray(array, np.float64).reshape(-1, n) for array in (targets, weights))
        p = self._positive(outputs.reshape(-1, n)).astype(np.float64)
        parts = np.stack([w * p * t, w * p * (1 - t), w * (1 - p) * t, w * t]).sum(axis=1)
        self._sums = parts if self._sums is None else self._sums + parts

    def _positive(self, outputs: Float) -> Any:
        if self.threshold is not None:
            return outputs > self.threshold
        return (outputs >= outputs.max(axis=1, keepdims=True)) & (np.abs(outputs) > 1e-9)

    def result(self) -> Any:
        """Return the figure, or an array with one for each class; 0 for no samples."""
        if self._sums is None:
            return 0.0
        sums = self._sums.sum(axis=1, keepdims=True) if self.average == "micro" else self._sums
        tp, fp, fn, often = sums
        precision, recall = tp / (tp + fp + _EPSILON), tp / (tp + fn + _EPSILON)
        square = self.beta**2
        found = precision * recall / (square * precision + recall + _EPSILON) * (1 + square)
        if self.average is None:
            return found
        if self.average == "weighted":
            return float((found * often).sum() / (often.sum() + _EPSILON))
        return float(found.mean())

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            "average": self.average,
            "beta": self.beta,
            "threshold": self.threshold,
            "name": self.name,
        }


class F1Score(FBetaScore):
    """
    2 precision recall / (precision + recall), of each class or on average.

    Parameters are those of `FBetaScore`, without beta.
    """

    default_name = "f1_score"

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(average, 1.0, threshold, name)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"average": self.average, "threshold": self.threshold, "name": self.name}


class IoU(Metric):
    """
    The mean over classes of intersection / union of what is labelled and what is predicted.

    A class that is in neither does not count.

    Parameters
    ----------
    num_classes
        How many there are. Other labels do not count.
    target_class_ids
        The classes of the mean.
    name
        Under which it is reported.
    ignore_class
        A label whose samples or pixels do not count.
    sparse_y_true, sparse_y_pred
        Whether targets and predictions are labels; False: the largest of the last axis is.
    axis
        -1: where the classes lie.
    """

    sums = ("_counts",)

    default_name = "iou"

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        label = name or self.default_name
        self.num_classes = integer(num_classes, f"{label}: num_classes")
        self.target_class_ids = [
            integer(item, f"{label}: target_class_ids", minimum=0, limit=self.num_classes)
            for item in listed(target_class_ids, f"{label}: target_class_ids")
        ]
        self.ignore_class = ignored_label(ignore_class, f"{label}: ignore_class")
        self.sparse_y_true, self.sparse_y_pred = bool(sparse_y_true), bool(sparse_y_pred)
        require_last_axis(axis, label)
        super().__init__(name)

    def reset_state(self) -> None:
        """Forget all batches."""
        self._counts = np.zeros((self.num_classes, self.num_classes))

    def labels(self, given: Any, sparse: bool) -> Any:
        """Return labels of what was given."""
        array = np.asarray(given)
        return array if sparse or array.ndim == 0 else array.argmax(axis=-1)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """
        Take in one batch.

        Parameters
        ----------
        y_true, y_pred
            Labels, or one number for each class along the last axis, as the metric was told.
        sample_weight
            What they count: a number for each sample, or for each label.
        """
        true = self.labels(y_true, self.sparse_y_true)
        found = self.labels(y_pred, self.sparse_y_pred)
        if without_last_ones(true.shape) != without_last_ones(found.shape):
            raise ValueError(
                f"{self.name}: y_true holds labels of shape {true.shape}, y_pred of {found.shape}; "
                "sparse_y_true and sparse_y_pred say which of them have an axis of classes"
            )
        weights = weights_like(sample_weight, true.shape or (1,), self.name).reshape(-1)
        true, found = true.reshape(-1), found.reshape(-1)
        counts = np.ones(true.shape, bool)
        for labels in (true, found):
            counts &= (labels >= 0) & (labels < self.num_classes)
        if self.ignore_class is not None:
            counts &= true != self.ignore_class
        places = true[counts].astype(np.int64) * self.num_classes + found[counts].astype(np.int64)
        size = self.num_classes**2
        self._counts += np.bincount(places, weights[counts], size).reshape(self._counts.shape)

    def result(self) -> float:
        """Return the mean over the classes that occur; 0 if none does."""
        both = self._counts.diagonal()
        union = self._counts.sum(axis=0) + self._counts.sum(axis=1) - both
        both, union = both[self.target_class_ids], union[self.target_class_ids]
        occurs = union > 1e-9
        return float((both[occurs] / union[occurs]).mean()) if occurs.any() else 0.0

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            "num_classes": self.num_classes,
            "target_class_ids": self.target_class_ids,
            "name": self.name,
            "ignore_class": self.ignore_class,
            "sparse_y_true": self.sparse_y_true,
            "sparse_y_pred": self.sparse_y_pred,
        }


class BinaryIoU(IoU):
    """
    The mean over 0 and 1 of intersection / union of targets and outputs above a threshold.

    Parameters
    ----------
    target_class_ids
        (0, 1), or one of them.
    threshold
        Outputs from it on are 1.
    name
        Under which it is reported.
    """

    sums = IoU.sums

    default_name = "binary_iou"

    def __init__(
        self,
        target_class_ids: Sequence[int] = (0, 1),
        threshold: float = 0.5,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(2, target_class_ids, name)
        self.threshold = number(threshold, f"{self.name}: threshold", 0, 1, include_high=True)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in one batch; as for `Metric`."""
        targets, outputs = like_outputs(y_true, y_pred, self.name)
        super().update_state(targets, outputs >= self.threshold, sample_weight)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            "target_class_ids": self.target_class_ids,
            "threshold": self.threshold,
            "name": self.name,
        }


class MeanIoU(IoU):
    """
    The mean over all classes of intersection / union.

    Parameters are those of `IoU`, without target_class_ids.
    """

    default_name = "mean_iou"

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        count = integer(num_classes, f"{name or self.default_name}: num_classes")
        super().__init__(
            count, range(count), name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis
        )

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        config = super().get_config()
        del config["target_class_ids"]
        return config


class OneHotIoU(IoU):
    """
    `IoU` of one-hot targets and of predictions with a number for each class.

    Parameters are those of `IoU`, without sparse_y_true.
    """

    default_name = "one_hot_iou"

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(
            num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis
        )

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        config = super().get_config()
        del config["sparse_y_true"]
        return config


class OneHotMeanIoU(MeanIoU):
    """
    `MeanIoU` of one-hot targets and of predictions with a number for each class.

    Parameters are those of `MeanIoU`, without sparse_y_true.
    """

    default_name = "one_hot_mean_iou"

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        config = super().get_config()
        del config["sparse_y_true"]
        return config
