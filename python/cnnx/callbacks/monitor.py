"""A figure that a callback watches."""

from cnnx.geometry import number
from cnnx.models.callback import Logs


class Monitor:
    """
    The best value of a figure so far.

    Parameters
    ----------
    owner
        What errors begin with.
    name
        Of the figure: 'val_loss', 'val_accuracy', ....
    mode
        'min', 'max', or 'auto': 'max' for names that hold 'acc', 'min' for others.
    min_delta
        Smallest change that counts as an improvement.
    baseline
        Value that has to be improved on; None for the first one seen.

    Attributes
    ----------
    best
        The best value, or the baseline; None before there is one.
    """

    def __init__(
        self,
        owner: str,
        name: str,
        mode: str,
        min_delta: float = 0.0,
        baseline: float | None = None,
    ) -> None:
        if mode not in ("auto", "min", "max"):
            raise ValueError(f"{owner}: mode must be 'auto', 'min' or 'max', got {mode!r}")
        self.name = name
        self._owner = owner
        self._min_delta = number(min_delta, f"{owner}: min_delta", 0, float("inf"))
        self._baseline = baseline
        # Compared with this sign, smaller is always better.
        self._sign = -1.0 if mode == "max" or (mode == "auto" and "acc" in name) else 1.0
        self.reset()

    def reset(self) -> None:
        """Forget earlier training."""
        self.best = self._baseline

    def value(self, logs: Logs | None) -> float:
        """Return the figure; raises ValueError if `fit` does not report it here."""
        figures = logs or {}
        if self.name not in figures:
            raise ValueError(
                f"{self._owner}: monitor '{self.name}' is not among {', '.join(figures)}; the val_ "
                "ones are there after each epoch, if fit is given validation data"
            )
        return figures[self.name]

    def improved(self, logs: Logs | None) -> bool:
        """Return whether the figure is better than the best before, which it then becomes."""
        value = self.value(logs)
        best = float("inf") if self.best is None else self._sign * self.best
        better = self._sign * value < best - self._min_delta
        if better:
            self.best = value
        return better
