"""Training, judging and using a network."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cnnx.arrays import FLOAT32, Array, Float
from cnnx.geometry import integer, number
from cnnx.models.batches import Batches, Stream, is_stream
from cnnx.models.callback import Callback, History, Logs
from cnnx.models.compiled import CompiledNetwork
from cnnx.models.mean import Mean
from cnnx.models.training import Training
from cnnx.models.weighting import check_class_weight, weigh_classes
from cnnx.progress import check_verbose, quiet_progress, write_line
from cnnx.saving import save_model

_DEFAULT_BATCH_SIZE = 32


class Model(CompiledNetwork):
    """
    A network that trains, judges and predicts.

    Several threads may use one model at once: each batch runs alone.

    Parameters
    ----------
    name
        By default the class name and a number: sequential, sequential_1, ....
    """

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name)
        self.history: History | None = None
        self.stop_training = False

    # Whole data sets.

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
    ) -> History:
        """
        Train on a data set.

        Parameters
        ----------
        x
            Samples (samples, ...) of any real dtype and layout; they stay as they are in memory.
            Or a stream of batches: an object with a length that yields (x, y) or
            (x, y, sample_weight) anew each time it is iterated, such as a
            `cnnx.data.ImageStream`; then `y`, `batch_size` and `shuffle` have no meaning.
        y
            Targets (samples, ...), or labels for the sparse loss.
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
            How often the loss of a training sample counts, by class; 1 for classes left out.
        sample_weight
            The same for each sample, shape (samples,). Metrics take no notice of weights.
        initial_epoch
            Number of epochs done before.

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
        batches: Batches | Stream
        judging: Batches | Stream | None = None
        if is_stream(x):
            batches = self._stream(x, y, sample_weight, "fit", classes)
            if split:
                raise ValueError("fit: a stream cannot be split; give validation_data")
        else:
            training = self._data(x, y, sample_weight, "fit")
            if split and validation_data is None:
                training, held_back = _split(training, split)
                judging = self._batches(held_back, size)
            batches = self._batches(weigh_classes(training, classes, "fit"), size, shuffle)
        if validation_data is not None:
            judging = self._given(*_validation(validation_data), size, "fit: validation_data")
        given: Any = () if callbacks is None else callbacks
        own = list(given) if isinstance(given, (list, tuple)) else [given]
        history = next((item for item in own if isinstance(item, History)), None) or History()
        others = [item for item in own if item is not history]  # they may add to the logs
        self.history = history
        self.stop_training = False
        Training(self, batches, judging, [*others, history], range(first, last), verbose).run()
        return history

    def train_batch(self, x: Float, *targets: Array) -> list[float]:
        """Take one step on a batch that is checked already; return its loss before and metrics."""
        with self.lock:
            return self._training_step("fit").train(x, *targets)

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        return_dict: bool = False,
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

        Returns
        -------
        The loss, or [loss, metrics...] if there are metrics, or a dict.
        """
        verbose = check_verbose(verbose, "evaluate")
        size = _batch_size(batch_size, "evaluate")
        logs = self.judge(self._given(x, y, sample_weight, size, "evaluate"), verbose)
        return logs if return_dict else _flat(list(logs.values()))

    def judge(self, batches: Batches | Stream, verbose: int = 0) -> Logs:
        """Return the figures over batches that are checked already."""
        mean = Mean(self.metrics_names)
        with quiet_progress("evaluate", batches.samples, verbose) as progress:
            for x, *targets in batches:
                with self.lock:
                    values = self._training_step("evaluate").evaluate(x, *targets)
                mean.add(values, len(x))
                progress.advance(len(x), mean.logs)
        if verbose:
            write_line(f"evaluate  {progress.summary(mean.logs(), progress.seconds)}")
        return mean.logs()

    def predict(self, x: Any, batch_size: int | None = None, verbose: Any = "auto") -> Float:
        """
        Return the network's outputs (samples, ...).

        Parameters
        ----------
        x
            Samples (samples, ...); none gives an empty result. Or a stream of batches, as for
            `fit`, whose targets are left out.
        batch_size
            Samples a step; 32 by default.
        verbose
            0 shows nothing, otherwise a bar appears on a terminal if it takes long.
        """
        verbose = check_verbose(verbose, "predict")
        size = _batch_size(batch_size, "predict")
        batches: Batches | Stream
        if is_stream(x):
            batches = Stream(x, self._stream_samples("predict"), "predict")
        else:
            batches = Batches((self._samples(x, "predict"), FLOAT32), batch_size=size)
        outputs = []
        with quiet_progress("predict", batches.samples, verbose) as progress:
            for (batch,) in batches:
                with self.lock:
                    outputs.append(self._forward(batch).copy())
                progress.advance(len(batch))
        return np.concatenate(outputs or [np.empty((0, *self.output_shape[1:]), np.float32)])

    def save(self, filepath: str | Path) -> None:
        """Save architecture, weights and training state as one file: `cnnx.saving.save_model`."""
        save_model(self, filepath)

    # Single batches.

    def train_on_batch(
        self,
        x: Any,
        y: Any,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Take one step on one batch; return its loss before, [loss, metrics...], or a dict."""
        classes = check_class_weight(class_weight, "train_on_batch")
        with self.lock:
            batch = self._batch(x, "train_on_batch")
            targets = self._batch_targets(y, sample_weight, len(batch), "train_on_batch", classes)
            values = self._training_step("train_on_batch").train(batch, *targets)
            return self._figures(values, return_dict)

    def test_on_batch(
        self, x: Any, y: Any, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """Return the loss of one batch, [loss, metrics...], or a dict."""
        with self.lock:
            batch = self._batch(x, "test_on_batch")
            targets = self._batch_targets(y, sample_weight, len(batch), "test_on_batch")
            values = self._training_step("test_on_batch").evaluate(batch, *targets)
            return self._figures(values, return_dict)

    def gradients(self, x: Any, y: Any, sample_weight: Any = None) -> dict[str, Float]:
        """
        Return the derivatives of a batch's loss with respect to the weights; no step is taken.

        The batch is computed as in `fit`: batch normalisation takes the batch's statistics, and
        dropout drops. Nothing of the model changes.

        Parameters
        ----------
        x, y
            One batch: samples and targets.
        sample_weight
            How often the loss of each sample counts, shape (samples,).

        Returns
        -------
        An array for each trainable weight, by layer and name ("conv2d/kernel"), of its shape.
        """
        with self.lock:
            batch = self._batch(x, "gradients")
            targets = self._batch_targets(y, sample_weight, len(batch), "gradients")
            self._training_step("gradients").differentiate(batch, *targets)
            return {weight.path: weight.gradient.copy() for weight in self.trainable_weights}

    def predict_on_batch(self, x: Any) -> Float:
        """Return the network's outputs for one batch."""
        return self(x)

    def __call__(self, x: Any, training: bool = False) -> Float:
        """Return the network's outputs for one batch, computed as in `fit` if `training`."""
        with self.lock:
            return self._forward(self._batch(x, "predict_on_batch"), training).copy()

    def _figures(self, values: list[float], named: bool) -> Any:
        return dict(zip(self.metrics_names, values, strict=True)) if named else _flat(values)


def _flat(values: list[float]) -> float | list[float]:
    return values if len(values) > 1 else values[0]


def _batch_size(value: int | None, operation: str) -> int:
    return _DEFAULT_BATCH_SIZE if value is None else integer(value, f"{operation}: batch_size")


def _validation(data: Any) -> tuple[Any, Any, Any]:
    """Return x, y and sample_weight."""
    if is_stream(data):
        return data, None, None
    if not isinstance(data, (tuple, list)) or len(data) not in (2, 3):
        raise ValueError(
            "fit: validation_data must be (x, y), (x, y, sample_weight) or a stream of batches, "
            f"got {type(data)}"
        )
    return data[0], data[1], data[2] if len(data) == 3 else None


def _split(data: Sequence[Array], share: float) -> tuple[list[Array], list[Array]]:
    """Cut off the last `share` of the samples."""
    samples = len(data[0])
    count = math.floor(samples * (1 - share))
    if count in (0, samples):
        raise ValueError(
            f"fit: validation_split={share} of {samples} samples leaves none to "
            f"{'validate' if count else 'train'} on"
        )
    return [array[:count] for array in data], [array[count:] for array in data]
