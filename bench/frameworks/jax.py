"""The networks in JAX."""

import os
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax, nn

from bench import networks
from bench.frameworks import Step
from bench.networks import Array, Network, Weights

Parameters: TypeAlias = list[tuple[jax.Array, ...]]
"""Of each layer."""

_ACTIVATIONS = {"relu": nn.relu, "sigmoid": nn.sigmoid}


class Jax:
    def __init__(self, threads: int) -> None:
        # XLA takes a thread for each CPU of the affinity mask, at its first computation.
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])

    def version(self) -> str:
        return str(jax.__version__)

    def training_step(self, network: Network, weights: list[Weights], x: Array, y: Array) -> Step:
        learned, moving = _split(network, weights)
        zeros = jax.tree.map(jnp.zeros_like, learned)
        state = (learned, moving, zeros, jax.tree.map(jnp.zeros_like, learned), jnp.float32(0))
        images, targets = jnp.asarray(x), jnp.asarray(y)
        update = jax.jit(_update, static_argnums=0, donate_argnums=1)

        def step() -> float:
            nonlocal state
            state, loss = update(network, state, images, targets)
            return float(loss)

        return step

    def inference_step(self, network: Network, weights: list[Weights], x: Array) -> Step:
        learned, moving = _split(network, weights)
        images = jnp.asarray(x)
        outputs = jax.jit(_probabilities, static_argnums=0)
        return lambda: np.asarray(outputs(network, learned, moving, images))


def _split(network: Network, weights: list[Weights]) -> tuple[Parameters, Parameters]:
    """Return what is learned by gradients, and the moving statistics."""
    learned, moving = [], []
    for layer, arrays in zip(network.layers, weights, strict=True):
        tensors = tuple(map(jnp.asarray, arrays))
        first_moving = 2 if isinstance(layer, networks.BatchNorm) else len(tensors)
        learned.append(tensors[:first_moving])
        moving.append(tensors[first_moving:])
    return learned, moving


def _logits(
    network: Network, learned: Parameters, moving: Parameters, x: jax.Array, training: bool
) -> tuple[jax.Array, Parameters]:
    """Return the logits and the new moving statistics."""
    kept: Parameters = []
    last = network.layers[-1]
    for layer, arrays, statistics in zip(network.layers, learned, moving, strict=True):
        match layer:
            case networks.Convolution():
                border = 2 * [(layer.border, layer.border)]
                x = lax.conv_general_dilated(
                    x, arrays[0], (1, 1), border, dimension_numbers=("NHWC", "HWIO", "NHWC")
                )
                x += arrays[1]
            case networks.Dense():
                x = x @ arrays[0] + arrays[1]
            case networks.BatchNorm():
                used = statistics
                if training:
                    axes = tuple(range(x.ndim - 1))
                    used = (x.mean(axes), x.var(axes))
                    statistics = tuple(
                        layer.momentum * old + (1 - layer.momentum) * new
                        for old, new in zip(statistics, used, strict=True)
                    )
                mean, variance = used
                x = arrays[0] * (x - mean) * lax.rsqrt(variance + layer.epsilon) + arrays[1]
            case networks.MaxPooling():
                window = (1, layer.size, layer.size, 1)
                x = lax.reduce_window(x, -jnp.inf, lax.max, window, window, "VALID")
            case networks.GlobalAverage():
                x = x.mean((1, 2))
            case networks.Flatten():
                x = x.reshape(len(x), -1)
        activation = getattr(layer, "activation", None)
        if activation is not None and layer is not last:
            x = _ACTIVATIONS[activation](x)
        kept.append(statistics)
    return x, kept


def _probabilities(
    network: Network, learned: Parameters, moving: Parameters, x: jax.Array
) -> jax.Array:
    logits, _ = _logits(network, learned, moving, x, training=False)
    return nn.sigmoid(logits) if network.classes == 1 else nn.softmax(logits)


def _loss(
    learned: Parameters, moving: Parameters, network: Network, x: jax.Array, y: jax.Array
) -> tuple[jax.Array, Parameters]:
    logits, kept = _logits(network, learned, moving, x, training=True)
    if network.loss == "sparse_categorical_crossentropy":
        chosen = jnp.take_along_axis(nn.log_softmax(logits), y[:, None], 1)
        return -chosen.mean(), kept
    if network.classes == 1:
        losses = y * nn.log_sigmoid(logits) + (1 - y) * nn.log_sigmoid(-logits)
    else:
        p = nn.softmax(logits)
        losses = y * jnp.log(p) + (1 - y) * jnp.log1p(-p)
    return -losses.mean(), kept


def _update(
    network: Network,
    state: tuple[Parameters, Parameters, Parameters, Parameters, jax.Array],
    x: jax.Array,
    y: jax.Array,
) -> tuple[tuple[Parameters, Parameters, Parameters, Parameters, jax.Array], jax.Array]:
    """Take a step of Adam."""
    learned, moving, m, v, steps = state
    (loss, moving), gradients = jax.value_and_grad(_loss, has_aux=True)(
        learned, moving, network, x, y
    )
    steps += 1
    b1, b2 = networks.BETA_1, networks.BETA_2
    m = jax.tree.map(lambda a, g: b1 * a + (1 - b1) * g, m, gradients)
    v = jax.tree.map(lambda a, g: b2 * a + (1 - b2) * g * g, v, gradients)
    rate, correction = networks.LEARNING_RATE / (1 - b1**steps), 1 - b2**steps
    learned = jax.tree.map(
        lambda p, a, b: p - rate * a / (jnp.sqrt(b / correction) + networks.EPSILON), learned, m, v
    )
    return (learned, moving, m, v, steps), loss
