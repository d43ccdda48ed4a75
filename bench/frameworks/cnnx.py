"""The networks in cnnx."""

from collections.abc import Iterator

import numpy as np

import cnnx
from bench import networks
from bench.frameworks import Step
from bench.networks import Array, Network, Weights
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

    def convolution_step(self, channels: int, size: int, batch: int) -> Step:
        """Return forward and backward pass of a 3x3 layer of square images."""
        layer = layers.Conv2D(channels, 3, padding="same")
        layer.build_once((None, size, size, channels))
        x, dy = np.random.default_rng(0).standard_normal(
            (2, batch, size, size, channels), np.float32
        )

        call = alone(layer, x)

        def step() -> None:
            layer.forward(call, x)
            layer.backward(call, dy)

        return step


def build_model(network: Network, weights: list[Weights]) -> cnnx.Sequential:
    """Return the network, ready to train."""
    model = cnnx.Sequential([cnnx.Input(network.input_shape), *_layers(network)])
    model.compile(
        cnnx.optimizers.Adam(
            networks.LEARNING_RATE, networks.BETA_1, networks.BETA_2, networks.EPSILON
        ),
        network.loss,
    )
    model.set_weights([array for arrays in weights for array in arrays])
    return model


def _layers(network: Network) -> Iterator[layers.Layer]:
    for layer in network.layers:
        match layer:
            case networks.Convolution():
                yield layers.Conv2D(
                    layer.filters,
                    layer.kernel_size,
                    padding=layer.padding,
                    activation=layer.activation,
                )
            case networks.Dense():
                yield layers.Dense(layer.units, activation=layer.activation)
            case networks.BatchNorm():
                yield layers.BatchNormalization(momentum=layer.momentum, epsilon=layer.epsilon)
            case networks.Activation():
                yield layers.Activation(layer.activation)
            case networks.MaxPooling():
                yield layers.MaxPooling2D(layer.size)
            case networks.GlobalAverage():
                yield layers.GlobalAveragePooling2D()
            case networks.Flatten():
                yield layers.Flatten()
