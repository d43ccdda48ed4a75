"""Optimizers: how the weights follow their gradients."""

from typing import Any

from cnnx import registry
from cnnx.optimizers import schedules
from cnnx.optimizers.adam import Adam
from cnnx.optimizers.optimizer import Optimizer
from cnnx.optimizers.sgd import SGD

__all__ = ["SGD", "Adam", "Optimizer", "get", "schedules"]

OPTIMIZERS: dict[str, type[Optimizer]] = {cls.name: cls for cls in (Adam, SGD)}


def get(identifier: Any) -> Optimizer:
    """Return an optimizer from its name, class, config or itself."""
    return registry.get("optimizer", identifier, Optimizer, OPTIMIZERS)
