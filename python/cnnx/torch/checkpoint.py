"""The tensors of a PyTorch network, module by module."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from safetensors import SafetensorError, safe_open

from cnnx.arrays import Array, real_array
from cnnx.extras import import_extra
from cnnx.files import regular_file

__all__ = ["Checkpoint", "Module", "read_checkpoint"]

Module = dict[str, Array]
"""Tensors of a module, by their own names: "weight", "bias"."""


class Checkpoint(NamedTuple):
    """
    The modules of a network.

    Attributes
    ----------
    modules
        By name.
    in_order
        Whether they stand in the order in which the network was made of them.
    """

    modules: dict[str, Module]
    in_order: bool


_WRAPPERS = ("state_dict", "model_state_dict", "model")
_COUNTER = "num_batches_tracked"


def read_checkpoint(state_dict: Any, owner: str) -> Checkpoint:
    """
    Return the modules of a state dict, each with its tensors.

    Parameters
    ----------
    state_dict
        From a tensor's full name to the tensor or an array; or the path of a `.safetensors` file or
        of a file that `torch.save` wrote. A dict that holds the state dict beside other things,
        as training scripts save it, will do.
    owner
        What errors begin with.

    Raises
    ------
    TypeError
        It holds something that is no tensor.
    ValueError
        The file is damaged, or would run code.
    """
    if not isinstance(state_dict, (str, os.PathLike)):
        return Checkpoint(_modules(state_dict, owner), in_order=True)
    file = regular_file(state_dict)
    in_order = file.suffix != ".safetensors"
    content = _read_pickle(file, owner) if in_order else _read_safetensors(file, owner)
    try:
        found = _modules(content, owner)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{file}: {error}") from error
    # Tensors in a safetensors file stand by type and name; numbers alone tell the order then.
    in_order = in_order or len({re.sub(r"\d+", "0", name) for name in found}) == 1
    return Checkpoint(found, in_order)


def _modules(state_dict: Any, owner: str) -> dict[str, Module]:
    if not isinstance(state_dict, Mapping):
        raise TypeError(
            f"{owner}: state_dict must be what a module's state_dict() returns, or the path of a "
            f"file, got {type(state_dict).__name__}"
        )
    for wrapper in _WRAPPERS:
        if isinstance(state_dict.get(wrapper), Mapping):
            state_dict = state_dict[wrapper]
            break
    found: dict[str, Module] = {}
    wrapped = all(str(name).startswith("module.") for name in state_dict)  # by DataParallel
    for name, tensor in state_dict.items():
        if not isinstance(name, str):
            raise TypeError(f"{owner}: the names of tensors must be texts, got {name!r}")
        own = name.rpartition(".")[2]
        if own != _COUNTER:
            module = _module(name).removeprefix("module." if wrapped else "")
            found.setdefault(module, {})[own] = real_array(tensor, f"{owner}: {name}")
    return found


def _module(name: str) -> str:
    return name.rpartition(".")[0]


def _read_safetensors(file: Path, owner: str) -> Mapping[str, Array]:
    try:
        with safe_open(file, framework="numpy") as tensors:
            return {name: tensors.get_tensor(name) for name in sorted(tensors.keys(), key=_natural)}
    except (SafetensorError, TypeError, ValueError) as error:
        raise ValueError(f"{file}: {owner} cannot read it: {error}") from error


def _natural(name: str) -> list[str | int]:
    """Return what sorts "10.weight" after "9.weight"."""
    return [int(part) if part.isdigit() else part for part in re.split(r"([0-9]+)", name)]


def _read_pickle(file: Path, owner: str) -> Mapping[str, Any]:
    torch = import_extra("torch", "torch", f"{owner} of {file.name}")
    try:
        # Weights only: a pickle that names any other function or class is refused.
        content = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:
        reason = str(error).partition("\n")[0][:300] or type(error).__name__
        raise ValueError(
            f"{file}: {owner} cannot read it: {reason}. Save the tensors alone: "
            "torch.save(network.state_dict(), path)"
        ) from error
    if not isinstance(content, Mapping):
        raise ValueError(f"{file}: it holds a {type(content).__name__}, not a state dict")
    return content
