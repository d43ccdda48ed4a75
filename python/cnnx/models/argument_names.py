"""Arguments of methods, by the names that users write."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from cnnx.registry import nearest

P = ParamSpec("P")
R = TypeVar("R")


def named(method: Callable[P, R]) -> Callable[P, R]:
    """Return a method that names the nearest argument if the name of one is unknown."""
    known = inspect.signature(method).parameters.keys() - {"self"}

    @functools.wraps(method)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        unknown = kwargs.keys() - known
        if unknown:
            name = min(unknown)
            raise TypeError(f"{method.__name__} takes no argument {name}.{nearest(name, known)}")
        return method(*args, **kwargs)

    return checked
