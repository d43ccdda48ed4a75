"""How cnnx's time grows with threads, batch and image.

Steps of the networks on one thread and on more, and the cost of an image in small and in large
batches; forward and backward pass of a 3x3 convolution of 64 to 64 channels, and the cost of a
pixel in small and in large images. What is compared takes turns.
"""

import argparse
import os
import statistics
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from bench.frameworks import MODES, OURS
from bench.machine import describe_machine
from bench.networks import NETWORKS
from bench.networks.description import Convolution
from bench.options import add_turns, command_line, list_of, number, number_list
from bench.report import print_heading, show_progress, write_json
from bench.tables import format_number, format_range, format_table, format_threads
from bench.tasks import PASSES, LayerTask, NetworkTask
from bench.workers import Task, Worker, time_all

STUDIES = "threads", "batches", "images"
_CHANNELS = 64

Series: TypeAlias = dict[int, list[float]]
"""A time for each round, by what varies: threads, batch or image."""


def parse_options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = command_line("bench.scaling", __doc__)
    add = parser.add_argument
    cpus, sizes = len(os.sched_getaffinity(0)), [32, 64, 128, 256, 512]
    add("--modes", type=list_of(MODES), default=list(MODES), metavar="MODE,...")
    add("--threads", type=number_list, default=sorted({1, cpus}), metavar="N,...")
    add("--studies", type=list_of(STUDIES), default=list(STUDIES), metavar="STUDY,...")
    add("--batch", type=number_list, default=sizes, metavar="N,...", help="samples of batches")
    add("--sizes", type=number_list, default=sizes, metavar="N,...", help="sides of images")
    add("--layer-batch", type=number, default=4, metavar="N", help="images of the convolution")
    add_turns(parser, rounds=5)
    return parser.parse_args(arguments)


def main() -> None:
    """Measure, and report."""
    options = parse_options()
    machine = describe_machine()
    with ExitStack() as stack:
        workers = {n: stack.enter_context(Worker(OURS, n)) for n in options.threads}
        versions = {OURS: workers[options.threads[0]].version()}
        print_heading(machine, versions)
        study = Study(workers, options.rounds, options.seconds)
        for mode in options.modes if "threads" in options.studies else ():
            study.threads(mode, options.networks)
        for mode in options.modes if "batches" in options.studies else ():
            study.batches(mode, options.networks, options.batch)
        if "images" in options.studies:
            study.images(options.sizes, options.layer_batch)
    write_json(
        options.json,
        machine,
        versions,
        rounds=options.rounds,
        seconds=options.seconds,
        series=study.figures,
    )


@dataclass
class Study:
    """Measures and prints; `figures` keeps all of it."""

    workers: Mapping[int, Worker]
    rounds: int
    seconds: float
    figures: list[dict[str, Any]] = field(default_factory=list)

    def threads(self, mode: str, networks: Iterable[str]) -> None:
        """Compare numbers of threads."""
        rows = [["network", "batch", *map(format_threads, self.workers), "first / last"]]
        for network in networks:
            batch = NETWORKS[network].batch_size
            task = NetworkTask(network, mode, batch)
            parts = {threads: (worker, task) for threads, worker in self.workers.items()}
            times = self._measure(f"{mode} of {network}, batch {batch}, by threads", parts)
            turns = list(times.values())
            gains = [first / last for first, last in zip(turns[0], turns[-1], strict=True)]
            rows.append([network, f"{batch}", *_ranges(times, 1e3), format_range(gains)])
        print(f"\n{mode}: ms a step, median (lowest-highest)")
        print(format_table(rows), flush=True)

    def batches(self, mode: str, networks: Iterable[str], sizes: Sequence[int]) -> None:
        """Compare the costs of an image."""
        threads, worker = max(self.workers.items())
        rows = [["network", *(f"batch {size}" for size in sizes), "dearest / cheapest"]]
        for network in networks:
            parts = {size: (worker, NetworkTask(network, mode, size)) for size in sizes}
            what = f"{mode} of {network}, {format_threads(threads)}, by batch"
            costs = _divided(self._measure(what, parts), {size: size for size in sizes})
            rows.append([network, *_ranges(costs, 1e6), _spread(costs)])
        print(f"\n{mode}, {format_threads(threads)}: us an image, median (lowest-highest)")
        print(format_table(rows), flush=True)

    def images(self, sizes: Sequence[int], batch: int) -> None:
        """Compare the costs of a pixel."""
        rows = [["", *(f"{size}x{size}" for size in sizes), "dearest / cheapest"]]
        for threads, worker in self.workers.items():
            parts = {size: (worker, _layer(size, batch)) for size in sizes}
            what = f"convolution, batch {batch}, {format_threads(threads)}, by image"
            costs = _divided(self._measure(what, parts), {s: batch * s * s for s in sizes})
            rows.append([format_threads(threads), *_ranges(costs, 1e9), _spread(costs)])
        print(
            f"\nconvolution 3x3, {_CHANNELS} to {_CHANNELS} channels, batch {batch}, forward and "
            "backward: ns a pixel, median (lowest-highest)"
        )
        print(format_table(rows), flush=True)

    def _measure(self, what: str, parts: Mapping[int, tuple[Worker, Task]]) -> Series:
        """Let the parts take turns."""
        show_progress(f"{what} ...")
        times = time_all(parts, self.rounds, self.seconds)
        self.figures.append({"what": what, "seconds": times})
        show_progress("")
        return times


def _layer(side: int, batch: int) -> LayerTask:
    layer = Convolution(_CHANNELS, 3, "same", use_bias=False)
    return LayerTask(layer, (side, side, _CHANNELS), batch, PASSES)


def _divided(times: Series, counts: Mapping[int, int]) -> Series:
    return {key: [t / counts[key] for t in values] for key, values in times.items()}


def _ranges(series: Series, unit: float) -> list[str]:
    return [format_range([unit * value for value in values]) for values in series.values()]


def _spread(costs: Series) -> str:
    medians = [statistics.median(values) for values in costs.values()]
    return format_number(max(medians) / min(medians))


if __name__ == "__main__":
    main()
