"""The flat buffers that hold a model's weights and gradients."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnx import _core
from cnnx.arrays import Float, as_float32
from cnnx.buffer import aligned_empty
from cnnx.layers.layer import Layer
from cnnx.layers.weight import Weight
from cnnx.optimizers.learned import Part

_MANY = 1 << 18
"""Weights in a MiB."""


class Parameters:
    """
    One buffer for all parameters, one for their gradients, one for other state.

    The layers' weights become views into them, in the order of the layers; so an optimizer step, a
    gradient norm or a sum over machines is one pass over one array.

    Parameters
    ----------
    layers
        Built layers; their present values are kept.

    Attributes
    ----------
    values, gradients, state
        The buffers.
    parts
        The weights in `values`, and where they lie there; their gradients lie alike.
    kept
        The weights in `state`, which no optimizer changes.
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        self._weights = [weight for layer in layers for weight in layer.weights]
        self._layers = list(layers)
        learned = sum(weight.size for weight in self._weights if weight.learnable)
        self.kept = [weight for weight in self._weights if not weight.learnable]
        kept = sum(weight.size for weight in self.kept)
        try:
            self.values: Float = aligned_empty((learned,))
            self.gradients: Float = aligned_empty((learned,))
            self.state: Float = aligned_empty((kept,))
        except MemoryError:
            raise MemoryError(
                f"no memory for {learned + kept:,} weights and their gradients, "
                f"{(2 * learned + kept) / 2**18:,.0f} MiB"
            ) from None
        self.gradients[:] = 0
        self._owner = object()
        self.parts: dict[Weight, slice] = {}
        value_end = state_end = 0
        for weight in self._weights:
            if weight.learnable:
                part = slice(value_end, value_end + weight.size)
                weight.bind(self._owner, self.values[part], self.gradients[part])
                self.parts[weight] = part
                value_end = part.stop
            else:
                part = slice(state_end, state_end + weight.size)
                weight.bind(self._owner, self.state[part])
                state_end = part.stop
        if learned > _MANY:
            _core.release_free_memory()  # the arrays that the weights lay in until now

    def holds(self) -> bool:
        """Return whether the weights still lie here: another model may have taken some over."""
        owner = self._owner
        return all(weight.owner is owner for weight in self._weights)

    def take_gradients(self, gradients: Sequence[Any], weights: Sequence[Weight]) -> list[Part]:
        """
        Copy gradients in, and return the weights with the stretches in which they lie.

        Raises
        ------
        ValueError
            If a weight is not trainable here, or the gradients don't fit.
        """
        if len(gradients) != len(weights):
            raise ValueError(
                f"apply: {len(gradients)} gradients for {len(weights)} weights; give one for each"
            )
        arrays = []
        for gradient, weight in zip(gradients, weights, strict=True):
            if weight not in self.parts or not weight.trainable:
                raise ValueError(f"apply: {weight} is no trainable weight of the model")
            array = as_float32(gradient, f"apply: the gradient of {weight.path}")
            if array.shape != weight.shape:
                raise ValueError(
                    f"apply: the gradient of {weight.path} must have its shape {weight.shape}, "
                    f"got {array.shape}"
                )
            arrays.append(array)
        for array, weight in zip(arrays, weights, strict=True):
            np.copyto(weight.gradient, array)
        return [(weight, self.parts[weight]) for weight in weights]

    def changed(self) -> None:
        """Say that `values` were written to, so that what was derived from them is made anew."""
        Weight.count_change(self.parts)

    def learned(self) -> list[Part]:
        """Return the weights that are trainable, and where they lie in `values`."""
        trainable = (weight for layer in self._layers for weight in layer.trainable_weights)
        return [(weight, self.parts[weight]) for weight in trainable]
