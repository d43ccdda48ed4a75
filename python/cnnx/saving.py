"""Models on disk: one safetensors file with architecture, weights and training state.

Weights are tensors under their own names ("conv2d/kernel"), the optimizer's state is
"optimizer.iterations" and so on; the rest is JSON in the file's metadata. Loading runs no code from
the file and opens no other: classes come from closed tables, what is rebuilt must describe itself
as the file does, and shapes are compared before a tensor is read or memory allocated for it. Each
tensor is read once; the limits below bound what else a file can make its reader allocate.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import safetensors.numpy
from safetensors import SafetensorError, safe_open

from cnnx import registry
from cnnx.arrays import Array, Float
from cnnx.files import regular_file, replacing
from cnnx.initializers import INITIALIZERS
from cnnx.layers import LAYERS, Layer
from cnnx.layers.random_layer import RandomLayer
from cnnx.losses import LOSSES
from cnnx.metrics import METRICS
from cnnx.models import Sequential
from cnnx.optimizers import OPTIMIZERS
from cnnx.optimizers.schedules import SCHEDULES

__all__ = ["load_model", "save_model"]

FORMAT = 1
METADATA = "cnnx"
STATE = "optimizer."  # the name of a weight has a slash, so the two never meet
MODELS = {"Sequential": Sequential}
MAX_HEADER = 2 << 20
"""Bytes of safetensors' header, which holds the description and the tensors' names and shapes."""
MAX_LAYERS = 10_000
TABLES = (MODELS, LAYERS, INITIALIZERS, LOSSES, METRICS, OPTIMIZERS, SCHEDULES)
CLASS_NAMES = {cls.__name__ for table in TABLES for cls in table.values()}
INVALID = (
    AttributeError,
    KeyError,
    OverflowError,
    RecursionError,
    SafetensorError,
    TypeError,
    ValueError,
)
"""What a file that is damaged or made to deceive raises on its way to a model."""


def save_model(model: Sequential, path: str | os.PathLike[str]) -> None:
    """
    Save a model with its weights, compile settings and optimizer state as one file.

    The file appears whole or not at all; an existing one stays as it was if saving fails. A process
    killed meanwhile leaves a file ``.cnnx-<16 digits>.tmp`` beside it, which may be deleted.

    Parameters
    ----------
    model
        Of layers, loss, metrics, optimizer and initializers of cnnx's own classes.
    path
        The file to make or to replace; any name will do.

    Raises
    ------
    ValueError
        The model holds something that `load_model` would not know.
    OSError
        The file can't be written.
    """
    with model.lock:  # another thread's step would leave weights and optimizer a step apart
        description = _describe(model)
        tensors: dict[str, Array] = {weight.path: weight.numpy() for weight in model.weights}
        if model.optimizer is not None:
            state = model.optimizer.get_state()
            tensors |= {STATE + name: array for name, array in state.items()}
    for name in _class_names(description):
        if name not in CLASS_NAMES:
            raise ValueError(
                f"{path}: cannot save {name}, which is no class of cnnx: load_model would not know "
                "it. Save the arrays of get_weights() instead."
            )
    try:
        text = json.dumps(description, allow_nan=False)
    except ValueError as error:
        raise ValueError(
            f"{path}: cannot save settings of NaN or infinity. Give Constant finite values, or set "
            "the weights with set_weights()."
        ) from error
    content = safetensors.numpy.save(tensors, {METADATA: text})
    header = _header_size(content)
    if header > MAX_HEADER or len(model.layers) > MAX_LAYERS:
        raise ValueError(
            f"{path}: cannot save {len(model.layers):,} layers with a description of {header:,} "
            f"bytes: load_model takes {MAX_LAYERS:,} and {MAX_HEADER:,}. Set large weights with "
            "set_weights() instead of Constant."
        )
    with replacing(path) as file:
        file.write(content)


def load_model(path: str | os.PathLike[str]) -> Sequential:
    """
    Load a model that `save_model` saved.

    It predicts bit for bit what the saved one did, and `fit` goes on where that one stopped; layers
    that have a seed draw on where they stood. No random number is drawn in loading. Nothing in the
    file is run, whatever it holds.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        The file holds no model, is damaged, or comes from a newer version of cnnx.
    """
    path = regular_file(path)
    try:
        _check_header(path)
        with safe_open(path, framework="numpy") as file:
            description = _read_description(file.metadata() or {})
            return _rebuild(description, _Tensors(file))
    except INVALID as error:
        reason = str(error) or type(error).__name__
        raise ValueError(
            f"{path}: holds no model that can be loaded: {reason:.500}. Save it again with "
            "model.save(), or fetch the file again."
        ) from error


def _describe(model: Sequential) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "model": registry.serialize(model),
        "compile": model.get_compile_config(),
        "random": {layer.name: layer.random_state for layer in _seeded(model)},
    }


def _seeded(model: Sequential) -> Iterator[RandomLayer]:
    """Yield the layers that have a generator of their own."""
    for layer in model.layers:
        if isinstance(layer, RandomLayer) and layer.random_state is not None:
            yield layer


def _header_size(content: bytes) -> int:
    """Return what the first eight bytes of a safetensors file say."""
    return int.from_bytes(content[:8], "little")


def _check_header(path: Path) -> None:
    """Raise ValueError for a header that would take more memory to read than any model's."""
    with open(path, "rb") as file:
        header = _header_size(file.read(8))
    if header > MAX_HEADER:
        raise ValueError(f"its header has {header:,} bytes, more than {MAX_HEADER:,}")


class _Tensors:
    """The tensors of an open file, each read once and only if it is what was expected."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.names = set(file.keys())

    def take(self, name: str, shape: tuple[int, ...], dtype: str = "F32") -> Array:
        """Return a tensor; raises ValueError if it is missing or of another shape or type."""
        if name not in self.names:
            raise ValueError(f"the tensor {name} is missing")
        found = self._file.get_slice(name)
        if (tuple(found.get_shape()), found.get_dtype()) != (shape, dtype):
            raise ValueError(
                f"the tensor {name} is {found.get_dtype()} of shape {tuple(found.get_shape())}, "
                f"but the model needs {dtype} of shape {shape}"
            )
        self.names.remove(name)
        array: Array = self._file.get_tensor(name)
        return array

    def weight(self, name: str, shape: tuple[int, ...]) -> Float:
        """Return the values of a weight."""
        return self.take(name, shape)


def _read_description(metadata: dict[str, str]) -> dict[str, Any]:
    if METADATA not in metadata:
        raise ValueError("it was not saved by cnnx")
    description: dict[str, Any] = json.loads(
        metadata[METADATA], object_pairs_hook=_fields, parse_constant=_no_number
    )
    if description["format"] != FORMAT:
        raise ValueError(
            f"it has format {description['format']!r}, this version of cnnx reads {FORMAT}"
        )
    return description


def _fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError(f"a field stands there twice: {', '.join(name for name, _ in pairs)}")
    return fields


def _no_number(literal: str) -> Any:
    raise ValueError(f"{literal} is no number that a description may hold")


def _rebuild(description: dict[str, Any], tensors: _Tensors) -> Sequential:
    config = description["model"]["config"]
    if not isinstance(config["name"], str):
        raise ValueError(f"the model's name is {config['name']!r}, not a text")
    if len(config["layers"]) > MAX_LAYERS:
        raise ValueError(f"it has {len(config['layers']):,} layers, more than {MAX_LAYERS:,}")
    layers = [registry.get("layer", entry, Layer, LAYERS) for entry in config["layers"]]
    for layer in layers:
        layer.saved_values = tensors.weight
    model = Sequential(layers, config["name"])
    for layer in layers:
        layer.saved_values = None
    if description["compile"] is not None:
        model.compile(**description["compile"])
    _restore_optimizer(model, tensors)
    for layer in _seeded(model):
        layer.random_state = description["random"][layer.name]
    if tensors.names:
        raise ValueError(f"the model has no place for the tensor {min(tensors.names)}")
    _check_same(description, _describe(model), "the description")
    return model


def _restore_optimizer(model: Sequential, tensors: _Tensors) -> None:
    if model.optimizer is None:
        return
    state = {"iterations": tensors.take(STATE + "iterations", (), "I64")}
    if any(name.startswith(STATE) and "/" not in name for name in tensors.names):
        size = sum(weight.size for weight in model.weights if weight.trainable)
        for slot in model.optimizer.slot_names:
            state[slot] = tensors.take(STATE + slot, (size,))
    model.optimizer.set_state(state, copy=False)


def _check_same(stored: Any, rebuilt: Any, where: str) -> None:
    """Raise ValueError where a field that the file holds did not come out as it stands there."""
    if type(stored) is not type(rebuilt):
        raise ValueError(f"{where} is {stored!r}, which is not valid there")
    if isinstance(stored, dict):
        for key, value in stored.items():
            if key not in rebuilt:
                raise ValueError(f"{where} has an unknown field {key!r}")
            _check_same(value, rebuilt[key], f"{where}, {key}")
    elif isinstance(stored, list):
        if len(stored) != len(rebuilt):
            raise ValueError(f"{where} has {len(stored)} entries, not {len(rebuilt)}")
        for index, (one, other) in enumerate(zip(stored, rebuilt, strict=True)):
            _check_same(one, other, f"{where}[{index}]")
    elif stored != rebuilt:
        raise ValueError(f"{where} is {stored!r}, which is not valid there")


def _class_names(value: Any) -> Iterator[str]:
    """Yield every class name within a description."""
    if isinstance(value, dict):
        if "class_name" in value:
            yield value["class_name"]
        value = list(value.values())
    if isinstance(value, list):
        for entry in value:
            yield from _class_names(entry)
