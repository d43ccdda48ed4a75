"""Whether a loss suits the activation that a network ends in."""

from __future__ import annotations

from cnnx.activations import Activation as Function
from cnnx.graph import Graph
from cnnx.layers.activations import Activation
from cnnx.layers.linear import LinearLayer
from cnnx.layers.reshaping import Flatten, Reshape
from cnnx.layers.value import Value
from cnnx.losses import BinaryCrossentropy, CrossEntropy, Loss
from cnnx.warning import warn


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
        wanted = "softmax" if not isinstance(loss, BinaryCrossentropy) else "sigmoid"
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
    known = isinstance(layer, (LinearLayer, Activation)) and type(layer).__module__.startswith(
        "cnnx."
    )
    return getattr(layer, "activation", None) if known else None
