"""What a model is made of: layers between inputs and outputs, and their weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import cnnx.models.inputs as handed
from cnnx.arrays import Float
from cnnx.buffer import Buffer
from cnnx.file_kind import is_of_keras, refuse_suffix
from cnnx.files import regular_file
from cnnx.geometry import integer
from cnnx.graph import Graph
from cnnx.graph.layout import with_channels_last
from cnnx.layers import InputLayer, Layer
from cnnx.layers.layer import automatic_name
from cnnx.layers.value import Node, Value
from cnnx.layers.weight import Weight
from cnnx.layers.weight_holder import WeightHolder
from cnnx.models.form import Form, alone
from cnnx.models.parameters import Parameters
from cnnx.models.runs import Runs
from cnnx.models.step_lock import StepLock
from cnnx.models.summary import format_summary, print_summary
from cnnx.models.weight_matching import matched
from cnnx.saving import saved_weights
from cnnx.snapshot import save_snapshot
from cnnx.tensor_file import check_overwrite


class Network(WeightHolder):
    """
    Layers between inputs and outputs, their weights, and the network used as a layer itself.

    `Model`, which learns, is made of it; its parameters are those of `Model`.
    """

    def __init__(self, inputs: Any = None, outputs: Any = None, name: str | None = None) -> None:
        if name is not None and not (isinstance(name, str) and name):
            raise TypeError(f"{type(self).__name__}: name must be a text, got {name!r}")
        self.name = automatic_name(type(self).__name__) if name is None else name
        self.lock = StepLock()
        self._class_names: list[str] | None = None
        self._graph: Graph | None = None
        self._runs: Runs | None = None
        self._inputs = self._outputs = Form()
        self._buffers: list[Buffer] = []
        if inputs is not None or outputs is not None:
            self._connect(inputs, outputs)

    # What it is made of.

    def _connect(self, inputs: Any, outputs: Any) -> None:
        self._inputs, given = Form.of(inputs, f"{type(self).__name__}: inputs")
        self._outputs, wanted = Form.of(outputs, f"{type(self).__name__}: outputs")
        for value in given:
            if not isinstance(value.node.layer, InputLayer):
                raise ValueError(
                    f"{type(self).__name__}: inputs must come from cnnx.Input, got {value}"
                )
        graph = Graph.between(given, wanted)
        _check_names([*(value.node.layer for value in given), *graph.layers()], self.name)
        self._graph = graph

    @property
    def built(self) -> bool:
        """Whether the shapes are known, and the weights made."""
        return self._graph is not None

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Do nothing: a model of values is built; see `Sequential.build`."""

    @property
    def graph(self) -> Graph:
        """The values and the uses of layers that compute them."""
        if self._graph is None:
            raise ValueError(
                f"model '{self.name}' is not built yet: begin it with cnnx.Input(shape), "
                "call fit, or call build((None, ...))"
            )
        return self._graph

    @property
    def flat_graph(self) -> Graph:
        """The graph with the models in it replaced by what they are made of."""
        return self.runs.graph

    @property
    def runs(self) -> Runs:
        """What runs the network; raises ValueError if it is not built."""
        runs = self._runs
        if runs is None:
            with self.lock:
                runs = self._runs
                if runs is None:
                    runs = self._runs = Runs(
                        with_channels_last(self.graph.flat()), list(self.leaves()), self.lock
                    )
        return runs

    @property
    def parameters(self) -> Parameters:
        """The flat buffers that the layers' weights are views into."""
        return self.runs.parameters

    @property
    def layers(self) -> list[Any]:
        """The layers, those of the inputs first; a model used as a layer is one of them."""
        return [*(value.node.layer for value in self.graph.inputs), *self.graph.layers()]

    def is_chain(self) -> bool:
        """Return whether each layer reads what the one before it computes, and is used once."""
        graph = self.graph
        before = [*graph.inputs[:1], *graph.values[:-1]]
        return len(graph.inputs) == len(graph.outputs) == 1 and all(
            value.node.inputs == (source,)
            for source, value in zip(before, graph.values, strict=True)
        )

    def leaves(self) -> Iterator[Layer]:
        """Yield the layers, and those of models used as layers, each once."""
        seen: set[Layer] = set()
        for layer in self.layers:
            for leaf in layer.leaves() if isinstance(layer, Network) else [layer]:
                if leaf not in seen:
                    seen.add(leaf)
                    yield leaf

    def networks(self) -> Iterator[Any]:
        """Yield the models used as layers, and those in them."""
        for layer in self.layers:
            if isinstance(layer, Network):
                yield layer
                yield from layer.networks()

    def get_layer(self, name: str | None = None, index: int | None = None) -> Any:
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

    @property
    def inputs(self) -> list[Value]:
        """The values that the model reads."""
        return list(self.graph.inputs)

    @property
    def outputs(self) -> list[Value]:
        """The values that the model computes."""
        return list(self.graph.outputs)

    @property
    def input(self) -> Any:
        """The value that the model reads, or a list of them."""
        return alone(self.graph.inputs)

    @property
    def output(self) -> Any:
        """The value that the model computes, or a list of them."""
        return alone(self.graph.outputs)

    @property
    def input_shape(self) -> Any:
        """Shape of the input, None for the batch; a list for several inputs."""
        return alone([value.shape for value in self.graph.inputs])

    @property
    def output_shape(self) -> Any:
        """Shape of the output, None for the batch; a list for several outputs."""
        return alone([value.shape for value in self.graph.outputs])

    def compute_output_shape(self, input_shape: Any) -> Any:
        """
        Return the shape of the output for inputs of another size, or a list for several outputs.

        Parameters
        ----------
        input_shape
            Of a batch, such as (None, 64, 64, 3); a list for several inputs.

        Raises
        ------
        ValueError
            If the model cannot be used on such inputs.
        """
        graph = self.graph
        shapes = [input_shape] if len(graph.inputs) == 1 else input_shape
        values = [
            InputLayer(shape[1:], name=value.name).value()
            for shape, value in zip(shapes, graph.inputs, strict=True)
        ]
        found = graph.copied_into(values, [])
        return alone([(shapes[0][0], *value.shape[1:]) for value in found])

    @property
    def input_names(self) -> list[str]:
        """Names of the inputs, by which a dict of samples is read."""
        return self._inputs.names or [value.name for value in self.graph.inputs]

    @property
    def output_names(self) -> list[str]:
        """Names of the outputs, by which losses, metrics and targets are read."""
        return self._outputs.names or _unique([value.name for value in self.graph.outputs])

    @property
    def class_names(self) -> list[str] | None:
        """
        What the classes are called, in the order of the outputs; kept by `save`. None: not said.

        Two names for a single output: of target 0, and of target 1.
        """
        return self._class_names

    @class_names.setter
    def class_names(self, names: Sequence[str] | None) -> None:
        if names is not None:
            texts = isinstance(names, (list, tuple)) and all(isinstance(n, str) for n in names)
            if not texts or len(set(names)) < len(names):
                raise TypeError(f"{self}: class_names must be a list of different texts: {names!r}")
        self._class_names = None if names is None else list(names)

    def summary(
        self,
        line_length: int | None = None,
        positions: Sequence[float] | None = None,
        print_fn: Callable[[str], Any] | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Sequence[str] | None = None,
    ) -> None:
        """
        Print a table of the layers, their output shapes and numbers of parameters.

        Parameters
        ----------
        line_length
            Letters of a line; by default as many as the texts need. Wider texts go on below.
        positions
            Where the columns end: shares of the line, such as [0.5, 0.8, 1.0], or letters.
        print_fn
            Called with the whole text instead of printing it.
        expand_nested
            Whether to list the layers of models used as layers.
        show_trainable
            Whether to say of each layer if it is trainable.
        layer_range
            The names of the first and the last layer to list, or patterns for them (`re.match`).
        """
        expand, learns = bool(expand_nested), bool(show_trainable)
        text = format_summary(self, expand, learns, line_length, positions, layer_range)
        (print_fn or print_summary)(text)

    def __repr__(self) -> str:
        count = len(self.layers) if self.built else 0
        return f"<{type(self).__name__} '{self.name}', {count} layers>"

    def __str__(self) -> str:
        return f"model '{self.name}'"

    # Weights.

    @property
    def weights(self) -> list[Weight]:
        """All weights, layer by layer, in the order of Keras."""
        return [weight for layer in self.leaves() for weight in layer.weights]

    @property
    def trainable_weights(self) -> list[Weight]:
        """The weights that training changes."""
        return [weight for layer in self.leaves() for weight in layer.trainable_weights]

    @property
    def trainable(self) -> bool:
        """Whether any layer is trainable; assigning sets all layers."""
        return any(layer.trainable for layer in self.leaves())

    @trainable.setter
    def trainable(self, value: bool) -> None:
        for layer in self.leaves():
            layer.trainable = value

    def get_weights(self) -> list[Float]:
        """Return copies of all weights, layer by layer, in the order of Keras."""
        with self.lock:
            return super().get_weights()

    def set_weights(self, weights: Sequence[Any]) -> None:
        """
        Replace all weights by arrays or nested lists of the shapes that `get_weights` returns.

        Raises
        ------
        ValueError
            For another number of arrays, or another shape; nothing is changed then.
        """
        with self.lock:
            super().set_weights(weights)

    def save_weights(self, filepath: str | Path, overwrite: bool = True) -> None:
        """
        Save the weights alone; `save` keeps the architecture and the optimizer's state as well.

        Parameters
        ----------
        filepath
            The file to make or to replace, written atomically; any name will do but
            those of other programs (.keras, .h5, .pt, .onnx).
        overwrite
            Whether a file that exists is replaced.

        Raises
        ------
        ValueError
            The name is another program's.
        FileExistsError
            The file exists, and `overwrite` is False.
        OSError
            The file can't be written.
        """
        self.graph  # noqa: B018  (raises an error if there is none)
        refuse_suffix(filepath, "save_weights")
        check_overwrite(filepath, overwrite, "save_weights")
        save_snapshot(filepath, {"weights": self.weights_by_path()})

    def load_weights(
        self, filepath: str | Path, skip_mismatch: bool = False, by_name: bool = False
    ) -> None:
        """
        Take over the weights of a file of `save_weights` or `save`, or of Keras (.weights.h5, .h5).

        Parameters
        ----------
        filepath
            The file.
        skip_mismatch
            Whether layers that need weights of other shapes stay as they are, with a warning.
        by_name
            Whether layers take the weights of saved layers of their names, and all others stay as
            they are. By default layers and saved layers go in pairs, whatever their names.

        Raises
        ------
        FileNotFoundError
            There is no such file.
        ValueError
            The file is damaged or holds weights that do not fit; nothing is changed then.
        """
        self.graph  # noqa: B018  (raises an error if there is none)
        if is_of_keras(regular_file(filepath)):
            from cnnx.keras_files import loading  # stands above, and most files are ours

            loading.load_weights(self, filepath, by_name, skip_mismatch)
            return
        own = {name: weight.shape for name, weight in self.named_weights()}
        saved = saved_weights(filepath)
        try:
            found = matched(own, saved, by_name, skip_mismatch)
        except ValueError as error:
            raise ValueError(f"{filepath}: load_weights: {error}") from None
        with self.lock:
            self.set_weights(list((self.weights_by_path() | found).values()))

    def named_weights(self, prefix: str = "") -> Iterator[tuple[str, Weight]]:
        """Yield all weights with names that are unique in the model: "block/conv2d/kernel"."""
        seen: set[Layer] = set()
        for layer in self.layers:
            if isinstance(layer, Network):
                yield from layer.named_weights(f"{prefix}{layer.name}/")
            elif layer not in seen:
                seen.add(layer)
                yield from ((prefix + weight.path, weight) for weight in layer.weights)

    def weights_by_path(self) -> dict[str, Float]:
        """Return copies of all weights, by layer and name: "conv2d/kernel"."""
        with self.lock:
            return {name: weight.numpy() for name, weight in self.named_weights()}

    # A model as a layer, and as a file.

    def __call__(self, inputs: Any, training: bool = False) -> Any:
        """
        Return the outputs for one batch, or the values that the model computes from values.

        Parameters
        ----------
        inputs
            A batch, a list or a dict of batches; or values of another network, of which the model
            becomes a layer.
        training
            Whether to compute as in `fit`.
        """
        if type(inputs) is not np.ndarray:
            values = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
            if values and all(isinstance(value, Value) for value in values):
                return self._use(values)
        return self._compute(inputs, training)

    def _compute(self, inputs: Any, training: bool = False) -> Any:
        ready = handed.batch(self, inputs, [], "predict_on_batch")
        return self._outputs.pack(self.runs.forward(ready, training))

    def _use(self, values: list[Value]) -> Any:
        if not self.built and len(values) == 1:
            self.build(values[0].shape)
        graph = self.graph
        if len(values) != len(graph.inputs):
            count = len(graph.inputs)
            raise ValueError(f"{self} expects {count} input{'s' * (count > 1)}, got {len(values)}")
        wanted = [value.shape[1:] for value in graph.inputs]
        found = [value.shape[1:] for value in values]
        outputs = graph.outputs
        if found != wanted:
            try:
                outputs = graph.copied_into(values, [])
            except ValueError as error:
                raise ValueError(
                    f"{self} expects inputs of shapes {wanted}, got {found}: {error}"
                ) from None
        node = Node(self, tuple(values))
        return alone([Value(output.shape, node, place) for place, output in enumerate(outputs)])


def _unique(names: list[str]) -> list[str]:
    """Return names with numbers after those that occur before: head, head_1."""
    return [
        name if names.index(name) == place else f"{name}_{names[:place].count(name)}"
        for place, name in enumerate(names)
    ]


def _check_names(layers: Sequence[Any], model: str) -> None:
    names = [layer.name for layer in layers]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(
                f"Model: two layers of model '{model}' bear the name '{name}'; give another name="
            )
