"""cnnx beside PyTorch, ONNX Runtime, OpenVINO and JAX: those of them that are installed.

Each runs in a process of its own, and they take turns: while one computes, the others sleep. All
get the same networks, weights and samples, and are timed only if they compute the same. Networks in
ONNX files are timed where they can be read.
"""

import argparse
import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from bench.comparison import TOLERANCE, Comparison, compare, title
from bench.frameworks import FRAMEWORKS, MODES, OURS, PEERS
from bench.machine import describe_machine
from bench.networks import NETWORKS, NetworkFile
from bench.options import add_batches, add_turns, command_line, list_of, number_list
from bench.report import installed, print_heading, show_progress, write_json
from bench.tables import format_milliseconds, format_range, format_table
from bench.tasks import FileTask, NetworkTask
from bench.workers import Worker, WorkerError


def parse_options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = command_line("bench.peers", __doc__, files=True)
    add = parser.add_argument
    add("--peers", type=list_of(PEERS), default=PEERS, metavar="NAME,...", help=", ".join(PEERS))
    add("--modes", type=list_of(MODES), default=list(MODES), metavar="MODE,...")
    add("--threads", type=number_list, default=[2], metavar="N,...")
    add_batches(parser)
    add_turns(parser, rounds=9)
    return parser.parse_args(arguments)


def main() -> None:
    """Compare, and report."""
    options = parse_options()
    machine = describe_machine()
    names = installed([OURS, *options.peers])
    versions: dict[str, str] = {}
    comparisons: list[Comparison[Any]] = []
    for threads in options.threads:
        with ExitStack() as stack:
            workers = {name: stack.enter_context(Worker(name, threads)) for name in names}
            versions |= _versions(workers)
            if not comparisons:
                print_heading(machine, versions)
            for mode, batch in itertools.product(options.modes, options.batch):
                rows = []
                for task in _tasks(options.networks, mode, batch):
                    show_progress(f"{mode} of {task.network} ...")
                    able = {name: worker for name, worker in workers.items() if _can(name, task)}
                    rows.append(compare(able, task, threads, options.rounds, options.seconds))
                    _write(options, machine, versions, [*comparisons, *rows])
                comparisons += rows
                show_progress("")
                if rows:
                    _print_table(rows)


def _write(
    options: argparse.Namespace,
    machine: Mapping[str, str],
    versions: Mapping[str, str],
    comparisons: Sequence[Comparison[Any]],
) -> None:
    """Write the report so far, so that a run that is stopped leaves what it measured."""
    write_json(
        options.json,
        machine,
        versions,
        rounds=options.rounds,
        seconds=options.seconds,
        comparisons=[{**_said(each.task), **each.record()} for each in comparisons],
    )


def _tasks(
    networks: Sequence[str | NetworkFile], mode: str, batch: int | None
) -> Iterator[NetworkTask | FileTask]:
    """Yield what is timed in a mode: the network of a file only infers."""
    for network in networks:
        if isinstance(network, str):
            yield NetworkTask(network, mode, batch or NETWORKS[network].batch_size)
        elif mode == FileTask.mode:
            yield FileTask(network, batch or network.batch_size)


def _can(name: str, task: NetworkTask | FileTask) -> bool:
    """Return whether a framework does a task."""
    framework = FRAMEWORKS[name]
    return framework.files if isinstance(task, FileTask) else task.mode in framework.modes


def _said(task: NetworkTask | FileTask) -> dict[str, Any]:
    """Return what a report says of a task."""
    return {"network": task.network, "mode": task.mode, "batch": task.batch}


def _versions(workers: dict[str, Worker]) -> dict[str, str]:
    """Start the frameworks; return their versions, and drop those that do not start."""
    versions = {}
    for name, worker in list(workers.items()):
        try:
            versions[name] = worker.version()
        except WorkerError as error:
            print(f"{name}: does not start: {error}")
            del workers[name]
    return versions


def _print_table(comparisons: Sequence[Comparison[Any]]) -> None:
    """Print networks and frameworks, and what is to be said about them."""
    first = comparisons[0]
    names = [name for name in FRAMEWORKS if any(name in c.times for c in comparisons)]
    print(f"\n{title(comparisons)}: ms a step, median (lowest-highest)")
    rows = [["network", "batch", *names, f"best peer / {OURS}"]]
    for comparison in comparisons:
        times = comparison.times
        cells = [format_milliseconds(times[name]) if name in times else "-" for name in names]
        best = comparison.best_peer
        ratio = f"{format_range(comparison.ratios(best))} {best}" if best else "-"
        rows.append([comparison.task.network, f"{comparison.task.batch}", *cells, ratio])
    print(format_table(rows))
    deviations = [value for c in comparisons for value in c.deviations.values()]
    if deviations:
        compared = "outputs" if first.task.mode == "inference" else "first losses"
        print(
            f"{compared} of the peers: at most {max(deviations):.1g} from ours "
            f"(not timed above {TOLERANCE:g})"
        )
    for comparison in comparisons:
        for name, failure in comparison.failures.items():
            print(f"{name} on {comparison.task.network}: {failure}", flush=True)


if __name__ == "__main__":
    main()
