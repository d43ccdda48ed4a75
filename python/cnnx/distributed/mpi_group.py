"""A group of processes that MPI joins."""

from __future__ import annotations

import atexit
import math
import os
import pickle
import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any, TypeVar

import numpy as np

from cnnx.arrays import Array
from cnnx.distributed.group import Group, Pending
from cnnx.distributed.processes import Process, ended, this_process
from cnnx.distributed.shared_memory import SharedSums, create_memory, open_memory

T = TypeVar("T")

PIECE = 1 << 18
"""Numbers of an array that are summed at a time: small pieces stay in the processors' caches."""
SPINNING = 1e-3
"""Seconds of waiting before this process begins to sleep in between."""
LOOKING = 0.5
"""Seconds between two looks at the ranks that are waited for."""
ANSWERING = 2.0
"""Seconds that the other ranks have to say that they wait too."""
LEFT, LATE = 1, 2
"""Tags of notes: this rank leaves the program, this rank waits too long."""
let_others_run = getattr(os, "sched_yield", lambda: time.sleep(0))
"""Gives the processor to others that wait for it; on Linux a sleep of 0 s takes 50 µs."""


class MPIGroup(Group):
    """
    The processes of MPI's world.

    All calls of MPI begin something and return; the wait for its end is ours, and has a limit. A
    rank that waits sleeps in between, so that it leaves the processor to others.

    Parameters
    ----------
    mpi
        The module mpi4py.MPI.
    timeout
        As for `init`.
    """

    def __init__(self, mpi: Any, timeout: float) -> None:
        self._mpi = mpi
        self._timeout = timeout
        self._data = mpi.COMM_WORLD.Dup()
        self._notes = mpi.COMM_WORLD.Dup()
        self.rank, self.size = self._data.rank, self._data.size
        local = self._data.Split_type(mpi.COMM_TYPE_SHARED)
        self.local_rank, self.local_size = local.rank, local.size
        self._done = 0
        self._ends = False
        self._processes: list[Process] = self._data.allgather(this_process())
        self._sums = self._shared_sums() if self.local_size == self.size else None
        self._hook = sys.excepthook
        sys.excepthook = self._end_all
        atexit.register(self._leave)

    # What ranks do together.

    def begin_sum(self, array: Array) -> Pending:
        """Begin to replace the numbers of an array by their sums over all ranks."""
        began = time.perf_counter()
        flat = array.reshape(-1)
        pieces = (flat[start : start + PIECE] for start in range(0, len(flat), PIECE))
        if self._sums is not None and self._sums.takes(flat):
            requests: list[Any] = [self._sums.begin(piece) for piece in pieces]
        else:
            requests = [self._data.Iallreduce(self._mpi.IN_PLACE, piece) for piece in pieces]
        self.seconds += time.perf_counter() - began
        return _Requests(requests, self)

    def _shared_sums(self) -> SharedSums | None:
        """Return sums in memory that all ranks share; None if one of them has none."""
        made = create_memory(self.size) if self.rank == 0 else None
        path = self.broadcast(made and made[0])
        memory = None if path is None else made[1] if made else open_memory(path, self.size)
        shared = all(self.gather(memory is not None))
        if made:
            os.unlink(made[0])
        return SharedSums(memory, self.rank, self.size) if memory and shared else None

    def gather(self, value: T) -> list[T]:
        """Return what each rank gave, in their order."""
        own = np.frombuffer(pickle.dumps(value), np.uint8)
        sizes = np.empty(self.size, np.int64)
        self.wait(self._data.Iallgather(np.array([own.size]), sizes), "gather")
        parts = np.split(self._gathered(own, sizes), np.cumsum(sizes)[:-1])
        return [pickle.loads(part.data) for part in parts]

    def broadcast(self, value: T) -> T:
        """Return what rank 0 gave."""
        content = np.frombuffer(pickle.dumps(value if self.rank == 0 else None), np.uint8)
        size = np.array([content.size])
        self.wait(self._data.Ibcast(size), "broadcast")
        if self.rank:
            content = np.empty(size[0], np.uint8)
        self.wait(self._data.Ibcast(content), "broadcast")
        found: T = pickle.loads(content.data)
        return found

    def rows(self, array: Array) -> Array:
        """Return the rows of all ranks' arrays below each other."""
        forms = self.gather((array.shape, array.dtype))
        (_, *row), dtype = next((form for form in forms if form[0][0]), forms[0])
        found = {shape[1:] for shape, _ in forms if shape[0]}
        if len(found) > 1:
            raise ValueError(
                "metrics that see the samples of all ranks need outputs of one size in a step, got "
                f"{' and '.join(map(str, sorted(found)))}; give the ranks images of one size"
            )
        own = np.ascontiguousarray(array, dtype)  # without rows, of any form
        sizes = [shape[0] * math.prod(row) for shape, _ in forms]
        count = sum(shape[0] for shape, _ in forms)
        return self._gathered(own, sizes).reshape(count, *row)

    def barrier(self) -> None:
        """Wait until all ranks are here."""
        self.wait(self._data.Ibarrier(), "barrier")

    def _gathered(self, own: Array, sizes: Sequence[int] | Array) -> Array:
        """Return what all ranks gave one after the other, of so many numbers each."""
        joined = np.empty(sum(sizes), own.dtype)
        self.wait(self._data.Iallgatherv(own, [joined, sizes]), "gather")
        return joined

    # Waiting.

    def wait(self, request: Any, operation: str) -> None:
        """Wait until all ranks have come to the same place; raises RuntimeError for one missing."""
        began = time.perf_counter()
        look = began + LOOKING
        try:
            while not request.Test():
                now = time.perf_counter()
                if now - began < SPINNING:
                    let_others_run()
                    continue
                time.sleep(5e-5)
                if now > look:
                    self._look(now - began, operation)
                    look = now + LOOKING
        finally:
            self.seconds += time.perf_counter() - began
        self._done += 1

    def _look(self, waited: float, operation: str) -> None:
        """Raise RuntimeError if a rank will not come."""
        status = self._mpi.Status()
        if self._notes.Iprobe(self._mpi.ANY_SOURCE, LEFT, status):
            rank = status.source
            raise RuntimeError(
                f"{self._named(rank)} has ended, but rank {self.rank} waits for it ({operation}): "
                "all ranks must call fit, evaluate and predict alike, and end alike"
            )
        for rank, process in enumerate(self._processes):
            if rank != self.rank and (state := ended(process, waited)):
                raise RuntimeError(
                    f"{self._named(rank)} is {state}, and rank {self.rank} waits for it "
                    f"({operation})"
                )
        if waited > self._timeout:
            silent = self._silent()
            names = ", ".join(map(self._named, silent)) or "a rank"
            raise RuntimeError(
                f"{names} did not come within {self._timeout:g} s to where rank {self.rank} waits "
                f"({operation}): it computes something else, or its machine or network is down. "
                "All ranks must call fit, evaluate and predict alike; distributed.init(timeout=) "
                "sets the limit"
            )

    def _silent(self) -> list[int]:
        """Return the ranks that do not say that they wait here too."""
        others = set(range(self.size)) - {self.rank}
        for rank in others:
            self._notes.isend(self._done, rank, LATE)
        deadline = time.perf_counter() + ANSWERING
        while others and time.perf_counter() < deadline:
            status = self._mpi.Status()
            if not self._notes.Iprobe(self._mpi.ANY_SOURCE, LATE, status):
                time.sleep(0.01)
            elif self._notes.recv(source=status.source, tag=LATE) == self._done:
                others.discard(status.source)
        return sorted(others)

    def _named(self, rank: int) -> str:
        process = self._processes[rank]
        return f"rank {rank} (process {process.number} on {process.host})"

    # The end.

    def _end_all(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        """End all ranks: an error that nobody handles would leave the others waiting."""
        self._ends = True
        sys.stdout.flush()
        print(f"rank {self.rank} of {self.size} ends all ranks:", file=sys.stderr)
        self._hook(kind, error, trace)
        sys.stderr.flush()
        self._mpi.COMM_WORLD.Abort(1)

    def _leave(self) -> None:
        """Wait at the end of the program for the other ranks; those that wait here are told."""
        if self._mpi.Is_finalized() or self._ends:
            return
        request, told = self._notes.Ibarrier(), False
        began = time.perf_counter()
        while not request.Test():
            time.sleep(1e-3)
            if not told and time.perf_counter() - began > LOOKING:
                told = True
                for rank in set(range(self.size)) - {self.rank}:
                    self._notes.isend(None, rank, LEFT)
        status = self._mpi.Status()
        while self._notes.Iprobe(self._mpi.ANY_SOURCE, self._mpi.ANY_TAG, status):
            self._notes.recv(source=status.source, tag=status.tag)


class _Requests(Pending):
    """What MPI does in the background for a sum."""

    def __init__(self, requests: list[Any], group: MPIGroup) -> None:
        self._requests = requests
        self._group = group

    def advance(self) -> bool:
        began = time.perf_counter()
        ended = all(request.Test() for request in self._requests)
        self._group.seconds += time.perf_counter() - began
        return ended

    def wait(self) -> None:
        for request in self._requests:
            self._group.wait(request, "sum")
