"""Turning what users hand in into arrays the core accepts."""

import math
import os
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

Array: TypeAlias = NDArray[Any]
Float: TypeAlias = NDArray[np.float32]
Double: TypeAlias = NDArray[np.float64]
Label: TypeAlias = NDArray[np.int64]
Codes: TypeAlias = NDArray[np.uint8]
"""Which pixel of its 2x2 window a pooled value was: 0 1 above, 2 3 below; 4 where ReLU gave 0."""

Shape: TypeAlias = tuple[Any, ...]
"""Extents of an array, batch first; the batch is None where any size will do."""


FLOAT32 = np.dtype(np.float32)
INT64 = np.dtype(np.int64)

REAL = frozenset("biuf")
"""The kinds of NumPy's types that are real numbers: booleans, integers and floats."""


def is_contiguous(array: Array, dtype: np.dtype[Any]) -> bool:
    """Return whether the core can read `array` as elements of `dtype`."""
    flags = array.flags
    return array.dtype == dtype and flags.c_contiguous and flags.aligned


def contiguous(array: Array, dtype: np.dtype[Any]) -> Array:
    """Return `array` as contiguous, aligned elements of `dtype`, copied only if need be."""
    if is_contiguous(array, dtype):
        return array
    return np.require(array, dtype, ("C_CONTIGUOUS", "ALIGNED"))


def real_array(value: Any, name: str) -> Array:
    """
    Return `value` as an array of real numbers, without copying an array that is one already.

    Parameters
    ----------
    value
        An array or nested sequence of booleans, integers or floats of any size and byte order.
    name
        What to call it in errors, such as "conv2d: x".

    Raises
    ------
    TypeError
        For masked arrays, complex numbers, text, objects and ragged sequences.
    """
    if type(value) is np.ndarray and value.dtype.kind in REAL:
        return value
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"{name} is a masked array; fill the masked values first: x.filled(0)")
    try:
        array = _as_array(value, name)
    except ValueError as error:
        raise TypeError(
            f"{name} is ragged: its rows differ in length; give all one size ({error})"
        ) from error
    if array.dtype.kind not in REAL:
        found = f"dtype {array.dtype}" if array.ndim else type(value).__name__
        raise TypeError(f"{name} must hold real numbers, got {found}; {_remedy(value, array)}")
    return array


def is_tensor(value: Any) -> bool:
    """Return whether `value` is an array of PyTorch, whose images have their channels first."""
    return type(value).__module__.partition(".")[0] == "torch"


def _as_array(value: Any, name: str) -> Array:
    if is_tensor(value):
        try:
            return np.asarray(value.detach())
        except TypeError as error:  # another device, or numbers that NumPy does not know
            raise TypeError(f"{name}: {error}. Hand over x.detach().cpu().float()") from error
    if hasattr(value, "__dlpack__") and not hasattr(value, "__array__"):
        return np.from_dlpack(value)
    return np.asarray(value)


def _remedy(value: Any, array: Array) -> str:
    """Return how something that holds no real numbers can be made an array of them."""
    if isinstance(value, (str, bytes, os.PathLike)):
        return "cnnx.data.load_image reads one picture, cnnx.data.image_folder a folder of them"
    if hasattr(value, "node"):
        return "a value of a network has no numbers: cnnx.Model(inputs, outputs) computes them"
    if hasattr(value, "toarray"):
        return "x.toarray() makes a sparse matrix an array"
    if array.dtype.kind in "UST" or (array.size and isinstance(array.flat[0], str)):
        return "cnnx.data.LabelEncoder turns names of classes into labels"
    if array.dtype.kind == "c":
        return "take x.real, x.imag or abs(x)"
    if array.ndim == 0 and not isinstance(value, (np.ndarray, np.generic)):
        return "give an array, nested lists, or a stream of batches"
    return "convert it with np.asarray(x, dtype='float32')"


def as_float32(value: Any, name: str) -> Float:
    """Return `value` as a contiguous, aligned float32 array; raises as `real_array` does."""
    array = real_array(value, name)
    try:
        return contiguous(array, FLOAT32)
    except MemoryError:
        raise no_memory(array.shape, FLOAT32, name) from None


def empty(owner: str, shape: tuple[int, ...], dtype: DTypeLike = FLOAT32) -> Array:
    """Return an array of undefined content; without memory for it, the error names `owner`."""
    try:
        return np.empty(shape, dtype)
    except MemoryError:
        raise no_memory(shape, dtype, owner) from None


def no_memory(shape: tuple[int, ...], dtype: DTypeLike, owner: str | None = None) -> MemoryError:
    """Return the error for an array that fits into no memory."""
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize / 2**20
    return MemoryError(
        f"{f'{owner}: ' if owner else ''}no memory for an array of shape {shape} and type {dtype}, "
        f"{size:,.0f} MiB; smaller batches need less"
    )


def whole_numbers(value: Any, name: str) -> Label:
    """
    Return `value` as contiguous int64, if every element is a whole number.

    Raises
    ------
    TypeError
        As `real_array`.
    ValueError
        For a fraction, NaN, infinity or a number too large, naming the first.
    """
    array = real_array(value, name)
    if array.dtype.kind == "f" or array.dtype == np.uint64:
        wrong = (array != np.floor(array)) | ~(np.abs(array) < np.float64(2**63))
        if wrong.any():
            raise ValueError(f"{name} must hold whole numbers, got {array[wrong].flat[0]}")
    return contiguous(array, INT64)


def images(array: Array) -> Array:
    """Return sequences (batch, steps, channels) as images of height 1, and images as they are."""
    return array if array.ndim == 4 else array[:, None]


def one_hot(labels: Label, classes: int) -> Float:
    """Return rows of 0 with a 1 in the place of each label, of shape (..., classes)."""
    rows = np.zeros((*labels.shape, classes), np.float32)
    np.put_along_axis(rows, labels[..., None], 1, axis=-1)
    return rows
