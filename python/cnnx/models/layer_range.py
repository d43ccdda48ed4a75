"""A part of a network's layers, from one name to another."""

import re
from collections.abc import Sequence
from typing import Any


def layers_between(layers: Sequence[Any], layer_range: Any, owner: str) -> list[Any]:
    """
    Return the layers from the first whose name matches one pattern to the last of another.

    Parameters
    ----------
    layers
        With names.
    layer_range
        Two regular expressions, each for the beginning of a name; None for all layers.
    owner
        What errors begin with.

    Raises
    ------
    TypeError, ValueError
        If they are not two texts, or no layers lie between them.
    """
    if layer_range is None:
        return list(layers)
    texts = isinstance(layer_range, (list, tuple)) and all(isinstance(t, str) for t in layer_range)
    if not texts or len(layer_range) != 2:
        raise TypeError(
            f"{owner}: layer_range must hold two names of layers, such as ['conv2d', 'dense'], "
            f"got {layer_range!r}"
        )
    first, last = (_matching(layers, pattern, owner) for pattern in layer_range)
    if first[0] > last[-1]:
        raise ValueError(f"{owner}: layer_range={layer_range!r} ends before it begins")
    return list(layers[first[0] : last[-1] + 1])


def _matching(layers: Sequence[Any], pattern: str, owner: str) -> list[int]:
    try:
        found = [place for place, layer in enumerate(layers) if re.match(pattern, layer.name)]
    except re.error as error:
        raise ValueError(f"{owner}: layer_range: {pattern!r} is no pattern: {error}") from None
    if not found:
        names = ", ".join(layer.name for layer in layers)
        raise ValueError(f"{owner}: layer_range: {pattern!r} matches no layer of {names}")
    return found
