"""A picture of what the peers need, in units of what cnnx needs."""

import itertools
import statistics
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from bench.comparison import Comparison
from bench.frameworks import OURS, PEERS
from bench.tables import format_number

_COLORS = dict(
    zip(PEERS, ("#e4572e", "#f3a712", "#a23b72", "#2e8b57", "#2274a5", "#00a6a6"), strict=True)
)
_MARKERS = dict(zip(PEERS, "osD^vP", strict=True))
_OURS_COLOR, _TEXT_COLOR, _GRID_COLOR = "#222222", "#444444", "#dddddd"
_SHADE_COLOR = "#f5efec"


def draw(
    comparisons: Sequence[Comparison], machine: Mapping[str, str], versions: Mapping[str, str]
) -> Figure:
    """Return a figure: a column for each mode, a row for each number of threads and batch size."""
    settings = list(dict.fromkeys((c.threads, c.task.batch) for c in comparisons))
    modes = list(dict.fromkeys(c.task.mode for c in comparisons))
    networks = list(dict.fromkeys(c.task.network for c in comparisons))
    height = len(settings) * (0.75 * len(networks) + 0.9) + 1.8
    figure = Figure(figsize=(6.5 * len(modes), height), layout="constrained")
    panels = figure.subplots(len(settings), len(modes), squeeze=False, sharex="col")
    for (row, setting), (column, mode) in itertools.product(enumerate(settings), enumerate(modes)):
        shown = [
            c for c in comparisons if ((c.threads, c.task.batch), c.task.mode) == (setting, mode)
        ]
        _draw_panel(panels[row, column], shown)
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
        ncols=4,
        frameon=False,
    )
    return figure


def _draw_panel(axes: Axes, comparisons: Sequence[Comparison]) -> None:
    """Draw a group of lines for each network: each peer's median and its range."""
    labels = []
    beside = axes.get_yaxis_transform()
    for position, comparison in enumerate(comparisons):
        name, ours = comparison.task.network, comparison.times.get(OURS)
        if ours is None:
            labels.append(name)
            continue
        labels.append(f"{name}\n{format_number(1e3 * statistics.median(ours))} ms")
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
    axes.set_title(comparisons[0].title, loc="left", fontsize=12, color=_TEXT_COLOR)
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
