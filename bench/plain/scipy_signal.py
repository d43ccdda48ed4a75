"""One call of SciPy for each image and filter. Images are pooled as in im2col.py."""

from typing import Any

import numpy as np
from scipy import signal

from bench.networks import Array
from bench.plain import im2col
from bench.plain.operations import Operations


def _convolve(images: Array, kernel: Array, bias: Array) -> Array:
    maps = [[signal.correlate(image, k, "valid")[0] for k in kernel] for image in images]
    return np.array(maps) + bias[:, None, None]


def _convolve_backward(
    images: Array, kernel: Array, dz: Array, wants_dx: bool
) -> tuple[Any, Array, Array]:
    dk = np.zeros_like(kernel)
    for image, errors in zip(images, dz, strict=True):
        for gradient, error in zip(dk, errors, strict=True):
            gradient += signal.correlate(image, error[None], "valid")
    dx = np.array([_input_gradient(errors, kernel) for errors in dz]) if wants_dx else None
    return dx, dk, dz.sum(axis=(0, 2, 3))


def _input_gradient(errors: Array, kernel: Array) -> Array:
    """Return the sum over filters of the full convolution of an image's errors with a filter."""
    parts = [signal.convolve(e[None], k, "full") for e, k in zip(errors, kernel, strict=True)]
    total: Array = np.sum(parts, axis=0)
    return total


OPERATIONS = Operations(
    _convolve, _convolve_backward, im2col.max_pool, im2col.max_pool_backward, whole_batches=False
)
