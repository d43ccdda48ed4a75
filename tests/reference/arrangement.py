"""Elements at other places: permuted, padded, cropped."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from reference.arrays import Array, Pair, f64


def permuted(src: ArrayLike, dims: tuple[int, ...]) -> Array:
    """Each element at its indices in another order."""
    src = f64(src)
    dst = np.zeros((len(src), *(src.shape[axis] for axis in dims)))
    for place in np.ndindex(src.shape):
        dst[(place[0], *(place[axis] for axis in dims))] = src[place]
    return dst


def zero_padded(src: ArrayLike, sides: tuple[Pair, ...]) -> Array:
    """Zeros, and each element moved by what lies before it."""
    src = f64(src)
    extents = [n + sum(pair) for n, pair in zip(src.shape[1:-1], sides, strict=True)]
    dst = np.zeros((len(src), *extents, src.shape[-1]))
    for place in np.ndindex(src.shape[1:-1]):
        there = tuple(i + before for i, (before, _) in zip(place, sides, strict=True))
        dst[(slice(None), *there)] = src[(slice(None), *place)]
    return dst


def cropped(src: ArrayLike, sides: tuple[Pair, ...]) -> Array:
    """The gradient of padding."""
    src = f64(src)
    extents = [n - sum(pair) for n, pair in zip(src.shape[1:-1], sides, strict=True)]
    dst = np.zeros((len(src), *extents, src.shape[-1]))
    for place in np.ndindex(*extents):
        there = tuple(i + before for i, (before, _) in zip(place, sides, strict=True))
        dst[(slice(None), *place)] = src[(slice(None), *there)]
    return dst
