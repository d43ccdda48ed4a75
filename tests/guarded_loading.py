"""Load hostile model files where any access to the world outside and any excess of memory is seen.

A program of its own, because an audit hook stays for the life of a process. It prints a line for
each file: its name, what became of it, and how many MiB beyond the file's size that took.
"""

from __future__ import annotations

import encodings.cp437  # noqa: F401  (for names in archives)
import itertools
import re
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy.ma  # noqa: F401  (which NumPy imports at its first use)

from cnnx.models import load_model
from hostile_models import Case, crafted, mutations, strange_values
from saved_models import read, write
from test_spoilt_files import SPOILT

CONSTANT = 128 << 20  # bytes, as SECURITY.md says
SECONDS = 20
READ_BY_SIGNATURE = ("__code__", "__defaults__", "__kwdefaults__")  # `inspect.signature`


class Guard:
    """Notes what loading opens, imports, executes or connects to."""

    def __init__(self, sizes: int = 1) -> None:
        self._sizes = sizes  # how many times its own size a file may take
        self._path = ""
        self._events: list[str] = []
        sys.addaudithook(self._note)

    def _note(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "builtins.id":  # an object's identity, for which context managers ask
            return
        if event in ("mmap.__new__", "sys._getframe"):  # of the open file; where warnings lead
            return
        if event == "object.__getattr__" and arguments[1] in READ_BY_SIGNATURE:
            return
        if self._path and (event, *arguments[:2]) != ("open", self._path, "r"):
            self._events.append(f"{event}{arguments}")

    def load(self, path: Path) -> tuple[str, int, Any]:
        """Return the outcome, the growth of memory at its peak in bytes, and the model."""
        size, before = path.stat().st_size, status("VmData")
        allowed = before + self._sizes * size + CONSTANT
        resource.setrlimit(resource.RLIMIT_DATA, (allowed, resource.RLIM_INFINITY))
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
        resident, start, model = status("VmRSS"), time.perf_counter(), None
        self._path, self._events = str(path), []
        try:
            model = load_model(path)
            outcome = "model"
        except (ValueError, OSError) as error:
            outcome = "refused" if str(path) in str(error) else f"nameless {error!r:.200}"
        except BaseException as error:
            outcome = f"raised {error!r:.200}"
        self._path = ""
        resource.setrlimit(resource.RLIMIT_DATA, (resource.RLIM_INFINITY,) * 2)
        growth = status("VmHWM") - resident - 2 * size  # the file is mapped, and counts there too
        if time.perf_counter() - start > SECONDS:
            outcome = f"took {time.perf_counter() - start:.0f} s"
        if self._events:
            outcome = f"did {'; '.join(self._events):.200}"
        return outcome, growth, model


def status(field: str) -> int:
    """Return a figure of this process in bytes."""
    found = re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) << 10


def cases(group: str, good: Path) -> Iterator[Case]:
    if group == "crafted":
        yield from crafted()
    elif group == "spoilt":
        path = good.with_name("spoilt")
        for name, (spoil, _) in SPOILT.items():
            description, tensors = read(good)
            spoil(description, tensors)
            write(path, description, tensors)
            yield name, path.read_bytes()
    elif group.startswith("keras"):
        yield from keras_cases(group)
    elif group == "values":
        yield from strange_values(*read(good))
    else:
        yield from mutations(good.read_bytes(), int(group))


def keras_cases(group: str) -> Iterator[Case]:
    import hostile_keras_files as hostile  # it needs h5py

    if group == "keras crafted":
        return hostile.crafted()
    if group == "keras values":
        return itertools.islice(hostile.strange_descriptions(), 0, None, 3)
    return hostile.mutations(int(group.removeprefix("keras ")))


def main(good: Path, group: str) -> None:
    guard, path = Guard(4 if group.startswith("keras") else 1), good.with_name("hostile")
    load_model(good)  # imports what loading needs
    for name, content in cases(group, good):
        path.write_bytes(content)
        outcome, growth, model = guard.load(path)
        if model is not None and group == "values":  # then it is what the file says
            model.save(good.with_name("again"))
            if read(good.with_name("again"))[0] != read(path)[0]:
                outcome = "became another model"
        print(name, outcome, growth >> 20, sep="\t", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
