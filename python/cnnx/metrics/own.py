"""Metrics made of functions of the user's."""

from collections.abc import Callable
from typing import Any, ClassVar, Self

import numpy as np

from cnnx import registry
from cnnx.metrics.arguments import weights_like
from cnnx.metrics.metric import Metric
from cnnx.warning import warn


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

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """
        Take in one batch.

        Parameters
        ----------
        y_true, y_pred
            What the function is called with: arrays whose first axis is that of the samples.
        sample_weight
            What the figures of samples count.

        Raises
        ------
        ValueError
            If the function returns neither one number nor a figure for each sample, or one number
            and there are weights.
        """
        targets, outputs = np.asarray(y_true), np.asarray(y_pred)
        found, samples = np.asarray(self.function(targets, outputs)), len(outputs)
        if found.ndim and len(found) != samples:
            raise ValueError(
                f"{self.name} must return a figure for each of the {samples} samples, or one for "
                f"all; it returned shape {found.shape}"
            )
        if sample_weight is not None:
            if not found.ndim:
                raise ValueError(
                    f"{self.name} returns one number for all samples, which cannot be weighted; "
                    "return a figure for each sample"
                )
            of_samples = found.reshape(samples, -1).mean(axis=1)
            weights = weights_like(sample_weight, found.shape, self.name)
            self._add_weighted(of_samples, weights.reshape(samples, -1).mean(axis=1))
            return
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
        return float(super().result())

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
