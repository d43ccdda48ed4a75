"""Predictions by several Python threads side by side, with one network."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from contextlib import ExitStack

from bench.frameworks import OURS, PEERS
from bench.machine import describe_machine
from bench.options import add_turns, command_line, list_of, number, number_list
from bench.report import installed, print_heading, show_progress, write_json
from bench.tables import format_range, format_table
from bench.tasks import CallersTask
from bench.workers import Worker, time_all


def parse_options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = command_line("bench.callers", __doc__)
    add = parser.add_argument
    cpus = len(os.sched_getaffinity(0))
    peers = ["pytorch", "onnxruntime"]
    add("--peers", type=list_of(PEERS), default=peers, metavar="NAME,...", help=", ".join(PEERS))
    add("--callers", type=number_list, default=[1, 2, 8], metavar="N,...")
    add("--batch", type=number, default=1, metavar="N", help="samples a prediction")
    add("--threads", type=number, default=cpus, metavar="N", help="of the framework")
    add_turns(parser, rounds=7)
    return parser.parse_args(arguments)


def main() -> None:
    """Measure, and report."""
    options = parse_options()
    machine = describe_machine()
    figures = []
    with ExitStack() as stack:
        workers = {
            name: stack.enter_context(Worker(name, options.threads))
            for name in installed([OURS, *options.peers])
        }
        versions = {name: worker.version() for name, worker in workers.items()}
        print_heading(machine, versions)
        print(f"\nbatch {options.batch}: predictions a second, median (lowest-highest)")
        for network in options.networks:
            show_progress(f"{network} ...")
            parts = {
                (name, callers): (worker, CallersTask(network, options.batch, callers))
                for name, worker in workers.items()
                for callers in options.callers
            }
            times = time_all(parts, options.rounds, options.seconds)
            rates = {
                key: [parts[key][1].predictions / seconds for seconds in series]
                for key, series in times.items()
            }
            rows = [[network, *(f"{n} callers" for n in options.callers), "last / first"]]
            for name in workers:
                series = [rates[name, callers] for callers in options.callers]
                gains = [last / first for first, last in zip(series[0], series[-1], strict=True)]
                rows.append([name, *map(format_range, series), format_range(gains)])
            show_progress("")
            print("\n" + format_table(rows), flush=True)
            figures += [
                {"network": network, "framework": name, "callers": callers, "a second": series}
                for (name, callers), series in rates.items()
            ]
    write_json(
        options.json,
        machine,
        versions,
        batch=options.batch,
        threads=options.threads,
        rounds=options.rounds,
        seconds=options.seconds,
        figures=figures,
    )


if __name__ == "__main__":
    main()
