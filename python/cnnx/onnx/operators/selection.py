"""Parts of an array, and margins around it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnx import layers
from cnnx.onnx.arrangement import alone
from cnnx.onnx.operators.shapes import split_axis
from cnnx.onnx.tensor import Group, Tensor, axis, count
from cnnx.onnx.unsupported import UnsupportedError
from cnnx.onnx.use import Use


def by_itself(at: Use, tensor: Tensor, place: int) -> tuple[Tensor, int]:
    """Return a tensor whose value has an axis of the file by itself, and the number of that."""
    tensor = alone(tensor, place, at.rearrange)
    return tensor, len(tensor.held) - 1 - tensor.held[::-1].index(tensor.axes[place])


def replaced(tensor: Tensor, value: Any, place: int, number: int) -> Tensor:
    """Return a tensor after one axis has got another extent."""
    new = axis(value.shape[number])
    held = [new if n == number else group for n, group in enumerate(tensor.held)]
    axes = [new if n == place else group for n, group in enumerate(tensor.axes)]
    return Tensor(value, tuple(held), tuple(axes))


def taken(at: Use, tensor: Tensor, place: int, indices: Sequence[int]) -> Tensor:
    """Return the elements of some numbers along an axis."""
    extent = count(tensor.axes[place]) if tensor.samples[0] not in tensor.axes[place] else 0
    if list(indices) == list(range(extent)):
        return tensor
    if not len(indices):
        raise UnsupportedError(f"nothing is left of axis {place} of an array {tensor}")
    if len(tensor.axes[place]) > 1 and _whole_atoms(tensor, place, indices):
        return _of_first_atom(at, tensor, place, indices)
    tensor, number = by_itself(at, tensor, place)
    sides = (indices[0], extent - 1 - indices[-1])
    rank = len(tensor.held) - 2
    if number <= rank <= 2 and list(indices) == list(range(indices[0], indices[-1] + 1)):
        pairs = [sides if n == number else (0, 0) for n in range(1, rank + 1)]
        cls: Any = (layers.Cropping1D, layers.Cropping2D)[rank - 1]
        value = at.value(cls, tensor.value, cropping=pairs if rank == 2 else pairs[0])
    else:
        value = at.value(layers.Take, tensor.value, indices=[int(n) for n in indices], axis=number)
    return replaced(tensor, value, place, number)


def _whole_atoms(tensor: Tensor, place: int, indices: Sequence[int]) -> bool:
    """Return whether indices take whole blocks of the first factor of an axis."""
    inner = count(tensor.axes[place][1:])
    places = np.asarray(indices)
    if len(places) % inner:
        return False
    blocks = places.reshape(-1, inner)
    return bool((blocks == blocks[:, :1] // inner * inner + np.arange(inner)).all())


def _of_first_atom(at: Use, tensor: Tensor, place: int, indices: Sequence[int]) -> Tensor:
    """Take along the first factor of an axis, and leave the others where they are."""
    first, rest = tensor.axes[place][:1], tensor.axes[place][1:]
    apart = tensor.seen([*tensor.axes[:place], first, rest, *tensor.axes[place + 1 :]])
    found = taken(at, apart, place, [n // count(rest) for n in indices[:: count(rest)]])
    axes = found.axes
    return found.seen([*axes[:place], axes[place] + axes[place + 1], *axes[place + 2 :]])


def cut(at: Use) -> Tensor:
    """Slice."""
    tensor = at.tensor()
    starts, ends = at.integers(1, "starts") or [], at.integers(2, "ends") or []
    axes = at.integers(3, "axes") or list(range(len(starts)))
    steps = at.integers(4, "steps") or [1] * len(starts)
    for start, end, number, step in zip(starts, ends, axes, steps, strict=True):
        place = at.place(number, tensor.rank)
        if tensor.samples[0] in tensor.axes[place]:
            if (start, step) != (0, 1) or end < 2**31 - 1:
                raise UnsupportedError(f"axis {number}, that of the samples, is cut")
            continue
        extent = count(tensor.axes[place])
        stop = None if step < 0 and end < -extent else end
        tensor = taken(at, tensor, place, range(extent)[start:stop:step])
    return tensor


def gathering(at: Use) -> Tensor:
    """Gather with constant indices."""
    tensor, index = at.tensor(), at.constant(1)
    place = at.axis(0, tensor.rank)
    extent = count(tensor.own_axis(place))
    if index.size == 0 or index.size > 1 << 20 or abs(index + 0.5).max() > extent:
        raise UnsupportedError(f"indices of shape {index.shape} into axis {place} of {tensor}")
    found = taken(at, tensor, place, [int(n) for n in (index % extent).ravel()])
    if index.ndim == 1:
        return found
    found, groups = split_axis(found, place, *index.shape)
    return found.seen([*found.axes[:place], *groups, *found.axes[place + 1 :]])


def split(at: Use) -> list[Tensor]:
    """Split."""
    tensor = at.tensor()
    place = at.axis(0, tensor.rank)
    extent = count(tensor.own_axis(place))
    lengths = at.integers(1, "split")
    if lengths is None:
        parts = at.attribute("num_outputs") or len(at.node.outputs)
        length = -(-extent // parts)
        lengths = [min(length, extent - length * number) for number in range(parts)]
    if sum(lengths) != extent or min(lengths) < 1:
        raise UnsupportedError(f"parts of {lengths} of axis {place} of an array {tensor}")
    ends = np.cumsum(lengths).tolist()
    return [
        taken(at, tensor, place, range(end - length, end))
        for end, length in zip(ends, lengths, strict=True)
    ]


def pad(at: Use) -> Tensor:
    """Pad; negative margins cut off."""
    tensor = at.tensor()
    pads = at.integers(1, "pads") or []
    axes = at.integers(3, "axes") or list(range(len(pads) // 2))
    mode = at.attribute("mode", "constant")
    value = at.number(2, "value", 0.0)
    if mode not in ("constant", "reflect", "edge") or len(pads) != 2 * len(axes):
        raise UnsupportedError(f"attribute mode={mode!r}, pads {pads} of an array {tensor}")
    margins: dict[int, tuple[int, int]] = {}
    for number, before, after in zip(axes, pads, pads[len(axes) :], strict=False):
        place = at.place(number, tensor.rank)
        if min(before, after) < 0:
            indices = range(max(-before, 0), count(tensor.axes[place]) - max(-after, 0))
            tensor = taken(at, tensor, place, indices)
        if max(before, after) > 0:
            margins[place] = (max(before, 0), max(after, 0))
    for place in margins:
        tensor = alone(tensor, place, at.rearrange)
    if not margins:
        return tensor
    return _padded(at, tensor, margins, mode, value)


def _padded(
    at: Use, tensor: Tensor, margins: dict[int, tuple[int, int]], mode: str, value: float
) -> Tensor:
    """Put margins around axes that the value has by themselves."""
    numbers: dict[int, int] = {}
    for place in margins:
        free = [
            n
            for n, group in enumerate(tensor.held)
            if group == tensor.axes[place] and n not in numbers.values() and n
        ]
        if not free:
            raise UnsupportedError(f"margins of several axes of extent 1 of an array {tensor}")
        numbers[place] = free[-1]
    sides = [(0, 0)] * (len(tensor.held) - 1)
    for place, number in numbers.items():
        sides[number - 1] = margins[place]
    images = len(sides) == 3 and not any(sides[2]) and (mode, value) == ("constant", 0)
    if images:
        made = at.value(layers.ZeroPadding2D, tensor.value, padding=sides[:2])
    else:
        made = at.value(layers.Padding, tensor.value, sides=sides, mode=mode, value=value)
    held, axes = list(tensor.held), list(tensor.axes)
    for place, number in numbers.items():
        new: Group = axis(made.shape[number])
        held[number] = axes[place] = new
    return Tensor(made, tuple(held), tuple(axes))


OPERATORS: dict[str, Any] = {"Gather": gathering, "Pad": pad, "Slice": cut, "Split": split}
