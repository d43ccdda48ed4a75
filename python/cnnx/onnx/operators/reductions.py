"""One number for all elements along some axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cnnx import layers
from cnnx.onnx.operators.selection import by_itself, taken
from cnnx.onnx.operators.shapes import joined
from cnnx.onnx.tensor import Group, Tensor, count
from cnnx.onnx.unsupported import UnsupportedError
from cnnx.onnx.use import Use


def reduction(operation: str) -> Callable[[Use], Tensor]:
    """Return what takes ReduceMean, ReduceSum, ReduceMax or ReduceMin."""

    def take(at: Use) -> Tensor:
        tensor = at.tensor()
        listed = at.integers(1, "axes")
        if not listed and at.attribute("noop_with_empty_axes", 0):
            return tensor
        numbers = listed or range(tensor.rank)
        places = {at.place(number, tensor.rank) for number in numbers}
        reduced = set(joined(tuple(tensor.axes[place] for place in places)))
        if tensor.samples[0] in reduced:
            raise UnsupportedError(f"axes {sorted(places)} hold the samples of an array {tensor}")
        keep = bool(at.attribute("keepdims", 1))
        axes = [
            () if place in places else group
            for place, group in enumerate(tensor.axes)
            if keep or place not in places
        ]
        return reduced_over(at, tensor, operation, reduced).seen(axes)

    return take


def reduced_over(at: Use, tensor: Tensor, operation: str, reduced: set[Any]) -> Tensor:
    """Return a tensor without some of its atoms."""
    groups: list[Group] = []
    for group in tensor.held[1:]:
        parts = [
            tuple(atom for atom in group if atom not in reduced),
            tuple(atom for atom in group if atom in reduced),
        ]
        whole = [part for part in parts if part] or [()]
        groups += whole if len(whole) < 2 or group[0] not in reduced else whole[::-1]
    tensor = at.arranged(tensor, groups)
    numbers = [n for n, group in enumerate(groups, start=1) if group and group[0] in reduced]
    if not numbers:
        return tensor
    pooling = {"mean": "GlobalAveragePooling", "max": "GlobalMaxPooling"}.get(operation)
    rank = len(groups) - 1
    if pooling and rank in (1, 2) and numbers == list(range(1, rank + 1)):
        value = at.value(getattr(layers, f"{pooling}{rank}D"), tensor.value, keepdims=True)
    else:
        value = at.value(
            layers.Reduction, tensor.value, operation=operation, axis=numbers, keepdims=True
        )
    held = [() if n in numbers else group for n, group in enumerate(tensor.held)]
    return Tensor(value, tuple(held), tensor.axes)


def argmax(at: Use) -> Tensor:
    """ArgMax, whose numbers are float32 here."""
    tensor = at.tensor()
    place = at.axis(0, tensor.rank)
    extent = count(tensor.own_axis(place))
    last = bool(at.attribute("select_last_index", 0))
    if last:
        tensor = taken(at, tensor, place, range(extent)[::-1])
    tensor, number = by_itself(at, tensor, place)
    value = at.value(layers.ArgMax, tensor.value, axis=number, keepdims=True)
    if last:
        value = at.value(layers.Rescaling, value, scale=-1, offset=extent - 1)
    held = [() if n == number else group for n, group in enumerate(tensor.held)]
    kept = [()] if at.attribute("keepdims", 1) else []
    axes = [*tensor.axes[:place], *kept, *tensor.axes[place + 1 :]]
    return Tensor(value, tuple(held), tuple(axes))


OPERATORS: dict[str, Any] = {
    "ArgMax": argmax,
    "ReduceMax": reduction("max"),
    "ReduceMean": reduction("mean"),
    "ReduceMin": reduction("min"),
    "ReduceSum": reduction("sum"),
}
