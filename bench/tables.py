"""Figures in columns."""

import statistics
from collections.abc import Sequence


def format_table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows, the first of which is the header, in columns; all but the first to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, *others in rows:
        cells = [first.ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        lines.append("   ".join(cells).rstrip())
    return "\n".join(lines)


def format_number(value: float) -> str:
    """Return a number > 0 with three significant digits, without an exponent."""
    decimals = next((d for d, limit in enumerate((100, 10, 1, 0.1)) if value >= limit), 4)
    return f"{value:.{decimals}f}"


def format_range(values: Sequence[float]) -> str:
    """Return the median, and the lowest and highest value."""
    low, middle, high = map(format_number, (min(values), statistics.median(values), max(values)))
    return f"{middle} ({low}-{high})"


def format_milliseconds(times: Sequence[float]) -> str:
    """Return seconds as milliseconds: the median, and the lowest and highest."""
    return format_range([1e3 * seconds for seconds in times])


def format_duration(seconds: float) -> str:
    """Return seconds, minutes or hours, whichever is the largest unit that is at least 1."""
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{format_number(seconds / length)} {unit}"
    return f"{format_number(seconds)} s"


def format_threads(threads: int) -> str:
    """Return "1 thread", "2 threads", ...."""
    return f"{threads} thread{'s' * (threads > 1)}"
