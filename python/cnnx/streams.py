"""What gives batches one after the other."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_OF_ARRAYS = ("__array__", "__array_interface__", "__dlpack__", "shape")


def is_stream(x: Any) -> bool:
    """
    Return whether `x` gives batches one after the other rather than being an array of samples.

    That is a `cnnx.data.ImageStream`, a PyTorch DataLoader, a generator or any other class with
    `__iter__`; or a set of batches x[0], x[1], ... with `__len__` and `__getitem__`, such as Keras'
    PyDataset. Arrays of all kinds, lists and dicts are no streams.
    """
    if isinstance(x, (Sequence, Mapping, bytearray)):
        return False
    if any(hasattr(x, name) for name in _OF_ARRAYS):
        return False
    return hasattr(x, "__iter__") or (hasattr(x, "__len__") and hasattr(x, "__getitem__"))


def begun(stream: Any) -> Iterator[Any]:
    """Return an iterator over the batches of a stream."""
    if hasattr(stream, "__iter__"):
        return iter(stream)
    return (stream[index] for index in range(len(stream)))
