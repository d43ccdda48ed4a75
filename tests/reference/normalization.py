"""Normalisation of batches, samples and rows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reference.arrays import Array, f64


def batch_norm_forward(
    src: ArrayLike,
    gamma: ArrayLike,
    beta: ArrayLike,
    mean: ArrayLike,
    variance: ArrayLike,
    epsilon: float,
) -> Array:
    """Gamma (x - mean) / sqrt(variance + epsilon) + beta; with given or the batch's statistics."""
    return f64(gamma) * (f64(src) - f64(mean)) / np.sqrt(f64(variance) + epsilon) + f64(beta)


def batch_norm_statistics(src: ArrayLike) -> tuple[Array, Array]:
    """Mean and biased variance of every channel."""
    rows = f64(src).reshape(-1, np.shape(src)[-1])
    mean = rows.mean(axis=0)
    return mean, ((rows - mean) ** 2).mean(axis=0)


def batch_norm_backward(
    src: ArrayLike, diff_dst: ArrayLike, gamma: ArrayLike, epsilon: float
) -> tuple[Array, Array, Array]:
    """With x^ = (x - mean) / std: dx = gamma / std (dy - mean(dy) - x^ mean(dy x^))."""
    src, diff_dst = f64(src), f64(diff_dst)
    mean, variance = batch_norm_statistics(src)
    std = np.sqrt(variance + epsilon)
    normal = (src - mean) / std
    axes = tuple(range(src.ndim - 1))
    diff_beta = diff_dst.sum(axis=axes)
    diff_gamma = (diff_dst * normal).sum(axis=axes)
    rows = src.size // src.shape[-1]
    diff_src = f64(gamma) / std * (diff_dst - diff_beta / rows - normal * diff_gamma / rows)
    return diff_src, diff_gamma, diff_beta


def normalised_together(
    src: ArrayLike, gamma: ArrayLike, beta: ArrayLike, epsilon: float, together: NDArray[Any]
) -> Array:
    """Each sample by itself: elements with the same number in `together` have one mean."""
    src = f64(src)
    normal = np.zeros_like(src)
    for x, y in zip(src, normal, strict=True):
        for number in np.unique(together):
            group = x[together == number]
            mean = group.sum() / group.size
            variance = ((group - mean) ** 2).sum() / group.size
            y[together == number] = (group - mean) / math.sqrt(variance + epsilon)
    return f64(gamma) * normal + f64(beta)


def groups_of_channels(shape: tuple[int, ...], groups: int) -> NDArray[Any]:
    """The number of the group of each element of a sample, for `normalised_together`."""
    numbers = np.zeros(shape, int)
    for channel in range(shape[-1]):
        numbers[..., channel] = channel // (shape[-1] // groups)
    return numbers


def pixels(shape: tuple[int, ...]) -> NDArray[Any]:
    """The number of the pixel of each element of a sample, for `normalised_together`."""
    numbers = np.zeros(shape, int)
    for number, place in enumerate(np.ndindex(shape[:-1])):
        numbers[place] = number
    return numbers


def unit_length(src: ArrayLike, axes: int | tuple[int, ...] = -1) -> Array:
    """x over the root of the sum of its squares along axes."""
    src = f64(src)
    return src / np.sqrt((src * src).sum(axis=axes, keepdims=True))


def rms_normalised(
    src: ArrayLike, scale: ArrayLike, epsilon: float, axes: int | tuple[int, ...] = -1
) -> Array:
    """x over the root of the mean of its squares along axes, times a scale."""
    src = f64(src)
    return scale * src / np.sqrt((src * src).mean(axis=axes, keepdims=True) + epsilon)
