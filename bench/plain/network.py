"""Training of `numpy_cnn`, written out layer by layer around the operations on images."""

from collections.abc import Sequence

import numpy as np

from bench.networks import Array
from bench.networks.description import BETA_1, BETA_2, EPSILON, LEARNING_RATE
from bench.plain.operations import Operations


def gradients(
    operations: Operations, weights: Sequence[Array], images: Array, labels: Array
) -> tuple[float, list[Array]]:
    """
    Return the loss and the gradients of the weights, both the mean over the images.

    Images are (batch, channels, height, width), weights (filters, channels, height, width) or
    (out, in), each followed by its bias.
    """
    size = len(images) if operations.whole_batches else 1
    parts = [
        _sums(operations, weights, images[i : i + size], labels[i : i + size])
        for i in range(0, len(images), size)
    ]
    losses, found = zip(*parts, strict=True)
    totals = [np.sum(arrays, axis=0) for arrays in zip(*found, strict=True)]
    return sum(losses) / len(images), [total / len(images) for total in totals]


def _sums(
    operations: Operations, weights: Sequence[Array], images: Array, labels: Array
) -> tuple[float, list[Array]]:
    """Return the loss and the gradients of the weights, both the sum over the images."""
    k1, b1, k2, b2, w3, b3, w4, b4 = weights
    first = np.maximum(operations.convolve(images, k1, b1), 0)
    second = np.maximum(operations.convolve(first, k2, b2), 0)
    pooled = operations.max_pool(second)
    flat = pooled.reshape(len(images), -1)
    hidden = np.maximum(flat @ w3.T + b3, 0)
    probabilities = _softmax(hidden @ w4.T + b4)
    right = (np.arange(len(labels)), labels)
    loss = -np.log(probabilities[right]).sum()

    dz4 = probabilities
    dz4[right] -= 1
    dz3 = (dz4 @ w4) * (hidden > 0)
    dpooled = (dz3 @ w3).reshape(pooled.shape)
    dz2 = operations.max_pool_backward(second, dpooled) * (second > 0)
    dfirst, dk2, db2 = operations.convolve_backward(first, k2, dz2, True)
    dz1 = dfirst * (first > 0)
    _, dk1, db1 = operations.convolve_backward(images, k1, dz1, False)
    dense = [dz3.T @ flat, dz3.sum(axis=0), dz4.T @ hidden, dz4.sum(axis=0)]
    return float(loss), [dk1, db1, dk2, db2, *dense]


def _softmax(z: Array) -> Array:
    exponentials: Array = np.exp(z - z.max(axis=1, keepdims=True))
    exponentials /= exponentials.sum(axis=1, keepdims=True)
    return exponentials


class Adam:
    """Adam with the rates of `bench.networks.description`, which changes `weights`."""

    def __init__(self, weights: Sequence[Array]) -> None:
        self._weights = weights
        self._means = [np.zeros_like(array) for array in weights]
        self._squares = [np.zeros_like(array) for array in weights]
        self._steps = 0

    def step(self, gradients: Sequence[Array]) -> None:
        """Move the weights against their gradients."""
        self._steps += 1
        whole_mean, whole_square = (1 - beta**self._steps for beta in (BETA_1, BETA_2))
        states = zip(self._weights, self._means, self._squares, gradients, strict=True)
        for array, mean, square, gradient in states:
            mean += (1 - BETA_1) * (gradient - mean)
            square += (1 - BETA_2) * (gradient**2 - square)
            array -= LEARNING_RATE / whole_mean * mean / (np.sqrt(square / whole_square) + EPSILON)
