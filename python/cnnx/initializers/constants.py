"""Values that are given."""

from typing import Any

import numpy as np

from cnnx.arrays import Float, real_array
from cnnx.geometry import number
from cnnx.initializers.initializer import INFINITY, Initializer


class Constant(Initializer):
    """
    The same value everywhere, or given values.

    Parameters
    ----------
    value
        A number, or numbers that NumPy broadcasts to the weight's shape.
    """

    def __init__(self, value: Any = 0.0) -> None:
        super().__init__()
        if isinstance(value, (np.ndarray, list, tuple)):
            if _has_text(value):
                raise TypeError("Constant: value must hold real numbers, got text")
            self.value: Any = real_array(value, "Constant: value").tolist()
        else:
            self.value = number(value, "Constant: value", -INFINITY, INFINITY)

    def make(self, shape: tuple[int, ...]) -> Float:
        """Return float32 values of shape `shape`; raises ValueError if they don't fit it."""
        values = np.asarray(self.value, np.float32)
        try:
            return np.broadcast_to(values, shape).copy()
        except ValueError as error:
            raise ValueError(
                f"Constant: values of shape {values.shape} don't fit a weight of shape {shape}"
            ) from error

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"value": self.value}


def _has_text(value: Any) -> bool:
    """Return whether nested sequences hold a text, each copy of which NumPy would pad."""
    if isinstance(value, (list, tuple)):
        return any(map(_has_text, value))
    return isinstance(value, str)


class Zeros(Constant):
    """Zero everywhere."""

    def __init__(self) -> None:
        super().__init__(0.0)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments: none."""
        return {}


class Ones(Constant):
    """One everywhere."""

    def __init__(self) -> None:
        super().__init__(1.0)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments: none."""
        return {}
