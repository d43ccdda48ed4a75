from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnx
from cnnx import callbacks, data, layers

pytestmark = pytest.mark.one_isa

X = np.random.default_rng(1).random((10, 6, 6, 3), np.float32)
Y = np.arange(10) % 3
ROWS = cnnx.utils.to_categorical(Y)


def batches(stream: Any) -> list[Any]:
    return list(stream)


def test_batches_of_arrays() -> None:
    stream = data.ArrayStream(X, Y, batch_size=4, shuffle=False)
    assert (len(stream), stream.samples) == (3, 10)
    found = batches(stream)
    np.testing.assert_array_equal(np.concatenate([x for x, _ in found]), X)
    np.testing.assert_array_equal(np.concatenate([y for _, y in found]), Y)
    assert all(isinstance(batch, np.ndarray) for batch in data.ArrayStream(X, batch_size=3))
    shuffled = data.ArrayStream(X, Y, np.arange(10), 4, seed=1)
    first, second = batches(shuffled), batches(shuffled)
    assert not np.array_equal(first[0][2], second[0][2])
    for x, y, weight in first:
        np.testing.assert_array_equal(x, X[weight])
        np.testing.assert_array_equal(y, Y[weight])
    again = batches(data.ArrayStream(X, Y, np.arange(10), 4, seed=1))
    np.testing.assert_array_equal(first[0][0], again[0][0])


def test_a_stream_trains_as_its_arrays_do() -> None:
    def trained(make: Any) -> Any:
        cnnx.utils.set_random_seed(3)
        model = cnnx.Sequential([layers.Input((6, 6, 3)), layers.Flatten(), layers.Dense(3)])
        model.compile("sgd", "mean_squared_error")
        cnnx.utils.set_random_seed(4)
        model.fit(*make(), batch_size=None if len(make()) == 1 else 4, epochs=2, verbose=0)
        return model.get_weights()[0]

    arrays = trained(lambda: (X, ROWS))
    stream = trained(lambda: (data.ArrayStream(X, ROWS, batch_size=4),))
    np.testing.assert_array_equal(arrays, stream)


def test_layers_change_batches() -> None:
    stream = data.ArrayStream(X, ROWS, batch_size=10, shuffle=False)
    ((x, y),) = stream.map(layers.RandomFlip(seed=1)).map(layers.MixUp(1.0, seed=2))
    wanted = layers.RandomFlip(seed=1)({"images": X, "labels": ROWS})
    wanted = layers.MixUp(1.0, seed=2)(wanted)
    np.testing.assert_array_equal(x, wanted["images"])
    np.testing.assert_array_equal(y, wanted["labels"])
    ((x, y),) = stream.map(layers.Rescaling(2.0))
    np.testing.assert_array_equal(x, X * 2)
    np.testing.assert_array_equal(y, ROWS)
    (alone,) = data.ArrayStream(X, batch_size=10, shuffle=False).map(layers.CenterCrop(4, 4))
    np.testing.assert_array_equal(alone, X[:, 1:5, 1:5])
    ((x, y, w),) = data.ArrayStream(X, ROWS, Y, 10, False).map(layers.RandomFlip(seed=1))
    np.testing.assert_array_equal(w, Y)


def test_functions_change_batches() -> None:
    stream = data.ArrayStream(X, Y, batch_size=10, shuffle=False)
    ((x, y),) = stream.map(lambda x, y: (x[..., :1], y + 1))
    np.testing.assert_array_equal(x, X[..., :1])
    np.testing.assert_array_equal(y, Y + 1)
    (x,) = data.ArrayStream(X, batch_size=10, shuffle=False).map(np.negative)
    np.testing.assert_array_equal(x, -X)


class Stop(callbacks.Callback):
    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if batch == 1:
            raise KeyboardInterrupt


def test_a_training_with_a_stream_goes_on_with_the_same_bits(tmp_path: Path) -> None:
    def train(*others: Any) -> Any:
        cnnx.utils.set_random_seed(3)
        model = cnnx.Sequential([layers.Input((6, 6, 3)), layers.Flatten(), layers.Dense(3)])
        model.compile("adam", "mean_squared_error")
        stream = data.ArrayStream(X, ROWS, batch_size=3, seed=5)
        stream = stream.map(layers.RandomRotation(0.1, seed=6)).map(layers.CutMix())
        model.fit(stream, epochs=3, verbose=0, callbacks=list(others))
        return model.get_weights()[0]

    whole = train()
    backup = tmp_path / "backup"
    with pytest.raises(KeyboardInterrupt):
        train(callbacks.BackupAndRestore(backup, save_freq=1), Stop())
    np.testing.assert_array_equal(train(callbacks.BackupAndRestore(backup, save_freq=1)), whole)


def test_wrong_arguments() -> None:
    stream = data.ArrayStream(X, Y)
    with pytest.raises(TypeError, match="map: change must be a layer or a function, got 3"):
        stream.map(3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"labels must be one-hot rows"):
        batches(stream.map(layers.MixUp()))
    for arguments, message in (
        ((X, Y[:3]), "x holds 10 samples and y 3"),
        ((X[:0],), "one at least"),
        ((X, Y, Y, 0), "batch_size must be at least 1"),
        ((X, None, Y), "sample_weight needs y"),
    ):
        with pytest.raises(ValueError, match=message):
            data.ArrayStream(*arguments)
    with pytest.raises(TypeError, match="x must be an array of numbers"):
        data.ArrayStream(3.0)
