"""Finding the kernel of a function by its impulse response."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cnnx.arrays import Double, Float, real_array
from cnnx.geometry import odd
from cnnx.ops import convolve2d

_TOLERANCE = 1e-4  # of the largest value, for functions that compute in float32


def impulse_response(function: Callable[[Any], Any], size: int = 3) -> Float:
    """
    Return the kernel whose true convolution does what a function of images does.

    A linear function that treats every position alike is a convolution, and its kernel is what it
    makes of a single point: the impulse response (Hagan et al., "Neural Network Design: Deep
    Learning", chapter on convolution networks, Eq. 8.5 and Problem P8.2).

    Parameters
    ----------
    function
        Takes an image, a float32 array (height, width), and returns one of the same shape. It is
        called with images three times as large as the kernel, so that it never meets their edges.
    size
        Odd number of pixels across the kernel.

    Returns
    -------
    Kernel (size, size): `convolve2d(image, kernel, mode="same")` gives `function(image)`, but for
    pixels near the edges if the function does not count zeros there.

    Raises
    ------
    ValueError
        If the function returns another shape, is not linear, reaches farther than the kernel or
        depends on the position, as far as a few random images show.
    """
    extent = odd(size, "impulse_response: size")
    if not callable(function):
        raise TypeError(f"impulse_response: function must be a function, got {function!r}")
    probes = np.random.default_rng(0)

    def image() -> Float:
        """Return random pixels within a wide border of zeros."""
        middle = probes.standard_normal((extent, extent))
        return np.pad(middle, extent).astype(np.float32)

    first, second = image(), image()
    responses = _apply(function, first), _apply(function, second)
    # The factors are large so that rounding to whole pixels and cutting off at 255 show.
    _check_equal(
        _apply(function, 300 * first - 500 * second),
        300 * responses[0] - 500 * responses[1],
        "is not linear: for two images x and y, f(300 x - 500 y) is not 300 f(x) - 500 f(y)",
    )
    point = np.zeros_like(first)
    point[point.shape[0] // 2, point.shape[1] // 2] = 1
    response = _apply(function, point)
    inside = slice(extent, 2 * extent)
    kernel = response[inside, inside]
    _check_equal(
        np.pad(kernel, extent),
        response,
        f"reaches farther than {extent}x{extent} pixels; give a larger size",
    )
    for probe, answer in zip((first, second), responses, strict=True):
        _check_equal(
            convolve2d(probe, kernel, "same"),
            answer,
            "depends on the position: it is not the convolution with its impulse response",
        )
    return kernel.astype(np.float32)


def _apply(function: Callable[[Any], Any], image: Float) -> Double:
    result = real_array(function(image.copy()), "impulse_response: the function's result")
    if result.shape != image.shape:
        raise ValueError(
            f"impulse_response: the function must return an image of the shape it is given, "
            f"{image.shape}, got {result.shape}; pad the image inside the function"
        )
    return result.astype(np.float64)


def _check_equal(got: Any, expected: Double, fault: str) -> None:
    scale = float(np.abs(expected).max())
    if not (np.abs(got - expected) <= _TOLERANCE * scale).all():
        raise ValueError(f"impulse_response: the function {fault}")
