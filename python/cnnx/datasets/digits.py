"""Optical digits: 1,797 real handwritten digits of 8x8 pixels, part of the package.

E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning
Repository (1998), doi 10.24432/C50P49, CC BY 4.0 (`digits.LICENSE`). These are its test
writers: the same figures as scikit-learn's `load_digits`.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cnnx.data import read_idx

__all__ = ["load_data"]

Images = NDArray[np.uint8]


def load_data() -> tuple[tuple[Images, Images], tuple[Images, Images]]:
    """Return the optical digits as ``(x_train, y_train), (x_test, y_test)``.

    Every fifth image (index 4, 9, 14, ...) is a test image: 1,438 to train, 359 to test.

    Returns
    -------
    tuple of (ndarray, ndarray)
        Images, uint8 of shape (n, 8, 8) with grey values from 0 to 16, and their labels, uint8 of
        shape (n,) with the digits 0 to 9.
    """
    folder = Path(__file__).parent
    images = read_idx(folder / "digits-images-idx3-ubyte.gz")
    labels = read_idx(folder / "digits-labels-idx1-ubyte.gz")
    test = np.arange(len(labels)) % 5 == 4
    return (images[~test], labels[~test]), (images[test], labels[test])
