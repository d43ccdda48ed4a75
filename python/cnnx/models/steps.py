"""The steps that `fit` and `evaluate` take: those of a model's objectives, or a user's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from cnnx import distributed
from cnnx.metrics import Metric
from cnnx.metrics.arguments import one_number
from cnnx.models.callback import Logs

if TYPE_CHECKING:
    from cnnx.models.model import Model


class Figures(Protocol):
    """What gathers the figures of batches."""

    def add(self, values: list[float], samples: int) -> None:
        """Take in the figures of a batch."""

    def logs(self) -> Logs:
        """Return the figures so far by name."""

    def result(self) -> Logs:
        """Return the figures of all batches by name."""

    def get_state(self) -> dict[str, Any]:
        """Return what has been taken in."""

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from what `get_state` returned."""


class Steps:
    """
    The steps of training or of evaluation.

    Parameters
    ----------
    model
        With losses.
    kind
        "train" or "test".
    """

    own = False

    def __init__(self, model: Model, kind: str) -> None:
        self._model = model
        self._judges = kind == "test"
        self._operation = "evaluate" if self._judges else "fit"

    @property
    def names(self) -> list[str]:
        """Names of the figures of a batch."""
        return self._model.metrics_names

    def description(self) -> str:
        """Return what has to be the same where training goes on."""
        return f"figures {', '.join(self.names)}"

    def begin(self) -> Figures:
        """Return what gathers the figures of an epoch; metrics that keep a state are reset."""
        return self._model.training_step(self._operation).mean(self._judges)

    def run(self, *arrays: Any, joint: int | None = None) -> list[float]:
        """Take one step on a batch that is checked already; return its figures."""
        model = self._model
        with model.lock:
            step = model.training_step(self._operation).at(arrays)
            return (step.evaluate if self._judges else step.train)(*arrays, joint=joint)

    def metrics(self) -> Sequence[Metric]:
        """Return the metrics of training that keep a state."""
        return self._model.training_step("fit").metrics()


class OwnSteps(Steps):
    """
    Steps that the class of a model defines: `train_step` or `test_step`.

    Each of several ranks takes them with its part of a batch. Their figures are the ranks' means,
    in which each rank counts as often as it has had samples in the epoch.
    """

    own = True

    def __init__(self, model: Model, kind: str) -> None:
        super().__init__(model, kind)
        self._name = f"{type(model).__name__}.{kind}_step"
        self._step: Callable[[Any], Any] = getattr(model, f"{kind}_step")
        self._names: list[str] = []
        self._latest = Latest(model, self._names)
        self._group = distributed.group()
        self._samples = 0

    @property
    def names(self) -> list[str]:
        """Names of the figures of the last batch."""
        return self._names

    def description(self) -> str:
        """Return what has to be the same where training goes on."""
        return f"figures of {self._name}"

    def begin(self) -> Latest:
        """Return what gathers the figures of an epoch, whose first step resets the metrics."""
        self._latest = Latest(self._model, self._names)
        self._samples = 0
        return self._latest

    def run(self, *arrays: Any, joint: int | None = None) -> list[float]:
        """Take one step on arrays with their form behind them; return its figures."""
        if self._group.size > 1 and not (arrays and len(arrays[0])):
            raise ValueError(
                f"{self._operation}: {self._name} needs samples on every rank, but rank "
                f"{self._group.rank} has none of a batch; give all ranks' streams the same number "
                "of batches"
            )
        *parts, form = arrays
        with self._model.lock:
            if self._latest.is_empty:
                self._model.reset_metrics()
            logs = self._step(form.pack(parts))
        self._names[:], values = figures_of(logs, self._name)
        self._samples += len(parts[0])
        return self._joint(values)

    def _joint(self, values: list[float]) -> list[float]:
        """Return the means of all ranks' figures."""
        if self._group.size == 1:
            return values
        *sums, samples = self._group.sum(np.array([*values, 1.0]) * self._samples).tolist()
        return [total / samples for total in sums]

    def metrics(self) -> Sequence[Metric]:
        """Return the model's metrics."""
        return self._model.metrics


def figures_of(logs: Any, name: str) -> tuple[list[str], list[float]]:
    """Return names and numbers of what a step of a user's own returned, the loss first."""
    if not isinstance(logs, dict) or not all(isinstance(key, str) for key in logs) or not logs:
        raise TypeError(
            f"{name} must return a dict of figures by name, such as {{'loss': 0.5}}, got {logs!r}"
        )
    names = sorted(logs, key=lambda key: key != "loss")
    return names, [one_number(logs[key], f"{name}: '{key}'") for key in names]


class Latest:
    """
    The figures that a step of a user's own returned last, with the interface of `Mean`.

    Parameters
    ----------
    model
        Whose step it is.
    names
        Of the figures, as they are when they are asked for.
    """

    def __init__(self, model: Model, names: list[str]) -> None:
        self._model = model
        self._names = names
        self._values: list[float] = []
        self._count = 0

    @property
    def is_empty(self) -> bool:
        """Whether the epoch has no batch yet."""
        return not self._count

    def add(self, values: list[float], samples: int) -> None:
        """Take in the figures of a batch."""
        self._values = values
        self._count += samples

    def logs(self) -> Logs:
        """Return the figures of the last batch by name."""
        return dict(zip(self._names, self._values, strict=True))

    def result(self) -> Logs:
        """Return them; of what a metric of the model shows, the figure of all batches."""
        found = self.logs()
        for name, tracker in self._model.trackers.items():
            if name in found and found[name] == tracker.running():
                found[name] = one_number(tracker.result(), name)
        return found

    def get_state(self) -> dict[str, Any]:
        """Return what has been taken in."""
        return {"names": [*self._names], "values": [*self._values], "count": self._count}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from what `get_state` returned."""
        self._names[:], self._values = state["names"], state["values"]
        self._count = state["count"]


def steps_of(model: Model, kind: str) -> Steps:
    """Return the steps of "train" or "test"."""
    return (OwnSteps if f"{kind}_step" in model.own_steps else Steps)(model, kind)
