"""The one source of random numbers: initial weights, shuffling and dropout draw from it."""

import random as python_random
from typing import Any

import numpy as np

from cnnx.geometry import integer

_generator = np.random.default_rng()


def generator(seed: int | None = None) -> np.random.Generator:
    """Return the global generator, or a new one for `seed`."""
    if seed is None:
        return _generator
    return np.random.default_rng(check_seed(seed))


def set_seed(seed: int) -> None:
    """Restart the global generator from `seed`."""
    global _generator
    _generator = np.random.default_rng(check_seed(seed))


def get_state() -> dict[str, Any]:
    """Return where the generators stand that `cnnx.utils.set_random_seed` seeds, as JSON values."""
    state: dict[str, Any] = np.random.get_state(legacy=False)
    numbers = state["state"] | {"key": state["state"]["key"].tolist()}
    return {
        "cnnx": _generator.bit_generator.state,
        "numpy": state | {"state": numbers},
        "python": python_random.getstate(),
    }


def set_state(state: dict[str, Any]) -> None:
    """Put them where they stood when `get_state` returned `state`."""
    _generator.bit_generator.state = state["cnnx"]
    np.random.set_state(state["numpy"])
    version, numbers, gauss = state["python"]
    python_random.setstate((version, tuple(numbers), gauss))


def check_seed(seed: int, name: str = "seed") -> int:
    """Return `seed` if it is a whole number in [0, 2**32), as NumPy's and Keras' seeds are."""
    return integer(seed, name, minimum=0, limit=2**32)
