"""What `fit`, `evaluate` and `predict` show while they run."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any, TextIO, TypeAlias

from cnnx import distributed
from cnnx.notebook import has_widgets, in_notebook

Logs: TypeAlias = dict[str, float]
"""Figures by name: loss, the metrics, and both with val_ before."""

_REFRESH_SECONDS = 0.1
_QUIET_SECONDS = 1.0
_FORMS = (
    "{desc} {percentage:3.0f}%|{bar:20}| {n_fmt}/{total_fmt}{postfix}  {rate_fmt}, {remaining}",
    "{desc} {percentage:3.0f}%|{bar:10}| {n_fmt}/{total_fmt}{postfix}  {rate_fmt}",
    "{desc} {percentage:3.0f}%|{bar:10}| {n_fmt}/{total_fmt}{postfix}",
    "{desc} {percentage:3.0f}%{postfix}",
)
"""What a bar shows, the widest first: the figures of training stay when the line gets narrow."""
_FORMS_WITHOUT_END = ("{desc} {n_fmt} images{postfix}  {rate_fmt}", "{desc}{postfix}")
_NOTEBOOK_COLUMNS = 100


def check_verbose(verbose: Any, owner: str) -> int:
    """Return 'auto', True and False as numbers; raises ValueError for anything but 0, 1, 2."""
    level = 1 if isinstance(verbose, str) and verbose == "auto" else verbose
    if not isinstance(level, int) or level not in (0, 1, 2):
        raise ValueError(f"{owner}: verbose must be 'auto', 0, 1 or 2, got {verbose!r}")
    return int(level)


def _terminal() -> TextIO | None:
    """Return the error stream or the output stream if it is a terminal; rank 0 alone has one."""
    if distributed.group().rank:
        return None
    for stream in (sys.stderr, sys.stdout):
        try:
            if stream is not None and stream.isatty():
                return stream
        except ValueError:  # closed
            continue
    return None


def _figures(logs: Logs) -> str:
    return "  ".join(f"{name} {value:.4f}" for name, value in logs.items())


def printable(text: str) -> str:
    """Return a text whose control characters, but for the ends of lines, are written out."""
    return "".join(
        letter if letter.isprintable() or letter == "\n" else ascii(letter)[1:-1] for letter in text
    )


def write_line(text: str) -> None:
    """Print a line on rank 0 alone; a reader who has gone away does not end the training."""
    if distributed.group().rank:
        return
    try:
        print(printable(text), flush=True)
    except (OSError, ValueError):
        return


def _form(bar: Any) -> str:
    """Return the widest form of a bar that fits into its line."""
    figures = bar.format_dict
    forms = _FORMS if figures["total"] else _FORMS_WITHOUT_END
    for form in forms:
        text = bar.format_meter(**figures | {"bar_format": form, "ncols": None})
        if len(text) < (figures["ncols"] or _NOTEBOOK_COLUMNS):
            return form
    return forms[-1]


class Progress:
    """
    A bar on a terminal or in a notebook, nothing elsewhere; use it as a context manager.

    Parameters
    ----------
    title
        Written before the bar.
    samples
        Number of samples until the end; None if unknown.
    verbose
        1 shows the bar.
    delay
        Seconds until it appears.
    """

    def __init__(self, title: str, samples: int | None, verbose: int, delay: float = 0.0) -> None:
        self._started = self._shown = time.perf_counter()
        self._done = 0
        self._bar: Any = None
        self._has_form = False
        if verbose == 1:
            self._bar = self._made(desc=title, total=samples, delay=delay)

    def _made(self, **options: Any) -> Any:
        """Return a bar of tqdm, or None where nobody would see it."""
        options |= {"unit": " images", "unit_scale": True, "mininterval": _REFRESH_SECONDS}
        options |= {"leave": False, "dynamic_ncols": True}
        if in_notebook() and not distributed.group().rank:
            if has_widgets():
                from tqdm.notebook import tqdm as notebook_bar

                return notebook_bar(**options)
            stream: TextIO | None = sys.stdout
            options |= {"dynamic_ncols": False, "ncols": _NOTEBOOK_COLUMNS}
        else:
            stream = _terminal()
        if stream is None:
            return None
        from tqdm import tqdm  # imported here because most runs show no bar

        self._has_form = True
        return tqdm(file=stream, bar_format=_FORMS[-1] if options["total"] else None, **options)

    def advance(self, samples: int, logs: Callable[[], Logs] = dict) -> None:
        """Move the bar on by `samples`, showing the figures that `logs` returns."""
        self._done += samples
        if self._bar is None:
            return
        now = time.perf_counter()
        if now - self._shown >= _REFRESH_SECONDS:
            self._bar.set_postfix_str(_figures(logs()), refresh=False)
            if self._has_form:
                self._bar.bar_format = _form(self._bar)
            self._shown = now
        self._bar.update(samples)

    def summary(self, logs: Logs, trained_seconds: float) -> str:
        """Return the figures, the rate of training and the time since the start as one line."""
        rate = self._done / max(trained_seconds, 1e-9)
        seconds = time.perf_counter() - self._started
        return f"{_figures(logs)}  {rate:,.0f} images/s  {seconds:.1f} s"

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self._started

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def quiet_progress(title: str, samples: int | None, verbose: int) -> Progress:
    """Return a bar that appears only if the work takes long."""
    return Progress(title, samples, verbose, _QUIET_SECONDS)
