"""Weights of PyTorch networks in models of the same layers, and the other way."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnx.arrays import Array
from cnnx.extras import import_extra
from cnnx.layers import BatchNormalization
from cnnx.layers.layer import Layer
from cnnx.layers.weight import Weight
from cnnx.torch.checkpoint import Checkpoint, Module, read_checkpoint
from cnnx.torch.counterparts import Counterpart, counterparts
from cnnx.torch.flat_order import FlatOrders

if TYPE_CHECKING:
    from cnnx.models.model import Model

__all__ = ["load_weights", "state_dict"]

Names = Mapping[str, "str | Sequence[str]"]


def load_weights(
    model: Model,
    state_dict: Mapping[str, Any] | str | os.PathLike[str],
    names: Names | None = None,
    strict: bool = True,
) -> None:
    """
    Give a model the weights of a PyTorch network of the same layers.

    Kernels (out, in, height, width) become (height, width, in, out), those of transposed and
    depthwise convolutions likewise. The rows of a Dense layer after Flatten are put in our order,
    in which the channels of a pixel stand together; so are the columns of one before Reshape.
    The statistics of batch norm come along. Nothing of the model changes if an error is raised.

    Parameters
    ----------
    model
        Built. A state dict does not hold the settings of layers: give BatchNormalization the
        epsilon and momentum of PyTorch's, (epsilon=1e-5, momentum=.9) by default, and say padding
        in pixels, since 'same' with strides pads the end and PyTorch both sides.
    state_dict
        What the module's `state_dict()` returns, a mapping from such names to arrays, or the path
        of a `.safetensors`, `.pth` or `.pt` file. Of the last two the tensors alone are read: no
        pickled code is run. Reading them needs PyTorch (extra `torch`).
    names
        From a layer's name to the name of the module that it takes: {"conv1": "features.0"}; to
        two names for a separable convolution. The other layers take the other modules in order:
        the model's is that in which it runs, PyTorch's that in which the modules were assigned. A
        `.safetensors` file keeps that order for a Sequential alone; otherwise name all layers.
    strict
        Whether each module must be taken by a layer. False leaves out those at the end.

    Raises
    ------
    ValueError
        A layer finds no module, or one with other tensors; or modules are left, or the file does
        not tell which module comes first.
    ImportError
        The file needs PyTorch.

    Examples
    --------
    >>> cnnx.torch.load_weights(model, network.state_dict())  # doctest: +SKIP
    """
    owner = "load_weights"
    given = read_checkpoint(state_dict, owner)
    found = given.modules
    values: list[tuple[Weight, Array]] = []
    with model.lock:
        pairs = _paired(model, names, given, owner)
        for layer, counterpart, name in pairs:
            if name not in found:
                raise ValueError(
                    f"{owner}: {layer} finds no module{_named(name)}; the state dict has "
                    f"{_listed(found)}"
                )
            values += _fitting(layer, counterpart, name, found[name])
        left = [name for name in found if name not in {name for _, _, name in pairs}]
        if left and strict:
            raise ValueError(
                f"{owner}: no layer takes the modules {_listed(left)}; with strict=False they are "
                "left out"
            )
        for weight, array in values:
            weight.assign(array)


def state_dict(
    model: Model,
    names: Names | None = None,
    like: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """
    Return a model's weights as PyTorch's tensors, the other way round of `load_weights`.

    Parameters
    ----------
    model
        Built.
    names
        From a layer's name to that of its module, as in `load_weights`. By default the modules
        are called as the layers.
    like
        The state dict of the network that shall take the tensors; gives the modules' names in
        their order, and what the tensors must be: `network.load_state_dict(state_dict(model,
        like=network.state_dict()))`.

    Returns
    -------
    dict
        From a tensor's full name to the tensor, float32, a copy.

    Raises
    ------
    ValueError
        PyTorch has no such layer, or the model's layers are not those of `like`.
    ImportError
        PyTorch is not installed (extra `torch`).
    """
    owner = "state_dict"
    torch = import_extra("torch", "torch", owner)
    wanted = None if like is None else read_checkpoint(like, owner)
    found: dict[str, Any] = {}
    with model.lock:
        pairs = _paired(model, names, wanted, owner)
        for layer, counterpart, name in pairs:
            if wanted is not None:
                _fitting(layer, counterpart, name, wanted.modules.get(name, {}))
            for own, place in counterpart.items():
                array = np.array(place.theirs(place.weight.value), order="C")
                found[f"{name}.{own}".removeprefix(".")] = torch.from_numpy(array)
            if isinstance(layer, BatchNormalization):
                found[f"{name}.num_batches_tracked".removeprefix(".")] = torch.tensor(0)
    return found


def _paired(
    model: Model, names: Names | None, checkpoint: Checkpoint | None, owner: str
) -> list[tuple[Layer, Counterpart, str]]:
    """Return each layer's counterparts with the names of their modules."""
    if not model.built:
        raise ValueError(f"{owner}: model '{model.name}' has no weights yet; call build() first")
    given = dict(names or {})
    orders = FlatOrders(model.graph)
    layers = [layer for layer in model.leaves() if layer.weights]
    unknown = set(given) - {layer.name for layer in layers}
    if unknown:
        raise ValueError(
            f"{owner}: no layer with weights is called {min(unknown)!r}; there are "
            f"{_listed([layer.name for layer in layers])}"
        )
    taken = {name for value in given.values() for name in _as_list(value)}
    modules = () if checkpoint is None else checkpoint.modules
    rest = iter([name for name in modules if name not in taken])
    pairs = []
    for layer in layers:
        found = counterparts(layer, orders)
        if layer.name in given:
            own = _as_list(given[layer.name])
        elif checkpoint is None:
            own = _own_names(layer.name, len(found))
        elif not checkpoint.in_order:
            raise ValueError(
                f"{owner}: a .safetensors file does not keep the order of its modules; say which "
                f"of them {layer} takes: names={{{layer.name!r}: ...}}. It holds {_listed(modules)}"
            )
        else:
            own = [next(rest, "") for _ in found]
        if len(own) != len(found):
            raise ValueError(
                f"{owner}: {layer} is {len(found)} modules in PyTorch, names gives it {own}"
            )
        pairs += [(layer, part, name) for part, name in zip(found, own, strict=True)]
    return pairs


def _own_names(name: str, count: int) -> list[str]:
    return [name] if count == 1 else [f"{name}.{index}" for index in range(count)]


def _as_list(value: str | Sequence[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _fitting(
    layer: Layer, counterpart: Counterpart, name: str, module: Module
) -> list[tuple[Weight, Array]]:
    """Return the values of a layer's weights; raises ValueError if the module's do not fit."""
    if {own: place.shape for own, place in counterpart.items()} != {
        own: array.shape for own, array in module.items()
    }:
        raise ValueError(
            f"{layer} needs {_described({n: p.shape for n, p in counterpart.items()})}, "
            f"but the module{_named(name)} has "
            f"{_described({n: a.shape for n, a in module.items()})}. Where the modules stand in "
            "another order than the layers, say which is which: names={layer: module}"
        )
    return [(place.weight, place.ours(module[own])) for own, place in counterpart.items()]


def _described(shapes: Mapping[str, tuple[int, ...]]) -> str:
    return ", ".join(f"{name} {shape}" for name, shape in shapes.items()) or "no tensors"


def _named(name: str) -> str:
    return f" '{name}'" if name else ""


def _listed(names: Any) -> str:
    names = list(names)
    shown = ", ".join(map(repr, names[:6])) or "none"
    return f"{shown} and {len(names) - 6} more" if len(names) > 6 else shown
