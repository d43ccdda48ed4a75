"""A model that is a plain stack of layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cnnx import registry
from cnnx.geometry import open_shape
from cnnx.graph import Graph
from cnnx.layers import InputLayer, Layer
from cnnx.layers.value import Value
from cnnx.models.model import Model


class Sequential(Model):
    """
    A stack of layers, each fed with the output of the one before.

    If it begins with `cnnx.Input(shape)`, or its first layer has `input_shape=`, it is built at
    once; else when it first sees data. A model may be one of the layers.

    Parameters
    ----------
    layers
        First to last.
    name
        By default sequential, sequential_1, ....
    """

    def __init__(self, layers: Sequence[Any] | None = None, name: str | None = None) -> None:
        if isinstance(layers, (Layer, Model)) or isinstance(name, (Layer, Model)):
            raise TypeError("Sequential: layers must be a list: Sequential([first, second, ...])")
        super().__init__(name=name)
        self._stack: list[Any] = []
        self._first: Value | None = None
        for layer in layers or ():
            self.add(layer)

    @property
    def layers(self) -> list[Any]:
        """The layers, first to last; a new list: `add` and `pop` change the model."""
        return list(self._stack)

    def add(self, layer: Any) -> None:
        """
        Put a layer on top.

        Raises
        ------
        TypeError
            If it is not a layer.
        ValueError
            If its name is taken, or if it cannot work on the output of the layer below; the model
            stays as it was.
        """
        given = None
        if isinstance(layer, Value) and isinstance(layer.node.layer, InputLayer):
            given, layer = layer, layer.node.layer
        if not isinstance(layer, (Layer, Model)):
            raise TypeError(f"add: expected a layer of cnnx.layers, got {layer!r}")
        if isinstance(layer, InputLayer):
            if self._stack or self._first is not None:
                raise ValueError(f"add: {layer} must come first, and once")
            self._first = given or layer.value()
            return
        if any(layer.name == other.name for other in self._stack):
            raise ValueError(f"add: there is a layer '{layer.name}' already; give another name=")
        first = self._first or _declared_input(layer, self._stack)
        with self.lock:
            if first is not None:
                below = self._graph or Graph([first], [first], [])
                value = layer(below.outputs[0])
                self._graph = Graph([first], [value], [*below.values, value])
                self._first = first
            self._stack.append(layer)
            self._runs = None
            self._forget_optimizer_state(layer)

    def pop(self) -> Any:
        """Take the top layer off and return it; raises ValueError if there is none."""
        if not self._stack:
            raise ValueError(f"pop: model '{self.name}' has no layers")
        with self.lock:
            layer = self._stack.pop()
            if self._graph is not None:
                left = self._graph.values[:-1]
                self._graph = Graph(self._graph.inputs, left[-1:], left) if left else None
            self._runs = None
            self._forget_optimizer_state(layer)
        return layer

    def _forget_optimizer_state(self, layer: Any) -> None:
        """Reset the optimizer if the trained weights are others than before."""
        if self.optimizer is not None and layer.weights:
            self.optimizer.reset()

    def build(self, input_shape: Sequence[int | None]) -> None:
        """
        Build all layers for inputs of `input_shape`: (None, height, width, channels), batch first.

        Raises
        ------
        ValueError
            If a layer cannot work on what comes in; the message names it, and nothing is built.
        """
        if not self._stack:
            raise ValueError(f"model '{self.name}' has no layers; add some first")
        if not isinstance(input_shape, (tuple, list)):
            raise TypeError(
                f"build: input_shape must be a tuple such as (None, 28, 28, 1), got {input_shape!r}"
            )
        shape = open_shape(input_shape[1:], "build: input_shape")
        fresh = [layer for layer in self._stack if not layer.built]
        with self.lock:
            first = self._first if self._first is not None else InputLayer(shape).value()
            if first.shape[1:] != shape:
                raise ValueError(f"build: {self} begins with {first.node.layer} of another shape")
            try:
                self._graph = Graph.chain(self._stack, first)
            except Exception:
                for layer in fresh:
                    if isinstance(layer, Layer):
                        layer.unbuild()
                raise
            self._runs = None

    def listed_layers(self) -> list[Any]:
        """Return the layers in the order of the config, after the input's if it is known."""
        if self._first is not None:
            return [self._first.node.layer, *self._stack]
        if self._graph is not None:  # the same name at every call
            return [InputLayer(self.input_shape[1:], name="input_layer"), *self._stack]
        return list(self._stack)

    def _structure(self) -> dict[str, Any]:
        return {}  # the order of the layers says everything

    @classmethod
    def _arguments(
        cls, layers: Sequence[Any], config: dict[str, Any], *use: Callable[[Any, Any], Any]
    ) -> tuple[Any, ...]:
        return (layers,)

    def _assemble(self, layers: Sequence[Any], config: dict[str, Any]) -> None:
        Sequential.__init__(self, layers, config["name"])


def _declared_input(layer: Any, below: Sequence[Any]) -> Value | None:
    """Return the input of a stack whose first layer says its shape."""
    shape = None if below else getattr(layer, "declared_input_shape", None)
    if not below and isinstance(layer, Model) and layer.built:
        shape = layer.input_shape[1:]
    return None if shape is None else InputLayer(shape).value()


registry.MODELS["Sequential"] = Sequential
