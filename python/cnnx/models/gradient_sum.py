"""Gradients of all ranks: their sum, and the mean of those that a user hands in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnnx.arrays import Float
from cnnx.distributed import Group
from cnnx.distributed.group import Pending
from cnnx.graph import Plan
from cnnx.layers.weight import Weight
from cnnx.models.parameters import Parameters
from cnnx.optimizers.learned import Part, joined

LEAST = 1 << 15
"""Numbers from which on a sum of its own, begun earlier, costs less than it hides."""


class GradientSum:
    """
    The sum of the gradients of one step, which begins while the backward pass still runs.

    The backward pass completes gradients from the end of the flat buffer to its beginning. Their
    stretches are summed in the background as soon as each holds `LEAST` numbers; gradients that
    are fewer altogether are summed at the end, and so are all of a network that leaves sizes open,
    whose plans may differ between the ranks. The stretches follow from the network alone, so all
    ranks sum the same ones, in the same order.

    Parameters
    ----------
    group
        The ranks.
    plan
        Of training; it pauses from now on where a stretch is complete.
    parameters
        The flat buffers.
    """

    def __init__(self, group: Group, plan: Plan, parameters: Parameters) -> None:
        self._group = group
        self._pending: list[Pending] = []
        self._stretches: dict[int, list[Float]] = {}
        self._at_end = plan.graph.is_open
        places = dict(parameters.learned())
        waiting = set(places)
        complete: list[Weight] = []
        steps = plan.ready()
        for number, (index, weights) in enumerate(steps, 1):
            complete += weights
            waiting.difference_update(weights)
            if number == len(steps):
                complete += waiting  # the loss does not depend on these
            elif (
                self._at_end
                or sum(weight.size for weight in complete) < LEAST
                or not any(weights for _, weights in steps[number:])
            ):
                continue
            parts = sorted((places[weight] for weight in complete), key=lambda part: part.start)
            self._stretches[index] = [parameters.gradients[part] for part in joined(parts)]
            complete = []
        self._last = steps[-1][0] if steps else -1
        plan.pause_after(self._stretches)
        if group.local_size < group.size and self._stretches:  # messages wait for being looked at
            numbers = [index for index, _ in steps]
            plan.pause_after(numbers[numbers.index(next(iter(self._stretches))) :])

    def after(self, step: int) -> None:
        """Do what `begin` does, after a part of the backward pass of a batch."""
        self.begin(self._last if self._at_end else step)

    def begin(self, step: int) -> None:
        """Begin the sums of what is complete now that a step of the plan has run backwards."""
        next((one for one in self._pending if not one.advance()), None)  # moves all of them on
        for stretch in self._stretches.get(step, ()):
            self._pending.append(self._group.begin_sum(stretch))

    def wait(self) -> None:
        """Wait for the sums that were begun."""
        pending, self._pending = self._pending, []
        for one in pending:
            one.wait()


def take_means(group: Group, parameters: Parameters, parts: Sequence[Part], samples: int) -> None:
    """
    Let gradients and moving statistics become the means of all ranks.

    Parameters
    ----------
    group
        The ranks.
    parameters
        The flat buffers.
    parts
        The weights whose gradients are there.
    samples
        Of this rank, which its gradients and statistics come from.
    """
    share = samples / int(group.sum(np.array([samples], np.int64))[0])
    for part in joined(sorted((part for _, part in parts), key=lambda part: part.start)):
        gradients = parameters.gradients[part]
        gradients *= share
        group.sum(gradients)
    shared = np.multiply(parameters.state, share, dtype=np.float64)
    np.copyto(parameters.state, group.sum(shared), casting="same_kind")
    Weight.count_change(parameters.kept)
