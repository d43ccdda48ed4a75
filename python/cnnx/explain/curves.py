"""How training went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from cnnx.explain.figures import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_history(history: Mapping[str, Sequence[float]], epochs: Sequence[int]) -> Figure:
    """
    Draw the figures of every epoch: one panel a figure, those of validation beside it.

    Parameters
    ----------
    history
        Values by name: loss, val_loss, accuracy, ....
    epochs
        Their epochs, counted from 0.
    """
    names = [name for name in history if not name.startswith("val_")]
    if not names:
        raise ValueError("plot_history: there are no epochs yet; call fit first")
    figure = new_figure(4.2 * len(names), 3.2)
    numbers = [epoch + 1 for epoch in epochs]
    marker = "o" if len(numbers) < 15 else None
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        axes.plot(numbers, history[name], marker=marker, label="training")
        if f"val_{name}" in history:
            axes.plot(numbers, history[f"val_{name}"], marker=marker, label="validation")
            axes.legend()
        axes.set_xlabel("epoch")
        axes.set_ylabel(name.replace("_", " "))
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
    return figure
