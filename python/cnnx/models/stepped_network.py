"""Networks in training loops of one's own: forward and back, batch by batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import cnnx.models.inputs as handed
from cnnx import distributed, registry
from cnnx.arrays import Array, Float
from cnnx.layers.weight import Weight
from cnnx.metrics import Metric
from cnnx.metrics.arguments import one_number
from cnnx.models.callback import Logs
from cnnx.models.data_form import unpack_x_y_sample_weight
from cnnx.models.figure import take_in
from cnnx.models.gradient_sum import take_means
from cnnx.models.objective import trackers
from cnnx.models.training_step import TrainingStep
from cnnx.models.written_network import WrittenNetwork

_OWN_STEP = (
    "cnnx differentiates layers alone; train_step may compute any loss and call backward with its "
    "gradient"
)
_NEVER_CALLED = {
    "call": "networks are values that layers compute; model.forward, model.backward and "
    "optimizer.apply make a training loop of your own",
    "compute_loss": _OWN_STEP,
    "compute_metrics": _OWN_STEP,
}


class SteppedNetwork(WrittenNetwork):
    """
    A network whose steps are taken one by one.

    `Model` is made of it.
    """

    own_steps: frozenset[str] = frozenset()
    """Which of `train_step`, `test_step` and `predict_step` a user's class has overridden."""
    _input_gradients: Sequence[Float] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name, remedy in _NEVER_CALLED.items():
            if name in vars(cls) and registry.is_own(cls):
                raise TypeError(f"{cls.__name__}.{name} would never be called: {remedy}")
        cls.own_steps = frozenset(
            name
            for name in ("train_step", "test_step", "predict_step")
            if getattr(cls, name) is not getattr(SteppedNetwork, name)
        )

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
            step, arrays = self._checked(x, y, sample_weight, "gradients")
            step.differentiate(*arrays)
            trainable = set(self.trainable_weights)
            return {
                name: weight.gradient.copy()
                for name, weight in self.named_weights()
                if weight in trainable
            }

    # A training loop of one's own.

    def forward(self, x: Any, training: bool = False, input_gradients: bool = False) -> Any:
        """
        Return the outputs for one batch; `backward` may follow `forward(x, training=True)`.

        Parameters
        ----------
        x
            One batch: samples, or a list or a dict of several inputs'.
        training
            Whether to compute as in `fit`: moving statistics change, and dropout drops.
        input_gradients
            Whether `backward` also computes the derivatives with respect to the inputs, which
            `model.input_gradients` holds then.
        """
        if not training:
            return self._compute(x)
        with self.lock:
            ready = handed.batch(self, x, self._buffers, "forward")
            if self.optimizer is not None:
                self.optimizer.claim(self)
            outputs = self.runs.begin_tape(bool(input_gradients)).forward(ready)
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
            given = handed.listed(gradients, names, "backward")
            of_weights, self._input_gradients = tape.backward(names, given)
            return of_weights

    @property
    def input_gradients(self) -> Any:
        """
        The derivatives of the loss with respect to the inputs, in the form of these.

        They are there after `forward(x, training=True, input_gradients=True)` and `backward`;
        before, ValueError is raised.
        """
        if not self._input_gradients:
            raise ValueError(
                f"{self}: input_gradients are there after forward(x, training=True, "
                "input_gradients=True) and backward"
            )
        return self._inputs.pack(self._input_gradients)

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
        """
        Take one step of the optimizer along gradients of some weights: `Optimizer.apply`.

        Several ranks take it along the mean of their gradients. Each rank's count as often as it
        has samples in its last `forward(x, training=True)`; so do the moving statistics.
        """
        with self.lock:
            parameters = self.parameters
            parts = parameters.take_gradients(gradients, weights)
            group = distributed.group()
            if group.size > 1:
                tape = self.runs.tape
                take_means(group, parameters, parts, 1 if tape is None else tape.samples)
            optimizer = self.compiled_optimizer
            learned = optimizer.bind(parameters.values, parameters.gradients, parts)
            parameters.changed()
            optimizer.step(learned)

    # What a step is made of.

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> float:
        """
        Return the loss of `compile`, with what regularizers add, of outputs that are there.

        Parameters
        ----------
        x, training
            For Keras' sake alone; not looked at.
        y, y_pred
            Targets and outputs, of several outputs in lists or dicts by their names.
        sample_weight
            Multiplier of each sample's loss, one array for all outputs.
        """
        parts = self._compared(y, y_pred, "compute_loss")
        return float(
            sum(self.losses)
            + sum(one.share * one.loss(y, output, sample_weight) for one, y, output in parts)
        )

    def loss_gradient(self, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """
        Return the derivatives of `compute_loss` with respect to the outputs, for `backward`.

        Parameters
        ----------
        y, y_pred, sample_weight
            As for `compute_loss`.

        Returns
        -------
        Arrays in the form in which `forward` returns the outputs.
        """
        outputs = handed.listed(y_pred, self.output_names, "loss_gradient: y_pred")
        found = [np.zeros_like(np.asarray(output, np.float32)) for output in outputs]
        names = self.output_names
        for one, wanted, output in self._compared(y, y_pred, "loss_gradient"):
            gradient = one.loss.gradient(wanted, output, sample_weight)
            found[names.index(one.output)][...] = one.share * gradient
        return self._outputs.pack(found)

    def _compared(self, y: Any, y_pred: Any, operation: str) -> list[tuple[Any, Any, Any]]:
        """Return the objectives that have a loss, each with its targets and outputs."""
        objectives = self.objectives()
        if not any(one.loss for one in objectives):
            raise ValueError(
                f"{operation}: {self} has no loss; give compile one, or call a loss of cnnx.losses"
            )
        names = self.output_names
        targets = handed.listed(y, names, f"{operation}: y")
        outputs = handed.listed(y_pred, names, f"{operation}: y_pred")
        parts = zip(objectives, targets, outputs, strict=True)
        return [part for part in parts if part[0].loss is not None]

    @property
    def trackers(self) -> dict[str, Metric]:
        """The metrics of `compile` by their figures' names; a mean for each loss comes first."""
        if self.optimizer is None or not self.built:
            return {}
        runs = self.runs
        if runs.trackers is None:
            runs.trackers = trackers(self.objectives())
        return runs.trackers

    @property
    def metrics(self) -> list[Metric]:
        """
        What gathers figures in steps of your own, reset as each epoch begins.

        A mean named "loss", the metrics of `compile`, and all metrics that are attributes of the
        model.
        """
        own = [item for item in vars(self).values() if isinstance(item, Metric)]
        return [*self.trackers.values(), *own]

    def reset_metrics(self) -> None:
        """Let all `metrics` forget what they have gathered."""
        for metric in self.metrics:
            metric.reset_state()

    def get_metrics_result(self) -> dict[str, Any]:
        """Return what each of `metrics` has gathered, by name."""
        of_compile = self.trackers
        found = {name: metric.result() for name, metric in of_compile.items()}
        given = list(of_compile.values())
        return found | {
            metric.name: metric.result()
            for metric in self.metrics
            if not any(metric is one for one in given)
        }

    def compute_metrics(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None
    ) -> dict[str, Any]:
        """
        Let the metrics of `compile` take in a batch, of all ranks; return `get_metrics_result()`.

        Parameters
        ----------
        x
            For Keras' sake alone; not looked at.
        y, y_pred, sample_weight
            As for `compute_loss`; the weights are for the `weighted_metrics` alone.
        """
        names = self.output_names
        targets = handed.listed(y, names, "compute_metrics: y")
        outputs = handed.listed(y_pred, names, "compute_metrics: y_pred")
        group = distributed.group()
        for one, wanted, output in zip(self.objectives(), targets, outputs, strict=True):
            for metric in one.metrics:
                take_in(metric, group, wanted, output)
            for metric in one.weighted:
                take_in(metric, group, wanted, output, sample_weight)
        return self.get_metrics_result()

    # Steps.

    def train_step(self, data: Any) -> Logs:
        """
        Take one step of training on a batch; override it to train in a way of your own.

        `fit` and `train_on_batch` call it, with the model locked against other threads.

        Parameters
        ----------
        data
            x, (x, y) or (x, y, sample_weight): see `cnnx.utils.unpack_x_y_sample_weight`. A method
            of your own gets arrays as `fit` was given them, which it may change.

        Returns
        -------
        Figures by name: those of the epoch so far. What a method of your own returns for the last
        batch of an epoch goes to the progress bar, `History` and the callbacks.
        """
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        with self.lock:
            step, arrays = self._checked(x, y, sample_weight, "train_step")
            return self._gathered(step, step.train(*arrays), len(arrays[0]))

    def test_step(self, data: Any) -> Logs:
        """
        Judge the network by one batch; override it to judge in a way of your own.

        `evaluate`, the validation of `fit` and `test_on_batch` call it.

        Parameters
        ----------
        data
            As for `train_step`.

        Returns
        -------
        Figures by name: those of the batches so far.
        """
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        with self.lock:
            step, arrays = self._checked(x, y, sample_weight, "test_step")
            return self._gathered(step, step.evaluate(*arrays, apart=False), len(arrays[0]))

    def predict_step(self, data: Any) -> Any:
        """
        Return the outputs for one batch; override it to predict in a way of your own.

        `predict` and `predict_on_batch` call it. What it returns for the batches, an array or a
        list or a dict of arrays, is put together along the first axis.

        Parameters
        ----------
        data
            x, or what a stream of batches yields.
        """
        return self._compute(unpack_x_y_sample_weight(data)[0])

    def _gathered(self, step: TrainingStep, values: list[float], samples: int) -> Logs:
        """Let metrics take in the figures of a batch, unless they have; return those so far."""
        kept = [False] * step.losses + [figure.keeps_state for figure in step.figures()]
        joint = int(step.group.sum(np.array([samples], np.int64))[0])
        for keeps, metric, value in zip(kept, self.trackers.values(), values, strict=True):
            if not keeps:
                metric.take_in(value, joint)
        items = self.trackers.items()
        return {name: one_number(metric.running(), name) for name, metric in items}

    def _checked(
        self,
        x: Any,
        y: Any,
        sample_weight: Any,
        operation: str,
        class_weight: Mapping[int, float] | None = None,
    ) -> tuple[TrainingStep, list[Array]]:
        """Return the step for one batch, and the batch as it takes it."""
        inputs = handed.batch(self, x, self._buffers, operation)
        step = self.training_step(operation).at(inputs)
        wanted = handed.batch_targets(
            self, step.heads, y, sample_weight, inputs, operation, class_weight
        )
        return step, [*inputs, *wanted]
