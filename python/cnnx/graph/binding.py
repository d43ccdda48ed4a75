"""The calls of a plan for one number of samples, over arrays that were laid out before."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from cnnx import _core
from cnnx.arrays import Array, Float, Shape
from cnnx.graph.lives import Part
from cnnx.graph.memory import Region, lay_out
from cnnx.graph.passes import Pass
from cnnx.graph.stretch import stretches
from cnnx.layers.call import Call, take_gradients, take_output
from cnnx.layers.value import Value
from cnnx.layers.weight import Weight

if TYPE_CHECKING:
    from cnnx.graph.plan import Plan

Sum: TypeAlias = tuple[Array, Array]
"""An array, and what is to be added to it."""


class Recorded(NamedTuple):
    """The calls of a forward pass, the arrays that they read as inputs, and the outputs."""

    programs: list[_core.Program]
    inputs: Sequence[Float]
    outputs: list[Float]


class _Given(NamedTuple):
    """An array that lies in an input of the network: its number, and the shape it is seen in."""

    number: int
    shape: Shape | None


def _step_forward(forward: Callable[..., Any], call: Call) -> None:
    y = forward(call, *call.xs)
    if y is not None:
        take_output(call, y)


def _run_elsewhere(
    call: Call, xs: Sequence[Float | None], y: Float | None, run: Callable[[], None]
) -> None:
    """Run a step of the way back, whose arrays lie where given; None are where they were."""
    before = call.xs, call.y
    call.xs = [x if other is None else other for x, other in zip(call.xs, xs, strict=True)]
    call.y = call.y if y is None else y
    try:
        run()
    finally:
        call.xs, call.y = before


def _step_back(
    backward: Callable[[Call, Float], Any],
    call: Call,
    dy: Float,
    sums: Sequence[Sum],
) -> None:
    """Run a step backwards, and add up after it what belongs together."""
    dx = backward(call, dy)
    if dx is not None:
        take_gradients(call, dx)
    for total, part in sums:
        _core.weighted_sum([total, part], [1.0, 1.0], total)


def _cut(steps: Sequence[int], pauses: Collection[int]) -> list[list[int]]:
    """Return steps in parts that end with a pause."""
    parts: list[list[int]] = []
    for index in steps:
        if not parts or parts[-1][-1] in pauses:
            parts.append([])
        parts[-1].append(index)
    return parts


class Binding:
    """
    The calls of a plan for one number of samples, with their arrays.

    Parameters
    ----------
    plan
        Whose steps they run.
    rows
        Number of samples.

    Attributes
    ----------
    in_python
        The steps forward that Python computes.
    dys
        Where the gradients of the outputs are to be written before `backward`; None for those that
        nothing wanted depends on.
    """

    def __init__(self, plan: Plan, rows: int) -> None:
        self._changes = plan.changes
        self._statistics = plan.statistics
        self._graph = plan.graph
        self._gradients_of = plan.gradients_of
        self._lives = lives = plan.lives
        self._rows = rows
        self._starts, total = lay_out(lives.regions(), rows, plan.held)
        self._lent, self._lent_size = plan.lent.memory, plan.lent.size
        total -= self._lent_size
        try:
            self._memory = plan.arena.at_least(total)
        except MemoryError:
            largest = max(plan.graph.values, key=lambda value: math.prod(value.shape[1:]))
            raise MemoryError(
                f"{largest.node.layer}: no memory for its output of shape "
                f"{(rows, *largest.shape[1:])} and the arrays beside it, {total / 2**18:,.0f} MiB; "
                "smaller batches need less"
            ) from None
        self._inputs: list[tuple[Call, int, _Given]] = []
        self._sums: dict[int, list[Sum]] = {}
        gradients = self._weight_gradients() if plan.learns else {}
        calls = [
            self._call(plan, index, gradients.get(index, {})) for index in range(len(lives.runs))
        ]
        native = [
            step.traits.native and call.native for step, call in zip(lives.runs, calls, strict=True)
        ]
        self.in_python = [step for step, alone in zip(lives.runs, native, strict=True) if not alone]
        self._forward = stretches(
            [
                (alone, partial(_step_forward, step.operation.forward, call))
                for alone, step, call in zip(native, lives.runs, calls, strict=True)
            ],
            plan.recording,
        )
        self._state = -1
        self._inputs_read: Sequence[Float] = ()
        wanted = [*plan.graph.outputs, *plan.keep]
        self._results: list[Any] = [self._value(value) for value in wanted]
        self._passed = [
            (place, self._given(value))
            for place, value in enumerate(wanted)
            if self._results[place] is None
        ]
        self.dys: list[Float | None] = [
            self._array(lives.of_loss[lives.root(value)], value)
            if lives.root(value) in lives.differentiated
            else None
            for value in plan.graph.outputs
        ]
        self._copies = {
            lives.root(value): np.empty((rows, *value.shape[1:]), np.float32)
            for value in plan.gradients_of
        }
        self._backward = [
            (
                part[-1],
                stretches(
                    [step for index in part for step in self._steps_back(index, calls)],
                    plan.recording,
                ),
            )
            for part in _cut(lives.back, plan.pauses)
        ]
        made = {lives.root(lives.runs[index].output) for index in lives.back}
        self._last_copies = [
            (copy, self._gradient(root)) for root, copy in self._copies.items() if root not in made
        ]

    # Arrays.

    def _array(self, region: Region, value: Value) -> Float:
        start, memory = self._starts[region], self._lent
        if start >= self._lent_size:  # what is lent comes first, then the arena
            start, memory = start - self._lent_size, self._memory
        array = memory[start : start + region.size * self._rows]
        return array.reshape(self._rows, *value.shape[1:])

    def _value(self, value: Value) -> Float | None:
        """Return the array of a value; None for one that lies in an input."""
        region = self._lives.values.get(self._lives.root(value))
        return None if region is None else self._array(region, value)

    def _value_again(self, value: Value) -> Float | None:
        """Return where a value is computed again, if that is elsewhere."""
        region = self._lives.again.get(self._lives.root(value))
        return None if region is None else self._array(region, value)

    def _given(self, value: Value) -> _Given:
        root = self._lives.root(value)
        shape = None if value is root else (self._rows, *value.shape[1:])
        return _Given(self._graph.inputs.index(root), shape)

    def _gradient(self, value: Value) -> Float:
        return self._array(self._lives.gradients[self._lives.root(value)], value)

    def _input_gradient(self, index: int, place: int, value: Value) -> Float | None:
        """Return where a step writes its part of an input's gradient; None if nobody wants it."""
        part = self._lives.parts.get(Part(index, place))
        if part is None:
            return None
        array = self._array(part.region, value)
        if part.so_far is not None and not part.adds:
            self._sums.setdefault(index, []).append((self._array(part.so_far, value), array))
        return array

    def _gradient_so_far(self, index: int) -> Float | None:
        """Return the gradient of a step's first input to which the step is to add its part."""
        part = self._lives.parts.get(Part(index, 0))
        if part is None or part.so_far is None or not part.adds:
            return None
        return self._array(part.so_far, self._lives.runs[index].inputs[0])

    def _weight_gradients(self) -> dict[int, dict[Weight | None, Float]]:
        """Return where each step writes gradients: a later use of a weight has its own memory."""
        found: dict[int, dict[Weight | None, Float]] = {}
        written: set[Weight] = set()
        for index in self._lives.back:
            found[index] = {}
            for weight in self._lives.runs[index].operation.trainable_weights:
                target = weight.gradient
                if weight in written:
                    target = np.empty_like(weight.gradient)
                    self._sums.setdefault(index, []).append((weight.gradient, target))
                found[index][weight] = target
                written.add(weight)
        return found

    # Calls.

    def _call(self, plan: Plan, index: int, gradients: dict[Weight | None, Float]) -> Call:
        step = self._lives.runs[index]
        back = index in self._lives.back
        xs = [self._value(value) for value in step.inputs]
        y = self._value(step.output)
        assert y is not None
        call = Call(
            str(step.operation),
            [value.shape[1:] for value in step.inputs],
            [y if x is None else x for x in xs],
            y,
            plan.training,
            back,
            [
                self._input_gradient(index, place, value) if back else None
                for place, value in enumerate(step.inputs)
            ],
            gradients,
            plan.kept[index],
        )
        call.gradient_so_far = self._gradient_so_far(index)
        for place, (value, x) in enumerate(zip(step.inputs, xs, strict=True)):
            if x is None:
                self._inputs.append((call, place, self._given(value)))
        step.operation.bind(call)
        return call

    def _steps_back(
        self, index: int, calls: Sequence[Call]
    ) -> Iterator[tuple[bool, Callable[[], None]]]:
        """Yield a step, what it needs before it, and activations that wait for it alone."""
        for again in self._lives.recomputes.get(index, ()):
            step, call = self._lives.runs[again], calls[again]
            recompute = partial(step.operation.recompute, call)
            yield step.traits.native and call.native, self._elsewhere(again, call, recompute)
        step, call = self._lives.runs[index], calls[index]
        dy = self._gradient(step.output)
        copy = self._copies.get(self._lives.root(step.output))
        if copy is not None:
            yield False, partial(np.copyto, copy, dy.reshape(copy.shape))
        activations = self._lives.activations[index]
        if index in activations:
            yield self._activation_back(index, calls)
        back = partial(_step_back, step.operation.backward, call, dy, self._sums.get(index, []))
        yield step.traits.native and call.native, self._elsewhere(index, call, back)
        for other in activations:
            if other != index:
                yield self._activation_back(other, calls)

    def _elsewhere(self, index: int, call: Call, run: Callable[[], None]) -> Callable[[], None]:
        """Return what runs with the values where they were computed again."""
        step = self._lives.runs[index]
        *xs, y = (self._value_again(value) for value in (*step.inputs, step.output))
        if y is None and all(x is None for x in xs):
            return run
        return partial(_run_elsewhere, call, xs, y, run)

    def _activation_back(
        self, index: int, calls: Sequence[Call]
    ) -> tuple[bool, Callable[[], None]]:
        """Return what makes a step's gradient that of what its activation takes."""
        step, call = self._lives.runs[index], calls[index]
        dy = self._gradient(step.output)
        assert isinstance(step.operation, Pass)
        return (
            step.traits.native and call.native,
            partial(step.operation.differentiate_activation, call, dy),
        )

    # Running.

    def forward(self, *inputs: Float) -> list[Float]:
        """Return the outputs, then the values to keep."""
        state = self._changes.last()
        if state != self._state and len(inputs) > 1:
            inputs = tuple(x.copy() for x in inputs)  # a recording tells them by their memory
        self._inputs_read = inputs
        for call, place, (index, shape) in self._inputs:
            call.xs[place] = inputs[index] if shape is None else inputs[index].reshape(shape)
        for stretch in self._forward:
            stretch.run(state, inputs)
        self._state = state
        if self._statistics:
            Weight.count_change(self._statistics)
        for place, (index, shape) in self._passed:
            self._results[place] = inputs[index] if shape is None else inputs[index].reshape(shape)
        return self._results

    def record(self, inputs: Sequence[Float]) -> Recorded:
        """Run native steps forward once, and return what they did."""
        outputs = self.forward(*inputs)
        programs = [stretch.program for stretch in self._forward]
        return Recorded(programs, self._inputs_read, outputs)

    def backward(self, after: Callable[[int], None] | None = None) -> list[Float]:
        """
        Return the gradients of `gradients_of`, after `forward`; overwrites `dys`.

        Parameters
        ----------
        after
            Called at each pause of the plan and at the end with the step that has run last.
        """
        for last, part in self._backward:
            for stretch in part:
                stretch.run(self._state, self._inputs_read)
            if after is not None:
                after(last)
        if not self._copies:
            return []
        for copy, gradient in self._last_copies:
            np.copyto(copy, gradient.reshape(copy.shape))
        root = self._lives.root
        return [
            self._copies[root(value)].reshape(self._rows, *value.shape[1:])
            for value in self._gradients_of
        ]
