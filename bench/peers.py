"""cnnx beside PyTorch, ONNX Runtime, OpenVINO and JAX: those of them that are installed.

Each runs in a process of its own, and they take turns: while one computes, the others sleep. All
get the same networks, weights and samples, and are timed only if they compute the same.
"""

import argparse
import itertools
import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from bench.comparison import TOLERANCE, Comparison, compare
from bench.frameworks import FRAMEWORKS, MODES, OURS, PEERS
from bench.machine import describe_machine
from bench.networks import NETWORKS
from bench.options import list_of, number_list
from bench.tables import format_milliseconds, format_range, format_table
from bench.tasks import NetworkTask
from bench.workers import Worker, WorkerError


def parse_options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser("python -m bench.peers", description=__doc__)
    add = parser.add_argument
    add("--networks", type=list_of(NETWORKS), default=list(NETWORKS), metavar="NAME,...")
    add("--peers", type=list_of(PEERS), default=PEERS, metavar="NAME,...", help=", ".join(PEERS))
    add("--modes", type=list_of(MODES), default=list(MODES), metavar="MODE,...")
    add("--batch", type=number_list, default=[32], metavar="N,...", help="samples a step")
    add("--threads", type=number_list, default=[2], metavar="N,...")
    add("--rounds", type=int, default=9, help="turns of each")
    add("--seconds", type=float, default=0.5, help="of each turn")
    add("--json", type=Path, metavar="PATH", help="write all figures there")
    add("--picture", type=Path, metavar="PATH", help="draw them there (needs matplotlib)")
    return parser.parse_args(arguments)


def main() -> None:
    """Compare, and report."""
    options = parse_options()
    machine = describe_machine()
    names = [OURS]
    for name in options.peers:
        missing = FRAMEWORKS[name].missing()
        if missing:
            print(f"{name}: not installed ({', '.join(missing)})")
        else:
            names.append(name)
    versions: dict[str, str] = {}
    comparisons: list[Comparison] = []
    for threads in options.threads:
        with ExitStack() as stack:
            workers = {name: stack.enter_context(Worker(name, threads)) for name in names}
            versions |= _versions(workers)
            if not comparisons:
                _print_heading(machine, versions)
            for mode, batch in itertools.product(options.modes, options.batch):
                rows = []
                for network in options.networks:
                    task = NetworkTask(network, mode, batch)
                    _show_progress(f"{mode} of {network} ...")
                    rows.append(compare(workers, task, threads, options.rounds, options.seconds))
                comparisons += rows
                _show_progress("")
                _print_report(rows)
    if options.json:
        report = {
            "machine": machine,
            "versions": versions,
            "rounds": options.rounds,
            "seconds": options.seconds,
            "comparisons": [comparison.record() for comparison in comparisons],
        }
        options.json.write_text(json.dumps(report, indent=1) + "\n")


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


def _print_heading(machine: dict[str, str], versions: dict[str, str]) -> None:
    print("; ".join(f"{key}: {value}" for key, value in machine.items()))
    print("; ".join(f"{name} {version}" for name, version in versions.items()))


def _show_progress(text: str) -> None:
    """Replace the last line of the terminal, if there is one."""
    if sys.stderr.isatty():
        print(f"\x1b[K{text}", end="\r", file=sys.stderr, flush=True)


def _print_report(comparisons: Sequence[Comparison]) -> None:
    """Print a table of networks and frameworks, and what is to be said about them."""
    first = comparisons[0]
    names = [name for name in FRAMEWORKS if any(name in c.times for c in comparisons)]
    print(
        f"\n{first.task.mode}, batch {first.task.batch}, {first.threads} thread(s): "
        "ms a step, median (lowest-highest)"
    )
    rows = [["network", *names, f"best peer / {OURS}"]]
    for comparison in comparisons:
        times = comparison.times
        cells = [format_milliseconds(times[name]) if name in times else "-" for name in names]
        best = comparison.best_peer
        ratio = f"{format_range(comparison.ratios(best))} {best}" if best else "-"
        rows.append([comparison.task.network, *cells, ratio])
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
            print(f"{name} on {comparison.task.network}: {failure}")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
