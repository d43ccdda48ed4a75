"""Gradients of a network's score by its image and by the outputs of its layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from cnnx.arrays import Float
from cnnx.graph import plan_class
from cnnx.graph.fusions import net_input
from cnnx.models import Model


class Derivatives(NamedTuple):
    """
    What the layers gave for a batch, and the derivatives of a score with respect to it.

    Attributes
    ----------
    outputs
        By the layers' names. The last is the net output, before any last activation.
    gradients
        With respect to each of the outputs.
    input_gradient
        With respect to the batch.
    """

    outputs: dict[str, Float]
    gradients: dict[str, Float]
    input_gradient: Float


def differentiate(network: Model, x: Float, score: Callable[[Float], Float]) -> Derivatives:
    """
    Return the derivatives of a score of a network in use (not in training).

    Parameters
    ----------
    network
        Built; nothing of it changes.
    x
        A batch.
    score
        Returns the score's gradient with respect to the net output, which it is given: the output
        before a last activation, whose slope would vanish where the network is sure.
    """
    graph = network.flat_graph
    graph = net_input(graph, graph.outputs[0]) or graph
    values = graph.values
    names = [value.name for value in values]
    with network.lock:
        plan = plan_class(graph)(graph, keep=values, gradients_of=[*values, *graph.inputs])
        binding = plan.bind_to([x])
        net, *outputs = binding.forward(x)
        (dy,) = binding.dys
        assert dy is not None
        np.copyto(dy, score(net))
        *gradients, input_gradient = binding.backward()
    return Derivatives(
        dict(zip(names, outputs, strict=True)),
        dict(zip(names, gradients, strict=True)),
        input_gradient,
    )
