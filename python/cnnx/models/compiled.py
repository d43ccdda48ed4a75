"""A network with a loss and an optimizer, and the checks of what it is given to learn from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from cnnx import losses, metrics, optimizers, registry
from cnnx.arrays import FLOAT32, Array, Float, contiguous, is_contiguous, real_array
from cnnx.buffer import Buffer
from cnnx.graph import Plan
from cnnx.losses import Loss
from cnnx.models.batches import Batches, Stream, is_stream
from cnnx.models.network import Network
from cnnx.models.training_step import TrainingStep
from cnnx.models.weighting import check_sample_weight, weigh_classes
from cnnx.optimizers import Optimizer


class CompiledNetwork(Network):
    """
    A network that knows how it learns.

    Parameters
    ----------
    name
        By default the class name and a number: sequential, sequential_1, ....
    """

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name)
        self.optimizer: Optimizer | None = None
        self.loss: Loss | None = None
        self.metrics: list[Any] = []
        self._step: TrainingStep | None = None
        self._plans: dict[bool, Plan] = {}
        self._inputs = Buffer(())

    def compile(self, optimizer: Any = "adam", loss: Any = None, metrics: Any = None) -> None:
        """
        Say how the model learns; needed before `fit` and `evaluate`.

        Parameters
        ----------
        optimizer
            Name or `cnnx.optimizers.Optimizer`.
        loss
            Name or `cnnx.losses.Loss`.
        metrics
            Names or `cnnx.metrics.Metric`: 'accuracy' is the one that suits loss and outputs.

        Raises
        ------
        ValueError, TypeError
            For an unknown name, listing the valid ones, or a wrong type.
        """
        listed = list(metrics) if isinstance(metrics, (list, tuple)) else [metrics]
        wanted = [] if metrics is None else listed
        new_optimizer = optimizers.get(optimizer, "compile: optimizer")
        new_loss = None if loss is None else losses.get(loss, "compile: loss")
        if new_loss is not None:
            _metrics(wanted, new_loss, 1)  # to find wrong names now
        with self.lock:
            self.optimizer, self.loss, self.metrics = new_optimizer, new_loss, wanted
            self._step = None

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
            self._step = None  # holds views of the state before

    def get_compile_config(self) -> dict[str, Any] | None:
        """Return the arguments of `compile` as JSON-serialisable values; None if not compiled."""
        if self.optimizer is None:
            return None
        return {
            "optimizer": registry.serialize(self.optimizer),
            "loss": None if self.loss is None else registry.serialize(self.loss),
            "metrics": [
                registry.serialize(metric) if isinstance(metric, registry.Configurable) else metric
                for metric in self.metrics
            ],
        }

    @property
    def metrics_names(self) -> list[str]:
        """Names of the figures that `evaluate` returns."""
        step = self._training_step("metrics_names")
        return ["loss", *(metric.name for metric in step.metrics)]

    # What it computes.

    def _forward(self, x: Float, training: bool = False) -> Float:
        plan = self._plans.get(training)
        if plan is None:
            plan = self._plans[training] = Plan(self.graph, training=training)
        return plan.forward(x)[0]

    def _forget_layout(self) -> None:
        super()._forget_layout()
        self._plans = {}

    def _forget_plan(self) -> None:
        self._step = None

    def _training_step(self, operation: str) -> TrainingStep:
        if self._step is not None:
            return self._step
        if self.optimizer is None or self.loss is None:
            raise ValueError(
                f"{operation}: model '{self.name}' has no loss yet; call "
                "compile(optimizer, loss, metrics) first"
            )
        figures = _metrics(self.metrics, self.loss, self.output_shape[-1])
        self._step = TrainingStep(self.graph, self.loss, figures, self.optimizer, self.parameters)
        return self._step

    # What it is given.

    def _given(
        self, x: Any, y: Any, sample_weight: Any, batch_size: int, operation: str
    ) -> Batches | Stream:
        """Return the batches of a data set in the form that users give it."""
        if is_stream(x):
            return self._stream(x, y, sample_weight, operation)
        return self._batches(self._data(x, y, sample_weight, operation), batch_size)

    def _data(self, x: Any, y: Any, sample_weight: Any, operation: str) -> list[Array]:
        """Return samples, targets and weights, if any, that fit the network and each other."""
        samples = self._samples(x, operation)
        if not len(samples):
            raise ValueError(f"{operation}: x holds no samples, its shape is {samples.shape}")
        data = [samples, self._targets(y, len(samples), operation)]
        if sample_weight is not None:
            data.append(check_sample_weight(sample_weight, len(samples), operation))
        return data

    def _targets(self, y: Any, count: int, operation: str) -> Array:
        if y is None:
            raise TypeError(f"{operation}: y is missing")
        step = self._training_step(operation)
        targets = real_array(y, f"{operation}: y")
        if targets.ndim == 0 or len(targets) != count:
            found = len(targets) if targets.ndim else "is a single number: 1"
            raise ValueError(
                f"{operation}: x and y must have the same length: x has {count} samples, y {found}"
            )
        return step.loss.check_targets(targets, (count, *step.output_shape), operation)

    def _batches(self, data: Sequence[Array], batch_size: int, shuffle: bool = False) -> Batches:
        samples, targets, *weights = data
        return Batches(
            (samples, FLOAT32),
            (targets, targets.dtype if self._is_sparse else FLOAT32),
            *((array, FLOAT32) for array in weights),
            batch_size=batch_size,
            shuffle=shuffle,
        )

    def _stream(
        self,
        x: Any,
        y: Any,
        sample_weight: Any,
        operation: str,
        class_weight: Mapping[int, float] | None = None,
    ) -> Stream:
        """Return the checked batches of a stream."""
        if y is not None or sample_weight is not None:
            raise ValueError(f"{operation}: x is a stream of batches and yields y and weights too")
        samples = self._stream_samples(operation)
        if not self.built:
            for batch in x:
                samples(batch)  # builds the model
                break

        def check(batch: Any) -> list[Any]:
            if not isinstance(batch, (tuple, list)) or len(batch) not in (2, 3):
                raise ValueError(
                    f"{operation}: a stream must yield (x, y) or (x, y, sample_weight), "
                    f"got {type(batch).__name__}"
                )
            (ready,) = samples(batch)
            weights = batch[2] if len(batch) == 3 else None
            targets = self._batch_targets(batch[1], weights, len(ready), operation, class_weight)
            return [ready, *targets]

        return Stream(x, check, operation)

    def _stream_samples(self, operation: str) -> Callable[[Any], list[Any]]:
        """Return a function that makes the samples of a stream's batch what layers read."""
        buffer = Buffer(())

        def check(batch: Any) -> list[Any]:
            x = batch[0] if isinstance(batch, (tuple, list)) else batch
            samples = self._samples(x, operation)
            ready = buffer.like(samples)
            np.copyto(ready, samples, casting="same_kind")
            return [ready]

        return check

    @property
    def _is_sparse(self) -> bool:
        return self.loss is not None and self.loss.sparse

    def _batch(self, x: Any, operation: str) -> Float:
        """Return `x` as a batch that layers read; as it is, if it can be read so."""
        if (
            type(x) is np.ndarray
            and self.built
            and x.shape[1:] == self.layers[0].input_shape[1:]
            and is_contiguous(x, FLOAT32)
        ):
            return x
        samples = self._samples(x, operation)
        batch = self._inputs.like(samples)
        np.copyto(batch, samples, casting="same_kind")
        return batch

    def _batch_targets(
        self,
        y: Any,
        sample_weight: Any,
        count: int,
        operation: str,
        class_weight: Mapping[int, float] | None = None,
    ) -> list[Array]:
        """Return the targets of a batch and their weights, if any, as the core reads them."""
        if not count:
            raise ValueError(f"{operation}: x holds no samples")
        targets = self._targets(y, count, operation)
        data = [targets if self._is_sparse else contiguous(targets, FLOAT32)]
        if sample_weight is not None:
            data.append(check_sample_weight(sample_weight, count, operation))
        return weigh_classes([targets, *data], class_weight, operation)[1:]


def _metrics(identifiers: Sequence[Any], loss: Loss, outputs: int) -> list[metrics.Metric]:
    return [metrics.get(name, loss, outputs, "compile: metrics") for name in identifiers]
