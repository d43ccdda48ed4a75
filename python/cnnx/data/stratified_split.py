"""Holding back the same share of each class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def held_back(labels: NDArray[np.int64], share: float) -> NDArray[np.bool_]:
    """Tell which samples are held back: of each class the last ones, as many as fit its share.

    In all it is the share of the samples, rounded. Of each class it is the whole number below its
    share, and one more for the classes that are furthest above it. A class of one sample keeps it.

    Parameters
    ----------
    labels : ndarray
        The class of each sample, (n,), from 0.
    share : float
        In [0, 1).
    """
    sizes = np.bincount(labels)
    wanted = sizes * share
    counts = np.floor(wanted).astype(np.int64)
    rest = np.where(sizes > 1, wanted - counts, 0)
    missing = max(round(len(labels) * share) - int(counts.sum()), 0)
    more = np.argsort(-rest, kind="stable")[:missing]
    counts[more] += rest[more] > 0
    chosen = np.zeros(len(labels), np.bool_)
    for label, count in enumerate(counts):
        chosen[np.flatnonzero(labels == label)[sizes[label] - count :]] = True
    return chosen
