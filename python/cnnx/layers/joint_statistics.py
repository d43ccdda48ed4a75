"""Batch normalisation by the statistics of a batch that is split among the ranks of a group."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cnnx import _core, distributed
from cnnx.arrays import Float
from cnnx.layers.call import Call

if TYPE_CHECKING:
    from cnnx.layers.normalization import BatchNormalization


def normalize(
    layer: BatchNormalization, call: Call, x: Float, gamma: Float | None, beta: Float | None
) -> None:
    """Write the batch normalised by the joint mean and variance, which the layer's follow."""
    momentum = 1.0  # the moving ones follow the joint statistics
    moving: Float = np.zeros((2, x.shape[-1]), np.float32)
    mean, inv_std = np.empty_like(moving)
    _core.batch_norm_forward_training(
        x, gamma, beta, call.y, mean, inv_std, moving[0], moving[1], layer.epsilon, momentum
    )
    variance = np.maximum(inv_std.astype(np.float64) ** -2 - layer.epsilon, 0)
    call.rows = math.prod(x.shape[:-1])
    call.joint_rows, call.mean, call.variance = _joint(call.rows, mean.astype(np.float64), variance)
    call.inv_std = (1 / np.sqrt(call.variance.astype(np.float64) + layer.epsilon)).astype(
        np.float32
    )
    _core.batch_norm_forward_inference(
        x, gamma, beta, call.mean, call.variance, call.y, layer.epsilon
    )
    _follow(layer, call.mean, call.variance)


def differentiate(
    layer: BatchNormalization, call: Call, dy: Float, gamma: Float | None, beta: Float | None
) -> None:
    """Write the gradients of gamma, beta and the input, from that of the joint batch's loss."""
    x, own = call.xs[0], call.keep("gradient of own batch", call.shapes[0])
    sums = np.empty((2, x.shape[-1]), np.float32)  # of the gradient times x normalised, and of it
    _core.batch_norm_backward(
        x, dy, gamma, call.mean, call.inv_std, own, sums[0], sums[1], "linear", beta
    )
    for weight, total in zip((layer.gamma, layer.beta), sums, strict=True):
        gradient = call.gradient(weight)
        if gradient is not None:
            np.copyto(gradient, total)
    joint = distributed.group().sum(sums.astype(np.float64))
    if call.dx[0] is None:
        return
    # The core subtracted the means over its own rows instead of those over all.
    scale = call.inv_std if gamma is None else gamma * call.inv_std
    slope, shift = (scale * (sums / call.rows - joint / call.joint_rows)).astype(np.float32)
    _core.batch_norm_forward_inference(
        x, slope, shift, call.mean, call.variance, call.dx[0], layer.epsilon, addend=own
    )


def normalize_nothing(layer: BatchNormalization) -> None:
    """Take part in `normalize` without samples."""
    nothing = np.zeros(layer.moving_mean.shape)
    _follow(layer, *_joint(0, nothing, nothing)[1:])


def differentiate_nothing(layer: BatchNormalization) -> None:
    """Take part in `differentiate` without samples."""
    distributed.group().sum(np.zeros((2, *layer.moving_mean.shape)))


def _joint(
    rows: int, mean: NDArray[np.float64], variance: NDArray[np.float64]
) -> tuple[float, Float, Float]:
    """Return the number of rows of all ranks, and their mean and variance."""
    group = distributed.group()
    count, *sums = group.sum(np.concatenate([[rows], rows * mean]))
    joint = np.array(sums) / count
    squares = group.sum(rows * (variance + (mean - joint) ** 2))
    return count, joint.astype(np.float32), (squares / count).astype(np.float32)


def _follow(layer: BatchNormalization, mean: Float, variance: Float) -> None:
    share: Any = np.float32(layer.momentum)
    for moving, found in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
        values = moving.writable()
        values *= share
        values += (1 - share) * found
