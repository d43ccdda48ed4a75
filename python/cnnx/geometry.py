"""Sizes, strides and padding of windows that slide over an image, or over a sequence of steps."""

import math
import operator
from collections.abc import Sequence
from numbers import Real
from typing import Any, NamedTuple, TypeAlias

import numpy as np

Pair: TypeAlias = tuple[int, int]
Extents: TypeAlias = tuple[int, ...]
"""(height, width) of images, (steps,) of sequences."""
OpenExtents: TypeAlias = tuple[int | None, ...]
"""The same of an input; None for a size that is left open."""
Padding: TypeAlias = str | tuple[Pair, ...]
"""'valid', 'same', 'full', 'causal', or zeros before and after each axis."""
PADDINGS = ("valid", "same", "full")
SEQUENCE_PADDINGS = (*PADDINGS, "causal")

MAX_RANK = 32
"""Axes of an array, batch included, that every supported NumPy can hold."""

_LIMIT = 2**31
_MOST_PIXELS = 2**40
_MOST_ELEMENTS = 2**59  # of float64: 2**62 bytes


def integer(value: Any, name: str, *, minimum: int = 1, limit: int = _LIMIT) -> int:
    """
    Return `value` as an int if it is a whole number in [minimum, limit).

    Raises
    ------
    TypeError
        For anything but an integer; booleans and floats are none.
    ValueError
        Outside the range.
    """
    try:
        if isinstance(value, (bool, np.bool_)):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be a whole number, got {value!r}") from None
    if not minimum <= number < limit:
        bound = f"at least {minimum}" if number < minimum else f"less than {limit}"
        raise ValueError(f"{name} must be {bound}, got {number}")
    return number


def odd(value: Any, name: str) -> int:
    """Return `value` as an int if it is an odd whole number from 1 on; raises as `integer` does."""
    extent = integer(value, name)
    if extent % 2 == 0:
        raise ValueError(
            f"{name} must be odd, so that the kernel has a middle, got {extent}; "
            f"use {extent - 1} or {extent + 1}"
        )
    return extent


def number(value: Any, name: str, low: float, high: float, *, include_high: bool = False) -> float:
    """Return `value` as a float in [low, high), or up to `high`; raises as `integer` does."""
    if not isinstance(value, Real) or isinstance(value, bool):
        raise TypeError(f"{name} must be a number, got {value!r}")
    try:
        result = float(value)
    except OverflowError:
        result = math.inf
    if not (low <= result < high or (include_high and result == high)):
        bracket = "]" if include_high else ")"
        raise ValueError(f"{name} must be in [{low:g}, {high:g}{bracket}, got {result}")
    return result


def extents(value: Any, name: str, rank: int, *, minimum: int = 1) -> Extents:
    """Return a whole number, or one for each of `rank` axes, as a tuple; raises as `integer`."""
    if not isinstance(value, (tuple, list)):
        return (integer(value, name, minimum=minimum),) * rank
    if len(value) != rank:
        count = "one whole number or two" if rank == 2 else "one whole number"
        raise ValueError(f"{name} must be {count}, got {value!r}")
    return tuple(integer(extent, name, minimum=minimum) for extent in value)


def pair(value: Any, name: str, *, minimum: int = 1) -> Pair:
    """Return a whole number or two of them as (height, width); raises as `integer` does."""
    height, width = extents(value, name, 2, minimum=minimum)
    return height, width


def plane(numbers: Extents, height: int = 1) -> Pair:
    """Return the numbers of two axes; of a sequence's one axis, those of an image of `height`."""
    rows, columns = (height, *numbers)[-2:]
    return rows, columns


def integers(value: Any, name: str, *, minimum: int = 1) -> tuple[int, ...]:
    """Return a whole number or several as a tuple without repetition; raises as `integer` does."""
    numbers = value if isinstance(value, (tuple, list)) else [value]
    check_rank(numbers, name)
    result = tuple(integer(item, name, minimum=minimum) for item in numbers)
    if len(set(result)) < len(result):
        raise ValueError(f"{name} must not name one twice, got {result}")
    return result


def sample_axes(axes: Sequence[int], rank: int, name: str) -> tuple[int, ...]:
    """Return axes of samples, counted from the front, of an array with so many axes."""
    found = sorted(axis % rank for axis in axes if -rank <= axis < rank)
    if len(set(found)) < len(axes) or 0 in found:
        raise ValueError(
            f"{name}={tuple(axes)} must name axes of samples, 1 to {rank - 1} or -{rank - 1} to -1 "
            f"for an input with {rank} axes, each once"
        )
    return tuple(found)


def sample_shape(value: Any, name: str) -> tuple[int, ...]:
    """Return the shape of one sample, without the batch, as a tuple of positive ints."""
    if isinstance(value, (tuple, list)) and None in value:
        raise ValueError(
            f"{name} must give every extent of one sample, without the batch, got {tuple(value)}"
        )
    return open_shape(value, name)


def open_shape(value: Any, name: str) -> tuple[Any, ...]:
    """Return the shape of one sample as a tuple of positive ints, None for sizes left open."""
    if not isinstance(value, (tuple, list)):
        raise TypeError(f"{name} must be a tuple such as (28, 28, 1), got {value!r}")
    check_rank(value, name)
    return tuple(extent if extent is None else integer(extent, name) for extent in value)


def is_open(shape: Sequence[int | None]) -> bool:
    """Return whether the shape of a batch, which comes first, leaves a size of samples open."""
    return None in shape[1:]


def fits(shape: Sequence[int | None], expected: Sequence[int | None]) -> bool:
    """Return whether a shape is one that is expected; None there is any extent."""
    return len(shape) == len(expected) and all(
        wanted is None or extent == wanted for extent, wanted in zip(shape, expected, strict=True)
    )


def common_extent(extents: Sequence[int | None]) -> int | None:
    """
    Return the extent that those of several arrays have together: 1 is repeated along the others.

    One left open is that of the others, if one of them is known and not 1.

    Raises
    ------
    ValueError
        If they differ.
    """
    found = set(extents) - {1}
    known = found - {None}
    if len(known) > 1:
        raise ValueError
    return next(iter(known or found), 1)


def common_shape(shapes: Sequence[Sequence[int | None]]) -> tuple[int | None, ...]:
    """Return the shape of several arrays of one rank together; raises as `common_extent`."""
    if len({len(shape) for shape in shapes}) > 1:
        raise ValueError
    return tuple(map(common_extent, zip(*shapes, strict=True)))


def check_rank(shape: tuple[Any, ...] | list[Any], name: str) -> None:
    """Raise ValueError if the shape of one sample has more axes than an array can have."""
    if len(shape) >= MAX_RANK:
        raise ValueError(f"{name} must have fewer than {MAX_RANK} extents, got {len(shape):,}")


def padding(value: Any, name: str, rank: int = 2, words: tuple[str, ...] = PADDINGS) -> Padding:
    """
    Return padding in its normal form.

    Parameters
    ----------
    value
        'valid' (none), 'same' or 'full' in any letter case; a whole number for all sides; of
        images, (height, width) for both sides of each axis or ((top, bottom), (left, right)); of
        sequences, (before, after).
    name
        What to call it in errors.
    rank
        2 for images, 1 for sequences.
    words
        Those that are allowed.

    Raises
    ------
    TypeError, ValueError
        For anything else.
    """
    if isinstance(value, str):
        if value.lower() not in words:
            raise ValueError(
                f"{name} must be {', '.join(map(repr, words))}, a whole number or pairs of them, "
                f"got {value!r}"
            )
        return value.lower()
    return sides(value, name, rank)


def sides(value: Any, name: str, rank: int = 2) -> tuple[Pair, ...]:
    """
    Return numbers of pixels before and after each axis: ((top, bottom), (left, right)).

    Parameters
    ----------
    value
        A whole number for all sides; of images (height, width) for both sides of each axis, or
        ((top, bottom), (left, right)); of sequences (before, after).
    name
        What to call it in errors.
    rank
        Number of axes.

    Raises
    ------
    TypeError, ValueError
        For anything else.
    """
    if isinstance(value, (tuple, list)):
        if any(isinstance(v, (tuple, list)) for v in value):
            if len(value) != rank:
                form = "((top, bottom), (left, right))" if rank == 2 else "(before, after)"
                raise ValueError(f"{name} must be {form}, got {value!r}")
            return tuple(pair(both, name, minimum=0) for both in value)
        if rank == 1:
            return (pair(value, name, minimum=0),)
    return tuple((zeros, zeros) for zeros in extents(value, name, rank, minimum=0))


def check_pixels(extents: Sequence[int | None], what: str) -> None:
    """Raise ValueError, which begins with `what`, if an output has too many pixels."""
    if math.prod(extent or 1 for extent in extents) >= _MOST_PIXELS:
        size = "x".join(map(str, extents))
        raise ValueError(f"{what} {size} pixels, which is too big for any memory")


def check_elements(shape: Sequence[int | None], what: str) -> None:
    """Raise ValueError, which begins with `what`, if one array of a shape fits into no memory."""
    if math.prod(extent or 1 for extent in shape) > _MOST_ELEMENTS:
        raise ValueError(f"{what} of shape {tuple(shape)} is too large for any memory")


def padding_config(padding: Padding) -> str | list[list[int]]:
    """Return the normal form of `padding` as JSON-serialisable values."""
    return padding if isinstance(padding, str) else [list(side) for side in padding]


def check_pool_padding(owner: str, pool_size: Extents, padding: Padding) -> None:
    """Raise ValueError if a pooling window could lie in the padding alone."""
    if padding == "full":
        raise ValueError(
            f"{owner}: padding='full' is for convolutions; pooling takes 'valid', 'same' or fewer "
            f"zeros than pool_size={pool_size}"
        )
    if not isinstance(padding, str) and any(
        max(sides) >= extent for sides, extent in zip(padding, pool_size, strict=True)
    ):
        raise ValueError(f"{owner}: padding={padding} must be less than pool_size={pool_size}")


def argmax_type(pool_size: Pair) -> type[Any]:
    """Return the type of the positions in a pooling window, as the core has them."""
    return np.uint8 if pool_size[0] * pool_size[1] <= 256 else np.int32


class Placement(NamedTuple):
    """
    Where windows lie on an image: zero padding at the top and left, and how many there are.

    A sequence is an image of height 1. Of an axis whose size is left open, both are None.
    """

    padding: Pair
    output_size: Pair


def _described(size: OpenExtents) -> str:
    return "x".join(map(str, size)) if len(size) > 1 else f"{size[0]}-step"


def _check_window(owner: str, size: Extents, window: str) -> None:
    if math.prod(size) >= _LIMIT:
        raise ValueError(
            f"{owner}: a {_described(size)} {window} has too many pixels; it may "
            f"have fewer than {_LIMIT}"
        )


def _checked(
    owner: str, input_size: OpenExtents, padding: Padding, begin: list[Any], count: list[Any]
) -> Placement:
    """Return the placement if its numbers are not too large."""
    for size, before, outputs in zip(input_size, begin, count, strict=True):
        if size is not None and max(before, outputs) >= _LIMIT:
            raise ValueError(
                f"{owner}: padding={padding!r} makes {outputs} outputs of an axis of {size}; "
                f"there must be less than {_LIMIT}"
            )
    if math.prod(outputs or 1 for outputs in count) >= _MOST_PIXELS:
        raise ValueError(
            f"{owner}: the {_described(tuple(count))} output of a {_described(input_size)} input "
            f"with padding={padding!r} is too big for any memory"
        )
    return Placement(plane(tuple(begin), 0), plane(tuple(count)))


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
    _check_window(owner, window_size, window)
    begin: list[int | None] = []
    count: list[int | None] = []
    for axis, (size, stride) in enumerate(zip(input_size, strides, strict=True)):
        if size is None:
            begin.append(None)
            count.append(None)
            continue
        extent = dilation[axis] * (window_size[axis] - 1) + 1
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
        begin.append(before)
        count.append(windows)
    return _checked(owner, input_size, padding, begin, count)


def zeros_around(padding: Padding, axis: int, extent: int) -> Pair:
    """Return how many zeros lie before and after an axis."""
    if not isinstance(padding, str):
        return padding[axis]
    reach = extent - 1
    return {"valid": (0, 0), "full": (reach, reach), "causal": (reach, 0)}[padding]


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
    _check_window(owner, window_size, "kernel")
    begin: list[int | None] = []
    count: list[int | None] = []
    for axis, (size, stride) in enumerate(zip(input_size, strides, strict=True)):
        if size is None:
            begin.append(None)
            count.append(None)
            continue
        extent = dilation[axis] * (window_size[axis] - 1) + 1
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
        begin.append(before)
        count.append(outputs)
    return _checked(owner, input_size, padding, begin, count)


def _transposed_axis(
    size: int, stride: int, extent: int, cut: Pair | None, added: int | None
) -> Pair:
    """Return how many pixels to cut off at the beginning of an axis, and how many there are."""
    whole = (size - 1) * stride + extent
    if cut is not None:
        return cut[0], whole - sum(cut) + (added or 0)
    outputs = size * stride if added is None else whole - extent + extent % 2 + added
    return max(whole - outputs, 0) // 2, outputs
