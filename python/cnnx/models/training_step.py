"""One step of training: the plan of a network, its objectives and the optimizer."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

import numpy as np

from cnnx.arrays import Array, Float
from cnnx.distributed import group
from cnnx.graph import Graph, plan_class
from cnnx.graph.binding import Binding
from cnnx.graph.fusions import net_input
from cnnx.graph.latest import Latest
from cnnx.graph.lent_gradients import LentGradients
from cnnx.graph.open_plan import MOST_SIZES, Sizes, sizes_of
from cnnx.metrics import Metric
from cnnx.models.figure import Figure
from cnnx.models.head import Head
from cnnx.models.mean import Mean
from cnnx.models.objective import Objective, figure_names
from cnnx.models.parameters import Parameters
from cnnx.models.penalties import Penalties, penalized, regularized
from cnnx.models.suitability import check_suits
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
        Of layers alone.
    objectives
        One for each of its outputs.
    optimizer
        What `compile` was given.
    parameters
        The layers' flat buffers.
    """

    def __init__(
        self,
        graph: Graph,
        objectives: Sequence[Objective],
        optimizer: Optimizer,
        parameters: Parameters,
    ) -> None:
        self.objectives = list(objectives)
        self.group = group()
        self.heads: list[Head] = []
        for place, objective in enumerate(objectives):
            loss, shape = objective.loss, graph.outputs[place].shape[1:]
            shorter = None
            if loss is not None and loss.fused_activation is not None and not loss.from_logits:
                shorter = net_input(graph, graph.outputs[place], loss.fused_activation)
                if shorter is not None and regularized(shorter) != regularized(graph):
                    shorter = None  # the activation's output is asked for
            if shorter is None:
                check_suits(loss, graph, graph.outputs[place])
            graph = shorter or graph
            self.heads.append(Head(objective, shape, shorter is not None, self.group))
        self.losses = len(figure_names(objectives)) - sum(len(head.figures) for head in self.heads)
        """How many of the figures are losses; metrics come after them."""
        self._stateful = [
            [figure.metric for figure in self.figures(judges) if figure.keeps_state]
            for judges in (False, True)
        ]
        self._inputs = len(graph.inputs)
        graph, activities = penalized(graph)
        self._graph = graph
        self._is_open = graph.is_open
        self._sized = Latest[Sizes, TrainingStep](MOST_SIZES)
        parts = parameters.learned()
        penalties = Penalties((weight for weight, _ in parts), activities)
        self.penalties = penalties if penalties else None
        lent = LentGradients(parameters.gradients, parameters.parts)
        self._training = plan_class(graph)(graph, training=True, learns=True, lent=lent)
        self._judging = plan_class(graph)(graph)
        self.optimizer = optimizer
        self.parameters = parameters
        self._statistics = np.empty_like(parameters.state)
        self.learned = optimizer.bind(parameters.values, parameters.gradients, parts)

    def at(self, arrays: Sequence[Array]) -> TrainingStep:
        """
        Return the step for batches like one, which has at least the arrays of the inputs.

        That is this step, unless the network leaves sizes open. All else is shared.
        """
        if not self._is_open or not arrays:
            return self
        return self._sized.get(sizes_of(self._graph, arrays), self._for_sizes)

    def _for_sizes(self, sizes: Sizes) -> TrainingStep:
        graph, _ = self._graph.sized(sizes)
        step = copy.copy(self)
        step._is_open = False
        step._sized = Latest(0)
        step.heads = [
            head.at(value.shape[1:]) for head, value in zip(self.heads, graph.outputs, strict=True)
        ]
        return step

    def train(self, *arrays: Array, joint: int | None = None) -> list[float]:
        """
        Take one step of the optimizer; return the batch's loss and other figures before it.

        Where memory runs out or the user interrupts, no weight has changed.

        Parameters
        ----------
        *arrays
            A batch of each input, the targets of each output, and the weights of the samples: none,
            one array for all outputs, or one for each. The losses of samples count `weights` times,
            the metrics take no notice of them.
        joint
            Number of the samples on all ranks of a group, if it is known.
        """
        statistics = self.parameters.state
        self._statistics[...] = statistics
        try:
            values = self._with_penalties(self.differentiated(arrays, joint))
            if self.penalties is not None:
                self.penalties.add_gradients()
        except BaseException:
            statistics[...] = self._statistics
            raise
        self.parameters.changed()  # before it is true: an interrupt can come at any time
        self.optimizer.step(self.learned)
        return values

    def differentiate(self, *arrays: Array) -> None:
        """Write the gradients that `train` would step along; no weight and no statistic changes."""
        statistics = self.parameters.state
        self._statistics[...] = statistics
        try:
            self.differentiated(arrays, None)
            if self.penalties is not None:
                self.penalties.add_gradients()
        finally:
            statistics[...] = self._statistics

    def evaluate(self, *arrays: Array, joint: int | None = None, apart: bool = True) -> list[float]:
        """Return the batch's loss and other figures; `apart` from those of training."""
        return self._with_penalties(self.judged(arrays, joint, apart))

    def judged(self, arrays: Sequence[Array], joint: int | None, apart: bool = True) -> list[float]:
        """Return the batch's figures, without the penalties of weights."""
        binding = self._judging.bind_to(arrays)
        if self.penalties is not None:
            self.penalties.share_rows(len(arrays[0]) if joint is None else joint)
        return self._score(binding, arrays, judges=apart)

    def _with_penalties(self, values: list[float]) -> list[float]:
        if self.penalties is not None:
            values[0] += sum(self.penalties.of_weights())
        return values

    def mean(self, judges: bool = False) -> Mean:
        """Return the mean of the figures over batches; metrics that keep a state are reset."""
        self.reset_metrics(judges)
        figures = self.figures(judges)
        metrics = [figure.metric if figure.keeps_state else None for figure in figures]
        return Mean(figure_names(self.objectives), metrics)

    def reset_metrics(self, judges: bool = False) -> None:
        """Reset metrics that keep a state: those of `evaluate`, or those of `train`."""
        for metric in self._stateful[judges]:
            metric.reset_state()

    def metrics(self) -> list[Metric]:
        """Return the metrics of training that keep a state."""
        return self._stateful[False]

    def figures(self, judges: bool = False) -> list[Figure]:
        """Return the metrics of all outputs: those of `train`, or those of `evaluate`."""
        return [
            figure for head in self.heads for figure in (head.judges if judges else head.figures)
        ]

    def differentiated(self, arrays: Sequence[Array], joint: int | None) -> list[float]:
        """Write the gradients of a batch, and return its figures; those of weights left out."""
        binding, values = self.forward(arrays, joint)
        self.backward(binding)
        return values

    def forward(self, arrays: Sequence[Array], joint: int | None) -> tuple[Binding, list[float]]:
        """Return what has run on a batch, and its figures."""
        binding = self._training.bind_to(arrays)
        if self.penalties is not None:
            self.penalties.share_rows(len(arrays[0]) if joint is None else joint)
        return binding, self._score(binding, arrays)

    def backward(self, binding: Binding, after: Callable[[int], None] | None = None) -> None:
        """Write the gradients of the batch that ran last; `after` as for the binding."""
        for head, dy in zip(self.heads, binding.dys, strict=True):
            if dy is not None:
                head.differentiate(dy)
        binding.backward(after)

    def _score(
        self, binding: Binding, arrays: Sequence[Array], judges: bool = False
    ) -> list[float]:
        outputs = binding.forward(*arrays[: self._inputs])
        values = [
            head.score(output, targets, weights, head.judges if judges else head.figures)
            for output, (head, targets, weights) in zip(outputs, self.given(arrays), strict=True)
        ]
        found = values[0] if len(values) == 1 else _joined(self.heads, values)
        if self.penalties is not None:
            found[0] += sum(self.penalties.of_outputs())
        return found

    def given(self, arrays: Sequence[Array]) -> list[tuple[Head, Array, Float | None]]:
        """Return each output with its targets and the weights of its rows."""
        first, heads = self._inputs, self.heads
        weights = arrays[first + len(heads) :]
        return [
            (
                head,
                arrays[first + place],
                head.row_weights(weights[place if len(weights) > 1 else 0]) if weights else None,
            )
            for place, head in enumerate(heads)
        ]


def _joined(heads: Sequence[Head], values: list[list[float]]) -> list[float]:
    """Return the whole loss, the loss of each output, and all metrics."""
    losses = [
        (head.objective.share, found.pop(0))
        for head, found in zip(heads, values, strict=True)
        if head.loss is not None
    ]
    total = sum(share * loss for share, loss in losses)
    return [total, *(loss for _, loss in losses), *(value for found in values for value in found)]
