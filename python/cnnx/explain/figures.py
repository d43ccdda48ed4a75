"""Figures of pictures side by side, and of maps over images."""

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
    import_extra("matplotlib.figure", "plot", "a plot")
    from cnnx.explain import shown_figure  # a subclass of matplotlib's

    return shown_figure.new_figure(width, height)


def draw(
    axes: Axes,
    picture: Array,
    title: str = "",
    signed: bool = False,
    limit: float | None = None,
    colours: str | None = None,
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
    colours
        Name of matplotlib's colour map for (height, width); by default grey, or red and blue if
        `signed`.

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
        default = "RdBu_r" if signed else "gray"
        drawn = axes.imshow(values, cmap=colours or default, vmin=bottom, vmax=top)
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
    row_labels: Sequence[str] = (),
    bar_label: str = "",
) -> Figure:
    """
    Draw pictures side by side, with a colour bar if all have one scale.

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
    row_labels
        Written to the left of each row.
    bar_label
        What the colours stand for. The bar is drawn if `limit` is given and a picture is not in
        colour.
    """
    across = columns or min(len(pictures), 8)
    down = math.ceil(len(pictures) / across)
    figure = new_figure(_INCH * across, (_INCH + 0.35) * down)
    places = figure.subplots(down, across, squeeze=False)
    grid = places.ravel()
    for axes in grid:
        _hide(axes)
    scaled = None
    for axes, picture, title in zip(grid, pictures, titles, strict=False):
        if picture is None:
            continue
        axes.patch.set_visible(True)
        axes.spines[:].set_visible(True)
        drawn = draw(axes, picture, title, signed, limit)
        if picture.ndim == 2 or picture.shape[2] == 1:
            scaled = drawn
        if numbers:
            write_numbers(axes, np.asarray(drawn.get_array()), "{:.2f}")
    for axes, label in zip(places[:, 0], row_labels, strict=False):
        axes.set_ylabel(label, fontsize=9)
    if scaled is not None and limit is not None:
        bar = figure.colorbar(scaled, ax=grid.tolist(), shrink=0.8, aspect=15 * down, pad=0.01)
        bar.set_label(bar_label, fontsize=9)
        bar.ax.tick_params(labelsize=8)
    return figure


def _hide(axes: Axes) -> None:
    """Leave nothing of an empty place but its label."""
    axes.spines[:].set_visible(False)
    axes.patch.set_visible(False)
    axes.set_xticks([])
    axes.set_yticks([])


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


def plot_map(
    image: Array, values: Float, title: str = "", signed: bool = False, label: str = ""
) -> Figure:
    """
    Draw an image, a map of the same height and width, and the map over the image.

    The stronger the map is at a pixel, the more its colour covers the image there.

    Parameters
    ----------
    image
        (height, width) or (height, width, 1 or 3).
    values
        (height, width), from `grad_cam`, `saliency` or `occlusion`.
    title
        Of the map.
    signed
        Whether the map has two directions, as `occlusion` has: 0 is white then, positive values
        are red and negative ones blue.
    label
        What the values are, written along the colour bar.
    """
    figure = new_figure(9, 3)
    left, middle, right = figure.subplots(1, 3)
    draw(left, image, "image")
    drawn = draw(middle, values, title, signed, colours=None if signed else "YlOrRd")
    bar = figure.colorbar(drawn, ax=middle, shrink=0.8)
    bar.set_label(label, fontsize=9)
    draw(right, image, "the map over the image")
    strength = np.abs(values) / (float(np.abs(values).max()) or 1.0)
    right.imshow(values, cmap=drawn.cmap, norm=drawn.norm, alpha=0.75 * strength)
    return figure
