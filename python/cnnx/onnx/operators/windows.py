"""Convolutions and pooling: windows over sequences and images."""

from __future__ import annotations

import math
from typing import Any

from cnnx import layers
from cnnx.arrays import Array
from cnnx.geometry import Pair
from cnnx.onnx.tensor import Group, Tensor, axis, count
from cnnx.onnx.unsupported import UnsupportedError
from cnnx.onnx.use import Use


def channels_last(at: Use, tensor: Tensor) -> Tensor:
    """Return sequences or images of the file with a value (batch, ..., channels)."""
    if tensor.rank not in (3, 4):
        raise UnsupportedError(f"an array {tensor}: sequences and images alone have windows")
    if tensor.axes[0] not in ((), tensor.samples):
        raise UnsupportedError(f"the first axis of an array {tensor} is not that of the samples")
    return at.arranged(tensor, [*tensor.axes[2:], tensor.axes[1]])


def made(tensor: Tensor, value: Any) -> Tensor:
    """Return what windows over `channels_last` make: a value (batch, ..., channels)."""
    groups: list[Group] = [axis(extent) for extent in value.shape[1:]]
    return Tensor(value, (tensor.samples, *groups), (tensor.axes[0], groups[-1], *groups[:-1]))


def extents(at: Use, name: str, rank: int, default: int = 1) -> list[int]:
    """Return an attribute that has a number for each axis."""
    found = at.attribute(name) or [default] * rank
    if not isinstance(found, list) or len(found) != rank or min(found) < 1:
        raise UnsupportedError(f"attribute {name}={found!r} of a {rank}-dimensional window")
    return [int(number) for number in found]


def borders(
    at: Use, sizes: list[int], kernel: list[int], strides: list[int], dilation: list[int]
) -> list[Pair]:
    """Return the pixels to add before and after each axis."""
    rank = len(kernel)
    word = at.attribute("auto_pad", "NOTSET")
    if word in ("NOTSET", "VALID"):
        pads = (at.attribute("pads") if word == "NOTSET" else None) or [0] * 2 * rank
        if not isinstance(pads, list) or len(pads) != 2 * rank or min(pads) < 0:
            raise UnsupportedError(f"attribute pads={pads!r}")
        return list(zip(pads[:rank], pads[rank:], strict=True))
    if word not in ("SAME_UPPER", "SAME_LOWER"):
        raise UnsupportedError(f"attribute auto_pad={word!r}")
    if at.builder.is_open and word == "SAME_LOWER" and max(strides) > 1:
        raise UnsupportedError(f"attribute auto_pad={word!r} depends on the sizes")
    found = []
    for n, k, s, d in zip(sizes, kernel, strides, dilation, strict=True):
        total = max((-(-n // s) - 1) * s + d * (k - 1) + 1 - n, 0)
        found.append(_halves(total, word))
    return found


def _halves(total: int, word: str) -> Pair:
    less, more = total // 2, total - total // 2
    return (less, more) if word == "SAME_UPPER" else (more, less)


def _padding(sides: list[Pair]) -> Any:
    return sides[0] if len(sides) == 1 else tuple(sides)


def _padding_of(at: Use, sides: list[Pair]) -> Any:
    """Return the padding of a layer: by its word where the pixels depend on the sizes."""
    if at.builder.is_open and at.attribute("auto_pad", "NOTSET") == "SAME_UPPER":
        return "same"
    return _padding(sides)


def _bias(at: Use) -> list[Array]:
    bias = at.optional(2)
    return [] if bias is None else [bias.reshape(-1)]


def _kernel(at: Use, rank: int) -> Array:
    kernel = at.floats(1)
    if kernel.ndim != rank or kernel.size == 0:
        raise UnsupportedError(f"the kernel has shape {kernel.shape}, the input {rank} axes")
    shape = at.attribute("kernel_shape")
    if shape is not None and list(kernel.shape[2:]) != shape:
        raise UnsupportedError(f"attribute kernel_shape={shape}, not {kernel.shape[2:]}")
    return kernel


def convolution(at: Use) -> Tensor:
    """Conv: Conv1D or Conv2D, depthwise ones if each channel is a group."""
    tensor = channels_last(at, at.tensor())
    kernel = _kernel(at, tensor.rank)
    rank = tensor.rank - 2
    size = list(kernel.shape[2:])
    strides, dilation = extents(at, "strides", rank), extents(at, "dilations", rank)
    sides = borders(at, [count(group) for group in tensor.axes[2:]], size, strides, dilation)
    groups, channels = at.attribute("group", 1), count(tensor.axes[1])
    if groups < 1 or channels != groups * kernel.shape[1] or kernel.shape[0] % groups:
        raise UnsupportedError(
            f"attribute group={groups}: the input has {channels} channels, the kernel shape "
            f"{kernel.shape}"
        )
    weights = kernel.transpose(*range(2, kernel.ndim), 1, 0)
    settings: dict[str, Any] = {
        "kernel_size": size,
        "strides": strides,
        "padding": _padding_of(at, sides),
        "dilation_rate": dilation,
        "use_bias": at.has(2),
    }
    if 1 < groups == channels:
        cls: Any = (layers.DepthwiseConv1D, layers.DepthwiseConv2D)[rank - 1]
        settings["depth_multiplier"] = kernel.shape[0] // groups
        weights = weights.reshape(*size, channels, -1)
    else:
        cls = (layers.Conv1D, layers.Conv2D)[rank - 1]
        settings |= {"filters": kernel.shape[0], "groups": groups}
    return made(tensor, at.value(cls, tensor.value, weights=[weights, *_bias(at)], **settings))


def transposed_convolution(at: Use) -> Tensor:
    """ConvTranspose: Conv1DTranspose or Conv2DTranspose."""
    tensor = channels_last(at, at.tensor())
    kernel = _kernel(at, tensor.rank)
    rank = tensor.rank - 2
    size = list(kernel.shape[2:])
    strides, dilation = extents(at, "strides", rank), extents(at, "dilations", rank)
    groups, channels = at.attribute("group", 1), count(tensor.axes[1])
    if groups < 1 or kernel.shape[0] != channels or channels % groups:
        raise UnsupportedError(
            f"attribute group={groups}: the input has {channels} channels, the kernel shape "
            f"{kernel.shape}"
        )
    sides, added = _cut_off(
        at, [count(group) for group in tensor.axes[2:]], size, strides, dilation
    )
    cls: Any = (layers.Conv1DTranspose, layers.Conv2DTranspose)[rank - 1]
    value = at.value(
        cls,
        tensor.value,
        weights=[kernel.transpose(*range(2, kernel.ndim), 1, 0), *_bias(at)],
        filters=kernel.shape[1] * groups,
        kernel_size=size,
        strides=strides,
        padding=_padding(sides),
        output_padding=added,
        dilation_rate=dilation,
        groups=groups,
        use_bias=at.has(2),
    )
    return made(tensor, value)


def _cut_off(
    at: Use, sizes: list[int], kernel: list[int], strides: list[int], dilation: list[int]
) -> tuple[list[Pair], list[int]]:
    """Return the pixels to cut off on both sides of a transposed convolution, and those to add."""
    rank = len(kernel)
    added = at.attribute("output_padding") or [0] * rank
    shape = at.attribute("output_shape")
    word = at.attribute("auto_pad", "NOTSET")
    if shape is None and word in ("NOTSET", "VALID"):
        sides = borders(at, sizes, kernel, strides, dilation)
    else:
        wanted = shape[-rank:] if shape else [n * s for n, s in zip(sizes, strides, strict=True)]
        sides, grown = [], []
        for place, outputs in enumerate(wanted):
            whole = (sizes[place] - 1) * strides[place] + dilation[place] * (kernel[place] - 1) + 1
            total = whole + added[place] - outputs
            sides.append(_halves(max(total, 0), word))
            grown.append(added[place] - min(total, 0))
        added = grown
    if len(added) != rank:
        raise UnsupportedError(f"attribute output_padding={added!r}")
    # Pixels beyond a stride belong to no window: less is cut off where they are to be added.
    for place in range(rank):
        spare = min(max(added[place] - strides[place] + 1, 0), sides[place][1])
        sides[place] = (sides[place][0], sides[place][1] - spare)
        added[place] -= spare
    return sides, added


# Pooling.


def _pooling(at: Use) -> tuple[Tensor, list[int], list[int], list[Pair], list[Pair]]:
    """Return the input, window, strides, padding, and what ceil_mode adds to the padding."""
    tensor = channels_last(at, at.tensor())
    rank = tensor.rank - 2
    size, strides = extents(at, "kernel_shape", rank), extents(at, "strides", rank)
    if max(extents(at, "dilations", rank)) > 1:
        raise UnsupportedError(f"attribute dilations={at.attribute('dilations')}")
    sizes = [count(group) for group in tensor.axes[2:]]
    sides = borders(at, sizes, size, strides, [1] * rank)
    more: list[Pair] = [(0, 0)] * rank
    if at.attribute("ceil_mode", 0) and at.attribute("auto_pad", "NOTSET") == "NOTSET":
        for place, (n, k, s, side) in enumerate(zip(sizes, size, strides, sides, strict=True)):
            if at.builder.is_open and s > 1:
                if side[1] + s > k:  # a window may lie in the padding alone, and is left out then
                    raise UnsupportedError("attribute ceil_mode=1 depends on the sizes")
                more[place] = (0, s - 1)
                continue
            windows = -(-(n + sum(side) - k) // s) + 1
            if (windows - 1) * s >= n + side[0]:  # it would lie in the padding alone
                windows -= 1
            more[place] = (0, max((windows - 1) * s + k - n - sum(side), 0))
    return tensor, size, strides, sides, more


def _sum(one: list[Pair], other: list[Pair]) -> list[Pair]:
    return [(a + c, b + d) for (a, b), (c, d) in zip(one, other, strict=True)]


def max_pooling(at: Use) -> Tensor:
    """MaxPool."""
    if len([name for name in at.node.outputs if name]) > 1:
        raise UnsupportedError("its second output, the places of the largest")
    tensor, size, strides, sides, more = _pooling(at)
    cls: Any = (layers.MaxPooling1D, layers.MaxPooling2D)[tensor.rank - 3]
    value = at.value(
        cls,
        tensor.value,
        pool_size=size,
        strides=strides,
        padding=_padding_of(at, _sum(sides, more)),
    )
    return made(tensor, value)


def average_pooling(at: Use) -> Tensor:
    """AveragePool."""
    tensor, size, strides, sides, more = _pooling(at)
    value = tensor.value
    padding = _padding_of(at, _sum(sides, more))
    if at.attribute("count_include_pad", 0):
        _check_zeros(at, strides)
        if any(map(any, sides)):
            value = _with_zeros(at, value, sides)
            padding = _padding(more)
    cls: Any = (layers.AveragePooling1D, layers.AveragePooling2D)[tensor.rank - 3]
    return made(tensor, at.value(cls, value, pool_size=size, strides=strides, padding=padding))


def _check_zeros(at: Use, strides: list[int]) -> None:
    """Refuse zeros that count where their number depends on sizes that are open."""
    word = at.attribute("auto_pad", "NOTSET")
    if at.builder.is_open and word.startswith("SAME") and max(strides) > 1:
        raise UnsupportedError(f"attribute auto_pad={word!r} depends on the sizes")


def _with_zeros(at: Use, value: Any, sides: list[Pair]) -> Any:
    cls: Any = (layers.ZeroPadding1D, layers.ZeroPadding2D)[len(sides) - 1]
    return at.value(cls, value, padding=_padding(sides))


def power_pooling(at: Use) -> Tensor:
    """LpPool: (sum of |x|^p)^(1 / p)."""
    exponent = at.attribute("p", 2)
    if exponent < 1:
        raise UnsupportedError(f"attribute p={exponent}")
    tensor, size, strides, sides, more = _pooling(at)
    value = tensor.value
    if exponent % 2:
        value = at.value(layers.Elementary, value, function="abs")
    if exponent > 1:
        value = at.value(layers.Power, value, exponent=exponent)
    _check_zeros(at, strides)
    sides = _sum(sides, more)
    if any(map(any, sides)):
        value = _with_zeros(at, value, sides)
    cls: Any = (layers.AveragePooling1D, layers.AveragePooling2D)[tensor.rank - 3]
    value = at.value(cls, value, pool_size=size, strides=strides)
    value = at.value(layers.Rescaling, value, scale=math.prod(size))
    if exponent > 1:
        value = at.value(layers.Power, value, exponent=1 / exponent)
    return made(tensor, value)


def global_pooling(operation: str) -> Any:
    """Return what takes GlobalAveragePool or GlobalMaxPool."""

    def pool(at: Use) -> Tensor:
        tensor = channels_last(at, at.tensor())
        cls = getattr(layers, f"Global{operation}Pooling{tensor.rank - 2}D")
        return made(tensor, at.value(cls, tensor.value, keepdims=True))

    return pool


OPERATORS = {
    "Conv": convolution,
    "ConvTranspose": transposed_convolution,
    "MaxPool": max_pooling,
    "AveragePool": average_pooling,
    "GlobalAveragePool": global_pooling("Average"),
    "GlobalMaxPool": global_pooling("Max"),
    "LpPool": power_pooling,
}
