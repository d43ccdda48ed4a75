"""Kuzushiji-MNIST: 70,000 Japanese characters in cursive writing, 28x28 pixels, of ten kinds.

T. Clanuwat, M. Bober-Irizar, A. Kitamoto, A. Lamb, K. Yamamoto and D. Ha, "Deep learning for
classical Japanese literature", arXiv:1812.01718 (2018).
"""

import os

from cnnx.datasets.download import RemoteFile
from cnnx.datasets.labelled_images import Images, load_files

__all__ = ["class_names", "load_data"]

MIRRORS = ("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",)
FILES = (
    RemoteFile(
        "train-images-idx3-ubyte.gz",
        18_165_135,
        "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
        packed=True,
    ),
    RemoteFile(
        "train-labels-idx1-ubyte.gz",
        29_497,
        "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
        packed=True,
    ),
    RemoteFile(
        "t10k-images-idx3-ubyte.gz",
        3_041_136,
        "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
        packed=True,
    ),
    RemoteFile(
        "t10k-labels-idx1-ubyte.gz",
        5_120,
        "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
        packed=True,
    ),
)
_CLASS_NAMES = (
    "o",
    "ki",
    "su",
    "tsu",
    "na",
    "ha",
    "ma",
    "ya",
    "re",
    "wo",
)


def class_names() -> list[str]:
    """Return the syllables that the labels 0 to 9 stand for."""
    return list(_CLASS_NAMES)


def load_data(
    path: str | os.PathLike[str] | None = None,
) -> tuple[tuple[Images, Images], tuple[Images, Images]]:
    """Return Kuzushiji-MNIST as ``(x_train, y_train), (x_test, y_test)``.

    Parameters
    ----------
    path : path-like, optional
        Folder with the four IDX files, plain or ``.gz``, as `mnist.load_data` takes it. By default
        they lie in ``kmnist`` within the folder of the environment variable ``CNNX_DATA``, else
        within ``~/.cache/cnnx``, and those missing there are downloaded and checked.

    Returns
    -------
    tuple of (ndarray, ndarray)
        Images, uint8 of shape (60000, 28, 28) and (10000, 28, 28), and their labels, uint8 of shape
        (60000,) and (10000,).

    Raises
    ------
    FileNotFoundError
        A file is missing in `path`.
    OSError
        No mirror delivered a missing file.
    ValueError
        A file is damaged, or images and labels don't go together.
    """
    return load_files("Kuzushiji-MNIST", path, "kmnist", MIRRORS, *FILES)
