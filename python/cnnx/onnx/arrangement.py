"""The axes of a tensor's value in another order, or of another shape."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from cnnx import layers
from cnnx.layers.value import Value
from cnnx.onnx.tensor import Apply, Atom, Group, Size, Tensor, axis, count, size
from cnnx.onnx.unsupported import UnsupportedError


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


def alone(tensor: Tensor, number: int, apply: Apply) -> Tensor:
    """Return a tensor whose value holds an axis of the file in one axis, by itself and in order."""
    wanted = tensor.own_axis(number)
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
