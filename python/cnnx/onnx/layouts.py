"""
How the axes of a file's arrays lie in the values of a network.

The axes of a file come in any order and are merged and split on the way; a network has the samples
first and, of images, the channels last. So each axis is a list of *atoms*, the factors that it is
made of, and so is each axis of the value that holds it. Transposing and most reshaping then only
writes down other lists. Arrays are rearranged where an operator needs them in another order.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from cnnx import layers
from cnnx.arrays import Array, Shape
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


# Rearranging.


def arranged(tensor: Tensor, groups: Sequence[Group], apply: Apply) -> Tensor:
    """
    Return a tensor whose value has certain axes, after copying it if need be.

    Parameters
    ----------
    tensor
        What there is.
    groups
        The atoms of each axis of the value, but the first, which stays.
    apply
        Adds layers to the network.
    """
    wanted = (tensor.samples, *groups)
    if wanted == tensor.held:
        return tensor
    have = [atom for group in tensor.held[1:] for atom in group]
    order = [atom for group in groups for atom in group]
    assert set(have) == set(order), "an arrangement keeps all atoms"
    value = tensor.value
    before = tensor.held[1:]
    if have != order and len(groups) == len(before) and all(g and g in before for g in groups):
        dims = [before.index(group) + 1 for group in groups]
        return Tensor(apply(layers.Permute, tensor.value, dims=dims), wanted, tensor.axes)
    if have != order:
        blocks = list(_blocks(have, order))
        value = _reshaped(value, [count(block) for block in blocks], apply)
        places = sorted(range(len(blocks)), key=lambda place: order.index(blocks[place][0]))
        value = apply(layers.Permute, value, dims=[place + 1 for place in places])
    value = _reshaped(value, [count(group) for group in groups], apply)
    return Tensor(value, wanted, tensor.axes)


def _blocks(have: list[Atom], order: list[Atom]) -> Iterator[Group]:
    """Yield the longest runs of atoms that stay side by side."""
    places = {atom: place for place, atom in enumerate(order)}
    run = [have[0]]
    for atom in have[1:]:
        if places[atom] == places[run[-1]] + 1:
            run.append(atom)
        else:
            yield tuple(run)
            run = [atom]
    yield tuple(run)


def _reshaped(value: Value, extents: list[int], apply: Apply) -> Value:
    if list(value.shape[1:]) == extents:
        return value
    return apply(layers.Reshape, value, target_shape=extents or [1])


def plain(tensor: Tensor, apply: Apply) -> Tensor:
    """Return a tensor whose value has the axes of the file, in their order."""
    rest = tensor.axes
    if tensor.samples[0] in {atom for axis in rest for atom in axis}:
        if rest[0] != tensor.samples:
            raise UnsupportedError(f"the samples of an array {tensor} are not its first axis")
        rest = rest[1:]
    return arranged(tensor, rest or ((),), apply)


def place_of(tensor: Tensor, number: int) -> int:
    """
    Return the axis of the value that holds an axis of the file by itself.

    `alone` makes one where there is none.
    """
    return tensor.held.index(tensor.axes[number])


def alone(tensor: Tensor, number: int, apply: Apply) -> Tensor:
    """Return a tensor whose value holds an axis of the file in one axis, by itself and in order."""
    wanted = tensor.axes[number]
    if tensor.samples[0] in wanted:
        raise UnsupportedError(f"axis {number} of an array {tensor} is that of the samples")
    if wanted and wanted in tensor.held:
        return tensor
    groups: list[Group] = []
    done = False
    for group in tensor.held[1:]:
        for within, atoms in itertools.groupby(group, lambda atom: atom in wanted):
            if not within:
                groups.append(tuple(atoms))
            elif not done:
                groups.append(wanted)
                done = True
    if not wanted:
        groups.append(())
    return arranged(tensor, groups, apply)


# Reshaping.


def reshaped(tensor: Tensor, sizes: Sequence[Size], apply: Apply) -> Tensor:
    """Return a tensor as an array of another shape, whose elements keep their order."""
    groups = _regrouped(tensor, sizes)
    if groups is not None:
        return groups
    tensor = plain(tensor, apply)
    first = tensor.axes[0] if tensor.axes else ()
    extents = [numbers[0] for numbers in sizes]
    if first == tensor.samples:
        if not sizes or sizes[0] != size(first):
            raise UnsupportedError(f"reshaping an array {tensor} mixes the samples with other axes")
        extents = extents[1:]
    value = _reshaped(tensor.value, extents, apply)
    axes = tuple(axis(extent) for extent in value.shape[1:])
    front = (tensor.samples,) if first == tensor.samples else ()
    return Tensor(value, (tensor.samples, *axes), (*front, *axes[: len(extents)]))


def _regrouped(tensor: Tensor, sizes: Sequence[Size]) -> Tensor | None:
    """Return a tensor with its atoms in other groups, or None if they do not fit."""
    left = [atom for group in tensor.axes for atom in group]
    groups: list[Group] = []
    for wanted in sizes:
        group: list[Atom] = []
        while size(group) != wanted:
            if not left:
                return None
            missing = [whole / part for whole, part in zip(wanted, size(group), strict=True)]
            atom = left.pop(0)
            if all((n / m).is_integer() for n, m in zip(missing, size([atom]), strict=True)):
                group.append(atom)
                continue
            outer = missing[0]
            if atom.extent is None or outer != missing[-1] or atom.extent % outer:
                return None
            parts = (Atom(int(outer)), Atom(int(atom.extent / outer)))
            tensor = tensor.replaced(atom, parts)
            left.insert(0, parts[1])
            group.append(parts[0])
        groups.append(tuple(group))
    return None if left else tensor.seen(groups)


# Several arrays together.


def aligned(tensors: Sequence[Tensor], apply: Apply) -> list[Tensor]:
    """
    Return arrays that are broadcast against each other, with values whose axes fit in the same way.

    Their axes and atoms are those of the largest, but for extents of 1.
    """
    rank = max(tensor.rank for tensor in tensors)
    found = [tensor.seen((*[()] * (rank - tensor.rank), *tensor.axes)) for tensor in tensors]
    for number in range(rank):
        found = refined(found, number)
    lead = max(found, key=lambda tensor: count(_atoms(tensor.held[1:])))
    groups = [part for group in lead.held[1:] for part in _cut(group, found)]
    known = set(_atoms(groups))
    for tensor in found:
        for atom in _atoms(tensor.axes):
            if atom not in known and atom is not tensor.samples[0]:
                groups.append((atom,))
                known.add(atom)
    return [
        arranged(tensor, [group if set(group) <= own else () for group in groups], apply)
        for tensor in found
        for own in [set(_atoms(tensor.held))]
    ]


def side_by_side(tensors: Sequence[Tensor], place: int, apply: Apply) -> tuple[list[Tensor], int]:
    """Return arrays whose values agree but for one axis, and the number of that axis."""
    found = [alone(tensor, place, apply) for tensor in tensors]
    own = [tensor.axes[place] for tensor in found]
    others = [tensor.seen(_without(tensor.axes, place)) for tensor in found]
    if len({tuple(tensor.sizes) for tensor in others}) > 1:
        raise UnsupportedError(f"{' and '.join(map(str, tensors))} along axis {place}")
    for number in range(others[0].rank):
        others = refined(others, number)
    lead = max(range(len(own)), key=lambda n: count(own[n]))
    groups = list(others[lead].held[1:])
    index = len(groups) - 1 - groups[::-1].index(own[lead])
    result = []
    for tensor, group in zip(others, own, strict=True):
        wanted = [group if n == index else other for n, other in enumerate(groups)]
        tensor = arranged(tensor, wanted, apply)
        result.append(tensor.seen((*tensor.axes[:place], group, *tensor.axes[place:])))
    return result, index + 1


def _without(axes: tuple[Group, ...], place: int) -> tuple[Group, ...]:
    return (*axes[:place], *axes[place + 1 :])


def _atoms(groups: Iterable[Group]) -> list[Atom]:
    return [atom for group in groups for atom in group]


def refined(tensors: list[Tensor], number: int) -> list[Tensor]:
    """Give one axis of all tensors the same atoms, unless it is of extent 1."""
    whole = [place for place, tensor in enumerate(tensors) if tensor.axes[number]]
    for other in whole[1:]:
        first = whole[0]
        step = 0
        while True:
            one, two = tensors[first].axes[number], tensors[other].axes[number]
            if step >= len(one) or step >= len(two):
                break
            a, b = one[step], two[step]
            if a is b:
                step += 1
            elif a.extent is None or b.extent is None:
                raise UnsupportedError(f"{tensors[first]} and {tensors[other]} mix the samples")
            elif a.extent == b.extent:
                if a in _atoms(tensors[other].axes):  # there it is another axis
                    tensors[other] = tensors[other].replaced(a, (Atom(a.extent),))
                tensors[other] = tensors[other].replaced(b, (a,))
            elif a.extent > b.extent:
                tensors = _split_in_all(tensors, a, b.extent)
            else:
                tensors = _split_in_all(tensors, b, a.extent)
        if len(one) != len(two):
            raise UnsupportedError(f"{tensors[first]} and {tensors[other]} do not fit")
    return tensors


def _split_in_all(tensors: list[Tensor], atom: Atom, outer: int) -> list[Tensor]:
    assert atom.extent is not None
    if atom.extent % outer:
        raise UnsupportedError(
            f"arrays {' and '.join(map(str, tensors))} do not fit each other, or are made of parts "
            "that do not"
        )
    parts = (Atom(outer), Atom(atom.extent // outer))
    return [tensor.replaced(atom, parts) for tensor in tensors]


def _cut(group: Group, tensors: Sequence[Tensor]) -> list[Group]:
    """Cut a group so that each tensor holds all atoms of a part or none."""
    if not group:
        return [group]
    sets = [set(_atoms(tensor.held)) for tensor in tensors]
    parts = itertools.groupby(group, lambda atom: [atom in atoms for atoms in sets])
    return [tuple(part) for _, part in parts]


def constant_beside(tensor: Tensor, constant: Array) -> Array:
    """
    Return a constant so that it is broadcast against the samples of the value.

    Raises
    ------
    UnsupportedError
        If the constant has more axes, or is larger than the array along one.
    """
    if constant.size == 1:
        return constant.reshape([1] * (len(tensor.held) - 1))
    shape = (1,) * (tensor.rank - constant.ndim) + constant.shape
    array = constant.reshape(shape)
    fits = len(shape) == tensor.rank
    order: list[Atom] = []
    extents: list[int] = []
    if fits:
        for extent, group in zip(shape, tensor.axes, strict=True):
            atoms = [atom for atom in group if atom.extent is not None]
            order += atoms
            if extent == 1:
                extents += [1] * len(atoms)
            elif len(atoms) == len(group) and extent == count(group):
                extents += [atom.extent or 0 for atom in atoms]
            else:
                fits = False
    if not fits:
        raise UnsupportedError(f"a constant of shape {constant.shape} beside an array {tensor}")
    array = array.reshape(extents)
    places = [order.index(atom) for atom in _atoms(tensor.held[1:])]
    array = array.transpose(places)
    result: list[int] = []
    spread: list[int] = []
    for group in tensor.held[1:]:
        own = array.shape[len(spread) : len(spread) + len(group)]
        whole = max(own, default=1) > 1
        spread += [atom.extent or 0 for atom in group] if whole else [1] * len(group)
        result.append(count(group) if whole else 1)
    return np.ascontiguousarray(np.broadcast_to(array, spread).reshape(result))


def shape_of(tensor: Tensor) -> Shape:
    """Return the shape of the file's array, None for the samples."""
    return tuple(
        None if tensor.samples == group else count(group) if tensor.samples[0] not in group else -1
        for group in tensor.axes
    )
