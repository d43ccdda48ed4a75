"""Convolutional networks for images, trained and run fast on ordinary CPUs."""

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

import cnnx.interpreter
import cnnx.openmp  # noqa: F401  (these two must come first)
from cnnx import (
    activations,
    callbacks,
    config,
    constraints,
    distributed,
    initializers,
    layers,
    losses,
    metrics,
    models,
    ops,
    optimizers,
    random,
    regularizers,
    saving,
    utils,
)
from cnnx._core import __version__
from cnnx.layers import Input
from cnnx.models import Model, Sequential
from cnnx.registry import register

if TYPE_CHECKING:
    from cnnx import applications, data, datasets, explain, filters, keras, onnx, sklearn, torch

__all__ = [
    "Input",
    "Model",
    "Sequential",
    "__version__",
    "activations",
    "applications",
    "callbacks",
    "config",
    "constraints",
    "data",
    "datasets",
    "distributed",
    "explain",
    "filters",
    "initializers",
    "keras",
    "layers",
    "losses",
    "metrics",
    "models",
    "onnx",
    "ops",
    "optimizers",
    "random",
    "register",
    "regularizers",
    "saving",
    "sklearn",
    "torch",
    "utils",
]

_ON_FIRST_USE = (
    "applications",
    "data",
    "datasets",
    "explain",
    "filters",
    "keras",
    "onnx",
    "sklearn",
    "torch",
)


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> ModuleType:
    if name in _ON_FIRST_USE:
        return importlib.import_module(f"cnnx.{name}")
    raise AttributeError(f"module 'cnnx' has no attribute {name!r}")
