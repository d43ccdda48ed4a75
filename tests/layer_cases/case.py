"""What a case of a layer is, and what cases of several families use."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from cnnx import layers
from layer_test import Oracle


class Case(NamedTuple):
    layer_class: type[layers.Layer]
    arguments: dict[str, Any]
    input_shape: tuple[int, ...]
    oracle: Oracle


def identity(x: Any) -> Any:
    return x


def of_sequences(operation: Any, x: Any, *weights: Any) -> Any:
    """Call an oracle for images on sequences, as images of height 1."""
    kernels = [
        weight[None] if isinstance(weight, np.ndarray) and weight.ndim > 1 else weight
        for weight in weights
    ]
    return operation(x[:, None], *kernels)[:, 0]
