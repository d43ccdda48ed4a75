from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import cnnx
import reference
from agreement import normal
from cnnx import losses

LOGITS = normal(1, 8, 4)
PROBS = reference.softmax_forward(LOGITS).astype(np.float32)
LABELS = np.arange(8) % 4
ONE_HOT = np.eye(4, dtype=np.float32)[LABELS]
SMOOTH = 0.8 * ONE_HOT + 0.2 / 4
TARGETS = np.random.default_rng(1).random((8, 4), np.float32)

CASES = {
    "categorical": (
        losses.CategoricalCrossentropy(),
        ONE_HOT,
        PROBS,
        reference.categorical_cross_entropy(PROBS, ONE_HOT),
    ),
    "categorical, logits": (
        losses.CategoricalCrossentropy(from_logits=True),
        ONE_HOT,
        LOGITS,
        reference.softmax_cross_entropy(LOGITS, ONE_HOT),
    ),
    "categorical, smoothed": (
        losses.CategoricalCrossentropy(label_smoothing=0.2),
        ONE_HOT,
        PROBS,
        reference.categorical_cross_entropy(PROBS, SMOOTH),
    ),
    "sparse": (
        losses.SparseCategoricalCrossentropy(),
        LABELS,
        PROBS,
        reference.categorical_cross_entropy(PROBS, ONE_HOT),
    ),
    "sparse, logits": (
        losses.SparseCategoricalCrossentropy(from_logits=True),
        LABELS,
        LOGITS,
        reference.softmax_cross_entropy(LOGITS, ONE_HOT),
    ),
    "binary": (
        losses.BinaryCrossentropy(),
        TARGETS,
        PROBS,
        reference.binary_cross_entropy(PROBS, TARGETS),
    ),
    "binary, logits": (
        losses.BinaryCrossentropy(from_logits=True),
        TARGETS,
        LOGITS,
        reference.sigmoid_cross_entropy(LOGITS, TARGETS),
    ),
    "binary, smoothed": (
        losses.BinaryCrossentropy(label_smoothing=0.2),
        TARGETS,
        PROBS,
        reference.binary_cross_entropy(PROBS, 0.8 * TARGETS + 0.1),
    ),
    "squared error": (
        losses.MeanSquaredError(),
        TARGETS,
        LOGITS,
        reference.mean_squared_error(LOGITS, TARGETS),
    ),
    "half the squared error": (
        losses.HalfSquaredError(),
        TARGETS,
        LOGITS,
        reference.half_squared_error(LOGITS, TARGETS),
    ),
    "absolute error": (
        losses.MeanAbsoluteError(),
        TARGETS,
        LOGITS,
        reference.mean_absolute_error(LOGITS, TARGETS),
    ),
}


@pytest.mark.parametrize(("loss", "y", "outputs", "expected"), CASES.values(), ids=CASES)
def test_value_in_use_and_in_training(
    loss: losses.Loss, y: Any, outputs: Any, expected: tuple[Any, Any]
) -> None:
    """The gradient is that of the loss's mean: a model of one identity layer learns it."""
    per_sample, gradient = expected
    assert loss(y, outputs) == pytest.approx(per_sample.mean(), rel=1e-5)
    if isinstance(loss, losses.CrossEntropy) and not loss.from_logits:
        return
    model = cnnx.Sequential([cnnx.Input((4,)), cnnx.layers.Dense(4, kernel_initializer="zeros")])
    model.compile(optimizer=cnnx.optimizers.SGD(1.0), loss=loss)
    model.set_weights([np.eye(4), np.zeros(4)])
    assert model.train_on_batch(outputs, y) == pytest.approx(per_sample.mean(), rel=1e-5)
    bias = -gradient.sum(axis=0) / len(outputs)
    np.testing.assert_allclose(model.get_weights()[1], bias, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("loss", [case[0] for case in CASES.values()], ids=CASES)
def test_config_round_trip(loss: losses.Loss) -> None:
    config = json.loads(json.dumps(loss.get_config()))
    assert type(loss).from_config(config).get_config() == loss.get_config()


def test_names_are_those_of_keras() -> None:
    for name, kind in {
        "mse": losses.MeanSquaredError,
        "mean_squared_error": losses.MeanSquaredError,
        "mae": losses.MeanAbsoluteError,
        "mean_absolute_error": losses.MeanAbsoluteError,
        "categorical_crossentropy": losses.CategoricalCrossentropy,
        "sparse_categorical_crossentropy": losses.SparseCategoricalCrossentropy,
        "binary_crossentropy": losses.BinaryCrossentropy,
    }.items():
        assert type(losses.get(name)) is kind


def test_entropy_of_rows_and_of_single_distributions() -> None:
    rows = reference.softmax_forward(normal(5, 2, 3, 4))
    expected = -(rows * np.log(rows)).sum(axis=-1)
    np.testing.assert_allclose(losses.entropy(rows), expected, rtol=1e-12)
    np.testing.assert_allclose(losses.entropy(rows, base=2), expected / np.log(2), rtol=1e-12)
    other = reference.softmax_forward(normal(6, 2, 3, 4))
    np.testing.assert_allclose(losses.cross_entropy(rows, other), -(rows * np.log(other)).sum(-1))
    np.testing.assert_allclose(losses.cross_entropy(rows, rows), expected, rtol=1e-12)
    assert losses.entropy([0.25] * 4, base=4) == pytest.approx(1)
    assert losses.entropy([0, 1, 0]) == 0
    assert losses.cross_entropy([1, 0], [0, 1]) == np.inf


@pytest.mark.parametrize(
    ("p", "base", "message"),
    [
        ([0.5, 0.6], 2, "entropy: p must sum to 1 .* got 1.1"),
        ([1.5, -0.5], 2, "entropy: p must hold probabilities >= 0, got -0.5"),
        ([np.nan, 1], 2, "entropy: p must hold probabilities >= 0, got nan"),
        (0.5, 2, r"entropy: p must be \(..., outcomes\), got shape \(\)"),
        ([0.5, 0.5], 1, "entropy: base must be in"),
    ],
)
def test_entropy_refuses_what_is_no_distribution(p: Any, base: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        losses.entropy(p, base)


def test_cross_entropy_refuses_distributions_of_two_shapes() -> None:
    with pytest.raises(ValueError, match=r"must have one shape, got \(2,\) and \(3,\)"):
        losses.cross_entropy([0.5, 0.5], [0.2, 0.2, 0.6])
