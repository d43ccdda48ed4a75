"""Figures of regression, and losses as figures."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from cnnx import losses
from cnnx.arrays import Double, Float
from cnnx.buffer import Buffer
from cnnx.geometry import integer
from cnnx.losses import Loss
from cnnx.losses.elementwise import elementwise_kernels
from cnnx.losses.targets import ignored_label, require_last_axis
from cnnx.metrics.arguments import like_outputs, weights_like
from cnnx.metrics.metric import Metric
from cnnx.registry import choice


class MeanError(Metric):
    """The mean over outputs of what the core function `errors` makes of output and target."""

    errors: ClassVar[Callable[[Float, Float, Float], None]]

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name)
        self._losses = Buffer(())

    def values(self, targets: Float, outputs: Float) -> Float:
        """Return the mean error of each row."""
        found = self._losses.rows(len(outputs))
        type(self).errors(outputs, targets, found)
        return found

    def total(self, targets: Float, outputs: Float) -> float:
        """Return the sum over rows of the mean error."""
        return float(np.add.reduce(self.values(targets, outputs)))


class MeanSquaredError(MeanError):
    """The mean over outputs of (output - target)^2."""

    default_name = "mean_squared_error"
    errors = staticmethod(elementwise_kernels("squared", []).forward)


class MeanAbsoluteError(MeanError):
    """The mean over outputs of |output - target|."""

    default_name = "mean_absolute_error"
    errors = staticmethod(elementwise_kernels("absolute", []).forward)


class RootMeanSquaredError(MeanSquaredError):
    """The root of the mean over all samples and outputs of (output - target)^2."""

    default_name = "root_mean_squared_error"

    def result(self) -> float:
        """Return the root of the mean."""
        return float(np.sqrt(super().result()))


class LossMetric(Metric):
    """The mean over rows of the loss `of`."""

    of: ClassVar[Callable[..., Loss]]
    loss: Loss

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name)
        self.loss = self.made()

    def made(self) -> Loss:
        """Return the loss with the arguments of this metric."""
        return type(self).of(reduction=None)

    def values(self, targets: Any, outputs: Float) -> Any:
        """Return the loss of each row."""
        return self.loss(targets, outputs) if len(outputs) else np.zeros(0)


class MeanAbsolutePercentageError(LossMetric):
    """The mean over outputs of 100 |output - target| / max(|target|, 1e-7)."""

    default_name = "mean_absolute_percentage_error"
    of = losses.MeanAbsolutePercentageError


class MeanSquaredLogarithmicError(LossMetric):
    """The mean over outputs of (log(1 + output) - log(1 + target))^2."""

    default_name = "mean_squared_logarithmic_error"
    of = losses.MeanSquaredLogarithmicError


class LogCoshError(LossMetric):
    """The mean over outputs of log(cosh(output - target))."""

    default_name = "logcosh"
    of = losses.LogCosh


class Hinge(LossMetric):
    """The mean over outputs of max(1 - target * output, 0)."""

    of = losses.Hinge


class SquaredHinge(LossMetric):
    """The mean over outputs of max(1 - target * output, 0)^2."""

    default_name = "squared_hinge"
    of = losses.SquaredHinge


class CategoricalHinge(LossMetric):
    """max(1 + largest output of a wrong class - output of the right one, 0)."""

    default_name = "categorical_hinge"
    of = losses.CategoricalHinge


class KLDivergence(LossMetric):
    """The sum over outputs of target log(target / output), in nats."""

    default_name = "kl_divergence"
    of = losses.KLDivergence


class Poisson(LossMetric):
    """The mean over outputs of output - target log(output + 1e-7)."""

    of = losses.Poisson


class CosineSimilarity(LossMetric):
    """
    The cosine of the angle between outputs and targets, from -1 to 1.

    Parameters
    ----------
    name
        Under which it is reported.
    dtype
        Says nothing: figures are float64.
    axis
        -1: the last one.
    """

    default_name = "cosine_similarity"
    of = losses.CosineSimilarity

    def __init__(self, name: str | None = None, dtype: Any = None, axis: int = -1) -> None:
        super().__init__(name)
        require_last_axis(axis, self.name)

    def values(self, targets: Any, outputs: Float) -> Any:
        """Return the cosine of each row."""
        return -super().values(targets, outputs)


class BinaryCrossentropy(LossMetric):
    """
    The mean over outputs of -(t ln p + (1 - t) ln(1 - p)), in nats.

    Parameters
    ----------
    name
        Under which it is reported.
    dtype
        Says nothing: figures are float64.
    from_logits, label_smoothing
        As for the loss. In `fit` the outputs are probabilities wherever the loss made some.
    """

    default_name = "binary_crossentropy"

    def __init__(
        self,
        name: str | None = None,
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
    ) -> None:
        self.settings: dict[str, Any] = {
            "from_logits": bool(from_logits),
            "label_smoothing": label_smoothing,
        }
        super().__init__(name)

    def made(self) -> Loss:
        """Return the loss."""
        return losses.BinaryCrossentropy(**self.settings, reduction=None)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | self.settings


class CategoricalCrossentropy(BinaryCrossentropy):
    """
    -sum over classes of target * ln(probability), in nats; targets are one-hot.

    Parameters are those of `BinaryCrossentropy`, and axis, which is -1.
    """

    default_name = "categorical_crossentropy"

    def __init__(
        self,
        name: str | None = None,
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
    ) -> None:
        super().__init__(name, dtype, from_logits, label_smoothing)
        require_last_axis(axis, self.name)

    def made(self) -> Loss:
        """Return the loss."""
        return losses.CategoricalCrossentropy(**self.settings, reduction=None)


class SparseCategoricalCrossentropy(LossMetric):
    """
    -ln(probability of the labelled class), in nats; targets are labels.

    Parameters
    ----------
    name, dtype, from_logits
        As for `BinaryCrossentropy`.
    ignore_class
        A label whose samples or pixels do not count.
    axis
        -1: the last one.
    """

    default_name = "sparse_categorical_crossentropy"
    sparse = True

    def __init__(
        self,
        name: str | None = None,
        dtype: Any = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ) -> None:
        self.from_logits = bool(from_logits)
        label = name or self.default_name
        self.ignore_class = ignored_label(ignore_class, f"{label}: ignore_class")
        super().__init__(name)
        require_last_axis(axis, self.name)

    @property
    def keeps_state(self) -> bool:
        """Whether batches of one size may hold different numbers of labels that count."""
        return self.ignore_class is not None

    def counts(self, targets: Any) -> Any:
        """Return which labels are not ignored."""
        return 1 if self.ignore_class is None else targets != self.ignore_class

    def counted(self, targets: Any) -> int:
        """Return the number of labels that are not ignored."""
        return int(np.sum(np.broadcast_to(self.counts(targets), len(targets))))

    def made(self) -> Loss:
        """Return the loss."""
        return losses.SparseCategoricalCrossentropy(self.from_logits, self.ignore_class, None)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        own = {"from_logits": self.from_logits, "ignore_class": self.ignore_class}
        return super().get_config() | own


class R2Score(Metric):
    """
    1 - sum (target - output)^2 / sum (target - mean target)^2, over all samples.

    Parameters
    ----------
    class_aggregation
        How the figures of several outputs become one: 'uniform_average', their mean;
        'variance_weighted_average', weighted by the variance of the targets; None keeps them apart.
    num_regressors
        Number of independent variables, for the adjusted figure; 0 does not adjust.
    name
        Under which it is reported.
    """

    sums = ("_samples", "_sums")

    default_name = "r2_score"

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name)
        self.class_aggregation = class_aggregation
        if class_aggregation is not None:
            self.class_aggregation = choice(
                class_aggregation,
                f"{self.name}: class_aggregation",
                "uniform_average",
                "variance_weighted_average",
            )
        self.num_regressors = integer(num_regressors, f"{self.name}: num_regressors", minimum=0)

    def reset_state(self) -> None:
        """Forget all batches."""
        self._samples = 0
        self._sums: Double | None = None

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in one batch; as for `Metric`."""
        targets, outputs = like_outputs(y_true, y_pred, self.name)
        weights = weights_like(sample_weight, outputs.shape, self.name)
        n = outputs.shape[-1]
        t, p, w = (np.asarray(a, np.float64).reshape(-1, n) for a in (targets, outputs, weights))
        parts = np.stack([w, w * t, w * t * t, w * (t - p) ** 2]).sum(axis=1)
        self._sums = parts if self._sums is None else self._sums + parts
        self._samples += len(t)

    def result(self) -> Any:
        """Return the figure; 0 for no samples, and for an output whose targets are all equal."""
        if self._sums is None:
            return 0.0
        count, total, squares, errors = self._sums
        with np.errstate(invalid="ignore", divide="ignore"):
            variance = squares - total * total / count
            found = 1 - errors / variance
        found = np.where(np.isfinite(found), found, 0)
        if self.class_aggregation == "uniform_average":
            found = found.mean()
        elif self.class_aggregation is not None:
            found = (found * variance).sum() / variance.sum() if variance.sum() else 0.0
        left = self._samples - self.num_regressors - 1
        if self.num_regressors and left > 0:
            found = 1 - (1 - found) * (self._samples - 1) / left
        return float(found) if np.ndim(found) == 0 else found

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            "class_aggregation": self.class_aggregation,
            "num_regressors": self.num_regressors,
            "name": self.name,
        }


class PearsonCorrelation(Metric):
    """
    The mean over samples of the correlation of a sample's outputs with its targets.

    Parameters
    ----------
    name
        Under which it is reported.
    dtype
        Says nothing: figures are float64.
    axis
        -1: along the outputs.
    """

    default_name = "pearson_correlation"

    def __init__(
        self, name: str | None = None, dtype: Any = None, axis: int | Sequence[int] = -1
    ) -> None:
        super().__init__(name)
        require_last_axis(axis, self.name)  # type: ignore[arg-type]

    def values(self, targets: Float, outputs: Float) -> Double:
        """Return the correlation of each row; 0 where either does not vary."""
        (t, p), scale = _deviations(targets, outputs), 1e-300
        size = np.sqrt(np.square(t).mean(axis=1) * np.square(p).mean(axis=1))
        found: Double = (t * p).mean(axis=1) / np.maximum(size, scale)
        return found


class ConcordanceCorrelation(PearsonCorrelation):
    """
    The mean over samples of 2 cov(t, p) / (var t + var p + (mean t - mean p)^2) (Lin 1989).

    Parameters are those of `PearsonCorrelation`.
    """

    default_name = "concordance_correlation"

    def values(self, targets: Float, outputs: Float) -> Double:
        """Return the figure of each row."""
        t, p = _deviations(targets, outputs)
        means = [array.mean(axis=1, dtype=np.float64) for array in (targets, outputs)]
        apart = np.square(means[0] - means[1])
        size = np.square(t).mean(axis=1) + np.square(p).mean(axis=1) + apart
        found: Double = 2 * (t * p).mean(axis=1) / np.maximum(size, 1e-300)
        return found


def _deviations(*arrays: Float) -> tuple[Any, ...]:
    """Return arrays minus the means of their rows."""
    doubles = [array.astype(np.float64) for array in arrays]
    return tuple(array - array.mean(axis=1, keepdims=True) for array in doubles)
