"""What the three ways have in common."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.networks import Array


@dataclass(frozen=True)
class Operations:
    """
    Operations on images (batch, channels, height, width).

    `convolve(images, kernel, bias)`, with a kernel (filters, channels, height, width), and
    `max_pool(images)`, 2x2, return images. `convolve_backward(images, kernel, dz, wants_dx)`
    returns the gradients (dx or None, dk, db), `max_pool_backward(images, dy)` returns dx.
    `whole_batches` is False if a step takes one image after the other.
    """

    convolve: Callable[[Array, Array, Array], Array]
    convolve_backward: Callable[[Array, Array, Array, bool], tuple[Any, Array, Array]]
    max_pool: Callable[[Array], Array]
    max_pool_backward: Callable[[Array, Array], Array]
    whole_batches: bool
