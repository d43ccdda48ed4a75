"""Activation functions: applied in place by layers, and callable on arrays."""

from typing import Any

from cnnx import _core, registry
from cnnx.activations.activation import ACTIVATIONS, Activation, of_core
from cnnx.activations.bounded import (
    hard_sigmoid,
    hard_tanh,
    log_sigmoid,
    log_softmax,
    softsign,
)
from cnnx.activations.gated import gelu, hard_silu, mish, silu
from cnnx.activations.rectifiers import elu, leaky_relu, relu, relu6, selu
from cnnx.arrays import Float

__all__ = [
    "Activation",
    "arctan",
    "elu",
    "exponential",
    "gelu",
    "get",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "linear",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "softsign",
    "swish",
    "tanh",
]


def _linear_forward(src: Float, dst: Float) -> None:
    if dst is not src:
        _core.linear_forward(src, dst)


def _linear_backward(dst: Float, diff_dst: Float, diff_src: Float) -> None:
    if diff_src is not diff_dst:
        _core.linear_forward(diff_dst, diff_src)


linear = Activation("linear", _linear_forward, _linear_backward, increasing=True, in_core=True)
sigmoid = of_core("sigmoid")
tanh = of_core("tanh")
arctan = of_core("arctan")
softplus = of_core("softplus")
exponential = of_core("exponential")
softmax = Activation("softmax", _core.softmax_forward, _core.softmax_backward, elementwise=False)
swish = silu
hard_swish = hard_silu

ACTIVATIONS.update(
    (function.name, function)
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
        relu6,
        selu,
        softsign,
        hard_sigmoid,
        hard_tanh,
        log_sigmoid,
        log_softmax,
        silu,
        gelu,
        mish,
        hard_silu,
    )
)
_OTHER_NAMES = {"swish": silu, "hard_swish": hard_silu}


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
        found = registry.own_item(identifier)
        if found is not None and not isinstance(found, Activation):
            raise ValueError(f"{owner}: {found!r} is no Activation")
        return found or registry.resolve(owner, identifier, {**ACTIVATIONS, **_OTHER_NAMES})
    raise TypeError(
        f"{owner} must be one of {', '.join(ACTIVATIONS)} or an Activation, got {identifier!r}"
    )


def serialize(activation: Activation) -> str:
    """Return the name of an activation for a config, which `get` takes."""
    if ACTIVATIONS.get(activation.name) is activation:
        return activation.name
    return registry.own_name(activation.name, activation)
