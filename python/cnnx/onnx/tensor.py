"""
How the axes of a file's arrays lie in the values of a network.

The axes of a file come in any order and are merged and split on the way; a network has the samples
first and, of images, the channels last. So each axis is a list of *atoms*, the factors that it is
made of, and so is each axis of the value that holds it. Transposing and most reshaping then only
writes down other lists. Arrays are rearranged where an operator needs them in another order.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeAlias

from cnnx.layers.value import Value
from cnnx.onnx.unsupported import UnsupportedError

PROBES = (10_007, 20_011)
"""Two numbers of samples. What is computed with shapes is computed for both."""

Size: TypeAlias = tuple[int, ...]
"""An extent for each number of samples in `PROBES`."""


class Atom:
    """
    An axis, or a factor of one.

    Attributes
    ----------
    extent
        None for the samples.
    """

    __slots__ = ("extent",)

    def __init__(self, extent: int | None) -> None:
        self.extent = extent


Group: TypeAlias = tuple[Atom, ...]
Apply: TypeAlias = Callable[..., Value]
"""Uses a new layer of a class on values, with settings."""


def count(group: Iterable[Atom]) -> int:
    """Return the number of elements along atoms, none of which is the samples'."""
    return math.prod(atom.extent or 0 for atom in group)


def size(group: Iterable[Atom]) -> Size:
    """Return the extent of an axis for each number of samples."""
    extents = [atom.extent for atom in group]
    return tuple(math.prod(probe if n is None else n for n in extents) for probe in PROBES)


class Tensor(NamedTuple):
    """
    An array of the file, and the value of the network that holds it.

    Attributes
    ----------
    value
        Of the network.
    held
        For each axis of the value, the atoms that it is made of; those of the samples first. There
        are no atoms of extent 1.
    axes
        The same for each axis of the file's array.
    """

    value: Value
    held: tuple[Group, ...]
    axes: tuple[Group, ...]

    @property
    def rank(self) -> int:
        """Number of axes in the file."""
        return len(self.axes)

    @property
    def sizes(self) -> list[Size]:
        """Extents in the file."""
        return [size(axis) for axis in self.axes]

    @property
    def samples(self) -> Group:
        """The first axis of the value."""
        return self.held[0]

    def own_axis(self, place: int) -> Group:
        """Return the atoms of an axis of the file that is not that of the samples."""
        group = self.axes[place]
        if self.samples[0] in group:
            raise UnsupportedError(f"axis {place} of an array {self} is that of the samples")
        return group

    def seen(self, axes: Iterable[Group]) -> Tensor:
        """Return the same value as an array with other axes, made of the same atoms."""
        return self._replace(axes=tuple(axes))

    def replaced(self, atom: Atom, parts: Group) -> Tensor:
        """Return the tensor with an atom split, or renamed."""

        def new(group: Group) -> Group:
            return tuple(part for old in group for part in (parts if old is atom else (old,)))

        return Tensor(self.value, tuple(map(new, self.held)), tuple(map(new, self.axes)))

    def __str__(self) -> str:
        return "x".join("n" if len(set(n)) > 1 else str(n[0]) for n in self.sizes) or "a number"


def held(value: Value, samples: Atom, order: Sequence[int] | None = None) -> Tensor:
    """
    Return a tensor for a value whose axes are those of the file.

    Parameters
    ----------
    value
        Of the network.
    samples
        The atom of its first axis.
    order
        The file's axis that each axis of the value holds; by default the same.
    """
    groups = [(samples,), *(axis(extent) for extent in value.shape[1:])]
    axes = list(groups)
    for place, number in enumerate(order or range(len(groups))):
        axes[number] = groups[place]
    return Tensor(value, tuple(groups), tuple(axes))


def axis(extent: int) -> Group:
    """Return the atoms of a new axis."""
    return () if extent == 1 else (Atom(extent),)
