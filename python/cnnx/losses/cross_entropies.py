"""Cross-entropies."""

from typing import Any

import numpy as np

from cnnx import _core
from cnnx.arrays import Array, Float, whole_numbers
from cnnx.geometry import number
from cnnx.losses.loss import Kernels, Loss
from cnnx.losses.targets import (
    hint_of_flattening,
    ignored_label,
    require_classes,
    require_last_axis,
    require_shares,
)


class CrossEntropy(Loss):
    """
    What the cross-entropies share: logits instead of probabilities, smoothed targets.

    Parameters are those of `CategoricalCrossentropy`.
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
    ) -> None:
        super().__init__(name, reduction)
        self.from_logits = bool(from_logits)
        self.label_smoothing = number(
            label_smoothing, f"{self.name}: label_smoothing", 0, 1, include_high=True
        )
        require_last_axis(axis, self.name)

    def uniform(self, classes: int) -> float:
        """Return the value that label smoothing mixes into each target."""
        return 1 / classes

    def smooth(self, targets: Float) -> Float:
        """Return (1 - s) targets + s / classes, with s the label smoothing."""
        if self.label_smoothing == 0:
            return targets
        share = self.uniform(targets.shape[-1]) * self.label_smoothing
        return targets * np.float32(1 - self.label_smoothing) + np.float32(share)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            "from_logits": self.from_logits,
            "label_smoothing": self.label_smoothing,
            **super().get_config(),
        }


class CategoricalCrossentropy(CrossEntropy):
    """
    -sum over classes of target * ln(probability), in nats; the mean over samples.

    Outputs that do not sum to 1 (but for 1e-4) are divided by their sum, as in Keras.

    Parameters
    ----------
    from_logits
        True if the outputs are logits: the softmax is then part of the loss.
    label_smoothing
        Share s of each target that is spread over all classes: (1 - s) target + s / classes.
    axis
        -1: the classes lie along the last axis.
    reduction, name
        As for `Loss`.
    """

    name = "categorical_crossentropy"
    on_outputs = Kernels(
        _core.categorical_cross_entropy_forward, _core.categorical_cross_entropy_backward
    )
    on_logits = Kernels(_core.softmax_cross_entropy_forward, _core.softmax_cross_entropy_backward)
    fused_activation = "softmax"

    def check_targets(self, y: Array, output_shape: tuple[int, ...], owner: str) -> Array:
        """Return the one-hot targets; raises ValueError for labels."""
        require_classes(self.name, output_shape, owner)
        if y.shape != output_shape and y.shape in (output_shape[:-1], (*output_shape[:-1], 1)):
            raise ValueError(
                f"{owner}: {self.name} needs one-hot targets of shape "
                f"{output_shape}, got labels of shape {y.shape}; use "
                "sparse_categorical_crossentropy, or "
                f"cnnx.utils.to_categorical(y, {output_shape[-1]})"
            )
        targets = self.fitted(y, output_shape, owner)
        require_shares(self.name, targets, owner)
        return targets


class SparseCategoricalCrossentropy(CrossEntropy):
    """
    -ln(probability of the labelled class), in nats; the mean over samples.

    Outputs that do not sum to 1 (but for 1e-4) are divided by their sum, as in Keras.

    Parameters
    ----------
    from_logits
        True if the outputs are logits: the softmax is then part of the loss.
    ignore_class
        A label, such as 255 for pixels that nobody labelled, whose samples or pixels do not count:
        the loss of a batch is the mean over all others, and 'accuracy' leaves them out too.
    reduction, axis, name
        As for `CategoricalCrossentropy`.
    """

    name = "sparse_categorical_crossentropy"
    on_outputs = Kernels(
        _core.sparse_categorical_cross_entropy_forward,
        _core.sparse_categorical_cross_entropy_backward,
    )
    on_logits = Kernels(
        _core.sparse_softmax_cross_entropy_forward, _core.sparse_softmax_cross_entropy_backward
    )
    fused_activation = "softmax"
    sparse = True

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str | None = None,
    ) -> None:
        super().__init__(from_logits, 0.0, axis, reduction, name)
        self.ignore_class = ignored_label(ignore_class, f"{self.name}: ignore_class")

    def counted(self, targets: Array, weights: Float | None) -> tuple[Array, Float | None, int]:
        """Return labels in range, and the weight 0 where they are to be ignored."""
        if self.ignore_class is None:
            return super().counted(targets, weights)
        counts = targets != self.ignore_class
        factors = counts.astype(np.float32)
        if weights is not None:
            factors *= weights
        return np.where(counts, targets, 0), factors, int(np.count_nonzero(counts))

    def check_targets(self, y: Array, output_shape: tuple[int, ...], owner: str) -> Array:
        """Return the labels as int64 of shape `output_shape[:-1]`, all in range."""
        require_classes(self.name, output_shape, owner)
        *rows, classes = output_shape
        if y.shape == output_shape:
            raise ValueError(
                f"{owner}: sparse_categorical_crossentropy needs integer labels of shape "
                f"{tuple(rows)}, got {y.shape}; one-hot targets go with categorical_crossentropy"
            )
        if y.shape not in (tuple(rows), (*rows, 1)):
            raise ValueError(
                f"{owner}: sparse_categorical_crossentropy needs labels of shape {tuple(rows)} "
                f"for outputs of shape {output_shape}, got {y.shape}{hint_of_flattening(rows, y)}"
            )
        labels = whole_numbers(y, f"{owner}: labels").reshape(rows)
        found = labels
        if self.ignore_class is not None:
            found = labels[labels != self.ignore_class]
        # Seen as unsigned, a negative label is a huge one: one comparison serves both ends.
        if found.size and found.view(np.uint64).max() >= classes:
            wrong = found[(found < 0) | (found >= classes)].flat[0]
            raise ValueError(
                f"{owner}: label {wrong} is out of range: labels must run from 0 to "
                f"{classes - 1}; the network has {classes} outputs"
            )
        return labels

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            "from_logits": self.from_logits,
            "ignore_class": self.ignore_class,
            **Loss.get_config(self),
        }


class BinaryCrossentropy(CrossEntropy):
    """
    The mean over outputs of -(t ln p + (1 - t) ln(1 - p)), in nats; the mean over samples.

    Each output is its own yes or no. With a softmax and one-hot targets this is the per-class
    binary cross-entropy.

    Parameters
    ----------
    from_logits
        True if the outputs are logits: the sigmoid is then part of the loss.
    label_smoothing
        Share s by which targets move towards 1/2: (1 - s) target + s / 2.
    axis, reduction, name
        As for `CategoricalCrossentropy`.
    """

    name = "binary_crossentropy"
    on_outputs = Kernels(_core.binary_cross_entropy_forward, _core.binary_cross_entropy_backward)
    on_logits = Kernels(_core.sigmoid_cross_entropy_forward, _core.sigmoid_cross_entropy_backward)
    fused_activation = "sigmoid"

    def uniform(self, classes: int) -> float:
        """Return 1/2: yes and no are two classes."""
        return 0.5

    def check_targets(self, y: Array, output_shape: tuple[int, ...], owner: str) -> Array:
        """Return the targets; raises ValueError for one outside 0 to 1."""
        targets = self.fitted(y, output_shape, owner)
        require_shares(self.name, targets, owner)
        return targets
