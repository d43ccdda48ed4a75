"""Training on several processes and machines at once, through MPI (mpi4py, the extra `mpi`)."""

from cnnx.distributed.group import Group, group
from cnnx.distributed.start import init

__all__ = ["Group", "group", "init"]
