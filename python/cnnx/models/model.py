"""Networks that train, judge and predict."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

import cnnx.models.inputs as handed
from cnnx import optimizers, registry
from cnnx.arrays import Array, Float
from cnnx.geometry import integer, number
from cnnx.layers import LAYERS, Layer
from cnnx.layers.weight import Weight
from cnnx.models.argument_names import named
from cnnx.models.batches import Batches, Stream
from cnnx.models.callback import Callback, Callbacks, History, Logs
from cnnx.models.form import Form
from cnnx.models.network import Network
from cnnx.models.objective import (
    figure_names,
    objectives,
    resolve_losses,
    serialize_losses,
    serialize_metrics,
)
from cnnx.models.program_file import write_program
from cnnx.models.structure import assemble, structure_of
from cnnx.models.summary import html_summary
from cnnx.models.training import Training, check_frequency
from cnnx.models.training_step import TrainingStep
from cnnx.models.weighting import check_class_weight
from cnnx.optimizers import Optimizer
from cnnx.progress import check_verbose, quiet_progress, write_line
from cnnx.saving import save_model

_DEFAULT_BATCH_SIZE = 32


class Model(Network):
    """
    A network: layers between inputs and outputs.

    Several threads may use one model at once: each step of training runs alone, predictions run
    side by side. A model is also a layer: call it on values, or put it into another model.

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

    optimizer: Optimizer | None = None
    loss: Any = None
    loss_weights: Any = None
    metrics: Any = ()
    weighted_metrics: Any = None
    history: History | None = None
    stop_training = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name in ("call", "train_step", "test_step", "predict_step"):
            if name in vars(cls):
                raise TypeError(
                    f"{cls.__name__}.{name} would never be called: networks are values that layers "
                    "compute; model.forward, model.backward and optimizer.apply make a training "
                    "loop of your own"
                )

    # A model as a file.

    def listed_layers(self) -> list[Any]:
        """Return the layers in the order of the config."""
        return structure_of(self.graph)[0]

    def get_config(self) -> dict[str, Any]:
        """Return the name, the layers' configs, and how the layers are used."""
        entries = [registry.serialize(layer) for layer in self.listed_layers()]
        named = {} if self.class_names is None else {"class_names": self.class_names}
        return {"name": self.name, "layers": entries, **self._structure(), **named}

    def connections(self) -> list[Any]:
        """Return which layer reads which values, as numbers."""
        connections: list[Any] = structure_of(self.flat_graph)[1]["nodes"]
        return connections

    def _structure(self) -> dict[str, Any]:
        names = {"input_names": self._inputs.names, "output_names": self._outputs.names}
        return structure_of(self.graph)[1] | names

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """
        Make a model from what `get_config` returned, with fresh weights.

        Raises
        ------
        ValueError
            For a layer that is not one of `cnnx.layers`.
        """
        return cls.from_layers([make_layer(entry) for entry in config["layers"]], config)

    def to_json(self, **kwargs: Any) -> str:
        """
        Return the architecture, and what `compile` was given, as text without weights.

        `cnnx.models.model_from_json` makes a model of it.

        Parameters
        ----------
        **kwargs
            For `json.dumps`, such as indent=2.
        """
        description = registry.serialize(self) | {"compile_config": self.get_compile_config()}
        return json.dumps(description, **kwargs)

    @classmethod
    def from_layers(cls, layers: Sequence[Any], config: dict[str, Any]) -> Self:
        """Make a model of layers that are there already, used as a config says."""
        model = cls.__new__(cls)
        model._assemble(layers, config)
        model.class_names = config.get("class_names")
        return model

    def _assemble(self, layers: Sequence[Any], config: dict[str, Any]) -> None:
        """Begin as a new model of these layers."""
        inputs, outputs = assemble(layers, config)
        given = Form(config["input_names"]).pack(inputs)
        wanted = Form(config["output_names"]).pack(outputs)
        Model.__init__(self, given, wanted, config["name"])

    def __getstate__(self) -> dict[str, Any]:
        return {
            "config": {"name": self.name, **self._structure()},
            "layers": self.listed_layers(),
            "compiled": self._compiled(),
            "class_names": self.class_names,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._assemble(state["layers"], state["config"])
        self._compile_as(state["compiled"])
        self.class_names = state["class_names"]

    def _compiled(self) -> tuple[Any, ...]:
        return self.optimizer, self.loss, self.loss_weights, self.metrics, self.weighted_metrics

    def _compile_as(self, compiled: tuple[Any, ...]) -> None:
        self.optimizer, self.loss, self.loss_weights, self.metrics, self.weighted_metrics = compiled

    def _repr_html_(self) -> str:
        """Return what a notebook shows: a table of the layers and, if it is built, a drawing."""
        table = html_summary(self)
        if not self.built:
            return table
        from cnnx.drawing import plot_model  # its package imports this module

        drawing = plot_model(self, to_file=None, show_layer_names=False)
        return f'{table}<div style="overflow: auto">{drawing}</div>'

    def save(self, filepath: str | Path) -> None:
        """Save architecture, weights and training state as one file: `cnnx.saving.save_model`."""
        save_model(self, filepath)

    def export_program(self, filepath: str | Path, batch_size: int = 1) -> None:
        """
        Write what `predict` does as a file that C++ runs without Python: `cnnx::Program`.

        Its outputs are those of ``predict(x, batch_size)``, to the same bits on the same
        instruction set. docs/exchange.md shows the C++ side.

        Parameters
        ----------
        filepath
            The file to make or to replace; it appears whole or not at all.
        batch_size
            Samples that the program takes at a time.

        Raises
        ------
        ValueError
            A layer runs Python, or the name is that of another program's file.
        OSError
            The file can't be written.
        """
        size = integer(batch_size, "export_program: batch_size")
        with self.lock:
            write_program(self.graph, filepath, size)

    # How it learns.

    @named
    def compile(
        self,
        optimizer: Any = "adam",
        loss: Any = None,
        metrics: Any = None,
        loss_weights: Any = None,
        weighted_metrics: Any = None,
    ) -> None:
        """
        Set the optimizer, the losses and the metrics; needed before `fit` and `evaluate`.

        Parameters
        ----------
        optimizer
            Name or `cnnx.optimizers.Optimizer`.
        loss
            Name or `cnnx.losses.Loss`; of several outputs a list, or a dict by their names. Outputs
            that a dict leaves out have none.
        metrics
            Names or `cnnx.metrics.Metric`: 'accuracy' is the one that suits loss and outputs. Of
            several outputs a dict by their names, or a list with an entry for each.
        loss_weights
            Multipliers of the outputs' losses in their sum, a list or a dict; 1 by default.
        weighted_metrics
            As `metrics`, but samples count as often as `sample_weight` and `class_weight` say. One
            that is among `metrics` too is reported as weighted_....

        Raises
        ------
        ValueError, TypeError
            For an unknown name, listing the valid ones, or a wrong type.
        """
        new_optimizer = optimizers.get(optimizer, "compile: optimizer")
        new_loss = resolve_losses(loss)
        names, units = ["output"], [2]
        if self.built:
            names = self.output_names
            units = [value.shape[-1] for value in self.graph.outputs]
        if self.built or not isinstance(new_loss, dict):  # to find wrong names now
            objectives(names, units, new_loss, loss_weights, metrics, weighted_metrics)
        with self.lock:
            self._compile_as((new_optimizer, new_loss, loss_weights, metrics, weighted_metrics))
            if self._runs is not None:
                self._runs.forget_step()

    @property
    def compiled_optimizer(self) -> Optimizer:
        """The optimizer; raises ValueError if there is none yet."""
        if self.optimizer is None:
            raise ValueError(f"model '{self.name}' has no optimizer yet; call compile first")
        return self.optimizer

    def check_optimizer_state(self, state: dict[str, Array]) -> None:
        """Raise ValueError if `state`, of the optimizer's `get_state`, is of another model."""
        size = self.parameters.values.size
        for name, array in state.items():
            if name != "iterations" and array.shape != (size,):
                raise ValueError(
                    f"the optimizer's {name} has shape {array.shape}, the model needs ({size},)"
                )

    def set_optimizer_state(self, state: dict[str, Array]) -> None:
        """Take over what the optimizer's `get_state` returned, for the next step to go on from."""
        with self.lock:
            self.compiled_optimizer.set_state(state)
            self.runs.forget_step()  # it holds views of the state before

    def get_compile_config(self) -> dict[str, Any] | None:
        """Return the arguments of `compile` as JSON-serialisable values; None if not compiled."""
        if self.optimizer is None:
            return None
        config = {
            "optimizer": registry.serialize(self.optimizer),
            "loss": serialize_losses(self.loss),
            "metrics": serialize_metrics(self.metrics),
            "loss_weights": self.loss_weights,
        }
        if self.weighted_metrics is not None:
            config["weighted_metrics"] = serialize_metrics(self.weighted_metrics)
        return config

    def training_step(self, operation: str) -> TrainingStep:
        """Return the step of training; raises ValueError if the model has no loss yet."""
        step = None if self._runs is None else self._runs.step
        if step is not None:
            return step
        if self.optimizer is None or self.loss is None:
            raise ValueError(
                f"{operation}: model '{self.name}' has no loss yet; call "
                "compile(optimizer, loss, metrics) first"
            )
        units = [value.shape[-1] for value in self.graph.outputs]
        found = objectives(
            self.output_names,
            units,
            self.loss,
            self.loss_weights,
            self.metrics,
            self.weighted_metrics,
        )
        self.optimizer.claim(self)
        return self.runs.begin_step(found, self.optimizer)

    @property
    def metrics_names(self) -> list[str]:
        """Names of the figures that `evaluate` returns."""
        return figure_names(self.training_step("metrics_names").objectives)

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
            Batches of a stream in an epoch, and of `validation_data`; by default as many as its
            length says, or as there are. With them an epoch goes on where the one before ended, so
            that a generator may be endless.
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
        batches, judging = handed.to_fit(
            self,
            (x, y, sample_weight),
            classes,
            split,
            validation_data,
            size,
            shuffle,
            (steps_per_epoch, validation_steps),
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

    def train_batch(self, *arrays: Array, joint: int | None = None) -> list[float]:
        """Take one step on a batch that is checked already; return its loss before and metrics."""
        with self.lock:
            return self.training_step("fit").train(*arrays, joint=joint)

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
            Batches of a stream to read; by default all.
        callbacks
            Whose methods `on_test_...` are called.

        Returns
        -------
        The loss, or [loss, metrics...] if there are metrics, or a dict.
        """
        verbose = check_verbose(verbose, "evaluate")
        size = _batch_size(batch_size, "evaluate")
        handed.check_steps(x, steps, "evaluate: steps")
        data = handed.to_evaluate(self, x, y, sample_weight, size, steps, "evaluate")
        called = Callbacks(callbacks, "evaluate")
        called.begin(self, steps=data.steps, verbose=verbose)
        logs = self.judge(data, verbose, called)
        return logs if return_dict else _flat(list(logs.values()))

    def judge(
        self, batches: Batches | Stream, verbose: int = 0, callbacks: Callbacks | None = None
    ) -> Logs:
        """Return the figures over batches that are checked already."""
        callbacks = callbacks or Callbacks(None, "evaluate")
        mean = self.training_step("evaluate").mean(judges=True)
        notify = callbacks.around_batches("test")
        callbacks.notify("on_test_begin", {})
        with quiet_progress("evaluate", batches.samples, verbose) as progress:
            for number, arrays in enumerate(batches):
                if notify is not None:
                    notify("on_test_batch_begin", number, {})
                with self.lock:
                    values = self.training_step("evaluate").evaluate(*arrays, joint=batches.joint)
                mean.add(values, batches.joint)
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
            Batches of a stream to read; by default all.
        callbacks
            Whose methods `on_predict_...` are called.
        """
        verbose = check_verbose(verbose, "predict")
        size = _batch_size(batch_size, "predict")
        batches = handed.to_predict(self, x, size, steps)
        found: list[list[Float]] = [[] for _ in self.graph.outputs]
        called = Callbacks(callbacks, "predict")
        called.begin(self, steps=batches.steps, verbose=verbose)
        notify = called.around_batches("predict")
        called.notify("on_predict_begin", {})
        with quiet_progress("predict", batches.samples, verbose) as progress:
            for number, batch in enumerate(batches):
                if notify is not None:
                    notify("on_predict_batch_begin", number, {})
                outputs = self._predicted(batch)
                for parts, output in zip(found, outputs, strict=True):
                    parts.append(output)
                progress.advance(batches.joint)
                if notify is not None:
                    notify("on_predict_batch_end", number, {"outputs": self._outputs.pack(outputs)})
        called.notify("on_predict_end", {})
        found = [batches.in_order(parts) for parts in found]
        return self._outputs.pack(
            np.concatenate(parts or [np.empty((0, *value.shape[1:]), np.float32)])
            for parts, value in zip(found, self.graph.outputs, strict=True)
        )

    def _predicted(self, batch: Sequence[Float]) -> list[Float]:
        """Return the outputs of a batch; the batch may be empty."""
        if batch and len(batch[0]):
            return self.runs.forward(batch)
        return [np.empty((0, *value.shape[1:]), np.float32) for value in self.graph.outputs]

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
            arrays = self._checked(x, y, sample_weight, "train_on_batch", classes)
            step = self.training_step("train_on_batch")
            step.reset_metrics()
            values = step.train(*arrays)
            return self._figures(values, return_dict)

    def test_on_batch(
        self, x: Any, y: Any, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """Return the loss of one batch, [loss, metrics...], or a dict."""
        with self.lock:
            arrays = self._checked(x, y, sample_weight, "test_on_batch")
            step = self.training_step("test_on_batch")
            step.reset_metrics(judges=True)
            values = step.evaluate(*arrays)
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
            Multiplier of each sample's loss, shape (samples,).

        Returns
        -------
        An array for each trainable weight, by layer and name ("conv2d/kernel"), of its shape.
        """
        with self.lock:
            arrays = self._checked(x, y, sample_weight, "gradients")
            self.training_step("gradients").differentiate(*arrays)
            trainable = set(self.trainable_weights)
            return {
                name: weight.gradient.copy()
                for name, weight in self.named_weights()
                if weight in trainable
            }

    # A training loop of one's own.

    def forward(self, x: Any, training: bool = False) -> Any:
        """
        Return the outputs for one batch; `backward` may follow `forward(x, training=True)`.

        Parameters
        ----------
        x
            One batch: samples, or a list or a dict of several inputs'.
        training
            Whether to compute as in `fit`: moving statistics change, and dropout drops.
        """
        if not training:
            return self._compute(x)
        with self.lock:
            ready = handed.batch(self, x, self._buffers, "forward")
            if self.optimizer is not None:
                self.optimizer.claim(self)
            outputs = self.runs.begin_tape().forward(ready)
            return self._outputs.pack(output.copy() for output in outputs)

    def backward(self, gradients: Any) -> list[Float]:
        """
        Return the derivatives of a loss with respect to the trainable weights.

        To be called once after each `forward(x, training=True)`; `optimizer.apply` takes them.

        Parameters
        ----------
        gradients
            The loss's derivatives with respect to the outputs, in the form in which `forward`
            returned these.

        Returns
        -------
        Copies of the derivatives, in the order of `trainable_weights`. Those of `losses` are added.

        Raises
        ------
        ValueError
            Without a forward pass before, or if a gradient has not its output's shape.
        """
        with self.lock:
            tape = self.runs.tape
            if tape is None:
                raise ValueError("backward: call forward(x, training=True) before")
            names = self.output_names
            return tape.backward(names, handed.listed(gradients, names, "backward"))

    @property
    def losses(self) -> list[float]:
        """
        What the regularizers add to the loss, a number each.

        First those of trainable weights, as they are now; then, within a training loop of your own,
        those of the outputs of layers in the last `forward(x, training=True)`.
        """
        tape = None if self._runs is None else self._runs.tape
        return super().losses + ([] if tape is None else tape.penalties_of_outputs())

    def apply_gradients(self, gradients: Sequence[Any], weights: Sequence[Weight]) -> None:
        """Take one step of the optimizer along gradients of some weights: `Optimizer.apply`."""
        with self.lock:
            parameters = self.parameters
            parts = parameters.take_gradients(gradients, weights)
            optimizer = self.compiled_optimizer
            learned = optimizer.bind(parameters.values, parameters.gradients, parts)
            parameters.changed()
            optimizer.step(learned)

    def predict_on_batch(self, x: Any) -> Any:
        """Return the network's outputs for one batch."""
        return self._compute(x)

    def _checked(
        self,
        x: Any,
        y: Any,
        sample_weight: Any,
        operation: str,
        class_weight: Mapping[int, float] | None = None,
    ) -> list[Array]:
        """Return one batch as `TrainingStep` takes it."""
        ready = handed.batch(self, x, self._buffers, operation)
        count = len(ready[0])
        ready += handed.batch_targets(self, y, sample_weight, count, operation, class_weight)
        return ready

    def _figures(self, values: list[float], named: bool) -> Any:
        return dict(zip(self.metrics_names, values, strict=True)) if named else _flat(values)


def make_layer(entry: Any) -> Any:
    """Return a layer, or a model used as one, from its class name and config."""
    name = entry.get("class_name") if isinstance(entry, dict) else None
    if isinstance(name, str) and (model_class := registry.model_class(name)):
        return model_class.from_config(entry["config"])
    return registry.get("layer", entry, Layer, LAYERS)


def _flat(values: list[float]) -> float | list[float]:
    return values if len(values) > 1 else values[0]


def _batch_size(value: int | None, operation: str) -> int:
    return _DEFAULT_BATCH_SIZE if value is None else integer(value, f"{operation}: batch_size")


registry.MODELS["Model"] = Model
