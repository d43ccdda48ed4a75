"""Steps of optimizers."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from reference.arrays import Array, f64


def sgd_step(
    params: ArrayLike,
    grads: ArrayLike,
    velocity: ArrayLike,
    learning_rate: float,
    momentum: float = 0.0,
    nesterov: bool = False,
) -> tuple[Array, Array]:
    """v = momentum v - rate g; p += v, or p += momentum v - rate g by Nesterov."""
    step = learning_rate * f64(grads)
    velocity = momentum * f64(velocity) - step
    return f64(params) + (momentum * velocity - step if nesterov else velocity), velocity


def adam_step(
    params: ArrayLike,
    grads: ArrayLike,
    m: ArrayLike,
    v: ArrayLike,
    peak: ArrayLike | None,
    learning_rate: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
    step: int,
) -> tuple[Array, ...]:
    """Kingma & Ba (2015), Algorithm 1; with a peak Reddi et al. (2018), Algorithm 2."""
    m = beta_1 * f64(m) + (1 - beta_1) * f64(grads)
    v = beta_2 * f64(v) + (1 - beta_2) * f64(grads) ** 2
    seen = v if peak is None else np.maximum(f64(peak), v)
    m_hat, v_hat = m / (1 - beta_1**step), seen / (1 - beta_2**step)
    after = f64(params) - learning_rate * m_hat / (np.sqrt(v_hat) + epsilon)
    return (after, m, v) if peak is None else (after, m, v, seen)


def nadam_step(
    params: ArrayLike,
    grads: ArrayLike,
    m: ArrayLike,
    v: ArrayLike,
    learning_rate: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
    m_share: float,
    grad_share: float,
    step: int,
) -> tuple[Array, Array, Array]:
    """Adam's step with m_share m + grad_share g for the unbiased m."""
    m = beta_1 * f64(m) + (1 - beta_1) * f64(grads)
    v = beta_2 * f64(v) + (1 - beta_2) * f64(grads) ** 2
    ahead = m_share * m + grad_share * f64(grads)
    root = np.sqrt(v / (1 - beta_2**step))
    return f64(params) - learning_rate * ahead / (root + epsilon), m, v


def adamax_step(
    params: ArrayLike,
    grads: ArrayLike,
    m: ArrayLike,
    u: ArrayLike,
    learning_rate: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
    step: int,
) -> tuple[Array, Array, Array]:
    """Kingma & Ba (2015), Algorithm 2."""
    m = beta_1 * f64(m) + (1 - beta_1) * f64(grads)
    u = np.maximum(beta_2 * f64(u), np.abs(f64(grads)))
    return f64(params) - learning_rate / (1 - beta_1**step) * m / (u + epsilon), m, u


def adadelta_step(
    params: ArrayLike,
    grads: ArrayLike,
    squares: ArrayLike,
    moves: ArrayLike,
    learning_rate: float,
    rho: float,
    epsilon: float,
) -> tuple[Array, Array, Array]:
    """Zeiler (2012), Algorithm 1, times a rate."""
    squares = rho * f64(squares) + (1 - rho) * f64(grads) ** 2
    move = np.sqrt(f64(moves) + epsilon) / np.sqrt(squares + epsilon) * f64(grads)
    moves = rho * f64(moves) + (1 - rho) * move**2
    return f64(params) - learning_rate * move, squares, moves


def lion_step(
    params: ArrayLike,
    grads: ArrayLike,
    m: ArrayLike,
    learning_rate: float,
    beta_1: float,
    beta_2: float,
) -> tuple[Array, Array]:
    """Chen et al. (2023), Algorithm 2, without decay."""
    sign = np.sign(beta_1 * f64(m) + (1 - beta_1) * f64(grads))
    return f64(params) - learning_rate * sign, beta_2 * f64(m) + (1 - beta_2) * f64(grads)


def momentum_step(
    params: ArrayLike,
    grads: ArrayLike,
    velocity: ArrayLike,
    learning_rate: float,
    momentum: float,
    grad_share: float,
) -> tuple[Array, Array]:
    """v = momentum v - share g; p += rate v."""
    velocity = momentum * f64(velocity) - grad_share * f64(grads)
    return f64(params) + learning_rate * velocity, velocity


def rms_step(
    params: ArrayLike,
    grads: ArrayLike,
    squares: ArrayLike,
    mean: ArrayLike | None,
    velocity: ArrayLike | None,
    learning_rate: float,
    kept: float,
    added: float,
    inner_epsilon: float,
    outer_epsilon: float,
    momentum: float,
) -> dict[str, Array | None]:
    """s = kept s + added g^2; p -= momentum v + rate g / (sqrt(s - mean^2 + inner) + outer)."""
    squares = kept * f64(squares) + added * f64(grads) ** 2
    mean = None if mean is None else kept * f64(mean) + added * f64(grads)
    variance = squares if mean is None else np.maximum(squares - mean**2, 0)
    move = learning_rate * f64(grads) / (np.sqrt(variance + inner_epsilon) + outer_epsilon)
    velocity = None if velocity is None else momentum * f64(velocity) + move
    after = f64(params) - (move if velocity is None else velocity)
    return {"params": after, "squares": squares, "mean": mean, "velocity": velocity}
