"""What every initializer is."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnx import random, registry
from cnnx.arrays import Float

INFINITY = float("inf")


class Initializer(registry.Configurable):
    """
    Makes the first values of a weight; subclasses implement `__call__`, or `make`.

    Parameters
    ----------
    seed
        None draws from the global generator (`cnnx.utils.set_random_seed`); a whole number gives
        the same values at every call.
    """

    def __init__(self, seed: int | None = None) -> None:
        self.seed = (
            None if seed is None else random.check_seed(seed, f"{type(self).__name__}: seed")
        )

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Float:
        """Return float32 values of shape `shape`; `dtype` is None or "float32"."""
        if dtype is not None and np.dtype(dtype) != np.float32:
            raise ValueError(
                f"{type(self).__name__}: dtype must be None or 'float32', got {dtype!r}: weights "
                "are float32"
            )
        return self.make(tuple(shape))

    def make(self, shape: tuple[int, ...]) -> Float:
        """Return float32 values of shape `shape`."""
        raise NotImplementedError(f"{type(self).__name__} must implement __call__(shape)")

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"seed": self.seed}
