"""The memory of a training step, in cnnx and in PyTorch.

Each network runs in a fresh process of each framework. Counted is the highest resident size during
its first steps, less what was resident before the network was made: interpreter, framework and
samples.
"""

import argparse
from collections.abc import Sequence

from bench.frameworks import FRAMEWORKS, OURS, PEERS
from bench.machine import describe_machine
from bench.options import command_line, list_of, number, number_list
from bench.report import installed, print_heading, show_progress, write_json
from bench.tables import format_number, format_table, format_threads
from bench.tasks import MemoryTask
from bench.workers import Worker, WorkerError

_MIB = 2**20


def parse_options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = command_line("bench.memory", __doc__)
    add = parser.add_argument
    trainers = [name for name in PEERS if "training" in FRAMEWORKS[name].modes]
    default = ["pytorch", "pytorch-channels-last"]
    add("--peers", type=list_of(trainers), default=default, metavar="NAME,...")
    add("--batch", type=number_list, default=[32], metavar="N,...", help="samples a step")
    add("--threads", type=number, default=2, metavar="N")
    return parser.parse_args(arguments)


def main() -> None:
    """Measure, and report."""
    options = parse_options()
    machine = describe_machine()
    names = installed([OURS, *options.peers])
    versions: dict[str, str] = {}
    measured: dict[MemoryTask, dict[str, int]] = {}
    for batch in options.batch:
        for task in (MemoryTask(network, batch) for network in options.networks):
            measured[task] = {}
            for name in names:
                show_progress(f"{name}: {task.network} ...")
                with Worker(name, options.threads) as worker:
                    try:
                        versions[name] = worker.version()
                        worker.prepare(task)
                        measured[task][name] = int(worker.results(task, 1)[0])
                    except WorkerError as error:
                        print(f"{name} on {task.network}: {error}")
    show_progress("")
    print_heading(machine, versions)
    for batch in options.batch:
        threads = format_threads(options.threads)
        print(f"\ntraining, batch {batch}, {threads}: MiB added by the network and its steps")
        rows = [["network", *names, f"best peer / {OURS}"]]
        for task, sizes in measured.items():
            if task.batch == batch:
                rows.append([task.network, *_cells(sizes, names)])
        print(format_table(rows))
    figures = [{**vars(task), "bytes": sizes} for task, sizes in measured.items()]
    write_json(options.json, machine, versions, threads=options.threads, memory=figures)


def _cells(sizes: dict[str, int], names: Sequence[str]) -> list[str]:
    cells = [format_number(sizes[name] / _MIB) if name in sizes else "-" for name in names]
    peers = [size for name, size in sizes.items() if name != OURS]
    comparable = peers and OURS in sizes
    return [*cells, format_number(min(peers) / sizes[OURS]) if comparable else "-"]


if __name__ == "__main__":
    main()
