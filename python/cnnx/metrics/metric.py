"""What every metric is."""

from collections.abc import Sequence
from copy import copy
from typing import Any, ClassVar

import numpy as np

from cnnx import registry
from cnnx.arrays import Double, Float, Label, as_float32, whole_numbers
from cnnx.metrics.arguments import check_fits, weights_like


class Metric(registry.Configurable):
    """
    A mean over samples, gathered batch by batch.

    To write a metric that is a mean over samples, implement `total`; or `values`, which knows
    sample weights too. For any other keep a state over batches: implement `reset_state`,
    `update_state` and `result`. If the state is sums over samples, say so in `sums`: several ranks
    then exchange these, and not all samples.

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

    sums: ClassVar[tuple[str, ...]] = ("_sum", "_count")
    """
    Entries of `get_state`, numbers or arrays, that are sums over samples, None for no samples; all
    that the state is. A class that overrides `reset_state` or `update_state` names its own.
    """

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

    def values(self, targets: Any, outputs: Float) -> Any:
        """Return the figure of each row, for targets that fit `outputs` (rows, n)."""
        raise NotImplementedError(f"{type(self).__name__} must implement total")

    def total(self, targets: Any, outputs: Float) -> float:
        """Return the sum over rows of the figure, for targets that fit `outputs` (rows, n)."""
        return float(np.sum(self.values(targets, outputs), dtype=np.float64))

    def counted(self, targets: Any) -> int:
        """Return over how many rows of targets the figure is the mean."""
        return len(targets)

    def counts(self, targets: Any) -> Any:
        """Return for each row whether it counts, or 1 where all do."""
        return 1

    def reset_state(self) -> None:
        """Forget all batches."""
        self._sum = 0.0
        self._count = 0.0

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """
        Take in one batch.

        Parameters
        ----------
        y_true
            Targets: of the predictions' shape, or labels for a sparse metric.
        y_pred
            Predictions (samples, ..., outputs).
        sample_weight
            What they count: a number for each sample, or for each row of outputs.

        Raises
        ------
        ValueError
            If they don't fit.
        """
        rows, outputs, shape = self.rows(y_true, y_pred)
        if sample_weight is None:
            self._sum += self.total(rows, outputs)
            self._count += self.counted(rows)
        else:
            weights = weights_like(sample_weight, shape, self.name).reshape(-1)
            self._add_weighted(self.values(rows, outputs), weights * self.counts(rows))

    def rows(self, y_true: Any, y_pred: Any) -> tuple[Any, Float, tuple[int, ...]]:
        """Return checked targets and outputs as rows, and the rows' own shape (samples, ...)."""
        given = as_float32(y_pred, f"{self.name}: y_pred")
        if given.shape[-1:] == (0,) and given.ndim > 1:
            raise ValueError(f"{self.name}: y_pred holds no outputs, its shape is {given.shape}")
        outputs = given.reshape(-1, given.shape[-1] if given.ndim > 1 else 1)
        convert = whole_numbers if self.sparse else as_float32
        targets: Label | Float = convert(y_true, f"{self.name}: y_true")
        wanted = given.shape[:-1] if self.sparse else given.shape
        check_fits(targets.shape, wanted, given.shape, self.name)
        rows = targets.reshape(-1 if self.sparse else outputs.shape)
        return rows, outputs, given.shape[:-1] if given.ndim > 1 else given.shape

    def _add_weighted(self, values: Any, weights: Double) -> None:
        found = np.where(weights == 0, 0, values)  # be the figure infinite or NaN
        self._sum += float(found @ weights)
        self._count += float(weights.sum())

    def take_in(self, mean: float, count: float) -> None:
        """Take in the mean over so many samples."""
        self._sum += mean * count
        self._count += count

    def result(self) -> Any:
        """Return the mean over all samples taken in; 0 for none."""
        return self._sum / self._count if self._count else 0.0

    def running(self) -> Any:
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

    @property
    def adds_up(self) -> bool:
        """Whether the states of parts of the data, added up, are the state of all of it."""
        for cls in type(self).__mro__:
            if "sums" in vars(cls):
                return bool(self.sums)
            if "update_state" in vars(cls) or "reset_state" in vars(cls):
                break
        return False

    def sums_of(self, y_true: Any, y_pred: Any, *weights: Any) -> dict[str, Any] | None:
        """Return the `sums` of a batch by itself; None if it has no samples."""
        if not len(y_pred):
            return None
        part = copy(self)
        part.reset_state()
        part.update_state(y_true, y_pred, *weights)
        state = part.get_state()
        return {name: state[name] for name in self.sums}

    def add_sums(self, parts: Sequence[dict[str, Any] | None]) -> None:
        """Take in what `sums_of` returned for parts of the data."""
        state = self.get_state()
        for part in parts:
            for name, value in (part or {}).items():
                state[name] = value if state[name] is None else state[name] + value
        self.set_state(state)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Take in one batch as `update_state` does, and return `result`."""
        if sample_weight is None:
            self.update_state(y_true, y_pred)
        else:
            self.update_state(y_true, y_pred, sample_weight)
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
