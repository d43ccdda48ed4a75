"""Loops of training that users write."""

from __future__ import annotations

import numpy as np
import pytest

from cnnx import losses, optimizers
from test_own_classes import ONE_HOT, X, network


def test_a_loop_of_ones_own_takes_the_steps_of_fit() -> None:
    model, other = network(optimizer=optimizers.Adam()), network(optimizer=optimizers.Adam())
    for start in range(0, 40, 10):
        batch, wanted = X[start : start + 10], ONE_HOT[start : start + 10]
        outputs = model.forward(batch, training=True)
        gradients = model.backward(losses.MeanSquaredError().gradient(wanted, outputs))
        model.optimizer.apply(gradients, model.trainable_weights)
    other.fit(X, ONE_HOT, batch_size=10, shuffle=False, verbose=0)
    for one, two in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_loop_may_leave_weights_alone() -> None:
    model = network(optimizer=optimizers.SGD(0.1))
    before = model.get_weights()
    outputs = model.forward(X, training=True)
    gradients = model.backward(np.ones_like(outputs))
    kernel = model.get_layer("dense").kernel
    place = model.trainable_weights.index(kernel)
    model.optimizer.apply([gradients[place]], [kernel])
    for weight, old in zip(model.weights, before, strict=True):
        assert np.array_equal(weight.value, old) == (weight is not kernel)


def test_wrong_loops_are_refused() -> None:
    model = network(optimizer=optimizers.SGD(0.1))
    with pytest.raises(ValueError, match=r"backward: call forward\(x, training=True\)"):
        model.backward(np.ones((40, 4)))
    model.forward(X, training=True)
    with pytest.raises(ValueError, match=r"the gradient of 'dense' must have .*\(40, 4\)"):
        model.backward(np.ones((40, 3)))
    with pytest.raises(ValueError, match=r"backward: call forward\(x, training=True\) once"):
        model.backward(np.ones((40, 4)))
    with pytest.raises(ValueError, match="1 gradients for 2 weights"):
        model.optimizer.apply([np.ones(4)], model.get_layer("dense").weights)
    stranger = network().get_layer("dense").bias
    with pytest.raises(ValueError, match="is no trainable weight of the model"):
        model.optimizer.apply([np.ones(4)], [stranger])
    with pytest.raises(ValueError, match="apply needs a model"):
        optimizers.SGD().apply([], [])
