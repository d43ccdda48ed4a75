"""The fixed filters by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cnnx import registry
from cnnx.arrays import Float, as_float32
from cnnx.filters.kernels import (
    box,
    difference_of_gaussians,
    first_order,
    gaussian,
    identity,
    laplacian4,
    laplacian4_diagonal,
    laplacian5,
    laplacian8,
    laplacian9,
    laplacian_of_gaussian,
    laplacian_positive,
    line_antidiagonal,
    line_diagonal,
    line_horizontal,
    line_vertical,
    prewitt_horizontal,
    prewitt_vertical,
    roberts_antidiagonal,
    roberts_diagonal,
    shift,
    sobel_horizontal,
    sobel_vertical,
)

FILTERS: dict[str, Callable[..., Float]] = {
    function.__name__: function
    for function in (
        identity,
        shift,
        box,
        gaussian,
        first_order,
        prewitt_horizontal,
        prewitt_vertical,
        sobel_horizontal,
        sobel_vertical,
        roberts_diagonal,
        roberts_antidiagonal,
        laplacian4,
        laplacian4_diagonal,
        laplacian5,
        laplacian8,
        laplacian9,
        laplacian_positive,
        laplacian_of_gaussian,
        difference_of_gaussians,
        line_horizontal,
        line_vertical,
        line_diagonal,
        line_antidiagonal,
    )
} | {"sharpen": laplacian5}
"""The functions by name."""


def get(identifier: Any, **arguments: Any) -> Float:
    """
    Return a kernel from the name of its function, or a matrix as one.

    Parameters
    ----------
    identifier
        Name in any letter case, or the kernel itself: a matrix of numbers.
    **arguments
        For the function: `get("gaussian", size=5)`.

    Raises
    ------
    ValueError
        For an unknown name, listing the valid ones, or an array that is no matrix.
    """
    if isinstance(identifier, str):
        return registry.resolve("filter", identifier, FILTERS)(**arguments)
    kernel = as_float32(identifier, "filter")
    if kernel.ndim != 2 or not kernel.size:
        raise ValueError(
            f"a filter must be a name or a matrix (height, width), got shape {kernel.shape}"
        )
    return kernel
