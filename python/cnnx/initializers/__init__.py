"""Initial values of weights."""

from typing import Any

from cnnx import registry
from cnnx.initializers.constants import Constant, Ones, Zeros
from cnnx.initializers.distributions import RandomNormal, RandomUniform, TruncatedNormal
from cnnx.initializers.initializer import Initializer
from cnnx.initializers.matrices import Identity, Orthogonal
from cnnx.initializers.own import FunctionInitializer
from cnnx.initializers.scaling import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    VarianceScaling,
)

__all__ = [
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "deserialize",
    "get",
    "serialize",
]

_CLASSES: tuple[type[Initializer], ...] = (
    GlorotUniform,
    GlorotNormal,
    HeUniform,
    HeNormal,
    LecunUniform,
    LecunNormal,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    VarianceScaling,
    Orthogonal,
    Identity,
    Constant,
    Zeros,
    Ones,
)
INITIALIZERS = {registry.snake_case(cls.__name__): cls for cls in _CLASSES}


def get(identifier: Any, owner: str = "initializer") -> Initializer:
    """
    Return an initializer from its name, class, config, a function or itself.

    Errors begin with `owner`.
    """
    if registry.is_function(identifier):
        return FunctionInitializer(identifier)
    if isinstance(identifier, dict) and identifier.get("class_name") == "FunctionInitializer":
        return FunctionInitializer.from_config(identifier["config"])
    return registry.get(owner, identifier, Initializer, INITIALIZERS)


def serialize(initializer: Initializer) -> dict[str, Any]:
    """Return what `get` makes the same initializer from."""
    return registry.serialize(initializer)


def deserialize(config: Any) -> Initializer:
    """Return the initializer that `serialize` wrote; raises as `get`."""
    return get(config)
