"""Layers put together, and their weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cnnx.arrays import Array, Float, real_array
from cnnx.geometry import integer, sample_shape
from cnnx.graph import Graph
from cnnx.layers.layer import Layer, assign_weights, automatic_name
from cnnx.layers.weight import Weight
from cnnx.models.parameters import Parameters
from cnnx.models.step_lock import step_lock
from cnnx.models.summary import format_summary, print_summary
from cnnx.registry import Configurable
from cnnx.snapshot import restoring, save_snapshot


class Network(Configurable):
    """
    A chain of layers.

    Parameters
    ----------
    name
        By default the class name and a number: sequential, sequential_1, ....
    """

    def __init__(self, name: str | None = None) -> None:
        self.name = automatic_name(type(self).__name__) if name is None else name
        self.layers: list[Layer] = []
        self.built = False
        self._flat: Parameters | None = None
        self._graph: Graph | None = None
        self.lock = step_lock()

    def build(self, input_shape: Sequence[int | None]) -> None:
        """
        Build all layers for inputs of `input_shape`: (None, height, width, channels), batch first.

        Raises
        ------
        ValueError
            If a layer cannot work on what comes in; the message names it, and nothing is built.
        """
        if not self.layers:
            raise ValueError(f"model '{self.name}' has no layers; add some first")
        if not isinstance(input_shape, (tuple, list)):
            raise TypeError(
                f"build: input_shape must be a tuple such as (None, 28, 28, 1), got {input_shape!r}"
            )
        shape: tuple[Any, ...] = (None, *sample_shape(input_shape[1:], "build: input_shape"))
        fresh = [layer for layer in self.layers if not layer.built]
        with self.lock:
            try:
                for layer in self.layers:
                    shape = layer.build_once(shape)
            except Exception:
                for layer in fresh:
                    layer.unbuild()
                raise
            self.built = True
            self._forget_layout()

    def _forget_layout(self) -> None:
        """Let go of what was derived from the layers, after a change of them."""
        self._flat = None
        self._graph = None
        self._forget_plan()

    def _forget_plan(self) -> None:
        """Let go of what was derived from which layers learn."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} '{self.name}', {len(self.layers)} layers>"

    @property
    def input_shape(self) -> tuple[Any, ...]:
        """Shape of the input, None for the batch."""
        return self._built_layers()[0].input_shape

    @property
    def output_shape(self) -> tuple[Any, ...]:
        """Shape of the output, None for the batch."""
        return self._built_layers()[-1].output_shape

    def _built_layers(self) -> list[Layer]:
        if not self.built:
            raise ValueError(
                f"model '{self.name}' is not built yet: begin it with cnnx.Input(shape), "
                "call fit, or call build((None, ...))"
            )
        return self.layers

    @property
    def graph(self) -> Graph:
        """The uses of the layers."""
        if self._graph is None:
            self._graph = Graph.chain(self._built_layers())
        return self._graph

    @property
    def parameters(self) -> Parameters:
        """The flat buffers that the layers' weights are views into."""
        if self._flat is None:
            self._flat = Parameters(self._built_layers())
        return self._flat

    @property
    def trainable(self) -> bool:
        """Whether any layer is trainable; assigning sets all layers."""
        return any(layer.trainable for layer in self.layers)

    @trainable.setter
    def trainable(self, value: bool) -> None:
        for layer in self.layers:
            layer.trainable = value

    @property
    def weights(self) -> list[Weight]:
        """All weights, layer by layer."""
        return [weight for layer in self.layers for weight in layer.weights]

    @property
    def trainable_weights(self) -> list[Weight]:
        """The weights that training changes."""
        return [weight for layer in self.layers for weight in layer.trainable_weights]

    @property
    def non_trainable_weights(self) -> list[Weight]:
        """The weights that training does not change by gradients."""
        return [weight for layer in self.layers for weight in layer.non_trainable_weights]

    def count_params(self) -> int:
        """Return the number of elements of all weights."""
        return sum(layer.count_params() for layer in self._built_layers())

    def get_weights(self) -> list[Float]:
        """Return copies of all weights, layer by layer, in the order of Keras."""
        with self.lock:
            return [weight.numpy() for weight in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """
        Replace all weights by arrays or nested lists of the shapes that `get_weights` returns.

        Raises
        ------
        ValueError
            For another number of arrays, or another shape; nothing is changed then.
        """
        with self.lock:
            assign_weights(f"model '{self.name}'", self.weights, weights)

    def save_weights(self, filepath: str | Path) -> None:
        """
        Save the weights alone; `save` keeps the architecture and the optimizer's state as well.

        Parameters
        ----------
        filepath
            The file to make or to replace, which appears whole or not at all; any name will do.

        Raises
        ------
        OSError
            The file can't be written.
        """
        self._built_layers()
        save_snapshot(filepath, {"weights": self.weights_by_path()})

    def load_weights(self, filepath: str | Path) -> None:
        """
        Take over the weights of a file of `save_weights`, layer by layer, whatever their names.

        Raises
        ------
        FileNotFoundError
            There is no such file.
        ValueError
            The file is damaged or holds the weights of another model; nothing is changed then.
        """
        self._built_layers()
        with restoring(filepath, "Load it into the model that saved it.") as state:
            self.set_weights(list(state["weights"].values()))

    def weights_by_path(self) -> dict[str, Float]:
        """Return copies of all weights, by layer and name: "conv2d/kernel"."""
        with self.lock:
            return {weight.path: weight.numpy() for weight in self.weights}

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Return a layer by its name or its index; raises ValueError if there is none."""
        if (name is None) == (index is None):
            raise ValueError("get_layer: give either name or index")
        if index is not None:
            integer(index, "get_layer: index", minimum=-(2**31))
            if not -len(self.layers) <= index < len(self.layers):
                raise ValueError(
                    f"get_layer: no layer {index}; the model has {len(self.layers)} layers"
                )
            return self.layers[index]
        for layer in self.layers:
            if layer.name == name:
                return layer
        names = ", ".join(layer.name for layer in self.layers)
        raise ValueError(f"get_layer: no layer '{name}'; the model has {names}")

    def summary(self, print_fn: Callable[[str], Any] | None = None) -> None:
        """
        Print a table of the layers, their output shapes and numbers of parameters.

        Parameters
        ----------
        print_fn
            Called with the whole text instead of printing it.
        """
        (print_fn or print_summary)(format_summary(self.name, self.layers))

    def _samples(self, x: Any, operation: str) -> Array:
        """Return `x` as an array that fits the network, which is built if it is not yet."""
        if x is None:
            raise TypeError(f"{operation}: x is missing")
        samples = real_array(x, f"{operation}: x")
        if samples.ndim == 0:
            raise ValueError(f"{operation}: x must be an array of samples, got a single number")
        with self.lock:
            if not self.built:
                self.build(samples.shape)
        expected = self.input_shape[1:]
        if samples.shape[1:] != expected:
            wanted = ", ".join(["batch", *map(str, expected)])
            raise ValueError(
                f"{operation}: model '{self.name}' expects x of shape ({wanted}), "
                f"got {samples.shape}{_remedy(samples.shape, expected)}"
            )
        return samples


def _remedy(shape: tuple[int, ...], expected: tuple[int, ...]) -> str:
    if (*shape[1:], 1) == expected:
        return "; add the channel axis: x[..., None]"
    if shape == expected:
        return "; one sample is a batch too: x[None]"
    if len(shape) == 4 and (*shape[2:], shape[1]) == expected:
        return "; images have their channels last: np.transpose(x, (0, 2, 3, 1))"
    if len(shape) == 2 and len(expected) == 3 and shape[1] == _size(expected):
        return f"; restore the images: x.reshape((-1, {', '.join(map(str, expected))}))"
    if len(expected) == 1 and _size(shape[1:]) == expected[0]:
        return "; flatten the samples: x.reshape(len(x), -1)"
    return ""


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for extent in shape:
        size *= extent
    return size
