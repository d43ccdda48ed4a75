"""What was found wrong with picture files while they were read."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from cnnx.warning import warn

NAMED = 10  # files that a warning names
LONGEST = 200  # characters of a path or a reason


@dataclass
class Findings:
    """Files of a folder, each with what is wrong with it.

    Attributes
    ----------
    folder : Path
        Holds the files.
    left_out : dict
        Files that are no readable pictures, and why.
    lost : dict
        Pictures that were read, but hold more than the pixels say: values beyond 8 bits, drawings
        that only their transparency shows.
    remarks : dict
        Pictures that were read, and what Pillow warned of.
    """

    folder: Path
    left_out: dict[Path, str] = field(default_factory=dict)
    lost: dict[Path, str] = field(default_factory=dict)
    remarks: dict[Path, str] = field(default_factory=dict)

    def add(self, other: Findings) -> None:
        """Take over what another reading found."""
        self.left_out |= other.left_out
        self.lost |= other.lost
        self.remarks |= other.remarks

    def files(self) -> set[Path]:
        """Return the files of all kinds."""
        return {*self.left_out, *self.lost, *self.remarks}

    def without(self, files: set[Path]) -> Findings:
        """Return what was found about other files."""
        kinds = (self.left_out, self.lost, self.remarks)
        return Findings(
            self.folder, *({f: kind[f] for f in list(kind) if f not in files} for kind in kinds)
        )

    def warn(self, classes: Iterable[str] = ()) -> None:
        """Warn of all, in one warning of each kind; `classes` are those that no picture is left of.

        Where warnings are errors a remark is none: the picture was read, and the others were too.
        """
        if self.remarks:
            with contextlib.suppress(UserWarning):
                warn(
                    f"{self.folder}: read {len(self.remarks)} pictures that Pillow warns of: "
                    + listing(self.remarks.items(), self.folder)
                )
        if self.lost:
            warn(
                f"{self.folder}: {len(self.lost)} pictures lose what they show: "
                + listing(self.lost.items(), self.folder)
            )
        if self.left_out:
            gone = ", ".join(map(repr, classes))
            warn(
                f"{self.folder}: left out {len(self.left_out)} files that are no readable "
                f"pictures: {listing(self.left_out.items(), self.folder, 'left_out')}"
                + (f". No picture is left of the classes {gone}" if gone else "")
            )


def listing(reasons: Iterable[tuple[Path, str]], folder: Path, attribute: str = "") -> str:
    """Return the first paths with their reasons, and how many more there are, in one line."""
    pairs = sorted(reasons)
    named = [
        f"{_short(str(path.relative_to(folder)))} ({_short(reason)})"
        for path, reason in pairs[:NAMED]
    ]
    more = len(pairs) - NAMED
    if more > 0:
        named.append(f"and {more:,} more" + (f", see {attribute}" if attribute else ""))
    return ", ".join(named)


def _short(text: str) -> str:
    text = printable(text)
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]}...{text[-LONGEST // 2 :]}"


def printable(text: str) -> str:
    """Return a text without the characters that would steer a terminal."""
    return text if text.isprintable() else ascii(text)[1:-1]
