"""The nodes of each layer: a function that writes them, and returns the name of the output."""

from collections.abc import Callable
from typing import Any

from cnnx.onnx.layer_nodes import activations, arithmetic, normalization, shapes, windows
from cnnx.onnx.layer_nodes.activations import activation_nodes
from cnnx.onnx.layer_nodes.form import Result

__all__ = ["LAYERS", "activation_nodes"]

LAYERS: dict[type[Any], Callable[..., Result]] = {
    **activations.LAYERS,
    **arithmetic.LAYERS,
    **normalization.LAYERS,
    **shapes.LAYERS,
    **windows.LAYERS,
}
