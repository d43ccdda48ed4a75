"""The networks that are timed, said once for all frameworks, with their weights and batches.

Images are (height, width, channels), kernels (height, width, in, out) or (in, out), as in cnnx;
`channels_first` turns weights into what frameworks with (channels, height, width) read.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Shape: TypeAlias = tuple[int, ...]
Array: TypeAlias = NDArray[Any]
Weights: TypeAlias = tuple[Array, ...]

LEARNING_RATE, BETA_1, BETA_2, EPSILON = 0.001, 0.9, 0.999, 1e-7
"""Of Adam, which trains all of them."""


@dataclass(frozen=True)
class Convolution:
    filters: int
    kernel_size: int
    padding: str = "valid"
    activation: str | None = None

    @property
    def border(self) -> int:
        """Zeros on every side of the image."""
        return self.kernel_size // 2 if self.padding == "same" else 0

    def output_shape(self, shape: Shape) -> Shape:
        lost = self.kernel_size - 1 - 2 * self.border
        return (shape[0] - lost, shape[1] - lost, self.filters)

    def weight_shapes(self, shape: Shape) -> list[Shape]:
        return [(self.kernel_size, self.kernel_size, shape[2], self.filters), (self.filters,)]


@dataclass(frozen=True)
class Dense:
    units: int
    activation: str | None = None

    def output_shape(self, shape: Shape) -> Shape:
        return (self.units,)

    def weight_shapes(self, shape: Shape) -> list[Shape]:
        return [(shape[0], self.units), (self.units,)]


@dataclass(frozen=True)
class BatchNorm:
    """gamma (x - mean) / sqrt(variance + epsilon) + beta for each channel."""

    momentum: float = 0.99
    epsilon: float = 0.001

    def output_shape(self, shape: Shape) -> Shape:
        return shape

    def weight_shapes(self, shape: Shape) -> list[Shape]:
        return 4 * [shape[-1:]]


@dataclass(frozen=True)
class Activation:
    activation: str

    def output_shape(self, shape: Shape) -> Shape:
        return shape

    def weight_shapes(self, shape: Shape) -> list[Shape]:
        return []


@dataclass(frozen=True)
class MaxPooling:
    size: int

    def output_shape(self, shape: Shape) -> Shape:
        return (shape[0] // self.size, shape[1] // self.size, shape[2])

    def weight_shapes(self, shape: Shape) -> list[Shape]:
        return []


@dataclass(frozen=True)
class GlobalAverage:
    def output_shape(self, shape: Shape) -> Shape:
        return shape[-1:]

    def weight_shapes(self, shape: Shape) -> list[Shape]:
        return []


@dataclass(frozen=True)
class Flatten:
    def output_shape(self, shape: Shape) -> Shape:
        return (int(np.prod(shape)),)

    def weight_shapes(self, shape: Shape) -> list[Shape]:
        return []


Layer: TypeAlias = (
    Convolution | Dense | BatchNorm | Activation | MaxPooling | GlobalAverage | Flatten
)


@dataclass(frozen=True)
class Network:
    """A chain of layers that ends in a dense layer; `loss` by its name in Keras."""

    name: str
    input_shape: Shape
    layers: Sequence[Layer]
    loss: str

    def shaped_layers(self) -> Iterator[tuple[Layer, Shape]]:
        """Yield each layer and the shape of what comes in, without the batch."""
        shape = self.input_shape
        for layer in self.layers:
            yield layer, shape
            shape = layer.output_shape(shape)

    @property
    def classes(self) -> int:
        last = self.layers[-1]
        assert isinstance(last, Dense)
        return last.units

    def weights(self, seed: int = 0) -> list[Weights]:
        """Draw the weights of each layer, none of them 0 or 1 as before training."""
        generator = np.random.default_rng(seed)
        drawn: list[Weights] = []
        for layer, shape in self.shaped_layers():
            shapes = layer.weight_shapes(shape)
            arrays = [generator.uniform(-0.1, 0.1, s).astype(np.float32) for s in shapes]
            if isinstance(layer, BatchNorm):
                arrays[0] += 1  # gamma
                arrays[3] += 1  # variance
            elif arrays:
                deviation = np.sqrt(2 / np.prod(shapes[0][:-1]))  # He
                arrays[0] = generator.normal(0, deviation, shapes[0]).astype(np.float32)
            drawn.append(tuple(arrays))
        return drawn

    def batch(self, size: int, seed: int = 0) -> tuple[Array, Array]:
        """Draw samples and targets: labels, one-hot rows, or one 0 or 1 a sample."""
        generator = np.random.default_rng(seed)
        x = generator.standard_normal((size, *self.input_shape), np.float32)
        if self.loss == "sparse_categorical_crossentropy":
            return x, generator.integers(0, self.classes, size)
        if self.classes == 1:
            return x, generator.integers(0, 2, (size, 1)).astype(np.float32)
        one_hot = np.eye(self.classes, dtype=np.float32)
        return x, one_hot[generator.integers(0, self.classes, size)]


def channels_first(network: Network, weights: Sequence[Weights]) -> list[Weights]:
    """Return the weights with kernels (out, in, height, width) and (out, in)."""
    turned: list[Weights] = []
    flattened: Shape = ()  # shape of the image that the next dense layer sees flattened
    for (layer, shape), arrays in zip(network.shaped_layers(), weights, strict=True):
        if isinstance(layer, Flatten):
            flattened = shape
        elif isinstance(layer, Convolution):
            arrays = (arrays[0].transpose(3, 2, 0, 1), arrays[1])
        elif isinstance(layer, Dense):
            kernel = arrays[0]
            if flattened:
                rows = kernel.reshape(*flattened, -1).transpose(2, 0, 1, 3)
                kernel, flattened = rows.reshape(kernel.shape), ()
            arrays = (kernel.T, arrays[1])
        turned.append(tuple(np.ascontiguousarray(array) for array in arrays))
    return turned


def _vgg_pair(filters: int) -> tuple[Layer, ...]:
    convolution = (Convolution(filters, 3, "same"), BatchNorm(), Activation("relu"))
    return (*convolution, *convolution, MaxPooling(2))


def _convolution_and_pooling(
    filters: int, kernel_size: int, padding: str, activation: str
) -> tuple[Layer, ...]:
    return Convolution(filters, kernel_size, padding, activation), MaxPooling(2)


NETWORKS: dict[str, Network] = {
    network.name: network
    for network in (
        Network(
            "iq",
            (32, 32, 1),
            (Convolution(1, 3), Flatten(), Dense(1, "sigmoid")),
            "binary_crossentropy",
        ),
        Network(
            "numpy_cnn",
            (28, 28, 1),
            (
                Convolution(8, 5, "valid", "relu"),
                *_convolution_and_pooling(8, 5, "valid", "relu"),
                Flatten(),
                Dense(128, "relu"),
                Dense(10, "softmax"),
            ),
            "sparse_categorical_crossentropy",
        ),
        Network(
            "lenet5",
            (28, 28, 1),
            (
                *_convolution_and_pooling(6, 5, "same", "relu"),
                *_convolution_and_pooling(16, 5, "valid", "relu"),
                Flatten(),
                Dense(120, "relu"),
                Dense(84, "relu"),
                Dense(10, "softmax"),
            ),
            "sparse_categorical_crossentropy",
        ),
        Network(
            "mnist_gap",
            (28, 28, 1),
            (
                *_convolution_and_pooling(32, 3, "same", "sigmoid"),
                *_convolution_and_pooling(32, 3, "same", "sigmoid"),
                GlobalAverage(),
                Dense(32),
                BatchNorm(),
                Activation("sigmoid"),
                Dense(10, "softmax"),
            ),
            "binary_crossentropy",
        ),
        Network(
            "catdog",
            (100, 100, 1),
            (
                *_convolution_and_pooling(32, 3, "same", "relu"),
                *_convolution_and_pooling(64, 3, "same", "relu"),
                *_convolution_and_pooling(128, 3, "same", "relu"),
                Flatten(),
                Dense(64, "relu"),
                BatchNorm(),
                Dense(32, "relu"),
                BatchNorm(),
                Dense(1, "sigmoid"),
            ),
            "binary_crossentropy",
        ),
        Network(
            "vgg_cifar",
            (32, 32, 3),
            (
                *_vgg_pair(64),
                *_vgg_pair(128),
                *_vgg_pair(256),
                GlobalAverage(),
                Dense(10, "softmax"),
            ),
            "sparse_categorical_crossentropy",
        ),
    )
}
