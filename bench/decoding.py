"""A folder of pictures read to one size: `image_folder` beside bare Pillow, processor time."""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

import cnnx
from bench.machine import describe_machine
from bench.report import print_heading
from bench.tables import format_range, format_table
from cnnx.data import image_folder

ROUNDS = 5


def decode(files: Sequence[Path], side: int) -> np.ndarray:
    """Read pictures by Pillow alone: open, decode at a fraction that is enough, convert, resize."""
    pixels = np.empty((len(files), side, side, 3), np.uint8)
    for out, file in zip(pixels, files, strict=True):
        with Image.open(file) as image:
            image.draft("RGB", (2 * side, 2 * side))
            out[:] = image.convert("RGB").resize((side, side), Image.Resampling.BILINEAR)
    return pixels


def seconds(read: Callable[[], object]) -> tuple[float, float]:
    """Return the processor time of all threads, user and system, and the time by the clock."""
    before = time.process_time(), time.perf_counter()
    read()
    return time.process_time() - before[0], time.perf_counter() - before[1]


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser("python -m bench.decoding", description=__doc__)
    parser.add_argument("folder", type=Path, help="holds a folder of pictures for each class")
    parser.add_argument("--size", type=int, default=100, help="height and width (100)")
    parser.add_argument("--threads", default="1,2", help="numbers of threads (1,2)")
    options = parser.parse_args()
    print_heading(describe_machine(), {"cnnx": cnnx.__version__})
    found = image_folder(options.folder, options.size, shuffle=False, verbose=0)
    files = found.train_file_paths
    ways: dict[str, Callable[[], object]] = {"Pillow": lambda: decode(files, options.size)}
    for threads in map(int, options.threads.split(",")):

        def read(threads: int = threads) -> object:
            cnnx.config.set_num_threads(threads)
            return image_folder(options.folder, options.size, verbose=0)

        ways[f"image_folder, {threads} thread{'s' if threads > 1 else ''}"] = read
    rounds = [{name: seconds(way) for name, way in ways.items()} for _ in range(ROUNDS)]
    rows = [("of a picture", "processor ms", "ms", "of Pillow's processor time (lowest - highest)")]
    for name in ways:
        cpu, wall = (
            f"{statistics.median(one[name][i] for one in rounds) / len(files) * 1e3:.3f}"
            for i in (0, 1)
        )
        rows.append((name, cpu, wall, format_range([o[name][0] / o["Pillow"][0] for o in rounds])))
    print(format_table(rows))


if __name__ == "__main__":
    main()
