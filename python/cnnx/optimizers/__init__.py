"""Optimizers: how the weights follow their gradients."""

from typing import Any

from cnnx import registry
from cnnx.optimizers import schedules
from cnnx.optimizers.adagrad import Adagrad
from cnnx.optimizers.adam import Adam
from cnnx.optimizers.adamw import AdamW
from cnnx.optimizers.momentum import Momentum
from cnnx.optimizers.nadam import Nadam
from cnnx.optimizers.optimizer import Optimizer
from cnnx.optimizers.rmsprop import RMSprop
from cnnx.optimizers.sgd import SGD

__all__ = [
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "Momentum",
    "Nadam",
    "Optimizer",
    "RMSprop",
    "get",
    "schedules",
]

OPTIMIZERS: dict[str, type[Optimizer]] = {
    cls.name: cls for cls in (Adagrad, Adam, AdamW, Momentum, Nadam, RMSprop, SGD)
}


def get(identifier: Any, owner: str = "optimizer") -> Optimizer:
    """Return an optimizer from its name, class, config or itself; errors begin with `owner`."""
    return registry.get(owner, identifier, Optimizer, OPTIMIZERS)
