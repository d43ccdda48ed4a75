"""Losses: one a row, and its gradient by the outputs."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reference.activations import log_softmax_forward, sigmoid_forward, softmax_forward
from reference.arrays import Array, f64

CLIP = 1e-7


def one_hot(labels: NDArray[np.int64], n: int) -> Array:
    return np.eye(n)[labels]


def softmax_cross_entropy(logits: ArrayLike, targets: ArrayLike) -> tuple[Array, Array]:
    """-sum t log softmax(z); by z: p sum(t) - t, which is p - t for targets that sum to 1."""
    targets = f64(targets)
    losses = -(targets * log_softmax_forward(logits)).sum(axis=-1)
    return losses, softmax_forward(logits) * targets.sum(axis=-1, keepdims=True) - targets


def sigmoid_cross_entropy(logits: ArrayLike, targets: ArrayLike) -> tuple[Array, Array]:
    """mean of max(z, 0) - z t + log(1 + e^-|z|); by z: (p - t) / n."""
    logits, targets = f64(logits), f64(targets)
    losses = np.maximum(logits, 0) - logits * targets + np.log1p(np.exp(-np.abs(logits)))
    return losses.mean(axis=-1), (sigmoid_forward(logits) - targets) / logits.shape[-1]


def clipped(probs: ArrayLike) -> tuple[Array, NDArray[np.bool_]]:
    """Probabilities clipped to [1e-7, 1 - 1e-7], and where the clip left them alone."""
    low, high = float(np.float32(CLIP)), float(np.float32(1) - np.float32(CLIP))
    probs = f64(probs)
    return np.clip(probs, low, high), (probs >= low) & (probs <= high)


def categorical_cross_entropy(outputs: ArrayLike, targets: ArrayLike) -> tuple[Array, Array]:
    """-sum t log p with p = y / sum y; by p: -t / p; by y: (by p - sum of p by p) / sum y.

    Where the sum is 1 but for 1e-4, or 0, p = y.
    """
    y, t = f64(outputs), f64(targets)
    sums = y.sum(axis=-1, keepdims=True)
    is_one = (np.abs(sums - 1) <= 1e-4) | (sums == 0)
    sums = np.where(is_one, 1.0, sums)
    p, inside = clipped(y / sums)
    by_p = np.where(inside, -t / p, 0.0)
    by_y = (by_p - (by_p * p).sum(axis=-1, keepdims=True)) / sums
    return -(t * np.log(p)).sum(axis=-1), np.where(is_one, by_p, by_y)


def binary_cross_entropy(probs: ArrayLike, targets: ArrayLike) -> tuple[Array, Array]:
    """mean of -t log p - (1 - t) log(1 - p); by p: (p - t) / (p (1 - p)) / n."""
    (p, inside), t = clipped(probs), f64(targets)
    losses = -(t * np.log(p) + (1 - t) * np.log1p(-p))
    return losses.mean(axis=-1), np.where(inside, (p - t) / (p * (1 - p)), 0.0) / p.shape[-1]


def mean_squared_error(outputs: ArrayLike, targets: ArrayLike) -> tuple[Array, Array]:
    """mean of (y - t)^2; by y: 2 (y - t) / n."""
    error = f64(outputs) - f64(targets)
    return (error**2).mean(axis=-1), 2 * error / error.shape[-1]


def half_squared_error(outputs: ArrayLike, targets: ArrayLike) -> tuple[Array, Array]:
    """sum of (y - t)^2 / 2; by y: y - t."""
    error = f64(outputs) - f64(targets)
    return (error**2).sum(axis=-1) / 2, error


def mean_absolute_error(outputs: ArrayLike, targets: ArrayLike) -> tuple[Array, Array]:
    """mean of |y - t|; by y: sign(y - t) / n."""
    error = f64(outputs) - f64(targets)
    return np.abs(error).mean(axis=-1), np.sign(error) / error.shape[-1]
