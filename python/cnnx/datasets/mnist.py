"""MNIST: 70,000 handwritten digits of 28x28 pixels.

Y. LeCun, C. Cortes and C. Burges, "The MNIST database of handwritten digits" (1998).
"""

import os

from cnnx.datasets.download import RemoteFile
from cnnx.datasets.labelled_images import Images, load_files

__all__ = ["load_data"]

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://raw.githubusercontent.com/fgnt/mnist/master/",
)
TRAIN_IMAGES = RemoteFile(
    "train-images-idx3-ubyte.gz",
    47_040_016,
    "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
)
TRAIN_LABELS = RemoteFile(
    "train-labels-idx1-ubyte.gz",
    60_008,
    "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
)
TEST_IMAGES = RemoteFile(
    "t10k-images-idx3-ubyte.gz",
    7_840_016,
    "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
)
TEST_LABELS = RemoteFile(
    "t10k-labels-idx1-ubyte.gz",
    10_008,
    "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
)


def load_data(
    path: str | os.PathLike[str] | None = None,
) -> tuple[tuple[Images, Images], tuple[Images, Images]]:
    """Return MNIST as ``(x_train, y_train), (x_test, y_test)``.

    Parameters
    ----------
    path : path-like, optional
        Folder with the four IDX files, plain or ``.gz``, also under the names that unpackers give
        them: ``train-images.idx3-ubyte``, or within a folder of the file's name. By default they
        lie in ``mnist`` within the folder of the environment variable ``CNNX_DATA``, else within
        ``~/.cache/cnnx``, and those missing there are downloaded and checked.

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
    return load_files(
        "MNIST", path, "mnist", MIRRORS, TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS
    )
