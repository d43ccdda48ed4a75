"""Batches of a PyTorch DataLoader."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from cnnx.arrays import Array, real_array

__all__ = ["batches"]


def batches(loader: Any, channels_first: bool = True) -> Batches:
    """
    Return a stream for `fit`, `evaluate` and `predict` of what a PyTorch DataLoader gives.

    A DataLoader is such a stream itself, and where the batches' shape fits the model with its
    channels moved to the end alone, they are moved. Say it with `channels_first` where both orders
    fit, such as (8, 8, 8), and for a model that learns its input's shape from the first batch.

    Parameters
    ----------
    loader
        Gives batches x, (x, y) or (x, y, sample_weight) of tensors; x may be a list or a dict of
        tensors. It must begin again each time it is iterated.
    channels_first
        Whether samples of two and more axes are (channels, height, width) or (channels, steps);
        they come out with the channels last. Targets and weights stay as they are.

    Raises
    ------
    TypeError
        `loader` cannot be iterated.
    """
    if not hasattr(loader, "__iter__"):
        raise TypeError(f"batches: loader must give batches, got {type(loader).__name__}")
    return Batches(loader, bool(channels_first))


class Batches:
    """The stream that `batches` returns."""

    def __init__(self, loader: Any, channels_first: bool) -> None:
        self._loader = loader
        self._channels_first = channels_first

    def __len__(self) -> int:
        return len(self._loader)

    def __iter__(self) -> Iterator[Any]:
        for batch in self._loader:
            if isinstance(batch, (tuple, list)):
                yield (self._samples(batch[0]), *batch[1:])
            else:
                yield self._samples(batch)

    def _samples(self, x: Any) -> Any:
        if isinstance(x, dict):
            return {name: self._samples(part) for name, part in x.items()}
        if isinstance(x, (tuple, list)):
            return [self._samples(part) for part in x]
        array: Array = real_array(x, "batches: x")
        return np.moveaxis(array, 1, -1) if self._channels_first and array.ndim > 2 else array
