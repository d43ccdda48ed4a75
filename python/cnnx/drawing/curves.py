"""The curves of a training as SVG."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from cnnx.drawing.svg import Point, document, group, text

_WIDTH, _HEIGHT = 300, 200  # of a panel
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 12, 28, 36  # margins within it
_TRAINING, _VALIDATION, _GRID = "#1f77b4", "#ff7f0e", "#dddddd"


def curves(history: Mapping[str, Sequence[float]], epochs: Sequence[int]) -> str:
    """
    Return the figures of every epoch as SVG, a panel for each, with those of validation in it.

    Parameters
    ----------
    history
        Values by name: loss, val_loss, accuracy, ....
    epochs
        Their epochs, counted from 0.
    """
    names = [name for name in history if not name.startswith("val_")]
    panels = [
        group("panel", _panel(history, [epoch + 1 for epoch in epochs], name, index * _WIDTH))
        for index, name in enumerate(names)
    ]
    return document("training", _WIDTH * len(names), _HEIGHT, panels)


def _panel(
    history: Mapping[str, Sequence[float]], epochs: list[int], name: str, left: float
) -> Iterator[str]:
    lines = {name: history[name]}
    if f"val_{name}" in history:
        lines[f"val_{name}"] = history[f"val_{name}"]
    finite = [value for line in lines.values() for value in line if math.isfinite(value)]
    heights = _ticks(min(finite, default=0.0), max(finite, default=1.0))
    low, high = heights[0], heights[-1]
    first, last = epochs[0], max(epochs[-1], epochs[0] + 1)

    def place(epoch: float, value: float) -> Point:
        across = (epoch - first) / (last - first)
        up = (value - low) / (high - low)
        return Point(
            left + _LEFT + across * (_WIDTH - _LEFT - _RIGHT),
            _HEIGHT - _BOTTOM - up * (_HEIGHT - _TOP - _BOTTOM),
        )

    for height in heights:
        start, end = place(first, height), place(last, height)
        yield _line([start, end], _GRID, 1)
        yield text(f"{height:.4g}", left + _LEFT - 24, start.y + 4)
    for epoch in sorted({epochs[0], epochs[len(epochs) // 2], epochs[-1]}):
        yield text(f"{epoch}", place(epoch, low).x, _HEIGHT - _BOTTOM + 15)
    yield text("epoch", left + (_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 6)
    for (label, values), colour in zip(lines.items(), (_TRAINING, _VALIDATION), strict=False):
        points = [
            place(epoch, value)
            for epoch, value in zip(epochs, values, strict=False)
            if math.isfinite(value)
        ]
        yield _line(points, colour, 2)
        yield from (
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{colour}"/>' for x, y in points[-1:]
        )
        offset = 0.33 if label == name else 0.75
        yield f'<g fill="{colour}">{text(label, left + offset * _WIDTH, 16, bold=True)}</g>'


def _ticks(low: float, high: float) -> list[float]:
    """Return two to seven round numbers from at most `low` to at least `high`."""
    spread = (high - low) or abs(high) or 1.0
    step = 10.0 ** math.floor(math.log10(spread))
    if spread / step < 2:
        step /= 2
    elif spread / step >= 5:
        step *= 2
    start, end = math.floor(low / step), math.ceil(high / step)
    return [index * step for index in range(start, max(end, start + 1) + 1)]


def _line(points: Sequence[Point], colour: str, width: float) -> str:
    joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{joined}" fill="none" stroke="{colour}" stroke-width="{width}"/>'
