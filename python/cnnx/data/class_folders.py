"""The classes of a data set as folders, and the files in them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cnnx.data.path_patterns import Patterns, select


def find_classes(folder: Path, wanted: Sequence[str] | None) -> list[str]:
    """Return the names of the classes after checking that their folders exist.

    Parameters
    ----------
    folder : Path
        Holds a folder for each class.
    wanted : sequence of str, optional
        Names to use in this order; by default those of all folders, sorted.

    Raises
    ------
    TypeError, ValueError
        `wanted` is no list of different folders, or there are fewer than two.
    """
    found = sorted(
        entry.name
        for entry in os.scandir(folder)
        if entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".")
    )
    if wanted is not None and not isinstance(wanted, (list, tuple)):
        raise TypeError(f"image_folder: class_names must be a list of names, got {wanted!r}")
    names = found if wanted is None else list(wanted)
    missing = [name for name in names if name not in found]
    if missing or len(set(names)) < len(names):
        raise ValueError(
            f"{folder}: class_names must be different folders of it, got {listed(names)}; it has "
            f"{listed(found)}"
        )
    if len(names) < 2:
        raise ValueError(
            f"{folder}: a data set needs at least two classes, each a folder of pictures; found "
            f"{listed(names)}. For pictures without classes give label_mode=None."
        )
    return names


def find_files(
    folder: Path, names: Sequence[str], include: Patterns | None, exclude: Patterns | None
) -> tuple[list[Path], NDArray[np.int64]]:
    """Return the files of the classes in the order of their names, and their labels.

    Parameters
    ----------
    folder : Path
        Holds a folder for each class.
    names : sequence of str
        Those folders; none for all files of `folder`, which then have the label 0.
    include, exclude : str or sequence of str, optional
        Patterns for the paths within a class's folder, see `path_patterns.select`.

    Raises
    ------
    TypeError, ValueError
        As `path_patterns.select`, or no files are there.
    """
    files: list[Path] = []
    labels: list[int] = []
    inner_paths: list[Path] = []
    for label, name in enumerate(names or [""]):
        found = _files_below(folder / name)
        files += found
        labels += [label] * len(found)
        inner_paths += [file.relative_to(folder / name) for file in found]
    if not files:
        where = f"the folders {listed(names)} hold" if names else "it holds"
        raise ValueError(f"{folder}: {where} no files")
    chosen = np.flatnonzero(select(inner_paths, include, exclude, "image_folder"))
    if not len(chosen):
        raise ValueError(
            f"{folder}: include={include!r} and exclude={exclude!r} leave none of {len(files):,} "
            "files"
        )
    return [files[index] for index in chosen], np.array(labels, np.int64)[chosen]


def _files_below(folder: Path) -> list[Path]:
    """Return all files at any depth, sorted; names that begin with a dot are passed over."""
    found: list[Path] = []
    for root, folders, entries in os.walk(folder):
        folders[:] = [entry for entry in folders if not entry.startswith(".")]
        found += [Path(root, entry) for entry in entries if not entry.startswith(".")]
    return sorted(found)


def listed(names: Iterable[str]) -> str:
    """Return names as a text for errors."""
    return ", ".join(map(repr, names)) or "none"
