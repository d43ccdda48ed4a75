"""The classes of a data set as folders, and the files in them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cnnx.data.findings import listing
from cnnx.data.folder_walk import FolderWalk
from cnnx.data.path_patterns import Patterns, select
from cnnx.data.picture_file import SUFFIXES, is_picture
from cnnx.warning import warn

NAMED = 20  # classes that an error names


class ClassFolders:
    """The folders of the classes, or one folder without classes, and their files.

    Warns of folders that are passed over: those that may not be listed, links within a class unless
    `follow_links`, and those without pictures unless they are wanted.

    Parameters
    ----------
    folder : Path
        Holds a folder for each class.
    wanted : sequence of str, optional
        Names of the classes in the order of their labels; by default those of all folders that hold
        pictures, sorted.
    classes : bool
        False for all files of `folder`, which then have the label 0.
    follow_links : bool
        Whether links to folders within a class are entered.

    Attributes
    ----------
    names : list of str
        The classes.

    Raises
    ------
    TypeError, ValueError
        `wanted` is no list of different folders, or there are fewer than two classes.
    OSError
        A folder that is wanted may not be listed.
    """

    def __init__(
        self, folder: Path, wanted: Sequence[str] | None, classes: bool, follow_links: bool
    ) -> None:
        self._folder = folder
        self._walk = FolderWalk(follow_links)
        if classes:
            names = self._walk.folders(folder)
            if folder not in self._walk.passed_over:
                names = names if wanted is None else self._chosen(names, wanted)
            self._files = {name: self._walk.files(folder / name) for name in names}
        else:
            self._files = {"": self._walk.files(folder)}
        refused = [folder, *(folder / name for name in wanted or ())]
        for path in refused:
            if path in self._walk.passed_over:
                raise OSError(f"{path}: cannot be read ({self._walk.passed_over[path]})")
        if self._walk.passed_over:
            what = listing(self._walk.passed_over.items(), folder)
            warn(f"{folder}: passed over {len(self._walk.passed_over)} folders: {what}")
        if classes:
            self._leave_out_empty(wanted)
        self.names = list(self._files) if classes else []

    def find(
        self, include: Patterns | None, exclude: Patterns | None
    ) -> tuple[list[Path], NDArray[np.int64]]:
        """Return the files of the classes in the order of their names, and their labels.

        Parameters
        ----------
        include, exclude : str or sequence of str, optional
            Patterns for the paths within a class's folder, see `path_patterns.select`.

        Raises
        ------
        TypeError, ValueError
            As `path_patterns.select`, or no files are there.
        """
        files = [file for found in self._files.values() for file in found]
        sizes = [len(found) for found in self._files.values()]
        labels = np.repeat(np.arange(len(sizes)), sizes)
        if not files:
            where = f"the folders {listed(self.names)} hold" if self.names else "it holds"
            raise ValueError(f"{self._folder}: {where} no files")
        inner_paths = [
            file.relative_to(self._folder / name)
            for name, found in self._files.items()
            for file in found
        ]
        chosen = np.flatnonzero(select(inner_paths, include, exclude, "image_folder"))
        if not len(chosen):
            raise ValueError(
                f"{self._folder}: include={include!r} and exclude={exclude!r} leave none of "
                f"{len(files):,} files"
            )
        counts = np.bincount(labels[chosen], minlength=len(sizes))
        without = [
            name
            for name, size, count in zip(self._files, sizes, counts, strict=True)
            if size and not count
        ]
        if without:
            warn(
                f"{self._folder}: include={include!r} and exclude={exclude!r} leave no files of "
                f"the classes {listed(without)}"
            )
        return [files[index] for index in chosen], labels[chosen].astype(np.int64)

    def _chosen(self, found: Sequence[str], wanted: Sequence[str]) -> list[str]:
        if not isinstance(wanted, (list, tuple)):
            raise TypeError(f"image_folder: class_names must be a list of names, got {wanted!r}")
        if any(name not in found for name in wanted) or len(set(wanted)) < len(wanted):
            raise ValueError(
                f"{self._folder}: class_names must be different folders of it, got "
                f"{listed(wanted)}; it has {listed(found)}"
            )
        return list(wanted)

    def _leave_out_empty(self, wanted: Sequence[str] | None) -> None:
        empty = [name for name, files in self._files.items() if not _hold_pictures(files)]
        if wanted is None:
            self._files = {name: self._files[name] for name in self._files if name not in empty}
        if len(self._files) < 2:
            without = f"; without pictures: {listed(empty)}" if empty and wanted is None else ""
            raise ValueError(
                f"{self._folder}: a data set needs at least two classes, each a folder of "
                f"pictures; found {listed([*self._files])}{without}. For pictures without classes "
                "give label_mode=None."
            )
        if empty:
            done = (
                "are left out; class_names makes them classes" if wanted is None else "are classes"
            )
            warn(f"{self._folder}: folders without pictures {done}: {listed(empty)}")
        places: dict[str, list[str]] = {}
        for name in self._files:
            places.setdefault(os.path.realpath(self._folder / name), []).append(name)
        for same in places.values():
            if len(same) > 1:
                warn(f"{self._folder}: the classes {listed(same)} are one folder under two names")


def _hold_pictures(files: Sequence[Path]) -> bool:
    return any(file.suffix.lower() in SUFFIXES for file in files) or any(map(is_picture, files))


def listed(names: Sequence[str]) -> str:
    """Return names, if many the first ones, as a text for errors."""
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(map(repr, names[:NAMED])) + more or "none"
