"""The steps of training, laid out once: what is fused, and what is not computed at all."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cnnx.arrays import Array, Float
from cnnx.buffer import Buffer
from cnnx.layers.activations import Activation
from cnnx.layers.layer import Layer
from cnnx.layers.linear import LinearLayer
from cnnx.losses import Loss
from cnnx.metrics import Metric
from cnnx.models.blocks import Step, fuse
from cnnx.models.parameters import Parameters
from cnnx.optimizers import Optimizer

Forward = Callable[[Float, bool], Float]
Backward = Callable[[Any], Any]


def lowest_learning(layers: Sequence[Layer]) -> int:
    """Return the index of the first layer that learns, or the number of layers if none does."""
    learning = (index for index, layer in enumerate(layers) if layer.trainable_weights)
    return next(learning, len(layers))


def leave_out_activation(forward: list[Forward], backward: list[Backward], last: Layer) -> None:
    """
    Let the steps end in the net input of the last layer, which has an activation.

    Parameters
    ----------
    forward, backward
        Steps of all layers, first to last, and of those that take part backwards, last to first.
    last
        The last layer.
    """
    if isinstance(last, LinearLayer):
        forward[-1] = last.preactivation
        if backward:
            backward[0] = last.backward_preactivation
    else:
        forward.pop()
        if backward:
            backward.pop(0)


class Plan:
    """
    How a model trains.

    Neighbouring layers run in one pass where they can (`blocks.fuse`). A last softmax or sigmoid is
    fused with the cross-entropy that belongs to it: the loss is computed from the net input, exact
    where the activation saturates, and its gradient is simply prediction - target. Backwards,
    nothing is computed below the lowest layer that learns.

    Parameters
    ----------
    layers
        Built layers, at least one.
    loss, metrics, optimizer
        What `compile` was given.
    parameters
        The layers' flat buffers.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        loss: Loss,
        metrics: Sequence[Metric],
        optimizer: Optimizer,
        parameters: Parameters,
    ) -> None:
        self.loss = loss
        self.metrics = metrics
        self.optimizer = optimizer
        self.output_shape: tuple[int, ...] = layers[-1].output_shape[1:]
        lowest = lowest_learning(layers)
        for index, layer in enumerate(layers):
            layer.needs_input_gradient = index > lowest
        self.fused = self._fuses(layers[-1])
        *others, last = layers
        steps: list[tuple[int, Step]] = (
            [*fuse(others), (len(others), last)] if self.fused else fuse(layers)
        )
        self._forward: list[Forward] = [step.forward for _, step in steps]
        self._backward: list[Backward] = [
            step.backward for first, step in reversed(steps) if first >= lowest
        ]
        if self.fused:
            leave_out_activation(self._forward, self._backward, last)
        self._from_logits = self.fused or loss.from_logits
        self._kernels = (loss.on_logits if self._from_logits else None) or loss.on_outputs
        self._parameters = parameters
        self._statistics = np.empty_like(parameters.state)
        self._segments = optimizer.bind(
            parameters.values, parameters.gradients, parameters.learned()
        )
        self._units = self.output_shape[-1]
        self._is_matrix = len(self.output_shape) == 1
        self._probabilities = Buffer(self.output_shape)
        self._gradient = Buffer(self.output_shape)
        self._losses = Buffer(self.output_shape[:-1])

    def _fuses(self, last: Layer) -> bool:
        return (
            isinstance(last, (LinearLayer, Activation))
            and not self.loss.from_logits
            and last.activation.name == self.loss.fused_activation
        )

    def _rows(self, outputs: Float) -> Float:
        return outputs if self._is_matrix else outputs.reshape(-1, self._units)

    def _row_weights(self, weights: Float | None) -> Float | None:
        if weights is None or self._is_matrix:
            return weights
        return np.repeat(weights, math.prod(self.output_shape[:-1]))

    def train(self, x: Float, targets: Array, weights: Float | None = None) -> list[float]:
        """
        Take one step of the optimizer; return the batch's loss and metrics before it.

        The loss of a sample counts `weights` times, the metrics take no notice of them. Where
        memory runs out or the user interrupts, no weight has changed.
        """
        statistics = self._parameters.state
        np.copyto(self._statistics, statistics)
        try:
            values = self._differentiate(x, targets, self._row_weights(weights))
        except BaseException:
            np.copyto(statistics, self._statistics)
            raise
        self._parameters.changed()  # before it is true: an interrupt can come at any time
        self.optimizer.step(self._segments)
        return values

    def differentiate(self, x: Float, targets: Array, weights: Float | None = None) -> None:
        """Write the gradients that `train` would step along; no weight and no statistic changes."""
        statistics = self._parameters.state
        np.copyto(self._statistics, statistics)
        try:
            self._differentiate(x, targets, self._row_weights(weights))
        finally:
            np.copyto(statistics, self._statistics)

    def _differentiate(self, x: Float, targets: Array, weights: Float | None) -> list[float]:
        """Write the gradients; return loss and metrics. `weights` has one number a row."""
        values, outputs, seen = self._score(x, targets, weights, True)
        if self._backward:
            gradient = self._gradient.rows(len(x))
            rows = self._rows(gradient)
            self._kernels.backward(outputs, seen, weights, 1 / len(rows), rows)
            for backward in self._backward:
                gradient = backward(gradient)
        return values

    def evaluate(self, x: Float, targets: Array, weights: Float | None = None) -> list[float]:
        """Return the batch's loss and metrics."""
        return self._score(x, targets, self._row_weights(weights), False)[0]

    def _score(
        self, x: Float, targets: Array, weights: Float | None, training: bool
    ) -> tuple[list[float], Float, Array]:
        """
        Return loss and metrics, and the rows of outputs and targets that the loss saw.

        `weights` has one number a row.
        """
        for forward in self._forward:
            x = forward(x, training)
        losses = self._losses.rows(len(x))
        outputs = predictions = self._rows(x)
        if not self._is_matrix:
            losses = losses.reshape(-1)
            targets = targets.reshape(-1) if self.loss.sparse else self._rows(targets)
        seen = targets if self.loss.sparse else self.loss.smooth(targets)
        if self._from_logits:
            outputs = self._rows(self._probabilities.rows(len(x)))
            self._kernels.forward(predictions, seen, outputs, losses)
            if self.fused:
                predictions = outputs
        else:
            self._kernels.forward(outputs, seen, losses)
        rows = len(losses)
        if weights is not None:
            losses *= weights
        values = [float(np.add.reduce(losses)) / rows]
        values += [metric.total(targets, predictions) / rows for metric in self.metrics]
        return values, outputs, seen
