"""Which classes are taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnx.arrays import whole_numbers
from cnnx.explain.figures import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_confusion_matrix(counts: Any, labels: Sequence[Any] | None = None) -> Figure:
    """
    Draw a confusion matrix: true classes down, predicted ones across.

    Parameters
    ----------
    counts
        (classes, classes), from `cnnx.metrics.confusion_matrix`.
    labels
        What to call the classes; by default their numbers.
    """
    matrix = whole_numbers(counts, "plot_confusion_matrix: counts")
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"plot_confusion_matrix: counts must be square, got shape {matrix.shape}")
    classes = len(matrix)
    names = [str(name) for name in (range(classes) if labels is None else labels)]
    if len(names) != classes:
        raise ValueError(f"plot_confusion_matrix: {len(names)} labels for {classes} classes")
    side = max(3.0, 0.55 * classes + 1.2)
    figure = new_figure(side + 0.6, side)
    axes = figure.subplots()
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    drawn = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(matrix):
        if count:
            colour = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, f"{count}", ha="center", va="center", fontsize=8, color=colour)
    axes.set_xticks(range(classes), names, rotation=0 if max(map(len, names)) < 4 else 45)
    axes.set_yticks(range(classes), names)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    figure.colorbar(drawn, ax=axes, label="share of the true class", shrink=0.8)
    return figure
