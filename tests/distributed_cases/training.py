"""Metrics, weights, callbacks and sums of gradients."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import cnnx
from cnnx import callbacks, layers
from cnnx.distributed import Group
from cnnx.models import gradient_sum
from cnnx.models.gradient_sum import GradientSum
from distributed_cases.case import JOINT, case, chain, draw, fit
from distributed_cases.normalization import normalized


@case
def an_uneven_last_batch(group: Group) -> dict[str, Any]:
    x, y = draw(101, 8, 8, 1), np.arange(101) % 3
    model = chain(group)
    per_batch = callbacks.History(per_batch=True)
    found = fit(group, model, x, y, validation_split=0.2, callbacks=[per_batch])
    found["evaluate"] = model.evaluate(x, y, batch_size=7, verbose=0)
    found["predict"] = model.predict(x, batch_size=5, verbose=0)
    found["one"] = model.predict(x[:1], verbose=0)
    return found


@case
def fewer_samples_than_ranks_in_the_last_batch(group: Group) -> dict[str, Any]:
    x, y = draw(49, 8, 8, 1), np.arange(49) % 3
    mean = cnnx.metrics.FunctionMetric(largest_output)
    return fit(group, chain(group, mean), x, y, validation_data=(x[:1], y[:1]))


class Largest(cnnx.metrics.Metric):
    """The mean of the largest outputs; its state is no sum, so that all samples are exchanged."""

    def reset_state(self) -> None:
        self.seen: list[float] = []

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        self.seen += y_pred.max(axis=-1).tolist()

    def result(self) -> float:
        return float(np.mean(self.seen)) if self.seen else 0.0


class Added(cnnx.metrics.Metric):
    """The same as sums."""

    sums = ("total", "samples")

    def reset_state(self) -> None:
        self.total = self.samples = 0.0

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        self.total += float(y_pred.max(axis=-1).sum())
        self.samples += len(y_pred)

    def result(self) -> float:
        return self.total / self.samples if self.samples else 0.0


@case
def metrics_that_are_sums(group: Group) -> dict[str, Any]:
    x, y = draw(49, 8, 8, 1), np.eye(3, dtype=np.float32)[np.arange(49) % 3]
    model = chain(group)
    m = cnnx.metrics
    figures = [m.AUC(), m.AUC(multi_label=True, name="areas"), m.Precision(top_k=1), m.R2Score()]
    figures += [
        m.F1Score("macro"),
        m.OneHotMeanIoU(3),
        m.RootMeanSquaredError(),
        Largest(),
        Added(),
    ]
    figures += [m.MeanMetricWrapper(lambda y, p: np.abs(y - p).mean(axis=1), "own_mean")]
    weighted = ["accuracy", m.AUC(name="weighted_area"), m.FBetaScore("weighted")]
    model.compile("sgd", "categorical_crossentropy", figures, weighted_metrics=weighted)
    weights = np.linspace(0.5, 2, 49)
    return fit(group, model, x, y, sample_weight=weights, validation_data=(x[:1], y[:1]))


@case
def penalties_bounds_and_averages(group: Group) -> dict[str, Any]:
    cnnx.utils.set_random_seed(3 + group.rank)
    x, y = draw(49, 6, 6, 1), np.arange(49) % 3  # in the last batch some have no samples
    model = cnnx.Sequential(
        [
            cnnx.Input((6, 6, 1)),
            layers.Conv2D(4, 3, kernel_regularizer="l1", activity_regularizer="l2"),
            layers.Flatten(),
            layers.Dense(3, "softmax", kernel_regularizer="l2", kernel_constraint="max_norm"),
        ]
    )
    optimizer = cnnx.optimizers.SGD(
        0.1,
        momentum=0.5,
        weight_decay=0.1,
        global_clipnorm=0.2,
        use_ema=True,
        ema_momentum=0.8,
        gradient_accumulation_steps=2,
    )
    model.compile(optimizer, "sparse_categorical_crossentropy", ["accuracy"])
    swap = callbacks.SwapEMAWeights()
    return fit(group, model, x, y, validation_data=(x[:5], y[:5]), callbacks=[swap])


def largest_output(y_true: Any, y_pred: Any) -> float:
    """Return a figure that is no mean over batches."""
    return float(np.max(y_pred))


@case
def weights_of_samples_and_classes(group: Group) -> dict[str, Any]:
    x, y = draw(60, 8, 8, 1), np.arange(60) % 3
    model = chain(group, optimizer=cnnx.optimizers.Momentum(0.05))
    return fit(
        group, model, x, y, sample_weight=np.arange(60) / 60, class_weight={1: 3.0}, shuffle=False
    )


@case
def two_outputs_and_pixels_that_do_not_count(group: Group) -> dict[str, Any]:
    cnnx.utils.set_random_seed(5 + group.rank)
    image = cnnx.Input((6, 6, 2))
    z = layers.Conv2D(4, 3, padding="same", activation="relu")(image)
    pixels = layers.Conv2D(3, 1, activation="softmax", name="pixels")(z)
    number = layers.Dense(1, name="number")(layers.GlobalAveragePooling2D()(z))
    model = cnnx.Model(image, [pixels, number])
    ignoring = cnnx.losses.SparseCategoricalCrossentropy(ignore_class=9)
    model.compile(
        "rmsprop",
        {"pixels": ignoring, "number": "mse"},
        {"pixels": ["accuracy"], "number": ["mae"]},
        {"pixels": 1.0, "number": 0.5},
    )
    x = draw(50, 6, 6, 2)
    labels = np.random.default_rng(2).integers(0, 3, (50, 6, 6))
    labels[::3] = 9
    labels[1::4, :3] = 9
    found = fit(group, model, x, {"pixels": labels, "number": x[:, 0, 0, :1]})
    size = JOINT // group.size
    found["evaluate"] = model.evaluate(x, [labels, x[:, 0, 0, :1]], batch_size=size, verbose=0)
    return found


@case
def callbacks_decide_together(group: Group) -> dict[str, Any]:
    x, y = draw(60, 8, 8, 1), np.arange(60) % 3
    model = chain(group)
    decisions = [
        callbacks.ReduceLROnPlateau("loss", patience=1, min_delta=0.05),
        callbacks.EarlyStopping("loss", 2e-3, patience=2, restore_best_weights=True),
    ]
    return fit(group, model, x, y, epochs=30, validation_split=0.2, callbacks=decisions)


@case
def one_rank_stops_all(group: Group) -> dict[str, Any]:
    x, y = draw(96, 8, 8, 1), np.arange(96) % 3
    model = chain(group)

    def stop_at(last: int) -> Callable[..., None]:
        def stop(number: int, logs: Any) -> None:
            if number == last and group.rank == group.size - 1:
                model.stop_training = True

        return stop

    within = callbacks.LambdaCallback(on_train_batch_end=stop_at(2))
    after = callbacks.LambdaCallback(on_epoch_end=stop_at(1))
    first = fit(group, model, x, y, callbacks=[within])
    second = fit(group, model, x, y, callbacks=[after])
    assert len(first["history"]["loss"]) == 1
    assert len(second["history"]["loss"]) == 2
    return {"first": first, "second": second}


@case
def a_nan_is_seen_by_all(group: Group) -> dict[str, Any]:
    x, y = draw(96, 8, 8, 1), np.arange(96) % 3
    x[-1] = np.nan
    model = chain(group)
    per_batch = callbacks.History(per_batch=True)
    stopping = [per_batch, callbacks.TerminateOnNaN()]
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        found = fit(group, model, x, y, shuffle=False, callbacks=stopping)
    return {
        "batches": len(found["batches"]["loss"]),
        "warned": [str(item.message) for item in seen],
    }


@case
def single_batches(group: Group) -> dict[str, Any]:
    x, y = draw(24, 8, 8, 1), np.arange(24) % 3
    model = chain(group)
    model.fit(x, y, batch_size=JOINT // group.size, verbose=0)
    part = group.part(24)
    losses = [model.train_on_batch(x[part], y[part]) for _ in range(3)]
    gradients = model.gradients(x[part], y[part])
    return {
        "losses": losses,
        "tested": model.test_on_batch(x[part], y[part]),
        "gradients": list(gradients.values()),
    }


@case
def frozen_layers(group: Group) -> dict[str, Any]:
    x, y = draw(60, 8, 8, 1), np.arange(60) % 3
    model = chain(group)
    model.layers[-2].trainable = False
    return fit(group, model, x, y)


@case
def gradients_are_summed_as_they_are_completed(group: Group) -> dict[str, Any]:
    """Train with a sum for each layer: begun within the backward pass, and all begun after it."""
    x, y = draw(49, 8, 8, 3), np.arange(49) % 4
    begin, wait, least = GradientSum.begin, GradientSum.wait, gradient_sum.LEAST
    steps: list[int] = []

    def wait_for_all(self: GradientSum) -> None:
        for step in steps:
            begin(self, step)
        steps.clear()
        wait(self)

    gradient_sum.LEAST = 1
    try:
        found = fit(group, normalized(group), x, y)
        GradientSum.begin = lambda self, step: steps.append(step)  # type: ignore[method-assign]
        GradientSum.wait = wait_for_all  # type: ignore[method-assign]
        later = fit(group, normalized(group), x, y)
    finally:
        gradient_sum.LEAST, GradientSum.begin, GradientSum.wait = least, begin, wait  # type: ignore[method-assign]
    assert later["history"] == found["history"]
    for one, other in zip(later["weights"], found["weights"], strict=True):
        np.testing.assert_array_equal(one, other)
    return found
