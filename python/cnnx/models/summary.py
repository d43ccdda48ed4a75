"""The table that `Model.summary` prints."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from cnnx.layers.layer import Layer
from cnnx.progress import write_line

_RULES = {
    "top": ("┏", "━", "┳", "┓"),
    "head": ("┡", "━", "╇", "┩"),
    "middle": ("├", "─", "┼", "┤"),
    "bottom": ("└", "─", "┴", "┘"),
}
_ASCII = str.maketrans("┏━┳┓┡╇┩├─┼┤└┴┘┃│", "+=+++++" + "+-++" + "+++" + "||")


def format_summary(name: str, layers: Sequence[Layer]) -> str:
    """Return a table of the layers with their output shapes and numbers of parameters."""
    header = ("Layer (type)", "Output Shape", "Param #")
    rows = [_row(layer) for layer in layers]
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    widths = [max(width, least) for width, least in zip(widths, (31, 22, 13), strict=True)]
    lines = [f'Model: "{name}"', _rule("top", widths), _cells(header, widths, "┃")]
    lines.append(_rule("head", widths))
    for index, row in enumerate(rows):
        if index:
            lines.append(_rule("middle", widths))
        lines.append(_cells(row, widths, "│"))
    lines.append(_rule("bottom", widths))
    learned = sum(weight.size for layer in layers for weight in layer.trainable_weights)
    total = sum(layer.count_params() for layer in layers)
    lines += [
        f" Total params: {_count(total)}",
        f" Trainable params: {_count(learned)}",
        f" Non-trainable params: {_count(total - learned)}",
    ]
    return "\n".join(lines)


def print_summary(text: str) -> None:
    """Print the table, in ASCII where the output's encoding lacks its lines."""
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = text.translate(_ASCII).encode(encoding, "replace").decode(encoding)
    write_line(text)


def _row(layer: Layer) -> tuple[str, str, str]:
    title = f"{layer.name} ({type(layer).__name__})"
    if not layer.built:
        return title, "?", "0 (unbuilt)"
    return title, str(tuple(layer.output_shape)), f"{layer.count_params():,}"


def _rule(kind: str, widths: Sequence[int]) -> str:
    left, line, cross, right = _RULES[kind]
    return left + cross.join(line * (width + 2) for width in widths) + right


def _cells(texts: Sequence[str], widths: Sequence[int], wall: str) -> str:
    name, shape, count = texts
    cells = (name.ljust(widths[0]), shape.ljust(widths[1]), count.rjust(widths[2]))
    return wall + wall.join(f" {cell} " for cell in cells) + wall


def _count(parameters: int) -> str:
    size, unit = 4.0 * parameters, "B"
    for larger in ("KB", "MB", "GB"):
        if size < 1024:
            break
        size, unit = size / 1024, larger
    return f"{parameters:,} ({size:.2f} {unit})"
