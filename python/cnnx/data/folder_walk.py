"""The files below a folder, and what is passed over on the way."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


class FolderWalk:
    """Finds files at any depth, in the order of their names; those of a dot are passed over.

    Parameters
    ----------
    follow_links : bool
        Whether to go into links to folders. A folder that holds the link itself is not entered
        again.

    Attributes
    ----------
    passed_over : dict
        The folders that were not read, and why. A link to a folder that holds it hides nothing and
        is not among them.
    """

    def __init__(self, follow_links: bool) -> None:
        self._follow_links = follow_links
        self.passed_over: dict[Path, str] = {}

    def files(self, folder: Path) -> list[Path]:
        """Return the files below `folder`, which may be a link itself."""
        found: list[Path] = []
        entered: set[tuple[int, int]] = set()
        waiting = [iter(self.entries(folder))]
        while waiting:
            entry = next(waiting[-1], None)
            if entry is None:
                waiting.pop()
            elif not self._is_folder(entry):
                found.append(Path(entry.path))
            elif self._may_enter(entry, entered):
                waiting.append(iter(self.entries(Path(entry.path))))
        return found

    def folders(self, folder: Path) -> list[str]:
        """Return the names of the folders in `folder`, also of links to folders."""
        found: list[str] = []
        for entry in self.entries(folder):
            if self._is_folder(entry):
                if not (entry.is_symlink() and _holds_itself(entry)):
                    found.append(entry.name)
            elif entry.is_symlink() and not os.path.exists(entry.path):
                self.passed_over[Path(entry.path)] = "a link to what is not there"
        return found

    def entries(self, folder: Path) -> list[os.DirEntry[str]]:
        """Return what `folder` holds, sorted by name; nothing if it may not be listed."""
        try:
            with os.scandir(folder) as entries:
                shown = [entry for entry in entries if not entry.name.startswith(".")]
        except OSError as error:
            self.passed_over[folder] = error.strerror or type(error).__name__
            return []
        return sorted(shown, key=lambda entry: entry.name)

    def _is_folder(self, entry: os.DirEntry[str]) -> bool:
        try:
            return entry.is_dir()
        except OSError:  # a link that leads nowhere
            return False

    def _may_enter(self, entry: os.DirEntry[str], entered: set[tuple[int, int]]) -> bool:
        if entry.is_symlink():
            if _holds_itself(entry):
                return False
            if not self._follow_links:
                self.passed_over[Path(entry.path)] = "a link; follow_links=True reads it"
                return False
        if self._follow_links:
            status = entry.stat()
            identity = status.st_dev, status.st_ino
            if identity in entered:
                return False
            entered.add(identity)
        return True


def _holds_itself(entry: os.DirEntry[str]) -> bool:
    """Tell whether a link leads to a folder that holds it, so that following it has no end."""
    return any(os.path.samefile(entry.path, folder) for folder in _parents(Path(entry.path)))


def _parents(path: Path) -> Iterator[Path]:
    yield from path.parents
    yield from Path(os.path.realpath(path.parent)).parents
