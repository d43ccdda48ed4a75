"""The figures of an epoch."""

from collections.abc import Sequence
from typing import Any

from cnnx.models.callback import Logs


class Mean:
    """
    The mean over samples of a list of figures.

    Parameters
    ----------
    names
        Of the figures.
    running
        Which of them cover all batches so far, each time; the last value is then the result.
    """

    def __init__(self, names: list[str], running: Sequence[bool] = ()) -> None:
        self._names = names
        self._running = [index for index, is_so in enumerate(running) if is_so]
        self._last: list[float] = []
        self._sums = [0.0] * len(names)
        self._count = 0

    def add(self, values: list[float], samples: int) -> None:
        """Take in the means over `samples` samples."""
        sums = self._sums
        for index, value in enumerate(values):
            sums[index] += value * samples
        self._count += samples
        if self._running:
            self._last = values

    def logs(self) -> Logs:
        """Return the means by name."""
        sums = zip(self._names, self._sums, strict=True)
        means = {name: total / self._count for name, total in sums}
        for index in self._running:
            means[self._names[index]] = self._last[index]
        return means

    def get_state(self) -> dict[str, Any]:
        """Return what has been taken in."""
        return {"sums": self._sums.copy(), "count": self._count, "last": self._last.copy()}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from what `get_state` returned."""
        self._sums, self._count, self._last = state["sums"], state["count"], state["last"]
