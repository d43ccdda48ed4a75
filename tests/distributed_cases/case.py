"""What the cases share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import cnnx
from cnnx import layers
from cnnx.distributed import Group

JOINT = 24
"""Samples a step, of all ranks."""

Case = Callable[[Group], dict[str, Any]]
CASES: dict[str, Case] = {}


def case(function: Case) -> Case:
    CASES[function.__name__] = function
    return function


def draw(*shape: int) -> Any:
    return np.random.default_rng(7).standard_normal(shape).astype(np.float32)


def chain(group: Group, *metrics: Any, optimizer: Any = "adam") -> cnnx.Sequential:
    """Return a network with other weights on each rank, until training begins."""
    cnnx.utils.set_random_seed(3 + group.rank)
    model = cnnx.Sequential(
        [
            cnnx.Input((8, 8, 1)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(16, activation="tanh"),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(optimizer, "sparse_categorical_crossentropy", ["accuracy", *metrics])
    return model


def fit(group: Group, model: Any, x: Any, y: Any, **options: Any) -> dict[str, Any]:
    options = {"batch_size": JOINT // group.size, "epochs": 4, "verbose": 0, **options}
    history = model.fit(x, y, **options)
    return {"weights": model.get_weights(), "history": history.history, "batches": history.batches}
