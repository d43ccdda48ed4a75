"""The table that `Model.summary` prints."""

from __future__ import annotations

import html
import itertools
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from cnnx.geometry import integer, number
from cnnx.models.layer_range import layers_between
from cnnx.progress import printable, write_line

_RULES = {
    "top": ("┏", "━", "┳", "┓"),
    "head": ("┡", "━", "╇", "┩"),
    "middle": ("├", "─", "┼", "┤"),
    "bottom": ("└", "─", "┴", "┘"),
}
_ASCII = str.maketrans("┏━┳┓┡╇┩├─┼┤└┴┘┃│", "+=+++++" + "+-++" + "+++" + "||")


def format_summary(
    model: Any,
    expand_nested: bool,
    show_trainable: bool,
    line_length: int | None = None,
    positions: Sequence[float] | None = None,
    layer_range: Sequence[str] | None = None,
) -> str:
    """
    Return a table of a model's layers with their output shapes and numbers of parameters.

    Parameters
    ----------
    model
        Built or not.
    expand_nested
        Whether to list the layers of models used as layers.
    show_trainable
        Whether to add a column that says which layers are trainable.
    line_length, positions, layer_range
        As for `Model.summary`.
    """
    header, rows = _table(model, expand_nested, show_trainable, layer_range)
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    least = (31, 22, 13, 0, 0)
    widths = [max(width, minimum) for width, minimum in zip(widths, least, strict=False)]
    if line_length is not None or positions is not None:
        widths = column_widths(widths, line_length, positions)
    lines = [f'Model: "{_name(model.name)}"', _rule("top", widths), *_cells(header, widths, "┃")]
    lines.append(_rule("head", widths))
    for index, row in enumerate(rows):
        if index:
            lines.append(_rule("middle", widths))
        lines += _cells(row, widths, "│")
    lines.append(_rule("bottom", widths))
    lines += [f" {line}" for line in _totals(model)]
    return "\n".join(lines)


def html_summary(model: Any) -> str:
    """Return the table of a model's layers as HTML."""
    header, rows = _table(model, expand_nested=False, show_trainable=False)
    body = "".join(f"<tr>{_html_cells('td', row)}</tr>" for row in rows)
    return (
        f"<p><b>{type(model).__name__}</b> {html.escape(_name(model.name))}</p>"
        '<div style="max-height: 32em; overflow: auto">'
        f"<table><thead><tr>{_html_cells('th', header)}</tr></thead><tbody>{body}</tbody></table>"
        "</div>"
        f"<p>{'<br>'.join(map(html.escape, _totals(model)))}</p>"
    )


def _html_cells(tag: str, texts: Sequence[str]) -> str:
    sides = ["right" if index == 2 else "left" for index in range(len(texts))]
    return "".join(
        f'<{tag} style="text-align: {side}">{html.escape(text)}</{tag}>'
        for side, text in zip(sides, texts, strict=True)
    )


def _table(
    model: Any,
    expand_nested: bool,
    show_trainable: bool,
    layer_range: Sequence[str] | None = None,
) -> tuple[list[str], list[list[str]]]:
    """Return the titles of the columns, and a row for each layer."""
    connected = model.built and not model.is_chain()
    header = ["Layer (type)", "Output Shape", "Param #"]
    header += ["Connected to"] * connected + ["Trainable"] * show_trainable
    shown = layers_between(model.layers, layer_range, "summary")
    sources = _sources(model) if connected else None
    rows = _rows(shown, expand_nested, sources, show_trainable)
    return header, [list(map(_name, row)) for row in rows]


def _totals(model: Any) -> list[str]:
    """Return the numbers of parameters in words."""
    learned = sum(weight.size for weight in model.trainable_weights)
    total = model.count_params()
    return [
        f"Total params: {_count(total)}",
        f"Trainable params: {_count(learned)}",
        f"Non-trainable params: {_count(total - learned)}",
    ]


def _name(text: str) -> str:
    """Return what may hold a name that came with a file as it may be printed."""
    return printable(text).replace("\n", "\\n")


def _rows(
    layers: Sequence[Any],
    expand_nested: bool,
    sources: dict[Any, list[str]] | None,
    show_trainable: bool,
    depth: int = 0,
) -> Iterator[list[str]]:
    for layer in layers:
        row = list(_row(layer, depth))
        if sources is not None:
            row.append(", ".join(sources.get(layer, ["-"])))
        row += ["-" if not layer.weights else "Y" if layer.trainable else "N"] * show_trainable
        yield row
        if expand_nested and hasattr(layer, "layers"):
            within = None if sources is None else _sources(layer)
            yield from _rows(layer.layers, True, within, show_trainable, depth + 1)


def _sources(model: Any) -> dict[Any, list[str]]:
    """Return the names of the layers that each layer reads, in all its uses."""
    found: dict[Any, list[str]] = {}
    for value in model.graph.values if model.built else ():
        found.setdefault(value.node.layer, []).extend(item.name for item in value.node.inputs)
    return found


def print_summary(text: str) -> None:
    """Print the table, in ASCII where the output's encoding lacks its lines."""
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = text.translate(_ASCII).encode(encoding, "replace").decode(encoding)
    write_line(text)


def _row(layer: Any, depth: int) -> tuple[str, str, str]:
    title = f"{'  ' * depth}{layer.name} ({type(layer).__name__})"
    if not layer.built:
        return title, "?", "0 (unbuilt)"
    shape = layer.output_shape
    text = str(tuple(shape)) if isinstance(shape, tuple) else ", ".join(map(str, shape))
    return title, text, f"{layer.count_params():,}"


def _rule(kind: str, widths: Sequence[int]) -> str:
    left, line, cross, right = _RULES[kind]
    return left + cross.join(line * (width + 2) for width in widths) + right


def _cells(texts: Sequence[str], widths: Sequence[int], wall: str) -> Iterator[str]:
    """Yield the lines of a row: several, where a text is wider than its column."""
    parts = [_cut(text, width) for text, width in zip(texts, widths, strict=True)]
    for line in itertools.zip_longest(*parts, fillvalue=""):
        cells = [text.ljust(width) for text, width in zip(line, widths, strict=True)]
        cells[2] = line[2].rjust(widths[2])
        yield wall + wall.join(f" {cell} " for cell in cells) + wall


def _cut(text: str, width: int) -> list[str]:
    return [text[start : start + width] for start in range(0, len(text), width)] or [""]


def column_widths(
    widths: Sequence[int], line_length: Any, positions: Sequence[float] | None
) -> list[int]:
    """
    Return the letters of each column of a table of a given length.

    Parameters
    ----------
    widths
        Letters that the columns would have by themselves, by which they share the line.
    line_length
        Letters of a line; None for what `positions` say, or 98.
    positions
        Where the columns end: letters, or shares of the line if none is above 1.

    Raises
    ------
    TypeError, ValueError
        If the positions are not as many as the columns, do not rise, or leave a column no room.
    """
    count = len(widths)
    if positions is None:
        ends = list(itertools.accumulate(width + 3 for width in widths))
        positions = [end / ends[-1] for end in ends]
    elif not isinstance(positions, (list, tuple)) or len(positions) != count:
        raise ValueError(
            f"summary: positions must say where each of the {count} columns ends, got {positions!r}"
        )
    places = [number(place, "summary: positions", 0, float("inf")) for place in positions]
    shares = places[-1] <= 1
    length = integer(
        (98 if shares else int(places[-1])) if line_length is None else line_length,
        "summary: line_length",
        minimum=4 * count + 1,
    )
    ends = [round((length - 1) * place) if shares else int(place) - 1 for place in places]
    found = [end - before - 3 for before, end in itertools.pairwise([0, *ends])]
    if min(found) < 1:
        raise ValueError(
            f"summary: positions={list(positions)} of {length} letters leave a column no room; "
            "columns need 4 letters or more each"
        )
    return found


def _count(parameters: int) -> str:
    size, unit = 4.0 * parameters, "B"
    for larger in ("KB", "MB", "GB"):
        if size < 1024:
            break
        size, unit = size / 1024, larger
    return f"{parameters:,} ({size:.2f} {unit})"
