"""Networks that train, judge and predict."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import cnnx.models.data_sets as data_sets
from cnnx import distributed, registry
from cnnx.arrays import Float
from cnnx.geometry import integer, number
from cnnx.models.argument_names import named
from cnnx.models.callback import Callback, Callbacks, History, Logs
from cnnx.models.data_form import gathered
from cnnx.models.own_data import own_arrays
from cnnx.models.stepped_network import SteppedNetwork
from cnnx.models.steps import OwnSteps, steps_of
from cnnx.models.summary import html_summary
from cnnx.models.training import Training, check_frequency
from cnnx.models.weighting import check_class_weight
from cnnx.progress import check_verbose, quiet_progress, write_line
from cnnx.saving import save_model

_DEFAULT_BATCH_SIZE = 32


class Model(SteppedNetwork):
    """
    A network: layers between inputs and outputs.

    Several threads may use one model at once: each step of training runs alone, predictions run
    side by side. A model is also a layer: call it on values, or put it into another model. A class
    of your own may override `train_step`, `test_step` and `predict_step`.

    Parameters
    ----------
    inputs
        What `cnnx.Input` returned: a value, a list of values, or a dict of them by name.
    outputs
        What layers called on them returned, in the same forms.
    name
        By default the class name and a number: model, model_1, ....

    Raises
    ------
    ValueError
        If an output depends on an input that is not given, or two layers bear one name.

    Examples
    --------
    >>> x = cnnx.Input((28, 28, 1))
    >>> y = cnnx.layers.Conv2D(8, 3, activation="relu")(x)
    >>> y = cnnx.layers.Dense(10, activation="softmax")(cnnx.layers.Flatten()(y))
    >>> model = cnnx.Model(x, y)
    """

    history: History | None = None
    stop_training = False

    def _repr_html_(self) -> str:
        """Return what a notebook shows: a table of the layers and, if it is built, a drawing."""
        table = html_summary(self)
        if not self.built:
            return table
        from cnnx.drawing import plot_model  # its package imports this module

        drawing = plot_model(self, to_file=None, show_layer_names=False)
        return f'{table}<div style="overflow: auto">{drawing}</div>'

    def save(self, filepath: str | Path, overwrite: bool = True) -> None:
        """Save architecture, weights and training state as one file: `cnnx.saving.save_model`."""
        save_model(self, filepath, overwrite)

    # Whole data sets.

    @named
    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Sequence[Callback] | Callback | None = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | Collection[int] = 1,
    ) -> History:
        """
        Train on a data set.

        Parameters
        ----------
        x
            Samples (samples, ...) of any real dtype and layout; they stay as they are in memory. Of
            several inputs a list, or a dict by their names.
            Or a stream of batches (x, y) or (x, y, sample_weight): an object that yields them again
            each time it is iterated, such as a `cnnx.data.ImageStream` or a PyTorch DataLoader; a
            set of them, x[0], x[1], ... with a length, such as Keras' PyDataset; or a generator.
            Then `y`, `batch_size` and `shuffle` have no meaning.
        y
            Targets (samples, ...), or labels for the sparse loss. Of several outputs a list, or a
            dict by their names.
        batch_size
            Samples a step; 32 by default.
        epochs
            Number of the last epoch: with `initial_epoch` 0, of passes over the data.
        verbose
            0 shows nothing, 1 or 'auto' a bar on a terminal and a line an epoch, 2 only the lines.
        callbacks
            `cnnx.callbacks.Callback` objects. A `History` among them is used and returned:
            `History(per_batch=True)` notes the figures of every batch too.
        validation_split
            Share in [0, 1) of the samples, taken from the end before any shuffling, to judge the
            network by after each epoch instead of training on them.
        validation_data
            (x, y), (x, y, sample_weight) or a stream to judge the network by; takes precedence
            over the split.
        shuffle
            Whether each epoch takes the samples in a new random order.
        class_weight
            Multiplier of a training sample's loss, by its class; 1 for classes left out.
        sample_weight
            Multiplier of each sample's loss, shape (samples,), or of each pixel's for an output of
            images, shape (samples, height, width). Metrics ignore weights.
        initial_epoch
            Number of epochs done before.
        steps_per_epoch, validation_steps
            Batches of an epoch, and of the data to judge the network by; by default all that there
            are. An epoch of training then goes on where the one before ended, and through as many
            passes over the data as it takes; a generator may be endless. Of arrays the first
            `validation_steps` batches are taken each time.
        validation_batch_size
            Samples a batch of validation; by default as of training.
        validation_freq
            Every so many epochs are followed by validation; or the numbers of those epochs, the
            first being 1. The figures of validation are as many.

        Returns
        -------
        A History: its `history` holds the figures of each epoch. Those of training are means over
        the epoch's samples, taken before each step.

        Raises
        ------
        ValueError, TypeError
            For data that don't fit the network or each other.

        Warns
        -----
        RuntimeWarning
            Once, when the loss is no longer finite; training goes on.
        """
        verbose = check_verbose(verbose, "fit")
        size = _batch_size(batch_size, "fit")
        last = integer(epochs, "fit: epochs", minimum=0)
        first = integer(initial_epoch, "fit: initial_epoch", minimum=0)
        split = number(validation_split, "fit: validation_split", 0, 1)
        classes = check_class_weight(class_weight, "fit")
        batches, judging = data_sets.to_fit(
            self,
            (x, y, sample_weight),
            classes,
            split,
            validation_data,
            size,
            shuffle,
            (
                data_sets.check_steps(steps_per_epoch, "fit: steps_per_epoch"),
                data_sets.check_steps(validation_steps, "fit: validation_steps"),
            ),
            size
            if validation_batch_size is None
            else integer(validation_batch_size, "fit: validation_batch_size"),
        )
        frequency = check_frequency(validation_freq)
        own = list(Callbacks(callbacks, "fit"))
        history = next((item for item in own if isinstance(item, History)), None) or History()
        others = [item for item in own if item is not history]  # they may add to the logs
        self.history = history
        self.stop_training = False
        ordered = Callbacks([*others, history], "fit")
        Training(self, batches, judging, ordered, range(first, last), verbose, frequency).run()
        self.history = history  # a callback may have called fit
        return history

    @named
    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        return_dict: bool = False,
        steps: int | None = None,
        callbacks: Sequence[Callback] | Callback | None = None,
    ) -> Any:
        """
        Return the loss and metrics over a data set.

        Parameters
        ----------
        x, y, batch_size, sample_weight
            As for `fit`.
        verbose
            0 shows nothing, otherwise the figures are printed, and a bar appears on a terminal if
            it takes long.
        return_dict
            Whether to return figures by name.
        steps
            Batches to read, the first ones; by default all. A generator that never ends needs it.
        callbacks
            Whose methods `on_test_...` are called.

        Returns
        -------
        The loss, or [loss, metrics...] if there are metrics, or a dict.
        """
        verbose = check_verbose(verbose, "evaluate")
        size = _batch_size(batch_size, "evaluate")
        steps = data_sets.check_steps(steps, "evaluate: steps")
        data = data_sets.to_evaluate(self, x, y, sample_weight, size, steps, "evaluate")
        called = Callbacks(callbacks, "evaluate")
        called.begin(self, steps=data.steps, verbose=verbose)
        logs = self.judge(data, verbose, called)
        return logs if return_dict else _flat(list(logs.values()))

    def judge(
        self, batches: data_sets.Data, verbose: int = 0, callbacks: Callbacks | None = None
    ) -> Logs:
        """Return the figures over batches that are checked already."""
        callbacks = callbacks or Callbacks(None, "evaluate")
        steps = steps_of(self, "test")
        mean = steps.begin()
        notify = callbacks.around_batches("test")
        callbacks.notify("on_test_begin", {})
        with quiet_progress("evaluate", batches.samples, verbose) as progress:
            for number, arrays in enumerate(batches):
                if notify is not None:
                    notify("on_test_batch_begin", number, {})
                mean.add(steps.run(*arrays, joint=batches.joint), batches.joint)
                progress.advance(batches.joint, mean.logs)
                if notify is not None:
                    notify("on_test_batch_end", number, mean.logs())
        logs = mean.result()
        if verbose:
            write_line(f"evaluate  {progress.summary(logs, progress.seconds)}")
        callbacks.notify("on_test_end", logs)
        return logs

    @named
    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Sequence[Callback] | Callback | None = None,
    ) -> Any:
        """
        Return the network's outputs (samples, ...): an array, or a list or dict of several.

        Parameters
        ----------
        x
            Samples (samples, ...); none gives an empty result. Or a stream of batches, as for
            `fit`, whose targets are left out.
        batch_size
            Samples a step; 32 by default.
        verbose
            0 shows nothing, otherwise a bar appears on a terminal if it takes long.
        steps
            Batches to read, the first ones; by default all. A generator that never ends needs it.
        callbacks
            Whose methods `on_predict_...` are called.
        """
        verbose = check_verbose(verbose, "predict")
        size = _batch_size(batch_size, "predict")
        steps = data_sets.check_steps(steps, "predict: steps")
        own = "predict_step" in self.own_steps
        batches = data_sets.to_predict(self, x, size, steps)
        found: list[Any] = []
        called = Callbacks(callbacks, "predict")
        called.begin(self, steps=batches.steps, verbose=verbose)
        notify = called.around_batches("predict")
        called.notify("on_predict_begin", {})
        with quiet_progress("predict", batches.samples, verbose) as progress:
            for number, batch in enumerate(batches):
                if notify is not None:
                    notify("on_predict_batch_begin", number, {})
                if own:
                    outputs = self._own_predicted(batch)
                else:
                    outputs = self._predicted(batch)
                    _check_sizes(found[:1], outputs)
                found.append(outputs)
                progress.advance(batches.joint)
                if notify is not None:
                    packed = outputs if own else self._outputs.pack(outputs)
                    notify("on_predict_batch_end", number, {"outputs": packed})
        called.notify("on_predict_end", {})
        if own and (joint := [part for part in batches.in_order(found) if part is not None]):
            return gathered(joint, np.concatenate)
        return self._outputs.pack(
            np.concatenate(batches.in_order([outputs[place] for outputs in found]) or [nothing])
            for place, nothing in enumerate(self.runs.nothing(batches.empty()))
        )

    def _predicted(self, batch: Sequence[Float]) -> list[Float]:
        """Return the outputs of a batch; the batch may be empty."""
        if batch and len(batch[0]):
            return self.runs.forward(batch)
        return self.runs.nothing(batch)

    def _own_predicted(self, batch: Sequence[Any]) -> Any:
        """Return what `predict_step` makes of a batch; None of one that has no samples here."""
        if distributed.group().size > 1 and not (batch and len(batch[0])):
            return None
        *arrays, form = batch
        return self.predict_step(form.pack(arrays))

    # Single batches.

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Take one step on one batch; return its loss before, [loss, metrics...], or a dict."""
        classes = check_class_weight(class_weight, "train_on_batch")
        if "train_step" in self.own_steps:
            form, arrays = own_arrays(self, x, y, sample_weight, "train_on_batch", classes)
            return self._own_figures("train", [*arrays, form], return_dict)
        with self.lock:
            step, arrays = self._checked(x, y, sample_weight, "train_on_batch", classes)
            step.reset_metrics()
            values = step.train(*arrays)
            return self._figures(values, return_dict)

    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """Return the loss of one batch, [loss, metrics...], or a dict."""
        if "test_step" in self.own_steps:
            form, arrays = own_arrays(self, x, y, sample_weight, "test_on_batch")
            return self._own_figures("test", [*arrays, form], return_dict)
        with self.lock:
            step, arrays = self._checked(x, y, sample_weight, "test_on_batch")
            step.reset_metrics(judges=True)
            values = step.evaluate(*arrays)
            return self._figures(values, return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """Return the network's outputs for one batch."""
        return self.predict_step(x) if "predict_step" in self.own_steps else self._compute(x)

    def _figures(self, values: list[float], named: bool) -> Any:
        return dict(zip(self.metrics_names, values, strict=True)) if named else _flat(values)

    def _own_figures(self, kind: str, batch: Sequence[Any], named: bool) -> Any:
        """Return what a step of a user's own says of one batch."""
        steps = OwnSteps(self, kind)
        with self.lock:
            steps.begin()
            values = steps.run(*batch)
        return dict(zip(steps.names, values, strict=True)) if named else _flat(values)


def _flat(values: list[float]) -> float | list[float]:
    return values if len(values) > 1 else values[0]


def _check_sizes(before: Sequence[Sequence[Float]], outputs: Sequence[Float]) -> None:
    """Raise ValueError unless the outputs of batches can be one array."""
    for first in before:
        for one, other in zip(first, outputs, strict=True):
            if one.shape[1:] != other.shape[1:]:
                raise ValueError(
                    f"predict: images of several sizes give outputs {one.shape[1:]} and "
                    f"{other.shape[1:]}, which are not one array; call predict_on_batch for each"
                )


def _batch_size(value: int | None, operation: str) -> int:
    return _DEFAULT_BATCH_SIZE if value is None else integer(value, f"{operation}: batch_size")


registry.MODELS["Model"] = Model
