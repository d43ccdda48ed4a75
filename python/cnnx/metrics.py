"""Metrics: figures about a network that people read; nothing is trained on them."""

from collections.abc import Callable
from typing import Any, ClassVar, Self

import numpy as np

from cnnx import _core, registry
from cnnx.arrays import Float, Label, as_float32, whole_numbers
from cnnx.buffer import Buffer
from cnnx.confusion import confusion_matrix
from cnnx.geometry import number
from cnnx.losses import Loss
from cnnx.losses.targets import ignored_label
from cnnx.warning import warn

__all__ = [
    "BinaryAccuracy",
    "CategoricalAccuracy",
    "FunctionMetric",
    "MeanAbsoluteError",
    "MeanError",
    "MeanSquaredError",
    "Metric",
    "SparseCategoricalAccuracy",
    "confusion_matrix",
    "get",
]


class Metric(registry.Configurable):
    """
    A mean over samples, gathered batch by batch.

    To write a metric that is a mean over samples, implement `total`. For any other keep a state
    over batches: implement `reset_state`, `update_state` and `result`.

    Parameters
    ----------
    name
        Under which it is reported.
    """

    default_name: ClassVar[str]
    whole: ClassVar[bool] = False
    """Whether `total` sees a batch in its own shape, rather than as rows of outputs."""
    sparse: ClassVar[bool] = False
    """Whether targets are labels (samples,) rather than rows as long as the outputs'."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "default_name" not in vars(cls):
            cls.default_name = registry.snake_case(cls.__name__)

    def __init__(self, name: str | None = None) -> None:
        self.name = name or self.default_name
        self.reset_state()

    @property
    def keeps_state(self) -> bool:
        """Whether the figure comes from a state over batches, and is not a mean over samples."""
        cls = type(self)
        return cls.update_state is not Metric.update_state or cls.result is not Metric.result

    def total(self, targets: Any, outputs: Float) -> float:
        """Return the sum over rows of the figure, for targets that fit `outputs` (rows, n)."""
        raise NotImplementedError(f"{type(self).__name__} must implement total")

    def counted(self, targets: Any) -> int:
        """Return over how many rows of targets the figure is the mean."""
        return len(targets)

    def reset_state(self) -> None:
        """Forget all batches."""
        self._sum = 0.0
        self._count = 0

    def update_state(self, y_true: Any, y_pred: Any) -> None:
        """
        Take in one batch.

        Parameters
        ----------
        y_true
            Targets: of the predictions' shape, or labels for a sparse metric.
        y_pred
            Predictions (samples, ..., outputs).

        Raises
        ------
        ValueError
            If the two don't fit.
        """
        given = as_float32(y_pred, f"{self.name}: y_pred")
        if given.shape[-1:] == (0,) and given.ndim > 1:
            raise ValueError(f"{self.name}: y_pred holds no outputs, its shape is {given.shape}")
        outputs = given.reshape(-1, given.shape[-1] if given.ndim > 1 else 1)
        convert = whole_numbers if self.sparse else as_float32
        targets: Label | Float = convert(y_true, f"{self.name}: y_true")
        wanted = given.shape[:-1] if self.sparse else given.shape
        if _without_last_ones(targets.shape) != _without_last_ones(wanted):
            raise ValueError(
                f"{self.name}: y_true of shape {targets.shape} does not fit y_pred of shape "
                f"{given.shape}"
            )
        rows = targets.reshape(-1 if self.sparse else outputs.shape)
        self._sum += self.total(rows, outputs)
        self._count += self.counted(rows)

    def result(self) -> float:
        """Return the mean over all samples taken in; 0 for none."""
        return self._sum / self._count if self._count else 0.0

    def running(self) -> float:
        """Return what is shown while batches are still to come: by default `result`."""
        return self.result()

    def get_state(self) -> dict[str, Any]:
        """
        Return what `BackupAndRestore` keeps of a metric within an epoch.

        By default all attributes that are numbers, texts, None, arrays, or lists, tuples and dicts
        of those; for a state of another kind override it and `set_state`.
        """
        return {name: item for name, item in vars(self).items() if _can_be_kept(item)}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from what `get_state` returned."""
        vars(self).update(state)

    def __call__(self, y_true: Any, y_pred: Any) -> float:
        """Take in one batch as `update_state` does, and return `result`."""
        self.update_state(y_true, y_pred)
        return self.result()

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"name": self.name}


def _can_be_kept(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_can_be_kept, (*value, *value.values())))
    if isinstance(value, (list, tuple)):
        return all(map(_can_be_kept, value))
    plain = (bool, int, float, str, type(None), np.ndarray, np.generic)
    return isinstance(value, plain)


def _without_last_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return `shape` as it is whether single numbers have an axis or not."""
    while shape[-1:] == (1,):
        shape = shape[:-1]
    return shape


class BinaryAccuracy(Metric):
    """
    The share of outputs on the right side of a threshold.

    Parameters
    ----------
    name
        Under which it is reported.
    threshold
        Outputs above it count as 1.
    """

    default_name = "binary_accuracy"

    def __init__(self, name: str | None = None, threshold: float = 0.5) -> None:
        super().__init__(name)
        self.threshold = number(threshold, f"{self.name}: threshold", -np.inf, np.inf)
        self._right = Buffer((), np.bool_)

    def total(self, targets: Float, outputs: Float) -> float:
        """Return the sum over rows of the share of right outputs."""
        right = np.greater(outputs, self.threshold, out=self._right.like(outputs))
        np.equal(right, targets, out=right)
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
    ignore_class
        A label whose samples or pixels do not count; 'accuracy' takes over that of the loss.
    """

    default_name = "sparse_categorical_accuracy"
    sparse = True

    def __init__(self, name: str | None = None, ignore_class: int | None = None) -> None:
        super().__init__(name)
        self.ignore_class = ignored_label(ignore_class, f"{self.name}: ignore_class")
        self._predicted = Buffer((), np.intp)
        self._right = Buffer((), np.bool_)

    @property
    def keeps_state(self) -> bool:
        """Whether batches of one size may hold different numbers of labels that count."""
        return self.ignore_class is not None or super().keeps_state

    def total(self, targets: Label, outputs: Float) -> float:
        """Return the number of right rows."""
        rows = len(outputs)
        predicted = outputs.argmax(1, out=self._predicted.rows(rows))
        right = np.equal(predicted, targets, out=self._right.rows(rows))
        if self.ignore_class is not None:
            right &= targets != self.ignore_class
        return float(np.count_nonzero(right))

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

    def total(self, targets: Any, outputs: Float) -> float:
        """Return the number of right rows."""
        return super().total(targets.argmax(1, out=self._labels.rows(len(targets))), outputs)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"name": self.name}


class MeanError(Metric):
    """The mean over outputs of the core function `errors` of output and target."""

    errors: ClassVar[Callable[[Float, Float, Float], None]]

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name)
        self._losses = Buffer(())

    def total(self, targets: Float, outputs: Float) -> float:
        """Return the sum over rows of the mean error."""
        losses = self._losses.rows(len(outputs))
        type(self).errors(outputs, targets, losses)
        return float(np.add.reduce(losses))


class MeanSquaredError(MeanError):
    """The mean over outputs of (output - target)^2."""

    default_name = "mean_squared_error"
    errors = _core.mean_squared_error_forward


class MeanAbsoluteError(MeanError):
    """The mean over outputs of the size of output - target."""

    default_name = "mean_absolute_error"
    errors = _core.mean_absolute_error_forward


class FunctionMetric(Metric):
    """
    What a function of your own returns for all samples, or the mean of what it returns for each.

    `compile` makes one of a function that it is given.

    Parameters
    ----------
    function
        f(y_true, y_pred): returns a figure for each sample (samples,), or figures (samples, ...),
        whose mean counts; or one number. Such a number is not the mean of those of the batches:
        targets and predictions are kept, and at the end the function sees them all at once.
    name
        By default the function's.

    Notes
    -----
    Of more than `most_bytes`, 1 GiB, parts of this size are judged each by itself, and the mean
    over their samples is reported; a warning says so. During an epoch the mean of the batches so
    far is shown.
    """

    whole = True
    most_bytes: ClassVar[int] = 2**30

    def __init__(self, function: Callable[[Any, Any], Any], name: str | None = None) -> None:
        if not callable(function):
            raise TypeError(f"FunctionMetric: function must be a function, got {function!r}")
        super().__init__(name or getattr(function, "__name__", type(function).__name__))
        self.function = function

    def reset_state(self) -> None:
        """Forget all batches."""
        super().reset_state()
        self._kept: list[tuple[Any, Any]] = []
        self._parts: list[tuple[int, float]] = []

    def update_state(self, y_true: Any, y_pred: Any) -> None:
        """
        Take in one batch.

        Parameters
        ----------
        y_true, y_pred
            What the function is called with: arrays whose first axis is that of the samples.

        Raises
        ------
        ValueError
            If the function returns neither one number nor a figure for each sample.
        """
        targets, outputs = np.asarray(y_true), np.asarray(y_pred)
        found, samples = np.asarray(self.function(targets, outputs)), len(outputs)
        if found.ndim and len(found) != samples:
            raise ValueError(
                f"{self.name} must return a figure for each of the {samples} samples, or one for "
                f"all; it returned shape {found.shape}"
            )
        self._sum += float(np.mean(found)) * samples
        self._count += samples
        if not found.ndim:
            self._keep(targets.copy(), outputs.copy())

    def _keep(self, targets: Any, outputs: Any) -> None:
        size = sum(one.nbytes + other.nbytes for one, other in self._kept)
        if self._kept and size + targets.nbytes + outputs.nbytes > self.most_bytes:
            if not self._parts:
                warn(
                    f"{self.name}: targets and predictions take more than {self.most_bytes:,} "
                    "bytes; it is the mean over parts of this size. A Metric with update_state "
                    "and result keeps less",
                    RuntimeWarning,
                )
            self._parts.append(self._judged())
            self._kept = []
        self._kept.append((targets, outputs))

    def _judged(self) -> tuple[int, float]:
        """Return the number of the samples that are kept, and what the function says of them."""
        targets, outputs = (np.concatenate(arrays) for arrays in zip(*self._kept, strict=True))
        return len(outputs), float(self.function(targets, outputs))

    def running(self) -> float:
        """Return the mean over the samples so far of the batches' figures."""
        return super().result()

    def result(self) -> float:
        """Return the figure of all samples taken in; 0 for none."""
        if not self._kept:
            return self.running()
        parts = [*self._parts, self._judged()]
        return sum(samples * value for samples, value in parts) / self._count

    def get_config(self) -> dict[str, Any]:
        """Return the function's name, and the metric's."""
        return {"function": registry.name_of(self.function), "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Make a metric of a function that is registered, or among the custom objects."""
        return cls(registry.function_of(config["function"]), config["name"])


METRICS: dict[str, type[Metric]] = {
    cls.default_name: cls
    for cls in (
        BinaryAccuracy,
        CategoricalAccuracy,
        MeanAbsoluteError,
        MeanSquaredError,
        SparseCategoricalAccuracy,
    )
}
_ALIASES: dict[str, type[Metric]] = {"mse": MeanSquaredError, "mae": MeanAbsoluteError}


def _accuracy(loss: Loss, outputs: int) -> type[Metric]:
    if loss.sparse:
        return SparseCategoricalAccuracy
    return BinaryAccuracy if outputs == 1 else CategoricalAccuracy


def get(identifier: Any, loss: Loss, outputs: int, owner: str = "metric") -> Metric:
    """
    Return a metric from its name, class, config or itself.

    Parameters
    ----------
    identifier
        'accuracy' or 'acc' mean sparse categorical accuracy for a sparse loss, binary accuracy
        for a single output, and categorical accuracy otherwise.
    loss
        The loss it goes with.
    outputs
        Length of the network's last axis.
    owner
        What errors begin with.

    Raises
    ------
    ValueError
        For an unknown name, and for a metric that reads targets in another form than the loss.
    """
    if registry.is_function(identifier):
        return FunctionMetric(identifier)
    if isinstance(identifier, dict) and identifier.get("class_name") == "FunctionMetric":
        return FunctionMetric.from_config(identifier["config"])
    accuracy = _accuracy(loss, outputs)
    if isinstance(identifier, str) and identifier.lower() in ("accuracy", "acc"):
        ignored = getattr(loss, "ignore_class", None)
        if ignored is not None:
            return SparseCategoricalAccuracy(identifier, ignored)
        return accuracy(identifier)
    table = METRICS | _ALIASES | {"accuracy": accuracy}
    metric = registry.get(owner, identifier, Metric, table)
    if isinstance(identifier, str):
        metric.name = identifier  # "mae" is reported as it was asked for
    if metric.sparse != loss.sparse and not (metric.keeps_state or metric.whole):
        form = "integer labels" if metric.sparse else "targets of the outputs' shape"
        raise ValueError(
            f"{owner} {metric.name} reads {form}, which {loss.name} does not take; use 'accuracy'"
        )
    return metric
