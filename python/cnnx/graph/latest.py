"""The things of a kind that were used last."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextlib import suppress
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class Latest(Generic[K, T]):
    """
    Things by their keys: what was not asked for longest makes room for what is made.

    Several threads may ask at once; two may both make the thing of one key.

    Parameters
    ----------
    most
        Number of things that stay.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._things: OrderedDict[K, T] = OrderedDict()

    def get(self, key: K, make: Callable[[K], T]) -> T:
        """Return the thing of a key, which `make` makes if it is not here."""
        things = self._things
        thing = things.get(key)
        if thing is None:
            thing = things[key] = make(key)
            while len(things) > self._most:
                things.popitem(last=False)
            return thing
        with suppress(KeyError):  # another thread has taken its room since
            things.move_to_end(key)
        return thing

    def __len__(self) -> int:
        return len(self._things)
