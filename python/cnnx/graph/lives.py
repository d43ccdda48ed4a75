"""When each array of a plan is in use, and which arrays can share memory."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import NamedTuple

from cnnx.graph.fusions import Step
from cnnx.graph.memory import Region
from cnnx.layers.value import Value


class Part(NamedTuple):
    """What one step adds to the gradient of one of its inputs: the first part is the gradient."""

    step: int
    place: int


class Lives:
    """
    The arrays of a plan: values, gradients, and parts of gradients.

    Forward step k runs at time k, the loss is computed at time n, and step k runs backwards at time
    2n - k. A value that is another in a different shape shares its memory: the first of them stands
    for all (`root`).

    Parameters
    ----------
    steps
        Of a plan; those that only give another shape are `aliases` here and do not run.
    outputs, kept
        Values that somebody else wants.
    differentiated
        Values whose gradients are needed.
    training, learns
        As for the plan.

    Attributes
    ----------
    runs
        The steps that run, in order.
    back
        The indices of the runs that take part backwards, last first.
    values, gradients, parts
        Regions of memory: of values by their roots, of gradients by their roots, and of what
        later parts add to a gradient.
    """

    def __init__(
        self,
        steps: Sequence[Step],
        outputs: Sequence[Value],
        kept: Collection[Value],
        differentiated: Collection[Value],
        training: bool,
        learns: bool,
    ) -> None:
        self._sources = {
            step.output: step.inputs[0]
            for step in steps
            if step.traits.view or (step.traits.identity_in_use and not training)
        }
        self.runs = [step for step in steps if step.output not in self._sources]
        self._traits = [step.traits for step in self.runs]
        self._end = 2 * len(self.runs) + 1
        self.differentiated = {self.root(value) for value in differentiated}
        self.back = [
            index
            for index in reversed(range(len(self.runs)))
            if self.root(self.runs[index].output) in self.differentiated
            and (
                (learns and self.runs[index].operation.trainable_weights)
                or any(self.root(value) in self.differentiated for value in self.runs[index].inputs)
            )
        ]
        self._maker = {self.root(step.output): index for index, step in enumerate(self.runs)}
        self._last = self._last_uses(outputs, kept)
        self.values = self._value_regions()
        self.gradients: dict[Value, Region] = {}
        self.parts: dict[Part, Region] = {}
        self._gradient_regions(outputs)

    def root(self, value: Value) -> Value:
        """Return the value in whose memory a value lies."""
        while value in self._sources:
            value = self._sources[value]
        return value

    def regions(self) -> list[Region]:
        """Return every region once."""
        found = [*self.values.values(), *self.gradients.values(), *self.parts.values()]
        return list({id(region): region for region in found}.values())

    def _backward(self, index: int) -> int:
        return 2 * len(self.runs) - index

    def _last_uses(self, outputs: Sequence[Value], kept: Collection[Value]) -> dict[Value, int]:
        last: dict[Value, int] = {}

        def use(value: Value, time: int) -> None:
            root = self.root(value)
            last[root] = max(last.get(root, 0), time)

        for index, step in enumerate(self.runs):
            for value in (*step.inputs, step.output):
                use(value, index)
        for value in outputs:
            use(value, len(self.runs))
        for value in kept:
            use(value, self._end)
        for index in self.back:
            step, traits = self.runs[index], self._traits[index]
            if traits.reads_inputs:
                for value in step.inputs[:-1] if traits.adds_last else step.inputs:
                    use(value, self._backward(index))
            if traits.reads_output:
                use(step.output, self._backward(index))
        return last

    def _value_regions(self) -> dict[Value, Region]:
        regions: dict[Value, Region] = {}
        for index, step in enumerate(self.runs):
            root = self.root(step.output)
            region = Region(_floats(root), index, self._last[root])
            before = regions.get(self.root(step.inputs[0]))
            if (
                self._traits[index].in_place
                and before is not None
                and before.size == region.size
                and self._last[self.root(step.inputs[0])] == index
            ):
                region = before.join(region)
            regions[root] = region
        return regions

    def _gradient_regions(self, outputs: Sequence[Value]) -> None:
        for value in outputs:
            if self.root(value) in self.differentiated:
                self._begin_gradient(self.root(value), len(self.runs))
        for index in self.back:
            step, traits = self.runs[index], self._traits[index]
            for place, value in enumerate(step.inputs):
                root = self.root(value)
                if root not in self.differentiated:
                    continue
                if root in self.gradients:
                    time = self._backward(index)
                    self.parts[Part(index, place)] = Region(_floats(root), time, time)
                    continue
                region = self._begin_gradient(root, self._backward(index))
                shared = None
                if place == len(step.inputs) - 1 and traits.gradient_in_place:
                    shared = self.gradients[self.root(step.output)]
                elif place == 0 and traits.gradient_over_input:
                    shared = self.values.get(root)
                    if self._last.get(root) != self._backward(index):
                        shared = None
                if shared is not None and shared.size == region.size:
                    self.gradients[root] = shared.join(region)

    def _begin_gradient(self, root: Value, time: int) -> Region:
        """Enter the gradient of a value from a time on, until the step that made it runs back."""
        region = Region(_floats(root), time, self._end)
        maker = self._maker.get(root)
        if maker is not None and maker in self.back:
            region.last = self._backward(maker)
        self.gradients.setdefault(root, region)
        return self.gradients[root]


def _floats(value: Value) -> int:
    """Return the number of elements of one sample."""
    return math.prod(value.shape[1:])
