"""What the system tells about the other processes of a machine."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import NamedTuple

STOPPED_SECONDS = 3.0
"""How long a process may be stopped before it is given up."""


class Process(NamedTuple):
    """A process, and the machine and container in which its number means it."""

    number: int
    host: str
    space: str
    started: str


def this_process() -> Process:
    """Return this process."""
    number = os.getpid()
    return Process(number, os.uname().nodename, _space(), _stat(number)[1])


def ended(process: Process, waited: float) -> str:
    """
    Return how a process that does not answer has ended: empty if it lives or nobody can tell.

    Parameters
    ----------
    process
        Of this machine or another.
    waited
        Seconds since it should have answered.
    """
    if process.space != _space():
        return ""
    state, started = _stat(process.number)
    if started != process.started or state in "ZX":
        return "dead"
    return "stopped" if state in "Tt" and waited > STOPPED_SECONDS else ""


def _space() -> str:
    """Return what names the numbers of processes: the machine's boot and the namespace."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:  # no other process can be looked at
        return f"{platform.node()} {os.getpid()}"


def _stat(number: int) -> tuple[str, str]:
    """Return the letter of a process's state, and when it started; X if it is gone."""
    try:
        text = Path(f"/proc/{number}/stat").read_text()
    except OSError:
        return "X", ""
    fields = text.rpartition(")")[2].split()
    return fields[0], fields[19]
