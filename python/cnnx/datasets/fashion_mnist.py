"""Fashion-MNIST: 70,000 photos of ten kinds of clothes, 28x28 pixels in grey.

H. Xiao, K. Rasul and R. Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine
learning algorithms", arXiv:1708.07747 (2017).
"""

import os

from cnnx.datasets.download import RemoteFile
from cnnx.datasets.labelled_images import Images, load_files

__all__ = ["class_names", "load_data"]

MIRRORS = (
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
)
FILES = (
    RemoteFile(
        "train-images-idx3-ubyte.gz",
        26_421_880,
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        packed=True,
    ),
    RemoteFile(
        "train-labels-idx1-ubyte.gz",
        29_515,
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        packed=True,
    ),
    RemoteFile(
        "t10k-images-idx3-ubyte.gz",
        4_422_102,
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        packed=True,
    ),
    RemoteFile(
        "t10k-labels-idx1-ubyte.gz",
        5_148,
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        packed=True,
    ),
)
_CLASS_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)


def class_names() -> list[str]:
    """Return what the labels 0 to 9 stand for."""
    return list(_CLASS_NAMES)


def load_data(
    path: str | os.PathLike[str] | None = None,
) -> tuple[tuple[Images, Images], tuple[Images, Images]]:
    """Return Fashion-MNIST as ``(x_train, y_train), (x_test, y_test)``.

    Parameters
    ----------
    path : path-like, optional
        Folder with the four IDX files, plain or ``.gz``, as `mnist.load_data` takes it. By default
        they lie in ``fashion_mnist`` within the folder of the environment variable ``CNNX_DATA``,
        else within ``~/.cache/cnnx``, and those missing there are downloaded and checked.

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
    return load_files("Fashion-MNIST", path, "fashion_mnist", MIRRORS, *FILES)
