"""A network in use as a file that C++ runs without Python: `cnnx::Program`.

The calls of the core that one prediction makes are recorded, with their arguments. What they write
gets a place in one block of memory, what they only read becomes a tensor of a safetensors file, and
the list of calls is JSON in the file's metadata.
"""

from __future__ import annotations

import json
import os
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import safetensors.numpy

from cnnx import distributed
from cnnx.arrays import Array, Float
from cnnx.file_kind import refuse_suffix
from cnnx.files import replacing
from cnnx.graph import Graph, Plan

FORMAT = 1
METADATA = "cnnx.program"
ALIGNMENT = 64

Place: TypeAlias = list[Any]
"""Where an array lies: "memory", "input.<number>" or a tensor's name, and an offset in bytes."""


class Span(NamedTuple):
    """Bytes of this process that a call reads or writes."""

    begin: int
    size: int
    written: bool

    @property
    def end(self) -> int:
        """The address after it."""
        return self.begin + self.size


def write_program(graph: Graph, filepath: str | os.PathLike[str], batch_size: int) -> None:
    """
    Write a network as `cnnx::Program` reads it.

    Parameters
    ----------
    graph
        Of built layers.
    filepath
        The file to make or to replace.
    batch_size
        Samples that the program takes at a time.

    Raises
    ------
    ValueError
        A layer runs Python, or the name is another program's.
    """
    refuse_suffix(filepath, "export_program")
    binding = Plan(graph).bind(batch_size)
    for step in binding.in_python:
        raise ValueError(
            f"export_program: {step.operation} is computed in Python, which a program cannot "
            "run; leave it out of the model, or export with cnnx.onnx.save"
        )
    inputs = [np.zeros((batch_size, *value.shape[1:]), np.float32) for value in graph.inputs]
    recorded = binding.record(inputs)
    calls = [call for program in recorded.programs for call in program.calls()]
    held = [array for program in recorded.programs for array in program.arrays()]
    layout = _Layout([*_spans(calls), *map(_read, recorded.outputs)], held, recorded.inputs)
    _check_order(calls)
    description = {
        "format": FORMAT,
        "inputs": [list(array.shape) for array in inputs],
        "outputs": [
            {"at": layout.place(_read(output)), "shape": list(output.shape)}
            for output in recorded.outputs
        ],
        "memory": layout.size,
        "calls": _placed(calls, layout),
    }
    text = json.dumps(description, separators=(",", ":"))
    content = safetensors.numpy.save(layout.constants, {METADATA: text})
    if distributed.group().rank == 0:
        with replacing(filepath) as file:
            file.write(content)


class _Layout:
    """Where the arrays of calls lie in the file, or in the memory of the program."""

    def __init__(self, spans: Iterable[Span], held: Sequence[Array], inputs: Sequence[Float]):
        self.size = 0
        self.constants: dict[str, Array] = {}
        self._inputs = [Span(array.ctypes.data, array.nbytes, False) for array in inputs]
        self._held = {array.ctypes.data: array for array in held if array.nbytes}
        self._begins = sorted(self._held)
        self._blocks: list[tuple[int, int, int]] = []  # begin, end, offset in the memory
        self._names: dict[Span, str] = {}
        for begin, end in _joined([span for span in spans if span.written]):
            self._blocks.append((begin, end, self.size))
            self.size += (end - begin + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT

    def place(self, span: Span) -> Place:
        """Return where an array lies."""
        if not span.size:
            return ["memory", 0]
        for number, array in enumerate(self._inputs):
            if array.begin <= span.begin and span.end <= array.end:
                return [f"input.{number}", span.begin - array.begin]
        for begin, end, offset in self._blocks:
            if begin <= span.begin and span.end <= end:
                return ["memory", offset + span.begin - begin]
        if span not in self._names:
            self._names[span] = self.constant(self._content(span))[0]
        return [self._names[span], 0]

    def constant(self, array: Array) -> Place:
        """Return where an array lies that the file holds for one call."""
        name = f"constant.{len(self.constants)}"
        self.constants[name] = array
        return [name, 0]

    def _content(self, span: Span) -> Array:
        """Return what an array holds that is only read."""
        begin = self._begins[bisect_right(self._begins, span.begin) - 1]
        flat = self._held[begin].reshape(-1)
        first = (span.begin - begin) // flat.itemsize
        found = flat[first : first + span.size // flat.itemsize]
        assert found.nbytes == span.size
        return found.copy()


def _joined(spans: Iterable[Span], touching: bool = False) -> list[tuple[int, int]]:
    """Return the bytes of spans, those that overlap, or only touch, as one."""
    found: list[tuple[int, int]] = []
    for span in sorted(spans):
        if found and span.begin < found[-1][1] + touching:
            found[-1] = (found[-1][0], max(found[-1][1], span.end))
        elif span.size:
            found.append((span.begin, span.end))
    return found


def _read(array: Array) -> Span:
    return Span(array.ctypes.data, array.nbytes, False)


def _spans(value: Any) -> Iterator[Span]:
    """Yield the arrays of calls that do not lie in an input, in order."""
    if isinstance(value, tuple):
        if len(value) == 3:
            yield Span(*value)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _spans(item)
    elif isinstance(value, list):
        for item in value:
            yield from _spans(item)


def _placed(value: Any, layout: _Layout) -> Any:
    """Return calls with the places of their arrays."""
    if isinstance(value, tuple):
        return layout.place(Span(*value)) if len(value) == 3 else list(value)
    if isinstance(value, np.ndarray):
        return layout.constant(value)
    if isinstance(value, dict):
        return {name: _placed(item, layout) for name, item in value.items()}
    if isinstance(value, list):
        return [_placed(item, layout) for item in value]
    return value


def _check_order(calls: Sequence[dict[str, Any]]) -> None:
    """Check that no call reads what only a later one writes: it would be left from a run before."""
    written = _joined([span for span in _spans(list(calls)) if span.written])
    made: list[Span] = []
    for call in calls:
        spans = list(_spans(call))
        for span in spans:
            if span.written or not any(b < span.end and span.begin < e for b, e in written):
                continue
            if not any(b <= span.begin and span.end <= e for b, e in _joined(made, touching=True)):
                raise ValueError(
                    f"export_program: {call['operation']} reads what no call before it wrote; "
                    "please report this with the model"
                )
        made += [span for span in spans if span.written]
