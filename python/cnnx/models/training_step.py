"""One step of training: the plan of a network, its loss, its metrics and the optimizer."""

import math
from collections.abc import Sequence

import numpy as np

from cnnx.arrays import Array, Float
from cnnx.buffer import Buffer
from cnnx.graph import Graph, Plan
from cnnx.graph.fusions import net_input
from cnnx.graph.plan import Binding
from cnnx.losses import Loss
from cnnx.metrics import Metric
from cnnx.models.parameters import Parameters
from cnnx.optimizers import Optimizer


class TrainingStep:
    """
    How a model trains.

    A last softmax or sigmoid is fused with the cross-entropy that belongs to it: the loss is
    computed from the net input, exact where the activation saturates, and its gradient is simply
    prediction - target.

    Parameters
    ----------
    graph
        Of built layers, with one output.
    loss, metrics, optimizer
        What `compile` was given.
    parameters
        The layers' flat buffers.
    """

    def __init__(
        self,
        graph: Graph,
        loss: Loss,
        metrics: Sequence[Metric],
        optimizer: Optimizer,
        parameters: Parameters,
    ) -> None:
        self.loss = loss
        self.metrics = metrics
        self.optimizer = optimizer
        self.output_shape: tuple[int, ...] = graph.outputs[0].shape[1:]
        head = None
        if loss.fused_activation is not None and not loss.from_logits:
            head = net_input(graph, loss.fused_activation)
        self.fused = head is not None
        self._training = Plan(head or graph, training=True, learns=True)
        self._judging = Plan(head or graph)
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
        self._losses = Buffer(self.output_shape[:-1])

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
        binding = self._training.bind(len(x))
        values, outputs, seen = self._score(binding, x, targets, weights)
        for dy in binding.dys:  # of the output, unless nothing learns
            rows = self._rows(dy)
            self._kernels.backward(outputs, seen, weights, 1 / len(rows), rows)
            binding.backward()
        return values

    def evaluate(self, x: Float, targets: Array, weights: Float | None = None) -> list[float]:
        """Return the batch's loss and metrics."""
        binding = self._judging.bind(len(x))
        return self._score(binding, x, targets, self._row_weights(weights))[0]

    def _score(
        self, binding: Binding, x: Float, targets: Array, weights: Float | None
    ) -> tuple[list[float], Float, Array]:
        """
        Return loss and metrics, and the rows of outputs and targets that the loss saw.

        `weights` has one number a row.
        """
        losses = self._losses.rows(len(x))
        outputs = predictions = self._rows(binding.forward(x)[0])
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
