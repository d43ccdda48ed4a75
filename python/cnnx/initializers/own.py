"""Functions of users as initializers."""

import inspect
from collections.abc import Callable
from typing import Any, Self

import numpy as np

from cnnx import registry
from cnnx.arrays import Float, real_array
from cnnx.initializers.initializer import Initializer


class FunctionInitializer(Initializer):
    """
    A function of your own as an initializer; a layer makes one of a function that it is given.

    Parameters
    ----------
    function
        f(shape), or f(shape, dtype=...) as in Keras: returns values of that shape.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        if not registry.is_function(function):
            raise TypeError(f"FunctionInitializer: function must be a function, got {function!r}")
        self.function = function

    def make(self, shape: tuple[int, ...]) -> Float:
        """Return what the function returns."""
        takes = inspect.signature(self.function).parameters
        found = self.function(shape, **({"dtype": "float32"} if "dtype" in takes else {}))
        name = getattr(self.function, "__name__", type(self.function).__name__)
        return real_array(found, f"FunctionInitializer: {name}").astype(np.float32)

    def get_config(self) -> dict[str, Any]:
        """Return the name of the function."""
        return {"function": registry.name_of(self.function)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Make an initializer of a function that is known by its name."""
        return cls(registry.function_of(config["function"]))
