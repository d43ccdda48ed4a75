"""Networks of files that leave sizes open: read at two sizes, and kept where both give the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cnnx.arrays import Float, Shape
from cnnx.layers import Input, InputLayer, Layer, Reshape
from cnnx.models import Model
from cnnx.onnx.unsupported import UnsupportedError

_EXAMPLES = ((224, 256, 288), (320, 192, 352))
"""Sizes for the open axes of an input; networks may halve all of them five times."""

OpenShapes = dict[str, list[int | None]]


def of_any_size(read: Callable[[dict[str, list[int]]], Model], shapes: OpenShapes) -> Model:
    """
    Return the network of a file whose inputs leave sizes open.

    What is computed with shapes is worked out while a file is read, so that a layer may have a size
    in its settings. It has not if two sizes give the same ones.

    Parameters
    ----------
    read
        Makes the network for inputs of known shapes.
    shapes
        By the names of the inputs; None for sizes that are open.

    Raises
    ------
    UnsupportedError
        If the layers depend on the sizes.
    """
    one, other = (
        read({name: _with(shape, sizes) for name, shape in shapes.items()}) for sizes in _EXAMPLES
    )
    layers, others = one.listed_layers(), other.listed_layers()
    if one.connections() != other.connections():
        raise UnsupportedError("its layers depend on them")
    opened: list[Any] = []
    for layer, twin in zip(layers, others, strict=True):
        if isinstance(layer, InputLayer):
            pairs = zip(layer.shape, twin.shape, strict=True)
            opened.append(Input([a if a == b else None for a, b in pairs], name=layer.name))
            continue
        config = _common_settings(layer, twin)
        if config is None:
            raise UnsupportedError(f"{layer} depends on them")
        opened.append(_made_anew(layer, config))
    model = Model.from_layers(opened, one.get_config())
    for layer in model.leaves():
        layer.saved_values = None
    return model


def _with(shape: Sequence[int | None], sizes: tuple[int, ...]) -> list[int]:
    """Return a shape with one of the sizes for each that is open."""
    left = iter(sizes * len(shape))
    return [next(left) if extent is None else extent for extent in shape]


def _common_settings(layer: Layer, twin: Layer) -> dict[str, Any] | None:
    """Return the settings and weights that two layers have in common; None if they differ."""
    one, other = layer.get_config(), twin.get_config()
    if isinstance(layer, Reshape) and isinstance(twin, Reshape):
        alike = len(layer.target_shape) == len(twin.target_shape)
        pairs = list(zip(layer.target_shape, twin.target_shape, strict=False))
        if alike and sum(a != b for a, b in pairs) == 1:  # the rest says how many there are
            shape = [a if a == b else -1 for a, b in pairs]
            one, other = (config | {"target_shape": shape} for config in (one, other))
    if type(layer) is not type(twin) or one != other:
        return None
    weights = list(zip(layer.get_weights(), twin.get_weights(), strict=True))
    return one if all(np.array_equal(a, b, equal_nan=True) for a, b in weights) else None


def _made_anew(layer: Layer, config: dict[str, Any]) -> Layer:
    """Return a layer with these settings, which gets the same weights when it is built."""
    fresh: Layer = type(layer).from_config(config)
    values = iter(layer.get_weights())

    def saved(path: str, shape: Shape) -> Float:
        return next(values)

    fresh.saved_values = saved
    return fresh
