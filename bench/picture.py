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


def draw(
    comparisons: Sequence[Comparison], machine: Mapping[str, str], versions: Mapping[str, str]
) -> Figure:
    """Return a figure: a column for each mode, a row for each number of threads and batch size."""
    settings = list(dict.fromkeys((c.threads, c.task.batch) for c in comparisons))
    modes = list(dict.fromkeys(c.task.mode for c in comparisons))
    networks = list(dict.fromkeys(c.task.network for c in comparisons))
    height = len(settings) * (0.55 * len(networks) + 1.0) + 1.3
    figure = Figure(figsize=(6.2 * len(modes) + 0.6, height), layout="constrained")
    panels = figure.subplots(len(settings), len(modes), squeeze=False, sharex="col")
    for (row, setting), (column, mode) in itertools.product(enumerate(settings), enumerate(modes)):
        shown = [
            c for c in comparisons if ((c.threads, c.task.batch), c.task.mode) == (setting, mode)
        ]
        _draw_panel(panels[row, column], shown)
        if row == len(settings) - 1:
            panels[row, column].set_xlabel(f"time of a step / {OURS}'s", color=_TEXT_COLOR)
    figure.suptitle(
        f"How many times longer than {OURS}?", x=0.01, ha="left", fontsize=15, weight="bold"
    )
    handles = _legend([name for name in versions if name in _COLORS], versions)
    figure.legend(handles=handles, loc="outside upper left", ncols=4, frameon=False)
    cpus = f"{machine['processor']}, {machine['CPUs']} CPUs"
    figure.text(0.01, 0, cpus, va="bottom", color=_TEXT_COLOR)
    return figure


def _draw_panel(axes: Axes, comparisons: Sequence[Comparison]) -> None:
    """Draw a line for each network: a mark for each peer, and the range over the rounds."""
    labels = []
    for line, comparison in enumerate(comparisons):
        ours = comparison.times.get(OURS)
        name = comparison.task.network
        labels.append(
            f"{name}\n{format_number(1e3 * statistics.median(ours))} ms" if ours else name
        )
        for peer in comparison.peer_times() if ours else ():
            ratios = comparison.ratios(peer)
            ratio = statistics.median(ratios)
            color, best = _COLORS[peer], peer == comparison.best_peer
            axes.plot([min(ratios), max(ratios)], [line, line], color=color, lw=2, alpha=0.4)
            axes.plot(ratio, line, _MARKERS[peer], color=color, ms=8, mec="white", mew=0.8)
            if best:
                axes.annotate(
                    f"{ratio:.2g}×",
                    (ratio, line),
                    (0, 8),
                    textcoords="offset points",
                    ha="center",
                    color=color,
                    weight="bold",
                )
    axes.set_title(comparisons[0].title, loc="left", fontsize=11, color=_TEXT_COLOR)
    axes.set_xscale("log")
    axes.axvline(1, color=_OURS_COLOR, lw=2, zorder=0)
    low, high = axes.get_xlim()
    axes.set_xlim(min(low, 0.7), max(high, 2.5))
    axes.axvspan(axes.get_xlim()[0], 1, color="#f6f0ee", zorder=-1)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_yticks(range(len(comparisons)), labels)
    axes.set_ylim(len(comparisons) - 0.4, -0.6)
    axes.grid(axis="x", color=_GRID_COLOR, lw=0.8)
    axes.tick_params(length=0, colors=_TEXT_COLOR)
    axes.tick_params(axis="x", labelbottom=True)
    axes.tick_params(axis="x", which="minor", length=0)
    axes.set_axisbelow(True)
    axes.spines[:].set_visible(False)


def _legend(peers: Sequence[str]) -> list[Line2D]:
    ours = Line2D([], [], color=_OURS_COLOR, lw=2, label=OURS)
    marks = [
        Line2D([], [], color=_COLORS[peer], marker=_MARKERS[peer], ls="", ms=8, label=peer)
        for peer in peers
    ]
    return [ours, *marks]
