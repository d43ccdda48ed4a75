"""A model that is a plain stack of layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from cnnx import registry
from cnnx.layers import LAYERS, InputLayer, Layer
from cnnx.models.model import Model


class Sequential(Model):
    """
    A stack of layers, each fed with the output of the one before.

    If it begins with `cnnx.Input(shape)`, or its first layer has `input_shape=`, it is built at
    once; else when it first sees data.

    Parameters
    ----------
    layers
        First to last.
    name
        By default sequential, sequential_1, ....
    """

    def __init__(self, layers: Sequence[Layer] | None = None, name: str | None = None) -> None:
        super().__init__(name)
        self._input_layer: InputLayer | None = None
        for layer in layers or ():
            self.add(layer)

    def add(self, layer: Layer) -> None:
        """
        Put a layer on top.

        Raises
        ------
        TypeError
            If it is none.
        ValueError
            If its name is taken, if it belongs to a model already, or if it cannot work on the
            output of the layer below; the model stays as it was.
        """
        if not isinstance(layer, Layer):
            raise TypeError(f"add: expected a layer of cnnx.layers, got {layer!r}")
        if isinstance(layer, InputLayer):
            if self.layers or self._input_layer is not None:
                raise ValueError(f"add: {layer} must come first, and once")
            self._input_layer = layer
            return
        if any(layer.name == other.name for other in self.layers):
            raise ValueError(f"add: there is a layer '{layer.name}' already; give another name=")
        if layer.on_freeze is not None:
            raise ValueError(
                f"add: {layer} is part of a model already; a layer's weights live in one model. "
                "Copy it: copy.deepcopy(layer)"
            )
        if not self.layers and self._input_layer is None and layer.declared_input_shape is not None:
            self._input_layer = InputLayer(layer.declared_input_shape)
        with self.lock:
            if self.built:
                layer.build_once(self.output_shape)
            elif self._input_layer is not None:
                layer.build_once((None, *self._input_layer.shape))
                self.built = True
            layer.on_freeze = self._forget_plan
            self.layers.append(layer)
            self._forget_layout()

    def pop(self) -> Layer:
        """Take the top layer off and return it; raises ValueError if there is none."""
        if not self.layers:
            raise ValueError(f"pop: model '{self.name}' has no layers")
        with self.lock:
            layer = self.layers.pop()
            layer.on_freeze = None
            self.built = self.built and bool(self.layers)
            self._forget_layout()
        return layer

    def get_config(self) -> dict[str, Any]:
        """Return the name and the layers' configs, with the input's shape if it is known."""
        first = self._input_layer
        if first is None and self.built:
            first = InputLayer(self.input_shape[1:], "input_layer")  # the same at every call
        layers = self.layers if first is None else [first, *self.layers]
        return {"name": self.name, "layers": [registry.serialize(layer) for layer in layers]}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """
        Make a model from what `get_config` returned, with fresh weights.

        Raises
        ------
        ValueError
            For a layer that is not one of `cnnx.layers`.
        """
        layers = [registry.get("layer", entry, Layer, LAYERS) for entry in config["layers"]]
        return cls(layers, config["name"])

    def __getstate__(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "layers": self.layers,
            "input_layer": self._input_layer,
            "compiled": (self.optimizer, self.loss, self.metrics),
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        first = state["input_layer"]
        layers = state["layers"] if first is None else [first, *state["layers"]]
        Sequential.__init__(self, layers, state["name"])
        self.built = bool(self.layers) and all(layer.built for layer in self.layers)
        self.optimizer, self.loss, self.metrics = state["compiled"]


registry.MODELS["Sequential"] = Sequential
