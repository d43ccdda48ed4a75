"""How often the loss of a sample counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cnnx.arrays import Array, Float, as_float32
from cnnx.geometry import integer, number


def check_sample_weight(sample_weight: Any, samples: int, operation: str) -> Float:
    """
    Return weights as contiguous float32 of shape (samples,).

    Raises
    ------
    ValueError
        For another shape, a negative weight or one that is not finite.
    """
    weights = as_float32(sample_weight, f"{operation}: sample_weight")
    if weights.shape != (samples,):
        raise ValueError(
            f"{operation}: sample_weight must hold one number a sample, shape ({samples},), "
            f"got {weights.shape}"
        )
    wrong = ~(np.isfinite(weights) & (weights >= 0))
    if wrong.any():
        raise ValueError(f"{operation}: sample_weight must be at least 0, got {weights[wrong][0]}")
    return weights


def check_class_weight(
    class_weight: Mapping[int, float] | None, operation: str
) -> dict[int, float] | None:
    """
    Return weights by class as ints and floats; None if there are none.

    Raises
    ------
    TypeError, ValueError
        For anything but classes from 0 on and weights of at least 0.
    """
    if class_weight is None:
        return None
    name = f"{operation}: class_weight"
    if not isinstance(class_weight, Mapping):
        raise TypeError(f"{name} must be a dict such as {{0: 1.0, 1: 3.0}}, got {class_weight!r}")
    return {
        integer(label, f"{name}: a class", minimum=0): number(
            weight, f"{name} of class {label}", 0, np.inf
        )
        for label, weight in class_weight.items()
    }


def weigh_classes(
    data: Sequence[Array], class_weight: Mapping[int, float] | None, operation: str
) -> list[Array]:
    """
    Return samples, targets and weights, with the classes' weights multiplied in.

    Parameters
    ----------
    data
        Samples, targets, and weights if there are any.
    class_weight
        What `check_class_weight` returned.
    operation
        What errors begin with.

    Raises
    ------
    ValueError
        If the targets tell no class.
    """
    samples, targets, *weights = data
    if class_weight is None:
        return list(data)
    labels = _labels(targets, operation)
    factors = np.ones(len(labels), np.float32)
    for label, factor in class_weight.items():
        factors[labels == label] = factor
    return [samples, targets, weights[0] * factors if weights else factors]


def _labels(targets: Array, operation: str) -> Array:
    """Return the class of each target: a label, one of two, or one-hot."""
    if targets.ndim == 1:
        return targets
    if targets.ndim == 2:
        return targets[:, 0] if targets.shape[1] == 1 else targets.argmax(1)
    raise ValueError(
        f"{operation}: class_weight needs one class a sample, the targets have shape "
        f"{targets.shape}; use sample_weight"
    )
