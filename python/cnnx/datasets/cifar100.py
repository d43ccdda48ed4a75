"""CIFAR-100: 60,000 colour photos of 32x32 pixels, of 100 classes in 20 groups.

A. Krizhevsky, "Learning multiple layers of features from tiny images" (2009).
"""

import os

from cnnx.datasets.cifar_files import CifarFiles, Images, load_cifar
from cnnx.datasets.download import RemoteFile
from cnnx.registry import choice

__all__ = ["load_data"]

FILES = CifarFiles(
    "CIFAR-100",
    "cifar100",
    RemoteFile(
        "cifar-100-binary.tar.gz",
        168_513_733,
        "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
        packed=True,
    ),
    "cifar-100-binary",
    ("train.bin",),
    ("test.bin",),
    (20, 100),
)


def load_data(
    label_mode: str = "fine", path: str | os.PathLike[str] | None = None
) -> tuple[tuple[Images, Images], tuple[Images, Images]]:
    """Return CIFAR-100 as ``(x_train, y_train), (x_test, y_test)``.

    Parameters
    ----------
    label_mode : str
        'fine' (the 100 classes) or 'coarse' (their 20 groups).
    path : path-like, optional
        Folder with ``cifar-100-binary.tar.gz``, the binary version from
        https://www.cs.toronto.edu/~kriz/cifar.html, or with what it unpacks to. By default it lies
        in ``cifar100`` within the folder of the environment variable ``CNNX_DATA``, else within
        ``~/.cache/cnnx``; if it is missing there, its 169 MB are downloaded and checked.

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
    TypeError, ValueError
        There is no such `label_mode`; or a file is damaged, or of another data set.
    """
    mode = choice(label_mode, "cifar100.load_data: label_mode", "coarse", "fine")
    return load_cifar(FILES, path, ("coarse", "fine").index(mode))
