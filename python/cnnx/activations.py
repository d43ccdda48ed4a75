"""Activation functions: applied in place by layers, and callable on arrays."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnnx import _core, registry
from cnnx.arrays import Float, as_float32

__all__ = [
    "Activation",
    "arctan",
    "elu",
    "exponential",
    "get",
    "leaky_relu",
    "linear",
    "relu",
    "sigmoid",
    "softmax",
    "softplus",
    "tanh",
]


@dataclass(frozen=True)
class Activation:
    """
    A function of a layer's net input, and its derivative in terms of the function's value.

    Parameters
    ----------
    name
        Its Keras name.
    forward
        `forward(src, dst)`; dst may be src.
    backward
        `backward(dst, diff_dst, diff_src)`; diff_src may be diff_dst.
    """

    name: str
    forward: Callable[[Float, Float], None]
    backward: Callable[[Float, Float, Float], None]

    @property
    def elementwise(self) -> bool:
        """Whether each value depends on its own element alone; softmax's do on a whole row."""
        return self.name != "softmax"

    def __call__(self, x: Any) -> Float:
        """Return the function's values at `x`, an array of any shape."""
        src = as_float32(x, f"{self.name}: x")
        dst = np.empty_like(src)
        self.forward(src, dst)
        return dst

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return get, (self.name,)


def _linear_forward(src: Float, dst: Float) -> None:
    if dst is not src:
        np.copyto(dst, src)


def _linear_backward(dst: Float, diff_dst: Float, diff_src: Float) -> None:
    if diff_src is not diff_dst:
        np.copyto(diff_src, diff_dst)


linear = Activation("linear", _linear_forward, _linear_backward)
relu = Activation("relu", _core.relu_forward, _core.relu_backward)
sigmoid = Activation("sigmoid", _core.sigmoid_forward, _core.sigmoid_backward)
tanh = Activation("tanh", _core.tanh_forward, _core.tanh_backward)
arctan = Activation("arctan", _core.arctan_forward, _core.arctan_backward)
softmax = Activation("softmax", _core.softmax_forward, _core.softmax_backward)
elu = Activation("elu", _core.elu_forward, _core.elu_backward)
leaky_relu = Activation("leaky_relu", _core.leaky_relu_forward, _core.leaky_relu_backward)
softplus = Activation("softplus", _core.softplus_forward, _core.softplus_backward)
exponential = Activation("exponential", _core.exponential_forward, _core.exponential_backward)

ACTIVATIONS = {
    function.name: function
    for function in (
        linear,
        relu,
        sigmoid,
        tanh,
        arctan,
        softmax,
        elu,
        leaky_relu,
        softplus,
        exponential,
    )
}


def get(identifier: Any, owner: str = "activation") -> Activation:
    """
    Return an activation from its name or itself; None is linear. Errors begin with `owner`.

    Raises
    ------
    TypeError, ValueError
        For anything else, or an unknown name.
    """
    if identifier is None:
        return linear
    if isinstance(identifier, Activation):
        return identifier
    if isinstance(identifier, str):
        return registry.resolve(owner, identifier, ACTIVATIONS)
    raise TypeError(
        f"{owner} must be one of {', '.join(ACTIVATIONS)} or an Activation, got {identifier!r}"
    )
