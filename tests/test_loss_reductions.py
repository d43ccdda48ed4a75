"""How losses of rows become one."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import cnnx
import reference
from agreement import normal
from cnnx import losses
from loss_samples import LABELS, LOGITS, PROBS, TARGETS
from reference import loss_forms as forms

# Losses of probabilities are tried with outputs of all kinds.
pytestmark = pytest.mark.filterwarnings("ignore:the output .* ends in")


WEIGHTS = np.random.default_rng(8).random(8).astype(np.float32)


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize(
    "reduction", ["sum_over_batch_size", "mean", "sum", "mean_with_sample_weight"]
)
@pytest.mark.parametrize("name", ["mean_squared_error", "huber", "sparse", "ignoring"])
def test_reductions(name: str, reduction: str, weighted: bool) -> None:
    loss: losses.Loss
    y: Any = TARGETS
    if name in ("sparse", "ignoring"):
        y = LABELS
        ignored = 2 if name == "ignoring" else None
        loss = losses.SparseCategoricalCrossentropy(True, ignored, reduction)
        values = -reference.log_softmax_forward(LOGITS)[np.arange(8), LABELS]
        counts = ignored != LABELS
    else:
        loss = losses.get({"class_name": name, "config": {"reduction": reduction}})
        counts = np.ones(8, bool)
        squares = (LOGITS - TARGETS) ** 2
        values = forms.huber(1.0)(TARGETS, LOGITS) if name == "huber" else squares.mean(axis=1)
    weights = WEIGHTS * counts if weighted else counts * 1.0
    divisor = {"sum": 1.0, "mean_with_sample_weight": weights.sum()}.get(reduction, counts.sum())
    expected = (values * weights).sum() / divisor
    given = WEIGHTS if weighted else None
    assert loss(y, LOGITS, given) == pytest.approx(expected, rel=1e-5)

    model = cnnx.Sequential([cnnx.Input((8,)), cnnx.layers.Dense(4, use_bias=False)])
    model.compile("sgd", loss)
    model.set_weights([LOGITS])
    assert model.test_on_batch(np.eye(8), y, given) == pytest.approx(expected, rel=1e-5)
    assert model.train_on_batch(np.eye(8), y, given) == pytest.approx(expected, rel=1e-5)
    gradient = model.parameters.gradients.reshape(8, 4)
    np.testing.assert_allclose(gradient, loss.gradient(y, LOGITS, given), rtol=1e-5, atol=1e-7)
    config = json.loads(json.dumps(loss.get_config()))
    assert losses.get({"class_name": type(loss).name, "config": config}).reduction == reduction


def test_without_a_reduction_the_losses_stay_apart() -> None:
    image, target = normal(3, 2, 3, 5, 4), normal(4, 2, 3, 5, 4)
    found = losses.MeanSquaredError(reduction=None)(target, image)
    np.testing.assert_allclose(found, ((image - target) ** 2).mean(axis=-1), rtol=1e-5)
    assert losses.Dice("none")(TARGETS, PROBS) == pytest.approx(losses.Dice()(TARGETS, PROBS))
    assert losses.Dice("none", axis=-1)(TARGETS, PROBS).shape == (8,)
    model = cnnx.Sequential([cnnx.Input((4,)), cnnx.layers.Dense(4)])
    with pytest.raises(ValueError, match="mse with reduction=None has no one number"):
        model.compile("sgd", losses.MeanSquaredError(None, "mse"))


def test_a_batch_has_one_dice() -> None:
    """Its samples have no losses of their own that could be weighted, and a sum is no multiple."""
    loss = losses.Dice()
    with pytest.raises(ValueError, match="dice returns one number for a batch"):
        loss(TARGETS, PROBS, WEIGHTS)
    assert losses.Dice("sum")(TARGETS, PROBS) == pytest.approx(loss(TARGETS, PROBS))
    total = losses.Dice("sum").gradient(TARGETS, PROBS)
    np.testing.assert_allclose(total, loss.gradient(TARGETS, PROBS), rtol=1e-6)
    with pytest.raises(ValueError, match=r"dice needs targets of the outputs' shape \(8, 4\), got"):
        loss(TARGETS[:, :1], PROBS)
    with pytest.raises(ValueError, match=r"dice: axis=2 is none of the 2 axes"):
        losses.Dice(axis=2)(TARGETS, PROBS)


def test_masks_are_learned_by_their_overlap() -> None:
    cnnx.utils.set_random_seed(1)
    x = normal(1, 40, 6, 6, 1)
    y = (x > 0.3).astype(np.float32)
    model = cnnx.Sequential([cnnx.Input((6, 6, 1)), cnnx.layers.Conv2D(1, 1, activation="sigmoid")])
    model.compile(cnnx.optimizers.Adam(0.1), losses.Dice(axis=(1, 2, 3)))
    found = model.fit(x, y, epochs=20, batch_size=10, verbose=0).history["loss"]
    assert found[-1] < 0.2 < found[0]
