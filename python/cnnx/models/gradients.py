"""Gradients of a network in use: how its net output changes with what every layer gives."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import NamedTuple

from cnnx.arrays import Float
from cnnx.layers.activations import Activation
from cnnx.layers.linear import LinearLayer
from cnnx.layers.random_layer import RandomLayer
from cnnx.models.network import Network
from cnnx.models.plan import Backward, Forward, leave_out_activation


class Gradients(NamedTuple):
    """
    What the layers gave for a batch, and the gradients with respect to it.

    Attributes
    ----------
    outputs
        By the layers' names. The last is the net output, before any last activation; layers that
        do nothing outside training are left out.
    gradients
        With respect to each of the outputs.
    input_gradient
        With respect to the batch.
    """

    outputs: dict[str, Float]
    gradients: dict[str, Float]
    input_gradient: Float


def differentiate(network: Network, x: Float, score: Callable[[Float], Float]) -> Gradients:
    """
    Return the gradients of a score of a network in use (not in training).

    Parameters
    ----------
    network
        Built; neither its weights nor their gradients are changed.
    x
        A batch.
    score
        Returns the score's gradient with respect to the net output, which it is given: the output
        before a last activation, whose slope would vanish where the network is sure.
    """
    layers = [layer for layer in network.layers if not isinstance(layer, RandomLayer)]
    forward: list[Forward] = [layer.forward for layer in layers]
    backward: list[Backward] = [layer.backward for layer in reversed(layers)]
    if isinstance(layers[-1], (LinearLayer, Activation)):
        leave_out_activation(forward, backward, layers[-1])
    outputs: dict[str, Float] = {}
    gradients: dict[str, Float] = {}
    with network.lock, ExitStack() as stack:
        for layer in layers:
            stack.enter_context(layer.differentiating_input())
        for layer, step in zip(layers, forward, strict=False):  # all but a last activation
            x = step(x, True)
            outputs[layer.name] = x.copy()
        gradient = score(x)
        for name, step_back in zip(reversed(outputs), backward, strict=True):
            gradients[name] = gradient.copy()
            gradient = step_back(gradient)
        return Gradients(outputs, gradients, gradient.copy())
