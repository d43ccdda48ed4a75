"""A folder of pictures read to one size: `image_folder` beside others, processor time.

Each reads the folder in batches, pass after pass, in a process of its own; they take turns.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import importlib.metadata
import importlib.util
import multiprocessing
import statistics
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import cnnx
from bench.machine import describe_machine
from bench.report import print_heading
from bench.tables import format_range, format_table
from cnnx.data import image_folder

ROUNDS = 5
BATCH = 32

Pass = Callable[[], Iterable[object]]


def by_cnnx(folder: Path, side: int, threads: int) -> Pass:
    """Return a pass of `image_folder`'s stream."""
    cnnx.config.set_num_threads(threads)
    stream = image_folder(folder, side, batch_size=BATCH, shuffle=False, verbose=0).train
    return lambda: stream


def by_pillow(folder: Path, side: int, threads: int) -> Pass:
    """Return a pass of Pillow alone: open, decode at a fraction that is enough, convert, resize."""
    files = image_folder(folder, side, batch_size=BATCH, shuffle=False).train.file_paths

    def decoded(batch: Iterable[Path]) -> np.ndarray:
        pixels = np.empty((BATCH, side, side, 3), np.uint8)
        for out, file in zip(pixels, batch, strict=False):
            with Image.open(file) as image:
                image.draft("RGB", (2 * side, 2 * side))
                out[:] = image.convert("RGB").resize((side, side), Image.Resampling.BILINEAR)
        return pixels

    return lambda: (decoded(files[i : i + BATCH]) for i in range(0, len(files), BATCH))


def by_tensorflow(folder: Path, side: int, threads: int) -> Pass:
    """Return a pass of the data set that Keras makes of a folder."""
    tf: Any = importlib.import_module("tensorflow")
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    options = tf.data.Options()
    options.threading.private_threadpool_size = threads
    data = tf.keras.utils.image_dataset_from_directory(
        str(folder), image_size=(side, side), batch_size=BATCH, shuffle=False, verbose=False
    ).with_options(options)
    return lambda: data


READERS = {"Pillow": by_pillow, "image_folder": by_cnnx, "TensorFlow": by_tensorflow}


@functools.cache
def made(reader: str, folder: Path, side: int, threads: int) -> Pass:
    """Return a pass of a reader; once in each process."""
    return READERS[reader](folder, side, threads)


def seconds(reader: str, folder: Path, side: int, threads: int) -> tuple[float, float]:
    """Return the processor time of all threads, user and system, and the time by the clock."""
    read = made(reader, folder, side, threads)
    before = time.process_time(), time.perf_counter()
    deque(read(), maxlen=0)
    return time.process_time() - before[0], time.perf_counter() - before[1]


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser("python -m bench.decoding", description=__doc__)
    parser.add_argument("folder", type=Path, help="holds a folder of pictures for each class")
    parser.add_argument("--size", type=int, default=100, help="height and width (100)")
    parser.add_argument("--threads", default="1,2", help="numbers of threads (1,2)")
    options = parser.parse_args()
    print_heading(
        describe_machine(),
        {
            "cnnx": cnnx.__version__,
            "Pillow": Image.__version__,
            "simplejpeg": _version("simplejpeg"),
        },
    )
    count = len(image_folder(options.folder, options.size, batch_size=BATCH).train.file_paths)
    peers = [name for name in READERS if name != "Pillow"]
    if importlib.util.find_spec("tensorflow") is None:
        print("TensorFlow: not installed (pip install tensorflow-cpu)")
        peers.remove("TensorFlow")
    ways = [("Pillow", 1)]
    ways += [(peer, threads) for threads in map(int, options.threads.split(",")) for peer in peers]
    spawn = multiprocessing.get_context("spawn")
    processes = {way: ProcessPoolExecutor(1, spawn) for way in ways}

    def one_round() -> dict[tuple[str, int], tuple[float, float]]:
        return {
            way: process.submit(seconds, way[0], options.folder, options.size, way[1]).result()
            for way, process in processes.items()
        }

    one_round()  # starts them, and fills the cache of the files
    rounds = [one_round() for _ in range(ROUNDS)]
    for process in processes.values():
        process.shutdown()
    rows = [("of a picture", "processor ms", "ms", "of Pillow's processor time (lowest - highest)")]
    for way in ways:
        cpu, wall = (
            f"{statistics.median(one[way][i] for one in rounds) / count * 1e3:.3f}" for i in (0, 1)
        )
        name = f"{way[0]}, {way[1]} thread{'s' if way[1] > 1 else ''}"
        rows.append((name, cpu, wall, format_range([o[way][0] / o[ways[0]][0] for o in rounds])))
    print(format_table(rows))


if __name__ == "__main__":
    main()
