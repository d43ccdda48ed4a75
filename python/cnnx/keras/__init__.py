"""
The names of cnnx under the paths that users of Keras write.

After `import cnnx as tf`, `tf.keras.layers.Dense` is `cnnx.layers.Dense`; so is the class of
`from cnnx.keras.layers import Dense`. A program for Keras changes its import lines only. Every
module here holds the objects of the module of the same name in cnnx, and nothing of its own.
"""

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

from cnnx.initializers import Initializer
from cnnx.keras import (
    activations,
    callbacks,
    constraints,
    initializers,
    layers,
    losses,
    metrics,
    models,
    optimizers,
    regularizers,
    saving,
    utils,
)
from cnnx.layers import Input, Layer
from cnnx.losses import Loss
from cnnx.metrics import Metric
from cnnx.models import Model, Sequential
from cnnx.optimizers import Optimizer

if TYPE_CHECKING:
    from cnnx.keras import applications, datasets

__all__ = [
    "Initializer",
    "Input",
    "Layer",
    "Loss",
    "Metric",
    "Model",
    "Optimizer",
    "Sequential",
    "activations",
    "applications",
    "callbacks",
    "constraints",
    "datasets",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "optimizers",
    "regularizers",
    "saving",
    "utils",
]


def __getattr__(name: str) -> ModuleType:
    if name in ("applications", "datasets"):  # on first use, as in cnnx
        return importlib.import_module(f"cnnx.keras.{name}")
    raise AttributeError(f"module 'cnnx.keras' has no attribute {name!r}")
