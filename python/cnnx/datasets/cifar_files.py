"""Files of CIFAR-10 and CIFAR-100 in their binary version: labels and pixels, nothing that runs."""

import os
import tarfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cnnx.datasets.download import RemoteFile, cache_folder, fetch

Images = NDArray[np.uint8]
MIRROR = "https://www.cs.toronto.edu/~kriz/"
_PIXELS = 3 * 32 * 32
_MOST_RECORDS = 100_000  # of a file; there are 50,000 at most


class CifarFiles(NamedTuple):
    """One of the two data sets.

    Attributes
    ----------
    name : str
        What errors call it.
    folder : str
        Within the folder of the data sets.
    archive : RemoteFile
        The archive of the binary version.
    inner : str
        The folder in it.
    train, test : tuple of str
        The files in that folder.
    classes : tuple of int
        How many classes each of a record's labels has.
    """

    name: str
    folder: str
    archive: RemoteFile
    inner: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    classes: tuple[int, ...]


def load_cifar(
    files: CifarFiles, path: str | os.PathLike[str] | None, label: int = 0
) -> tuple[tuple[Images, Images], tuple[Images, Images]]:
    """Return ``(x_train, y_train), (x_test, y_test)``.

    Parameters
    ----------
    files : CifarFiles
        Which data set.
    path : path-like, optional
        A folder with the archive, with the folder that it unpacks to, or with that folder's files.
        By default the data set's own folder, into which a missing archive is downloaded.
    label : int
        Which of a record's labels.
    """
    folder = cache_folder() / files.folder if path is None else Path(path)
    place = _place(files, folder)
    if place is None and path is None:
        place = fetch(files.archive, [MIRROR], folder)
    if place is None:
        raise FileNotFoundError(
            f"{folder}: holds neither {files.archive.name} nor {files.inner}/{files.test[0]}. Name "
            f"the folder of the binary version of {files.name}, or give no folder to download it "
            "(the Python version holds pickles, which may run code)."
        )
    if place.is_dir():
        parts = [[_file(place / name) for name in names] for names in (files.train, files.test)]
    else:
        parts = _unpacked(files, place)
    train, test = (_records(files, place, part, label) for part in parts)
    return train, test


def _place(files: CifarFiles, folder: Path) -> Path | None:
    """Return the folder of the files, or else the archive; None if there is neither."""
    for place in (folder, folder / files.inner):
        if (place / files.test[0]).is_file():
            return place
    archive = folder / files.archive.name
    return archive if archive.is_file() else None


def _file(path: Path) -> tuple[str, bytes]:
    with open(path, "rb") as stream:
        return path.name, stream.read(_MOST_RECORDS * (2 + _PIXELS) + 1)


def _unpacked(files: CifarFiles, archive: Path) -> list[list[tuple[str, bytes]]]:
    """Read the files of an archive, where they lie."""
    wanted = {f"{files.inner}/{name}": name for name in (*files.train, *files.test)}
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                name = wanted.get(member.name.removeprefix("./"))
                if name is not None and member.isreg():
                    stream = tar.extractfile(member)
                    assert stream is not None  # of a regular file
                    found[name] = stream.read(_MOST_RECORDS * (2 + _PIXELS) + 1)
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        if isinstance(error, (FileNotFoundError, PermissionError)):
            raise
        raise ValueError(
            f"{archive}: is no whole archive ({error}). Delete it, and fetch it again."
        ) from None
    if missing := set(wanted.values()) - found.keys():
        raise ValueError(f"{archive}: lacks {', '.join(sorted(missing))}. Fetch it again.")
    return [[(name, found[name]) for name in names] for names in (files.train, files.test)]


def _records(
    files: CifarFiles, place: Path, parts: list[tuple[str, bytes]], label: int
) -> tuple[Images, Images]:
    """Return images (n, 32, 32, 3) and labels (n, 1)."""
    count = len(files.classes)
    arrays = []
    for name, content in parts:
        size = len(content)
        if not size or size % (count + _PIXELS) or size > _MOST_RECORDS * (count + _PIXELS):
            raise ValueError(
                f"{place}: {name} holds {size:,} bytes, no whole records of {count + _PIXELS} "
                f"bytes. Give {files.name}'s own file, whole."
            )
        records = np.frombuffer(content, np.uint8).reshape(-1, count + _PIXELS)
        for index, classes in enumerate(files.classes):
            if records[:, index].max() >= classes:
                raise ValueError(
                    f"{place}: {name} holds the label {records[:, index].max()}, but those of "
                    f"{files.name} are 0 to {classes - 1}. Give its own file."
                )
        arrays.append(records)
    records = np.concatenate(arrays)
    planes = records[:, count:].reshape(-1, 3, 32, 32)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), records[:, label : label + 1].copy()
