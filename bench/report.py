"""What the commands print and write beside their tables."""

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bench.frameworks import FRAMEWORKS


def installed(names: Iterable[str]) -> list[str]:
    """Return the frameworks that are installed, and print what the others need."""
    found = []
    for name in names:
        missing = FRAMEWORKS[name].missing()
        if missing:
            print(f"{name}: not installed ({', '.join(missing)})")
        else:
            found.append(name)
    return found


def print_heading(machine: Mapping[str, str], versions: Mapping[str, str]) -> None:
    """Print what the figures were measured on, and what was measured."""
    print("; ".join(f"{key}: {value}" for key, value in machine.items()))
    print("; ".join(f"{name} {version}" for name, version in versions.items()), flush=True)


def show_progress(text: str) -> None:
    """Replace the last line of the terminal, if there is one."""
    if sys.stderr.isatty():
        print(f"\x1b[K{text}", end="\r", file=sys.stderr, flush=True)


def write_json(
    path: Path | None, machine: Mapping[str, str], versions: Mapping[str, str], **figures: Any
) -> None:
    """Write a file of everything, if a path is given."""
    if path is not None:
        report = {"machine": machine, "versions": versions, **figures}
        path.write_text(json.dumps(report, indent=1) + "\n")
