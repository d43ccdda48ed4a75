"""The networks in JAX."""

import os
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax, nn

from bench.frameworks import Step
from bench.networks import Array, Network, Weights, description

Parameters: TypeAlias = list[tuple[jax.Array, ...]]
"""Of each node."""

_ACTIVATIONS = {"relu": nn.relu, "relu6": nn.relu6, "sigmoid": nn.sigmoid}
_DIMENSIONS = {1: ("NWC", "WIO", "NWC"), 2: ("NHWC", "HWIO", "NHWC")}
"""Of inputs, kernels and outputs of convolutions, by the number of axes that these slide along."""


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
    for node, arrays in zip(network.nodes, weights, strict=True):
        tensors = tuple(map(jnp.asarray, arrays))
        first_moving = 2 if isinstance(node.layer, description.BatchNorm) else len(tensors)
        learned.append(tensors[:first_moving])
        moving.append(tensors[first_moving:])
    return learned, moving


def _logits(
    network: Network, learned: Parameters, moving: Parameters, x: jax.Array, training: bool
) -> tuple[jax.Array, Parameters]:
    """Return the logits and the new moving statistics."""
    kept: Parameters = []
    values = [x]
    for node, arrays, statistics in zip(network.nodes, learned, moving, strict=True):
        x = values[node.inputs[0]]
        axes = tuple(range(1, x.ndim - 1))  # of the image, or of the sequence
        match node.layer:
            case description.Convolution() as layer:
                x = lax.conv_general_dilated(
                    x,
                    arrays[0],
                    len(axes) * (layer.strides,),
                    len(axes) * [(layer.border, layer.border)],
                    dimension_numbers=_DIMENSIONS[len(axes)],
                    feature_group_count=layer.groups,
                )
                x = x + arrays[1] if layer.use_bias else x
            case description.TransposedConvolution() as layer:
                strides = len(axes) * (layer.size,)
                numbers = _DIMENSIONS[len(axes)]
                x = lax.conv_transpose(
                    x, arrays[0], strides, "VALID", None, numbers, transpose_kernel=True
                )
                x += arrays[1]
            case description.Dense():
                x = x @ arrays[0] + arrays[1]
            case description.BatchNorm() as layer:
                used = statistics
                if training:
                    used = (x.mean((0, *axes)), x.var((0, *axes)))
                    statistics = tuple(
                        layer.momentum * old + (1 - layer.momentum) * new
                        for old, new in zip(statistics, used, strict=True)
                    )
                mean, variance = used
                x = arrays[0] * (x - mean) * lax.rsqrt(variance + layer.epsilon) + arrays[1]
            case description.MaxPooling() as layer:
                window = (1, *len(axes) * (layer.size,), 1)
                strides = (1, *len(axes) * (layer.step,), 1)
                border = ((0, 0), *len(axes) * ((layer.border, layer.border),), (0, 0))
                x = lax.reduce_window(x, -jnp.inf, lax.max, window, strides, border)
            case description.GlobalAverage():
                x = x.mean(axes)
            case description.Flatten():
                x = x.reshape(len(x), -1)
            case description.Subsampling() as layer:
                more = layer.channels - x.shape[-1]
                x = jnp.pad(x[:, ::2, ::2], ((0, 0), (0, 0), (0, 0), (0, more)))
            case description.Add():
                x += values[node.inputs[1]]
            case description.Concatenate():
                x = jnp.concatenate([values[number] for number in node.inputs], axis=-1)
        activation = network.hidden_activation(node)
        values.append(x if activation is None else _ACTIVATIONS[activation](x))
        kept.append(statistics)
    return values[-1], kept


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
    b1, b2, epsilon = description.BETA_1, description.BETA_2, description.EPSILON
    m = jax.tree.map(lambda a, g: b1 * a + (1 - b1) * g, m, gradients)
    v = jax.tree.map(lambda a, g: b2 * a + (1 - b2) * g * g, v, gradients)
    rate, correction = description.LEARNING_RATE / (1 - b1**steps), 1 - b2**steps
    learned = jax.tree.map(
        lambda p, a, b: p - rate * a / (jnp.sqrt(b / correction) + epsilon), learned, m, v
    )
    return (learned, moving, m, v, steps), loss
