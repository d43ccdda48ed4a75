"""Time networks from ONNX files beside ONNX Runtime, and compare the outputs."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import onnxruntime

import cnnx
from bench.machine import describe_machine
from bench.options import number
from bench.tables import format_table

REST = 0.3
"""Seconds in which the threads of the program before go to sleep."""


def parse_options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser("python -m bench.onnx_files", description=__doc__)
    add = parser.add_argument
    add("file", type=Path)
    add("shapes", nargs="+", metavar="N,C,H,W", help="of the input, the samples first")
    add("--threads", type=number, default=len(os.sched_getaffinity(0)), metavar="N")
    add("--rounds", type=number, default=5, help="turns of each")
    add("--seconds", type=float, default=0.5, help="of each turn")
    return parser.parse_args(arguments)


def turn(run: Callable[[], Any], seconds: float) -> float:
    """Return the median time of a call in milliseconds, over so many seconds."""
    time.sleep(REST)
    run()
    times, end = [], time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return 1000 * median(times)


def compare(options: argparse.Namespace, shape: list[int]) -> list[str]:
    """Return a row of the table."""
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.threads
    session = onnxruntime.InferenceSession(str(options.file), settings)
    name = session.get_inputs()[0].name
    model = cnnx.onnx.load(options.file, {name: shape})
    x = np.random.default_rng(0).random(shape, np.float32)

    def elsewhere() -> Any:
        return session.run(None, {name: x})[0]

    difference = np.abs(np.asarray(model.predict_on_batch(x)) - elsewhere()).max()
    turns = [
        (turn(lambda: model.predict_on_batch(x), options.seconds), turn(elsewhere, options.seconds))
        for _ in range(options.rounds)
    ]
    ours, theirs = (median(times) for times in zip(*turns, strict=True))
    size = "x".join(map(str, shape))
    return [size, f"{ours:.2f}", f"{theirs:.2f}", f"{theirs / ours:.2f}", f"{difference:.1e}"]


def main() -> None:
    """Measure, and print a table."""
    options = parse_options()
    cnnx.config.set_num_threads(options.threads)
    for key, text in describe_machine().items():
        print(f"{key}: {text}")
    print(f"{options.file.name}, {options.threads} threads, onnxruntime {onnxruntime.__version__}")
    rows = [["input", "cnnx, ms", "ONNX Runtime, ms", "ratio", "difference"]]
    for text in options.shapes:
        rows.append(compare(options, [int(extent) for extent in text.split(",")]))
    print(format_table(rows))


if __name__ == "__main__":
    main()
