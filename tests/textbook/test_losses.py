"""O13. Losses and entropy. The sources' figures are in bits, losses in nats."""

from __future__ import annotations

import numpy as np
import pytest

import cnnx
from cnnx import layers, losses, ops
from cnnx.optimizers import SGD

DOG = [1, 0, 0, 0]
PROBABILITIES = [0.775, 0.116, 0.039, 0.070]


def test_o13_cross_entropy_in_bits_and_nats() -> None:
    """S1 "Cross-Entropy XVI". Losses are nats, as in all frameworks: times ln 2."""
    assert losses.cross_entropy(DOG, PROBABILITIES, base=2) == pytest.approx(0.3677, abs=5e-5)
    nats = losses.CategoricalCrossentropy()([DOG], [PROBABILITIES])
    assert nats == pytest.approx(0.3677 * np.log(2), abs=5e-5)
    assert losses.SparseCategoricalCrossentropy()([0], [PROBABILITIES]) == pytest.approx(nats)


def test_o13_the_better_prediction_has_the_lower_loss() -> None:
    """S1 "Cross-Entropy XVIII" prints .095 for -log2(.938); it is .0923."""
    better = losses.cross_entropy(DOG, [0.938, 0.02, 0.021, 0.021], base=2)
    assert better == pytest.approx(0.0923, abs=5e-5)
    assert better < losses.cross_entropy(DOG, PROBABILITIES, base=2)
    assert losses.cross_entropy(DOG, DOG) == 0


def test_o13_entropy_of_three_containers() -> None:
    """S1 "Cross-Entropy VIII-X": triangles and circles, in bits."""
    containers = np.array([[26, 4], [14, 16], [29, 1]]) / 30
    np.testing.assert_allclose(losses.entropy(containers, 2), [0.5665, 0.9968, 0.2108], atol=5e-5)
    np.testing.assert_allclose(
        losses.entropy(containers), losses.entropy(containers, 2) * np.log(2), rtol=1e-12
    )


def test_o13_binary_cross_entropy_is_cross_entropy_of_two_classes() -> None:
    """S1 "Cross-Entropy XIII-XIV"."""
    p = np.array([[0.2], [0.9], [0.6]])
    t = np.array([[0.0], [1.0], [1.0]])
    both = [np.hstack([1 - a, a]) for a in (t, p)]
    expected = losses.cross_entropy(*both).mean()
    assert losses.BinaryCrossentropy()(t, p) == pytest.approx(expected, rel=1e-6)
    assert losses.CategoricalCrossentropy()(*both) == pytest.approx(expected, rel=1e-6)


def softmax_model(loss: str) -> cnnx.Sequential:
    """Logits in, softmax out: the bias moves by minus the gradient of the logits."""
    model = cnnx.Sequential([cnnx.Input((4,)), layers.Dense(4, activation="softmax")])
    model.compile(optimizer=SGD(1.0), loss=loss)
    model.set_weights([np.eye(4), np.zeros(4)])
    return model


LOGITS = np.array([[3.2, 1.3, 0.2, 0.8], [-1.0, 0.5, 2.0, 0.0]], np.float32)
TARGETS = np.eye(4, dtype=np.float32)[[0, 3]]


def test_o13_per_class_binary_cross_entropy_on_a_softmax() -> None:
    """S0 (11.5.2) and (11.5.3): the mean over d classes and M samples."""
    a = ops.softmax(LOGITS).astype(float)
    likelihood = np.prod(np.where(TARGETS == 1, a, 1 - a))
    got = softmax_model("binary_crossentropy").train_on_batch(LOGITS, TARGETS)
    assert got * 4 * 2 == pytest.approx(-np.log(likelihood), rel=1e-5)


def test_o13_gradient_of_the_per_class_binary_cross_entropy() -> None:
    """S0 (11.5.4): dE/da = (a - y) / (a (1 - a)) / d, then the softmax's derivative, whole."""
    model = softmax_model("binary_crossentropy")
    model.train_on_batch(LOGITS, TARGETS)
    a = ops.softmax(LOGITS).astype(float)
    da = (a - TARGETS) / (a * (1 - a)) / 4 / 2
    dz = a * (da - (a * da).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(model.get_weights()[1], -dz.sum(axis=0), rtol=1e-4)


def test_o13_gradient_of_softmax_and_cross_entropy_is_p_minus_y() -> None:
    model = softmax_model("categorical_crossentropy")
    model.train_on_batch(LOGITS, TARGETS)
    dz = (ops.softmax(LOGITS) - TARGETS) / 2
    np.testing.assert_allclose(model.get_weights()[1], -dz.sum(axis=0), rtol=1e-5)


def test_t1_derivatives_of_the_losses_with_respect_to_the_outputs() -> None:
    """S2 (36): -y / a. S0 (11.5.4): (a - y) / (a (1 - a)) / d. S1: a - y for half the square."""
    a = ops.softmax(LOGITS).astype(float)
    rows = len(a)
    found = losses.CategoricalCrossentropy().gradient(TARGETS, a)
    np.testing.assert_allclose(found, -TARGETS / a / rows, rtol=1e-5)
    found = losses.SparseCategoricalCrossentropy().gradient(TARGETS.argmax(1), a)
    np.testing.assert_allclose(found, -TARGETS / a / rows, rtol=1e-5)
    found = losses.BinaryCrossentropy().gradient(TARGETS, a)
    np.testing.assert_allclose(found, (a - TARGETS) / (a * (1 - a)) / 4 / rows, rtol=1e-4)
    found = losses.HalfSquaredError().gradient(TARGETS, a)
    np.testing.assert_allclose(found, (a - TARGETS) / rows, rtol=1e-5, atol=1e-8)
    logits = losses.CategoricalCrossentropy(from_logits=True).gradient(TARGETS, LOGITS)
    np.testing.assert_allclose(logits, (a - TARGETS) / rows, rtol=1e-5, atol=1e-8)


def test_o13_squared_error_halved_and_not() -> None:
    """S1 (0.13) and S0 Programme 11.6.5: half the sum over outputs, the mean over samples."""
    targets, outputs = [[1, 2], [0, 4]], [[3, 2], [1, 1]]
    assert losses.HalfSquaredError()(targets, outputs) == (4 / 2 + 10 / 2) / 2
    assert losses.MeanSquaredError()(targets, outputs) == (4 / 2 + 10 / 2) / 2  # of 2 outputs
    targets, outputs = [[1, 2, 0]], [[3, 2, 1]]
    assert losses.HalfSquaredError()(targets, outputs) == 5 / 2
    assert losses.MeanSquaredError()(targets, outputs) == pytest.approx(5 / 3)


def test_o13_gradient_of_the_halved_squared_error_is_the_error() -> None:
    model = cnnx.Sequential([cnnx.Input((2,)), layers.Dense(2)])
    model.compile(optimizer=SGD(1.0), loss="half_squared_error")
    model.set_weights([np.eye(2), np.zeros(2)])
    model.train_on_batch([[3, 2], [1, 1]], [[1, 2], [0, 4]])
    np.testing.assert_allclose(model.get_weights()[1], [-(2 + 1) / 2, 3 / 2], rtol=1e-6)
