"""cnnx and its peers on one task, turn by turn."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np

from bench.frameworks import OURS
from bench.networks import Array
from bench.tables import format_threads
from bench.tasks import FileTask, LayerTask, NetworkTask
from bench.workers import Turn, Worker, WorkerError, take_turns

TOLERANCE = 1e-3
"""How far the results of a peer may be from ours, relative to the largest of ours if above 1."""

_STEPS_COMPARED = 2
"""The second loss shows that gradients and Adam agree; later, rounding grows in all frameworks."""


CompareT = TypeVar("CompareT", NetworkTask, FileTask, LayerTask)


@dataclass
class Comparison(Generic[CompareT]):
    """
    The seconds of a step in each round.

    Attributes
    ----------
    times
        By framework; those that failed are left out.
    deviations
        Of each peer's results from ours.
    failures
        Why a framework was not timed.
    """

    task: CompareT
    threads: int
    times: dict[str, list[float]] = field(default_factory=dict)
    deviations: dict[str, float] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    @property
    def best_peer(self) -> str | None:
        """The peer with the lowest median ratio, if there is one and cnnx ran."""
        if OURS not in self.times:
            return None
        return min(
            self.peer_times(), key=lambda peer: statistics.median(self.ratios(peer)), default=None
        )

    def peer_times(self) -> dict[str, list[float]]:
        """Return the times of all but cnnx."""
        return {name: times for name, times in self.times.items() if name != OURS}

    def ratios(self, peer: str) -> list[float]:
        """Return a peer's time divided by ours, round by round."""
        return [a / b for a, b in zip(self.times[peer], self.times[OURS], strict=True)]

    def record(self) -> dict[str, Any]:
        """Return what was measured as JSON-serialisable values."""
        ours = OURS in self.times
        return {
            "threads": self.threads,
            "seconds": self.times,
            "ratios": {peer: self.ratios(peer) for peer in self.peer_times()} if ours else {},
            "best_peer": self.best_peer,
            "deviations": self.deviations,
            "failures": self.failures,
        }

    @classmethod
    def from_record(cls, task: CompareT, record: Mapping[str, Any]) -> Comparison[CompareT]:
        """Return what `record` was made of."""
        return cls(
            task, *(record[name] for name in ("threads", "seconds", "deviations", "failures"))
        )


def title(
    comparisons: Sequence[Comparison[NetworkTask]] | Sequence[Comparison[FileTask]],
) -> str:
    """Return what comparisons of networks in one mode on the same threads have in common."""
    batches = {comparison.task.batch for comparison in comparisons}
    batch = f"batch {batches.pop()}, " if len(batches) == 1 else ""
    return f"{comparisons[0].task.mode}, {batch}{format_threads(comparisons[0].threads)}"


def compare(
    workers: Mapping[str, Worker], task: CompareT, threads: int, rounds: int, seconds: float
) -> Comparison[CompareT]:
    """Check that all compute the same, and time those that do."""
    comparison = Comparison(task, threads)
    turns: dict[str, Turn] = {}
    expected: Array | None = None
    for name, worker in workers.items():
        try:
            worker.prepare(task)
            turns[name] = Turn(worker, task)
            found = worker.results(task, _STEPS_COMPARED)
        except WorkerError as error:
            comparison.failures[name] = str(error)
            continue
        if name == OURS:
            expected = found
        elif expected is not None:
            deviation = _deviation(expected, found)
            comparison.deviations[name] = deviation
            if not deviation <= TOLERANCE:
                comparison.failures[name] = f"computes something else, off by {deviation:.2g}"
    able = [turn for name, turn in turns.items() if name not in comparison.failures]
    take_turns(able, rounds, seconds)
    for name, turn in turns.items():
        if turn.failure:
            comparison.failures[name] = turn.failure
        elif turn.times:
            comparison.times[name] = turn.times
        try:
            turn.worker.forget(task)
        except WorkerError as error:
            comparison.failures.setdefault(name, str(error))
    return comparison


def _deviation(expected: Array, found: Array) -> float:
    """Return the largest difference, relative to the largest expected value if above 1."""
    if expected.shape != found.shape:
        return float("inf")
    scale = max(1.0, float(np.abs(expected).max()))
    return float(np.abs(expected - found).max()) / scale
