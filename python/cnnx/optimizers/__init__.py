"""Optimizers: how the weights follow their gradients."""

from collections.abc import Mapping
from typing import Any

from cnnx import registry
from cnnx.optimizers import schedules
from cnnx.optimizers.adadelta import Adadelta
from cnnx.optimizers.adagrad import Adagrad
from cnnx.optimizers.adam import Adam
from cnnx.optimizers.adamax import Adamax
from cnnx.optimizers.adamw import AdamW
from cnnx.optimizers.lion import Lion
from cnnx.optimizers.momentum import Momentum
from cnnx.optimizers.nadam import Nadam
from cnnx.optimizers.optimizer import Optimizer
from cnnx.optimizers.rmsprop import RMSprop
from cnnx.optimizers.sgd import SGD

__all__ = [
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Lion",
    "Momentum",
    "Nadam",
    "Optimizer",
    "RMSprop",
    "deserialize",
    "get",
    "schedules",
    "serialize",
]

OPTIMIZERS: dict[str, type[Optimizer]] = {
    cls.name: cls
    for cls in (Adadelta, Adagrad, Adam, AdamW, Adamax, Lion, Momentum, Nadam, RMSprop, SGD)
}


def get(identifier: Any, owner: str = "optimizer") -> Optimizer:
    """Return an optimizer from its name, class, config or itself; errors begin with `owner`."""
    return registry.get(owner, identifier, Optimizer, OPTIMIZERS)


def serialize(optimizer: Optimizer) -> dict[str, Any]:
    """Return what `deserialize` makes the same optimizer from, as JSON-serialisable values."""
    return registry.serialize(optimizer)


def deserialize(
    config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None
) -> Optimizer:
    """Make an optimizer from what `serialize` returned; its state begins anew."""
    with registry.custom_objects(custom_objects, "optimizers.deserialize"):
        return registry.get("optimizer", config, Optimizer, OPTIMIZERS)
