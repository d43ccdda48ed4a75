"""Checks of the arguments that the operations share."""

from typing import Any

from cnnx.arrays import Float, as_float32

IMAGE = "batch height width channels"


def array(value: Any, name: str, axes: str) -> Float:
    """Return `value` as float32 with one axis for each word of `axes`."""
    result = as_float32(value, name)
    if result.ndim != len(axes.split()):
        remedy = "; images need channels: x[..., None]" if result.ndim == 3 else ""
        raise ValueError(
            f"{name} must have the axes ({axes.replace(' ', ', ')}), got shape "
            f"{result.shape}{remedy}"
        )
    if axes == IMAGE and 0 in result.shape[1:]:
        raise ValueError(f"{name} must hold images that are not empty, got shape {result.shape}")
    return result


def expect(array: Float, shape: tuple[int, ...], name: str) -> Float:
    """Return `array` if it has the shape."""
    if array.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, got {array.shape}")
    return array


def vector(value: Any, length: int, name: str) -> Float | None:
    """Return `value` as (length,), or None for None."""
    return None if value is None else expect(as_float32(value, name), (length,), name)
