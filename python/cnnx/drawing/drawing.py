"""`plot_model` and what it returns."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnnx.drawing.layout import layout
from cnnx.drawing.node import Options, network_nodes
from cnnx.drawing.svg import arrow, document
from cnnx.drawing.upright import upright
from cnnx.files import replacing
from cnnx.geometry import integer
from cnnx.models.model import Model
from cnnx.registry import choice


@dataclass(frozen=True)
class Drawing:
    """
    A drawing as SVG text: `str` returns the text, and notebooks show the picture.

    Parameters
    ----------
    svg
        The whole text of an SVG file.
    """

    svg: str

    def save(self, to_file: str | os.PathLike[str]) -> None:
        """
        Write the drawing to a file, atomically.

        Parameters
        ----------
        to_file
            Its name ends in .svg.

        Raises
        ------
        OSError
            The file can't be written.
        TypeError, ValueError
            If it is no name, or does not end in .svg.
        """
        with replacing(_svg_file(to_file, "save")) as stream:
            stream.write(self.svg.encode())

    def __str__(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"<Drawing, {len(self.svg):,} characters of SVG>"

    def _repr_svg_(self) -> str:
        return self.svg


def plot_model(
    model: Model,
    to_file: str | os.PathLike[str] | None = "model.svg",
    show_shapes: bool = True,
    show_dtype: bool = False,
    show_layer_names: bool = True,
    rankdir: str = "LR",
    expand_nested: bool = True,
    dpi: int = 96,
    show_layer_activations: bool = True,
    show_trainable: bool = False,
    layer_range: Sequence[str] | None = None,
) -> Drawing:
    """
    Draw a network as the textbooks do: feature maps as stacks of sheets, vectors as neurons.

    Each use of a layer is a figure of its output, with an arrow to each layer that reads it. The
    longest way through the network runs along the middle, shorter branches below it, and shortcuts
    above it; from top to bottom, to the right and to the left of it. A sheet's sides grow with the
    height and width of a feature map, and the number of sheets with the channels, both more slowly
    than in proportion, so that the smallest can be seen.
    A layer that changes no size and is no convolution, pooling or dense layer is a green bar; a
    sum or another merging layer that works element by element is a circle with its sign. Nothing
    else needs to be installed.

    Parameters
    ----------
    model
        Built.
    to_file
        SVG file to make or to replace, written atomically; None writes no file.
    show_shapes
        Whether to write the size of one sample's output above each figure: height x width x
        channels, or the number of elements of a vector.
    show_dtype
        Whether to write the kind of the numbers, which is float32, beside the size.
    show_layer_names
        Whether to write the layers' names above their operations.
    rankdir
        'LR' draws from left to right, in as many rows as it takes; 'TB' from top to bottom.
    expand_nested
        Whether to draw the layers of models used as layers, rather than each as one figure.
    dpi
        Dots per inch: an SVG drawing is shown dpi / 96 times as large.
    show_layer_activations
        Whether to write the activations of layers that have one.
    show_trainable
        Whether to write at each layer that has weights whether training changes any of them.
    layer_range
        The names of the first and the last layer to draw, or patterns for them (`re.match`).

    Returns
    -------
    The drawing, which a notebook shows; `str` of it is the SVG text.

    Raises
    ------
    OSError
        The file can't be written.
    TypeError
        `model` is no model, or `to_file` no name.
    ValueError
        The model is not built, `to_file` does not end in .svg, or an argument does not fit.
    """
    if not isinstance(model, Model):
        raise TypeError(f"plot_model: model must be a cnnx.Model, got {model!r}")
    if not model.built:
        raise ValueError(
            f"plot_model: model '{model.name}' is not built yet, so its sizes are unknown: "
            "begin it with cnnx.Input(shape), call fit, or call build((None, ...))"
        )
    path = None if to_file is None else _svg_file(to_file, "plot_model")
    options = Options(
        bool(show_shapes),
        bool(show_dtype),
        bool(show_layer_names),
        bool(show_layer_activations),
        bool(show_trainable),
    )
    down = choice(rankdir, "plot_model: rankdir", "LR", "TB") == "TB"
    scale = integer(dpi, "plot_model: dpi", limit=10_000) / 96
    with model.lock:
        nodes, edges = network_nodes(model, options, bool(expand_nested), layer_range)
    found = (upright if down else layout)(nodes, edges)
    drawn = [
        node.draw(place.middle, place.caption)
        for node, place in zip(nodes, found.places, strict=True)
    ]
    parts = [*map(arrow, found.arrows), *drawn]
    drawing = Drawing(document(str(model.name), found.width, found.height, parts, scale))
    if path is not None:
        drawing.save(path)
    return drawing


def _svg_file(to_file: Any, owner: str) -> Path:
    if not isinstance(to_file, (str, os.PathLike)):
        raise TypeError(f"{owner}: to_file must be the name of a file, got {to_file!r}")
    path = Path(to_file)
    if path.suffix.lower() != ".svg":
        right = path.parent / f"{path.stem or 'model'}.svg"
        raise ValueError(
            f"{owner}: to_file must end in .svg, got {os.fspath(to_file)!r}; write '{right}' and "
            "turn it into another format with a browser or a program such as Inkscape"
        )
    return path
