"""A forward pass to go back along, for training loops of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnx.arrays import Float, as_float32
from cnnx.graph import Graph, plan_class
from cnnx.graph.binding import Binding
from cnnx.layers.weight import Weight
from cnnx.models.penalties import Penalties, penalized


class Tape:
    """
    The plan of a model in training, and the batch that it saw last.

    Parameters
    ----------
    graph
        Of layers alone.
    weights
        Those whose derivatives are wanted.
    to_inputs
        Whether those of the inputs are wanted too.

    Attributes
    ----------
    samples
        Of the batch.
    """

    def __init__(self, graph: Graph, weights: Sequence[Weight], to_inputs: bool = False) -> None:
        self.weights = list(weights)
        self.to_inputs = to_inputs
        graph, activities = penalized(graph)
        self._penalties = Penalties(self.weights, activities)
        inputs = graph.inputs if to_inputs else ()
        self._plan = plan_class(graph)(graph, training=True, learns=True, gradients_of=inputs)
        self._binding: Binding | None = None
        self.samples = 0

    def forward(self, batch: Sequence[Float]) -> list[Float]:
        """Return the outputs, in arrays that the next call overwrites."""
        self._binding = self._plan.bind_to(batch)
        self.samples = len(batch[0])
        return self._binding.forward(*batch)

    def penalties_of_outputs(self) -> list[float]:
        """Return what the regularizers of the batch's outputs add to the loss."""
        return self._penalties.of_outputs()

    def backward(
        self, names: Sequence[str], gradients: Sequence[Any]
    ) -> tuple[list[Float], list[Float]]:
        """Return the derivatives of the weights, and of the inputs, from those of the outputs."""
        binding, self._binding = self._binding, None
        if binding is None:
            raise ValueError("backward: call forward(x, training=True) once before each backward")
        for name, gradient, dy in zip(names, gradients, binding.dys, strict=True):
            array = as_float32(gradient, f"backward: the gradient of '{name}'")
            if dy is None:
                continue
            if array.shape != dy.shape:
                raise ValueError(
                    f"backward: the gradient of '{name}' must have the output's shape {dy.shape}, "
                    f"got {array.shape}"
                )
            np.copyto(dy, array)
        of_inputs = [gradient.copy() for gradient in binding.backward()]
        self._penalties.add_gradients()
        return [weight.gradient.copy() for weight in self.weights], of_inputs
