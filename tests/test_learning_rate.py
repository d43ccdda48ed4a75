"""Callbacks that set the learning rate."""

from __future__ import annotations

import functools
from typing import Any

import pytest

import cnnx
from cnnx.callbacks import (
    Callback,
    LearningRateScheduler,
    ReduceLROnPlateau,
)
from linear_training import X, Y, linear_model


@pytest.mark.parametrize("schedule", [lambda epoch: 0.1 / 2**epoch, lambda epoch, rate: rate / 2])
def test_a_scheduler_sets_the_rate_before_each_epoch(schedule: Any) -> None:
    model = linear_model(0.2 if schedule.__code__.co_argcount == 2 else 0.0)
    history = model.fit(X, Y, epochs=3, verbose=0, callbacks=[LearningRateScheduler(schedule)])
    assert history.history["learning_rate"] == pytest.approx([0.1, 0.05, 0.025])


def falling(epoch: int, base: float, share: float = 0.5) -> float:
    return base * share**epoch


@pytest.mark.parametrize(
    "schedule",
    [
        functools.partial(falling, base=2.0),
        lambda epoch, base=2.0: falling(epoch, base),
        lambda epoch, *, base=2.0: falling(epoch, base),
        lambda epoch, **options: falling(epoch, 2.0, **options),
        lambda epoch, *rest: falling(epoch, 2.0, *rest),
    ],
)
def test_what_a_schedule_takes_besides_the_epoch_stays_its_own(schedule: Any) -> None:
    watch = LearningRateScheduler(schedule)
    history = linear_model().fit(X, Y, epochs=3, verbose=0, callbacks=[watch]).history
    assert history["learning_rate"] == [2.0, 1.0, 0.5]


@pytest.mark.parametrize(
    "callback", [LearningRateScheduler(lambda epoch, rate: rate), ReduceLROnPlateau("loss")]
)
def test_a_schedule_of_the_optimizer_is_not_replaced(callback: Callback) -> None:
    model = linear_model()
    rate = cnnx.optimizers.schedules.CosineDecay(0.1, 10)
    model.compile(cnnx.optimizers.SGD(rate), "mse")
    with pytest.raises(ValueError, match=r"the learning rate follows CosineDecay already; give"):
        model.fit(X, Y, verbose=0, callbacks=[callback])


def test_a_rate_that_is_none_is_refused() -> None:
    with pytest.raises(TypeError, match="LearningRateScheduler: the learning rate must be a num"):
        linear_model().fit(X, Y, callbacks=LearningRateScheduler(lambda epoch: None))


def rates_on_a_plateau(losses: list[float], **options: Any) -> list[float]:
    """Return the rates of epochs with these losses."""
    model = linear_model(1.0)

    class Pretended(Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            logs["loss"] = losses[epoch]

    lower = ReduceLROnPlateau("loss", factor=0.5, **options)
    history = model.fit(X, Y, epochs=len(losses), verbose=0, callbacks=[Pretended(), lower])
    return history.history["learning_rate"]


@pytest.mark.filterwarnings("ignore:fit. the loss")
@pytest.mark.parametrize(
    ("losses", "options", "rates"),
    [
        ([3, 2, 2, 2, 2, 2], {"patience": 2}, [1, 1, 1, 1, 0.5, 0.5]),
        ([3, 2, 2, 1, 1, 1], {"patience": 2}, [1, 1, 1, 1, 1, 1]),
        ([2] * 6, {"patience": 1, "cooldown": 1}, [1, 1, 0.5, 0.25, 0.125, 0.0625]),  # as in Keras
        ([2] * 6, {"patience": 1, "cooldown": 2}, [1, 1, 0.5, 0.5, 0.25, 0.25]),
        ([2, 2, 1, 2, 2, 2], {"patience": 1, "cooldown": 2}, [1, 1, 0.5, 0.5, 0.25, 0.25]),
        ([2, 2, 2, 2, 2], {"patience": 1, "min_lr": 0.4}, [1, 1, 0.5, 0.4, 0.4]),
        ([2, 1.5, 1.4, 1.3], {"patience": 1, "min_delta": 0.2}, [1, 1, 1, 0.5]),
        ([1, 2, 3, 3], {"patience": 1, "mode": "max"}, [1, 1, 1, 1]),
    ],
)
def test_the_rate_falls_on_a_plateau(losses: Any, options: Any, rates: Any) -> None:
    assert rates_on_a_plateau(losses, **options) == rates
