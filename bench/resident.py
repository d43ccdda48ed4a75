"""The memory of this process that is in RAM, as Linux counts it."""

import ctypes
import re
from pathlib import Path


def resident_bytes() -> int:
    """Return how much is in use, after giving back what was freed."""
    ctypes.CDLL(None).malloc_trim(0)
    return _status("VmRSS")


def resident_peak() -> int:
    """Return the most that was in use since `restart_resident_peak`."""
    return _status("VmHWM")


def restart_resident_peak() -> None:
    """Begin to watch for the highest use anew."""
    Path("/proc/self/clear_refs").write_text("5")


def proportional_bytes(process: int) -> int:
    """Return what a process holds; a page that n processes share counts as 1/n of it."""
    return 1024 * _number(Path(f"/proc/{process}/smaps_rollup"), "Pss")


def _status(key: str) -> int:
    return 1024 * _number(Path("/proc/self/status"), key)


def _number(file: Path, key: str) -> int:
    """Return the number of KiB that a file of the system gives under a key."""
    match = re.search(rf"^{key}:\s*(\d+) kB$", file.read_text(), re.MULTILINE)
    if match is None:
        raise OSError(f"{file} has no {key}")
    return int(match[1])
