"""Copies of an array along its axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnx import layers
from cnnx.onnx.arrangement import alone
from cnnx.onnx.tensor import Group, Tensor, axis
from cnnx.onnx.unsupported import UnsupportedError
from cnnx.onnx.use import Use


def expanded(at: Use, tensor: Tensor, shape: Sequence[int]) -> Tensor:
    """Return an array broadcast against a shape; None in it leaves an axis as it is."""
    axes: list[Group] = [*[()] * (len(shape) - tensor.rank), *tensor.axes]
    tensor = tensor.seen(axes)
    grown = [
        place
        for place, extent in enumerate(shape, start=len(axes) - len(shape))
        if extent is not None and extent > 1 and not axes[place]
    ]
    if not grown:
        return tensor
    extents = [shape[place - len(axes) + len(shape)] for place in grown]
    held = tensor.held[1:]
    tensor = at.arranged(tensor, [*held, *[()] * len(grown)])
    value = at.value(layers.Tile, tensor.value, repeats=[*[1] * len(held), *extents])
    new = [axis(extent) for extent in extents]
    for place, group in zip(grown, new, strict=True):
        axes[place] = group
    return Tensor(value, (*tensor.held[: len(held) + 1], *new), tuple(axes))


def expand(at: Use) -> Tensor:
    """Expand."""
    tensor = at.tensor()
    shapes = [[int(n) for n in array.ravel()[:32]] for array in at.known(1)]
    own = [(1,) * len(shapes)] * (len(shapes[0]) - tensor.rank) + tensor.sizes
    wanted: list[Any] = []
    for number, extents in enumerate(zip(*shapes, strict=True)):
        there = own[number - len(shapes[0])]
        same = extents == there or set(extents) == {1}
        if not same and len(set(extents)) > 1:
            raise UnsupportedError(f"a shape {shapes[0]} for an array {tensor}")
        if not same and set(there) != {1}:
            raise UnsupportedError(f"a shape {shapes[0]} for an array {tensor}")
        wanted.append(None if same else extents[0])
    return expanded(at, tensor, wanted)


def tile(at: Use) -> Tensor:
    """Tile."""
    tensor = at.tensor()
    repeats = [int(n) for n in at.constant(1).ravel()[:32]]
    if len(repeats) != tensor.rank:
        raise UnsupportedError(f"repeats {repeats} of an array {tensor}")
    for place, times in enumerate(repeats):
        if times == 1:
            continue
        tensor = alone(tensor, place, at.rearrange)
        group = tensor.axes[place]
        number = len(tensor.held) - 1 - tensor.held[::-1].index(group)
        value = at.value(
            layers.Tile,
            tensor.value,
            repeats=[times if n == number else 1 for n in range(1, len(tensor.held))],
        )
        new = axis(value.shape[number])
        held = [new if n == number else other for n, other in enumerate(tensor.held)]
        axes = [new if n == place else other for n, other in enumerate(tensor.axes)]
        tensor = Tensor(value, tuple(held), tuple(axes))
    return tensor


OPERATORS: dict[str, Any] = {"Expand": expand, "Tile": tile}
