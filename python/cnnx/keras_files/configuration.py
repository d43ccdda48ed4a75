"""The description of a model in a Keras file, in the form that is common to Keras 2 and 3."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from cnnx.keras_files.sizes import MAX_CONFIG

SEQUENTIAL, GRAPHS = "Sequential", ("Functional", "Model")


class Reference(NamedTuple):
    """An output of a use of a layer: the layer's name, the number of the use, of the output."""

    layer: str
    use: int
    output: int


class Use(NamedTuple):
    """
    One call of a layer.

    Attributes
    ----------
    arguments
        References, lists of them, and numbers.
    options
        The other arguments, by name.
    """

    arguments: list[Any]
    options: dict[str, Any]


@dataclass
class Entry:
    """
    A layer or a model of the file.

    Attributes
    ----------
    class_name, module
        As the file names them; Keras 2 writes no module.
    name
        Of the layer.
    config
        Its arguments.
    uses
        Its calls in the network that it is part of.
    layers
        What a model is made of; None for a layer.
    inputs, outputs
        Of a model that is no chain: references, in a list or by name.
    shape
        Of what a chain reads, batch first, if it is known.
    """

    class_name: str
    module: str
    name: str
    config: dict[str, Any]
    uses: list[Use] = field(default_factory=list)
    layers: list[Entry] | None = None
    inputs: Any = None
    outputs: Any = None
    shape: Any = None

    @property
    def sequential(self) -> bool:
        """Whether it is a chain of layers."""
        return self.layers is not None and self.outputs is None

    def __str__(self) -> str:
        return f"{self.class_name} '{self.name}'"


def parse(text: bytes | str) -> dict[str, Any]:
    """Return what a text of JSON describes; raises ValueError if that is no description."""
    if len(text) > MAX_CONFIG:
        raise ValueError(f"its description has {len(text):,} bytes, more than {MAX_CONFIG:,}")
    try:
        found = json.loads(text, object_hook=_simplified)
    except json.JSONDecodeError as error:
        raise ValueError(f"its description is damaged: {error}") from error
    if not isinstance(found, dict):
        raise ValueError(f"its description is {str(found)[:100]!r}")
    return found


def _simplified(value: dict[str, Any]) -> Any:
    """Return what a marked dict stands for."""
    kind = value.get("class_name")
    config = value.get("config")
    if kind == "__tuple__":
        return value.get("items", config)
    if kind == "__keras_tensor__" and isinstance(config, dict):
        return _reference(config["keras_history"])
    if kind == "__numpy__" and isinstance(config, dict):
        return config.get("value")
    return value


def model_entry(description: dict[str, Any]) -> Entry:
    """Return the model that a description describes."""
    entry = layer_entry(description, "the model")
    if entry.layers is None:
        raise ValueError(f"it describes {entry}, which is no Sequential or functional model")
    return entry


def layer_entry(description: Any, place: str) -> Entry:
    """Return the layer that a description describes; errors say which place of the file it has."""
    if not isinstance(description, dict) or not isinstance(description.get("class_name"), str):
        raise ValueError(f"{place} is {str(description)[:100]!r}, which names no class")
    class_name, config = description["class_name"], description.get("config")
    module = description.get("module") or ""
    if isinstance(config, list) and class_name == SEQUENTIAL:  # before Keras 2.2.3
        config = {"layers": config}
    if not isinstance(config, dict) or not isinstance(module, str):
        raise ValueError(f"the config of {place} is {str(config)[:100]!r}")
    name = config.get("name", description.get("name", class_name.lower()))
    if not (isinstance(name, str) and name):
        raise ValueError(f"the name of {place} is {str(name)[:100]!r}")
    entry = Entry(class_name, module, name, config)
    entry.uses = [_use(node) for node in _list(description.get("inbound_nodes"), entry)]
    if isinstance(config.get("layers"), list):
        entry.layers = [
            layer_entry(item, f"layer {number} of {entry}")
            for number, item in enumerate(config["layers"])
        ]
        if class_name in GRAPHS or "output_layers" in config:
            entry.inputs = _references(config["input_layers"])
            entry.outputs = _references(config["output_layers"])
        build = description.get("build_config")
        entry.shape = config.get("build_input_shape") or (
            build.get("input_shape") if isinstance(build, dict) else None
        )
    return entry


def _list(value: Any, owner: object) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise ValueError(f"{owner} has {str(value)[:100]!r} where a list should be")
    return value


def _reference(value: Any) -> Reference:
    if not isinstance(value, list) or [type(part) for part in value[:3]] != [str, int, int]:
        raise ValueError(f"{str(value)[:100]!r} is no layer's output")
    return Reference(*value[:3])


def _references(value: Any) -> Any:
    """Return references in the form of a model's inputs or outputs: a list, or a dict by name."""
    if isinstance(value, dict):
        return {str(name): _reference(item) for name, item in value.items()}
    if isinstance(value, list) and value and isinstance(value[0], str):
        return [_reference(value)]
    return [_reference(item) for item in _list(value, "the model")]


def _use(node: Any) -> Use:
    if isinstance(node, dict):  # Keras 3
        arguments, options = node.get("args"), node.get("kwargs") or {}
        if not isinstance(options, dict):
            raise ValueError(f"a call has the options {str(options)[:100]!r}")
        return Use(_list(arguments, "a call"), options)
    items = _list(node, "a call")
    if items and isinstance(items[0], str):
        items = [items]
    references = [_reference(item) for item in items]
    options = {}
    for item in items:
        if len(item) > 3 and isinstance(item[3], dict):
            options |= item[3]
    return Use(list(references) if len(references) == 1 else [references], options)


def references_of(arguments: Sequence[Any]) -> Iterator[Reference]:
    """Yield the references among arguments, and in lists among them."""
    for argument in arguments:
        if isinstance(argument, Reference):
            yield argument
        elif isinstance(argument, list):
            yield from references_of(argument)
