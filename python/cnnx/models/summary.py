"""The table that `Model.summary` prints."""

from __future__ import annotations

import html
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from cnnx.progress import printable, write_line

_RULES = {
    "top": ("┏", "━", "┳", "┓"),
    "head": ("┡", "━", "╇", "┩"),
    "middle": ("├", "─", "┼", "┤"),
    "bottom": ("└", "─", "┴", "┘"),
}
_ASCII = str.maketrans("┏━┳┓┡╇┩├─┼┤└┴┘┃│", "+=+++++" + "+-++" + "+++" + "||")


def format_summary(model: Any, expand_nested: bool, show_trainable: bool) -> str:
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
    """
    header, rows = _table(model, expand_nested, show_trainable)
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    least = (31, 22, 13, 0, 0)
    widths = [max(width, minimum) for width, minimum in zip(widths, least, strict=False)]
    lines = [f'Model: "{_name(model.name)}"', _rule("top", widths), _cells(header, widths, "┃")]
    lines.append(_rule("head", widths))
    for index, row in enumerate(rows):
        if index:
            lines.append(_rule("middle", widths))
        lines.append(_cells(row, widths, "│"))
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
    model: Any, expand_nested: bool, show_trainable: bool
) -> tuple[list[str], list[list[str]]]:
    """Return the titles of the columns, and a row for each layer."""
    connected = model.built and not model.is_chain()
    header = ["Layer (type)", "Output Shape", "Param #"]
    header += ["Connected to"] * connected + ["Trainable"] * show_trainable
    rows = _rows(model, expand_nested, connected, show_trainable)
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
    model: Any, expand_nested: bool, connected: bool, show_trainable: bool, depth: int = 0
) -> Iterator[list[str]]:
    sources = _sources(model) if connected else {}
    for layer in model.layers:
        row = list(_row(layer, depth))
        row += [", ".join(sources.get(layer, ["-"]))] * connected
        row += ["-" if not layer.weights else "Y" if layer.trainable else "N"] * show_trainable
        yield row
        if expand_nested and hasattr(layer, "layers"):
            yield from _rows(layer, True, connected, show_trainable, depth + 1)


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


def _cells(texts: Sequence[str], widths: Sequence[int], wall: str) -> str:
    cells = [text.ljust(width) for text, width in zip(texts, widths, strict=True)]
    cells[2] = texts[2].rjust(widths[2])
    return wall + wall.join(f" {cell} " for cell in cells) + wall


def _count(parameters: int) -> str:
    size, unit = 4.0 * parameters, "B"
    for larger in ("KB", "MB", "GB"):
        if size < 1024:
            break
        size, unit = size / 1024, larger
    return f"{parameters:,} ({size:.2f} {unit})"
