"""Figures of pictures side by side; without pyplot, so that no global state is touched."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnx.arrays import Array, Float
from cnnx.extras import import_extra

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_INCH = 1.5
"""Width of one picture of a grid."""


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of so many inches; raises ImportError without matplotlib."""
    figure_module = import_extra("matplotlib.figure", "plot", "a plot")
    figure: Figure = figure_module.Figure(figsize=(width, height), layout="constrained")
    return figure


def draw(
    axes: Axes, picture: Array, title: str = "", signed: bool = False, limit: float | None = None
) -> Any:
    """
    Draw one picture: bright is large; or, if `signed`, red is positive and blue negative.

    Parameters
    ----------
    axes
        To draw into.
    picture
        (height, width), or (height, width, 1 or 3). Colours of uint8 are drawn as they are, others
        stretched to the whole range.
    title
        Above it.
    signed
        Whether 0 is to be white.
    limit
        Value of the strongest colour; by default the largest there is.

    Returns
    -------
    The drawn image, for a colour bar.
    """
    values = picture[..., 0] if picture.ndim == 3 and picture.shape[2] == 1 else picture
    if values.ndim == 3:
        drawn = axes.imshow(values if values.dtype == np.uint8 else _stretched(values))
    else:
        top = float(np.abs(values).max()) or 1.0 if limit is None else limit
        bottom = -top if signed else min(float(values.min()), 0.0)
        colours = "RdBu_r" if signed else "gray"
        drawn = axes.imshow(values, cmap=colours, vmin=bottom, vmax=top)
    axes.set_title(title, fontsize=9)
    axes.set_xticks([])
    axes.set_yticks([])
    return drawn


def _stretched(colours: Array) -> Array:
    low, high = float(colours.min()), float(colours.max())
    return (colours - low) / ((high - low) or 1.0)


def plot_pictures(
    pictures: Sequence[Array | None],
    titles: Sequence[str],
    columns: int | None = None,
    signed: bool = False,
    limit: float | None = None,
    numbers: bool = False,
) -> Figure:
    """
    Draw pictures side by side.

    Parameters
    ----------
    pictures
        (height, width), bright is large, or (height, width, 3), with colours of uint8 as they are;
        None leaves a place empty.
    titles
        One each.
    columns
        Pictures a row; by default at most 8.
    signed
        Whether 0 is to be white, positive values red and negative ones blue.
    limit
        Value of the strongest colour; by default the largest of each picture.
    numbers
        Whether to write the values into the pixels.
    """
    across = columns or min(len(pictures), 8)
    down = math.ceil(len(pictures) / across)
    figure = new_figure(_INCH * across, (_INCH + 0.35) * down)
    grid = figure.subplots(down, across, squeeze=False).ravel()
    for axes in grid:
        axes.set_axis_off()
    for axes, picture, title in zip(grid, pictures, titles, strict=False):
        if picture is None:
            continue
        axes.set_axis_on()
        drawn = draw(axes, picture, title, signed, limit)
        if numbers:
            write_numbers(axes, np.asarray(drawn.get_array()), "{:.2f}")
    return figure


def write_numbers(axes: Axes, values: Array, form: str) -> None:
    """Write each value into its cell, black or white, whichever can be read."""
    drawn = axes.images[-1]
    for (row, column), value in np.ndenumerate(values):
        red, green, blue, _ = drawn.cmap(drawn.norm(value))
        dark = 0.3 * red + 0.6 * green + 0.1 * blue < 0.5
        axes.text(
            column,
            row,
            form.format(value),
            ha="center",
            va="center",
            fontsize=8,
            color="white" if dark else "black",
        )


def plot_map(image: Array, values: Float, title: str = "", signed: bool = False) -> Figure:
    """
    Draw an image, a map of the same height and width, and the map over the image.

    Parameters
    ----------
    image
        (height, width) or (height, width, 1 or 3).
    values
        (height, width), from `grad_cam`, `saliency` or `occlusion`.
    title
        Of the map.
    signed
        Whether the map has two directions, as `occlusion` has: 0 is white then.
    """
    figure = new_figure(8.2, 3)
    left, middle, right = figure.subplots(1, 3)
    draw(left, image, "image")
    drawn = draw(middle, values, title, signed)
    if not signed:
        drawn.set_cmap("inferno")
    figure.colorbar(drawn, ax=middle, shrink=0.8)
    draw(right, image, "the map over the image")
    right.imshow(values, cmap=drawn.cmap, norm=drawn.norm, alpha=0.55)
    return figure
