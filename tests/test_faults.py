"""What goes wrong while a model computes: interrupts, exceptions, other threads."""

from __future__ import annotations

import functools
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnx
from agreement import normal
from cnnx import _core, config, layers, ops
from cnnx.data import image_folder
from test_processes import NETWORK, output_of

pytestmark = pytest.mark.one_isa

X, Y = normal(1, 40, 8, 8, 1), np.arange(40) % 3


def network(**compiled: Any) -> cnnx.Sequential:
    cnnx.utils.set_random_seed(1)
    model = cnnx.Sequential(
        [
            cnnx.Input((8, 8, 1)),
            layers.Conv2D(4, 3),
            layers.BatchNormalization(),
            layers.Flatten(),
            layers.Dropout(0.2),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(**{"optimizer": "adam", "loss": "sparse_categorical_crossentropy", **compiled})
    return model


def bits(model: cnnx.Sequential) -> list[bytes]:
    return [weight.tobytes() for weight in model.get_weights()]


class Trouble(Exception):  # noqa: N818
    pass


# --- interrupts -----------------------------------------------------------------------------------

# A call makes the arrays, and returns the operation to interrupt.
LONG: dict[str, tuple[str, Callable[[], Callable[[], Any]]]] = {
    f"{algorithm} {name}": (algorithm, operation)
    for algorithms, name, operation in (
        (
            ("direct", "im2col"),
            "11x11",
            lambda: functools.partial(ops.conv2d, ones(8, 192, 192, 64), ones(11, 11, 64, 64)),
        ),
        (
            ("direct", "im2col"),
            "11x11 backward",
            lambda: functools.partial(
                ops.conv2d_backward,
                ones(8, 192, 192, 64),
                ones(11, 11, 64, 64),
                ones(8, 182, 182, 64),
            ),
        ),
        (
            ("winograd",),
            "3x3",
            lambda: functools.partial(ops.conv2d, ones(2, 192, 192, 512), ones(3, 3, 512, 512)),
        ),
        (
            ("im2col", "winograd"),
            "3x3 backward",
            lambda: functools.partial(
                ops.conv2d_backward,
                ones(2, 192, 192, 512),
                ones(3, 3, 512, 512),
                ones(2, 190, 190, 512),
            ),
        ),
    )
    for algorithm in algorithms
} | {
    name: ("auto", operation)
    for name, operation in {
        "product": lambda: functools.partial(ops.matmul, ones(6000, 6000), ones(6000, 6000)),
        "max pooling": lambda: pooled("max"),
        "average pooling": lambda: pooled("avg"),
        "max pooling backward": lambda: pooled_backward("max"),
        "average pooling backward": lambda: pooled_backward("avg"),
        "kernel as large as the image": lambda: functools.partial(
            ops.conv2d, ones(1, 1200, 1200, 8), ones(1000, 1000, 8, 8)
        ),
        "kernel of one channel": lambda: functools.partial(
            ops.conv2d, ones(1, 2000, 2000, 1), ones(1400, 1400, 1, 1)
        ),
        "large kernel backward": lambda: functools.partial(
            ops.conv2d_backward, ones(1, 1000, 1000, 2), ones(700, 700, 2, 2), ones(1, 301, 301, 2)
        ),
        "large kernel of one channel backward": lambda: functools.partial(
            ops.conv2d_backward, ones(1, 1000, 1000, 1), ones(700, 700, 1, 1), ones(1, 301, 301, 1)
        ),
    }.items()
}


WINDOW = (800, 800), (1, 1), (400, 400)  # size, strides, padding


def pooled(kind: str) -> Callable[[], Any]:
    x, y = ones(1, 1000, 1000, 4), np.empty((1, 1001, 1001, 4), np.float32)
    if kind == "max":
        return functools.partial(_core.max_pool2d_forward, x, y, None, *WINDOW)
    return functools.partial(_core.avg_pool2d_forward, x, y, *WINDOW)


def pooled_backward(kind: str) -> Callable[[], Any]:
    dy, dx = ones(1, 1001, 1001, 4), np.empty((1, 1000, 1000, 4), np.float32)
    if kind == "max":
        places = np.zeros(dy.shape, np.int32)
        return functools.partial(_core.max_pool2d_backward, dy, places, dx, *WINDOW)
    return functools.partial(_core.avg_pool2d_backward, dy, dx, *WINDOW)


@functools.cache
def ones(*shape: int) -> np.ndarray:
    return np.ones(shape, np.float32)


@contextmanager
def alarm(seconds: float) -> Iterator[None]:
    """Raise Trouble in a signal handler, as Ctrl-C raises KeyboardInterrupt."""

    def handler(*_: Any) -> None:
        raise Trouble

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("name", LONG)
def test_a_long_operation_answers_within_a_second(name: str) -> None:
    algorithm, prepare = LONG[name]
    config.set_conv_algorithm(algorithm)
    config.set_num_threads(1)
    operation = prepare()
    began = time.process_time()
    with alarm(0.2), pytest.raises(Trouble):
        operation()
    assert time.process_time() - began < 1.2


def test_an_interrupted_step_changes_nothing() -> None:
    """It ends within the gradient of the second layer, after the statistics of the first."""
    x, y = ones(32, 128, 128, 1), np.zeros(32, int)
    model, twin = (
        cnnx.Sequential(
            [
                cnnx.Input((128, 128, 1)),
                layers.Conv2D(32, 1, kernel_initializer="ones"),
                layers.BatchNormalization(),
                layers.Conv2D(64, 9, kernel_initializer="ones"),
                layers.GlobalAveragePooling2D(),
                layers.Dense(2, activation="softmax", kernel_initializer="zeros"),
            ]
        )
        for _ in range(2)
    )
    for one in (model, twin):
        one.compile("adam", "sparse_categorical_crossentropy")
        one.train_on_batch(x[:1], y[:1])
    with alarm(0.2), pytest.raises(Trouble):
        model.fit(x, y, 32, 50, verbose=0)
    for one in (model, twin):
        one.train_on_batch(x[:1], y[:1])
    # The interrupt may have come after whole steps.
    steps = model.compiled_optimizer.iterations - twin.compiled_optimizer.iterations
    assert steps > 0 or bits(model) == bits(twin)
    model.fit(x[:1], y[:1], verbose=0)


# --- exceptions -----------------------------------------------------------------------------------


class Breaking:
    """A stream that breaks after two batches."""

    def __len__(self) -> int:
        return 5

    def __iter__(self) -> Iterator[Any]:
        yield X[:8], Y[:8]
        yield X[8:16], Y[8:16]
        raise Trouble("mine")


class BreakingMetric(cnnx.metrics.SparseCategoricalAccuracy):
    def total(self, targets: Any, outputs: Any) -> float:
        raise Trouble("mine")


class BreakingLayer(layers.Layer):
    def forward(self, call: Any, x: Any) -> Any:
        return x

    def backward(self, call: Any, dy: Any) -> Any:
        raise Trouble("mine")


class BreakingSchedule(cnnx.optimizers.schedules.LearningRateSchedule):
    def __call__(self, step: int) -> float:
        if step == 1:
            raise Trouble("mine")
        return 0.01


BREAKING: dict[str, tuple[Callable[[], cnnx.Sequential], dict[str, Any]]] = {
    "stream": (network, {"x": Breaking()}),
    "validation": (network, {"x": X, "y": Y, "validation_data": Breaking()}),
    "metric": (lambda: network(metrics=[BreakingMetric()]), {"x": X, "y": Y}),
    "schedule": (
        lambda: network(optimizer=cnnx.optimizers.SGD(BreakingSchedule())),
        {"x": X, "y": Y},
    ),
}


@pytest.mark.parametrize("name", BREAKING)
def test_an_exception_comes_out_of_fit_unchanged(name: str) -> None:
    build, arguments = BREAKING[name]
    model = build()
    before = threading.active_count()
    with pytest.raises(Trouble, match=r"^mine$"):
        model.fit(**arguments, verbose=0)
    assert threading.active_count() == before
    assert np.isfinite(model.predict(X, verbose=0)).all()
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(X, Y, verbose=0)


def test_an_exception_in_a_layer_leaves_the_model_as_it_was() -> None:
    model = network()
    model.pop()
    model.add(BreakingLayer())
    model.add(layers.Dense(3, activation="softmax"))
    model.compile("adam", "sparse_categorical_crossentropy")
    before = bits(model)
    with pytest.raises(Trouble, match=r"^mine$"):
        model.fit(X, Y, verbose=0)
    assert bits(model) == before


def test_the_threads_of_a_stream_end_with_an_exception(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    for index in range(20):
        file = tmp_path / f"class {index % 2}" / f"{index}.png"
        file.parent.mkdir(exist_ok=True)
        image.new("L", (8, 8)).save(file)
    before = threading.active_count()

    def fail(*_: Any) -> None:
        raise Trouble("mine")

    stream = image_folder(tmp_path, (8, 8), "grayscale", batch_size=4).train
    breaking = cnnx.callbacks.LambdaCallback(on_train_batch_end=fail)
    with pytest.raises(Trouble):
        network().fit(stream, verbose=0, callbacks=breaking)
    assert threading.active_count() == before


@pytest.mark.parametrize("name", ["fit", "evaluate"])
def test_a_stream_of_nothing_is_named(name: str) -> None:
    class Nothing:
        def __len__(self) -> int:
            return 3

        def __iter__(self) -> Iterator[Any]:
            return iter(())

    with pytest.raises(ValueError, match=f"^{name}: x gave no batches"):
        getattr(network(), name)(Nothing(), verbose=0)
    with pytest.raises(ValueError, match=f"{name}: x holds no samples"):
        getattr(network(), name)(X[:0], Y[:0], verbose=0)


def test_nothing_is_predicted_of_nothing() -> None:
    assert network().predict(X[:0], verbose=0).shape == (0, 3)


# --- threads --------------------------------------------------------------------------------------


def test_fit_and_predict_at_once() -> None:
    """Each step and each batch of a prediction runs alone: neither disturbs the other."""
    alone, model = network(), network()
    cnnx.utils.set_random_seed(2)
    expected = alone.fit(X, Y, 8, 30, verbose=0).history
    done = threading.Event()

    def predict() -> int:
        count = 0
        while not done.is_set():
            outputs = model.predict(X, 16, verbose=0)
            np.testing.assert_allclose(outputs.sum(axis=1), 1, rtol=1e-5)
            count += 1
        return count

    cnnx.utils.set_random_seed(2)
    with ThreadPoolExecutor(3) as pool:
        predictions = [pool.submit(predict) for _ in range(3)]
        try:
            history = model.fit(X, Y, 8, 30, verbose=0).history
        finally:
            done.set()
        assert sum(prediction.result() for prediction in predictions) > 0
    assert history == expected
    assert bits(model) == bits(alone)


@pytest.mark.parametrize("daemon", [True, False])
def test_the_interpreter_exits_while_a_thread_trains(daemon: bool) -> None:
    script = f"""
import threading
def train():
    model.fit(x, y, epochs={1000 if daemon else 3}, verbose=0)
    print("trained")
threading.Thread(target=train, daemon={daemon}).start()
"""
    assert output_of(NETWORK + script) == ("" if daemon else "trained")
