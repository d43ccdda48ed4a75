"""
The one source of random numbers: initial weights, shuffling and dropout draw from it.

A thread that seeds it beside the main one gets a source of its own, so that what it trains does not
depend on the others.
"""

import random as python_random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from cnnx.geometry import integer

__all__ = ["generator", "get_state", "seeded", "set_seed", "set_state"]

_generator = np.random.default_rng()
_of_thread = threading.local()


def generator(seed: int | None = None) -> np.random.Generator:
    """Return the global generator, or this thread's if it has one; or a new one for `seed`."""
    if seed is None:
        found: np.random.Generator = getattr(_of_thread, "generator", _generator)
        return found
    return np.random.default_rng(check_seed(seed))


def set_seed(seed: int) -> None:
    """Restart the generator from `seed`: the global one in the main thread, else this thread's."""
    global _generator
    if threading.current_thread() is threading.main_thread():
        _generator = generator(seed)
    else:
        _of_thread.generator = generator(seed)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw from a generator of its own within a `with` block, in this thread alone."""
    before = getattr(_of_thread, "generator", None)
    _of_thread.generator = generator(seed)
    try:
        yield
    finally:
        if before is None:
            del _of_thread.generator
        else:
            _of_thread.generator = before


def get_state() -> dict[str, Any]:
    """Return where the generators stand that `cnnx.utils.set_random_seed` seeds, as JSON values."""
    state: dict[str, Any] = np.random.get_state(legacy=False)
    numbers = state["state"] | {"key": state["state"]["key"].tolist()}
    return {
        "cnnx": generator().bit_generator.state,
        "numpy": state | {"state": numbers},
        "python": python_random.getstate(),
    }


def set_state(state: dict[str, Any]) -> None:
    """Put them where they stood when `get_state` returned `state`."""
    generator().bit_generator.state = state["cnnx"]
    np.random.set_state(state["numpy"])
    version, numbers, gauss = state["python"]
    python_random.setstate((version, tuple(numbers), gauss))


def check_seed(seed: int, name: str = "seed") -> int:
    """Return `seed` if it is a whole number in [0, 2**32), as NumPy's and Keras' seeds are."""
    return integer(seed, name, minimum=0, limit=2**32)
