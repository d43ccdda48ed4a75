"""The form in which inputs and outputs are given: one, several in a list, or by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

from cnnx.layers.value import Value


class Form:
    """
    Whether there is one of something, a list of them, or a dict by names.

    Parameters
    ----------
    names
        Those of a dict; None for one or a list.
    """

    def __init__(self, names: Sequence[str] | None = None) -> None:
        self.names = None if names is None else list(names)

    @classmethod
    def of(cls, given: Any, what: str) -> tuple[Self, list[Value]]:
        """Return the form of what a user wrote, and the values in it; raises if it holds others."""
        by_name = isinstance(given, Mapping)
        parts = list(given.values()) if by_name else given
        values = list(parts) if isinstance(parts, (list, tuple)) else [parts]
        for value in values:
            if not isinstance(value, Value):
                raise TypeError(
                    f"{what} must be what cnnx.Input and layers called on it return, got {value!r}"
                )
        if not values or len(set(values)) < len(values):
            raise ValueError(f"{what} must be different values, at least one")
        return cls(list(given) if by_name else None), values

    def pack(self, items: Iterable[Any]) -> Any:
        """Return items in this form."""
        found = list(items)
        if self.names is not None:
            return dict(zip(self.names, found, strict=True))
        return alone(found)


def alone(items: list[Any]) -> Any:
    """Return the one item of a list, or the list of several."""
    return items[0] if len(items) == 1 else items
