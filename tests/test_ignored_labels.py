"""Labels that do not count in a loss."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cnnx
import reference
from agreement import normal
from cnnx import losses
from loss_samples import PROBS

# Losses of probabilities are tried with outputs of all kinds.
pytestmark = pytest.mark.filterwarnings("ignore:the output .* ends in")


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("from_logits", [False, True])
@pytest.mark.parametrize("ignored", [255, -1, 1])
def test_pixels_of_the_ignored_class_do_not_count(
    ignored: int, from_logits: bool, weighted: bool
) -> None:
    """Loss, gradient and accuracy are those of all other pixels alone."""
    loss = losses.SparseCategoricalCrossentropy(from_logits, ignore_class=ignored)
    logits, rng = normal(4, 3, 2, 5, 4), np.random.default_rng(4)
    y = rng.integers(0, 4, logits.shape[:-1])
    y[rng.random(y.shape) < 0.4] = ignored
    weights = rng.random(y.shape).astype(np.float32) if weighted else np.ones(y.shape, np.float32)
    counts = y != ignored
    log_p = np.log(reference.softmax_forward(logits))[counts]
    chosen = -log_p[np.arange(len(log_p)), y[counts]]
    expected = (chosen * weights[counts]).mean()
    slopes = np.zeros_like(logits)
    slopes[counts] = np.exp(log_p) - np.eye(4)[y[counts]]
    slopes *= weights[..., None] / counts.sum()

    activation = None if from_logits else "softmax"
    layer = cnnx.layers.Conv2D(4, 1, activation=activation)
    model = cnnx.Sequential([cnnx.Input((2, 5, 4)), layer])
    model.compile("sgd", loss, ["accuracy"])
    model.set_weights([np.eye(4).reshape(1, 1, 4, 4), np.zeros(4)])
    given = weights if weighted else None
    value, accuracy = model.test_on_batch(logits, y, given)
    assert value == pytest.approx(expected, rel=1e-5)
    assert accuracy == pytest.approx((log_p.argmax(1) == y[counts]).mean())
    bias = model.gradients(logits, y, given)[f"{layer.name}/bias"]
    np.testing.assert_allclose(bias, slopes.sum(axis=(0, 1, 2)), rtol=1e-4, atol=1e-7)
    if not weighted:
        outputs = logits if from_logits else reference.softmax_forward(logits).astype(np.float32)
        assert loss(y, outputs) == pytest.approx(expected, rel=1e-5)
        if from_logits:
            np.testing.assert_allclose(loss.gradient(y, outputs), slopes, rtol=1e-4, atol=1e-7)
    _, over_batches = model.evaluate(logits, y, batch_size=2, verbose=0)
    assert over_batches == pytest.approx(accuracy)


def test_a_batch_whose_labels_are_all_ignored_teaches_nothing() -> None:
    loss = losses.SparseCategoricalCrossentropy(ignore_class=9)
    model = cnnx.Sequential([cnnx.Input((3,)), cnnx.layers.Dense(4, "softmax")])
    model.compile("sgd", loss, ["accuracy"])
    before = model.get_weights()
    assert model.train_on_batch(normal(1, 2, 3), [9, 9]) == [0, 0]
    np.testing.assert_array_equal(model.get_weights()[0], before[0])
    assert loss([9, 9], PROBS[:2]) == 0
    np.testing.assert_array_equal(loss.gradient([9, 9], PROBS[:2]), 0)


def test_labels_beside_the_ignored_class_must_be_in_range() -> None:
    loss = losses.SparseCategoricalCrossentropy(ignore_class=255)
    with pytest.raises(ValueError, match="label 254 is out of range: labels must run from 0 to 3"):
        loss([0, 255, 254], PROBS[:3])


def test_the_ignored_class_is_saved(tmp_path: Any) -> None:
    model = cnnx.Sequential([cnnx.Input((3,)), cnnx.layers.Dense(4, "softmax")])
    model.compile("sgd", losses.SparseCategoricalCrossentropy(ignore_class=255), ["accuracy"])
    model.save(tmp_path / "model")
    again = cnnx.models.load_model(tmp_path / "model")
    x, y = normal(1, 3, 3), [0, 255, 3]
    assert again.test_on_batch(x, y) == model.test_on_batch(x, y)
