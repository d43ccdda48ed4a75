"""Batch normalisation."""

from typing import Any

import numpy as np

from cnnx import _core, geometry
from cnnx.arrays import Float, as_float32, empty
from cnnx.ops.arguments import expect, vector


def batch_norm(
    x: Any, gamma: Any = None, beta: Any = None, epsilon: float = 1e-3
) -> tuple[Float, Float, Float]:
    """
    Normalise a batch by its own statistics over all axes but the last.

    y = gamma (x - mean) / sqrt(variance + epsilon) + beta.

    Parameters
    ----------
    x
        (batch, ..., channels).
    gamma, beta
        (channels,) or None for 1 and 0.
    epsilon
        Added to the variance, > 0.

    Returns
    -------
    y, and the mean and 1 / sqrt(variance + epsilon) of each channel.
    """
    src = _channels(x, "batch_norm: x")
    channels = src.shape[-1]
    mean, inv_std, moving_mean, moving_variance = np.zeros((4, channels), np.float32)
    dst = empty("batch_norm", src.shape)
    _core.batch_norm_forward_training(
        src,
        vector(gamma, channels, "batch_norm: gamma"),
        vector(beta, channels, "batch_norm: beta"),
        dst,
        mean,
        inv_std,
        moving_mean,
        moving_variance,
        _epsilon(epsilon, "batch_norm"),
        0.0,
    )
    return dst, mean, inv_std


def batch_norm_inference(
    x: Any, mean: Any, variance: Any, gamma: Any = None, beta: Any = None, epsilon: float = 1e-3
) -> Float:
    """
    Normalise a batch by given statistics.

    Parameters
    ----------
    x
        (batch, ..., channels).
    mean, variance
        (channels,).
    gamma, beta
        (channels,) or None for 1 and 0.
    epsilon
        Added to the variance, > 0.
    """
    name = "batch_norm_inference"
    src = _channels(x, f"{name}: x")
    channels = src.shape[-1]
    moving_mean = expect(as_float32(mean, f"{name}: mean"), (channels,), f"{name}: mean")
    moving_variance = as_float32(variance, f"{name}: variance")
    expect(moving_variance, (channels,), f"{name}: variance")
    dst = empty(name, src.shape)
    _core.batch_norm_forward_inference(
        src,
        vector(gamma, channels, f"{name}: gamma"),
        vector(beta, channels, f"{name}: beta"),
        moving_mean,
        moving_variance,
        dst,
        _epsilon(epsilon, name),
    )
    return dst


def batch_norm_backward(
    x: Any, dy: Any, gamma: Any = None, epsilon: float = 1e-3
) -> tuple[Float, Float, Float]:
    """
    Return the gradients of `batch_norm` with respect to x, gamma and beta.

    Parameters
    ----------
    x, gamma, epsilon
        As they were given to `batch_norm`.
    dy
        Gradient with respect to its result.
    """
    name = "batch_norm_backward"
    src = _channels(x, f"{name}: x")
    gradient = expect(as_float32(dy, f"{name}: dy"), src.shape, f"{name}: dy")
    scale = vector(gamma, src.shape[-1], f"{name}: gamma")
    _epsilon(epsilon, name)
    _, mean, inv_std = batch_norm(src, scale, None, epsilon)
    dx, dgamma, dbeta = (empty(name, shape) for shape in (src.shape, mean.shape, mean.shape))
    _core.batch_norm_backward(src, gradient, scale, mean, inv_std, dx, dgamma, dbeta)
    return dx, dgamma, dbeta


def _channels(value: Any, name: str) -> Float:
    array = as_float32(value, name)
    if array.ndim < 2 or array.size == 0:
        raise ValueError(f"{name} must be (batch, ..., channels), got shape {array.shape}")
    return array


def _epsilon(value: float, operation: str) -> float:
    return geometry.number(value, f"{operation}: epsilon", 1e-12, float("inf"))
