"""Models and weights from the files that Keras 2 and 3 write."""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cnnx.files import regular_file
from cnnx.keras_files.archive import Archive
from cnnx.keras_files.compilation import arguments as compile_arguments
from cnnx.keras_files.configuration import model_entry, parse
from cnnx.keras_files.conversion import Conversion
from cnnx.keras_files.hdf5 import MAGIC, Node, open_hdf5
from cnnx.keras_files.keras_order import slots_of
from cnnx.keras_files.network import Network
from cnnx.keras_files.sizes import Budget
from cnnx.keras_files.weights import Matching
from cnnx.models.cloning import clone_model
from cnnx.tensor_file import INVALID
from cnnx.warning import warn

_FAULTS = (*INVALID, IndexError, OSError, struct.error)


def load(path: str | os.PathLike[str], compiled: bool) -> Any:
    """
    Return the model of a file, compiled as it was or not; see `cnnx.models.load_model`.

    Raises
    ------
    ValueError
        If the file holds no model, is damaged, or holds what cnnx has not.
    """
    with _reading(path, "holds no model that can be loaded") as content:
        file = _Opened(Path(path), content)
        description, keras_2 = file.description()
        conversion = Conversion(keras_2)
        network = Network(model_entry(description), conversion)
        matching = Matching(file.weights(), network.slots)
        arrays = matching.read()
        for weight, array in arrays:
            weight.replace(array)
        filled = {weight for weight, _ in arrays}
        for leaf in network.leaves():
            leaf.layer.saved_values = None
            for weight in leaf.weights:
                if weight not in filled:
                    raise ValueError(f"it has no values for {weight.path}")
        notes = _compile(network.model, description.get("compile_config")) if compiled else []
    _tell(path, conversion, notes)
    return network.model


def from_text(text: str) -> Any:
    """
    Return a model with fresh weights from what `to_json` of Keras 3 returned.

    Raises
    ------
    ValueError
        If it describes what cnnx has not.
    """
    description, conversion = parse(text), Conversion(False)
    network = Network(model_entry(description), conversion)
    for leaf in network.leaves():
        leaf.layer.saved_values = None
    model = clone_model(network.model)
    notes = _compile(model, description.get("compile_config"))
    _tell("model_from_json", conversion, notes)
    return model


def _tell(owner: Any, conversion: Conversion, notes: list[str]) -> None:
    """Warn once of what is other than it was in Keras."""
    if conversion.left_out:
        notes.append(
            f"left out, as it matters in training alone: {_shortened(conversion.left_out)}"
        )
    if notes:
        warn(f"{owner}: {'; '.join(notes)}")


def _compile(model: Any, given: Any) -> list[str]:
    """Compile a model as it was in Keras; return why it is not."""
    try:
        arguments = compile_arguments(given or {})
        if arguments is not None:
            model.compile(**arguments)
    except INVALID as error:
        return [f"not compiled, as cnnx has not what it was compiled with: {str(error)[:300]}"]
    return []


def load_weights(
    model: Any, path: str | os.PathLike[str], by_name: bool, skip_mismatch: bool
) -> None:
    """
    Take over the weights of a file; see `Model.load_weights`.

    Raises
    ------
    ValueError
        If the file is damaged, or holds weights that do not fit; nothing is changed then.
    """
    with _reading(path, "load_weights") as content:
        file = _Opened(Path(path), content).weights()
        matching = Matching(file, slots_of(model), by_name, skip_mismatch)
        if not matching.pairs and not matching.skipped and model.weights:
            raise ValueError("none of the model's layers bears the name of one in the file")
        arrays = matching.read()
    with model.lock:
        for weight, values in arrays:
            weight.assign(values)
    if matching.skipped:
        warn(f"{path}: load_weights: left as they are: {_shortened(matching.skipped)}")


def _shortened(texts: Sequence[str], most: int = 10) -> str:
    """Return texts as one, and how many are left out."""
    more = len(texts) - most
    return "; ".join(texts[:most]) + (f"; and {more} more" if more > 0 else "")


class _Opened:
    """
    A file of Keras.

    Parameters
    ----------
    path
        The file.
    content
        All its bytes.
    """

    def __init__(self, path: Path, content: memoryview) -> None:
        budget = Budget(len(content))
        self._archive = self._group = None
        if bytes(content[:8]) == MAGIC:
            self._group = open_hdf5(content, budget)
        else:
            self._archive = Archive(path, content, budget)
        self._budget = budget

    def weights(self) -> Node:
        """Return the group that holds the weights."""
        if self._group is None:
            assert self._archive is not None
            self._group = open_hdf5(self._archive.weights(), self._budget)
        return self._group

    def description(self) -> tuple[dict[str, Any], bool]:
        """Return what describes the model, and whether it is Keras 2's."""
        if self._archive is not None:
            return parse(self._archive.config()), False
        file = self.weights()
        text = file.text("model_config")
        if text is None:
            raise ValueError("it holds weights alone; build the model, then load_weights()")
        description = parse(text)
        compiled = file.text("training_config")
        if compiled is not None:
            description["compile_config"] = parse(compiled)
        return description, (file.text("keras_version") or "1").startswith(("1.", "2."))


@contextmanager
def _reading(path: str | os.PathLike[str], fault: str) -> Iterator[memoryview]:
    """Yield the bytes of a file; what reading them raises becomes a ValueError that names it."""
    path = regular_file(path)
    try:
        with open(path, "rb") as file:
            content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        yield content
    except _FAULTS as error:
        cut = isinstance(error, struct.error)
        reason = "a part of it is cut short" if cut else str(error) or type(error).__name__
        raise ValueError(f"{path}: {fault}: {reason[:5000]}") from error
