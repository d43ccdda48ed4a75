"""A simulated cluster, whose ranks replay measured steps and exchange their gradients."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Messages(NamedTuple):
    """What a message between two ranks takes: seconds = latency + bytes / bandwidth."""

    latency: float
    bandwidth: float

    def seconds(self, size: float) -> float:
        """Return the seconds of a message of `size` bytes."""
        return self.latency + size / self.bandwidth


def simulated_seconds(
    steps: Sequence[float], size: int, ranks: int, messages: Messages, count: int = 50
) -> float:
    """
    Return the mean seconds of a step of ranks that each draw their steps from measured ones.

    Gradients are summed by halves (Rabenseifner): in log2(ranks) rounds each rank exchanges half of
    what it holds with a partner, a quarter with the next, ..., and the sums the same way back. A
    round of two partners begins when both are there.

    Parameters
    ----------
    steps
        Measured seconds of forward and backward pass.
    size
        Bytes of the gradients.
    ranks
        A power of 2.
    messages
        What a message takes.
    count
        Steps to simulate.
    """
    rounds = int(math.log2(ranks))
    if 1 << rounds != ranks:
        raise ValueError(f"the number of ranks must be a power of 2, got {ranks}")
    generator = np.random.default_rng(0)
    halves = [*range(rounds), *reversed(range(rounds))]
    numbers = np.arange(ranks)
    clocks = np.zeros(ranks)
    for _ in range(count):
        clocks += generator.choice(steps, ranks)
        for half in halves:
            partners = clocks[numbers ^ (1 << half)]
            clocks = np.maximum(clocks, partners) + messages.seconds(size / (2 << half))
    return float(clocks.max()) / count


def expected_seconds(step: float, size: int, ranks: int, messages: Messages) -> float:
    """Return step + 2 log2(N) latency + 2 (N - 1) / N size / bandwidth."""
    exchanged = 2 * (ranks - 1) / ranks * size / messages.bandwidth
    return step + 2 * math.log2(ranks) * messages.latency + exchanged
