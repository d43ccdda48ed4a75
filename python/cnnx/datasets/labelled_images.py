"""Pairs of IDX files in the manner of MNIST: images of 28x28 pixels, and a label for each."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cnnx.data import read_idx
from cnnx.datasets.download import RemoteFile, cache_folder, fetch

Images = NDArray[np.uint8]


def find_file(folder: Path, name: str) -> Path | None:
    """Return the file called `name`, or what unpackers make of it; None if there is none.

    That is `name` without its ``.gz``, with ``.idx`` in place of ``-idx``, or within a folder that
    bears such a name.
    """
    plain = name.removesuffix(".gz")
    names = [
        form + suffix for suffix in ("", ".gz") for form in (plain, plain.replace("-idx", ".idx"))
    ]
    places = [folder, *(folder / form for form in names)]
    candidates = [place / form for place in places for form in names]
    return next((path for path in candidates if path.exists() and not path.is_dir()), None)


def missing_file(folder: Path, name: str, remedy: str) -> FileNotFoundError:
    """Return the error for a file that `find_file` does not find."""
    plain = name.removesuffix(".gz")
    return FileNotFoundError(f"{folder}: holds neither {plain} nor {name}. {remedy}")


def load_pair(image_path: Path, label_path: Path, dataset: str) -> tuple[Images, Images]:
    """Return the images (n, 28, 28) of one file and the labels (n,) of the other.

    Raises
    ------
    ValueError
        A file is damaged, or images and labels don't go together; the error says to give the files
        of `dataset`.
    """
    images, labels = read_idx(image_path), read_idx(label_path)
    if images.dtype != np.uint8 or images.shape[1:] != (28, 28):
        raise ValueError(
            f"{image_path}: holds {images.dtype} of shape {images.shape}, not uint8 images "
            f"(n, 28, 28). Give {dataset}'s own file."
        )
    if labels.dtype != np.uint8 or labels.shape != images.shape[:1]:
        raise ValueError(
            f"{label_path}: holds {labels.dtype} of shape {labels.shape}, not one uint8 label for "
            f"each of {len(images)} images. Give the file that belongs to {image_path.name}."
        )
    return images, labels


def load_files(
    dataset: str,
    path: str | os.PathLike[str] | None,
    name: str,
    mirrors: Sequence[str],
    *files: RemoteFile,
) -> tuple[tuple[Images, Images], tuple[Images, Images]]:
    """Return ``(x_train, y_train), (x_test, y_test)`` of four files in the manner of MNIST.

    Parameters
    ----------
    dataset : str
        What errors call it.
    path : path-like, optional
        Their folder; by default `name` within the folder of the data sets, where those that are
        missing are downloaded.
    name : str
        Of that folder.
    mirrors : sequence of str
        Where to download from.
    *files : RemoteFile
        Images and labels to train on, and to test.
    """
    train_images, train_labels, test_images, test_labels = (
        _locate(dataset, path, name, mirrors, file) for file in files
    )
    return (
        load_pair(train_images, train_labels, dataset),
        load_pair(test_images, test_labels, dataset),
    )


def _locate(
    dataset: str,
    path: str | os.PathLike[str] | None,
    name: str,
    mirrors: Sequence[str],
    file: RemoteFile,
) -> Path:
    folder = cache_folder() / name if path is None else Path(path)
    found = find_file(folder, file.name)
    if found is not None:
        return found
    if path is None:
        return fetch(file, mirrors, folder)
    raise missing_file(
        folder,
        file.name,
        f"Name the folder of the four {dataset} files, or give no folder to download them.",
    )
