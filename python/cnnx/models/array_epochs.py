"""Epochs of a number of batches that is not that of a pass over the data."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from cnnx import random
from cnnx.arrays import Array
from cnnx.models.batches import Batches


class _Part(NamedTuple):
    """Batches of one pass: how the generator stood that drew their order, and which they are."""

    begin: Any
    order: Array | None
    first: int
    steps: int


class ArrayEpochs:
    """
    Epochs that go on through the data: where one pass ends, within an epoch, the next begins.

    Parameters
    ----------
    batches
        Of a pass.
    steps
        Batches of an epoch.

    Attributes
    ----------
    joint
        Samples of the batch last yielded, of all ranks.
    samples
        None: epochs may differ in their samples.
    """

    samples: int | None = None

    def __init__(self, batches: Batches, steps: int) -> None:
        self._batches = batches
        self.steps = steps
        self.joint = 0
        self._begin: Any = None
        self._done = batches.steps

    @property
    def most(self) -> int:
        """Most samples of a batch, of all ranks."""
        return self._batches.most

    def in_order(self, parts: list[Array]) -> list[Array]:
        """Return what was made of each batch in the data's order: as `Batches.in_order`."""
        return self._batches.in_order(parts)

    def description(self) -> list[str]:
        """Return the arrays in short, line by line, and the steps."""
        return [*self._batches.description(), f"steps of an epoch: {self.steps}"]

    def get_state(self) -> dict[str, Any]:
        """Return how the present pass began, and how many of its batches are done."""
        return {"begin": self._begin, "done": self._done}

    def set_state(self, state: dict[str, Any]) -> None:
        """Let the next epoch go on from what `get_state` returned."""
        self._begin, self._done = state["begin"], int(state["done"])

    def __iter__(self) -> Iterator[list[Any]]:
        return self._run(self._drawn())

    def _drawn(self) -> list[_Part]:
        """Draw the orders of the passes of an epoch, at its beginning: all ranks draw alike."""
        parts: list[_Part] = []
        begin, done, left = self._begin, self._done, self.steps
        of_pass = self._batches.steps
        while left:
            if done < of_pass:
                chance = np.random.default_rng()
                if begin is not None:
                    chance.bit_generator.state = begin
                order = self._batches.order(chance)
            else:
                chance = random.generator()
                begin, done = chance.bit_generator.state, 0
                order = self._batches.order(chance)
            count = min(left, of_pass - done)
            parts.append(_Part(begin, order, done, count))
            done, left = done + count, left - count
        return parts

    def _run(self, parts: list[_Part]) -> Iterator[list[Any]]:
        for begin, order, first, steps in parts:
            self._begin, self._done = begin, first
            for batch in itertools.islice(self._batches.run(order, first), steps):
                self.joint = self._batches.joint
                self._done += 1
                yield batch
