"""Sizes, strides and padding of windows that slide over an image."""

import math
import operator
from collections.abc import Sequence
from numbers import Real
from typing import Any, NamedTuple, TypeAlias

import numpy as np

Pair: TypeAlias = tuple[int, int]
Padding: TypeAlias = str | tuple[Pair, Pair]
"""'valid', 'same', 'full', or ((top, bottom), (left, right))."""

MAX_RANK = 32
"""Axes of an array, batch included, that every supported NumPy can hold."""

_LIMIT = 2**31
_MOST_PIXELS = 2**40


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


def pair(value: Any, name: str, *, minimum: int = 1) -> Pair:
    """Return a whole number or two of them as (height, width); raises as `integer` does."""
    if isinstance(value, (tuple, list)):
        if len(value) != 2:
            raise ValueError(f"{name} must be one whole number or two, got {value!r}")
        return integer(value[0], name, minimum=minimum), integer(value[1], name, minimum=minimum)
    extent = integer(value, name, minimum=minimum)
    return extent, extent


def integers(value: Any, name: str, *, minimum: int = 1) -> tuple[int, ...]:
    """Return a whole number or several as a tuple without repetition; raises as `integer` does."""
    numbers = value if isinstance(value, (tuple, list)) else [value]
    check_rank(numbers, name)
    result = tuple(integer(item, name, minimum=minimum) for item in numbers)
    if len(set(result)) < len(result):
        raise ValueError(f"{name} must not name one twice, got {result}")
    return result


def sample_shape(value: Any, name: str) -> tuple[int, ...]:
    """Return the shape of one sample, without the batch, as a tuple of positive ints."""
    if not isinstance(value, (tuple, list)):
        raise TypeError(f"{name} must be a tuple such as (28, 28, 1), got {value!r}")
    if None in value:
        raise ValueError(
            f"{name} must give every extent of one sample, without the batch, got {tuple(value)}"
        )
    check_rank(value, name)
    return tuple(integer(extent, name) for extent in value)


def check_rank(shape: tuple[Any, ...] | list[Any], name: str) -> None:
    """Raise ValueError if the shape of one sample has more axes than an array can have."""
    if len(shape) >= MAX_RANK:
        raise ValueError(f"{name} must have fewer than {MAX_RANK} extents, got {len(shape):,}")


def padding(value: Any, name: str) -> Padding:
    """
    Return padding in its normal form.

    Parameters
    ----------
    value
        'valid' (none), 'same' or 'full' in any letter case; a whole number for all sides; (height,
        width) for both sides of each axis; or ((top, bottom), (left, right)).
    name
        What to call it in errors.

    Raises
    ------
    TypeError, ValueError
        For anything else.
    """
    if isinstance(value, str):
        if value.lower() not in ("valid", "same", "full"):
            raise ValueError(
                f"{name} must be 'valid', 'same', 'full', a whole number or pairs of them, "
                f"got {value!r}"
            )
        return value.lower()
    return sides(value, name)


def sides(value: Any, name: str) -> tuple[Pair, Pair]:
    """
    Return numbers of pixels on the four sides as ((top, bottom), (left, right)).

    Parameters
    ----------
    value
        A whole number for all sides; (height, width) for both sides of each axis; or ((top,
        bottom), (left, right)).
    name
        What to call it in errors.

    Raises
    ------
    TypeError, ValueError
        For anything else.
    """
    if isinstance(value, (tuple, list)) and any(isinstance(v, (tuple, list)) for v in value):
        if len(value) != 2:
            raise ValueError(f"{name} must be ((top, bottom), (left, right)), got {value!r}")
        return pair(value[0], name, minimum=0), pair(value[1], name, minimum=0)
    height, width = pair(value, name, minimum=0)
    return (height, height), (width, width)


def check_pixels(extents: Sequence[int], what: str) -> None:
    """Raise ValueError, which begins with `what`, if an output has too many pixels."""
    if math.prod(extents) >= _MOST_PIXELS:
        size = "x".join(map(str, extents))
        raise ValueError(f"{what} {size} pixels, which is too big for any memory")


def padding_config(padding: Padding) -> str | list[list[int]]:
    """Return the normal form of `padding` as JSON-serialisable values."""
    return padding if isinstance(padding, str) else [list(side) for side in padding]


def check_pool_padding(owner: str, pool_size: Pair, padding: Padding) -> None:
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
    """Where windows lie on an image: zero padding at the top and left, and how many there are."""

    padding: Pair
    output_size: Pair


def place(
    owner: str,
    input_size: Pair,
    window_size: Pair,
    strides: Pair,
    padding: Padding,
    dilation: Pair = (1, 1),
    window: str = "kernel",
) -> Placement:
    """
    Place windows over an image, as Keras and TensorFlow do.

    With extent e = dilation * (window - 1) + 1 and p zeros on both sides together, an axis of n
    pixels has floor((n + p - e) / stride) + 1 windows. 'same' makes that ceil(n / stride); of its
    zeros the odd one lies at the bottom or right. 'full' has e - 1 zeros on both sides, so that
    every window that touches the image counts.

    Parameters
    ----------
    owner
        What errors begin with, such as "Conv2D 'conv2d_1'".
    input_size, window_size, strides, dilation
        (height, width) each.
    padding
        In the normal form of `padding`.
    window
        What errors call the window.

    Raises
    ------
    ValueError
        If not even one window fits, or too many do.
    """
    if window_size[0] * window_size[1] >= _LIMIT:
        raise ValueError(
            f"{owner}: a {window_size[0]}x{window_size[1]} {window} has too many pixels; it may "
            f"have fewer than {_LIMIT}"
        )
    begin, count = [], []
    for axis in (0, 1):
        size, stride = input_size[axis], strides[axis]
        extent = dilation[axis] * (window_size[axis] - 1) + 1
        if padding == "same":
            windows = -(-size // stride)
            before = max((windows - 1) * stride + extent - size, 0) // 2
        else:
            zeros = {"valid": 0, "full": extent - 1}
            before, after = (zeros[padding],) * 2 if isinstance(padding, str) else padding[axis]
            windows = (size + before + after - extent) // stride + 1
        if windows < 1:
            dilated = "" if dilation == (1, 1) else f" with dilation {dilation}"
            raise ValueError(
                f"{owner}: a {window_size[0]}x{window_size[1]} {window}{dilated} with "
                f"padding={padding!r} does not fit the {input_size[0]}x{input_size[1]} input; "
                f"use padding='same', a smaller {window} or a larger image"
            )
        if max(before, windows) >= _LIMIT:
            raise ValueError(
                f"{owner}: padding={padding!r} makes {windows} windows of an axis with {size} "
                f"pixels; there must be less than {_LIMIT}"
            )
        begin.append(before)
        count.append(windows)
    if count[0] * count[1] >= _MOST_PIXELS:
        raise ValueError(
            f"{owner}: the {count[0]}x{count[1]} output of a {input_size[0]}x{input_size[1]} input "
            f"with padding={padding!r} is too big for any memory"
        )
    return Placement((begin[0], begin[1]), (count[0], count[1]))
