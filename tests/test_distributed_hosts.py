"""Ranks on several hosts, and what happens when the network between them fails."""

from __future__ import annotations

import os
import pickle
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

import distributed_faults
from cnnx.distributed import Group
from mpi_hosts import Hosts, hosts  # noqa: F401
from mpi_launcher import finish, mpiexec
from test_distributed_faults import PROGRAM, SOON, assert_same

pytestmark = pytest.mark.one_isa


def start(hosts: Hosts, output: Path, folder: Path, *fault: str) -> subprocess.Popen[str]:  # noqa: F811
    python = [sys.executable, "-W", "error", str(PROGRAM), str(folder), *fault]
    environment = {"OMP_NUM_THREADS": "1", "TIMEOUT": "3"}
    paths = os.environ.get("PYTHONPATH", "")
    with output.open("w") as file:
        return subprocess.Popen(
            [*hosts.command(mpiexec()), *python],
            env=os.environ | environment | {"PYTHONPATH": paths},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            text=True,
        )


def test_ranks_on_two_hosts_train_as_one(hosts: Hosts, tmp_path: Path) -> None:  # noqa: F811
    output = tmp_path / "output"
    result = finish(start(hosts, output, tmp_path))
    assert result.returncode == 0, output.read_text()
    found = pickle.loads((tmp_path / "weights.1").read_bytes())
    assert_same(found, distributed_faults.train(Group(), str(tmp_path / "alone")), 1e-5)


def test_a_network_that_is_cut_ends_the_ranks(hosts: Hosts, tmp_path: Path) -> None:  # noqa: F811
    """
    Let the ranks end with an error that names the other one and its host.

    Open MPI's mpiexec waits on for the host that it has lost; the test ends it.
    """
    if len(mpiexec()) == 1:
        pytest.skip("MPICH's ranks go round the network, through the machine's memory")
    output = tmp_path / "output"
    process = start(hosts, output, tmp_path, "wait", "all")
    began = time.monotonic()
    try:
        while not (tmp_path / "waits.0").exists() or not (tmp_path / "waits.1").exists():
            assert process.poll() is None, output.read_text()
            assert time.monotonic() - began < SOON
            time.sleep(0.01)
        hosts.cut()
        (tmp_path / "go").touch()
        began = time.monotonic()
        while any(map(_is_rank, hosts.processes())):
            assert time.monotonic() - began < SOON, output.read_text()
            time.sleep(0.05)
    finally:
        process.kill()
        process.wait()
    named = re.search(r"rank (\d) \(process \d+ on (\w+)\) did not come", output.read_text())
    assert named, output.read_text()
    assert named.groups() in {("0", "one"), ("1", "two")}
    assert not (tmp_path / "weights.0").exists()


def _is_rank(number: int) -> bool:
    try:
        command = Path(f"/proc/{number}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return command[0] == sys.executable.encode()
