"""The figures of an epoch."""

from collections.abc import Sequence
from typing import Any

from cnnx.metrics import Metric
from cnnx.models.callback import Logs


class Mean:
    """
    The mean over samples of a list of figures.

    Parameters
    ----------
    names
        Of the figures.
    metrics
        Of the last figures: those that keep a state over batches, and None for means over samples.
    """

    def __init__(self, names: list[str], metrics: Sequence[Metric | None] = ()) -> None:
        self._names = names
        first = len(names) - len(metrics)
        self._metrics = {first + i: metric for i, metric in enumerate(metrics) if metric}
        self._last: list[float] = []
        self._sums = [0.0] * len(names)
        self._count = 0

    def add(self, values: list[float], samples: int) -> None:
        """Take in the means over `samples` samples."""
        sums = self._sums
        for index, value in enumerate(values):
            sums[index] += value * samples
        self._count += samples
        if self._metrics:
            self._last = values

    def logs(self) -> Logs:
        """Return the figures so far by name."""
        sums = zip(self._names, self._sums, strict=True)
        means = {name: total / self._count for name, total in sums}
        for index in self._metrics:
            means[self._names[index]] = self._last[index]
        return means

    def result(self) -> Logs:
        """Return the figures of all batches by name."""
        found = self.logs()
        for index, metric in self._metrics.items():
            found[self._names[index]] = float(metric.result())
        return found

    def get_state(self) -> dict[str, Any]:
        """Return what has been taken in."""
        return {"sums": self._sums.copy(), "count": self._count, "last": self._last.copy()}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from what `get_state` returned."""
        self._sums, self._count, self._last = state["sums"], state["count"], state["last"]
