"""Random numbers, and what is drawn with them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reference.arrays import Array, f64


def philox4x32_10(counter: int, seed: int, row: int = 0) -> list[int]:
    """Salmon et al. (2011), "Parallel random numbers: as easy as 1, 2, 3", section 3.3."""
    mask = 0xFFFFFFFF
    words = [counter & mask, counter >> 32, row & mask, row >> 32]
    keys = [seed & mask, seed >> 32]
    for _ in range(10):
        a, b = 0xD2511F53 * words[0], 0xCD9E8D57 * words[2]
        words = [(b >> 32) ^ words[1] ^ keys[0], b & mask, (a >> 32) ^ words[3] ^ keys[1], a & mask]
        keys = [(keys[0] + 0x9E3779B9) & mask, (keys[1] + 0xBB67AE85) & mask]
    return words


def random_words(count: int, seed: int) -> NDArray[np.int64]:
    """One 32-bit word for each element."""
    blocks = [philox4x32_10(i, seed) for i in range((count + 3) // 4)]
    return np.array(blocks, np.int64).ravel()


def dropout(src: ArrayLike, rate: float, seed: int) -> Array:
    """x / (1 - rate) where the element's random number is at least rate, else 0."""
    src = f64(src)
    uniform = random_words(src.size, seed)[: src.size] / 2**32
    return np.where(uniform.reshape(src.shape) >= rate, src / (1.0 - rate), 0.0)


def gaussian_dropout(src: ArrayLike, rate: float, seed: int) -> Array:
    """Times 1 + sqrt(rate / (1 - rate)) z, with z from pairs of words by Box & Muller (1958)."""
    src = f64(src)
    uniform = (random_words(src.size, seed) // 2**8) / 2**24  # float32 holds 24 bits
    radius, angle = np.sqrt(-2 * np.log(1 - uniform[::2])), 2 * np.pi * uniform[1::2]
    z = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).ravel()[: src.size]
    return src * (1 + math.sqrt(rate / (1 - rate)) * z.reshape(src.shape))


def spatial_dropout(src: ArrayLike, rate: float, seed: int) -> Array:
    """Dropout of whole channels: one number for each channel of each sample."""
    src = f64(src)
    factors = dropout(np.ones((len(src), src.shape[-1])), rate, seed)
    y = np.zeros_like(src)
    for n, channel in np.ndindex(factors.shape):
        y[n, ..., channel] = src[n, ..., channel] * factors[n, channel]
    return y


def shared_dropout(src: ArrayLike, rate: float, seed: int, shape: tuple[int, ...]) -> Array:
    """Dropout with one number for all elements along the axes where `shape` is 1."""
    src = f64(src)
    factors = dropout(np.ones(shape), rate, seed)
    y = np.zeros_like(src)
    for place in np.ndindex(src.shape):
        own = tuple(i if n > 1 else 0 for i, n in zip(place, shape, strict=True))
        y[place] = src[place] * factors[own]
    return y


def alpha_dropout(src: ArrayLike, rate: float, seed: int) -> Array:
    """What is dropped becomes the limit of selu; then mean 0 and variance 1 are restored."""
    limit = -1.6732632423543772848170429916717 * 1.0507009873554804934193349852946
    a = ((1 - rate) * (1 + rate * limit**2)) ** -0.5
    kept = dropout(np.ones(np.shape(src)), rate, seed) > 0
    return a * np.where(kept, f64(src), limit) - a * rate * limit


def gaussian_noise(src: ArrayLike, stddev: float, seed: int) -> Array:
    """Plus stddev z; a dropout of 1/2 multiplies by 1 + z."""
    z = gaussian_dropout(np.ones(np.shape(src)), 0.5, seed) - 1
    return f64(src) + stddev * z
