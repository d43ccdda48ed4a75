"""
Trainings that several ranks share.

`python distributed_cases.py FOLDER [CASE ...]` runs them and writes what each rank found to
FOLDER/RANK. A case takes the group, and returns what has to be the same for any number of ranks.
"""

from __future__ import annotations

import pickle
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import cnnx
from cnnx import callbacks, layers
from cnnx.distributed import Group
from cnnx.models import gradient_sum
from cnnx.models.gradient_sum import GradientSum

JOINT = 24
"""Samples a step, of all ranks."""

Case = Callable[[Group], dict[str, Any]]
CASES: dict[str, Case] = {}


def case(function: Case) -> Case:
    CASES[function.__name__] = function
    return function


def draw(*shape: int) -> Any:
    return np.random.default_rng(7).standard_normal(shape).astype(np.float32)


def chain(group: Group, *metrics: Any, optimizer: Any = "adam") -> cnnx.Sequential:
    """Return a network with other weights on each rank, until training begins."""
    cnnx.utils.set_random_seed(3 + group.rank)
    model = cnnx.Sequential(
        [
            cnnx.Input((8, 8, 1)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(16, activation="tanh"),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(optimizer, "sparse_categorical_crossentropy", ["accuracy", *metrics])
    return model


def fit(group: Group, model: Any, x: Any, y: Any, **options: Any) -> dict[str, Any]:
    options = {"batch_size": JOINT // group.size, "epochs": 4, "verbose": 0, **options}
    history = model.fit(x, y, **options)
    return {"weights": model.get_weights(), "history": history.history, "batches": history.batches}


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


def normalized(group: Group, **options: Any) -> Any:
    """Return a network with a shortcut and normalisation, as those of ResNet."""
    cnnx.utils.set_random_seed(3 + group.rank)
    image = cnnx.Input((8, 8, 3))
    x = layers.Conv2D(6, 3, padding="same", use_bias=False)(image)
    x = layers.ReLU()(layers.BatchNormalization(synchronized=True, momentum=0.8)(x))
    y = layers.Conv2D(6, 3, padding="same", use_bias=False)(x)
    y = layers.BatchNormalization(synchronized=True, momentum=0.8, **options)(y)
    y = layers.MaxPooling2D()(layers.ReLU()(x + y))
    y = layers.Dense(4, activation="softmax")(layers.GlobalAveragePooling2D()(y))
    model = cnnx.Model(image, y)
    model.compile(cnnx.optimizers.Momentum(0.05), "sparse_categorical_crossentropy", ["accuracy"])
    return model


@case
def synchronized_normalization(group: Group) -> dict[str, Any]:
    x, y = 2 + draw(101, 8, 8, 3), np.arange(101) % 4
    return fit(group, normalized(group), x, y, epochs=13, validation_split=0.2)


@case
def synchronized_normalization_without_scale_and_samples(group: Group) -> dict[str, Any]:
    x, y = draw(49, 8, 8, 3), np.arange(49) % 4
    return fit(group, normalized(group, scale=False, center=False), x, y)


@case
def resnet20(group: Group) -> dict[str, Any]:
    """
    Take 52 steps with the network of He et al. (2016), a quarter as wide.

    At a rate of .02 a last bit of one weight changes the losses by a hundredth in 52 steps, and at
    any rate where it moves an element over the bend of a ReLU; so the network has SiLU here.
    """

    def convolution(x: Any, filters: int, strides: int = 1, size: int = 3) -> Any:
        x = layers.Conv2D(filters, size, strides, padding="same", use_bias=False)(x)
        return layers.BatchNormalization(synchronized=True, momentum=0.9)(x)

    cnnx.utils.set_random_seed(4 + group.rank)
    image = cnnx.Input((16, 16, 3))
    x = layers.Activation("silu")(convolution(image, 4))
    for filters in (4, 8, 16):
        for index in range(3):
            strides = 2 if filters > 4 and index == 0 else 1
            y = layers.Activation("silu")(convolution(x, filters, strides))
            shortcut = convolution(x, filters, strides, 1) if strides == 2 else x
            x = layers.Activation("silu")(convolution(y, filters) + shortcut)
    x = layers.Dense(10, activation="softmax")(layers.GlobalAveragePooling2D()(x))
    model = cnnx.Model(image, x)
    model.compile(cnnx.optimizers.Momentum(0.001), "sparse_categorical_crossentropy", ["accuracy"])
    x, y = draw(96, 16, 16, 3), np.arange(96) % 10
    per_batch = callbacks.History(per_batch=True)
    return fit(group, model, x, y, epochs=13, callbacks=[per_batch])


@case
def own_statistics_are_averaged(group: Group) -> dict[str, Any]:
    """Let all ranks have the same samples: their own statistics are then the joint ones."""
    x, y = np.repeat(draw(12, 8, 8, 3), 12, 0), np.repeat(np.arange(12) % 4, 12)
    cnnx.utils.set_random_seed(3 + group.rank)
    model = cnnx.Sequential(
        [
            cnnx.Input((8, 8, 3)),
            layers.Conv2D(6, 3),
            layers.BatchNormalization(momentum=0.7),
            layers.Flatten(),
            layers.Dense(4, activation="softmax"),
        ]
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    return fit(group, model, x, y, batch_size=12 // group.size, shuffle=False)


@case
def streams_of_pictures(group: Group) -> dict[str, Any]:
    cnnx.utils.set_random_seed(11 if group.rank == 0 else 12)
    model = cnnx.Sequential(
        [
            cnnx.Input((6, 6, 3)),
            layers.Rescaling(1 / 255),
            layers.Flatten(),
            layers.Dense(2, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        folder = group.broadcast(folder)
        if group.rank == 0:
            draw_pictures(Path(folder))
        group.barrier()
        train, held_back, _ = cnnx.data.image_folder(
            folder, (6, 6), batch_size=JOINT // group.size, validation_split=0.2, seed=1
        )
        history = model.fit(train, validation_data=held_back, epochs=3, verbose=0).history
        read = (train.samples, train.samples + held_back.samples)
        assert max(read) < 59
        assert len(train.left_out) + len(held_back.left_out) == 2
        whole = cnnx.data.image_folder(
            folder, (6, 6), batch_size=JOINT // group.size, shuffle=False, label_mode=None
        ).train
        predictions = model.predict(whole, verbose=0)
        group.barrier()
    return {"weights": model.get_weights(), "history": history, "predictions": predictions}


def draw_pictures(folder: Path) -> None:
    """Write pictures of two classes, two of which cannot be read."""
    from PIL import Image

    pixels = np.random.default_rng(3).integers(0, 255, (59, 6, 6, 3)).astype(np.uint8)
    for number, picture in enumerate(pixels):
        file = folder / ("dark" if number % 2 else "light") / f"{number:02}.png"
        file.parent.mkdir(exist_ok=True)
        Image.fromarray(picture).save(file)
        if number in (9, 30):
            file.write_bytes(b"no picture")


@case
def own_streams_of_unequal_lengths(group: Group) -> dict[str, Any]:
    """Train in the first step on samples of all ranks, in the second on those of the last one."""
    x, y = draw(24, 8, 8, 1), np.arange(24) % 3
    first, second = x[:16], x[16:]
    part = group.part(16)
    batches = [(first[part], y[:16][part])]
    if group.rank == group.size - 1:
        batches.append((second, y[16:]))
    model = chain(group)
    stream = Stream(batches)
    history = model.fit(stream, epochs=3, verbose=0).history
    return {"weights": model.get_weights(), "history": history}


@case
def images_of_several_sizes(group: Group) -> dict[str, Any]:
    """Train on maps of one size after the other; in the last batches some have no samples."""
    cnnx.utils.set_random_seed(3 + group.rank)
    image = cnnx.Input((None, None, 3))
    x = layers.Conv2D(4, 3, padding="same", activation="relu")(image)
    x = layers.BatchNormalization(synchronized=True, momentum=0.8)(x)
    x = layers.UpSampling2D()(layers.MaxPooling2D()(x))
    x = layers.Conv2D(3, 1, activation="softmax")(x)
    model = cnnx.Model(image, x)
    model.compile("sgd", "sparse_categorical_crossentropy", ["accuracy"])
    found = {}
    for size in ((6, 8), (4, 6), (6, 8)):
        x, y = draw(25, *size, 3), np.arange(25 * size[0] * size[1]).reshape(25, *size) % 3
        found[f"{len(found)}"] = fit(group, model, x, y, validation_data=(x[:1], y[:1]))
        found[f"predict {len(found)}"] = model.predict(x, batch_size=5, verbose=0)
    return found


@case
def ranks_with_images_of_other_sizes(group: Group) -> dict[str, Any]:
    """Train on sheets that are larger on each rank, and show the same: all around it is 0."""
    cnnx.utils.set_random_seed(3 + group.rank)
    model = cnnx.Sequential(
        [
            cnnx.Input((None, None, 2)),
            layers.Conv2D(8, 1, use_bias=False, activation="relu"),
            layers.GlobalMaxPooling2D(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile("sgd", "sparse_categorical_crossentropy", ["accuracy"])
    part, y = group.part(24), np.arange(24) % 3
    sheets = np.zeros((24, 8 + group.rank, 8 + 2 * group.rank, 2), np.float32)
    sheets[:, :7, :7] = draw(24, 7, 7, 2)
    stream = Stream([(sheets[part], y[part])] * 2)
    history = model.fit(stream, epochs=3, verbose=0).history
    return {"weights": model.get_weights(), "history": history}


@case
def metrics_of_maps_of_other_sizes(group: Group) -> dict[str, Any]:
    """Add up sums over maps of several sizes; refuse to put such maps below each other."""
    image = cnnx.Input((None, None, 1))
    model = cnnx.Model(image, layers.Conv2D(3, 1, activation="softmax")(image))
    model.compile(
        "sgd", "sparse_categorical_crossentropy", [cnnx.metrics.MeanIoU(3, sparse_y_pred=False)]
    )
    size = (4, 5 + group.rank)
    stream = Stream([(draw(2, *size, 1), np.zeros((2, *size), int))])
    model.fit(stream, verbose=0)
    largest = cnnx.metrics.FunctionMetric(largest_output)
    model.compile("sgd", "sparse_categorical_crossentropy", [largest])
    try:
        model.fit(stream, verbose=0)
    except ValueError as error:
        return {"refused": "give the ranks images of one size" in str(error)}
    return {"refused": group.size == 1}


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


class Stream:
    def __init__(self, batches: list[Any]) -> None:
        self.batches = batches

    def __iter__(self) -> Any:
        return iter(self.batches)


def main() -> None:
    folder, *names = sys.argv[1:]
    group = cnnx.distributed.init(timeout=60)
    found = {name: CASES[name](group) for name in names or CASES}
    Path(folder, str(group.rank)).write_bytes(pickle.dumps(found))


if __name__ == "__main__":
    main()
