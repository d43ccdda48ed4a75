"""The losses of rows, written again from their equations in NumPy and float64."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.activations import sigmoid_forward, softmax_forward

Array = NDArray[np.float64]
EPSILON = 1e-7
Form = Callable[[Array, Array], Any]
"""From targets and outputs (rows, n) to the loss of each row."""


def percentage(t: Array, y: Array) -> Any:
    return (100 * np.abs(y - t) / np.abs(t)).mean(axis=1)


def logarithmic(t: Array, y: Array) -> Any:
    return ((np.log(1 + np.maximum(y, EPSILON)) - np.log(1 + t)) ** 2).mean(axis=1)


def huber(delta: float) -> Form:
    def of_error(e: float) -> float:
        return e * e / 2 if abs(e) <= delta else delta * abs(e) - delta * delta / 2

    return lambda t, y: np.vectorize(of_error)(y - t).mean(axis=1)


def log_cosh(t: Array, y: Array) -> Any:
    return np.log(np.cosh(y - t)).mean(axis=1)


def hinge(power: int) -> Form:
    return lambda t, y: (np.maximum(1 - (2 * t - 1) * y, 0) ** power).mean(axis=1)


def categorical_hinge(t: Array, y: Array) -> Any:
    found = []
    for target, outputs in zip(t, y, strict=True):
        right = int(target.argmax())
        wrong = max([0.0, *(v for i, v in enumerate(outputs) if i != right)])
        found.append(max(0.0, 1 + wrong - outputs[right]))
    return np.array(found)


def kl_divergence(t: Array, p: Array) -> Any:
    t = np.maximum(t, EPSILON)
    return (t * (np.log(t) - np.log(p))).sum(axis=1)


def poisson(t: Array, y: Array) -> Any:
    return (y - t * np.log(y + EPSILON)).mean(axis=1)


def cosine(t: Array, y: Array) -> Any:
    pairs = zip(t, y, strict=True)
    return np.array([-np.dot(a, b) / math.sqrt(np.dot(a, a) * np.dot(b, b)) for a, b in pairs])


def generalized(q: float) -> Form:
    return lambda t, p: (1 - (t * p).sum(axis=1) ** q) / q


def binary_focal(alpha: float | None, gamma: float, smoothing: float = 0.0) -> Form:
    def form(t: Array, p: Array) -> Any:
        t = t * (1 - smoothing) + smoothing / 2
        q = t * p + (1 - t) * (1 - p)
        entropy = -(t * np.log(p) + (1 - t) * np.log(1 - p))
        balance = 1 if alpha is None else t * alpha + (1 - t) * (1 - alpha)
        return (balance * (1 - q) ** gamma * entropy).mean(axis=1)

    return form


def categorical_focal(alpha: Any, gamma: float, smoothing: float = 0.0) -> Form:
    def form(t: Array, y: Array) -> Any:
        t = t * (1 - smoothing) + smoothing / t.shape[1]
        p = y / y.sum(axis=1, keepdims=True)
        return -(np.asarray(alpha) * (1 - p) ** gamma * t * np.log(p)).sum(axis=1)

    return form


def of_logits(form: Form, squash: Callable[[Any], Array]) -> Form:
    return lambda t, z: form(t, squash(z))


SIGMOID, SOFTMAX = sigmoid_forward, softmax_forward


def dice(t: Array, p: Array) -> Any:
    return 1 - 2 * (t * p).sum(axis=1) / (t.sum(axis=1) + p.sum(axis=1) + EPSILON)


def tversky(alpha: float, beta: float) -> Form:
    def form(t: Array, p: Array) -> Any:
        both = (t * p).sum(axis=1)
        missed, in_vain = (t * (1 - p)).sum(axis=1), ((1 - t) * p).sum(axis=1)
        return 1 - both / (both + alpha * missed + beta * in_vain + EPSILON)

    return form
