"""One call of `fit`."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from cnnx import distributed, registry
from cnnx.geometry import integer
from cnnx.models.callback import Callback, Callbacks, Logs
from cnnx.models.consent import begin_together, draw_together, go_on_together, stop_together
from cnnx.models.generators import Generators
from cnnx.models.objective import serialize_losses
from cnnx.models.state_form import check_form
from cnnx.models.steps import steps_of
from cnnx.models.suitability import check_pixels
from cnnx.progress import Progress, write_line
from cnnx.warning import warn

if TYPE_CHECKING:
    from cnnx.models.data_sets import Data
    from cnnx.models.model import Model


class Training:
    """
    The loop over epochs and batches, which can be put down and taken up again.

    Parameters
    ----------
    model
        Compiled and built.
    batches
        What to train on.
    judging
        What to judge the network by after each epoch; None for nothing.
    callbacks
        Called at their points.
    epochs
        Numbers of the epochs.
    verbose
        As for `fit`.
    frequency
        Which epochs are followed by judging: `check_frequency`.

    Attributes
    ----------
    model
        What is trained.
    epoch, step
        The present epoch, and how many of its batches are done.
    """

    def __init__(
        self,
        model: Model,
        batches: Data,
        judging: Data | None,
        callbacks: Callbacks,
        epochs: range,
        verbose: int,
        frequency: int | frozenset[int] = 1,
    ) -> None:
        callbacks.begin(model, epochs=epochs.stop, steps=batches.steps, verbose=verbose)
        for callback in callbacks:
            callback.training = self
        self._callbacks = callbacks
        self._group = distributed.group()
        self.model = model
        self._batches = batches
        self._judging = judging
        self._last = epochs.stop
        self._verbose = verbose
        self._frequency = frequency
        self._finite = True
        self._values: list[float] = []
        self._logs: Logs = {}
        self._steps = steps_of(model, "train")
        self._mean = self._steps.begin()
        self._generators = Generators(model, self._data())
        self._random_at_begin: dict[str, Any] = {}
        # A stream may shrink: unreadable files are dropped.
        self._extent = {"samples": batches.samples, "batches": batches.steps}
        self.epoch = epochs.start
        self.step = 0

    def run(self) -> None:
        """Train until the last epoch, or until a callback sets `model.stop_training`."""
        if self._group.size > 1:
            begin_together(self._group, self)
            self._mean = self._steps.begin()  # the step is another one now
        try:
            self._callbacks.notify("on_train_begin", {})
            while self.epoch < self._last and not self.model.stop_training:
                if not self.step:
                    self._callbacks.notify("on_epoch_begin", self.epoch, {})
                self._run_epoch()
            self.model.take_average()
            self._callbacks.notify("on_train_end", self._logs)
        finally:
            for callback in self._callbacks:  # which may outlive the data
                vars(callback).pop("training", None)

    def _run_epoch(self) -> None:
        epoch = self.epoch
        title = f"Epoch {epoch + 1}/{self._last}"
        with Progress(title, self._batches.samples, self._verbose) as progress:
            self._train(progress)
            logs = self._mean.result()
            seconds = progress.seconds
            if self._judging is not None and self.validates(epoch):
                judged = self.model.judge(self._judging, callbacks=self._callbacks)
                logs |= {f"val_{name}": value for name, value in judged.items()}
        if self._verbose:
            write_line(f"{title}  {progress.summary(logs, seconds)}")
        self.epoch, self.step, self._mean = epoch + 1, 0, self._steps.begin()
        self._logs = logs
        self._callbacks.notify("on_epoch_end", epoch, logs)
        if self._group.size > 1:
            go_on_together(self._group, self)

    def _train(self, progress: Progress) -> None:
        """Train on what is left of the epoch."""
        model, mean = self.model, self._mean
        notify = self._callbacks.around_batches("train")
        begins = not (self._steps.own or model.compiled_optimizer.iterations)
        for arrays in self._remaining():
            if begins and arrays:
                check_pixels(model.flat_graph, arrays[: len(model.graph.inputs)])
                begins = False
            if notify is not None:
                notify("on_train_batch_begin", self.step, {})
            samples = self._batches.joint
            self._values = values = self._steps.run(*arrays, joint=samples)
            if self._finite and not math.isfinite(values[0]) and self._steps.names[0] == "loss":
                self._warn(values[0])
            mean.add(values, samples)
            progress.advance(samples, mean.logs)
            self.step += 1
            if notify is not None:
                notify("on_train_batch_end", self.step - 1, mean.logs())
                if self._group.size > 1:
                    stop_together(self._group, self)
            if model.stop_training:
                break

    def validates(self, epoch: int) -> bool:
        """Return whether an epoch, counted from 0, is followed by validation if there is any."""
        if isinstance(self._frequency, int):
            return (epoch + 1) % self._frequency == 0
        return epoch + 1 in self._frequency

    def reports(self, name: str) -> bool:
        """Return whether the logs of an epoch may hold a figure; callbacks of users add others."""
        figures = self._steps.names
        if self._steps.own or (name.startswith("val_") and "test_step" in self.model.own_steps):
            return True
        if name.startswith("val_") and name.removeprefix("val_") in figures:
            return self._judging is not None
        added: list[str] = []
        for callback in self._callbacks:
            if callback.reports is None or registry.is_own(type(callback)):
                return True
            added += callback.reports
        return name in figures or name in added

    @property
    def batch_logs(self) -> Logs:
        """Figures of the last batch alone, before its step."""
        return dict(zip(self._steps.names, self._values, strict=True))

    def _remaining(self) -> Iterator[list[Any]]:
        """Return the epoch's batches that are not done, in the order that it began with."""
        if not self.step:
            if self._group.size > 1:
                self._generators.set_state(draw_together(self._group, self._generators.get_state()))
            self._random_at_begin = self._generators.get_state()
            return iter(self._batches)
        now = self._generators.get_state()
        self._generators.set_state(self._random_at_begin)
        batches = iter(self._batches)
        for _ in itertools.islice(batches, self.step):
            pass
        self._generators.set_state(now)
        return batches

    # Put down and taken up again.

    def get_state(self) -> dict[str, Any]:
        """Return where training stands: nested dicts and lists of numbers, texts and arrays."""
        model = self.model
        optimizer = model.compiled_optimizer
        with model.lock:
            return {
                "model": self.description(),
                "data": self._extent,
                "ranks": self._group.size,
                "weights": model.weights_by_path(),
                "optimizer": optimizer.get_state(),
                "learning_rate": optimizer.get_config()["learning_rate"],
                "epoch": self.epoch,
                "step": self.step,
                "stop_training": model.stop_training,
                "mean": self._mean.get_state(),
                "metrics": [metric.get_state() for metric in self._steps.metrics()],
                "random": self._generators.get_state(),
                "random_at_begin": self._random_at_begin,
                "callbacks": {
                    name: callback.get_state() for name, callback in self._stateful().items()
                },
            }

    def check_state(self, state: dict[str, Any]) -> None:
        """Raise ValueError, or what else a damaged state leads to, unless `state` fits."""
        for there, here in itertools.zip_longest(state["model"], self.description()):
            if there != here:
                raise ValueError(f"it is of another model: it has {there}, this one {here}")
        if state["data"] != self._extent and not self._is_of_other_ranks(state):
            raise ValueError(
                f"it is of other data: {state['data']}, but fit was given {self._extent}"
            )
        here = self.get_state()
        check_form(state["mean"], here["mean"], "mean")
        for name in ("global", "layers"):
            check_form(state["random"][name], here["random"][name], f"random, {name}")
        for name, callback in self._stateful().items():
            kept = here["callbacks"][name]
            found = state["callbacks"].get(name, kept)
            if found.keys() != kept.keys() and not registry.is_own(type(callback)):
                raise ValueError(f"the state of {name} holds {', '.join(found)}")
        for name in ("stop_training", "random_at_begin", "metrics"):
            if type(state[name]) is not type(here[name]):
                raise ValueError(f"{name} is {state[name]!r}"[:200])
        model = self.model
        model.check_weights(list(state["weights"].values()))
        model.check_optimizer_state(state["optimizer"])
        integer(state["mean"]["count"], "the count of samples", minimum=0, limit=2**63)
        integer(state["epoch"], "the epoch", minimum=0)
        step = self._step_of(state)
        integer(step, "the step", minimum=0, limit=(self._batches.steps or 2**31) + 1)

    def _is_of_other_ranks(self, state: dict[str, Any]) -> bool:
        """
        Return whether `state` is of the same data in batches of another number of ranks.

        Raises
        ------
        ValueError
            If no batch ends here where it stands within an epoch.
        """
        here, there = self._extent["samples"], state["data"]["samples"]
        if state.get("ranks", 1) == self._group.size or here != there:
            return False
        samples = state["mean"]["count"] if state["step"] else 0
        if samples != min(self._step_of(state) * self._batches.most, here or 0):
            raise ValueError(
                f"it was made by {state['ranks']} ranks, {samples} samples into an epoch, where no "
                f"batch of {self._batches.most} ends; take another number of ranks or batch_size, "
                "so that ranks x batch_size is what it was, or divides that number"
            )
        return True

    def _step_of(self, state: dict[str, Any]) -> int:
        """Return how many batches of this training have the samples that `state` has seen."""
        step: int = state["step"]
        if not step or state["data"] == self._extent:
            return step
        return -(-int(state["mean"]["count"]) // max(self._batches.most, 1))

    def set_state(self, state: dict[str, Any]) -> None:
        """
        Go on from where training stood when `get_state` returned `state`, in any process.

        If that raises an error, training stands where it stood before.
        """
        before = self.get_state()
        try:
            self._set_state(state)
        except BaseException:
            self._set_state(before)
            raise

    def _set_state(self, state: dict[str, Any]) -> None:
        if state["step"]:
            # Before the rest, which undoes what it changes: it has run in this epoch already.
            self._callbacks.notify("on_epoch_begin", state["epoch"], {})
        model = self.model
        optimizer = model.compiled_optimizer
        with model.lock:
            model.set_weights(list(state["weights"].values()))
            model.set_optimizer_state(state["optimizer"])
            if not isinstance(state["learning_rate"], dict):  # a schedule is the script's own
                optimizer.learning_rate = state["learning_rate"]
        self.epoch, self.step = state["epoch"], self._step_of(state)
        model.stop_training = state["stop_training"]
        self._mean = self._steps.begin()  # the step is another one now
        self._mean.set_state(state["mean"])
        for metric, kept in zip(self._steps.metrics(), state["metrics"], strict=True):
            metric.set_state(kept)
        self._generators.set_state(state["random"])
        self._random_at_begin = state["random_at_begin"]
        for name, callback in self._stateful().items():
            if name in state["callbacks"]:
                callback.set_state(state["callbacks"][name])

    def settings(self) -> list[str]:
        """Return the settings of `fit` and the data, line by line, as all ranks have them."""
        return [
            f"epochs {self.epoch} to {self._last}",
            *(line for data in self._data() for line in data.description()),
            f"{len(self._data())} data sets",
            f"callbacks for all ranks: {[type(c).__name__ for c in self._callbacks if c.joint]}",
        ]

    def description(self) -> list[str]:
        """Return what has to be the same, line by line; automatic names may differ."""
        model = self.model
        optimizer = model.compiled_optimizer
        config = optimizer.get_config()
        del config["learning_rate"]
        return [
            *(f"input {value.shape[1:]}" for value in model.graph.inputs),
            *(_line(layer, layer.get_config() | {"name": ""}) for layer in model.leaves()),
            f"connections {model.connections()}",
            _line(optimizer, config),
            f"loss {serialize_losses(model.loss)}",
            self._steps.description(),
        ]

    def _stateful(self) -> dict[str, Callback]:
        """Return the callbacks by class name and number: EarlyStopping 0, ...."""
        counts: Counter[str] = Counter()
        named = {}
        for callback in self._callbacks:
            name = type(callback).__name__
            named[f"{name} {counts[name]}"] = callback
            counts[name] += 1
        return named

    def _data(self) -> list[Data]:
        return [data for data in (self._batches, self._judging) if data is not None]

    def _warn(self, loss: float) -> None:
        self._finite = False
        warn(
            f"fit: the loss is {loss} in epoch {self.epoch + 1}, batch {self.step + 1}; "
            "lower the learning rate, or look for NaN in the data",
            RuntimeWarning,
        )


def check_frequency(value: Any) -> int | frozenset[int]:
    """Return `validation_freq` as a number of epochs, or their numbers; raises TypeError."""
    name = "fit: validation_freq"
    if isinstance(value, (list, tuple, set, frozenset, range)):
        return frozenset(integer(epoch, name) for epoch in value)
    return integer(value, name)


def _line(item: Any, config: dict[str, Any]) -> str:
    return f"{type(item).__name__}{config}"
