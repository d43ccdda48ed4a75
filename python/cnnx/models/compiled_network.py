"""Networks with an optimizer, losses and metrics."""

from __future__ import annotations

from typing import Any

from cnnx import optimizers, registry
from cnnx.arrays import Array
from cnnx.models.argument_names import named
from cnnx.models.network import Network
from cnnx.models.objective import (
    Objective,
    figure_names,
    objectives,
    resolve_losses,
    serialize_losses,
    serialize_metrics,
)
from cnnx.models.training_step import TrainingStep
from cnnx.optimizers import Optimizer


class CompiledNetwork(Network):
    """
    A network that knows what it is to learn, and how.

    `Model` is made of it.
    """

    optimizer: Optimizer | None = None
    loss: Any = None
    loss_weights: Any = None
    given_metrics: Any = ()
    """What `compile` was given as `metrics`."""
    weighted_metrics: Any = None

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
            self.optimizer, self.loss, self.loss_weights = new_optimizer, new_loss, loss_weights
            self.given_metrics, self.weighted_metrics = metrics, weighted_metrics
            if self._runs is not None:
                self._runs.forget_objectives()

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compile as `get_compile_config` says, whatever `compile` of a subclass takes."""
        CompiledNetwork.compile(self, **config)

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
            "metrics": serialize_metrics(self.given_metrics),
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
        found = self.objectives()
        self.optimizer.claim(self)
        return self.runs.begin_step(found, self.optimizer)

    def objectives(self) -> list[Objective]:
        """Return what is asked of each output, with the metrics that gather figures."""
        runs = self.runs
        if runs.objectives is None:
            runs.objectives = objectives(
                self.output_names,
                [value.shape[-1] for value in self.graph.outputs],
                self.loss,
                self.loss_weights,
                self.given_metrics,
                self.weighted_metrics,
            )
        return runs.objectives

    @property
    def metrics_names(self) -> list[str]:
        """Names of the figures that `evaluate` returns."""
        return figure_names(self.training_step("metrics_names").objectives)

    def take_average(self, swap: bool = False) -> None:
        """Let the weights become their moving average, if there is one, or swap the two."""
        with self.lock:
            optimizer = self.compiled_optimizer
            average = optimizer.average
            if average is None:
                return
            parameters = self.parameters
            learned = optimizer.bind(parameters.values, parameters.gradients, parameters.learned())
            parameters.changed()
            (average.swap if swap else average.overwrite)(learned)
