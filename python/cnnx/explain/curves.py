"""How training went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from cnnx.explain.figures import new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def plot_history(
    history: Mapping[str, Sequence[float]],
    epochs: Sequence[int],
    batches: Mapping[str, Sequence[float]] | None = None,
    validated: Sequence[int] = (),
) -> Figure:
    """
    Draw the figures of every epoch, one panel a figure, those of validation beside it.

    Parameters
    ----------
    history
        Values by name: loss, val_loss, accuracy, ....
    epochs
        Their epochs, counted from 0.
    batches
        Values of every batch by name, drawn in a second row with their running mean.
    validated
        The epochs that were followed by validation, if not all were.
    """
    names = [name for name in history if not name.startswith("val_")]
    if not names:
        raise ValueError("plot_history: there are no epochs yet; call fit first")
    by_batch = {name: values for name, values in (batches or {}).items() if values}
    rows = 2 if by_batch else 1
    figure = new_figure(4.2 * len(names), 3.2 * rows)
    grid = figure.subplots(rows, len(names), squeeze=False)
    for axes, name in zip(grid[0], names, strict=True):
        _draw_epochs(axes, history, epochs, validated, name)
    if by_batch:
        for axes, name in zip(grid[1], names, strict=True):
            axes.set_axis_off()
            if name in by_batch:
                _draw_batches(axes, by_batch[name], name)
    return figure


def _draw_epochs(
    axes: Axes,
    history: Mapping[str, Sequence[float]],
    epochs: Sequence[int],
    validated: Sequence[int],
    name: str,
) -> None:
    marker = "o" if len(epochs) < 15 else None
    axes.plot([epoch + 1 for epoch in epochs], history[name], marker=marker, label="training")
    judged = history.get(f"val_{name}", ())
    places = epochs if len(judged) == len(epochs) else validated
    if judged and len(judged) == len(places):
        axes.plot([epoch + 1 for epoch in places], judged, marker=marker, label="validation")
        axes.legend()
    _finish(axes, "epoch", name)


def _draw_batches(axes: Axes, values: Sequence[float], name: str) -> None:
    axes.set_axis_on()
    width = max(len(values) // 50, 1)
    axes.plot(range(1, len(values) + 1), values, linewidth=0.5, alpha=0.4, label="a batch")
    means = np.convolve(values, np.full(width, 1 / width), "valid")
    axes.plot(
        np.arange(width, len(values) + 1), means, color="C0", label=f"mean of {width} batches"
    )
    axes.legend()
    _finish(axes, "batch", name)


def _finish(axes: Axes, across: str, name: str) -> None:
    axes.set_xlabel(across)
    axes.set_ylabel(name.replace("_", " "))
    axes.locator_params("x", integer=True, min_n_ticks=1)
    axes.grid(alpha=0.3)
