"""Means and sums of plain numbers, and of functions."""

from collections.abc import Callable
from typing import Any, Self

import numpy as np

from cnnx import losses, registry
from cnnx.arrays import as_float32
from cnnx.metrics.arguments import weights_like
from cnnx.metrics.metric import Metric


class Mean(Metric):
    """The mean of numbers, each times its weight: `update_state(values, sample_weight)`."""

    sums = Metric.sums

    def update_state(  # type: ignore[override]
        self, values: Any, sample_weight: Any = None
    ) -> None:
        """
        Take in numbers.

        Parameters
        ----------
        values
            Array of any shape, or one number.
        sample_weight
            What they count: one number, or numbers along the first axes of `values`.
        """
        found = np.asarray(as_float32(values, f"{self.name}: values"), np.float64)
        weights = weights_like(sample_weight, found.shape, self.name)
        self._add_weighted(found.reshape(-1), weights.reshape(-1))

    def __call__(  # type: ignore[override]
        self, values: Any, sample_weight: Any = None
    ) -> Any:
        """Take in numbers as `update_state` does, and return `result`."""
        self.update_state(values, sample_weight)
        return self.result()


class Sum(Mean):
    """The sum of numbers, each times its weight: `update_state(values, sample_weight)`."""

    def result(self) -> float:
        """Return the sum."""
        return self._sum


class MeanMetricWrapper(Metric):
    """
    The mean of what a function says of each sample.

    Parameters
    ----------
    fn
        f(y_true, y_pred, **kwargs): returns a figure for each sample, or for each row of outputs.
    name
        By default the function's.
    **kwargs
        Further arguments of the function.
    """

    sums = Metric.sums

    whole = True

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Return an object; unlike those of other classes, it takes arguments of any name."""
        return super().__new__(cls)

    def __init__(
        self, fn: Callable[..., Any], name: str | None = None, dtype: Any = None, **kwargs: Any
    ) -> None:
        if not callable(fn):
            raise TypeError(f"MeanMetricWrapper: fn must be a function, got {fn!r}")
        super().__init__(name or getattr(fn, "__name__", type(fn).__name__))
        self.fn = fn
        self.arguments = kwargs

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in one batch; as for `Metric`."""
        found = np.asarray(self.fn(y_true, y_pred, **self.arguments), np.float64)
        weights = weights_like(sample_weight, found.shape, self.name)
        self._add_weighted(found.reshape(-1), weights.reshape(-1))

    def get_config(self) -> dict[str, Any]:
        """Return the function's name, its arguments, and the metric's name."""
        return {"fn": registry.name_of(self.fn), "name": self.name, **self.arguments}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Make a metric of a function of ours, or of one that is registered."""
        settings = dict(config)
        name = settings.pop("fn")
        ours = getattr(losses, name, None) if isinstance(name, str) else None
        return cls(ours or registry.function_of(name), **settings)
