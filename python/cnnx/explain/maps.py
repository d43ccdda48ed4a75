"""The outputs of all layers for one image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cnnx.arrays import Float
from cnnx.explain.figures import draw, new_figure
from cnnx.explain.subject import single_image
from cnnx.graph import plan_class
from cnnx.graph.layout import channel_move
from cnnx.models import Model

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def feature_maps(model: Model, image: Any) -> dict[str, Float]:
    """
    Return the output of every layer for one image, by the layers' names.

    Parameters
    ----------
    model
        Built.
    image
        (height, width, channels), or (height, width) if grey.

    Returns
    -------
    Maps (height, width, channels), wherever the model has its channels, or rows of numbers.
    """
    x = single_image(model, image, "feature_maps")
    graph = model.flat_graph
    own = set(model.leaves())
    values = [value for value in graph.values if channel_move(value, own) is None]
    with model.lock:
        _, *outputs = plan_class(graph)(graph, keep=values).forward(x)
    return {value.name: output[0] for value, output in zip(values, outputs, strict=True)}


def plot_feature_maps(maps: Mapping[str, Float], limit: int = 8) -> Figure:
    """
    Draw what `feature_maps` returned: a row for each layer, on one scale, dark is large.

    Parameters
    ----------
    maps
        By the layers' names: (height, width, channels), or rows of numbers, drawn as bars.
    limit
        Largest number of channels of a layer to draw.
    """
    heights = [1.35 if values.ndim == 3 else 1.1 for values in maps.values()]
    figure = new_figure(1.2 * limit, sum(heights))
    rows = figure.subfigures(len(maps), 1, height_ratios=heights, squeeze=False)[:, 0]
    for row, (name, values) in zip(rows, maps.items(), strict=True):
        title = f"{name}: {' x '.join(map(str, values.shape))}"
        if values.ndim == 3 and values.shape[2] > limit:
            title += f" (the first {limit})"
        row.suptitle(title, fontsize=9, x=0.01, ha="left")
        if values.ndim != 3:
            _draw_bars(row.subplots(), values.ravel())
            continue
        grid = row.subplots(1, limit, squeeze=False)[0]
        shown = values[..., :limit]
        signed = bool((shown < 0).any())
        top = float(np.abs(shown).max()) or 1.0
        for axes, channel in zip(grid, range(values.shape[2]), strict=False):
            drawn = draw(axes, values[..., channel], "", signed, top, None if signed else "Blues")
        for axes in grid[values.shape[2] :]:
            axes.set_axis_off()
        bar = row.colorbar(drawn, ax=grid.tolist(), pad=0.01, aspect=12)
        bar.ax.tick_params(labelsize=7)
    return figure


def _draw_bars(axes: Axes, values: Float) -> None:
    few = values.size <= 20
    axes.bar(np.arange(values.size), values, color="0.4", width=0.8 if few else 1.0)
    axes.set_xlim(-0.5, values.size - 0.5)
    axes.tick_params(labelsize=7)
    if few:
        axes.set_xticks(range(values.size))
