"""Networks written down: as a config, as text, as a file, and copied."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

from cnnx import registry
from cnnx.geometry import fits, integer, sample_shape
from cnnx.graph import Graph
from cnnx.layers import LAYERS, Layer
from cnnx.models.compiled_network import CompiledNetwork
from cnnx.models.form import Form
from cnnx.models.inputs import listed
from cnnx.models.network import Network
from cnnx.models.program_file import write_program
from cnnx.models.structure import assemble, structure_of

_CONFIG = frozenset(
    ("name", "layers", "nodes", "inputs", "outputs", "input_names", "output_names", "class_names")
)
"""What `get_config` of the classes here returns; a user's class may add arguments of its own."""
_OF_THE_NETWORK = frozenset(
    [
        *("name", "lock", "history", "stop_training"),
        *("_class_names", "_graph", "_runs", "_inputs", "_outputs", "_buffers", "_stack", "_first"),
        "_input_gradients",
    ]
)
"""Attributes that a copy makes anew, or begins without."""


class WrittenNetwork(CompiledNetwork):
    """
    A network that can be written down and made anew.

    `Model` is made of it.
    """

    def listed_layers(self) -> list[Any]:
        """Return the layers in the order of the config."""
        return structure_of(self.graph)[0]

    def get_config(self) -> dict[str, Any]:
        """Return the name, the layers' configs, and how the layers are used."""
        entries = [registry.serialize(layer) for layer in self.listed_layers()]
        named = {} if self.class_names is None else {"class_names": self.class_names}
        return {"name": self.name, "layers": entries, **self._structure(), **named}

    def connections(self) -> list[Any]:
        """Return which layer reads which values, as numbers."""
        connections: list[Any] = structure_of(self.flat_graph)[1]["nodes"]
        return connections

    def _structure(self) -> dict[str, Any]:
        names = {"input_names": self._inputs.names, "output_names": self._outputs.names}
        return structure_of(self.graph)[1] | names

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """
        Make a model from what `get_config` returned, with fresh weights.

        Raises
        ------
        ValueError
            For a layer that is not one of `cnnx.layers`.
        """
        return cls.from_layers([make_layer(entry) for entry in config["layers"]], config)

    def to_json(self, **kwargs: Any) -> str:
        """
        Return the architecture, and what `compile` was given, as text without weights.

        `cnnx.models.model_from_json` makes a model of it.

        Parameters
        ----------
        **kwargs
            For `json.dumps`, such as indent=2.
        """
        description = registry.serialize(self) | {"compile_config": self.get_compile_config()}
        return json.dumps(description, **kwargs)

    @classmethod
    def from_layers(
        cls,
        layers: Sequence[Any],
        config: dict[str, Any],
        use: Callable[[Any, Any], Any] | None = None,
    ) -> Self:
        """Make a model of layers that are there already, used as a config says: `assemble`."""
        parts = cls._arguments(layers, config, *([] if use is None else [use]))
        model = cls(*parts, **cls._options(config))
        model.class_names = config.get("class_names")
        return model

    @classmethod
    def _arguments(
        cls, layers: Sequence[Any], config: dict[str, Any], *use: Callable[[Any, Any], Any]
    ) -> tuple[Any, ...]:
        """Return the first arguments of the constructor: of what the network consists."""
        inputs, outputs = assemble(layers, config, *use)
        given = Form(config["input_names"]).pack(inputs)
        return given, Form(config["output_names"]).pack(outputs)

    @classmethod
    def _options(cls, config: dict[str, Any]) -> dict[str, Any]:
        """Return the other arguments of the constructor: the name, and those of a user's class."""
        own = {name: value for name, value in config.items() if name not in _CONFIG}
        return {"name": config["name"], **(own if registry.is_own(cls) else {})}

    def check_constructor(self) -> None:
        """Raise ValueError if a user's class cannot be made from what `get_config` returns."""
        cls, options = type(self), self._options(self.get_config())
        try:
            inspect.signature(cls).bind(*self._arguments(*self._described()), **options)
        except TypeError as error:
            raise ValueError(
                f"{cls.__name__} cannot be made with its layers and {options}: {error}; let its "
                "constructor take what those of cnnx take, such as (self, inputs, outputs, **rest) "
                "and get_config return its own arguments beside those of super().get_config()"
            ) from None

    def _assemble(self, layers: Sequence[Any], config: dict[str, Any]) -> None:
        """Begin as a new model of these layers, without the constructor of a user's class."""
        inputs, outputs = self._arguments(layers, config)
        Network.__init__(self, inputs, outputs, config["name"])

    def _described(self) -> tuple[list[Any], dict[str, Any]]:
        """Return the layers, and how they are used."""
        return self.listed_layers(), {"name": self.name, **self._structure()}

    def _kept(self) -> dict[str, Any]:
        """Return the attributes that a copy has too: those of `compile`, and a user's own."""
        return {name: item for name, item in vars(self).items() if name not in _OF_THE_NETWORK}

    def __getstate__(self) -> dict[str, Any]:
        layers, config = self._described()
        return {
            "config": config,
            "layers": layers,
            "class_names": self.class_names,
            "attributes": self._kept(),
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._assemble(state["layers"], state["config"])
        self.class_names = state["class_names"]
        vars(self).update(state["attributes"])

    def export_program(
        self, filepath: str | Path, batch_size: int = 1, input_shape: Any = None
    ) -> None:
        """
        Write what `predict` does as a file that C++ runs without Python: `cnnx::Program`.

        Its outputs are those of ``predict(x, batch_size)``, to the same bits on the same
        instruction set. docs/exchange.md shows the C++ side.

        Parameters
        ----------
        filepath
            The file to make or to replace; it appears whole or not at all.
        batch_size
            Samples that the program takes at a time.
        input_shape
            Of one sample, such as (224, 224, 3), for a network that leaves sizes open: a program
            has one. Of several inputs a list, or a dict by their names.

        Raises
        ------
        ValueError
            A layer runs Python, a size is missing or does not suit the network, or the name is that
            of another program's file.
        OSError
            The file can't be written.
        """
        size = integer(batch_size, "export_program: batch_size")
        with self.lock:
            write_program(self.sized_graph(input_shape, "export_program"), filepath, size)

    def sized_graph(self, input_shape: Any, operation: str) -> Graph:
        """
        Return the graph of layers alone for inputs of one size.

        Parameters
        ----------
        input_shape
            Of one sample, or a list or a dict of several inputs'; None where no size is open.
        operation
            What errors begin with.

        Raises
        ------
        ValueError
            A size is missing, or does not suit the network.
        """
        graph, names = self.flat_graph, self.input_names
        if input_shape is None:
            given = [value.shape[1:] for value in graph.inputs]
        else:
            what = f"{operation}: input_shape"
            parts = listed(input_shape, names, what)
            given = [sample_shape(shape, what) for shape in parts]
        for shape, value in zip(given, graph.inputs, strict=True):
            if None in shape or not fits(shape, value.shape[1:]):
                raise ValueError(
                    f"{operation}: {self} takes samples of shape {value.shape[1:]}, and one size "
                    f"is needed, got input_shape={input_shape!r}; give one such as "
                    f"{tuple(64 if e is None else e for e in value.shape[1:])}"
                )
        return graph.sized(given)[0] if graph.is_open else graph


def make_layer(entry: Any) -> Any:
    """Return a layer, or a model used as one, from its class name and config."""
    name = entry.get("class_name") if isinstance(entry, dict) else None
    if isinstance(name, str) and (model_class := registry.model_class(name)):
        return model_class.from_config(entry["config"])
    return registry.get("layer", entry, Layer, LAYERS)
