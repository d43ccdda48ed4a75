"""Processes that take turns: each runs one framework, and all but one sleep on their pipes."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import time
import traceback
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Protocol, TypeVar

import numpy as np

from bench.frameworks import FRAMEWORKS, Framework, Step
from bench.networks import Array

Key = TypeVar("Key", bound=Hashable)

PAUSE = 0.1
"""Seconds after each turn, in which the threads of the last one stop spinning and fall asleep."""

_TIMEOUT = 600
"""Seconds after which a worker counts as lost; compilers are slow."""

_ENVIRONMENT = {
    "JAX_PLATFORMS": "cpu",
    "TORCHINDUCTOR_COMPILE_THREADS": "1",  # no processes of its own
}


class Task(Protocol):
    """What a worker can be asked to time; hashable, and small enough for a pipe."""

    def prepare(self, framework: Framework) -> Step:
        """Make ready, and return the step to be timed."""


class WorkerError(Exception):
    """What went wrong in a worker, in one line."""


class _Desk:
    """The worker's side: the steps it has prepared."""

    def __init__(self, framework: Framework) -> None:
        self._framework = framework
        self._steps: dict[Task, Step] = {}

    def version(self) -> str:
        return self._framework.version()

    def prepare(self, task: Task) -> None:
        self._steps[task] = task.prepare(self._framework)

    def results(self, task: Task, count: int) -> Array:
        """Return what the next steps compute."""
        return np.stack([np.asarray(self._steps[task]()) for _ in range(count)])

    def time(self, task: Task, seconds: float) -> float:
        """Return the time of a step, once caches and threads are warm."""
        step = self._steps[task]
        _repeat(step, seconds / 5)
        return _repeat(step, seconds)

    def forget(self, task: Task) -> None:
        del self._steps[task]


def _repeat(step: Step, seconds: float) -> float:
    """Repeat a step for so long, and return the time of one."""
    started = time.perf_counter()
    steps, elapsed = 0, 0.0
    while elapsed < seconds:
        step()
        steps += 1
        elapsed = time.perf_counter() - started
    return elapsed / steps


def _work(connection: Connection, framework: str, threads: int) -> None:
    """Answer calls until the other end is closed."""
    os.environ.update(_ENVIRONMENT)
    desk: _Desk | None = None
    with contextlib.suppress(EOFError, KeyboardInterrupt):
        while True:
            method, arguments = connection.recv()
            try:
                if desk is None:
                    desk = _Desk(FRAMEWORKS[framework].start(threads))
                connection.send((True, getattr(desk, method)(*arguments)))
            except Exception as error:
                connection.send((False, _one_line(error)))


def _one_line(error: Exception) -> str:
    lines = traceback.format_exception_only(error)[0].strip().splitlines()
    return lines[0][:200]


class Worker:
    """
    A framework in a process of its own, which starts at the first call.

    Parameters
    ----------
    framework
        Its name in `FRAMEWORKS`.
    threads
        That it may use.
    """

    def __init__(self, framework: str, threads: int) -> None:
        self.framework = framework
        self.threads = threads
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(
            target=_work, args=(theirs, framework, threads), daemon=True
        )
        self._process.start()
        theirs.close()

    def version(self) -> str:
        """Return what runs, in a few words."""
        return str(self._call("version"))

    def prepare(self, task: Task) -> None:
        """Make a task ready."""
        self._call("prepare", task)

    def results(self, task: Task, count: int) -> Array:
        """Return what the next steps of a task compute."""
        return np.asarray(self._call("results", task, count))

    def time(self, task: Task, seconds: float) -> float:
        """Run a task for so long, and return the seconds of a step."""
        return float(self._call("time", task, seconds))

    def forget(self, task: Task) -> None:
        """Free what a task holds."""
        self._call("forget", task)

    def _call(self, method: str, *arguments: Any) -> Any:
        try:
            self._connection.send((method, arguments))
            if not self._connection.poll(_TIMEOUT):
                self._process.kill()
                raise WorkerError(f"no answer within {_TIMEOUT} s")
            succeeded, answer = self._connection.recv()
        except (EOFError, OSError) as error:
            self._process.join()
            raise WorkerError(f"its process ended ({self._process.exitcode})") from error
        if not succeeded:
            raise WorkerError(answer)
        return answer

    def close(self) -> None:
        """End the process."""
        self._connection.close()
        self._process.join(10)
        self._process.kill()

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


@dataclass(eq=False)
class Turn:
    """A worker's part in each round: a task that it has prepared, and the seconds of its steps."""

    worker: Worker
    task: Task
    times: list[float] = field(default_factory=list)
    failure: str = ""

    def take(self, seconds: float) -> None:
        """Time the task once; a failure is noted and ends its part."""
        try:
            self.times.append(self.worker.time(self.task, seconds))
        except WorkerError as error:
            self.failure = str(error)
        time.sleep(PAUSE)


def take_turns(turns: Sequence[Turn], rounds: int, seconds: float) -> None:
    """Let each worker time its task for `seconds`, one after the other, `rounds` times."""
    for _ in range(rounds):
        for turn in turns:
            if not turn.failure:
                turn.take(seconds)


def time_all(
    parts: Mapping[Key, tuple[Worker, Task]], rounds: int, seconds: float
) -> dict[Key, list[float]]:
    """Let all tasks take turns, and return the seconds of a step in each round."""
    turns = {key: Turn(*part) for key, part in parts.items()}
    for turn in turns.values():
        turn.worker.prepare(turn.task)
    take_turns(list(turns.values()), rounds, seconds)
    for turn in turns.values():
        if turn.failure:
            raise WorkerError(turn.failure)
        turn.worker.forget(turn.task)
    return {key: turn.times for key, turn in turns.items()}
