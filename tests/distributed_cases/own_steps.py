"""Steps and loops that users write."""

from __future__ import annotations

from typing import Any

import numpy as np

import cnnx
from cnnx import layers
from cnnx.distributed import Group
from distributed_cases.case import JOINT, case, draw, fit
from distributed_cases.training import Largest


class ByHand(cnnx.Model):
    """Takes its steps in single calls."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.sizes = cnnx.metrics.Mean("sizes")

    def train_step(self, data: Any) -> Any:
        x, y = data
        outputs = self.forward(x, training=True)
        self.metrics[0].update_state(self.compute_loss(x, y, outputs), sample_weight=len(x))
        self.optimizer.apply(self.backward(self.loss_gradient(y, outputs)))
        self.sizes.update_state(abs(outputs).mean(), sample_weight=len(x))
        return self.compute_metrics(x, y, outputs)

    def test_step(self, data: Any) -> Any:
        x, y = data
        return self.compute_metrics(x, y, self(x))

    def predict_step(self, data: Any) -> Any:
        return {"doubled": 2 * self(data)}


class Usual(ByHand):
    """Takes the usual steps."""

    def train_step(self, data: Any) -> Any:
        return super(ByHand, self).train_step(data)

    def test_step(self, data: Any) -> Any:
        return super(ByHand, self).test_step(data)


def by_hand(group: Group, cls: type[Any], normalizes: bool) -> Any:
    """Return a network of a class with what needs care in steps of its own."""
    cnnx.utils.set_random_seed(3 + group.rank)
    image = cnnx.Input((6, 6, 2))
    y = layers.Conv2D(4, 3, activity_regularizer="l2")(image)
    if normalizes:
        y = layers.BatchNormalization(synchronized=True, momentum=0.8)(y)
    y = layers.Flatten()(layers.ReLU()(y))
    y = layers.Dense(3, "softmax", kernel_regularizer="l2")(y)
    model = cls(image, y)
    figures = ["accuracy", cnnx.metrics.AUC(), Largest()]
    model.compile("adam", "categorical_crossentropy", figures, weighted_metrics=["accuracy"])
    return model


def labelled(count: int) -> tuple[Any, Any]:
    return draw(count, 6, 6, 2), np.eye(3, dtype=np.float32)[np.arange(count) % 3]


@case
def steps_of_ones_own(group: Group) -> dict[str, Any]:
    """Let the last batch be uneven, but where joint statistics are differentiated by hand."""
    found: dict[str, Any] = {}
    for cls, normalizes, count in (ByHand, False, 53), (ByHand, True, 60), (Usual, True, 53):
        x, y = labelled(count)
        model = by_hand(group, cls, normalizes)
        one = fit(group, model, x, y, validation_data=(x[:29], y[:29]))
        size = JOINT // group.size
        one["evaluate"] = model.evaluate(x, y, batch_size=size, verbose=0)
        one["predict"] = model.predict(x, batch_size=3, verbose=0)
        one["predict one"] = model.predict(x[:1], verbose=0)
        part = group.part(24)
        one["single"] = [model.train_on_batch(x[part], y[part]) for _ in range(3)]
        one["tested"] = model.test_on_batch(x[part], y[part])
        found[f"{cls.__name__} {count}"] = one
    return found


@case
def a_loop_of_ones_own(group: Group) -> dict[str, Any]:
    """Let a part of the weights learn, from uneven parts of each batch."""
    x, y = labelled(23)
    model = by_hand(group, cnnx.Model, normalizes=False)
    optimizer = cnnx.optimizers.SGD(0.1, momentum=0.5, global_clipnorm=0.2)
    model.compile(optimizer, "categorical_crossentropy")
    model.set_weights(group.broadcast(model.get_weights()))
    part = group.part(23)
    for _ in range(4):
        gradients = model.backward(
            model.loss_gradient(y[part], model.forward(x[part], training=True))
        )
        model.optimizer.apply(gradients[1:], model.trainable_weights[1:])
    return {"weights": model.get_weights()}
