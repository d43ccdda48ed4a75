"""CIFAR-10: 60,000 colour photos of 32x32 pixels, of ten classes.

A. Krizhevsky, "Learning multiple layers of features from tiny images" (2009).
"""

import os

from cnnx.datasets.cifar_files import CifarFiles, Images, load_cifar
from cnnx.datasets.download import RemoteFile

__all__ = ["class_names", "load_data"]

FILES = CifarFiles(
    "CIFAR-10",
    "cifar10",
    RemoteFile(
        "cifar-10-binary.tar.gz",
        170_052_171,
        "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        packed=True,
    ),
    "cifar-10-batches-bin",
    tuple(f"data_batch_{number}.bin" for number in range(1, 6)),
    ("test_batch.bin",),
    (10,),
)
_CLASS_NAMES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)


def class_names() -> list[str]:
    """Return what the labels 0 to 9 stand for."""
    return list(_CLASS_NAMES)


def load_data(
    path: str | os.PathLike[str] | None = None,
) -> tuple[tuple[Images, Images], tuple[Images, Images]]:
    """Return CIFAR-10 as ``(x_train, y_train), (x_test, y_test)``.

    Parameters
    ----------
    path : path-like, optional
        Folder with ``cifar-10-binary.tar.gz``, the binary version from
        https://www.cs.toronto.edu/~kriz/cifar.html, or with what it unpacks to. By default it lies
        in ``cifar10`` within the folder of the environment variable ``CNNX_DATA``, else within
        ``~/.cache/cnnx``; if it is missing there, its 170 MB are downloaded and checked.

    Returns
    -------
    tuple of (ndarray, ndarray)
        Images, uint8 of shape (50000, 32, 32, 3) and (10000, 32, 32, 3), and their labels, uint8 of
        shape (50000, 1) and (10000, 1).

    Raises
    ------
    FileNotFoundError
        A file is missing in `path`.
    OSError
        The archive could not be downloaded.
    ValueError
        A file is damaged, or of another data set.
    """
    return load_cifar(FILES, path)
