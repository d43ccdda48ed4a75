"""EMNIST: handwritten letters and digits of 28x28 pixels, 814,255 in its largest split.

G. Cohen, S. Afshar, J. Tapson and A. van Schaik, "EMNIST: an extension of MNIST to handwritten
letters", arXiv:1702.05373 (2017), made from NIST Special Database 19.
"""

import os
from pathlib import Path
from string import ascii_lowercase, ascii_uppercase, digits

import numpy as np

from cnnx.datasets.labelled_images import Images, find_file, load_pair, missing_file
from cnnx.registry import choice

__all__ = ["class_names", "load_data"]

# "bymerge" counts a small letter that is written like the capital one as that.
_MERGED = digits + ascii_uppercase + "abdefghnqrt"
_CLASSES = {
    "balanced": _MERGED,
    "byclass": digits + ascii_uppercase + ascii_lowercase,
    "bymerge": _MERGED,
    "digits": digits,
    "letters": ascii_uppercase,
    "mnist": digits,
}
_FIRST_LABELS = {"letters": 1}  # in the files; 0 in those of the other splits


def class_names(split: str) -> list[str]:
    """Return the characters that the labels 0, 1, ... of a split stand for.

    Parameters
    ----------
    split : str
        'byclass' (62 classes: the digits, the capital letters, the small letters), 'bymerge' or
        'balanced' (47: the digits, the capital letters, and a, b, d, e, f, g, h, n, q, r, t, since
        the other small letters count as capitals), 'letters' (26, capital and small alike),
        'digits' or 'mnist' (10).

    Raises
    ------
    TypeError, ValueError
        There is no such split.
    """
    return list(_CLASSES[choice(split, "emnist.class_names: split", *_CLASSES)])


def load_data(
    path: str | os.PathLike[str], split: str = "letters"
) -> tuple[tuple[Images, Images], tuple[Images, Images]]:
    """Return a split of EMNIST as ``(x_train, y_train), (x_test, y_test)``.

    Nothing is downloaded, because all splits come as one archive of more than 500 MB. Fetch
    ``gzip.zip``, the version in MNIST's format, from
    https://www.nist.gov/itl/products-and-services/emnist-dataset and unpack it with
    ``unzip gzip.zip``; `path` is then the folder ``gzip``.

    The files hold each image with rows and columns exchanged; here it is upright, as in MNIST, in
    white ink on black. The labels of 'letters' begin with 1 in the files and with 0 here.

    Parameters
    ----------
    path : path-like
        Folder with the four IDX files of the split, plain or ``.gz``, such as
        ``emnist-letters-train-images-idx3-ubyte.gz``.
    split : str
        'byclass', 'bymerge', 'balanced', 'letters', 'digits' or 'mnist'; `class_names` gives the
        characters of each.

    Returns
    -------
    tuple of (ndarray, ndarray)
        Images, uint8 of shape (n, 28, 28), and their labels, uint8 of shape (n,).

    Raises
    ------
    FileNotFoundError
        A file is missing in `path`.
    TypeError, ValueError
        There is no such split; a file is damaged or belongs to another split; or images and labels
        don't go together.
    """
    split = choice(split, "emnist.load_data: split", *_CLASSES)
    return _load_part(Path(path), split, "train"), _load_part(Path(path), split, "test")


def _load_part(folder: Path, split: str, part: str) -> tuple[Images, Images]:
    image_path, label_path = (
        _locate(folder, f"emnist-{split}-{part}-{kind}-ubyte.gz")
        for kind in ("images-idx3", "labels-idx1")
    )
    images, labels = load_pair(image_path, label_path, "EMNIST")
    first = _FIRST_LABELS.get(split, 0)
    last = first + len(_CLASSES[split]) - 1
    if len(labels) and not first <= labels.min() <= labels.max() <= last:
        raise ValueError(
            f"{label_path}: holds labels from {labels.min()} to {labels.max()}, but those of "
            f"'{split}' are {first} to {last}. Give the split's own file."
        )
    return np.ascontiguousarray(images.transpose(0, 2, 1)), labels - np.uint8(first)


def _locate(folder: Path, name: str) -> Path:
    found = find_file(folder, name)
    if found is None:
        raise missing_file(
            folder, name, "Name the folder of the EMNIST files; load_data says where to get them."
        )
    return found
