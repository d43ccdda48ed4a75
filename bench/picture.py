"""A picture of what the peers need, in units of what cnnx needs."""

import argparse
import itertools
import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from bench.comparison import Comparison, title
from bench.frameworks import OURS, PEERS
from bench.networks import FAMILIES, NETWORKS
from bench.tables import format_number
from bench.tasks import NetworkTask

_COLORS = dict(
    zip(PEERS, ("#e4572e", "#f3a712", "#a23b72", "#2e8b57", "#2274a5", "#00a6a6"), strict=True)
)
_MARKERS = dict(zip(PEERS, "osD^vP", strict=True))
_OURS_COLOR, _TEXT_COLOR, _GRID_COLOR = "#222222", "#444444", "#dddddd"
_SHADE_COLOR = "#f5efec"


class Row(NamedTuple):
    """What the comparisons of a row of panels have in common."""

    family: str
    threads: int
    batch: int | None  # None: that of each network

    @classmethod
    def of(cls, comparison: Comparison[NetworkTask]) -> "Row":
        """Return where a comparison belongs."""
        task = comparison.task
        network = NETWORKS[task.network]
        family = next(name for name, networks in FAMILIES.items() if network in networks)
        batch = None if task.batch == network.batch_size else task.batch
        return cls(family, comparison.threads, batch)


def parse_options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser("python -m bench.picture", description=__doc__)
    parser.add_argument("reports", type=Path, nargs="+", help="what bench.peers wrote with --json")
    parser.add_argument("picture", type=Path, help="file to write, its kind by its name")
    return parser.parse_args(arguments)


def main() -> None:
    """Read the figures of one machine, and draw them."""
    options = parse_options()
    reports = [json.loads(path.read_text()) for path in options.reports]
    records = [record for report in reports for record in report["comparisons"]]
    found = [_comparison(record) for record in records if record["network"] in NETWORKS]
    versions = {name: each for report in reports for name, each in report["versions"].items()}
    draw(found, reports[0]["machine"], versions).savefig(options.picture, dpi=150)


def _comparison(record: Mapping[str, Any]) -> Comparison[NetworkTask]:
    task = NetworkTask(record["network"], record["mode"], record["batch"])
    return Comparison.from_record(task, record)


def draw(
    comparisons: Sequence[Comparison[NetworkTask]],
    machine: Mapping[str, str],
    versions: Mapping[str, str],
) -> Figure:
    """Return a figure: a column for each mode, a row for each family, threads and batch size."""
    rows: dict[Row, dict[str, list[Comparison[NetworkTask]]]] = {}
    for network, comparison in itertools.product(NETWORKS, comparisons):
        if comparison.task.network == network:
            modes = rows.setdefault(Row.of(comparison), {})
            modes.setdefault(comparison.task.mode, []).append(comparison)
    columns = list(dict.fromkeys(comparison.task.mode for comparison in comparisons))
    lines = [max(map(len, modes.values())) for modes in rows.values()]
    figure = Figure(
        figsize=(6.5 * len(columns), 0.75 * sum(lines) + 0.9 * len(rows) + 1.8),
        layout="constrained",
    )
    panels = figure.subplots(
        len(rows), len(columns), squeeze=False, sharex="col", height_ratios=lines
    )
    for (row, modes), (column, mode) in itertools.product(
        enumerate(rows.values()), enumerate(columns)
    ):
        if mode in modes:
            _draw_panel(panels[row, column], modes[mode])
        else:
            panels[row, column].set_axis_off()
    for bottom in panels[-1]:
        low, high = bottom.get_xlim()
        bottom.set_xlim(min(low, 0.7), max(high, 2.5))  # of the whole column
        bottom.set_xlabel(f"time of a step, in units of {OURS}'s", color=_TEXT_COLOR)
    for panel in panels.flat:
        panel.axvspan(panel.get_xlim()[0], 1, color=_SHADE_COLOR, zorder=0)
    figure.suptitle(
        f"How many times longer than {OURS}? (shaded: faster than {OURS})",
        x=0.01,
        ha="left",
        fontsize=14,
        weight="bold",
        color=_OURS_COLOR,
    )
    figure.legend(
        handles=_legend(versions),
        title=f"{machine['processor']}, {machine['CPUs']} CPUs; medians and ranges of the rounds",
        alignment="left",
        loc="outside lower left",
        ncols=5,
        frameon=False,
    )
    return figure


def _draw_panel(axes: Axes, comparisons: Sequence[Comparison[NetworkTask]]) -> None:
    """Draw a group of lines for each network: each peer's median and its range."""
    labels = []
    mixed = len({comparison.task.batch for comparison in comparisons}) > 1
    beside = axes.get_yaxis_transform()
    for position, comparison in enumerate(comparisons):
        name, ours = comparison.task.network, comparison.times.get(OURS)
        if ours is None:
            labels.append(name)
            continue
        batch = f"batch {comparison.task.batch}, " if mixed else ""
        labels.append(f"{name}\n{batch}{format_number(1e3 * statistics.median(ours))} ms")
        peers = comparison.peer_times()
        for line, peer in enumerate(peers):
            ratios = comparison.ratios(peer)
            ratio, y = statistics.median(ratios), position + _line_offset(line, len(peers))
            color = _COLORS[peer]
            axes.plot([min(ratios), max(ratios)], [y, y], color=color, lw=2.5, alpha=0.35)
            axes.plot(ratio, y, _MARKERS[peer], color=color, ms=8, mec="white", mew=0.8)
            if peer == comparison.best_peer:
                text = f"{format_number(ratio)}\N{MULTIPLICATION SIGN}"
                axes.text(
                    1.02, position, text, color=color, weight="bold", va="center", transform=beside
                )
        if position:
            axes.axhline(position - 0.5, color=_GRID_COLOR, lw=0.8)
    axes.text(1.02, -0.55, "best peer", color=_TEXT_COLOR, va="bottom", transform=beside)
    axes.set_title(title(comparisons), loc="left", fontsize=12, color=_TEXT_COLOR)
    axes.set_xscale("log")
    axes.axvline(1, color=_OURS_COLOR, lw=2, zorder=1.9)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_yticks(range(len(comparisons)), labels)
    axes.set_ylim(len(comparisons) - 0.5, -0.5)
    axes.grid(axis="x", color=_GRID_COLOR, lw=0.8)
    axes.tick_params(which="both", length=0, colors=_TEXT_COLOR, labelbottom=True)
    axes.spines[:].set_visible(False)


def _line_offset(line: int, lines: int) -> float:
    """Return where a line of a group lies, from its middle."""
    return 0.13 * (line - (lines - 1) / 2)


def _legend(versions: Mapping[str, str]) -> list[Line2D]:
    ours = Line2D([], [], color=_OURS_COLOR, lw=2, label=f"{OURS} {versions.get(OURS, '')}")
    marks = [
        Line2D([], [], color=_COLORS[peer], marker=_MARKERS[peer], ls="", ms=8, label=f"{peer} {v}")
        for peer, v in versions.items()
        if peer != OURS
    ]
    return [ours, *marks]


if __name__ == "__main__":
    main()
