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


def _status(key: str) -> int:
    match = re.search(rf"^{key}:\s*(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    if match is None:
        raise OSError(f"/proc/self/status has no {key}")
    return 1024 * int(match[1])
