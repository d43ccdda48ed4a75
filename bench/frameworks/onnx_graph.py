"""The networks as ONNX graphs for inference, as they are usually exported."""

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from bench import networks
from bench.networks import Array, Layer, Network, Weights

INPUT, OUTPUT = "images", "probabilities"
_OPSET, _IR_VERSION = 17, 9
_ACTIVATIONS = {"relu": "Relu", "sigmoid": "Sigmoid", "softmax": "Softmax"}


def images(x: Array) -> Array:
    """Return a batch in the graphs' layout (batch, channels, height, width)."""
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2))


def build_graph(network: Network, weights: list[Weights], batch: int) -> bytes:
    """Return the model; a batch norm that follows a linear layer directly is folded into it."""
    layers = _folded(network, networks.channels_first(network, weights))
    nodes: list[onnx.NodeProto] = []
    initializers: list[TensorProto] = []
    value = INPUT
    for index, (layer, arrays) in enumerate(layers):
        names = [f"weight_{index}_{place}" for place in range(len(arrays))]
        initializers += [numpy_helper.from_array(a, n) for a, n in zip(arrays, names, strict=True)]
        for operation, attributes in _operations(layer):
            result = f"value_{len(nodes)}"
            nodes.append(helper.make_node(operation, [value, *names], [result], **attributes))
            value, names = result, []
    nodes[-1].output[0] = OUTPUT
    height, width, channels = network.input_shape
    graph = helper.make_graph(
        nodes,
        network.name,
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [batch, channels, height, width])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [batch, network.classes])],
        initializers,
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION
    )
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())


def _operations(layer: Layer) -> list[tuple[str, dict[str, Any]]]:
    operations: list[tuple[str, dict[str, Any]]] = []
    match layer:
        case networks.Convolution():
            kernel = 2 * [layer.kernel_size]
            operations = [("Conv", {"kernel_shape": kernel, "pads": 4 * [layer.border]})]
        case networks.Dense():
            operations = [("Gemm", {"transB": 1})]
        case networks.BatchNorm():
            operations = [("BatchNormalization", {"epsilon": layer.epsilon})]
        case networks.MaxPooling():
            window = 2 * [layer.size]
            operations = [("MaxPool", {"kernel_shape": window, "strides": window})]
        case networks.GlobalAverage():
            operations = [("GlobalAveragePool", {}), ("Flatten", {})]
        case networks.Flatten():
            operations = [("Flatten", {})]
    activation = getattr(layer, "activation", None)
    return operations if activation is None else [*operations, (_ACTIVATIONS[activation], {})]


def _folded(network: Network, weights: list[Weights]) -> list[tuple[Layer, Weights]]:
    layers: list[tuple[Layer, Weights]] = []
    for layer, arrays in zip(network.layers, weights, strict=True):
        before = layers[-1][0] if layers else None
        if (
            isinstance(layer, networks.BatchNorm)
            and isinstance(before, networks.Convolution | networks.Dense)
            and before.activation is None
        ):
            kernel, bias = layers.pop()[1]
            gamma, beta, mean, variance = arrays
            scale = gamma / np.sqrt(variance + np.float32(layer.epsilon))
            kernel = kernel * scale.reshape(-1, *(kernel.ndim - 1) * (1,))
            layers.append((before, (kernel, (bias - mean) * scale + beta)))
        else:
            layers.append((layer, arrays))
    return layers
