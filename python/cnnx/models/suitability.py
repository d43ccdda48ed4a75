"""Whether a network suits its loss at the end and its pixels at the beginning."""

from __future__ import annotations

from collections.abc import Sequence

from cnnx.activations import Activation as Function
from cnnx.arrays import Float
from cnnx.graph import Graph
from cnnx.graph.passes import is_ours
from cnnx.layers.activations import Activation
from cnnx.layers.adaptive_pooling import AdaptivePooling
from cnnx.layers.dropout import NoiseLayer
from cnnx.layers.linear import LinearLayer
from cnnx.layers.padding import Margins
from cnnx.layers.picture_layer import PictureLayer
from cnnx.layers.pooling import LocalPooling
from cnnx.layers.reshaping import Flatten, Identity, Permute, Reshape
from cnnx.layers.value import Value
from cnnx.losses import BinaryCrossentropy, BinaryFocalCrossentropy, CrossEntropy, Loss
from cnnx.warning import warn

_KEEP_THE_RANGE = (
    AdaptivePooling,
    Flatten,
    Identity,
    LocalPooling,
    Margins,
    NoiseLayer,
    Permute,
    PictureLayer,
    Reshape,
)
"""Layers without weights whose outputs have about the range of their inputs."""


def check_pixels(graph: Graph, batch: Sequence[Float]) -> None:
    """
    Warn of pixels from 0 to 255 that reach the first layer of weights as they are.

    Parameters
    ----------
    graph
        Of layers alone.
    batch
        An array for each input.
    """
    pixels = {
        value: array
        for value, array in zip(graph.inputs, batch, strict=True)
        if array.ndim == 4 and array.size and array.min() >= 0 and 128 <= array.max() <= 255
    }
    for value in graph.values if pixels else ():
        found = next((item for item in value.node.inputs if item in pixels), None)
        layer = value.node.layer
        if found is None or not is_ours(layer):
            continue
        if isinstance(layer, LinearLayer) and layer.trainable:
            warn(
                f"the pixels that reach '{layer.name}' go up to {pixels[found].max():g}; networks "
                "learn better from pixels of 0 to 1: divide them by 255, or begin the network with "
                "layers.Rescaling(1 / 255)"
            )
            return
        if isinstance(layer, _KEEP_THE_RANGE) and not layer.weights:
            pixels[value] = pixels[found]


def check_suits(loss: Loss | None, graph: Graph, output: Value) -> None:
    """
    Warn of a cross-entropy that the network's last activation does not go with.

    Parameters
    ----------
    loss
        Of the output.
    graph
        Of layers alone.
    output
        One of its outputs.
    """
    function = _last_activation(graph, output)
    if function is None or not isinstance(loss, CrossEntropy):
        return
    name, probable = function.name, function.name in ("softmax", "sigmoid")
    where = f"the output '{output.name}' ends in {name}"
    if name == "softmax" and output.shape[-1] == 1:
        warn(f"{where} of one unit, which is always 1; use sigmoid for a yes or no")
    elif loss.from_logits and probable:
        warn(
            f"{where}, but {loss.name} has from_logits=True and applies it once more; leave one of "
            "them out"
        )
    elif not loss.from_logits:
        binary = isinstance(loss, (BinaryCrossentropy, BinaryFocalCrossentropy))
        wanted = "sigmoid" if binary else "softmax"
        if name != wanted and not (wanted == "sigmoid" and probable):
            sums = " that sum to 1" if wanted == "softmax" else ""
            warn(
                f"{where}, but {loss.name} takes probabilities{sums}; let it end in {wanted}, or "
                "give the loss from_logits=True and the layer no activation"
            )


def _last_activation(graph: Graph, output: Value) -> Function | None:
    """Return the function that a known layer applies last; None if another layer comes last."""
    last = output
    while last not in graph.inputs and type(last.node.layer) in (Flatten, Reshape):
        last = last.node.inputs[0]
    layer = last.node.layer
    known = isinstance(layer, (LinearLayer, Activation)) and is_ours(layer)
    return getattr(layer, "activation", None) if known else None
