"""Tensors and constants beside each other: values whose axes fit in the same way."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import numpy as np

from cnnx.arrays import Array
from cnnx.onnx.arrangement import alone, arranged
from cnnx.onnx.tensor import Apply, Atom, Group, Tensor, count
from cnnx.onnx.unsupported import UnsupportedError


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
