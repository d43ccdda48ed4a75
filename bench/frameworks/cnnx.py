"""The networks in cnnx."""

from collections.abc import Iterator
from typing import Any

import cnnx
from bench.frameworks import Step
from bench.networks import Array, Network, NetworkFile, Shape, Weights, description
from bench.networks.description import Layer
from cnnx import layers
from cnnx.layers.call import alone


class Cnnx:
    def __init__(self, threads: int) -> None:
        cnnx.config.set_num_threads(threads)

    def version(self) -> str:
        return f"{cnnx.__version__}, {cnnx.config.active_isa()}"

    def training_step(self, network: Network, weights: list[Weights], x: Array, y: Array) -> Step:
        model = build_model(network, weights)
        return lambda: model.train_on_batch(x, y)

    def inference_step(self, network: Network, weights: list[Weights], x: Array) -> Step:
        model = build_model(network, weights)
        return lambda: model.predict_on_batch(x)

    def file_step(self, file: NetworkFile, x: Array) -> Step:
        model = cnnx.onnx.load(file.path, {file.input_name: (None, *file.sample_shape)})
        first, *others = model.output_names
        if not others:
            return lambda: model.predict_on_batch(x)
        return lambda: model.predict_on_batch(x)[first]

    def layer_step(self, layer: Layer, kernel: Array, x: Array, dy: Array, way: str) -> Step:
        one = next(_layers(layer, x.shape[1:]))
        one.build_once((None, *x.shape[1:]))
        one.set_weights([kernel.reshape(one.weights[0].shape)])
        one.trainable = way == "weights"
        call = alone(one, x)
        call.dx = [None] if way == "weights" else call.dx
        gradient = one.weights[0].gradient.reshape(kernel.shape)
        results = {"forward": call.y, "data": call.dx[0], "weights": gradient}

        def step() -> Array:
            if way == "forward":
                one.forward(call, x)
            else:
                one.backward(call, dy)
            return results[way]

        return step


def build_model(network: Network, weights: list[Weights]) -> cnnx.Model:
    """Return the network, ready to train."""
    values: list[Any] = [cnnx.Input(network.input_shape)]
    for (node, shapes), arrays in zip(network.shaped_nodes(), weights, strict=True):
        read = [values[number] for number in node.inputs]
        value = read if len(read) > 1 else read[0]
        for layer in _layers(node.layer, shapes[0]):
            value = layer(value)
            if layer.weights:
                made = zip(arrays, layer.weights, strict=True)
                layer.set_weights([array.reshape(weight.shape) for array, weight in made])
        values.append(value)
    model = cnnx.Model(values[0], values[-1], name=network.name)
    model.compile(
        cnnx.optimizers.Adam(
            description.LEARNING_RATE, description.BETA_1, description.BETA_2, description.EPSILON
        ),
        network.loss,
    )
    return model


def _layers(layer: Layer, shape: Shape) -> Iterator[layers.Layer]:
    """Yield what computes a node that reads an image or a sequence of a shape."""
    images = len(shape) == 3
    match layer:
        case description.Convolution() if layer.groups == shape[-1] > 1:
            yield layers.DepthwiseConv2D(
                layer.kernel_size,
                layer.strides,
                layer.border,
                activation=layer.activation,
                use_bias=layer.use_bias,
            )
        case description.Convolution():
            yield (layers.Conv2D if images else layers.Conv1D)(
                layer.filters,
                layer.kernel_size,
                layer.strides,
                layer.border,
                activation=layer.activation,
                use_bias=layer.use_bias,
            )
        case description.TransposedConvolution():
            yield layers.Conv2DTranspose(
                layer.filters, layer.size, layer.size, use_bias=layer.use_bias
            )
        case description.Dense():
            yield layers.Dense(layer.units, activation=layer.activation)
        case description.BatchNorm():
            yield layers.BatchNormalization(momentum=layer.momentum, epsilon=layer.epsilon)
        case description.Activation():
            yield layers.Activation(layer.activation)
        case description.MaxPooling():
            pooling = layers.MaxPooling2D if images else layers.MaxPooling1D
            yield pooling(layer.size, layer.step, layer.border)
        case description.GlobalAverage():
            yield layers.GlobalAveragePooling2D() if images else layers.GlobalAveragePooling1D()
        case description.Flatten():
            yield layers.Flatten()
        case description.Subsampling():
            rows, columns, channels = layer.output_shape(shape)
            yield layers.MaxPooling2D(1, 2)
            yield layers.Reshape((rows * columns, shape[-1], 1))
            yield layers.ZeroPadding2D(((0, 0), (0, channels - shape[-1])))
            yield layers.Reshape((rows, columns, channels))
        case description.Add():
            yield layers.Add()
        case description.Concatenate():
            yield layers.Concatenate()
