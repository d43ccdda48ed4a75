"""Multipliers of the losses of samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cnnx.arrays import Array, Float, as_float32
from cnnx.geometry import integer, number


def check_sample_weight(sample_weight: Any, rows: tuple[int, ...], operation: str) -> Float:
    """
    Return weights as contiguous float32.

    Parameters
    ----------
    sample_weight
        One number a sample, or one for each row of outputs: for each pixel of images.
    rows
        Shape of a batch's rows of outputs: (samples,), or (samples, height, width).
    operation
        What errors begin with.

    Raises
    ------
    ValueError
        For another shape, or a weight that is not finite.
    """
    weights = as_float32(sample_weight, f"{operation}: sample_weight")
    if weights.shape not in (rows[:1], rows):
        each = f", or one for each row of outputs, shape {rows}" if len(rows) > 1 else ""
        raise ValueError(
            f"{operation}: sample_weight must hold one number a sample, shape {rows[:1]}{each}, "
            f"got {weights.shape}"
        )
    wrong = ~np.isfinite(weights)
    if wrong.any():
        raise ValueError(f"{operation}: sample_weight must be finite, got {weights[wrong][0]}")
    return weights


def check_class_weight(
    class_weight: Mapping[int, float] | None, operation: str
) -> dict[int, float] | None:
    """
    Return weights by class as ints and floats; None if there are none.

    Raises
    ------
    TypeError, ValueError
        For anything but classes from 0 on and finite weights.
    """
    if class_weight is None:
        return None
    name = f"{operation}: class_weight"
    if not isinstance(class_weight, Mapping):
        raise TypeError(f"{name} must be a dict such as {{0: 1.0, 1: 3.0}}, got {class_weight!r}")
    return {
        integer(label, f"{name}: a class", minimum=0): number(
            weight, f"{name} of class {label}", -float(np.finfo(np.float32).max), np.inf
        )
        for label, weight in class_weight.items()
    }


def weigh_classes(
    data: Sequence[Array],
    class_weight: Mapping[int, float],
    sparse: bool,
    rows: tuple[int, ...],
    operation: str,
) -> list[Array]:
    """
    Return samples, targets and weights, with the classes' weights multiplied in.

    Parameters
    ----------
    data
        Samples, targets, and weights if there are any.
    class_weight
        What `check_class_weight` returned.
    sparse
        Whether the targets are labels.
    rows
        As for `check_sample_weight`.
    operation
        What errors begin with.

    Raises
    ------
    ValueError
        If the targets tell no class.
    """
    samples, targets, *weights = data
    labels = targets.reshape(rows) if sparse else _labels(targets, rows, operation)
    factors = np.ones(rows, np.float32)
    for label, factor in class_weight.items():
        factors[labels == label] = factor
    if weights:
        given = weights[0]
        factors *= given.reshape(given.shape + (1,) * (factors.ndim - given.ndim))
    return [samples, targets, factors]


def _labels(targets: Array, rows: tuple[int, ...], operation: str) -> Array:
    """Return the class of each row of targets: one of two, or the one that is 1."""
    if targets.shape[:-1] == rows and targets.shape[-1] == 1:
        return targets[..., 0]
    if targets.shape[:-1] == rows and (np.count_nonzero(targets, axis=-1) == 1).all():
        labels: Array = targets.argmax(-1)
        return labels
    raise ValueError(
        f"{operation}: class_weight needs one class for each of {rows} rows; of targets of shape "
        f"{targets.shape} some tell none or several; use sample_weight"
    )
