"""What the filters of a layer look like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cnnx.arrays import Float, as_float32
from cnnx.explain.figures import plot_pictures
from cnnx.layers import Conv2D

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_filters(filters: Any, limit: int = 64, numbers: bool = False) -> Figure:
    """
    Draw filters, red where positive, blue where negative, all on one scale.

    Parameters
    ----------
    filters
        A built Conv2D, its kernel (height, width, channels, filters), or a matrix.
    limit
        Largest number of pictures to draw. There is one for each filter and channel.
    numbers
        Whether to write the weights into the pictures.

    Returns
    -------
    A matplotlib Figure: `figure.savefig("filters.png")`.
    """
    kernel = _kernel(filters)
    channels, count = kernel.shape[2:]
    indices = [(f, c) for f in range(count) for c in range(channels)][:limit]
    titles = [f"filter {f}" if channels == 1 else f"filter {f}, ch. {c}" for f, c in indices]
    return plot_pictures(
        [kernel[:, :, c, f] for f, c in indices],
        titles,
        signed=True,
        limit=float(np.abs(kernel).max()) or 1.0,
        numbers=numbers,
        bar_label="weight",
    )


def _kernel(filters: Any) -> Float:
    if isinstance(filters, Conv2D):
        if not filters.built:
            raise ValueError(f"plot_filters: {filters} is not built yet and has no filters")
        return filters.kernel.numpy()
    kernel = as_float32(filters, "plot_filters: filters")
    if kernel.ndim == 2:
        return kernel[..., None, None]
    if kernel.ndim != 4:
        raise ValueError(
            "plot_filters: filters must be a Conv2D, (height, width, channels, filters) or a "
            f"matrix, got shape {kernel.shape}"
        )
    return kernel
