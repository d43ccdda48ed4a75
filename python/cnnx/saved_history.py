"""The history of a training as tensors of a model's file."""

from __future__ import annotations

import os
from typing import Any, NamedTuple, Self

import numpy as np

from cnnx.arrays import Array
from cnnx.models.callback import History
from cnnx.tensor_file import Tensors
from cnnx.warning import warn

__all__ = ["Figures", "restored", "to_save"]

EPOCHS, FIGURES, BATCHES = "history.epochs", "history.figures.", "history.batches."
MAX_FIGURES = 1 << 21
"""As Python's numbers they take 64 MiB."""


class Figures(NamedTuple):
    """A history as arrays: each figure of the epochs, and of the batches, by name."""

    epochs: Array
    figures: dict[str, Array]
    batches: dict[str, Array]

    @classmethod
    def of(cls, history: History) -> Self:
        """Return the figures that are numbers; callbacks may note other things."""
        parts = (history.history, history.batches)
        arrays = [{name: np.asarray(part[name]) for name in part} for part in parts]
        figures, batches = (
            {name: array.astype(np.float64) for name, array in part.items() if _is_real(array)}
            for part in arrays
        )
        return cls(np.asarray(history.epoch, np.int64), figures, batches)

    def names(self) -> dict[str, list[str]]:
        """Return the names for the description; tensors bear numbers, as names may be anything."""
        return {"figures": [*self.figures], "batches": [*self.batches]}

    def tensors(self) -> dict[str, Array]:
        """Return all arrays under their names in the file."""
        return {
            EPOCHS: self.epochs,
            **{f"{FIGURES}{index}": array for index, array in enumerate(self.figures.values())},
            **{f"{BATCHES}{index}": array for index, array in enumerate(self.batches.values())},
        }


def _is_real(array: Array) -> bool:
    return array.dtype.kind in "fiu" and array.ndim == 1


def to_save(history: History | None, path: str | os.PathLike[str]) -> Figures | None:
    """Return what `path` is to hold of a model's history; None if it could not be read again."""
    if history is None:
        return None
    figures = Figures.of(history)
    count = sum(array.size for array in figures.tensors().values())
    if count <= MAX_FIGURES:
        return figures
    warn(
        f"{path}: the model is saved without its history, whose {count:,} figures are more than "
        f"{MAX_FIGURES:,}. Save model.history.batches with numpy.savez."
    )
    return None


def restored(names: dict[str, list[str]] | None, tensors: Tensors) -> History | None:
    """Return the history whose names the description of a file holds, if there are any."""
    if names is None:
        return None
    history = History(per_batch=bool(names["batches"]))
    left = MAX_FIGURES

    def take(name: str, dtype: str) -> list[Any]:
        nonlocal left
        row = tensors.take_row(name, dtype, left)
        left -= row.size
        return list(row.tolist())

    for name in names["figures"] + names["batches"]:
        if not isinstance(name, str):
            raise ValueError(f"the name of a figure is {name!r}, not a text")
    history.epoch = take(EPOCHS, "I64")
    for index, name in enumerate(names["figures"]):
        history.history[name] = take(f"{FIGURES}{index}", "F64")
    for index, name in enumerate(names["batches"]):
        history.batches[name] = take(f"{BATCHES}{index}", "F64")
    return history
