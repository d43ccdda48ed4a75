"""ONNX files from networks."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cnnx import activations
from cnnx.arrays import Array
from cnnx.extras import import_extra
from cnnx.files import replacing
from cnnx.geometry import is_open
from cnnx.layers.layer import Layer
from cnnx.layers.spectral_normalization import SpectralNormalization
from cnnx.layers.value import Value
from cnnx.layers.weight import Weight
from cnnx.models import Model
from cnnx.onnx.layer_nodes import LAYERS, activation_nodes
from cnnx.onnx.layer_nodes.form import FIRST, LAST
from cnnx.registry import choice

OPSET, IR_VERSION = 17, 8
"""Of the files: ONNX 1.12 and later, ONNX Runtime 1.12 and later read them."""


def save(
    model: Model,
    path: str | os.PathLike[str],
    *,
    data_format: str = "channels_last",
    labels: Sequence[str] | None = None,
) -> None:
    """
    Write a network as an ONNX file, in the form that `predict` computes.

    Other programs, such as ONNX Runtime and OpenVINO, then compute the same outputs, for any number
    of samples. Inputs, outputs and nodes bear the names of the model. Sizes that
    it leaves open stay open.

    Parameters
    ----------
    model
        Built.
    path
        The file to make or to replace; it is written atomically.
    data_format
        'channels_last': inputs and outputs have the axes of the model. 'channels_first': images and
        sequences among them have the channels after the batch, as PyTorch has them.
    labels
        Names of the classes in the order of the outputs, kept in the file as a JSON list: the entry
        "labels" of its metadata.

    Raises
    ------
    ImportError
        Without the library onnx: pip install "cnnx[onnx]".
    ValueError
        The model holds layers of yours, which ONNX does not know; they are all named. Or it leaves
        the size open on which a layer's nodes depend.
    OSError
        The file can't be written.
    """
    first = choice(data_format, "onnx.save: data_format", "channels_last", "channels_first")
    onnx = import_extra("onnx", "onnx", "onnx.save")
    if labels is not None and (
        isinstance(labels, str) or not all(isinstance(label, str) for label in labels)
    ):
        raise TypeError(f"onnx.save: labels must be a list of names, got {labels!r}")
    with model.lock:
        writer = Writer(onnx, model, FIRST if first == "channels_first" else LAST)
        content = writer.content({} if labels is None else {"labels": json.dumps(list(labels))})
    with replacing(path) as file:
        file.write(content)


class Writer:
    """
    Turns the layers of a network into nodes.

    A value of more than two axes has two layouts: 'last' is that of the model, 'first' has the
    channels after the samples. A node reads the one that it needs; a Transpose makes what is
    missing, once.
    """

    def __init__(self, onnx: Any, model: Model, layout: str) -> None:
        self._onnx = onnx
        self._model = model
        self._layout = layout
        self._graph = model.flat_graph
        self._nodes: list[Any] = []
        self._initializers: dict[str, Any] = {}
        self._names: set[str] = {""}
        self._arrays: dict[tuple[Value, str], str] = {}
        self._wanted: dict[tuple[Value, str], str] = {}
        self._layer: Layer | None = None
        self._makers: dict[str, Any] = {}

    def content(self, metadata: dict[str, str]) -> bytes:
        """Return the file, with texts by name as its metadata."""
        layers = self._graph.layers()
        unknown = [str(layer) for layer in layers if type(_core(layer)) not in LAYERS]
        if unknown:
            raise ValueError(
                f"onnx.save: ONNX has nothing for {', '.join(unknown)}; build them of cnnx's layers"
            )
        inputs = self._graph.inputs
        for value, name in zip(inputs, self._model.input_names, strict=True):
            self._arrays[value, self.layout(value, self._layout)] = self.name(name)
        outputs = [
            (value, self.name(name))
            for value, name in zip(self._graph.outputs, self._model.output_names, strict=True)
        ]
        for value, name in outputs:
            if value not in inputs:
                self._wanted.setdefault((value, self.layout(value, self._layout)), name)
        for value in self._graph.values:
            self._write(value)
        helper = self._onnx.helper
        graph = helper.make_graph(
            self._nodes,
            self._model.name,
            [
                self._info(self._arrays[value, self.layout(value, self._layout)], value)
                for value in inputs
            ],
            [self._info(self._output(value, name), value) for value, name in outputs],
            list(self._initializers.values()),
        )
        file = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="cnnx",
        )
        helper.set_model_props(file, metadata)
        self._onnx.checker.check_model(file, full_check=True)
        return bytes(file.SerializeToString())

    def _write(self, value: Value) -> None:
        layer = value.node.layer
        self._layer = layer
        name, layout = LAYERS[type(_core(layer))](self, _core(layer), value, *value.node.inputs)
        layout = self.layout(value, layout)
        own = self._wanted.get((value, layout))
        maker = self._makers.pop(name, None)
        if maker is not None:  # nobody has read it yet
            new = own or self.name(layer.name)
            maker.output[0] = name = new
        self._arrays[value, layout] = name

    def _output(self, value: Value, name: str) -> str:
        """Give an output its name, and return it."""
        found = self.read(value, self._layout)
        if found != name:
            self._nodes.append(self._onnx.helper.make_node("Identity", [found], [name]))
        return name

    def _info(self, name: str, value: Value) -> Any:
        shape = list(value.shape)
        if self.layout(value, self._layout) == FIRST:
            shape = [shape[0], shape[-1], *shape[1:-1]]
        extents = [
            f"{name}_{axis}" if extent is None else extent for axis, extent in enumerate(shape)
        ]
        return self._onnx.helper.make_tensor_value_info(
            name, self._onnx.TensorProto.FLOAT, ["batch", *extents[1:]]
        )

    # What the functions of layers use.

    def check_sizes(self, value: Value) -> None:
        """Raise ValueError if the layer reads a value of open size, where it needs the size."""
        if is_open(value.shape):
            raise ValueError(
                f"onnx.save: {self._layer} needs the size of its input {value.shape} in a file; "
                "give the network a fixed one: cnnx.Sequential([cnnx.Input(shape), model])"
            )

    def layout(self, value: Value, wanted: str) -> str:
        """Return a layout of a value: one is enough where there are no axes between."""
        return wanted if len(value.shape) > 2 else LAST

    def has(self, value: Value) -> str:
        """Return a layout that there is of a value, 'first' if there is a choice."""
        return FIRST if (value, FIRST) in self._arrays else LAST

    def read(self, value: Value, layout: str) -> str:
        """Return the name of a value in a layout."""
        layout = self.layout(value, layout)
        if (value, layout) not in self._arrays:
            rank = len(value.shape)
            order = (
                [0, *range(2, rank), 1] if layout == LAST else [0, rank - 1, *range(1, rank - 1)]
            )
            source = self._arrays[value, FIRST if layout == LAST else LAST]
            name = self._wanted.get((value, layout)) or self.name(f"{value.name}_{layout}")
            self._nodes.append(
                self._onnx.helper.make_node("Transpose", [source], [name], name=name, perm=order)
            )
            self._arrays[value, layout] = name
        return self._arrays[value, layout]

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a node; return the name of its output."""
        layer = self._layer
        assert layer is not None
        name = self.name(f"{layer.name}/{operator}")
        kept = {key: item for key, item in attributes.items() if item is not None}
        node = self._onnx.helper.make_node(operator, list(inputs), [name], name=name, **kept)
        self._nodes.append(node)
        self._makers[name] = node
        return name

    def constant(self, array: Any, name: str = "constant") -> str:
        """Return the name of a constant of the layer."""
        assert self._layer is not None
        return self._initializer(np.asarray(array), self.name(f"{self._layer.name}/{name}"))

    def numbers(self, *values: int) -> str:
        """Return the name of a constant list of whole numbers."""
        return self.constant(np.array(values, np.int64), "numbers")

    def number(self, value: float) -> str:
        """Return the name of a constant number."""
        return self.constant(np.float32(value), "number")

    def weight(
        self, weight: Weight, form: Callable[[Array], Array] = lambda array: array, key: str = ""
    ) -> str:
        """
        Return the name of a weight.

        Parameters
        ----------
        weight
            Of a layer.
        form
            Makes of its values what ONNX wants.
        key
            Tells forms of one weight apart.
        """
        name = weight.path + key
        if name in self._initializers:
            return name
        self._names.add(name)
        return self._initializer(form(weight.value), name)

    def _initializer(self, array: Array, name: str) -> str:
        self._initializers[name] = self._onnx.numpy_helper.from_array(
            np.ascontiguousarray(array).reshape(array.shape), name
        )
        return name

    def name(self, wanted: str) -> str:
        """Return a name that no array or node has."""
        found, number = wanted, 0
        while found in self._names:
            number += 1
            found = f"{wanted}_{number}"
        self._names.add(found)
        return found

    def activated(
        self, name: str, activation: activations.Activation, layout: str, rank: int
    ) -> str:
        """Return the name of an activation's values."""
        first = layout == FIRST and rank > 2
        axes = [0, *range(2, rank), 1] if first else list(range(rank))
        return activation_nodes(self, name, activation, axes)


def _core(layer: Layer) -> Layer:
    """Return the layer that computes in use."""
    return layer.layer if isinstance(layer, SpectralNormalization) else layer
