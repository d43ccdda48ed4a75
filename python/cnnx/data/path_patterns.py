"""Glob patterns that choose files by their paths within a folder."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import PurePath, PurePosixPath

import numpy as np
from numpy.typing import NDArray

Patterns = str | Sequence[str]


def select(
    paths: Sequence[PurePath], include: Patterns | None, exclude: Patterns | None, owner: str
) -> NDArray[np.bool_]:
    """Tell which paths `include` takes and `exclude` does not.

    A pattern is compared with the path name by name, from the first one on: ``*`` stands for any
    characters within a name, ``?`` for one, ``[0-4]`` and ``[!0-4]`` for one in or out of a set,
    and ``**`` for any number of folders. A pattern that fits a folder takes all files below it.
    The letter case counts.

    Parameters
    ----------
    paths : sequence of PurePath
        Relative paths of files.
    include : str or sequence of str, optional
        Patterns, at least one of which must take a path; by default all paths are taken.
    exclude : str or sequence of str, optional
        Patterns, none of which may take a path.
    owner : str
        What errors begin with.

    Returns
    -------
    ndarray
        A boolean for each path.

    Raises
    ------
    TypeError
        A pattern is no text.
    ValueError
        A pattern is empty or takes none of the paths.
    """
    chosen = np.ones(len(paths), np.bool_)
    if include is not None:
        chosen &= _taken(paths, include, f"{owner}: include")
    if exclude is not None:
        chosen &= ~_taken(paths, exclude, f"{owner}: exclude")
    return chosen


def _taken(paths: Sequence[PurePath], patterns: Patterns, name: str) -> NDArray[np.bool_]:
    """Tell which paths at least one of the patterns takes."""
    taken = np.zeros(len(paths), np.bool_)
    for pattern in _texts(patterns, name):
        names = PurePosixPath(pattern).parts
        if not names:
            raise ValueError(f"{name}: {pattern!r} is an empty pattern. Name a file or a folder.")
        by_this = np.array([_takes(names, path.parts) for path in paths], np.bool_)
        if not by_this.any():
            raise ValueError(
                f"{name}: the pattern {pattern!r} fits none of {len(paths):,} files, such as "
                f"{str(paths[0])!r}. Begin it at the class's folder, or with '**/' to fit at any "
                "depth."
            )
        taken |= by_this
    return taken


def _texts(patterns: Patterns, name: str) -> list[str]:
    texts = [patterns] if isinstance(patterns, str) else patterns
    if not isinstance(texts, (list, tuple)) or not all(isinstance(text, str) for text in texts):
        raise TypeError(f"{name} must be a pattern or a list of patterns, got {patterns!r}")
    return list(texts)


def _takes(pattern: Sequence[str], path: Sequence[str]) -> bool:
    """Tell whether the pattern fits the path or a folder that it lies in."""
    places = _skipped({0}, pattern)  # in the pattern, that the names read so far lead to
    for name in path:
        if len(pattern) in places:
            return True
        stay = {place for place in places if pattern[place] == "**"}
        moved = {place + 1 for place in places - stay if fnmatchcase(name, pattern[place])}
        places = _skipped(stay | moved, pattern)
    return len(pattern) in places and pattern[-1] != "**"


def _skipped(places: set[int], pattern: Sequence[str]) -> set[int]:
    """Return the places, and those after each ``**`` there, which may stand for no folder."""
    found = set(places)
    for place in places:
        while place < len(pattern) and pattern[place] == "**":
            place += 1
            found.add(place)
    return found
