"""What a network is: nodes and the values between them, said once for all frameworks.

Images are (height, width, channels), sequences (steps, channels), kernels (height, width, in, out),
(steps, in, out) or (in, out), as in cnnx; `channels_first` turns weights into what frameworks with
(channels, height, width) read.
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


class Layer:
    """What a node computes. Shapes are those of one sample."""

    def output_shape(self, *shapes: Shape) -> Shape:
        return shapes[0]

    def weight_shapes(self, *shapes: Shape) -> list[Shape]:
        return []


@dataclass(frozen=True)
class Convolution(Layer):
    """With padding 'same' there are `kernel_size` // 2 zeros on every side, with strides too."""

    filters: int
    kernel_size: int
    padding: str = "valid"
    activation: str | None = None
    strides: int = 1
    groups: int = 1
    use_bias: bool = True

    @property
    def border(self) -> int:
        """Zeros on every side of the image."""
        return self.kernel_size // 2 if self.padding == "same" else 0

    def output_shape(self, *shapes: Shape) -> Shape:
        size = _windows(shapes[0], self.kernel_size, self.strides, self.border)
        return (*size, self.filters)

    def weight_shapes(self, *shapes: Shape) -> list[Shape]:
        *size, channels = shapes[0]
        taps = len(size) * (self.kernel_size,)
        kernel = (*taps, channels // self.groups, self.filters)
        return [kernel, (self.filters,)] if self.use_bias else [kernel]


@dataclass(frozen=True)
class TransposedConvolution(Layer):
    """Makes images `size` times as large, without overlaps. The kernel is (..., out, in)."""

    filters: int
    size: int
    use_bias: bool = True

    def output_shape(self, *shapes: Shape) -> Shape:
        return (*(self.size * length for length in shapes[0][:-1]), self.filters)

    def weight_shapes(self, *shapes: Shape) -> list[Shape]:
        *size, channels = shapes[0]
        kernel = (*len(size) * (self.size,), self.filters, channels)
        return [kernel, (self.filters,)] if self.use_bias else [kernel]


@dataclass(frozen=True)
class Dense(Layer):
    units: int
    activation: str | None = None

    def output_shape(self, *shapes: Shape) -> Shape:
        return (self.units,)

    def weight_shapes(self, *shapes: Shape) -> list[Shape]:
        return [(shapes[0][0], self.units), (self.units,)]


@dataclass(frozen=True)
class BatchNorm(Layer):
    """gamma (x - mean) / sqrt(variance + epsilon) + beta for each channel."""

    momentum: float = 0.99
    epsilon: float = 0.001

    def weight_shapes(self, *shapes: Shape) -> list[Shape]:
        return 4 * [shapes[0][-1:]]


@dataclass(frozen=True)
class Activation(Layer):
    activation: str


@dataclass(frozen=True)
class MaxPooling(Layer):
    """Windows of `size`, as far apart unless `strides` says otherwise."""

    size: int
    strides: int | None = None
    border: int = 0

    @property
    def step(self) -> int:
        return self.strides or self.size

    def output_shape(self, *shapes: Shape) -> Shape:
        return (*_windows(shapes[0], self.size, self.step, self.border), shapes[0][-1])


@dataclass(frozen=True)
class GlobalAverage(Layer):
    def output_shape(self, *shapes: Shape) -> Shape:
        return shapes[0][-1:]


@dataclass(frozen=True)
class Flatten(Layer):
    def output_shape(self, *shapes: Shape) -> Shape:
        return (int(np.prod(shapes[0])),)


@dataclass(frozen=True)
class Subsampling(Layer):
    """Every second pixel, with channels of zeros after its own."""

    channels: int

    def output_shape(self, *shapes: Shape) -> Shape:
        return (*_windows(shapes[0], 1, 2, 0), self.channels)


@dataclass(frozen=True)
class Add(Layer):
    """The sum of two values. Nobody else reads the first."""


@dataclass(frozen=True)
class Concatenate(Layer):
    """Values side by side in the channels."""

    def output_shape(self, *shapes: Shape) -> Shape:
        return (*shapes[0][:-1], sum(shape[-1] for shape in shapes))


def _windows(shape: Shape, size: int, strides: int, border: int) -> Iterator[int]:
    """Yield the number of windows along each axis."""
    for length in shape[:-1]:
        yield (length + 2 * border - size) // strides + 1


@dataclass(frozen=True)
class Node:
    """A layer and the numbers of the values that it reads: 0 is the input, k what node k made."""

    layer: Layer
    inputs: tuple[int, ...]


class Nodes(list[Node]):
    """The nodes of a network, as they are written down."""

    def add(self, layers: Sequence[Layer], *inputs: int) -> int:
        """Let the first layer read values and each other the one before; return the last value."""
        for layer in layers:
            self.append(Node(layer, inputs))
            inputs = (len(self),)
        return inputs[0]


def chain(*layers: Layer) -> Nodes:
    """Return the nodes of layers one after the other."""
    nodes = Nodes()
    nodes.add(layers, 0)
    return nodes


@dataclass(frozen=True, eq=False)
class Network:
    """
    Nodes, the last of which makes the output: rows of probabilities, or one for each pixel.

    Parameters
    ----------
    loss
        Its name in Keras.
    batch_size
        The number of samples for which it is timed unless another is asked for.
    """

    name: str
    input_shape: Shape
    nodes: Sequence[Node]
    loss: str
    batch_size: int = 32

    def shapes(self) -> list[Shape]:
        """Return the shape of each value."""
        shapes = [self.input_shape]
        for node in self.nodes:
            shapes.append(node.layer.output_shape(*(shapes[value] for value in node.inputs)))
        return shapes

    def shaped_nodes(self) -> Iterator[tuple[Node, list[Shape]]]:
        """Yield each node with the shapes of what it reads."""
        shapes = self.shapes()
        for node in self.nodes:
            yield node, [shapes[value] for value in node.inputs]

    @property
    def classes(self) -> int:
        """The number of probabilities."""
        return self.shapes()[-1][-1]

    def hidden_activation(self, node: Node) -> str | None:
        """Return the activation that a node applies; None for the last, which the loss contains."""
        return None if node is self.nodes[-1] else getattr(node.layer, "activation", None)

    def weights(self, seed: int = 0) -> list[Weights]:
        """
        Draw the weights of each node, none of them 0 or 1 as before training.

        What is added to a value is smaller than that, so that sums of sums stay within bounds.
        """
        generator = np.random.default_rng(seed)
        terms = {node.inputs[0] for node in self.nodes if isinstance(node.layer, Add)}
        drawn: list[Weights] = []
        for value, (node, read) in enumerate(self.shaped_nodes(), start=1):
            shapes = node.layer.weight_shapes(*read)
            arrays = [generator.uniform(-0.1, 0.1, s).astype(np.float32) for s in shapes]
            if isinstance(node.layer, BatchNorm):
                arrays[0] += 0.25 if value in terms else 1  # gamma
                arrays[3] += 1  # variance
            elif arrays:
                deviation = np.sqrt(2 / np.prod(shapes[0][:-1]))  # He
                arrays[0] = generator.normal(0, deviation, shapes[0]).astype(np.float32)
            drawn.append(tuple(arrays))
        return drawn

    def batch(self, size: int, seed: int = 0) -> tuple[Array, Array]:
        """Draw samples and targets: labels, one-hot rows, or one 0 or 1 for each probability."""
        generator = np.random.default_rng(seed)
        x = generator.standard_normal((size, *self.input_shape), np.float32)
        if self.loss == "sparse_categorical_crossentropy":
            return x, generator.integers(0, self.classes, size)
        if self.classes == 1:
            return x, generator.integers(0, 2, (size, *self.shapes()[-1])).astype(np.float32)
        one_hot = np.eye(self.classes, dtype=np.float32)
        return x, one_hot[generator.integers(0, self.classes, size)]


def channels_first(network: Network, weights: Sequence[Weights]) -> list[Weights]:
    """Return the weights with kernels (out, in, height, width) and (out, in)."""
    shapes, turned = network.shapes(), []
    for node, arrays in zip(network.nodes, weights, strict=True):
        if arrays and not isinstance(node.layer, BatchNorm):
            kernel, *bias = arrays
            before = network.nodes[node.inputs[0] - 1] if node.inputs[0] else None
            if before and isinstance(before.layer, Flatten):
                image = shapes[before.inputs[0]]
                kernel = np.moveaxis(kernel.reshape(*image, -1), -2, 0).reshape(kernel.shape)
            arrays = (turned_kernel(kernel), *bias)
        turned.append(tuple(np.ascontiguousarray(array) for array in arrays))
    return turned


def turned_kernel(kernel: Array) -> Array:
    """Return a view of a kernel (height, width, in, out) as (out, in, height, width)."""
    return kernel.transpose(-1, -2, *range(kernel.ndim - 2))
