"""The labels of pictures in classes, in the form that a network's loss takes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cnnx.arrays import Array, one_hot

LABEL_MODES = ("binary", "categorical", "int")


class ClassLabels(NamedTuple):
    """The classes, and the form of their labels.

    Attributes
    ----------
    names : list of str
        What the labels 0, 1, ... stand for.
    mode : str, optional
        'binary', 'categorical' or 'int'; None for no labels.
    """

    names: list[str]
    mode: str | None

    def targets(self, labels: NDArray[np.int64]) -> Array:
        """Return labels (n,) in the form of the mode."""
        if self.mode == "categorical":
            return one_hot(labels, len(self.names))
        return labels[:, None].astype(np.float32) if self.mode == "binary" else labels

    def lost(self, before: NDArray[np.int64], after: NDArray[np.int64]) -> list[str]:
        """Return the names of the classes that had pictures before and have none after."""
        return [self.names[label] for label in np.setdiff1d(before, after)] if self.names else []
