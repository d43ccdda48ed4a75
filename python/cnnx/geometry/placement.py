"""Where windows lie that slide over an image, or over a sequence of steps."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from cnnx.geometry.numbers import LIMIT, Extents, OpenExtents, Pair, plane
from cnnx.geometry.paddings import Padding, zeros_around
from cnnx.geometry.shapes import MOST_PIXELS


class Placement(NamedTuple):
    """
    Where windows lie on an image: zero padding at the top and left, and how many there are.

    A sequence is an image of height 1. Of an axis whose size is left open, both are None.
    """

    padding: Pair
    output_size: Pair


def place(
    owner: str,
    input_size: OpenExtents,
    window_size: Extents,
    strides: Extents,
    padding: Padding,
    dilation: Extents = (1, 1),
    window: str = "kernel",
) -> Placement:
    """
    Place windows over an image or a sequence, as Keras and TensorFlow do.

    With extent e = dilation * (window - 1) + 1 and p zeros on both sides together, an axis of n
    pixels has floor((n + p - e) / stride) + 1 windows. 'same' makes that ceil(n / stride); of its
    zeros the odd one lies at the bottom or right. 'full' has e - 1 zeros on both sides, so that
    every window that touches the image counts. 'causal' has them before the first step alone, so
    that no output depends on a later step.

    Parameters
    ----------
    owner
        What errors begin with, such as "Conv2D 'conv2d_1'".
    input_size, window_size, strides, dilation
        (height, width) each, or (steps,). An input size of None is left open.
    padding
        In the normal form of `padding`.
    window
        What errors call the window.

    Raises
    ------
    ValueError
        If not even one window fits, or too many do.
    """

    def along(axis: int, size: int) -> Pair:
        stride, extent = strides[axis], dilation[axis] * (window_size[axis] - 1) + 1
        if padding == "same":
            windows = -(-size // stride)
            before = max((windows - 1) * stride + extent - size, 0) // 2
        else:
            before, after = zeros_around(padding, axis, extent)
            windows = (size + before + after - extent) // stride + 1
        if windows < 1:
            dilated = f" with dilation {dilation}" if max(dilation) > 1 else ""
            larger = "image" if len(input_size) > 1 else "sequence"
            raise ValueError(
                f"{owner}: a {_described(window_size)} {window}{dilated} with "
                f"padding={padding!r} does not fit the {_described(input_size)} input; "
                f"use padding='same', a smaller {window} or a larger {larger}"
            )
        return before, windows

    _check_window(owner, window_size, window)
    return _placed(owner, input_size, padding, along)


def place_transposed(
    owner: str,
    input_size: OpenExtents,
    window_size: Extents,
    strides: Extents,
    padding: Padding,
    output_padding: Extents | None,
    dilation: Extents,
) -> Placement:
    """
    Return the size of the image whose windows are the pixels of the input, as Keras does.

    With extent e = dilation * (window - 1) + 1 and output padding q, an axis of n pixels becomes
    (n - 1) stride + e + q less the pixels that `padding` cuts off on both sides. 'same' makes that
    n stride, or (n - 1) stride + e mod 2 + q if q is given. Without it, q is 0, or what 'valid'
    lacks of n stride.

    Parameters
    ----------
    owner, input_size, window_size, strides, padding, dilation
        As for `place`.
    output_padding
        Pixels added at the bottom and right; None as said above.

    Returns
    -------
    Pixels cut off at the top and left, and the output's size.

    Raises
    ------
    ValueError
        If nothing is left, or it is too large.
    """

    def along(axis: int, size: int) -> Pair:
        stride, extent = strides[axis], dilation[axis] * (window_size[axis] - 1) + 1
        added = None if output_padding is None else output_padding[axis]
        if added is None and padding == "valid":
            added = max(stride - extent, 0)
        cut = None if padding == "same" else zeros_around(padding, axis, extent)
        before, outputs = _transposed_axis(size, stride, extent, cut, added)
        if outputs < 1:
            raise ValueError(
                f"{owner}: padding={padding!r} with output_padding={output_padding} leaves nothing "
                f"of the {_described(input_size)} input; use padding='valid' or a larger input"
            )
        return before, outputs

    _check_window(owner, window_size, "kernel")
    return _placed(owner, input_size, padding, along)


def _transposed_axis(
    size: int, stride: int, extent: int, cut: Pair | None, added: int | None
) -> Pair:
    """Return how many pixels to cut off at the beginning of an axis, and how many there are."""
    whole = (size - 1) * stride + extent
    if cut is not None:
        return cut[0], whole - sum(cut) + (added or 0)
    outputs = size * stride if added is None else whole - extent + extent % 2 + added
    return max(whole - outputs, 0) // 2, outputs


def argmax_type(pool_size: Pair) -> type[Any]:
    """Return the type of the positions in a pooling window, as the core has them."""
    return np.uint8 if pool_size[0] * pool_size[1] <= 256 else np.int32


def _described(size: OpenExtents) -> str:
    return "x".join(map(str, size)) if len(size) > 1 else f"{size[0]}-step"


def _check_window(owner: str, size: Extents, window: str) -> None:
    if math.prod(size) >= LIMIT:
        raise ValueError(
            f"{owner}: a {_described(size)} {window} has too many pixels; it may "
            f"have fewer than {LIMIT}"
        )


def _placed(
    owner: str, input_size: OpenExtents, padding: Padding, along: Callable[[int, int], Pair]
) -> Placement:
    """Return what `along` says of each axis and its size, if the numbers are not too large."""
    begin: list[Any] = []
    count: list[Any] = []
    for axis, size in enumerate(input_size):
        before, outputs = (None, None) if size is None else along(axis, size)
        if before is not None and outputs is not None and max(before, outputs) >= LIMIT:
            raise ValueError(
                f"{owner}: padding={padding!r} makes {outputs} outputs of an axis of {size}; "
                f"there must be less than {LIMIT}"
            )
        begin.append(before)
        count.append(outputs)
    if math.prod(outputs or 1 for outputs in count) >= MOST_PIXELS:
        raise ValueError(
            f"{owner}: the {_described(tuple(count))} output of a {_described(input_size)} input "
            f"with padding={padding!r} is too big for any memory"
        )
    return Placement(plane(tuple(begin), 0), plane(tuple(count)))
