"""A model of one dense layer, what it learns, and a callback that notes every call."""

from __future__ import annotations

from typing import Any

import cnnx
from agreement import normal
from cnnx.callbacks import (
    Callback,
)

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
