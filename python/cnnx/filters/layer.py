"""Fixed filters as part of a network."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnx.filters.kernels import get
from cnnx.geometry import integer
from cnnx.initializers import Constant
from cnnx.layers import Conv2D


def as_layer(filters: Any, channels: int = 1, padding: Any = "same", **arguments: Any) -> Conv2D:
    """
    Return a layer that applies fixed filters to each channel by itself and does not learn.

    Parameters
    ----------
    filters
        Name or kernel, or a sequence of them of one size.
    channels
        Of the layer's input. Channel by channel, the output holds the results of all filters.
    padding
        As for `cnnx.layers.Conv2D`; 'same' by default.
    **arguments
        Further ones of `cnnx.layers.Conv2D`: strides, activation, name, .... There is no bias
        unless they say so (`use_bias=True`, with its initializer).

    Returns
    -------
    A frozen layer with len(filters) * channels filters.
    """
    is_single = isinstance(filters, str) or np.ndim(filters[0]) == 1  # a name or a matrix
    kernels = [get(filter) for filter in ([filters] if is_single else filters)]
    sizes = sorted({kernel.shape for kernel in kernels})
    if len(sizes) != 1:
        raise ValueError(f"as_layer: the filters of one layer need one size, got {sizes}")
    stack = np.stack(kernels, axis=-1)[:, :, None]
    groups = integer(channels, "as_layer: channels")
    return Conv2D(
        len(kernels) * groups,
        sizes[0],
        padding=padding,
        groups=groups,
        operation="convolution",
        kernel_initializer=Constant(np.tile(stack, groups)),
        **{"use_bias": False, "trainable": False} | arguments,
    )
