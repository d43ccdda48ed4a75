"""Finding things by the name a user wrote, and writing them down as JSON."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Any, Self, TypeVar

T = TypeVar("T")


MODELS: dict[str, type[Any]] = {}
"""Classes of models by name, entered by `cnnx.models`, which stands above what reads files."""


class Configurable:
    """Something that is rebuilt from the arguments of its constructor."""

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as JSON-serialisable values."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Make an object from what `get_config` returned."""
        return cls(**config)

    def __repr__(self) -> str:
        arguments = ", ".join(f"{key}={value!r}" for key, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"


C = TypeVar("C", bound=Configurable)


def snake_case(class_name: str) -> str:
    """Return Keras' automatic name of a class: Conv2D, conv2d; BatchNormalization, batch_...."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", class_name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def _canonical(name: str) -> str:
    return name.lower().replace("_", "")


def resolve(kind: str, name: str, table: Mapping[str, T]) -> T:
    """
    Return the entry called `name`, in any letter case and with or without underscores.

    Errors begin with `kind`: what is looked for, such as "Dense 'd': activation".

    Raises
    ------
    ValueError
        For an unknown name; the message lists the valid ones and suggests the nearest.
    """
    names = {_canonical(key): key for key in table}
    key = names.get(_canonical(name))
    if key is None:
        near = difflib.get_close_matches(_canonical(name[:100]), names, n=1)
        hint = f" Did you mean '{names[near[0]]}'?" if near else ""
        raise ValueError(
            f"{kind} {name!r} is unknown.{hint} Valid names: {', '.join(sorted(table))}"
        )
    return table[key]


def choice(value: Any, name: str, *options: str) -> str:
    """
    Return the option that `value` spells, in any letter case.

    Raises
    ------
    TypeError
        For anything but a text.
    ValueError
        For another text.
    """
    if isinstance(value, str):
        for option in options:
            if option.lower() == value.lower():
                return option
    error = ValueError if isinstance(value, str) else TypeError
    raise error(f"{name} must be {' or '.join(map(repr, options))}, got {value!r}")


def serialize(item: Configurable) -> dict[str, Any]:
    """Return the class name and the config of `item` as one JSON-serialisable dict."""
    return {"class_name": type(item).__name__, "config": item.get_config()}


def get(kind: str, identifier: Any, base: type[C], table: Mapping[str, type[C]]) -> C:
    """
    Return an object of class `base` from the object itself, its class, its name or its dict.

    Errors begin with `kind`, as those of `resolve`.

    Raises
    ------
    TypeError
        For anything else.
    ValueError
        For an unknown name.
    """
    if isinstance(identifier, base):
        return identifier
    if isinstance(identifier, str):
        return resolve(kind, identifier, table)()
    if isinstance(identifier, type) and issubclass(identifier, base):
        return identifier()
    if isinstance(identifier, dict):
        class_name, config = identifier.get("class_name"), identifier.get("config")
        if isinstance(class_name, str) and isinstance(config, dict):
            return resolve(kind, class_name, table).from_config(config)
    raise TypeError(
        f"{kind} must be a name or an object of class {base.__name__}, got {identifier!r}"
    )
