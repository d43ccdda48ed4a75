"""Where the channels of an array stand: last, as everything is computed, or behind the batch."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from cnnx.arrays import Float, Shape

if TYPE_CHECKING:
    from cnnx.layers.laid_out import LaidOut

CHANNELS_FIRST, CHANNELS_LAST = "channels_first", "channels_last"
_AXES = {
    1: ("sequences", "(batch, channels, steps)", "sequences of one channel"),
    2: ("images", "(batch, channels, height, width)", "grey images"),
}

L = TypeVar("L", bound="LaidOut")


def channels_last(shape: Shape) -> Shape:
    """Return the shape of an array after its channels have moved from behind the batch to last."""
    batch, channels, *rest = shape
    return (batch, *rest, channels)


def channels_first(shape: Shape) -> Shape:
    """Return the shape of an array after its last axis has moved behind the batch."""
    batch, *rest, channels = shape
    return (batch, channels, *rest)


def moved_last(x: Float) -> Float:
    """Return an array whose channels have moved from behind the batch to last."""
    return np.ascontiguousarray(np.moveaxis(x, 1, -1))


def moved_first(x: Float) -> Float:
    """Return an array whose last axis has moved behind the batch."""
    return np.ascontiguousarray(np.moveaxis(x, -1, 1))


def checked_layout(layer: LaidOut, data_format: Any) -> str:
    """Return the layout that a `data_format` names; None is the usual one."""
    if data_format is None:
        return CHANNELS_LAST
    if not isinstance(data_format, str) or data_format not in (CHANNELS_FIRST, CHANNELS_LAST):
        raise ValueError(
            f"{layer}: data_format must be '{CHANNELS_LAST}' or '{CHANNELS_FIRST}', "
            f"got {data_format!r}"
        )
    return data_format


def check_layout_rank(layer: LaidOut, input_shape: Shape, rank: int | None) -> None:
    """Raise ValueError unless an input has a channel axis, and as many others as are wanted."""
    if rank is None or len(input_shape) == rank + 2:
        return
    kind, axes, single = _AXES[rank]
    remedy = f"; {single} need a channel axis: x[:, None]" if len(input_shape) == rank + 1 else ""
    raise ValueError(f"{layer} expects {kind} {axes}, got shape {tuple(input_shape)}{remedy}")


def in_its_layout(method: Callable[[L, Shape], Shape]) -> Callable[[L, Shape], Shape]:
    """Let a `compute_output_shape` for channels last take and return shapes in the own layout."""

    @functools.wraps(method)
    def output_shape(layer: L, input_shape: Shape) -> Shape:
        if not layer.puts_channels_first(input_shape):
            return method(layer, input_shape)
        made = method(layer, channels_last(input_shape))
        return channels_first(made) if len(made) == len(input_shape) else made

    return output_shape
