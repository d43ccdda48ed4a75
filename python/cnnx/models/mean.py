"""The figures of an epoch."""

from typing import Any

from cnnx.models.callback import Logs


class Mean:
    """
    The mean over samples of a list of figures.

    Parameters
    ----------
    names
        Of the figures.
    """

    def __init__(self, names: list[str]) -> None:
        self._names = names
        self._sums = [0.0] * len(names)
        self._count = 0

    def add(self, values: list[float], samples: int) -> None:
        """Take in the means over `samples` samples."""
        sums = self._sums
        for index, value in enumerate(values):
            sums[index] += value * samples
        self._count += samples

    def logs(self) -> Logs:
        """Return the means by name."""
        sums = zip(self._names, self._sums, strict=True)
        return {name: total / self._count for name, total in sums}

    def get_state(self) -> dict[str, Any]:
        """Return what has been taken in."""
        return {"sums": self._sums.copy(), "count": self._count}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from what `get_state` returned."""
        self._sums, self._count = state["sums"], state["count"]
