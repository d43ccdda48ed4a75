"""O14. Optimizers: S0 Programme 11.6.7 and S2, with their defaults."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnnx.layers.weight import Weight
from cnnx.optimizers import SGD, Adagrad, Adam, Momentum, Optimizer, RMSprop

GRADIENTS = [2.0, -1.0, 0.5]


def steps(optimizer: Optimizer) -> list[float]:
    """What each of the GRADIENTS adds to a parameter that was 0."""
    parameters, gradients = np.zeros(1, np.float32), np.zeros(1, np.float32)
    learned = optimizer.bind(parameters, gradients, [(Weight("w", parameters, True), slice(0, 1))])
    moves = []
    for gradient in GRADIENTS:
        parameters[:], gradients[:] = 0, gradient
        optimizer.step(learned)
        moves.append(float(parameters[0]))
    return moves


def test_o14_sgd() -> None:
    """Rate 1e-3: -rate g."""
    assert steps(SGD(1e-3)) == pytest.approx([-0.002, 0.001, -0.0005])


def test_o14_momentum_averages() -> None:
    """S0: m = .9 m - .1 g, step = rate m. The usual sum makes the steps 10 times as long."""
    m = [-0.2, -0.18 + 0.1, -0.072 - 0.05]
    assert steps(Momentum()) == pytest.approx([1e-3 * value for value in m])
    assert steps(Momentum(averaging=False)) == pytest.approx([1e-2 * value for value in m])


def test_o14_adagrad() -> None:
    """S0: the step is -rate g / (sqrt(sum of g^2) + 1e-8)."""
    roots = np.sqrt([4, 4 + 1, 4 + 1 + 0.25])
    optimizer = Adagrad(1e-3, initial_accumulator_value=0, epsilon=1e-8, epsilon_in_root=False)
    assert steps(optimizer) == pytest.approx(list(-1e-3 * np.array(GRADIENTS) / roots))


def test_o14_rmsprop() -> None:
    """S0: v = .9 v + .1 g^2, step = -rate g / (sqrt(v) + 1e-8)."""
    v = [0.4, 0.36 + 0.1, 0.414 + 0.025]
    optimizer = RMSprop(1e-3, rho=0.9, epsilon=1e-8, epsilon_in_root=False)
    assert steps(optimizer) == pytest.approx(list(-1e-3 * np.array(GRADIENTS) / np.sqrt(v)))


@pytest.mark.parametrize(
    ("rate", "beta_1", "beta_2", "arguments"),
    [
        (1e-3, 0.9, 0.999, {"epsilon": 1e-8}),  # S0
        (0.01, 0.95, 0.99, {"learning_rate": 0.01, "beta_1": 0.95, "beta_2": 0.99}),  # S2
    ],
    ids=["S0", "S2"],
)
def test_o14_adam(rate: float, beta_1: float, beta_2: float, arguments: dict[str, Any]) -> None:
    """The first step is the rate, whatever the gradient's size."""
    moves = steps(Adam(**arguments))
    assert moves[0] == pytest.approx(-rate)
    m = (1 - beta_1) * (2 * beta_1 - 1) / (1 - beta_1**2)
    v = (1 - beta_2) * (4 * beta_2 + 1) / (1 - beta_2**2)
    assert moves[1] == pytest.approx(-rate * m / np.sqrt(v), rel=1e-5)


def test_o14_defaults_are_at_hand() -> None:
    """Rate 1e-3, momentum .9, RMSprop .9, Adam .9/.999: only SGD's rate and epsilon differ."""
    assert Momentum().get_config() == {
        "learning_rate": 1e-3,
        "momentum": 0.9,
        "averaging": True,
    }
    assert (RMSprop().learning_rate, RMSprop().rho) == (1e-3, 0.9)
    assert (Adam().learning_rate, Adam().beta_1, Adam().beta_2) == (1e-3, 0.9, 0.999)
    assert Adagrad().learning_rate == 1e-3
