"""State on disk: dicts and lists of numbers, texts and arrays, without any class.

An array is a tensor of the file, under the keys that lead to it ("weights/conv2d/kernel"); in the
JSON its name stands in its place. What JSON would change stands there as a dict of one entry that
says what it is: a tuple, a NumPy number, a dict whose keys are no texts.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from cnnx.arrays import Array
from cnnx.tensor_file import FORMAT, Tensors, reading_tensors, write_tensors

__all__ = ["restoring", "save_snapshot", "state_of"]

STATE = "state"
TENSOR = "tensor"
_NUMBER, _TUPLE, _ITEMS = "number", "tuple", "items"
_MARKS = [{TENSOR}, {_NUMBER}, {_TUPLE}, {_ITEMS}]


def save_snapshot(
    path: str | os.PathLike[str], state: dict[str, Any], trusted: bool = False
) -> None:
    """Write `state` to a file as `write_tensors` does."""
    tensors: dict[str, Array] = {}
    description = {"format": FORMAT, STATE: _take_out(state, "", tensors)}
    write_tensors(path, tensors, description, trusted)


@contextmanager
def restoring(
    path: str | os.PathLike[str], remedy: str, trusted: bool = False
) -> Iterator[dict[str, Any]]:
    """
    Yield what `save_snapshot` wrote.

    Parameters
    ----------
    path
        The file.
    remedy
        What to do, says the ValueError, if the block raises an error or the file holds no state.
    trusted
        As it was written.
    """
    with reading_tensors(path, "cannot be restored", remedy, trusted) as (description, tensors):
        yield state_of(description, tensors)


def state_of(description: dict[str, Any], tensors: Tensors) -> dict[str, Any]:
    """Return what `save_snapshot` wrote, of an open file."""
    if STATE not in description:
        raise ValueError("it holds a model; load_model reads it")
    state: dict[str, Any] = _put_back(description[STATE], tensors)
    return state


def _take_out(value: Any, name: str, tensors: dict[str, Array]) -> Any:
    """Return `value` with arrays replaced by the names under which `tensors` receives them."""
    if isinstance(value, np.ndarray):
        tensors[name] = value
        return {TENSOR: name}
    if isinstance(value, np.generic):
        return {_NUMBER: _take_out(np.asarray(value), name, tensors)}
    if isinstance(value, dict):
        if value.keys() not in _MARKS and all(isinstance(key, str) for key in value):
            return {k: _take_out(item, _within(name, k), tensors) for k, item in value.items()}
        return {_ITEMS: _take_out([list(item) for item in value.items()], name, tensors)}
    if isinstance(value, tuple):
        return {_TUPLE: _take_out(list(value), name, tensors)}
    if isinstance(value, list):
        return [_take_out(item, _within(name, i), tensors) for i, item in enumerate(value)]
    return value


def _within(name: str, key: Any) -> str:
    return f"{name}/{key}" if name else f"{key}"


def _put_back(value: Any, tensors: Tensors) -> Any:
    if isinstance(value, dict):
        if value.keys() == {TENSOR}:
            return tensors.take_any(value[TENSOR])
        if value.keys() == {_NUMBER}:
            return _put_back(value[_NUMBER], tensors)[()]
        if value.keys() == {_TUPLE}:
            return tuple(_put_back(value[_TUPLE], tensors))
        if value.keys() == {_ITEMS}:
            return dict(_put_back(value[_ITEMS], tensors))
        return {key: _put_back(item, tensors) for key, item in value.items()}
    if isinstance(value, list):
        return [_put_back(item, tensors) for item in value]
    return value
