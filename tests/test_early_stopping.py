"""EarlyStopping: when it stops, and with which weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cnnx
from cnnx.callbacks import (
    Callback,
    EarlyStopping,
    LambdaCallback,
)
from linear_training import X, Y, linear_model

pytestmark = pytest.mark.one_isa


def test_early_stopping_restores_the_best_weights(capsys: pytest.CaptureFixture[str]) -> None:
    """A rate far too large makes every epoch worse than the first."""
    model = linear_model(rate=2.0)
    kept: list[Any] = []
    keep = LambdaCallback(on_epoch_end=lambda epoch, logs: kept.append(model.get_weights()))
    stopping = EarlyStopping("loss", 0, 2, 1, restore_best_weights=True)
    history = model.fit(X, Y, epochs=10, verbose=0, callbacks=[keep, stopping])
    assert len(history.epoch) == 3
    assert capsys.readouterr().out == "Epoch 3: loss no longer improves\n"
    for got, best in zip(model.get_weights(), kept[0], strict=True):
        np.testing.assert_array_equal(got, best)


def pretended(losses: list[float], **options: Any) -> tuple[EarlyStopping, list[int], Any]:
    """Return what watched epochs with these losses, their numbers, and the epoch of the weights."""
    model, weights = linear_model(), []

    class Pretended(Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            logs["loss"] = losses[epoch]
            weights.append(model.get_weights())

    stopping = EarlyStopping("loss", **options)
    history = model.fit(X, Y, epochs=len(losses), verbose=0, callbacks=[Pretended(), stopping])
    now = model.get_weights()
    return stopping, history.epoch, [all(map(np.array_equal, now, then)) for then in weights]


@pytest.mark.parametrize(
    ("losses", "options", "epochs", "kept"),
    [
        ([5, 4, 3, 3, 3], {"baseline": 1.0, "patience": 3}, 4, 2),
        ([5, 3, 4, 3, 3], {"baseline": 1.0, "patience": 4}, 4, 1),
        ([5, 0.5, 4, 3, 3], {"baseline": 1.0, "patience": 2}, 4, 1),
        ([5, 4, 3], {"baseline": 1.0, "patience": 1}, 3, 2),
        ([5, 4, 3], {"baseline": 1.0}, 3, 2),
        ([3, 3, 2], {}, 2, 0),
    ],
)
def test_a_baseline_that_is_not_met(
    losses: list[float], options: Any, epochs: int, kept: int
) -> None:
    """As in Keras, training does not stop in an epoch that is better than those before."""
    stopping, seen, same = pretended(losses, restore_best_weights=True, **options)
    assert len(seen) == epochs
    assert stopping.best_epoch == kept
    assert same[kept]


def test_early_stopping_forgets_an_earlier_fit() -> None:
    cnnx.utils.set_random_seed(1)
    model, stopping = linear_model(), EarlyStopping("loss", patience=1)
    for _ in range(2):
        assert len(model.fit(X, Y, epochs=3, verbose=0, callbacks=[stopping]).epoch) == 3
    model.compile(cnnx.optimizers.SGD(2.0), "mse")
    assert len(model.fit(X, Y, epochs=9, verbose=0, callbacks=[stopping]).epoch) == 2


@pytest.mark.parametrize(
    ("name", "rises"),
    [
        ("val_accuracy", True),
        ("val_auc", True),
        ("AUC", True),
        ("f1_score", True),
        ("precision", True),
        ("recall", True),
        ("mean_iou", True),
        ("loss", False),
        ("val_mean_squared_error", False),
        ("mine", False),
    ],
)
def test_auto_knows_figures_that_should_rise(name: str, rises: bool) -> None:
    class Given(Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            logs[name] = 0.5 + epoch / 10

    stopping = EarlyStopping(name, patience=9)
    linear_model().fit(X, Y, epochs=3, verbose=0, callbacks=[Given(), stopping])
    assert stopping.best_epoch == (2 if rises else 0)
