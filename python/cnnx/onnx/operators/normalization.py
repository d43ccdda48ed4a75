"""Normalisation, and numbers as whole steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnx import layers
from cnnx.arrays import Array
from cnnx.onnx.arrangement import alone
from cnnx.onnx.operators.arithmetic import affine, merged, power
from cnnx.onnx.operators.reductions import reduced_over
from cnnx.onnx.operators.shapes import joined
from cnnx.onnx.tensor import Tensor, count
from cnnx.onnx.unsupported import UnsupportedError
from cnnx.onnx.use import Use


def channels_at_end(at: Use, tensor: Tensor, place: int = 1) -> Tensor:
    """Return a tensor whose value has an axis of the file, the channels, as its last axis."""
    if tensor.rank <= place:
        raise UnsupportedError(f"an array {tensor} has no axis {place}")
    tensor = alone(tensor, place, at.rearrange)
    channels = tensor.axes[place]
    if tensor.held[-1] == channels:
        return tensor
    others = [group for group in tensor.held[1:] if group and group != channels]
    return at.arranged(tensor, [*others, channels])


def _only_output(at: Use) -> None:
    if len([name for name in at.node.outputs if name]) > 1:
        raise UnsupportedError("its further outputs, the statistics")


def _epsilon(at: Use) -> float:
    return max(float(at.attribute("epsilon", 1e-5)), 1e-12)


def batch_normalization(at: Use) -> Tensor:
    """BatchNormalization with the statistics of the file."""
    if at.attribute("training_mode", 0):
        raise UnsupportedError("attribute training_mode=1")
    _only_output(at)
    tensor = channels_at_end(at, at.tensor())
    weights = [at.floats(place).reshape(-1) for place in range(1, 5)]
    return at.elementwise(
        layers.BatchNormalization,
        tensor,
        weights,
        momentum=at.attribute("momentum", 0.9),
        epsilon=_epsilon(at),
    )


def _of_samples(at: Use) -> Tensor:
    """Return a tensor for a normalisation of each sample: its first axis is that of the samples."""
    tensor = at.tensor()
    if tensor.axes[:1] not in ((), ((),), (tensor.samples,)):
        raise UnsupportedError(f"the first axis of an array {tensor} is not that of the samples")
    return channels_at_end(at, tensor)


def instance_normalization(at: Use) -> Tensor:
    """InstanceNormalization: each channel is a group of its own."""
    tensor = _of_samples(at)
    weights = [at.floats(place).reshape(-1) for place in (1, 2)]
    return at.elementwise(
        layers.GroupNormalization, tensor, weights, groups=-1, epsilon=_epsilon(at)
    )


def group_normalization(at: Use) -> Tensor:
    """GroupNormalization; before version 21 with a scale for each group."""
    tensor = _of_samples(at)
    groups, channels = at.attribute("num_groups", 1), count(tensor.axes[1])
    weights = [at.floats(place).reshape(-1) for place in (1, 2)]
    if at.opset < 21 and channels % max(len(weights[0]), 1) == 0:
        weights = [weight.repeat(channels // len(weight)) for weight in weights]
    return at.elementwise(
        layers.GroupNormalization, tensor, weights, groups=groups, epsilon=_epsilon(at)
    )


def layer_normalization(at: Use) -> list[Tensor]:
    """LayerNormalization over all axes from `axis` on; further outputs are its statistics."""
    tensor = at.tensor()
    place = at.axis(-1, tensor.rank)
    if any(tensor.samples[0] in group for group in tensor.axes[place:]):
        raise UnsupportedError(f"axes from {place} on of an array {tensor} hold the samples")
    shape = [count(group) for group in tensor.axes[place:]]
    statistics = _statistics(at, tensor, place) if any(at.node.outputs[1:]) else []
    found = normalized(
        at,
        tensor,
        place,
        np.broadcast_to(at.floats(1), shape),
        np.broadcast_to(at.floats(2), shape) if at.has(2) else None,
        _epsilon(at),
    )
    return [found, *statistics]


def _statistics(at: Use, tensor: Tensor, place: int) -> list[Tensor]:
    """Return the mean over all axes from one on, and 1 / deviation."""
    over = set(joined(tensor.axes[place:]))

    def averaged(of: Tensor) -> Tensor:
        found = reduced_over(at, of, "mean", over & set(joined(of.axes)))
        return found.seen([*of.axes[:place], *[()] * (of.rank - place)])

    mean = averaged(tensor)
    squares = power(at, merged(at, layers.Subtract, [tensor, mean]), 2)
    over = set(joined(squares.axes[place:]))
    variance = affine(at, averaged(squares), offset=np.full(1, _epsilon(at), np.float32))
    return [mean, power(at, variance, -0.5)]


def normalized(
    at: Use, tensor: Tensor, place: int, gamma: Array, beta: Array | None, epsilon: float
) -> Tensor:
    """Normalise over all axes from one on, in whatever order their elements lie."""
    over = joined(tensor.axes[place:])
    if tensor.samples[0] in over:
        raise UnsupportedError(f"axes from {place} on of an array {tensor} hold the samples")
    order = [atom for group in tensor.held for atom in group if atom in over]
    others = [tuple(atom for atom in group if atom not in over) for group in tensor.held[1:]]
    tensor = at.arranged(tensor, [*filter(None, others), tuple(order)])
    weights = [
        weight.reshape([count([atom]) for atom in over])
        .transpose([over.index(atom) for atom in order])
        .reshape(-1)
        for weight in (gamma, beta)
        if weight is not None
    ]
    return at.elementwise(
        layers.LayerNormalization, tensor, weights, epsilon=epsilon, center=beta is not None
    )


def local_response(at: Use) -> Tensor:
    """LRN."""
    tensor = channels_at_end(at, at.tensor())
    return at.elementwise(
        layers.LocalResponseNormalization,
        tensor,
        size=at.attribute("size", 0),
        alpha=at.attribute("alpha", 1e-4),
        beta=at.attribute("beta", 0.75),
        bias=at.attribute("bias", 1.0),
    )


# Quantised numbers.


def _steps(at: Use) -> tuple[Tensor, Array, Array]:
    """Return the input, with its channels last if there is a scale for each, and the scales."""
    if at.attribute("block_size", 0):
        raise UnsupportedError("attribute block_size")
    tensor, scale = at.tensor(), at.floats(1).reshape(-1)
    point = at.constant(2).reshape(-1) if at.has(2) else np.zeros(1, np.uint8)
    if scale.size > 1:
        tensor = channels_at_end(at, tensor, at.axis(1, tensor.rank))
    return tensor, scale, point


def quantize(at: Use) -> Tensor:
    """QuantizeLinear to whole numbers of at most 16 bits."""
    tensor, scale, point = _steps(at)
    if point.dtype.kind not in "iu" or point.dtype.itemsize > 2:
        raise UnsupportedError(f"it makes {point.dtype}: whole numbers of 16 bits are the most")
    limits = np.iinfo(point.dtype)
    return at.elementwise(
        layers.Quantization,
        tensor,
        scale=[float(n) for n in scale],
        zero_point=[int(n) for n in point],
        low=int(limits.min),
        high=int(limits.max),
    )


def dequantize(at: Use) -> Tensor:
    """DequantizeLinear: scale (x - zero point)."""
    tensor, scale, point = _steps(at)
    offset = -scale * point.astype(np.float32)
    if scale.size == 1:
        return affine(at, tensor, scale, offset)
    shape = [1] * tensor.rank
    shape[at.axis(1, tensor.rank)] = scale.size
    offset = np.broadcast_to(offset, scale.shape).reshape(shape)
    return affine(at, tensor, scale.reshape(shape), offset)


OPERATORS: dict[str, Any] = {
    "BatchNormalization": batch_normalization,
    "DequantizeLinear": dequantize,
    "GroupNormalization": group_normalization,
    "InstanceNormalization": instance_normalization,
    "LRN": local_response,
    "LayerNormalization": layer_normalization,
    "QuantizeLinear": quantize,
}
