"""What runs a network: made of its layers when it is needed."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np

from cnnx import distributed
from cnnx.arrays import Float
from cnnx.graph import Graph, Plan, plan_class
from cnnx.layers.layer import Layer
from cnnx.layers.weight import Weight
from cnnx.metrics import Metric
from cnnx.models.joint_step import JointStep
from cnnx.models.objective import Objective
from cnnx.models.parameters import Parameters
from cnnx.models.step_lock import StepLock
from cnnx.models.tape import Tape
from cnnx.models.training_step import TrainingStep
from cnnx.optimizers import Optimizer


class Runs:
    """
    The plans of a network, the buffers of its weights, and its step of training.

    Parameters
    ----------
    graph
        Of layers alone.
    layers
        All of them, in the order in which their weights lie in the buffers.
    lock
        Of the model.
    """

    def __init__(self, graph: Graph, layers: Sequence[Layer], lock: StepLock) -> None:
        self.graph = graph
        self._layers = layers
        self._lock = lock
        self._plans: dict[bool, Plan] = {}
        self._planning = threading.RLock()
        self._idle: list[Plan] = []
        self._parameters: Parameters | None = None
        self._step: TrainingStep | None = None
        self.tape: Tape | None = None
        self.objectives: list[Objective] | None = None
        """What is asked of each output, once it is needed."""
        self.trackers: dict[str, Metric] | None = None
        """What gathers the figures of steps of a user's own, by their names."""
        self._arranged = 0
        self._learned: list[Weight] = []

    def forward(self, batch: Sequence[Float], training: bool = False) -> list[Float]:
        """Return the outputs in new arrays; predictions of several threads run side by side."""
        if not training:
            token = object()
            try:
                self._lock.share(token)
                plan = self._plan(training)
                if plan.native:
                    return self._side_by_side(plan, batch)
            finally:
                self._lock.leave(token)
        with self._lock:
            return [output.copy() for output in self._plan(training).forward(*batch)]

    def _side_by_side(self, plan: Plan, batch: Sequence[Float]) -> list[Float]:
        """Run a plan by a twin that no other thread uses."""
        try:
            twin = self._idle.pop()
        except IndexError:
            twin = plan.twin()
        outputs = [output.copy() for output in twin.forward(*batch)]
        self._idle.append(twin)
        return outputs

    def nothing(self, batch: Sequence[Float]) -> list[Float]:
        """Return the outputs of a batch without samples; what sizes are left open is 0."""
        graph = self.graph
        if graph.is_open and batch:
            graph, _ = graph.sized([x.shape[1:] for x in batch])
        shapes = [value.shape[1:] for value in graph.outputs]
        return [np.empty((0, *(e or 0 for e in shape)), np.float32) for shape in shapes]

    def _plan(self, training: bool) -> Plan:
        plan = self._plans.get(training)
        if plan is None:
            with self._planning:
                plan = self._plans.get(training)
                if plan is None:
                    plan = self._plans[training] = plan_class(self.graph)(
                        self.graph, training=training
                    )
        return plan

    @property
    def parameters(self) -> Parameters:
        """The flat buffers that the layers' weights are views into."""
        if self._parameters is None or not self._parameters.holds():
            self._parameters = Parameters(self._layers)
            self._step = self.tape = None
        return self._parameters

    @property
    def step(self) -> TrainingStep | None:
        """The step of training, unless other weights learn than when it was made."""
        if self._step is not None and self._arranged != Weight.last_arrangement:
            self.parameters  # noqa: B018  (lets go of the step if another model took weights over)
            if self._trainable() != self._learned:
                self._step = None
            self._arranged = Weight.last_arrangement
        if self._step is not None and self._step.group is not distributed.group():
            self._step = None
        return self._step

    def begin_step(self, objectives: Sequence[Objective], optimizer: Optimizer) -> TrainingStep:
        """Make the step of training."""
        kind = TrainingStep if distributed.group().size == 1 else JointStep
        self._step = kind(self.graph, objectives, optimizer, self.parameters)
        self._arranged, self._learned = Weight.last_arrangement, self._trainable()
        return self._step

    def forget_step(self) -> None:
        """Let go of the step: its optimizer has another state from now on."""
        self._step = None

    def forget_objectives(self) -> None:
        """Let go of what is asked of the outputs, and of the step towards it."""
        self._step = self.objectives = self.trackers = None

    def begin_tape(self, to_inputs: bool = False) -> Tape:
        """Return the tape of a training loop of the user's own, made anew if others learn."""
        self.parameters  # noqa: B018  (the weights lie in one buffer from now on)
        learned = self._trainable()
        tape = self.tape
        if tape is None or tape.weights != learned or tape.to_inputs != to_inputs:
            tape = self.tape = Tape(self.graph, learned, to_inputs)
        return tape

    def _trainable(self) -> list[Weight]:
        return [weight for layer in self._layers for weight in layer.trainable_weights]
