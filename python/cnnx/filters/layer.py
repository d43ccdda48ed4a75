"""Fixed filters as part of a network."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnx.arrays import Float, as_float32
from cnnx.filters.catalogue import get
from cnnx.geometry import integer
from cnnx.initializers import Constant
from cnnx.layers import Conv2D


def as_layer(
    filters: Any,
    channels: int = 1,
    padding: Any = "same",
    *,
    depthwise: bool = True,
    bias: Any = None,
    **arguments: Any,
) -> Conv2D:
    """
    Return a layer that applies fixed filters and does not learn.

    It is a true convolution, on each channel by itself or as a sum over the channels:
    z[i, j, r] = b[r] + sum over u, v, h of x[i - u, j - v, h] F_r[u, v, h], where u and v are
    counted from the middle of the filter, and pixels outside the image count as zero.

    Parameters
    ----------
    filters
        Name or kernel, or a list of them of one height and width.
    channels
        Of the layer's input.
    padding
        As for `cnnx.layers.Conv2D`; 'same' by default.
    depthwise
        True applies each filter, a matrix, to each channel by itself. Channel by channel, the
        output holds the results of all filters. False sums over the channels, and the output holds
        one result a filter. A filter is then an array (height, width, channels); a name or a matrix
        stands for the same slice in every channel.
    bias
        A number, or one for each filter, that is added and does not learn either; None adds
        nothing.
    **arguments
        Further ones of `cnnx.layers.Conv2D`: strides, activation, name, .... With `use_bias=True`
        instead of `bias` the bias is as `bias_initializer` makes it.

    Returns
    -------
    A frozen layer with len(filters) filters, or len(filters) * channels if `depthwise`.

    Raises
    ------
    ValueError, TypeError
        For unknown filters, filters of different sizes or of another depth than `channels`, and a
        bias that does not fit them.
    """
    depth = integer(channels, "as_layer: channels")
    kernels = _kernels(filters, None if depthwise else depth)
    groups = depth if depthwise else 1
    biases = {"use_bias": False} if bias is None else _fixed_bias(bias, len(kernels), groups)
    if bias is not None and (
        "bias_initializer" in arguments or not arguments.get("use_bias", True)
    ):
        raise ValueError(
            "as_layer: bias gives the fixed bias; leave out use_bias=False and bias_initializer"
        )
    return Conv2D(
        len(kernels) * groups,
        kernels[0].shape[:2],
        padding=padding,
        groups=groups,
        operation="convolution",
        kernel_initializer=Constant(np.tile(np.stack(kernels, axis=-1), groups)),
        **{"trainable": False} | biases | arguments,
    )


def _kernels(filters: Any, depth: int | None) -> list[Float]:
    """Return kernels (height, width, depth) of one size; a depth of None makes it 1."""
    is_one = isinstance(filters, str) or (isinstance(filters, np.ndarray) and depth is not None)
    if not is_one and (not isinstance(filters, (list, tuple, np.ndarray)) or len(filters) == 0):
        raise ValueError(
            f"as_layer: filters must be a name, a kernel or a list of them, got {filters!r}"
        )
    if not is_one and not isinstance(filters[0], str):
        is_one = np.ndim(filters[0]) == 1  # a matrix
    in_turn = [filters] if is_one else filters
    kernels = [
        get(filter)[..., None] if depth is None else _volume(filter, depth) for filter in in_turn
    ]
    sizes = sorted({kernel.shape[:2] for kernel in kernels})
    if len(sizes) != 1:
        raise ValueError(f"as_layer: the filters of one layer need one size, got {sizes}")
    return kernels


def _volume(filter: Any, depth: int) -> Float:
    """Return a kernel (height, width, depth)."""
    if isinstance(filter, str) or np.ndim(filter) == 2:
        return np.repeat(get(filter)[..., None], depth, axis=2)
    kernel = as_float32(filter, "as_layer: filter")
    if kernel.ndim != 3 or not kernel.size:
        raise ValueError(
            "as_layer: with depthwise=False a filter must be a name, a matrix or an array (height, "
            f"width, channels), got shape {kernel.shape}; give several filters as a list"
        )
    if kernel.shape[2] != depth:
        raise ValueError(
            f"as_layer: a filter of shape {kernel.shape} needs channels={kernel.shape[2]}, "
            f"got channels={depth}"
        )
    return kernel


def _fixed_bias(bias: Any, count: int, groups: int) -> dict[str, Any]:
    """Return the arguments of Conv2D for a fixed bias, one for each of `count` filters."""
    if isinstance(bias, str):
        raise TypeError(
            f"as_layer: bias must be a number or one for each filter, got {bias!r}; "
            "cnnx.layers.Conv2D takes 'tied' or 'untied'"
        )
    numbers = as_float32(bias, "as_layer: bias")
    if numbers.shape not in {(), (count,)}:
        raise ValueError(
            f"as_layer: bias must be a number or {count} of them, one for each filter, got shape "
            f"{numbers.shape}"
        )
    return {
        "use_bias": True,
        "bias_initializer": Constant(np.tile(np.broadcast_to(numbers, count), groups)),
    }
