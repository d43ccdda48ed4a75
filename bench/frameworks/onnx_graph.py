"""The networks as ONNX graphs for inference, as they are usually exported."""

from typing import Any, NamedTuple, TypeAlias

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from bench.networks import Array, Network, Shape, Weights, description
from bench.networks.description import Layer

INPUT, OUTPUT = "images", "probabilities"
_OPSET, _IR_VERSION = 17, 9
_ACTIVATIONS = {"sigmoid": "Sigmoid", "softmax": "Softmax", "relu": "Relu", "relu6": "Clip"}
_CONSTANTS: dict[str, Weights] = {"Clip": (np.array(0, np.float32), np.array(6, np.float32))}

Operation: TypeAlias = tuple[str, Weights, dict[str, Any]]
"""A kind, the constants that it reads after its inputs, and attributes."""


def images(x: Array) -> Array:
    """Return a batch in the graphs' layout (batch, channels, height, width)."""
    return np.ascontiguousarray(np.moveaxis(x, -1, 1))


def channels_last(y: Array) -> Array:
    """Return a view of what a graph computes with the channels last."""
    return y.transpose(0, *range(2, y.ndim), 1)


class _Linked(NamedTuple):
    """A layer, the shape that it reads, its weights, and the names of what it reads and makes."""

    layer: Layer
    shape: Shape
    weights: Weights
    inputs: list[str]
    output: str


def build_graph(network: Network, weights: list[Weights], batch: int) -> bytes:
    """Return the model; a batch norm that follows a linear layer directly is folded into it."""
    nodes: list[onnx.NodeProto] = []
    initializers: list[TensorProto] = []
    for layer, shape, arrays, values, output in _linked(network, weights):
        operations = _operations(layer, shape, arrays)
        for place, (kind, constants, attributes) in enumerate(operations, start=1):
            names = [f"constant_{len(initializers) + index}" for index in range(len(constants))]
            initializers += map(numpy_helper.from_array, constants, names)
            result = output if place == len(operations) else f"{output}_{place}"
            nodes.append(helper.make_node(kind, [*values, *names], [result], **attributes))
            values = [result]
    nodes[-1].output[0] = OUTPUT
    shapes = [network.input_shape, network.shapes()[-1]]
    infos = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, shape[-1], *shape[:-1]])
        for name, shape in zip((INPUT, OUTPUT), shapes, strict=True)
    ]
    graph = helper.make_graph(nodes, network.name, infos[:1], infos[1:], initializers)
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION
    )
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())


def _linked(network: Network, weights: list[Weights]) -> list[_Linked]:
    """Return the layers that are left when batch norms are folded."""
    linked: dict[str, _Linked] = {}
    names = [INPUT]
    turned = description.channels_first(network, weights)
    for (node, shapes), arrays in zip(network.shaped_nodes(), turned, strict=True):
        read = [names[number] for number in node.inputs]
        before = linked.get(read[0])
        if before is not None and isinstance(node.layer, description.BatchNorm) and _folds(before):
            folded = _fold(before.weights, arrays, node.layer.epsilon)
            linked[before.output] = before._replace(weights=folded)
            names.append(before.output)
        else:
            names.append(f"value_{len(names)}")
            linked[names[-1]] = _Linked(node.layer, shapes[0], arrays, read, names[-1])
    return list(linked.values())


def _folds(linked: _Linked) -> bool:
    layer = linked.layer
    return (
        isinstance(layer, description.Convolution | description.Dense) and layer.activation is None
    )


def _fold(linear: Weights, norm: Weights, epsilon: float) -> Weights:
    """Return the weights of a linear layer and the batch norm after it, as one layer."""
    kernel, bias = linear if len(linear) > 1 else (linear[0], np.float32(0))
    gamma, beta, mean, variance = norm
    scale = gamma / np.sqrt(variance + np.float32(epsilon))
    return kernel * scale.reshape(-1, *(kernel.ndim - 1) * (1,)), (bias - mean) * scale + beta


def _operations(layer: Layer, shape: Shape, weights: Weights) -> list[Operation]:
    """Return what computes a layer that reads a shape."""
    axes = len(shape) - 1
    operations: list[Operation] = []
    match layer:
        case description.Convolution():
            attributes = {
                "kernel_shape": axes * [layer.kernel_size],
                "strides": axes * [layer.strides],
                "pads": 2 * axes * [layer.border],
                "group": layer.groups,
            }
            operations = [("Conv", weights, attributes)]
        case description.TransposedConvolution():
            window = axes * [layer.size]
            operations = [("ConvTranspose", weights, {"kernel_shape": window, "strides": window})]
        case description.Dense():
            operations = [("Gemm", weights, {"transB": 1})]
        case description.BatchNorm():
            operations = [("BatchNormalization", weights, {"epsilon": layer.epsilon})]
        case description.MaxPooling():
            attributes = {
                "kernel_shape": axes * [layer.size],
                "strides": axes * [layer.step],
                "pads": 2 * axes * [layer.border],
            }
            operations = [("MaxPool", (), attributes)]
        case description.GlobalAverage():
            operations = [("GlobalAveragePool", (), {}), ("Flatten", (), {})]
        case description.Flatten():
            operations = [("Flatten", (), {})]
        case description.Subsampling():
            places = [[0, 0], 2 * [2**31 - 1], [2, 3], [2, 2]]  # begins, ends, axes, steps
            pads = [0, 0, 0, 0, 0, layer.channels - shape[-1], 0, 0]
            operations = [
                ("Slice", tuple(np.array(numbers) for numbers in places), {}),
                ("Pad", (np.array(pads),), {}),
            ]
        case description.Add():
            operations = [("Add", (), {})]
        case description.Concatenate():
            operations = [("Concat", (), {"axis": 1})]
    activation = getattr(layer, "activation", None)
    if activation is None:
        return operations
    kind = _ACTIVATIONS[activation]
    return [*operations, (kind, _CONSTANTS.get(kind, ()), {})]
