"""The paper's loops beside SciPy, im2col in NumPy and cnnx: a training step of `numpy_cnn`.

All train the same network by Adam, from the same weights on the same images, and are timed only if
their losses agree. Each runs in a process of its own, and they take turns.
"""

import argparse
import os
import statistics
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from bench.comparison import Comparison, compare, title
from bench.frameworks import OURS, PLAIN
from bench.machine import describe_machine
from bench.options import add_turns, number
from bench.report import installed, print_heading, write_json
from bench.tables import format_duration, format_milliseconds, format_range, format_table
from bench.tasks import NetworkTask
from bench.workers import Worker

IMAGES = 2 * 50_000
"""Two epochs of the images that the paper's program reads."""


def parse_options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser("python -m bench.numpy_loops", description=__doc__)
    parser.add_argument("--batch", type=number, default=32, metavar="N", help="images a step")
    parser.add_argument("--threads", type=number, default=1, metavar="N")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write all figures there")
    add_turns(parser, rounds=5)
    return parser.parse_args(arguments)


def main() -> None:
    """Measure, and print a table."""
    options = parse_options()
    machine, names = describe_machine(), installed([OURS, *PLAIN])
    # NumPy reads them for its matrix product when a worker starts.
    os.environ.update(
        dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), f"{options.threads}")
    )
    with ExitStack() as stack:
        workers = {name: stack.enter_context(Worker(name, options.threads)) for name in names}
        versions = {name: worker.version() for name, worker in workers.items()}
        print_heading(machine, versions)
        task = NetworkTask("numpy_cnn", "training", options.batch)
        comparison = compare(workers, task, options.threads, options.rounds, options.seconds)
    print(f"\n{title([comparison])}: median (lowest-highest)")
    print(format_comparison(comparison))
    for name, failure in comparison.failures.items():
        print(f"{name}: {failure}")
    write_json(options.json, machine, versions, comparison={**vars(task), **comparison.record()})


def format_comparison(comparison: Comparison[NetworkTask]) -> str:
    """Return a table of those that were timed."""
    rows = [["", "ms an image", "two epochs of 50,000", f"time / {OURS}"]]
    for name in (*PLAIN, OURS):
        if name in comparison.times:
            times = [seconds / comparison.task.batch for seconds in comparison.times[name]]
            epochs = format_duration(IMAGES * statistics.median(times))
            ratio = format_range(comparison.ratios(name)) if name != OURS else "1"
            rows.append([name, format_milliseconds(times), epochs, ratio])
    return format_table(rows)


if __name__ == "__main__":
    main()
