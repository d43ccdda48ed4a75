"""The average of the weights in `fit`, and the callback that judges it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnx
from agreement import assert_close, normal
from cnnx.callbacks import BackupAndRestore, Callback, LambdaCallback, SwapEMAWeights
from cnnx.optimizers import SGD

X, Y = normal(1, 24, 4), normal(2, 24, 2)


def network(**settings: Any) -> Any:
    model = cnnx.Sequential([cnnx.Input((4,)), cnnx.layers.Dense(2, use_bias=False)])
    model.set_weights([normal(9, 4, 2)])
    given = {"use_ema": True, "ema_momentum": 0.8} | settings
    model.compile(SGD(0.1, momentum=0.5, **given), "mse")
    return model


class Trace(Callback):
    """Notes the weights after each batch and epoch."""

    def __init__(self) -> None:
        self.batches: list[Any] = []
        self.epochs: list[Any] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.batches.append(self.model.get_weights()[0])

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.epochs.append(self.model.get_weights()[0])


def average_of(weights: list[Any]) -> Any:
    average = weights[0].astype(np.float64)
    for later in weights[1:]:
        average = 0.8 * average + 0.2 * later
    return average


def fit(model: Any, *callbacks: Callback, epochs: int = 3) -> Trace:
    trace = Trace()
    listed = [*callbacks, trace]
    model.fit(X, Y, batch_size=8, epochs=epochs, shuffle=False, verbose=0, callbacks=listed)
    return trace


def test_fit_ends_with_the_average() -> None:
    model = network()
    trace = fit(model)
    assert_close(model.get_weights()[0], average_of(trace.batches))
    plain = network(use_ema=False)
    assert fit(plain).batches[-1].tobytes() == trace.batches[-1].tobytes()


def test_validation_sees_the_average_and_training_goes_on_from_the_weights() -> None:
    model, judged = network(), []
    note = LambdaCallback(on_test_begin=lambda logs: judged.append(model.get_weights()[0]))
    trace = Trace()
    history = model.fit(
        *(X, Y, 8, 3, 0),
        [SwapEMAWeights(), note, trace],
        validation_data=(X, Y),
        shuffle=False,
    )
    assert trace.batches[-1].tobytes() == fit(network()).batches[-1].tobytes()
    for epoch, weights in enumerate(judged):
        average = average_of(trace.batches[: 3 * (epoch + 1)])
        assert_close(weights, average)
        loss = float(((X @ average - Y) ** 2).mean())
        assert history.history["val_loss"][epoch] == pytest.approx(loss, rel=1e-5)
        assert_close(trace.epochs[epoch], trace.batches[3 * epoch + 2])


def test_callbacks_after_it_find_the_average_at_the_end_of_an_epoch() -> None:
    model = network()
    trace = fit(model, SwapEMAWeights(swap_on_epoch=True))
    assert trace.batches[-1].tobytes() == fit(network()).batches[-1].tobytes()
    for epoch, weights in enumerate(trace.epochs):
        assert_close(weights, average_of(trace.batches[: 3 * (epoch + 1)]))
    assert_close(model.get_weights()[0], average_of(trace.batches))


def test_evaluate_and_predict_see_the_average() -> None:
    model = network()
    for step in range(4):
        model.train_on_batch(X[step : step + 8], Y[step : step + 8])
    weights = model.get_weights()[0]
    average = model.optimizer.slots["average"].reshape(4, 2)
    assert_close(model.predict(X, callbacks=SwapEMAWeights()), X @ average)
    loss = model.evaluate(X, Y, verbose=0, callbacks=[SwapEMAWeights()])
    assert loss == pytest.approx(float(((X @ average - Y) ** 2).mean()), rel=1e-5)
    assert model.get_weights()[0].tobytes() == weights.tobytes()


class BreakOffError(Exception):
    pass


@pytest.mark.parametrize("swap_on_epoch", [False, True])
@pytest.mark.parametrize("frequency", ["epoch", 2])
def test_a_broken_run_ends_with_the_same_bits(
    tmp_path: Path, swap_on_epoch: bool, frequency: Any
) -> None:
    whole = network()
    fit(whole, SwapEMAWeights(swap_on_epoch))

    def stop(epoch: int, logs: Any) -> None:
        if epoch == 2:
            raise BreakOffError

    def callbacks(*more: Callback) -> list[Callback]:
        return [SwapEMAWeights(swap_on_epoch), BackupAndRestore(tmp_path, frequency), *more]

    with pytest.raises(BreakOffError):
        fit(network(), *callbacks(LambdaCallback(on_epoch_begin=stop)))
    resumed = network()
    fit(resumed, *callbacks())
    assert resumed.get_weights()[0].tobytes() == whole.get_weights()[0].tobytes()


def test_without_an_average_the_error_says_what_to_do() -> None:
    model = network(use_ema=False)
    with pytest.raises(ValueError, match=r"SwapEMAWeights: .* give it use_ema=True"):
        fit(model, SwapEMAWeights())
