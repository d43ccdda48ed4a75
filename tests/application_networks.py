"""Networks of cnnx.applications, small, and pictures for them."""

from __future__ import annotations

from typing import Any

import numpy as np

import cnnx
from cnnx import applications

SHAPE = (32, 32, 3)


def small(name: str, **arguments: Any) -> cnnx.Model:
    """Build a network for small pictures and few classes."""
    shape = {"LeNet5": (32, 32, 1)}.get(name, SHAPE)
    function = getattr(applications, name)
    return function(**{"input_shape": shape, "classes": 7, **arguments})


def randomised(model: cnnx.Model, seed: int = 0) -> cnnx.Model:
    """Give a network weights with which its outputs differ from picture to picture."""
    chance = np.random.default_rng(seed)
    for weight in model.weights:
        if len(weight.shape) > 1:
            fan = weight.shape[0] * weight.shape[1] if weight.name == "depthwise_kernel" else 0
            fan = fan or int(np.prod(weight.shape[:-1]))
            weight.assign(chance.normal(0, np.sqrt(2 / fan), weight.shape))
        elif weight.name in ("gamma", "moving_variance", "variance"):
            weight.assign(chance.uniform(0.5, 1.5, weight.shape))
        else:
            weight.assign(chance.normal(0, 0.1, weight.shape))
    return model


def pictures(*shape: int) -> Any:
    return np.random.default_rng(1).uniform(0, 255, (3, *shape)).astype(np.float32)
