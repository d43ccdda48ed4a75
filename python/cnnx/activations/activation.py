"""What every activation function is."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from cnnx import _core
from cnnx.arrays import Float, as_float32


@dataclass(frozen=True)
class Activation:
    """
    A function of a layer's net input, and its derivative.

    Parameters
    ----------
    name
        Its Keras name.
    forward
        `forward(src, dst)`; dst may be src.
    backward
        `backward(dst, diff_dst, diff_src)`, or `backward(src, diff_dst, diff_src)` if `of_input`;
        diff_src may be diff_dst.
    of_input
        Whether the derivative is computed from the function's argument, not from its value. The
        argument is then kept until the backward pass.
    elementwise
        Whether each value depends on its own element alone; softmax's do on a whole row.
    increasing
        Whether a larger argument never gives a smaller value. A max pooling may then come first.
    in_core
        Whether the core knows the function by its name, and can apply it within the pass of
        another operation; in training only if the derivative is not computed from the argument.
    """

    name: str
    forward: Callable[[Float, Float], None]
    backward: Callable[[Float, Float, Float], None]
    of_input: bool = False
    elementwise: bool = True
    increasing: bool = False
    in_core: bool = False

    @property
    def native(self) -> bool:
        """Whether both functions only call the core."""
        functions = (self.forward, self.backward)
        return self.in_core or all(
            getattr(function, "__module__", None) == _core.__name__ for function in functions
        )

    def __call__(self, x: Any) -> Float:
        """Return the function's values at `x`, an array of any shape."""
        src = as_float32(x, f"{self.name}: x")
        dst = np.empty_like(src)
        self.forward(src, dst)
        return dst

    def __reduce__(self) -> tuple[Any, ...]:
        if ACTIVATIONS.get(self.name) is self:
            return _named, (self.name,)
        return Activation, tuple(getattr(self, field.name) for field in fields(self))


ACTIVATIONS: dict[str, Activation] = {}
"""The functions by name, entered by `cnnx.activations`."""


def _named(name: str) -> Activation:
    """Return a function of the table; for pickle and copy."""
    return ACTIVATIONS[name]


def of_core(name: str, of_input: bool = False) -> Activation:
    """Return a function of the core: an increasing one, or one with a derivative of its input."""
    forward, backward = getattr(_core, f"{name}_forward"), getattr(_core, f"{name}_backward")
    return Activation(
        name, forward, backward, of_input=of_input, increasing=not of_input, in_core=True
    )
