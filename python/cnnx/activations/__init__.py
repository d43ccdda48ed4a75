"""Activation functions: applied in place by layers, and callable on arrays."""

from functools import partial
from typing import Any

from cnnx import _core, registry
from cnnx.activations.activation import ACTIVATIONS, Activation
from cnnx.activations.bounded import (
    arctan,
    hard_sigmoid,
    hard_tanh,
    log_sigmoid,
    sigmoid,
    softsign,
    tanh,
)
from cnnx.activations.gated import gelu, hard_silu, mish, silu
from cnnx.activations.own import function_of, of_function
from cnnx.activations.rectifiers import celu, elu, leaky_relu, relu, relu6, selu, threshold
from cnnx.activations.rows import glu, log_softmax, softmax
from cnnx.activations.smooth import (
    exponential,
    hard_shrink,
    soft_shrink,
    softplus,
    squareplus,
    tanh_shrink,
)
from cnnx.arrays import Float

__all__ = [
    "Activation",
    "arctan",
    "celu",
    "deserialize",
    "elu",
    "exponential",
    "gelu",
    "get",
    "glu",
    "hard_shrink",
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
    "serialize",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "squareplus",
    "swish",
    "tanh",
    "tanh_shrink",
    "threshold",
]


def _linear_forward(src: Float, dst: Float) -> None:
    if dst is not src:
        _core.linear_forward(src, dst)


def _linear_backward(dst: Float, diff_dst: Float, diff_src: Float) -> None:
    if diff_src is not diff_dst:
        _core.linear_forward(diff_dst, diff_src)


linear = Activation("linear", _linear_forward, _linear_backward, increasing=True, core="linear")
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
        celu,
        softsign,
        hard_sigmoid,
        hard_tanh,
        log_sigmoid,
        log_softmax,
        silu,
        gelu,
        mish,
        hard_silu,
        hard_shrink,
        soft_shrink,
        tanh_shrink,
        squareplus,
        threshold,
    )
)
_OTHER_NAMES = {"swish": silu, "hard_swish": hard_silu}


def get(identifier: Any, owner: str = "activation") -> Activation:
    """
    Return an activation; None is linear. Errors begin with `owner`.

    Parameters
    ----------
    identifier
        A name; an Activation; a layer that does nothing but apply one, such as `LeakyReLU(0.1)`;
        `functools.partial(relu, max_value=6)` of one of ours; what `serialize` returned; or a
        function f(x) of arrays, element by element, with its derivative as the attribute
        `gradient` (without it, by central differences in float64).

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
        return _named(identifier, owner)
    alone = getattr(identifier, "applied_alone", None)
    if isinstance(alone, Activation):
        return alone
    if isinstance(identifier, partial) and isinstance(identifier.func, Activation):
        return identifier.func.configured(*identifier.args, **identifier.keywords)
    if isinstance(identifier, dict):
        name, config = identifier.get("class_name"), identifier.get("config")
        if isinstance(name, str) and isinstance(config, dict):
            return _named(name, owner).configured(**config)
    elif registry.is_function(identifier):
        return of_function(identifier, owner)
    raise TypeError(
        f"{owner} must be one of {', '.join(ACTIVATIONS)}, an Activation or a function, "
        f"got {identifier!r}"
    )


def _named(name: str, owner: str) -> Activation:
    found = registry.own_item(name)
    if found is None:
        return registry.resolve(owner, name, {**ACTIVATIONS, **_OTHER_NAMES})
    if isinstance(found, Activation):
        return found
    if registry.is_function(found):
        return of_function(found, owner)
    raise ValueError(f"{owner}: {found!r} is no Activation")


def serialize(activation: Any) -> Any:
    """Return an activation for a config, which `get` takes: a name, or a dict with arguments."""
    found = get(activation)
    known = ACTIVATIONS.get(found.name)
    if known is found:
        return found.name
    if known is not None and found.settings:
        return {"class_name": found.name, "config": dict(found.settings)}
    function = function_of(found)
    return registry.own_name(found.name, found if function is None else function)


def deserialize(config: Any, custom_objects: Any = None) -> Activation:
    """
    Return the activation that `serialize` wrote; raises as `get`.

    Parameters
    ----------
    config
        A name, or a dict with class_name and config.
    custom_objects
        Classes and functions of your own by name.
    """
    with registry.custom_objects(custom_objects, "activations.deserialize"):
        return get(config)
