"""What the figures were measured on."""

import os
import platform
import re
from pathlib import Path


def describe_machine() -> dict[str, str]:
    """Return the processor, the CPUs that may be used, the system, Python, and the load."""
    cpuinfo = Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*:\s*(.+)", cpuinfo)
    return {
        "processor": model[1] if model else platform.processor() or platform.machine(),
        "CPUs": str(len(os.sched_getaffinity(0))),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load before": f"{os.getloadavg()[0]:.2f}",
    }
