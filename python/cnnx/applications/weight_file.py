"""Weights of a network from the file of another library, or from one of ours."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from safetensors import SafetensorError, safe_open

from cnnx.arrays import Array
from cnnx.file_kind import kind_of
from cnnx.files import regular_file
from cnnx.layers import Conv2D, Normalization
from cnnx.tensor_file import METADATA

if TYPE_CHECKING:
    from cnnx.models import Model

__all__ = ["Naming", "is_of_torch", "load", "modules_in"]

Naming: TypeAlias = Callable[[str], str | None]
"""From a layer's name to that of its module in a library of PyTorch."""


def is_of_torch(path: str | os.PathLike[str]) -> bool:
    """Return whether a file is one that PyTorch's libraries write."""
    file = regular_file(path)
    kind = kind_of(file)
    if kind is not None:
        return "PyTorch" in kind
    try:
        with safe_open(file, framework="numpy") as tensors:
            return METADATA not in (tensors.metadata() or {})
    except (OSError, SafetensorError):
        return False


def modules_in(path: str | os.PathLike[str]) -> set[str]:
    """Return the modules of a file of PyTorch's libraries."""
    from cnnx.torch.checkpoint import read_checkpoint  # stands above

    return set(read_checkpoint(path, "weights").modules)


def load(
    model: Model,
    path: str | os.PathLike[str],
    namings: Sequence[Naming],
    strict: bool,
) -> None:
    """
    Give a network the weights of a file.

    Parameters
    ----------
    model
        Built as the file's library builds it.
    path
        The file.
    namings
        From a layer's name to that of its module, as libraries of PyTorch have them. The first is
        taken whose modules are all there; without one layers and modules are paired in order.
    strict
        Whether the network must take all modules of a file of PyTorch.

    Raises
    ------
    ValueError
        The file is damaged, or of another network.
    """
    if not is_of_torch(path):
        model.load_weights(Path(path))
        return
    from cnnx import torch  # stands above, and most files are others'
    from cnnx.torch.checkpoint import read_checkpoint

    found = read_checkpoint(path, "weights").modules
    own = {
        layer.name: layer
        for layer in model.layers
        if layer.weights and not isinstance(layer, Normalization)
    }
    for naming in namings:
        names = {name: naming(name) or name for name in own}
        if not found.keys() >= set(names.values()):
            continue
        state: dict[str, Array] = {}
        for name, module in names.items():
            for tensor, array in found[module].items():
                if isinstance(own[name], Conv2D) and array.ndim == 2:  # there a Linear
                    array = array[:, :, None, None]
                state[f"{module}.{tensor}"] = array
        left = found.keys() - set(names.values())
        if strict and left:
            raise ValueError(f"{path}: weights: {model} has no layer for the module {min(left)!r}")
        torch.load_weights(model, state, names)
        return
    torch.load_weights(model, path, strict=strict)
