"""Which saved weights go to which layers of a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cnnx.arrays import Float, Shape
from cnnx.warning import warn

Layers = dict[str, dict[str, Any]]
"""By layer: by name of a weight, its shape or its values."""


def matched(
    own: Mapping[str, Shape], saved: Mapping[str, Float], by_name: bool, skip_mismatch: bool
) -> dict[str, Float]:
    """
    Return the saved values of a model's weights, by the model's names.

    Parameters
    ----------
    own
        Shapes of the model's weights by layer and name ("conv2d/kernel"), in their order.
    saved
        Values in the same form.
    by_name
        Whether layers take the weights of saved layers of their name, and all others stay as they
        are; otherwise each takes those of the saved layer in its place.
    skip_mismatch
        Whether layers that need other weights are left as they are, with a warning.

    Raises
    ------
    ValueError
        If the saved weights do not fit.
    """
    wanted, given = _by_layer(own), _by_layer(saved)
    if by_name:
        pairs = [(name, name) for name in wanted if name in given]
        if not pairs:
            raise ValueError(
                f"it holds weights of {_listed(list(given))}; none of the model's layers "
                f"{_listed(list(wanted))} bears one of these names"
            )
    elif len(wanted) != len(given):
        raise ValueError(
            f"it holds weights of {len(given)} layers, the model has {len(wanted)} with weights; "
            "give by_name=True to load layers of the same names alone"
        )
    else:
        pairs = list(zip(wanted, given, strict=True))
    found: dict[str, Float] = {}
    for here, there in pairs:
        needs, has = wanted[here], given[there]
        if has.keys() == needs.keys():  # a file of `save` holds them in another order
            has = {name: has[name] for name in needs}
        if [values.shape for values in has.values()] == list(needs.values()):
            found |= {
                f"{here}/{name}": values for name, values in zip(needs, has.values(), strict=True)
            }
            continue
        message = (
            f"'{here}' needs {_described(needs)}, but the file has for '{there}' "
            f"{_described({name: values.shape for name, values in has.items()})}"
        )
        if not skip_mismatch:
            raise ValueError(f"{message}; skip_mismatch=True leaves such layers as they are")
        warn(f"load_weights: {message}; it stays as it is")
    return found


def _by_layer(weights: Mapping[str, Any]) -> Layers:
    layers: Layers = {}
    for path, item in weights.items():
        layer, _, name = path.rpartition("/")
        layers.setdefault(layer, {})[name] = item
    return layers


def _described(weights: Mapping[str, Shape]) -> str:
    return ", ".join(f"{name} {shape}" for name, shape in weights.items())


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:5])) + ", ..." * (len(names) > 5)
