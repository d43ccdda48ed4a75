"""The cores of a machine, shared by the ranks that run on it."""

from __future__ import annotations

import os
import platform
import sys

from cnnx import config
from cnnx.distributed.group import Group
from cnnx.warning import warn


def _usable() -> set[int]:
    """Return the numbers of the cores that this process may use."""
    if sys.platform == "linux":
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


def share_cores(group: Group) -> None:
    """Let this rank use its share of the machine's cores; warn if it was bound to fewer."""
    host, own = platform.node(), _usable()
    usable: set[int] = set()
    for other, mask in group.gather((host, own)):
        usable |= mask if other == host else set()
    told = bool(os.environ.get("OMP_NUM_THREADS"))
    granted = config.num_threads()  # within the container's quota too
    cores = len(usable) if len(own) < len(usable) else granted
    threads = granted if told else max(1, cores // group.local_size)
    if threads > len(own):
        warn(
            f"distributed.init: rank {group.rank} is bound to {len(own)} of {len(usable)} cores, "
            f"but {threads} threads are its share; give Open MPI's mpiexec --bind-to none, or srun "
            f"--cpus-per-task={threads}",
            RuntimeWarning,
        )
    if not told:
        config.set_num_threads(min(threads, len(own)))
