"""What `fit`, `evaluate` and `predict` show while they run."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any, TextIO, TypeAlias

from cnnx import distributed

Logs: TypeAlias = dict[str, float]
"""Figures by name: loss, the metrics, and both with val_ before."""

_REFRESH_SECONDS = 0.1
_QUIET_SECONDS = 1.0


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


class Progress:
    """
    A bar on a terminal, nothing elsewhere; use it as a context manager.

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
        stream = _terminal() if verbose == 1 else None
        if stream is not None:
            from tqdm import tqdm  # imported here because most runs show no bar

            self._bar = tqdm(
                total=samples,
                desc=title,
                unit=" images",
                unit_scale=True,
                file=stream,
                delay=delay,
                leave=False,
                mininterval=_REFRESH_SECONDS,
                dynamic_ncols=True,
            )

    def advance(self, samples: int, logs: Callable[[], Logs] = dict) -> None:
        """Move the bar on by `samples`, showing the figures that `logs` returns."""
        self._done += samples
        if self._bar is None:
            return
        now = time.perf_counter()
        if now - self._shown >= _REFRESH_SECONDS:
            self._bar.set_postfix_str(_figures(logs()), refresh=False)
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
