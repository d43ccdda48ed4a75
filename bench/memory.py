"""The memory of training and of inference, in cnnx, in PyTorch and in ONNX Runtime.

Each network runs in a fresh process of each framework. Counted is the highest resident size during
its first steps, less what was resident before the network was made: interpreter, framework and
samples.
"""

import argparse
import itertools
from collections.abc import Mapping, Sequence

from bench.frameworks import FRAMEWORKS, MODES, OURS, PEERS
from bench.machine import describe_machine
from bench.networks import NETWORKS
from bench.options import add_batches, command_line, list_of, number
from bench.report import installed, print_heading, show_progress, write_json
from bench.tables import format_number, format_table, format_threads
from bench.tasks import MemoryTask
from bench.workers import Worker, WorkerError

_MIB = 2**20


def parse_options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = command_line("bench.memory", __doc__)
    add = parser.add_argument
    default = ["pytorch", "pytorch-channels-last", "onnxruntime"]
    add("--peers", type=list_of(PEERS), default=default, metavar="NAME,...", help=", ".join(PEERS))
    add("--modes", type=list_of(MODES), default=list(MODES), metavar="MODE,...")
    add_batches(parser)
    add("--threads", type=number, default=2, metavar="N")
    return parser.parse_args(arguments)


def main() -> None:
    """Measure, and report."""
    options = parse_options()
    machine = describe_machine()
    names = installed([OURS, *options.peers])
    versions: dict[str, str] = {}
    tables: list[dict[MemoryTask, dict[str, int]]] = []
    for mode, batch in itertools.product(options.modes, options.batch):
        tables.append({})
        for network in options.networks:
            task = MemoryTask(network, mode, batch or NETWORKS[network].batch_size)
            tables[-1][task] = {}
            for name in names:
                if mode not in FRAMEWORKS[name].modes:
                    continue
                show_progress(f"{name}: {mode} of {network} ...")
                with Worker(name, options.threads) as worker:
                    try:
                        versions[name] = worker.version()
                        worker.prepare(task)
                        tables[-1][task][name] = int(worker.results(task, 1)[0])
                    except WorkerError as error:
                        print(f"{name}, {mode} of {network}: {error}")
    show_progress("")
    print_heading(machine, versions)
    for measured in tables:
        _print_table(measured, options.threads)
    figures = [
        {**vars(task), "bytes": sizes} for measured in tables for task, sizes in measured.items()
    ]
    write_json(options.json, machine, versions, threads=options.threads, memory=figures)


def _print_table(measured: Mapping[MemoryTask, Mapping[str, int]], threads: int) -> None:
    mode = next(iter(measured)).mode
    names = [name for name in FRAMEWORKS if any(name in sizes for sizes in measured.values())]
    print(f"\n{mode}, {format_threads(threads)}: MiB added by the network and its steps")
    rows = [["network", "batch", *names, f"best peer / {OURS}"]]
    for task, sizes in measured.items():
        rows.append([task.network, f"{task.batch}", *_cells(sizes, names)])
    print(format_table(rows))


def _cells(sizes: Mapping[str, int], names: Sequence[str]) -> list[str]:
    cells = [format_number(sizes[name] / _MIB) if name in sizes else "-" for name in names]
    peers = [size for name, size in sizes.items() if name != OURS]
    comparable = peers and OURS in sizes
    return [*cells, format_number(min(peers) / sizes[OURS]) if comparable else "-"]


if __name__ == "__main__":
    main()
