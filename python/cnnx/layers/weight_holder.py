"""What layers and models share: weights that are read, replaced and counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnx.arrays import Float
from cnnx.layers.weight import Weight
from cnnx.registry import Configurable


class WeightHolder(Configurable):
    """
    Something with a name and weights.

    Attributes
    ----------
    name
        Unique within a model.
    """

    name: str

    @property
    def weights(self) -> list[Weight]:
        """All weights, in the order of Keras."""
        raise NotImplementedError

    @property
    def trainable_weights(self) -> list[Weight]:
        """The weights that training changes."""
        raise NotImplementedError

    @property
    def non_trainable_weights(self) -> list[Weight]:
        """The weights that training does not change by gradients."""
        trainable = set(self.trainable_weights)
        return [weight for weight in self.weights if weight not in trainable]

    @property
    def variables(self) -> list[Weight]:
        """All weights, by their other name in Keras."""
        return self.weights

    @property
    def trainable_variables(self) -> list[Weight]:
        """The weights that training changes, by their other name in Keras."""
        return self.trainable_weights

    @property
    def non_trainable_variables(self) -> list[Weight]:
        """The weights that training does not change, by their other name in Keras."""
        return self.non_trainable_weights

    @property
    def losses(self) -> list[float]:
        """What the regularizers of trainable weights add to the loss."""
        return [
            weight.regularizer.penalty(weight.value)
            for weight in self.trainable_weights
            if weight.regularizer is not None
        ]

    def count_params(self) -> int:
        """Return the number of elements of all weights."""
        return sum(weight.size for weight in self.weights)

    def get_weights(self) -> list[Float]:
        """Return copies of all weights, in the order of Keras."""
        return [weight.numpy() for weight in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """
        Replace all weights by arrays or nested lists of the shapes that `get_weights` returns.

        Raises
        ------
        ValueError
            For another number of arrays, or another shape; nothing is changed then.
        """
        for weight, array in zip(self.weights, self.check_weights(weights), strict=True):
            weight.assign(array)

    def check_weights(self, values: Sequence[Any]) -> list[NDArray[Any]]:
        """Return `values` as arrays if they fit all weights, else raise an error."""
        if not isinstance(values, (Sequence, np.ndarray)):
            raise TypeError(f"{self.owner}: set_weights takes a list of arrays, got {values!r}")
        weights = self.weights
        if len(values) != len(weights):
            raise ValueError(
                f"{self.owner} has {len(weights)} weights, got {len(values)}; "
                f"set_weights takes arrays of shapes {[weight.shape for weight in weights]}"
            )
        return [weight.check(value) for weight, value in zip(weights, values, strict=True)]

    @property
    def owner(self) -> str:
        """What errors begin with."""
        return str(self)
