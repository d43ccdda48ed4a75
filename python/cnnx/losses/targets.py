"""Checks of targets, and what to do about wrong ones."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnx import _core
from cnnx.arrays import FLOAT32, Array, Float, as_float32, is_contiguous
from cnnx.geometry import integer


def ignored_label(label: int | None, name: str) -> int | None:
    """Return a label that does not count, any whole number; None if all count."""
    return None if label is None else integer(label, name, minimum=-(2**31))


def require_shares(loss_name: str, targets: Array, owner: str) -> None:
    """Raise ValueError for a target outside 0 to 1; NaN passes, and gives a loss of NaN."""
    if is_contiguous(targets, FLOAT32) and _core.are_shares(targets):
        return
    lowest = np.fmin.reduce(targets, axis=None, initial=1)
    highest = np.fmax.reduce(targets, axis=None, initial=0)
    if lowest < 0 or highest > 1:
        raise ValueError(
            f"{owner}: {loss_name} needs targets from 0 to 1, got "
            f"{lowest if lowest < 0 else highest:g}; take (y + 1) / 2 of -1 and 1, y / 255 of "
            "masks of 0 and 255"
        )


def hint_of_flattening(rows: Sequence[int], y: Array) -> str:
    """Return the remedy where a network gives a result for each pixel, and a sample has a label."""
    if len(rows) > 1 and y.shape in ((rows[0],), (rows[0], 1)):
        return (
            "; for one label a sample put layers.Flatten() or layers.GlobalAveragePooling2D() "
            "before the last Dense layer"
        )
    return ""


def hint_of_labels(output_shape: tuple[int, ...], y: Array) -> str:
    """Return the remedy where labels are given for several outputs."""
    if output_shape[-1] > 1 and y.shape in (output_shape[:-1], (*output_shape[:-1], 1)):
        return (
            "; labels of classes go with sparse_categorical_crossentropy, or become one-hot rows: "
            f"cnnx.utils.to_categorical(y, {output_shape[-1]})"
        )
    return ""


def require_classes(loss_name: str, output_shape: tuple[int, ...], owner: str) -> None:
    """Raise ValueError for a network of one output."""
    if output_shape[-1] < 2:
        raise ValueError(
            f"{owner}: {loss_name} compares classes, but the network has one output; use "
            "binary_crossentropy and a sigmoid, or one output for each class"
        )


def weights_of_rows(sample_weight: Any, rows: tuple[int, ...], owner: str) -> Float:
    """
    Return weights of samples, or of rows of outputs, as one for each row.

    Parameters
    ----------
    sample_weight
        Numbers of shape (samples,), (samples, 1), or `rows`.
    rows
        Shape of a batch's rows: (samples, ...).
    owner
        What errors begin with.
    """
    weights = as_float32(sample_weight, f"{owner}: sample_weight")
    if weights.shape[1:] == (1,) and weights.shape != rows:
        weights = weights[:, 0]
    if weights.shape not in (rows, rows[:1]):
        raise ValueError(
            f"{owner}: sample_weight must have the shape {rows[:1]} or {rows}, got {weights.shape}"
        )
    if not np.isfinite(weights).all():
        raise ValueError(f"{owner}: sample_weight must be finite")
    shaped = weights.reshape(weights.shape + (1,) * (len(rows) - weights.ndim))
    return np.ascontiguousarray(np.broadcast_to(shaped, rows))


def require_last_axis(axis: int, owner: str) -> None:
    """Raise ValueError or TypeError for an axis that is not -1."""
    if integer(axis, f"{owner}: axis", minimum=-64) != -1:
        raise ValueError(
            f"{owner}: axis must be -1, got {axis}; layers.Permute brings the classes to the end"
        )
