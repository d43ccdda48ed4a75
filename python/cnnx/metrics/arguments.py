"""What metrics are given, checked."""

from typing import Any

import numpy as np

from cnnx.arrays import Double, Float, as_float32


def without_last_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return `shape` as it is whether single numbers have an axis or not."""
    while shape[-1:] == (1,):
        shape = shape[:-1]
    return shape


def check_fits(given: tuple[int, ...], wanted: tuple[int, ...], outputs: Any, name: str) -> None:
    """Raise ValueError if targets have another shape than they should; `name` begins it."""
    if without_last_ones(given) != without_last_ones(wanted):
        raise ValueError(f"{name}: y_true of shape {given} does not fit y_pred of shape {outputs}")


def like_outputs(y_true: Any, y_pred: Any, name: str) -> tuple[Float, Float]:
    """
    Return targets and outputs (samples, ..., outputs) of one shape.

    Raises
    ------
    ValueError, TypeError
        If they are no numbers, or have different shapes; `name` begins the message.
    """
    outputs = as_float32(y_pred, f"{name}: y_pred")
    targets = as_float32(y_true, f"{name}: y_true")
    check_fits(targets.shape, outputs.shape, outputs.shape, name)
    if outputs.ndim < 2:
        outputs = outputs.reshape(-1, 1)
    return targets.reshape(outputs.shape), outputs


def weights_like(sample_weight: Any, shape: tuple[int, ...], name: str) -> Double:
    """
    Return weights in the shape of outputs.

    Parameters
    ----------
    sample_weight
        One number; or numbers for samples, for rows of outputs, or for outputs. None is 1.
    shape
        Of the outputs: (samples, ..., outputs).
    name
        What errors begin with.

    Raises
    ------
    ValueError
        For another shape, and for a weight that is not finite.
    """
    if sample_weight is None:
        return np.broadcast_to(np.float64(1), shape)
    weights = np.asarray(as_float32(sample_weight, f"{name}: sample_weight"), np.float64)
    if not np.isfinite(weights).all():
        raise ValueError(f"{name}: sample_weight must be finite")
    short = without_last_ones(weights.shape)
    whole = without_last_ones(shape)
    if short != whole[: len(short)]:
        raise ValueError(
            f"{name}: sample_weight of shape {weights.shape} does not fit outputs of shape {shape}"
        )
    ones = (1,) * (len(shape) - len(short))
    return np.broadcast_to(weights.reshape((*short, *ones)), shape)


def one_number(value: Any, name: str) -> float:
    """Return a figure as a float; raises ValueError if it is several."""
    if np.size(value) != 1:
        raise ValueError(
            f"{name} gives {np.size(value)} figures, and training reports one; give it one "
            "threshold, or an average such as 'macro'"
        )
    return float(np.asarray(value).reshape(()))


def listed(value: Any, name: str) -> list[Any]:
    """Return the items of a list, a tuple, a range or an array of one axis; raises TypeError."""
    if isinstance(value, (list, tuple, range)) or (
        isinstance(value, np.ndarray) and value.ndim == 1
    ):
        return list(value)
    raise TypeError(f"{name} must be a list of numbers, got {value!r}")
