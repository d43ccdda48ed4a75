"""Steps that run one after the other, without Python from the second time on if they can."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby

from cnnx import _core
from cnnx.arrays import Float
from cnnx.layers.weight import Weight


class Stretch:
    """
    Steps of a plan that run one after the other.

    Parameters
    ----------
    native
        Whether they only call the core, with the same arguments each time. The first run then
        records these calls, and later ones are a single call of the core, which runs them without
        the GIL.
    steps
        Functions without arguments.
    recording
        Held while calls are recorded.
    """

    __slots__ = ("_native", "_program", "_recording", "_state", "_steps")

    def __init__(
        self, native: bool, steps: Sequence[Callable[[], None]], recording: threading.RLock
    ) -> None:
        self._native = native
        self._steps = steps
        self._recording = recording
        self._program = _core.Program()
        self._state = -1

    @property
    def program(self) -> _core.Program:
        """The calls of the last recording."""
        return self._program

    def run(self, state: int, inputs: Sequence[Float]) -> None:
        """
        Run all steps.

        Parameters
        ----------
        state
            A number that changes when recorded calls are out of date.
        inputs
            The arrays, apart in memory, that may be others in each run; the steps read them.
        """
        if self._state == state:
            self._program.run(*inputs)
            return
        if not self._native:
            for step in self._steps:
                step()
            return
        self._state = -1
        self._program = _core.Program()
        with self._recording:
            self._program.begin(list(inputs))
            try:
                for step in self._steps:
                    step()
            finally:
                self._program.end()
        self._state = state


class Changes:
    """
    The changes that recorded calls do not see.

    Parameters
    ----------
    weights
        Inputs whose prepared form the calls read.
    """

    def __init__(self, weights: Iterable[Weight]) -> None:
        self._weights = list(weights)
        self._seen = self._version = self._changed = -1

    def last(self) -> int:
        """Return another number after each change."""
        change = Weight.last_change
        if self._weights and self._seen != change:
            version = sum(weight.version for weight in self._weights)
            if version != self._version:
                self._version, self._changed = version, change
            self._seen = change
        return max(self._changed, Weight.last_arrangement)


def stretches(
    steps: Iterable[tuple[bool, Callable[[], None]]], recording: threading.RLock
) -> list[Stretch]:
    """Return steps, each with whether it is native, in stretches that are as long as can be."""
    return [
        Stretch(native, [step for _, step in group], recording)
        for native, group in groupby(steps, lambda pair: pair[0])
    ]
