"""What runs: the steps of a graph, forward and backward, and what is kept from run to run."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection, Sequence
from copy import copy as shallow_copy

from cnnx.arrays import Array, Float
from cnnx.buffer import Buffer
from cnnx.graph.binding import Binding
from cnnx.graph.fusions import Passes, Step, fuse
from cnnx.graph.graph import Graph
from cnnx.graph.lent_gradients import NOTHING_LENT, LentGradients
from cnnx.graph.lives import Lives
from cnnx.graph.memory import Arena
from cnnx.graph.stretch import Changes
from cnnx.layers.value import Value
from cnnx.layers.weight import Weight

MOST_BINDINGS = 8
"""Numbers of samples for which the arrays stay laid out."""


class Plan:
    """
    How a graph runs, forward and backward.

    Parameters
    ----------
    graph
        Of built layers.
    training
        Whether to compute as in `fit`.
    learns
        Whether `backward` is to write the gradients of trainable weights.
    gradients_of
        Values whose gradients `backward` is to return.
    keep
        Values that `forward` is to return besides the outputs.
    passes
        Those of plans of the same graph for other sizes.
    lent
        The weights' gradients, if arrays may lie in their memory until they are written.

    Attributes
    ----------
    arena
        The memory that all bindings compute in, in turn.
    held
        Places in what is lent, see `LentGradients.held`.
    """

    def __init__(
        self,
        graph: Graph,
        *,
        training: bool = False,
        learns: bool = False,
        gradients_of: Sequence[Value] = (),
        keep: Sequence[Value] = (),
        passes: Passes | None = None,
        lent: LentGradients = NOTHING_LENT,
    ) -> None:
        self.graph = graph
        self.training = training
        self.learns = learns
        self.keep = list(keep)
        self.gradients_of = list(gradients_of)
        if gradients_of and not training:  # passes in use have no way back
            steps = [Step(value.node.layer, value.node.inputs, value) for value in graph.values]
        else:
            steps = fuse(graph, training, {*keep, *gradients_of}, passes)
        self.lives = Lives(
            steps,
            graph.outputs,
            self.keep,
            _differentiated(steps, learns, gradients_of),
            gradients_of,
            training,
            learns,
        )
        self.lent = lent
        self.held = lent.held(self.lives.gradients_written(), self.lives.end)
        self.kept: list[dict[str, Buffer]] = [{} for _ in self.lives.runs]
        weights = dict.fromkeys(
            weight for step in self.lives.runs for weight in step.operation.weights
        )
        self.changes = Changes([] if training else weights)
        self.statistics = [weight for weight in weights if not weight.learnable and training]
        """Weights that the forward pass changes."""
        self.pauses: frozenset[int] = frozenset()
        """Steps, not the last one, after which the backward pass tells how far it has come."""
        self.native = all(step.traits.native for step in self.lives.runs)
        """Whether the forward pass only calls the core: twins of the plan may run side by side."""
        self.recording = threading.RLock()
        """Held while calls are recorded: operations prepare weights then."""
        self._bindings: OrderedDict[int, Binding]
        self.use(Arena())

    def use(self, arena: Arena) -> None:
        """Compute in another arena from now on."""
        self._bindings = OrderedDict()
        self.arena = arena
        arena.users.add(self)

    def leave(self) -> None:
        """Let go of the arrays in the arena."""
        self._bindings.clear()

    def bind(self, rows: int) -> Binding:
        """Return the calls for a number of samples."""
        binding = self._bindings.get(rows)
        if binding is None:
            binding = Binding(self, rows)
            self._bindings[rows] = binding
            if len(self._bindings) > MOST_BINDINGS:
                self._bindings.popitem(last=False)
        return binding

    def ready(self) -> list[tuple[int, list[Weight]]]:
        """Return the steps as the backward pass runs them, each with the gradients it completes."""
        last: dict[Weight, int] = {}
        for index in self.lives.back:
            last |= dict.fromkeys(self.lives.runs[index].operation.trainable_weights, index)
        return [
            (index, [weight for weight, step in last.items() if step == index])
            for index in self.lives.back
        ]

    def pause_after(self, steps: Collection[int]) -> None:
        """Set `pauses`."""
        self.pauses = frozenset(steps) - {*self.lives.back[-1:]}
        self._bindings.clear()

    def twin(self) -> Plan:
        """Return a plan of the same operations with arrays of its own, for another thread."""
        twin = shallow_copy(self)
        twin.kept = [{} for _ in self.lives.runs]
        twin.use(Arena())
        return twin

    def bind_to(self, arrays: Sequence[Array]) -> Binding:
        """Return the calls for a batch, which holds an array for each input first."""
        return self.bind(len(arrays[0]))

    def forward(self, *inputs: Float) -> list[Float]:
        """Return the outputs, then the values to keep, in arrays that the next call overwrites."""
        return self.bind(len(inputs[0])).forward(*inputs)


def _differentiated(
    steps: Sequence[Step], learns: bool, gradients_of: Collection[Value]
) -> set[Value]:
    """Return the values whose gradients are needed: those that depend on what is wanted."""
    found = set(gradients_of)
    for step in steps:
        learning = learns and step.operation.trainable_weights
        if learning or not found.isdisjoint(step.inputs):
            found.add(step.output)
    return found
