"""O10. Dense layers and activation functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cnnx import activations, layers, ops
from single_layer import both


@pytest.mark.parametrize(
    ("logits", "printed", "digits"),
    [
        # S1 "Softmax III". Its cross-entropy example prints .126 for the second: that is a slip
        ([3.2, 1.3, 0.2, 0.8], [0.775, 0.116, 0.039, 0.070], 3),
        ([2, 4], [0.119, 0.881], 3),  # S1 "Softmax VII"
        ([4, 8], [0.018, 0.982], 3),
    ],
)
def test_o10_softmax(logits: list[float], printed: list[float], digits: int) -> None:
    got = ops.softmax([logits])[0]
    np.testing.assert_array_equal(np.round(got.astype(float), digits), printed)
    assert got.sum() == pytest.approx(1, abs=1e-6)


def test_o10_the_exponentials_behind_the_softmax() -> None:
    """S1 "Softmax III"."""
    printed = [24.5325, 3.6693, 1.2214, 2.2255]
    np.testing.assert_allclose(activations.exponential([3.2, 1.3, 0.2, 0.8]), printed, atol=5e-5)


def test_o10_softmax_sees_size_where_division_by_the_sum_does_not() -> None:
    """S1 "Softmax VII-VIII": (.333, .667) for both; and negative logits give probabilities too."""
    for logits in ([2, 4], [4, 8]):
        np.testing.assert_allclose(np.divide(logits, sum(logits)), [0.333, 0.667], atol=5e-4)
    probabilities = ops.softmax([[-3.0, 1.0, -0.5]])
    assert (probabilities > 0).all()
    assert probabilities.sum() == pytest.approx(1)


FUNCTIONS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    # S0 11.3-11.5, S1, S2 2.6: the function and its derivative
    "linear": (lambda z: z, lambda z: np.ones_like(z)),
    "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0) * 1.0),
    "sigmoid": (
        lambda z: 1 / (1 + np.exp(-z)),
        lambda z: np.exp(-z) / (1 + np.exp(-z)) ** 2,
    ),
    "tanh": (np.tanh, lambda z: 1 / np.cosh(z) ** 2),
    "arctan": (np.arctan, lambda z: 1 / (1 + z**2)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_o10_functions_and_their_derivatives(name: str) -> None:
    z = np.linspace(-6, 6, 49)[None]
    function, derivative = FUNCTIONS[name]
    layer = layers.Activation(name)
    layer.build_once((None, z.shape[1]))
    got, slope = both(layer, z, np.ones(z.shape))
    np.testing.assert_allclose(got, function(z), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(slope, derivative(z), rtol=1e-4, atol=1e-7)


def test_o10_the_derivative_of_relu_at_0_is_0() -> None:
    """S2's text and programs; its formula (32) has 1 there."""
    z = np.array([-1, -0.0, 0, 1e-30, 1], np.float32)
    np.testing.assert_array_equal(ops.relu_backward(ops.relu(z), np.ones(5)), [0, 0, 0, 1, 1])


def test_o10_softmax_backward_is_its_jacobian() -> None:
    """dp_i / dz_j = p_i (1[i = j] - p_j)."""
    p = ops.softmax([[3.2, 1.3, 0.2, 0.8]]).astype(float)[0]
    jacobian = np.diag(p) - np.outer(p, p)
    for i, dy in enumerate(np.eye(4)):
        got = ops.softmax_backward([p], [dy])[0]
        np.testing.assert_allclose(got, jacobian[i], atol=1e-7)


def test_o10_dense() -> None:
    """a = f(W a + b); its gradients, S0 11.5.2 (1)-(2): delta, delta a^T and W^T delta."""
    a, weights, bias = [[1.0, -2.0]], [[1.0, 0.5, -1.0], [2.0, 0.0, 3.0]], [0.5, -1.0, 2.0]
    np.testing.assert_array_equal(ops.dense(a, weights, bias), [[-2.5, -0.5, -5]])
    dx, dw, db = ops.dense_backward(a, weights, [[1, 2, 3]])
    np.testing.assert_array_equal(dx, [[-1, 11]])
    np.testing.assert_array_equal(dw, [[1, 2, 3], [-2, -4, -6]])
    np.testing.assert_array_equal(db, [1, 2, 3])
