"""Files on disk: checked before they are read, replaced whole when they are written."""

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

__all__ = ["naming", "regular_file", "remove_unfinished", "replaceable", "replacing"]

_TEMPORARY = ".cnnx-{}.tmp"


def regular_file(path: str | os.PathLike[str]) -> Path:
    """Return `path` as a Path after checking that it is an ordinary file.

    Opening a named pipe would never return, so the kind of file is checked first.

    Raises
    ------
    FileNotFoundError
        Nothing of this name exists.
    ValueError
        The name stands for a folder, a pipe, a socket or a device.
    """
    if os.path.isfile(path):  # one call of the system; what is wrong is found out below
        return path if isinstance(path, Path) else Path(path)
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file. Check the spelling and the folder.")
    raise ValueError(_other_than_file(path, path))


def _other_than_file(path: str | os.PathLike[str], target: Path) -> str:
    kind = "a folder" if target.is_dir() else "a pipe, socket or device"
    return f"{path}: is {kind}. Name an ordinary file."


@contextmanager
def naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Let an OSError that names no file, such as that of a full disk, name this one."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno is not None:
            error.filename = os.fspath(path)
        raise


def replaceable(path: str | os.PathLike[str]) -> Path:
    """Return the file that `path` stands for after checking that it can be made or replaced.

    Raises
    ------
    FileNotFoundError
        The folder of `path` does not exist.
    PermissionError
        Nothing may be written to that folder.
    OSError
        `path` is a folder, a pipe, a socket or a device.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        kind = OSError if not target.is_dir() else IsADirectoryError
        raise kind(_other_than_file(path, target))
    if not target.parent.is_dir():
        raise FileNotFoundError(f"{path}: the folder {target.parent} does not exist. Create it.")
    if not os.access(target.parent, os.W_OK):
        raise PermissionError(f"{path}: the folder {target.parent} is read-only. Choose another.")
    return target


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a temporary file that takes the place of `path` when the block ends without error.

    The bytes are on the disk before the name changes hands, so a reader, a crash or a full disk
    finds either the old file or the new one, whole. A symbolic link is followed. A file that is
    replaced keeps its permissions.

    Raises
    ------
    OSError
        As for `replaceable`; one of a full disk names `path`.
    """
    target = replaceable(path)
    temporary = target.with_name(_TEMPORARY.format(secrets.token_hex(8)))
    try:
        with naming(path), open(temporary, "xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
            if target.exists():  # who may read it stays as it was
                os.chmod(temporary, stat.S_IMODE(target.stat().st_mode))
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if os.name == "nt":  # a folder is no file there
        return
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def remove_unfinished(folder: Path) -> None:
    """Remove what `replacing` left in `folder` where its process was killed."""
    for temporary in folder.glob(_TEMPORARY.format("*")):
        temporary.unlink(missing_ok=True)
