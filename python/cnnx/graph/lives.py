"""When each array of a plan is in use, and which arrays can share memory."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import NamedTuple

from cnnx.graph.fusions import Step
from cnnx.graph.memory import Region, Span
from cnnx.layers.value import Value
from cnnx.layers.weight import Weight


class Part(NamedTuple):
    """What one step gives to the gradient of one of its inputs."""

    step: int
    place: int


class Partial(NamedTuple):
    """Where a part is written, the gradient before it, and whether the step adds that itself."""

    region: Region
    so_far: Region | None
    adds: bool


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
    shown
        Those whose gradients somebody else wants.
    training, learns
        As for the plan.

    Attributes
    ----------
    runs
        The steps that run, in order.
    back
        The indices of the runs that take part backwards, last first.
    recomputes
        For a step, the earlier ones whose outputs are computed again before it runs backwards.
    activations
        For a step, those whose activations are differentiated then: its own before it, others'
        after it, since it completes the gradients of their outputs.
    end
        Later than all times.
    values, again, of_loss, gradients, parts
        Where arrays lie: values by their roots, those that are computed again elsewhere, gradients
        by their roots as the loss begins them and as they are when whole, and what steps give to
        them.
    """

    def __init__(
        self,
        steps: Sequence[Step],
        outputs: Sequence[Value],
        kept: Collection[Value],
        differentiated: Collection[Value],
        shown: Collection[Value],
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
        self.end = 2 * len(self.runs) + 1
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
        self.activations = self._activations({self.root(value) for value in shown})
        self._uses = self._times(outputs, kept)
        self._recomputed: dict[Value, int] = {}
        self.recomputes: dict[int, list[int]] = {}
        self._recompute({self.root(value) for value in (*outputs, *kept)})
        self.again: dict[Value, Region] = {}
        self.values = self._value_regions()
        self.of_loss: dict[Value, Region] = {}
        self.gradients: dict[Value, Region] = {}
        self.parts: dict[Part, Partial] = {}
        self._gradient_regions(outputs)

    def root(self, value: Value) -> Value:
        """Return the value in whose memory a value lies."""
        while value in self._sources:
            value = self._sources[value]
        return value

    def regions(self) -> list[Region]:
        """Return every region once."""
        found = [
            *self.values.values(),
            *self.again.values(),
            *self.of_loss.values(),
            *self.gradients.values(),
            *(part.region for part in self.parts.values()),
        ]
        return list({id(region): region for region in found}.values())

    def gradients_written(self) -> dict[Weight, int]:
        """Return when the gradients of weights are first written, by steps known to do it."""
        times: dict[Weight, int] = {}
        for index in self.back:
            time = self._backward(index) if self._traits[index].native else 0
            for weight in self.runs[index].operation.trainable_weights:
                times.setdefault(weight, time)
        return times

    def _backward(self, index: int) -> int:
        return 2 * len(self.runs) - index

    def _activations(self, shown: Collection[Value]) -> defaultdict[int, list[int]]:
        """Choose the steps at which activations are differentiated."""
        completed: dict[Value, int] = {}
        for index in self.back:
            completed |= dict.fromkeys(map(self.root, self.runs[index].inputs), index)
        found: defaultdict[int, list[int]] = defaultdict(list)
        for index in self.back:
            if self._traits[index].activates:
                root = self.root(self.runs[index].output)
                found[index if root in shown else completed.get(root, index)].append(index)
        return found

    def _times(
        self, outputs: Sequence[Value], kept: Collection[Value]
    ) -> defaultdict[Value, list[int]]:
        """Return when values are written and read, in order."""
        uses: defaultdict[Value, list[int]] = defaultdict(list)

        def use(value: Value, time: int) -> None:
            uses[self.root(value)].append(time)

        for index, step in enumerate(self.runs):
            for value in (*step.inputs, step.output):
                use(value, index)
        for value in outputs:
            use(value, len(self.runs))
        for index in self.back:
            step, traits = self.runs[index], self._traits[index]
            if traits.reads_inputs:
                for value in step.inputs[:-1] if traits.adds_last else step.inputs:
                    use(value, self._backward(index))
            if traits.reads_output:
                use(step.output, self._backward(index))
            for other in self.activations[index]:
                use(self.runs[other].output, self._backward(index))
        for value in kept:
            use(value, self.end)
        return uses

    def _recompute(self, wanted: Collection[Value]) -> None:
        """
        Choose values that the backward pass computes again, and that are not kept until then.

        They are larger than what has to be kept longer for it. One may be computed from another,
        but not from one that is computed from another itself.
        """
        chained: set[Value] = set()
        for index, step in enumerate(self.runs):
            root = self.root(step.output)
            later = [time for time in self._uses[root] if time > len(self.runs)]
            sources = {self.root(value) for value in step.inputs}
            if (
                not (self._traits[index].recomputes and later)
                or root in wanted
                or not sources.isdisjoint(chained)
            ):
                continue
            time = later[0]
            longer = [
                source
                for source in sources
                if source in self._maker and self._uses[source][-1] < time
            ]
            if sum(map(_floats, longer)) < _floats(root):
                for source in longer:
                    self._uses[source].append(time)
                again = sources & self._recomputed.keys()
                if again:
                    chained.add(root)
                for source in again:
                    self._recompute_at(min(time, self._recomputed[source]), source)
                self._recompute_at(time, root)

    def _recompute_at(self, time: int, root: Value) -> None:
        """Let a value be computed again at a time, unless that is when it already is."""
        before = self._recomputed.get(root)
        if before == time:
            return
        index = self._maker[root]
        if before is not None:
            self.recomputes[2 * len(self.runs) - before].remove(index)
        self._recomputed[root] = time
        self.recomputes.setdefault(2 * len(self.runs) - time, []).append(index)

    def _spans(self, root: Value) -> list[Span]:
        """Return when a value is there."""
        times = self._uses[root]
        again = self._recomputed.get(root)
        if again is None:
            return [(times[0], times[-1])]
        return [(times[0], max(time for time in times if time < again)), (again, times[-1])]

    def _moves(self, root: Value) -> bool:
        """Return whether a value may lie elsewhere when it is computed again."""
        users = (
            index
            for index, step in enumerate(self.runs)
            if root in map(self.root, (*step.inputs, step.output))
        )
        return all(self._traits[index].native for index in users)

    def _value_regions(self) -> dict[Value, Region]:
        regions: dict[Value, Region] = {}
        for index, step in enumerate(self.runs):
            root = self.root(step.output)
            spans = self._spans(root)
            if len(spans) > 1 and self._moves(root):
                self.again[root] = Region(_floats(root), spans.pop())
            region = Region(_floats(root), *spans)
            before = regions.get(self.root(step.inputs[0]))
            if (
                self._traits[index].in_place
                and before is not None
                and before.size == region.size
                and self._uses[self.root(step.inputs[0])][-1] == index
            ):
                region = before.join(region)
            regions[root] = region
        return regions

    def _partials(self, index: int) -> list[tuple[Part, Value, bool]]:
        """Return what a step gives to gradients, whose, and whether it could add it itself."""
        traits = self._traits[index]
        adds = traits.adds_gradient or traits.accumulates
        roots = [self.root(value) for value in self.runs[index].inputs]
        return [
            (Part(index, place), root, adds and place == 0)
            for place, root in enumerate(roots)
            if root in self.differentiated
        ]

    def _gradient_regions(self, outputs: Sequence[Value]) -> None:
        of_loss = [self.root(value) for value in outputs]
        replaced: defaultdict[Value, list[int]] = defaultdict(list)
        begun = set(of_loss)
        for index in self.back:
            for _, root, adds in self._partials(index):
                if adds and root in begun and not self._traits[index].accumulates:
                    replaced[root].append(self._backward(index))
                begun.add(root)

        def begin(root: Value, time: int) -> Region:
            """Return memory for a gradient until a step adds to it, or its maker runs back."""
            maker = self._maker.get(root)
            end = self._backward(maker) if maker in self.back and maker is not None else self.end
            later = [other for other in replaced[root] if other > time]
            return Region(_floats(root), (time, min(later, default=end)))

        for root in of_loss:
            if root in self.differentiated and root not in self.gradients:
                self.of_loss[root] = self.gradients[root] = begin(root, len(self.runs))
        for index in self.back:
            time = self._backward(index)
            for part, root, adds in self._partials(index):
                so_far = self.gradients.get(root)
                if so_far is not None and adds and self._traits[index].accumulates:
                    region = so_far
                elif so_far is None or adds:
                    region = begin(root, time)
                    if so_far is None:
                        region = self._in_place(index, part.place, root, region)
                    self.gradients[root] = region
                else:
                    region = Region(_floats(root), (time, time))
                self.parts[part] = Partial(region, so_far, adds)

    def _in_place(self, index: int, place: int, root: Value, region: Region) -> Region:
        """Return memory that a step may write an input's gradient to, shared where it may be."""
        step, traits = self.runs[index], self._traits[index]
        shared = None
        if place == len(step.inputs) - 1 and traits.gradient_in_place:
            shared = self.gradients[self.root(step.output)]
        elif (
            place == 0
            and traits.gradient_over_input
            and self._uses[root][-1] == self._backward(index)
            and self._maker.get(root) not in self.activations[index]
        ):
            shared = self.again.get(root, self.values.get(root))
        return region if shared is None or shared.size != region.size else shared.join(region)


def _floats(value: Value) -> int:
    """Return the number of elements of one sample."""
    return math.prod(extent or 1 for extent in value.shape[1:])
