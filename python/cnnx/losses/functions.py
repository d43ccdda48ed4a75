"""Losses as functions of arrays, each of which returns the losses of rows of outputs."""

from collections.abc import Callable, Sequence
from typing import Any

from cnnx.arrays import Float
from cnnx.losses.cross_entropies import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    SparseCategoricalCrossentropy,
)
from cnnx.losses.divergences import (
    CategoricalGeneralizedCrossEntropy,
    CosineSimilarity,
    KLDivergence,
    Poisson,
)
from cnnx.losses.errors import (
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
)
from cnnx.losses.focal import BinaryFocalCrossentropy, CategoricalFocalCrossentropy
from cnnx.losses.loss import Loss
from cnnx.losses.margins import CategoricalHinge, Hinge, SquaredHinge
from cnnx.losses.overlaps import Axes, Dice, Tversky


def mean_squared_error(y_true: Any, y_pred: Any) -> Float:
    """Return the losses (...) of outputs (..., n) by `MeanSquaredError`."""
    return _apart(MeanSquaredError(reduction=None), y_true, y_pred)


def mean_absolute_error(y_true: Any, y_pred: Any) -> Float:
    """Return the losses (...) of outputs (..., n) by `MeanAbsoluteError`."""
    return _apart(MeanAbsoluteError(reduction=None), y_true, y_pred)


def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Float:
    """Return the losses (...) of outputs (..., n) by `MeanAbsolutePercentageError`."""
    return _apart(MeanAbsolutePercentageError(reduction=None), y_true, y_pred)


def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Float:
    """Return the losses (...) of outputs (..., n) by `MeanSquaredLogarithmicError`."""
    return _apart(MeanSquaredLogarithmicError(reduction=None), y_true, y_pred)


def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Float:
    """Return the losses (...) of outputs (..., n) by `Huber`."""
    return _apart(Huber(delta, None), y_true, y_pred)


def log_cosh(y_true: Any, y_pred: Any) -> Float:
    """Return the losses (...) of outputs (..., n) by `LogCosh`."""
    return _apart(LogCosh(reduction=None), y_true, y_pred)


def hinge(y_true: Any, y_pred: Any) -> Float:
    """Return the losses (...) of outputs (..., n) by `Hinge`."""
    return _apart(Hinge(reduction=None), y_true, y_pred)


def squared_hinge(y_true: Any, y_pred: Any) -> Float:
    """Return the losses (...) of outputs (..., n) by `SquaredHinge`."""
    return _apart(SquaredHinge(reduction=None), y_true, y_pred)


def categorical_hinge(y_true: Any, y_pred: Any) -> Float:
    """Return the losses (...) of outputs (..., n) by `CategoricalHinge`."""
    return _apart(CategoricalHinge(reduction=None), y_true, y_pred)


def kl_divergence(y_true: Any, y_pred: Any) -> Float:
    """Return the losses (...) of outputs (..., n) by `KLDivergence`."""
    return _apart(KLDivergence(reduction=None), y_true, y_pred)


def poisson(y_true: Any, y_pred: Any) -> Float:
    """Return the losses (...) of outputs (..., n) by `Poisson`."""
    return _apart(Poisson(reduction=None), y_true, y_pred)


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Float:
    """Return the losses (...) of outputs (..., n) by `CosineSimilarity`."""
    return _apart(CosineSimilarity(axis, None), y_true, y_pred)


def binary_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Float:
    """Return the losses (...) of outputs (..., n) by `BinaryCrossentropy`."""
    return _apart(BinaryCrossentropy(from_logits, label_smoothing, axis, None), y_true, y_pred)


def categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Float:
    """Return the losses (...) of outputs (..., n) by `CategoricalCrossentropy`."""
    return _apart(CategoricalCrossentropy(from_logits, label_smoothing, axis, None), y_true, y_pred)


def sparse_categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> Float:
    """Return the losses (...) of outputs (..., n) by `SparseCategoricalCrossentropy`."""
    loss = SparseCategoricalCrossentropy(from_logits, ignore_class, None, axis)
    return _apart(loss, y_true, y_pred)


def binary_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Float:
    """Return the losses (...) of outputs (..., n) by `BinaryFocalCrossentropy`."""
    loss = BinaryFocalCrossentropy(
        apply_class_balancing, alpha, gamma, from_logits, label_smoothing, axis, None
    )
    return _apart(loss, y_true, y_pred)


def categorical_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    alpha: float | Sequence[float] = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Float:
    """Return the losses (...) of outputs (..., n) by `CategoricalFocalCrossentropy`."""
    loss = CategoricalFocalCrossentropy(alpha, gamma, from_logits, label_smoothing, axis, None)
    return _apart(loss, y_true, y_pred)


def categorical_generalized_cross_entropy(y_true: Any, y_pred: Any, q: float) -> Float:
    """Return the losses (...) of outputs (..., n) by `CategoricalGeneralizedCrossEntropy`."""
    return _apart(CategoricalGeneralizedCrossEntropy(q, None), y_true, y_pred)


def dice(y_true: Any, y_pred: Any, axis: Axes = None) -> Any:
    """Return the loss of a batch, or of each sample, by `Dice`."""
    return Dice(None, axis=axis)(y_true, y_pred)


def tversky(
    y_true: Any, y_pred: Any, alpha: float = 0.5, beta: float = 0.5, axis: Axes = None
) -> Any:
    """Return the loss of a batch, or of each sample, by `Tversky`."""
    return Tversky(alpha, beta, None, axis=axis)(y_true, y_pred)


def _apart(loss: Loss, y_true: Any, y_pred: Any) -> Float:
    found: Float = loss(y_true, y_pred)
    return found


CLASSES: dict[Callable[..., Any], type[Loss]] = {
    mean_squared_error: MeanSquaredError,
    mean_absolute_error: MeanAbsoluteError,
    mean_absolute_percentage_error: MeanAbsolutePercentageError,
    mean_squared_logarithmic_error: MeanSquaredLogarithmicError,
    huber: Huber,
    log_cosh: LogCosh,
    hinge: Hinge,
    squared_hinge: SquaredHinge,
    categorical_hinge: CategoricalHinge,
    kl_divergence: KLDivergence,
    poisson: Poisson,
    cosine_similarity: CosineSimilarity,
    binary_crossentropy: BinaryCrossentropy,
    categorical_crossentropy: CategoricalCrossentropy,
    sparse_categorical_crossentropy: SparseCategoricalCrossentropy,
    binary_focal_crossentropy: BinaryFocalCrossentropy,
    categorical_focal_crossentropy: CategoricalFocalCrossentropy,
    categorical_generalized_cross_entropy: CategoricalGeneralizedCrossEntropy,
    dice: Dice,
    tversky: Tversky,
}
"""The class that stands for a function where a network learns."""
