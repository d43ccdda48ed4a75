"""Arrays of a training step that lie where gradients are written later."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cnnx
from agreement import normal
from cnnx import layers
from cnnx.graph import lent_gradients

X, Y = normal(1, 6, 8, 8, 3), normal(2, 6, 4)
OPTIMIZERS: dict[str, dict[str, Any]] = {
    "plain": {},
    "joint norm": {"global_clipnorm": 0.1},
    "several batches": {"gradient_accumulation_steps": 2},
    "averages": {"use_ema": True, "ema_overwrite_frequency": 2},
}


class Scale(layers.Layer):
    """A user's, which writes its gradient in the first step alone."""

    def build(self, input_shape: Any) -> None:
        self.scale = self.add_weight("scale", (1,), cnnx.initializers.Constant(0.5))
        self.written = False

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def forward(self, call: Any, x: Any) -> Any:
        return x * self.scale.value

    def backward(self, call: Any, dy: Any) -> Any:
        if not self.written:
            call.gradient(self.scale)[:] = np.sum(dy * call.xs[0])
            self.written = True
        return dy * self.scale.value


def network(**settings: Any) -> cnnx.Model:
    """Return one with weights that are frozen, used twice, and a user's; most in the middle."""
    cnnx.utils.set_random_seed(1)
    twice = layers.Conv2D(32, 3, padding="same", activation="tanh")
    x = cnnx.Input((8, 8, 3))
    y = skip = layers.Conv2D(8, 3, padding="same", activation="relu")(x)
    y = layers.Conv2D(32, 3, padding="same", activation="relu")(layers.MaxPooling2D()(y))
    y = twice(twice(y))
    y = layers.Conv2DTranspose(8, 2, strides=2, activation="relu")(y)
    y = layers.Concatenate()([y, layers.Conv2D(4, 1, trainable=False)(skip)])
    y = layers.BatchNormalization()(layers.Conv2D(8, 3, activation="relu")(y))
    y = Scale()(layers.MaxPooling2D()(y))
    model = cnnx.Model(x, layers.Dense(4)(layers.Flatten()(y)))
    model.compile(cnnx.optimizers.Adam(0.01, **settings), "mse")
    return model


def trained(**settings: Any) -> list[Any]:
    """Return all that comes of steps on batches of changing sizes."""
    model = network(**settings)
    found: list[Any] = []
    for rows in (4, 6, 3, 4):
        found += [model.train_on_batch(X[:rows], Y[:rows]), *model.get_weights()]
        found += [weight.gradient.copy() for weight in model.trainable_weights]
        found += model.gradients(X[:rows], Y[:rows]).values()
    return found


@pytest.mark.parametrize("settings", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_gradients_that_lend_their_memory_keep_their_bits(
    settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    apart = trained(**settings)
    monkeypatch.setattr(lent_gradients, "LEAST", 1)
    for one, other in zip(trained(**settings), apart, strict=True):
        np.testing.assert_array_equal(one, other)


def arena_of(model: cnnx.Model) -> int:
    """Return how many floats the arrays of a step take besides the gradients'."""
    model.train_on_batch(X, Y)
    step = model.runs.step
    assert step is not None
    return len(step._training.arena.at_least(0))


def test_what_is_lent_is_taken_from_the_arena(monkeypatch: pytest.MonkeyPatch) -> None:
    apart = arena_of(network())
    monkeypatch.setattr(lent_gradients, "LEAST", 1)
    assert arena_of(network()) < apart
