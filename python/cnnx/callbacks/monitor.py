"""A figure that a callback watches."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from cnnx.geometry import number
from cnnx.models.callback import Logs

if TYPE_CHECKING:
    from cnnx.models.training import Training

RISING = (
    "acc",
    "auc",
    "f1",
    "fbeta",
    "precision",
    "recall",
    "sensitivity",
    "specificity",
    "true_positives",
    "true_negatives",
    "iou",
    "dice",
    "r2",
    "correlation",
    "cosine_similarity",
    "psnr",
    "ssim",
)
"""Parts of the names of figures that are the better the larger they are."""


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
        'min', 'max', or 'auto': 'max' for names that hold one of `RISING`, 'min' for others.
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
        rises = mode == "max" or (mode == "auto" and any(part in name.lower() for part in RISING))
        self._sign = -1.0 if rises else 1.0
        self.best = baseline

    def begin(self, training: Training) -> None:
        """Forget earlier training; raises as `require`."""
        self.require(training)
        self.best = self._baseline

    def require(self, training: Training) -> None:
        """Raise ValueError if no epoch will report the figure."""
        if not training.reports(self.name):
            raise self._missing(training.model.metrics_names)

    def waits(self, training: Training, epoch: int, logs: Logs | None) -> bool:
        """Return whether the figure is one of validation, which this epoch goes without."""
        absent = self.name.startswith("val_") and self.name not in (logs or {})
        return absent and not training.validates(epoch)

    def value(self, logs: Logs | None) -> float:
        """Return the figure; raises ValueError if `fit` does not report it here."""
        figures = logs or {}
        if self.name not in figures:
            raise self._missing(figures)
        return figures[self.name]

    def _missing(self, figures: Iterable[str]) -> ValueError:
        return ValueError(
            f"{self._owner}: monitor '{self.name}' is not among {', '.join(figures)}; the val_ "
            "ones are there after each epoch, if fit is given validation data"
        )

    def is_better(self, value: float, other: float | None) -> bool:
        """Return whether a value is better than another by more than `min_delta`."""
        least = float("inf") if other is None else self._sign * other
        return self._sign * value < least - self._min_delta

    def improved(self, logs: Logs | None) -> bool:
        """Return whether the figure is better than the best before, which it then becomes."""
        value = self.value(logs)
        better = self.is_better(value, self.best)
        if better:
            self.best = value
        return better
