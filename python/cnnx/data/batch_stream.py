"""Streams of batches, and what is done with each batch on its way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from cnnx.layers.layer import Layer
from cnnx.layers.picture_layer import IMAGES, LABELS, PictureLayer
from cnnx.layers.random_layer import RandomLayer

__all__ = ["BatchStream", "MappedStream"]


class BatchStream:
    """What streams share that `fit`, `evaluate` and `predict` take in place of arrays.

    Iterating begins a pass. Subclasses implement `__iter__`, `__len__`, `samples`, `description`,
    `get_state` and `set_state`.
    """

    shared = True
    """Whether the ranks of a group each get their part of a batch."""

    @property
    def samples(self) -> int:
        """Number of samples of a pass, of all ranks."""
        raise NotImplementedError(f"{type(self).__name__} must implement samples")

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} must implement __len__")

    def __iter__(self) -> Iterator[Any]:
        raise NotImplementedError(f"{type(self).__name__} must implement __iter__")

    def description(self) -> str:
        """Return what all ranks of a group have in common."""
        raise NotImplementedError(f"{type(self).__name__} must implement description")

    def get_state(self) -> dict[str, Any]:
        """Return where the stream stands between two passes: JSON values."""
        raise NotImplementedError(f"{type(self).__name__} must implement get_state")

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from what `get_state` returned."""
        raise NotImplementedError(f"{type(self).__name__} must implement set_state")

    def map(self, change: Layer | Callable[..., Any]) -> MappedStream:
        """Return a stream of the same batches, each changed.

        Parameters
        ----------
        change : Layer or callable
            A layer is called as in training: an augmentation layer on images and labels, so that
            `MixUp` and `CutMix` mix both; any other layer on images alone. A function takes the
            parts of a batch, such as ``change(x, y)``, and returns those of the new one.

        Returns
        -------
        MappedStream
            Which can be mapped again.

        Raises
        ------
        TypeError
            `change` can't be called.
        """
        if not callable(change):
            raise TypeError(f"map: change must be a layer or a function, got {change!r}")
        return MappedStream(self, change)


class MappedStream(BatchStream):
    """The batches of another stream, each changed by a layer or a function: see `map`.

    Attributes of the other stream, such as `file_paths`, are this one's too.
    """

    def __init__(self, stream: BatchStream, change: Layer | Callable[..., Any]) -> None:
        self._stream = stream
        self._change = change

    @property
    def samples(self) -> int:
        """Number of samples of a pass, of all ranks."""
        return self._stream.samples

    def __len__(self) -> int:
        return len(self._stream)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # also while a copy is made
            raise AttributeError(name)
        return getattr(self._stream, name)

    def __iter__(self) -> Iterator[Any]:
        for batch in self._stream:
            yield self._changed(batch)

    def _changed(self, batch: Any) -> Any:
        parts = batch if isinstance(batch, tuple) else (batch,)
        if not isinstance(self._change, Layer):
            return self._change(*parts)
        if not isinstance(self._change, PictureLayer):
            changed = (self._change(parts[0], training=True), *parts[1:])
        elif len(parts) == 1:
            changed = (self._change(parts[0], training=True),)
        else:
            found = self._change({IMAGES: parts[0], LABELS: parts[1]}, training=True)
            changed = (found[IMAGES], found[LABELS], *parts[2:])
        return changed if isinstance(batch, tuple) else changed[0]

    def description(self) -> str:
        """Return what all ranks of a group have in common."""
        change = self._change
        name = type(change).__name__ if isinstance(change, Layer) else "a function"
        return f"{self._stream.description()}, changed by {name}"

    def get_state(self) -> dict[str, Any]:
        """Return where the stream and the layer stand."""
        layer = self._change
        state = layer.random_state if isinstance(layer, RandomLayer) else None
        return {"stream": self._stream.get_state(), "layer": state}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from what `get_state` returned."""
        self._stream.set_state(state["stream"])
        if isinstance(self._change, RandomLayer):
            self._change.random_state = state["layer"]
