from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cnnx
from agreement import normal
from cnnx.callbacks import Callback, EarlyStopping, LambdaCallback

X, Y = normal(1, 10, 3), normal(2, 10, 1)


def linear_model(rate: float = 0.01) -> cnnx.Sequential:
    model = cnnx.Sequential([cnnx.Input((3,)), cnnx.layers.Dense(1)])
    model.compile(optimizer=cnnx.optimizers.SGD(rate), loss="mse")
    return model


class Recorder(Callback):
    """Notes every call."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def on_train_begin(self, logs: Any = None) -> None:
        self.calls.append("train begin")

    def on_train_end(self, logs: Any = None) -> None:
        self.calls.append("train end")

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.calls.append(("epoch begin", epoch))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.calls.append(("epoch end", epoch, sorted(logs)))

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.calls.append(("batch begin", batch))

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.calls.append(("batch end", batch, sorted(logs)))


def test_order_of_the_calls() -> None:
    recorder, model = Recorder(), linear_model()
    model.fit(X, Y, batch_size=5, epochs=2, verbose=0, callbacks=[recorder], validation_data=(X, Y))
    epoch = [("batch begin", 0), ("batch end", 0, ["loss"])]
    epoch += [("batch begin", 1), ("batch end", 1, ["loss"])]
    assert recorder.calls == [
        "train begin",
        *[
            call
            for i in range(2)
            for call in (
                ("epoch begin", i),
                *epoch,
                ("epoch end", i, ["loss", "val_loss"]),
            )
        ],
        "train end",
    ]
    assert recorder.model is model
    assert recorder.params["epochs"] == 2


def test_an_exception_in_a_callback_comes_out_unchanged() -> None:
    class Trouble(Exception):  # noqa: N818
        pass

    def fail(*_: Any) -> None:
        raise Trouble("mine")

    model = linear_model()
    with pytest.raises(Trouble, match="mine"):
        model.fit(X, Y, verbose=0, callbacks=[LambdaCallback(on_train_batch_end=fail)])
    model.fit(X, Y, verbose=0)


def test_a_callback_can_stop_training() -> None:
    model = linear_model()

    def stop(epoch: int, logs: Any) -> None:
        model.stop_training = epoch == 2

    history = model.fit(X, Y, epochs=10, verbose=0, callbacks=[LambdaCallback(on_epoch_end=stop)])
    assert list(history.epoch) == [0, 1, 2]


def test_early_stopping_restores_the_best_weights() -> None:
    """A rate far too large makes every epoch worse than the first."""
    model = linear_model(rate=2.0)
    kept: list[Any] = []
    keep = LambdaCallback(on_epoch_end=lambda epoch, logs: kept.append(model.get_weights()))
    stopping = EarlyStopping(monitor="loss", patience=2, restore_best_weights=True)
    history = model.fit(X, Y, epochs=10, verbose=0, callbacks=[keep, stopping])
    assert len(history.epoch) == 3
    for got, best in zip(model.get_weights(), kept[0], strict=True):
        np.testing.assert_array_equal(got, best)


def test_a_loss_of_nan_warns_once_and_names_epoch_and_batch() -> None:
    model = linear_model()
    with pytest.warns(RuntimeWarning, match=r"loss is nan in epoch 1, batch 1") as record:
        model.fit(np.full((10, 3), np.nan), Y, batch_size=5, epochs=2, verbose=0)
    assert len(record) == 1
