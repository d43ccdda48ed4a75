"""The random generators that a training draws from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cnnx import random
from cnnx.layers.random_layer import RandomLayer

if TYPE_CHECKING:
    from cnnx.models.data_sets import Data
    from cnnx.models.model import Model


class Generators:
    """
    The global generator, those of a network's layers, and those of data sets.

    Parameters
    ----------
    model
        The network.
    data
        The data sets.
    """

    def __init__(self, model: Model, data: Sequence[Data]) -> None:
        self._model = model
        self._data = data

    def get_state(self) -> dict[str, Any]:
        """Return where every generator stands."""
        return {
            "global": random.get_state(),
            "layers": [layer.random_state for layer in self._layers()],
            "data": [batches.get_state() for batches in self._data],
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Let every generator stand where it stood."""
        random.set_state(state["global"])
        for layer, value in zip(self._layers(), state["layers"], strict=True):
            layer.random_state = value
        for batches, value in zip(self._data, state["data"], strict=True):
            batches.set_state(value)

    def _layers(self) -> list[RandomLayer]:
        return [layer for layer in self._model.leaves() if isinstance(layer, RandomLayer)]
