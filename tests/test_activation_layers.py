"""Activations, and what works element by element: what the table of cases does not say."""

from __future__ import annotations

import numpy as np

from agreement import assert_close
from cnnx import layers
from single_layer import backward, forward


def test_quantization_rounds_and_lets_gradients_pass() -> None:
    layer = layers.Quantization([0.5, 0.25], [1, 0], -3, 4)
    x = np.array([[0.75, 0.125], [-9.0, 0.3], [0.2, 9.0]], np.float32)
    layer.build_once((None, 2))
    call = forward(layer, x)
    # 0.75 / 0.5 is halfway between 1 and 2, and 0.125 / 0.25 between 0 and 1: the even one
    np.testing.assert_array_equal(call.y, [[3, 0], [-3, 1], [1, 4]])
    dx = backward(layer, call, np.ones_like(x))
    np.testing.assert_array_equal(dx, [[2, 4], [0, 4], [2, 0]])
    again = layers.Quantization.from_config(layer.get_config())
    np.testing.assert_array_equal(again(x), call.y)


def test_logarithm() -> None:
    layer = layers.Elementary("log")
    x = np.array([[0.5, 1, 8]], np.float32)
    layer.build_once((None, 3))
    call = forward(layer, x)
    assert_close(call.y, np.log(x))
    assert_close(backward(layer, call, np.ones_like(x)), 1 / x)
    assert np.isnan(layer(-x)).all()
