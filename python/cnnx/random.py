"""The one source of random numbers: initial weights, shuffling and dropout draw from it."""

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


def check_seed(seed: int, name: str = "seed") -> int:
    """Return `seed` if it is a whole number in [0, 2**32), as NumPy's and Keras' seeds are."""
    return integer(seed, name, minimum=0, limit=2**32)
