from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnx
import reference
from agreement import assert_close, normal
from cnnx import optimizers
from cnnx.optimizers import schedules

STEPS = 6


def trained(optimizer: Any) -> tuple[list[Any], Any]:
    """Train a linear model for a few steps; return its gradients by NumPy, and its kernel."""
    model = cnnx.Sequential([cnnx.Input((4,)), cnnx.layers.Dense(2, use_bias=False)])
    model.set_weights([normal(9, 4, 2)])
    model.compile(optimizer=optimizer, loss="mean_squared_error")
    for step in range(STEPS):
        model.train_on_batch(normal(step, 5, 4), normal(step + 50, 5, 2))
    return model.get_weights()[0]


def expected(update: Callable[[Any, Any, int], Any]) -> Any:
    """Do the same in NumPy: `update(kernel, gradient, step)` gives the next kernel."""
    kernel = normal(9, 4, 2).astype(np.float64)
    for step in range(STEPS):
        x, y = normal(step, 5, 4).astype(np.float64), normal(step + 50, 5, 2)
        kernel = update(kernel, x.T @ (x @ kernel - y) * 2 / 10, step)
    return kernel


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("nesterov", [False, True])
def test_sgd(momentum: float, nesterov: bool) -> None:
    velocity: Any = 0.0

    def update(kernel: Any, gradient: Any, _: int) -> Any:
        nonlocal velocity
        kernel, velocity = reference.sgd_step(kernel, gradient, velocity, 0.05, momentum, nesterov)
        return kernel

    optimizer = optimizers.SGD(0.05, momentum=momentum, nesterov=nesterov)
    assert_close(trained(optimizer), expected(update))


@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.95, 0.99)])
@pytest.mark.parametrize("weight_decay", [0.0, 0.5])
def test_adam(betas: tuple[float, float], weight_decay: float) -> None:
    m: Any = 0.0
    v: Any = 0.0

    def update(kernel: Any, gradient: Any, step: int) -> Any:
        nonlocal m, v
        decayed = kernel * (1 - 0.01 * weight_decay)
        kernel, m, v = reference.adam_step(
            decayed, gradient, m, v, None, 0.01, *betas, 1e-7, step + 1
        )
        return kernel

    arguments = {"beta_1": betas[0], "beta_2": betas[1], "epsilon": 1e-7}
    result = trained(optimizers.AdamW(0.01, weight_decay, **arguments))
    assert_close(result, expected(update))
    if not weight_decay:
        assert result.tobytes() == trained(optimizers.Adam(0.01, **arguments)).tobytes()


@pytest.mark.parametrize("weight_decay", [0.0, 0.5])
@pytest.mark.parametrize("hat", [True, False])
def test_epsilon_of_adam_is_that_of_keras_or_of_pytorch(hat: bool, weight_decay: float) -> None:
    """Keras adds it to the root of v as it is, PyTorch to that of v corrected for its start."""
    m: Any = 0.0
    v: Any = 0.0

    def update(kernel: Any, gradient: Any, step: int) -> Any:
        nonlocal m, v
        m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
        kernel = kernel * (1 - 0.01 * weight_decay)
        t = step + 1
        if hat:
            rate = 0.01 * np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
            return kernel - rate * m / (np.sqrt(v) + 0.1)
        return kernel - 0.01 * m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 0.1)

    cls = optimizers.AdamW if weight_decay else optimizers.Adam
    decay = {"weight_decay": weight_decay} if weight_decay else {}
    form = {"epsilon_hat": True} if hat else {}  # PyTorch's is the default
    optimizer = cls(0.01, epsilon=0.1, **decay, **form)
    assert_close(trained(optimizer), expected(update))
    again = cls.from_config(json.loads(json.dumps(optimizer.get_config())))
    assert again.epsilon_hat is hat


def test_nadam() -> None:
    """Dozat (2016), Algorithm 2 with the schedule of its section 3.3."""
    m: Any = 0.0
    v: Any = 0.0
    momenta = [0.9 * (1 - 0.5 * 0.96**t) for t in range(1, STEPS + 2)]

    def update(kernel: Any, gradient: Any, step: int) -> Any:
        nonlocal m, v
        m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
        m_hat = momenta[step + 1] * m / (1 - math.prod(momenta[: step + 2]))
        m_hat += (1 - momenta[step]) * gradient / (1 - math.prod(momenta[: step + 1]))
        return kernel - 0.01 * m_hat / (np.sqrt(v / (1 - 0.999 ** (step + 1))) + 1e-7)

    assert_close(trained(optimizers.Nadam(0.01)), expected(update))


def test_nadam_goes_on_after_any_number_of_steps() -> None:
    """The product of its momenta is 0 then; multiplying them anew would take for ever."""
    model = cnnx.Sequential([cnnx.Input((4,)), cnnx.layers.Dense(2)])
    model.compile(optimizers.Nadam(0.01), "mse")
    model.train_on_batch(normal(1, 5, 4), normal(2, 5, 2))
    state = model.compiled_optimizer.get_state()
    found = []
    for steps in (100_000, 2**40):
        model.set_optimizer_state(state | {"iterations": np.array(steps)})
        before = model.get_weights()
        model.train_on_batch(normal(1, 5, 4), normal(2, 5, 2))
        found.append(model.get_weights()[0])
        model.set_weights(before)
    np.testing.assert_allclose(found[0], found[1], rtol=1e-5)
    assert np.abs(found[0] - before[0]).max() > 1e-3


def test_amsgrad_keeps_the_largest_squares() -> None:
    m: Any = 0.0
    v: Any = 0.0
    peak: Any = 0.0

    def update(kernel: Any, gradient: Any, step: int) -> Any:
        nonlocal m, v, peak
        kernel, m, v, peak = reference.adam_step(
            kernel, gradient, m, v, peak, 0.01, 0.9, 0.5, 1e-7, step + 1
        )
        return kernel

    result = trained(optimizers.Adam(0.01, 0.9, 0.5, amsgrad=True))
    assert_close(result, expected(update))
    assert result.tobytes() != trained(optimizers.Adam(0.01, 0.9, 0.5)).tobytes()


def test_adamax() -> None:
    m: Any = 0.0
    u: Any = 0.0

    def update(kernel: Any, gradient: Any, step: int) -> Any:
        nonlocal m, u
        kernel, m, u = reference.adamax_step(kernel, gradient, m, u, 0.01, 0.8, 0.9, 1e-7, step + 1)
        return kernel

    assert_close(trained(optimizers.Adamax(0.01, 0.8, 0.9)), expected(update))


def test_adadelta() -> None:
    squares: Any = 0.0
    moves: Any = 0.0

    def update(kernel: Any, gradient: Any, _: int) -> Any:
        nonlocal squares, moves
        kernel, squares, moves = reference.adadelta_step(
            kernel, gradient, squares, moves, 1.0, 0.9, 1e-4
        )
        return kernel

    assert_close(trained(optimizers.Adadelta(1.0, 0.9, 1e-4)), expected(update))


def test_lion() -> None:
    m: Any = 0.0

    def update(kernel: Any, gradient: Any, _: int) -> Any:
        nonlocal m
        kernel, m = reference.lion_step(kernel, gradient, m, 0.01, 0.9, 0.8)
        return kernel

    assert_close(trained(optimizers.Lion(0.01, 0.9, 0.8)), expected(update))


@pytest.mark.parametrize("centered", [True, False])
def test_rmsprop_with_momentum(centered: bool) -> None:
    squares: Any = 0.0
    mean: Any = 0.0
    velocity: Any = 0.0

    def update(kernel: Any, gradient: Any, _: int) -> Any:
        nonlocal squares, mean, velocity
        squares, mean = 0.8 * squares + 0.2 * gradient**2, 0.8 * mean + 0.2 * gradient
        root = np.sqrt(squares - (mean**2 if centered else 0) + 0.01)
        velocity = 0.7 * velocity + 0.05 * gradient / root
        return kernel - velocity

    optimizer = optimizers.RMSprop(0.05, 0.8, 0.7, 0.01, centered)
    assert_close(trained(optimizer), expected(update))


@pytest.mark.parametrize("averaging", [True, False])
def test_momentum(averaging: bool) -> None:
    velocity: Any = 0.0

    def update(kernel: Any, gradient: Any, _: int) -> Any:
        nonlocal velocity
        velocity = 0.8 * velocity - (0.2 if averaging else 1) * gradient
        return kernel + 0.05 * velocity

    result = trained(optimizers.Momentum(0.05, 0.8, averaging))
    assert_close(result, expected(update))
    if not averaging:
        assert_close(result, trained(optimizers.SGD(0.05, momentum=0.8)))


@pytest.mark.parametrize("in_root", [True, False])
@pytest.mark.parametrize("name", ["adagrad", "rmsprop"])
def test_root_mean_squares(name: str, in_root: bool) -> None:
    adagrad = name == "adagrad"
    squares: Any = 0.3 if adagrad else 0.0

    def update(kernel: Any, gradient: Any, _: int) -> Any:
        nonlocal squares
        squares = squares + gradient**2 if adagrad else 0.8 * squares + 0.2 * gradient**2
        root = np.sqrt(squares + 0.01) if in_root else np.sqrt(squares) + 0.01
        return kernel - 0.05 * gradient / root

    optimizer = (
        optimizers.Adagrad(0.05, 0.3, 0.01, in_root)
        if adagrad
        else optimizers.RMSprop(0.05, 0.8, epsilon=0.01, epsilon_in_root=in_root)
    )
    assert_close(trained(optimizer), expected(update))


def test_a_schedule_gives_the_rate_of_each_step() -> None:
    schedule = schedules.PolynomialDecay(0.1, 4, end_learning_rate=0.0)
    assert_close(
        trained(optimizers.SGD(schedule)),
        expected(lambda kernel, gradient, step: kernel - max(0.1 * (1 - step / 4), 0) * gradient),
    )


@pytest.mark.parametrize(
    ("schedule", "rate"),
    [
        (schedules.PolynomialDecay(0.1, 10, 0.02), lambda t: 0.1 - 0.08 * min(t, 10) / 10),
        (
            schedules.PolynomialDecay(0.1, 10, 0.02, power=2.0),
            lambda t: 0.02 + 0.08 * (1 - min(t, 10) / 10) ** 2,
        ),
        (
            schedules.PolynomialDecay(0.1, 10, 0.02, cycle=True),
            lambda t: 0.1 - 0.08 * t / (10 * max(1, math.ceil(t / 10))),
        ),
        (schedules.ExponentialDecay(0.1, 10, 0.5), lambda t: 0.1 * 0.5 ** (t / 10)),
        (
            schedules.ExponentialDecay(0.1, 10, 0.5, staircase=True),
            lambda t: 0.1 * 0.5 ** (t // 10),
        ),
        (
            schedules.CosineDecay(0.1, 10, alpha=0.1),
            lambda t: 0.1 * (0.9 * (1 + math.cos(math.pi * min(t, 10) / 10)) / 2 + 0.1),
        ),
        (schedules.InverseTimeDecay(0.1, 10, 0.5), lambda t: 0.1 / (1 + 0.5 * t / 10)),
        (
            schedules.InverseTimeDecay(0.1, 10, 0.5, staircase=True),
            lambda t: 0.1 / (1 + 0.5 * (t // 10)),
        ),
        (
            schedules.CosineDecay(0.01, 10, 0.1, warmup_target=0.1, warmup_steps=6),
            lambda t: (
                0.01 + 0.09 * t / 6
                if t < 6
                else 0.1 * (0.9 * (1 + math.cos(math.pi * min(t - 6, 10) / 10)) / 2 + 0.1)
            ),
        ),
        (
            schedules.CosineDecayRestarts(0.1, 6, 1.0, 0.5, 0.1),
            lambda t: (
                0.1 * (0.9 * 0.5 ** (t // 6) * (1 + math.cos(math.pi * (t % 6) / 6)) / 2 + 0.1)
            ),
        ),
        (
            schedules.CosineDecayRestarts(0.1, 6, 2.0, 0.5),  # periods of 6, 12, 24 and 48 steps
            lambda t: next(
                0.1 * 0.5**i * (1 + math.cos(math.pi * (t - begin) / length)) / 2
                for i, (begin, length) in enumerate([(0, 6), (6, 12), (18, 24), (42, 48)])
                if t < begin + length
            ),
        ),
        (
            schedules.PiecewiseConstantDecay([5, 12], [1.0, 0.5, 0.1]),
            lambda t: 1.0 if t <= 5 else 0.5 if t <= 12 else 0.1,
        ),
    ],
    ids=lambda item: getattr(type(item), "__name__", None) if not callable(item) else None,
)
def test_schedules(schedule: schedules.LearningRateSchedule, rate: Callable[[int], float]) -> None:
    for step in (0, 1, 5, 6, 10, 12, 13, 18, 41, 50):
        assert schedule(step) == pytest.approx(rate(step), rel=1e-12)
    again = schedules.deserialize(json.loads(json.dumps(schedules.serialize(schedule))))
    assert again.get_config() == schedule.get_config()
    assert again(7) == schedule(7)


def test_one_cycle_is_that_of_pytorch() -> None:
    torch = pytest.importorskip("torch")
    for total, start in ((20, 0.3), (7, 0.5), (50, 0.1)):
        step_of = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
        theirs = torch.optim.lr_scheduler.OneCycleLR(
            step_of, 0.5, total, pct_start=start, div_factor=10.0, final_div_factor=100.0
        )
        ours = schedules.OneCycle(0.5, total, start, 10.0, 100.0)
        for step in range(total):
            assert ours(step) == pytest.approx(step_of.param_groups[0]["lr"], rel=1e-9)
            step_of.step()
            if step < total - 1:
                theirs.step()
        assert ours(total + 5) == pytest.approx(0.05 / 100)


def test_one_cycle_begins_rises_and_ends() -> None:
    schedule = schedules.OneCycle(1.0, 100, 0.25, 20.0, 1e3)
    assert schedule(0) == pytest.approx(0.05)
    assert schedule(24) == pytest.approx(1.0)
    assert schedule(12) == pytest.approx(0.525)  # half way
    assert schedule(99) == pytest.approx(0.05 / 1e3)


@pytest.mark.parametrize(
    "optimizer",
    [
        optimizers.SGD(0.1, momentum=0.5, nesterov=True),
        optimizers.Adam(0.1, 0.8, 0.9, 1e-5),
        optimizers.AdamW(0.1, 0.2, 0.8, 0.9, 1e-5),
        optimizers.Nadam(0.1, 0.8, 0.9, 1e-5),
        optimizers.Momentum(0.1, 0.5, averaging=False),
        optimizers.Adagrad(0.1, 0.2, 1e-5, epsilon_in_root=False),
        optimizers.RMSprop(0.1, 0.8, epsilon=1e-5, epsilon_in_root=False),
        optimizers.SGD(schedules.CosineDecay(0.1, 100)),
        optimizers.Adam(0.1, amsgrad=True, weight_decay=0.1, clipnorm=1.0, name="mine"),
        optimizers.RMSprop(0.1, momentum=0.5, centered=True, use_ema=True, ema_momentum=0.9),
        optimizers.Adamax(0.1, 0.8, 0.9, 1e-5, clipvalue=0.5),
        optimizers.Adadelta(0.1, 0.8, 1e-5, global_clipnorm=2.0),
        optimizers.Lion(0.1, 0.8, 0.9, gradient_accumulation_steps=3),
    ],
    ids=lambda optimizer: optimizer.name,
)
def test_config_round_trip(optimizer: optimizers.Optimizer) -> None:
    config = json.loads(json.dumps(optimizer.get_config()))
    copy = type(optimizer).from_config(config)
    assert optimizers.deserialize(optimizers.serialize(copy)).get_config() == config
    assert copy.get_config() == optimizer.get_config()
    assert copy.learning_rate == optimizer.learning_rate


def test_names_and_defaults_are_those_of_keras() -> None:
    assert trained("SGD").tobytes() == trained(optimizers.SGD(0.01)).tobytes()
    assert trained("adam").tobytes() == trained(optimizers.Adam(0.001, 0.9, 0.999, 1e-7)).tobytes()
    for name, optimizer in {
        "adamw": optimizers.AdamW(0.001, weight_decay=0.004),
        "nadam": optimizers.Nadam(0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7),
        "adagrad": optimizers.Adagrad(0.001, initial_accumulator_value=0.1, epsilon=1e-7),
        "RMSprop": optimizers.RMSprop(0.001, rho=0.9, epsilon=1e-7),
        "adamax": optimizers.Adamax(0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7),
        "adadelta": optimizers.Adadelta(0.001, rho=0.95, epsilon=1e-7),
        "lion": optimizers.Lion(0.001, beta_1=0.9, beta_2=0.99),
    }.items():
        assert trained(name).tobytes() == trained(optimizer).tobytes()


def test_the_learning_rate_can_be_changed_between_steps() -> None:
    model = cnnx.Sequential([cnnx.Input((4,)), cnnx.layers.Dense(2)])
    model.compile(optimizer=optimizers.SGD(0.1), loss="mse")
    model.optimizer.lr = 0.0  # as programs for older Keras call it
    assert model.optimizer.lr == model.optimizer.learning_rate == 0
    before = model.get_weights()
    model.train_on_batch(normal(1, 5, 4), normal(2, 5, 2))
    np.testing.assert_array_equal(model.get_weights()[0], before[0])


RATES = iter([0.5, 0.25, 0.125])


def next_rate() -> float:
    return next(RATES)


def test_a_function_says_the_rate_of_each_step(tmp_path: Path) -> None:
    model = cnnx.Sequential([cnnx.Input((1,)), cnnx.layers.Dense(1, use_bias=False)])
    model.compile(optimizers.SGD(next_rate), "mse")
    model.set_weights([np.zeros((1, 1))])
    for expected in (1.0, 1.0):  # w += 2 rate (1 - w), with a rate of .5 and of .25
        model.train_on_batch(np.ones((1, 1)), np.ones((1, 1)))
        assert model.get_weights()[0] == expected
    model.save(tmp_path / "model")
    loaded = cnnx.models.load_model(tmp_path / "model", {"next_rate": next_rate})
    assert float(loaded.optimizer.learning_rate) == 0.125
    model.optimizer.learning_rate = 0.1
    assert model.optimizer.get_config()["learning_rate"] == 0.1
    with pytest.raises(ValueError, match="FunctionSchedule: what the function returns must be in"):
        float(optimizers.SGD(lambda: -1.0).learning_rate)
    with pytest.raises(TypeError, match="FunctionSchedule: function must be a function, got 3"):
        schedules.FunctionSchedule(3)  # type: ignore[arg-type]
