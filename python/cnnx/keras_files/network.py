"""Models of ours made from the description in a Keras file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from cnnx import registry
from cnnx.arrays import Float
from cnnx.keras_files.configuration import Entry, Reference, Use, references_of
from cnnx.keras_files.conversion import (
    UNKNOWN,
    Conversion,
    UnsuitableError,
    input_shape,
    model_class,
    sample_shape,
)
from cnnx.keras_files.weights import Slot
from cnnx.layers import InputLayer

MAX_LAYERS = 10_000
_SHOWN = 20


class Network:
    """
    A model, and how the file counts its layers.

    Its weights are zeros that take no memory, for `Weight.replace`.

    Parameters
    ----------
    entry
        What the file says of it.
    conversion
        Makes the layers.

    Raises
    ------
    ValueError
        If it holds anything that cnnx has not; the message names all of it.
    """

    def __init__(self, entry: Entry, conversion: Conversion) -> None:
        self._conversion = conversion
        self._problems: list[str] = []
        self._made: dict[int, list[Any]] = {}
        self._kinds: dict[int, Any] = {}
        self._left = MAX_LAYERS
        self._convert(entry)
        if self._problems:
            raise ValueError(_explained(self._problems))
        self.model = self._connected(entry)
        self.slots = self._slots(entry)

    def leaves(self) -> Iterator[Slot]:
        """Yield the layers, and those of models within."""
        for slot in self.slots:
            yield from slot.leaves()

    def _convert(self, entry: Entry) -> None:
        """Make the layers of a model, and note those that can't be made."""
        try:
            self._kinds[id(entry)] = model_class(entry)
        except UnsuitableError as error:
            self._problems.append(f"{entry}: {error}")
        for part in entry.layers or ():
            self._left -= 1
            if self._left < 0:
                raise ValueError(f"it has more than {MAX_LAYERS:,} layers")
            try:
                self._conversion.check_uses(part)
                if part.layers is None:
                    self._made[id(part)] = self._conversion.layers(part)
            except UnsuitableError as error:
                self._problems.append(f"{part}: {error}")
            except (TypeError, ValueError) as error:
                self._problems.append(f"{part}: {str(error)[:300]}")
            if part.layers is not None:
                self._convert(part)
            for layer in self._made.get(id(part), ()):
                fixed = self._conversion.fixed.get(layer)
                layer.saved_values = fixed.saved if fixed and fixed.known else _zeros

    def _slots(self, entry: Entry) -> list[Slot]:
        return [
            Slot(
                part.class_name,
                self._made[id(part)][0],
                fixed=self._conversion.fixed.get(self._made[id(part)][0]),
            )
            if part.layers is None
            else Slot(part.class_name, self._made[id(part)][0], self._slots(part))
            for part in entry.layers or ()
        ]

    # Chains and graphs.

    def _connected(self, entry: Entry) -> Any:
        """Return a model made of layers that are there."""
        kind = self._kinds[id(entry)]
        for part in entry.layers or ():
            if part.layers is not None:
                self._made[id(part)] = [self._connected(part)]
        return self._chain(entry, kind) if entry.sequential else self._graph(entry, kind)

    def _chain(self, entry: Entry, kind: Any) -> Any:
        parts = entry.layers or []
        stack = [layer for part in parts for layer in self._made[id(part)]]
        if parts and not isinstance(stack[0], InputLayer) and parts[0].layers is None:
            shape = input_shape(parts[0].config) or entry.shape
            if shape is not None:
                stack.insert(0, InputLayer(sample_shape(shape), name=f"{entry.name}_input"))
        return kind.from_layers(stack, {"name": entry.name})

    def _graph(self, entry: Entry, kind: Any) -> Any:
        parts = {part.name: part for part in entry.layers or ()}
        if len(parts) < len(entry.layers or ()):
            raise ValueError(f"two layers of {entry} bear one name")
        values: dict[tuple[str, int], Sequence[Any]] = {}
        for name, part in parts.items():
            first = self._made[id(part)][0]
            if isinstance(first, InputLayer):
                values[name, 0] = [first.value()]
        wanted = [*_items(entry.inputs), *_items(entry.outputs)]
        self._compute([(one.layer, one.use) for one in wanted], parts, values)

        def value(one: Reference) -> Any:
            return _value(one, values)

        inputs, outputs = (_packed(given, value) for given in (entry.inputs, entry.outputs))
        model = kind.__new__(kind)
        registry.MODELS["Model"].__init__(model, inputs, outputs, entry.name)
        return model

    def _compute(
        self,
        waiting: list[tuple[str, int]],
        parts: dict[str, Entry],
        values: dict[tuple[str, int], Sequence[Any]],
    ) -> None:
        """Compute the outputs of uses of layers, each after those that it reads."""
        open_uses: set[tuple[str, int]] = set()
        while waiting:
            key = waiting[-1]
            if key in values:
                waiting.pop()
                continue
            use = _find_use(key, parts)
            missing = [
                (one.layer, one.use)
                for one in references_of(use.arguments)
                if (one.layer, one.use) not in values
            ]
            if not missing:
                values[key] = self._called(parts[key[0]], use, values)
                waiting.pop()
                continue
            if key in open_uses:
                raise ValueError(f"layer '{key[0]}' reads what is computed from it")
            open_uses.add(key)
            waiting += reversed(missing)

    def _called(
        self, part: Entry, use: Use, values: dict[tuple[str, int], Sequence[Any]]
    ) -> Sequence[Any]:
        """Return the outputs of one use of a layer."""
        if len(use.arguments) != 1:
            raise ValueError(f"{part} is called with {len(use.arguments)} arguments")
        given = use.arguments[0]
        found: Any = (
            [_value(one, values) for one in references_of(given)]
            if isinstance(given, list)
            else _value(given, values)
        )
        if isinstance(found, list) and len(found) == 1 and part.layers is not None:
            found = found[0]
        for layer in self._made[id(part)]:
            found = layer(found)
        return found if isinstance(found, list) else [found]


def _explained(problems: Sequence[str]) -> str:
    """Return what is told of things that cnnx has not."""
    text = f"cnnx has not what these are: {'; '.join(problems[:_SHOWN])}"
    if len(problems) > _SHOWN:
        text += f"; and {len(problems) - _SHOWN} more"
    if any(problem.endswith(UNKNOWN) for problem in problems):
        text += (
            ". Classes of your own: load_model(path, custom_objects={name: class}), "
            "or @cnnx.register before them"
        )
    return text


def _zeros(path: str, shape: tuple[int, ...]) -> Float:
    """Return the values of a weight until those of the file take their place."""
    return np.broadcast_to(np.float32(0), shape)


def _items(references: Any) -> list[Reference]:
    return list(references.values()) if isinstance(references, dict) else list(references)


def _packed(references: Any, value: Any) -> Any:
    if isinstance(references, dict):
        return {name: value(one) for name, one in references.items()}
    return [value(one) for one in references]


def _find_use(key: tuple[str, int], parts: dict[str, Entry]) -> Use:
    name, number = key
    if name not in parts:
        raise ValueError(f"the layer '{name}' is read, but there is none")
    uses = parts[name].uses
    if not 0 <= number < len(uses):
        raise ValueError(f"use {number} of layer '{name}' is read, but it has {len(uses)}")
    return uses[number]


def _value(one: Reference, values: dict[tuple[str, int], Sequence[Any]]) -> Any:
    if not isinstance(one, Reference):
        raise ValueError(f"a layer is called with {str(one)[:100]!r}")
    found = values[one.layer, one.use]
    if not 0 <= one.output < len(found):
        raise ValueError(f"output {one.output} of layer '{one.layer}' is read; it has {len(found)}")
    return found[one.output]
