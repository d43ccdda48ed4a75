"""Oracles of what the core does with pictures: plain loops and NumPy in float64."""

from __future__ import annotations

import colorsys
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reference.arrays import f64
from reference.randomness import philox4x32_10

Array = NDArray[Any]
Pair = tuple[int, int]
MIRRORED = "symmetric"  # NumPy's name for a border beyond which the picture is mirrored


def uniform_numbers(rows: int, count: int, seed: int) -> Array:
    """The upper 24 bits of the words of each row's own counter."""
    found = np.zeros((rows, count))
    for row, i in np.ndindex(rows, count):
        found[row, i] = (philox4x32_10(i // 4, seed, row)[i % 4] >> 8) / 2**24
    return found


# --- where pixels come from -----------------------------------------------------------------------


def inside(i: int, n: int, fill_mode: str) -> int | None:
    """The pixel of [0, n) that stands for pixel i, found by walking."""
    if fill_mode == "constant":
        return i if 0 <= i < n else None
    if fill_mode == "nearest":
        return min(max(i, 0), n - 1)
    period = [*range(n), *(reversed(range(n)) if fill_mode == "reflect" else ())]
    return period[i % len(period)]


def shares(
    size: Pair, transform: ArrayLike, fill_mode: str, interpolation: str
) -> Iterator[tuple[Pair, Pair | None, float]]:
    """Yield (here, there, share): dst[here] holds that share of src[there]; None is outside."""
    h, w = size
    a = [*f64(transform), 1.0]
    for y in range(h):
        for x in range(w):
            row, col, scale = (a[i] * y + a[i + 1] * x + a[i + 2] for i in (0, 3, 6))
            row, col = row / scale, col / scale
            if interpolation == "nearest":
                row, col = math.floor(row + 0.5), math.floor(col + 0.5)
            for i in {math.floor(row), math.ceil(row)}:
                for j in {math.floor(col), math.ceil(col)}:
                    share = (1 - abs(row - i)) * (1 - abs(col - j))
                    k, m = inside(i, h, fill_mode), inside(j, w, fill_mode)
                    yield (y, x), None if k is None or m is None else (k, m), share


def warp_forward(
    src: ArrayLike, transforms: ArrayLike, fill_mode: str, interpolation: str, fill_value: float
) -> Array:
    """dst[y, x] = src at the place that the transform makes of it."""
    src = f64(src)
    dst = np.zeros_like(src)
    for n, transform in enumerate(f64(transforms)):
        for here, there, share in shares(src.shape[1:3], transform, fill_mode, interpolation):
            dst[n][here] += share * (fill_value if there is None else src[n][there])
    return dst


def warp_backward_data(
    diff_dst: ArrayLike, transforms: ArrayLike, fill_mode: str, interpolation: str
) -> Array:
    """Each pixel's gradient goes, in the same shares, to where the pixel came from."""
    diff_dst = f64(diff_dst)
    diff_src = np.zeros_like(diff_dst)
    for n, transform in enumerate(f64(transforms)):
        for here, there, share in shares(diff_dst.shape[1:3], transform, fill_mode, interpolation):
            if there is not None:
                diff_src[n][there] += share * diff_dst[n][here]
    return diff_src


# --- colours of one picture, with values in [low, high] -------------------------------------------


def brightness(x: Array, p: Array, low: float, high: float) -> Array:
    return np.clip(x + p[0] * (high - low), low, high)


def contrast(x: Array, p: Array, low: float, high: float) -> Array:
    mean = x.mean((0, 1))
    return np.clip(mean + p[0] * (x - mean), low, high)


def _through_hsv(x: Array, low: float, high: float, change: Any) -> Array:
    y = np.empty_like(x)
    for place in np.ndindex(x.shape[:2]):
        unit = (x[place] - low) / (high - low)
        y[place] = low + (high - low) * np.array(colorsys.hsv_to_rgb(*change(unit)))
    return y


def saturation(x: Array, p: Array, low: float, high: float) -> Array:
    def change(unit: Array) -> tuple[float, float, float]:
        hue, strength, value = colorsys.rgb_to_hsv(*unit)
        return hue, min(strength * p[0], 1), value

    return _through_hsv(x, low, high, change) if x.shape[2] == 3 else x


def hue(x: Array, p: Array, low: float, high: float) -> Array:
    def change(unit: Array) -> tuple[float, float, float]:
        place, strength, value = colorsys.rgb_to_hsv(*unit)
        return (place + p[0]) % 1, strength, value

    return _through_hsv(x, low, high, change) if x.shape[2] == 3 else x


def gray(x: Array, p: Array, low: float, high: float) -> Array:
    if x.shape[2] != 3:
        return x
    light = (x @ [0.2989, 0.587, 0.114])[..., None]
    return np.clip(x + p[0] * (light - x), low, high)


def invert(x: Array, p: Array, low: float, high: float) -> Array:
    return low + high - x


def posterize(x: Array, p: Array, low: float, high: float) -> Array:
    step = 2 ** (8 - int(p[0]))
    bytes_ = np.floor(np.clip((x - low) / (high - low) * 255, 0, 255))
    return low + bytes_ // step * step / 255 * (high - low)


def solarize(x: Array, p: Array, low: float, high: float) -> Array:
    unit = np.clip((x - low) / (high - low) + p[0], 0, 1)
    return low + (high - low) * np.where(unit < p[1], unit, 1 - unit)


def auto_contrast(x: Array, p: Array, low: float, high: float) -> Array:
    least, most = x.min((0, 1)), x.max((0, 1))
    spread = np.where(most > least, most - least, 1)
    return np.where(most > least, low + (x - least) / spread * (high - low), np.clip(x, low, high))


def equalize(x: Array, p: Array, low: float, high: float) -> Array:
    bins = int(p[0])
    y = x.copy()
    for c in range(x.shape[2]):
        places = np.clip((x[..., c] - low) / (high - low) * (bins - 1), 0, bins - 1)
        places = np.floor(places + 1e-6).astype(int)  # the core rounds otherwise
        sums = np.cumsum(np.bincount(places.ravel(), minlength=bins))
        least = sums[sums > 0][0]
        if sums[-1] > least:
            table = np.round((sums - least) * 255 / (sums[-1] - least)).clip(0) / 255
            y[..., c] = low + table[places] * (high - low)
    return y


def sharpness(x: Array, p: Array, low: float, high: float) -> Array:
    y = x.copy()
    for i in range(1, x.shape[0] - 1):
        for j in range(1, x.shape[1] - 1):
            smooth = (x[i - 1 : i + 2, j - 1 : j + 2].sum((0, 1)) + 4 * x[i, j]) / 13
            y[i, j] = smooth + p[0] * (x[i, j] - smooth)
    return np.clip(y, low, high)


def blur(x: Array, p: Array, low: float, high: float) -> Array:
    y = x
    for axis, (taps, deviation) in enumerate(zip(p[:2], p[2:4], strict=True)):
        radius = int(taps) // 2
        weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / deviation) ** 2)
        weights /= weights.sum()
        border = [(radius, radius) if i == axis else (0, 0) for i in range(3)]
        padded = np.moveaxis(np.pad(y, border, mode=MIRRORED), axis, 0)
        rows = [
            sum(w * padded[i + tap] for tap, w in enumerate(weights))
            for i in range(padded.shape[0] - 2 * radius)
        ]
        y = np.moveaxis(np.array(rows), 0, axis)
    return np.clip(y, low, high)


OPERATIONS = [
    brightness,
    contrast,
    saturation,
    hue,
    gray,
    invert,
    posterize,
    solarize,
    auto_contrast,
    equalize,
    sharpness,
    blur,
]
"""By number from 1 on."""


def transform_pictures(
    src: ArrayLike, operations: Array, parameters: Array, value_range: tuple[float, float]
) -> Array:
    """Run the operations of each picture."""
    dst = f64(src).copy()
    for n, steps in enumerate(operations):
        for number, p in zip(steps, f64(parameters[n]), strict=True):
            if number:
                dst[n] = OPERATIONS[number - 1](dst[n], p, *value_range)
    return dst
