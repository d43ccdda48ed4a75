"""Hosts of a network of their own: two network namespaces of this machine with a link between."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ADDRESSES = {"one": "10.87.0.1", "two": "10.87.0.2"}

ENVIRONMENT = "PYTHONPATH", "OMP_NUM_THREADS", "TIMEOUT"

AGENT = """#!/bin/sh
# Runs a command on a host, as ssh does: AGENT [-OPTIONS] ADDRESS COMMAND...
while case $1 in -*) true ;; *) false ;; esac; do shift; done
case $1 in {one}) host=one ;; *) host=two ;; esac
shift
exec ip netns exec {prefix}$host unshare --uts sh -c "hostname $host; $*"
"""


class Hosts:
    """
    Two hosts, named one and two.

    Parameters
    ----------
    folder
        Of a program that runs commands on one of them, as ssh does.
    """

    def __init__(self, folder: Path) -> None:
        self._prefix = f"cnnx{os.getpid()}"
        self._agent = folder / "agent"
        self._agent.write_text(AGENT.format(one=ADDRESSES["one"], prefix=self._prefix))
        self._agent.chmod(0o755)

    def start(self) -> None:
        """Make the hosts and their link; raises CalledProcessError where that is not allowed."""
        one, two = (self._prefix + host for host in ADDRESSES)
        for host in (one, two):
            _ip("netns", "add", host)
        cable = ["link", "add", "cable", "netns", one, "type", "veth"]
        _ip(*cable, "peer", "name", "cable", "netns", two)
        for host, address in zip((one, two), ADDRESSES.values(), strict=True):
            _ip("-n", host, "addr", "add", f"{address}/24", "dev", "cable")
            _ip("-n", host, "link", "set", "lo", "up")
            _ip("-n", host, "link", "set", "cable", "up")

    def command(self, mpiexec: list[str]) -> list[str]:
        """Return the command that starts a rank on each host, without the program."""
        hosts = ",".join(ADDRESSES.values())
        if len(mpiexec) == 1:  # Hydra, of MPICH
            options = ["-launcher", "ssh", "-launcher-exec", str(self._agent), "-hosts", hosts]
        else:
            options = ["--host", hosts, "--prtemca", "plm_ssh_agent", str(self._agent)]
            options += [part for name in ENVIRONMENT for part in ("-x", name)]
        inside = ["unshare", "--uts", "sh", "-c", 'hostname one; exec "$@"', "sh"]
        first = ["ip", "netns", "exec", f"{self._prefix}one", *inside]
        return [*first, *mpiexec, *options, "-n", "2"]

    def cut(self) -> None:
        """Cut the link: what is sent is lost, and nobody is told."""
        for host in ADDRESSES:
            _ip("-n", self._prefix + host, "link", "set", "cable", "down")

    def processes(self) -> list[int]:
        """Return the processes that run on the hosts."""
        found = [_ip("netns", "pids", self._prefix + host).split() for host in ADDRESSES]
        return [int(number) for numbers in found for number in numbers]

    def end(self) -> None:
        """End what runs on the hosts, and remove them and their link."""
        for host in ADDRESSES:
            name = self._prefix + host
            if name in _ip("netns", "list").split():
                for number in _ip("netns", "pids", name).split():
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(int(number), signal.SIGKILL)
                _ip("netns", "del", name)


def _ip(*arguments: str) -> str:
    command = ["ip", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[Hosts]:
    """Return two hosts; skip where they cannot be made."""
    if os.geteuid() != 0 or shutil.which("ip") is None or shutil.which("unshare") is None:
        pytest.skip("network namespaces need root, ip (apt install iproute2) and unshare")
    made = Hosts(tmp_path)
    try:
        made.start()
        yield made
    except subprocess.CalledProcessError as error:
        pytest.skip(f"network namespaces are not allowed here: {error.stderr}")
    finally:
        made.end()
