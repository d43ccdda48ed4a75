"""A training step on a machine that is busy with something else, on one thread and on more.

Beside each turn run processes of one thread that count for ever. A step waits for each thread that
the system takes away for one of them: two threads can then be slower than one.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from bench.frameworks import OURS, PEERS
from bench.machine import describe_machine
from bench.options import add_turns, command_line, count_list, list_of, number, number_list
from bench.report import installed, print_heading, show_progress, write_json
from bench.tables import format_milliseconds, format_range, format_table, format_threads
from bench.tasks import NetworkTask
from bench.workers import Worker, time_all


def parse_options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = command_line("bench.neighbours", __doc__)
    add = parser.add_argument
    peers, threads = ["pytorch"], sorted({1, len(os.sched_getaffinity(0))})
    add("--peers", type=list_of(PEERS), default=peers, metavar="NAME,...", help=", ".join(PEERS))
    add("--busy", type=count_list, default=[0, 1, 2], metavar="N,...", help="processes beside")
    add("--batch", type=number, default=32, metavar="N", help="samples a step")
    add("--threads", type=number_list, default=threads, metavar="N,...")
    add_turns(parser, rounds=7)
    return parser.parse_args(arguments)


def main() -> None:
    """Measure, and report."""
    options = parse_options()
    machine = describe_machine()
    names = installed([OURS, *options.peers])
    figures = []
    with ExitStack() as stack:
        workers = {
            (name, threads): stack.enter_context(Worker(name, threads))
            for name in names
            for threads in options.threads
        }
        versions = {name: workers[name, options.threads[0]].version() for name in names}
        print_heading(machine, versions)
        for network in options.networks:
            task = NetworkTask(network, "training", options.batch)
            parts = {key: (worker, task) for key, worker in workers.items()}
            rows = [["beside", "", *map(format_threads, options.threads), "first / last"]]
            for processes in options.busy:
                show_progress(f"{network} beside {processes} ...")
                with busy(processes):
                    times = time_all(parts, options.rounds, options.seconds)
                for name in names:
                    series = [times[name, threads] for threads in options.threads]
                    gains = [a / b for a, b in zip(series[0], series[-1], strict=True)]
                    cells = [*map(format_milliseconds, series), format_range(gains)]
                    rows.append([str(processes), name, *cells])
                figures += [
                    {"network": network, "busy": processes, "framework": name, "threads": threads}
                    | {"seconds": seconds}
                    for (name, threads), seconds in times.items()
                ]
            show_progress("")
            print(
                f"\ntraining {network}, batch {options.batch}: ms a step, median (lowest-highest)"
            )
            print(format_table(rows), flush=True)
    write_json(
        options.json,
        machine,
        versions,
        rounds=options.rounds,
        seconds=options.seconds,
        figures=figures,
    )


@contextmanager
def busy(processes: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Run so many processes that count for ever."""
    started = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)
    ]
    try:
        yield started
    finally:
        for process in started:
            process.kill()
            process.wait()


if __name__ == "__main__":
    main()
