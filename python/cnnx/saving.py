"""Models on disk: one safetensors file with architecture, weights and training state.

Weights are tensors under their own names ("conv2d/kernel"), the optimizer's state is
"optimizer.iterations" and so on, the figures of training "history.figures.0" and so on; the rest is
JSON in the file's metadata. Loading runs no code from the file and opens no other: classes come
from closed tables, what is rebuilt must describe itself as the file does, and shapes are compared
before a tensor is read or memory allocated for it. Each tensor is read once; limits bound what else
a file can make its reader allocate.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from cnnx import registry, snapshot
from cnnx.arrays import Array
from cnnx.file_kind import is_of_keras, refuse_suffix
from cnnx.files import regular_file
from cnnx.layers import LAYERS, Layer
from cnnx.layers.random_layer import RandomLayer
from cnnx.saved_history import Figures, restored, to_save
from cnnx.tensor_file import FORMAT, Tensors, check_overwrite, reading_tensors, write_tensors

if TYPE_CHECKING:
    from cnnx.models.model import Model

__all__ = ["load_model", "save_model"]

STATE = "optimizer."  # the name of a weight has a slash, so the two never meet
MAX_LAYERS = 10_000


def save_model(model: Model, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
    """
    Save a model with its weights, compile settings, optimizer state and history as one file.

    The file is written atomically: an existing one stays as it was if saving fails. A process
    killed meanwhile leaves a file ``.cnnx-<16 digits>.tmp`` beside it, which may be deleted.

    Parameters
    ----------
    model
        Classes and functions of your own in it must be known when it is loaded: see `register`.
    filepath
        The file to make or to replace; any name will do but those of other programs (.keras, .h5,
        .pt, .onnx).
    overwrite
        Whether a file that exists is replaced.

    Raises
    ------
    ValueError
        The model holds something that `load_model` would not know, or the name is another
        program's.
    FileExistsError
        The file exists, and `overwrite` is False.
    OSError
        The file can't be written.
    """
    refuse_suffix(filepath, "save")
    check_overwrite(filepath, overwrite, "save")
    _check_own(model, filepath)
    with model.lock:  # another thread's step would leave weights and optimizer a step apart
        history = to_save(model.history, filepath)
        description = _describe(model) | {"history": history and history.names()}
        tensors: dict[str, Array] = {name: weight.numpy() for name, weight in model.named_weights()}
        if model.optimizer is not None:
            state = model.optimizer.get_state()
            tensors |= {STATE + name: array for name, array in state.items()}
        if history is not None:
            tensors |= history.tensors()
    count = sum(1 for _ in model.leaves())
    if count > MAX_LAYERS:
        raise ValueError(
            f"{filepath}: cannot save {count:,} layers: load_model takes {MAX_LAYERS:,}. "
            "Save the arrays of get_weights() instead."
        )
    write_tensors(filepath, tensors, description)


def _check_own(model: Model, path: str | os.PathLike[str]) -> None:
    """Raise ValueError for a class of the user's that could not be made from its config."""
    for network in (model, *model.networks()):
        try:
            network.check_constructor()
        except ValueError as error:
            raise ValueError(f"{path}: cannot save {network}: {error}") from None
    for layer in model.leaves():
        cls, config = type(layer), layer.get_config()
        if registry.is_own(cls):
            try:
                with registry.custom_objects(registry.own_items(config), "save"):
                    cls.from_config(config)
            except Exception as error:
                raise ValueError(
                    f"{path}: cannot save {layer}: {cls.__name__} cannot be made from what its "
                    f"get_config returns, {config}: {error}; let it return the constructor's "
                    "arguments"
                ) from None


def load_model(
    filepath: str | os.PathLike[str],
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,
    *,
    mmap: bool = False,
) -> Model:
    """
    Load a model that `save_model` saved, or Keras (.keras, .h5).

    One of ours predicts bit for bit what the saved one did, and `fit` goes on where that one
    stopped; layers that have a seed draw on where they stood. Its `history` holds the figures of
    the last `fit`. One of Keras comes with its weights and is compiled as it was, if cnnx can do
    that; its optimizer starts from its first state. Loading draws no random number and runs
    nothing from the file.

    Parameters
    ----------
    filepath
        The file.
    custom_objects
        Classes and functions of your own that the model is made of, by name; not needed for those
        that `cnnx.register` knows.
    compile
        Whether the model is compiled as it was when it was saved. If not, its optimizer's state
        stays in the file, and losses and metrics of your own need not be known.
    mmap
        Whether weights and the optimizer's state stay in the file, which is mapped into memory:
        processes that load it so hold them once, and read the parts that they use. The kernels'
        own forms of convolutions, and convolutions with batch normalisation folded in, are made by
        each process, or by one that forks the others. What is changed, as `fit` and `set_weights`
        do, becomes the process' own; the file stays as it is. It may be replaced, as `save` does,
        but must not be written to or cut short while it is in use. For files of cnnx alone.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        The file holds no model, is damaged, names a class that is not known, comes from a newer
        version of cnnx, or is one of Keras and `mmap` was asked for. For a file of Keras the
        message names all that cnnx has not.

    Warns
    -----
    UserWarning
        Once, of what was left out of a file of Keras because it matters in training alone.
    """
    remedy = "Save it again with model.save(), or fetch the file again."
    with registry.custom_objects(custom_objects, "load_model"):
        if is_of_keras(regular_file(filepath)):
            from cnnx.keras_files import loading  # stands above, and most files are ours

            if mmap:
                raise ValueError(
                    f"{filepath}: load_model: mmap=True takes files that cnnx saved, and this is "
                    "one of Keras; load it without mmap and save() it, then load that file"
                )
            model: Model = loading.load(filepath, compile)
            return model
        fault = "holds no model that can be loaded"
        with reading_tensors(filepath, fault, remedy, mapped=mmap) as (found, tensors):
            if "model" not in found:
                raise ValueError("it holds weights or a backup; build the model, then load_weights")
            if not compile:
                found["compile"] = None
                tensors.leave({name for name in tensors.names if _is_state(name)})
            return _rebuild(found, tensors)


def saved_weights(filepath: str | os.PathLike[str]) -> dict[str, Array]:
    """Return the weights of a file of `save_weights` or `save` by name, layer by layer."""
    remedy = "Save it again with model.save_weights(), or fetch the file again."
    with reading_tensors(filepath, "holds no weights", remedy) as (found, tensors):
        if "model" not in found:
            weights: dict[str, Array] = snapshot.state_of(found, tensors)["weights"]
            return weights
        places = {path: place for place, path in enumerate(_paths(found["model"]["config"], ""))}
        names = sorted(name for name in tensors.names if "/" in name)
        names.sort(key=lambda name: places[name.rpartition("/")[0]])
        return {name: tensors.take_any(name) for name in names}


def _paths(config: dict[str, Any], prefix: str) -> Iterator[str]:
    """Yield the layers of a model's config as the names of their weights begin."""
    for entry in config["layers"]:
        path = prefix + entry["config"]["name"]
        if registry.model_class(entry["class_name"]) is None:
            yield path
        else:
            yield from _paths(entry["config"], f"{path}/")


def _describe(model: Model) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "model": registry.serialize(model),
        "compile": model.get_compile_config(),
        "random": {layer.name: layer.random_state for layer in _seeded(model)},
    }


def _seeded(model: Model) -> Iterator[RandomLayer]:
    """Yield the layers that have a generator of their own."""
    for layer in model.leaves():
        if isinstance(layer, RandomLayer) and layer.random_state is not None:
            yield layer


def _make(entry: dict[str, Any], tensors: Tensors, prefix: str, limit: list[int]) -> Any:
    """Return a layer or a model from its class name and config, with the weights of a file."""
    limit[0] -= 1
    if limit[0] < 0:
        raise ValueError(f"it has more than {MAX_LAYERS:,} layers")
    model_class = registry.model_class(entry["class_name"])
    if model_class is None:
        layer = registry.get("layer", entry, Layer, LAYERS)
        layer.saved_values = lambda path, shape: tensors.weight(prefix + path, shape)
        return layer
    config = entry["config"]
    if not isinstance(config["name"], str):
        raise ValueError(f"the model's name is {config['name']!r}, not a text")
    within = f"{prefix}{config['name']}/" if limit[0] < MAX_LAYERS else ""
    layers = [_make(item, tensors, within, limit) for item in config["layers"]]
    return model_class.from_layers(layers, config)


def _rebuild(description: dict[str, Any], tensors: Tensors) -> Model:
    model: Model = _make(description["model"], tensors, "", [MAX_LAYERS + 1])
    for layer in model.leaves():
        layer.saved_values = None
    if description["compile"] is not None:
        model.compile_from_config(description["compile"])
    _restore_optimizer(model, tensors)
    model.history = restored(description.get("history"), tensors)
    for layer in _seeded(model):
        layer.random_state = description["random"][layer.name]
    if tensors.names:
        raise ValueError(f"the model has no place for the tensor {min(tensors.names)}")
    history = model.history and Figures.of(model.history).names()
    _check_same(description, _describe(model) | {"history": history}, "the description")
    return model


def _restore_optimizer(model: Model, tensors: Tensors) -> None:
    if model.optimizer is None:
        return
    state = {"iterations": tensors.take(STATE + "iterations", (), "I64")}
    if any(map(_is_state, tensors.names)):
        size = sum(weight.size for weight in model.weights if weight.learnable)
        for slot in model.optimizer.state_names:
            state[slot] = tensors.take(STATE + slot, (size,))
    model.optimizer.set_state(state, copy=False)


def _is_state(name: str) -> bool:
    return name.startswith(STATE) and "/" not in name


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
