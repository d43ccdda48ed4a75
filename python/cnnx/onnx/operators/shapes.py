"""Other shapes and other orders for the same elements."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from cnnx import layers
from cnnx.onnx.arrangement import reshaped
from cnnx.onnx.tensor import PROBES, Atom, Group, Size, Tensor, count, size
from cnnx.onnx.unsupported import UnsupportedError
from cnnx.onnx.use import Use


def same(at: Use) -> Tensor:
    """Identity, and what changes nothing in use."""
    return at.tensor()


def dropout(at: Use) -> Tensor:
    """Dropout: in use it changes nothing."""
    if len([name for name in at.node.outputs if name]) > 1:
        raise UnsupportedError("its second output, the mask")
    rate = at.number(1, "ratio", 0.5)
    if not 0 < rate < 1:
        return at.tensor()
    return at.elementwise(layers.Dropout, at.tensor(), rate=rate)


def cast(at: Use) -> Tensor:
    """Cast between floating types, all of which are float32 here; a bool is 0 or 1."""
    if at.attribute("to", 0) == _BOOL:
        zero = at.elementwise(layers.Elementary, at.tensor(), function="is_zero")
        return at.elementwise(layers.Elementary, zero, function="is_zero")
    if at.attribute("to", 0) not in (1, 10, 11, 16):
        raise UnsupportedError(f"attribute to={at.attribute('to')}: numbers stay float32")
    return at.tensor()


def flatten(at: Use) -> Tensor:
    """Flatten: two axes, of which the first has what lies before `axis`."""
    tensor = at.tensor()
    place = at.attribute("axis", 1)
    place = place + tensor.rank if place < 0 else place
    return tensor.seen([joined(tensor.axes[:place]), joined(tensor.axes[place:])])


def joined(axes: Iterable[Group]) -> Group:
    """Return the atoms of several axes one after the other, as one axis."""
    return tuple(atom for group in axes for atom in group)


def reshape(at: Use) -> Tensor:
    """Reshape to a shape that is known, but for the number of samples."""
    tensor = at.tensor()
    shapes = at.known(1) if at.has(1) else None
    if shapes is None:
        listed = at.integers(1, "shape") or []
        rows = [listed] * len(PROBES)
    else:
        rows = [[int(number) for number in shape.ravel()[:32]] for shape in shapes]
    sizes = tensor.sizes
    whole = size(joined(tensor.axes))
    found: list[list[int]] = []
    for probe, row in enumerate(rows):
        extents = list(row)
        for place, extent in enumerate(extents):
            if extent == 0 and not at.attribute("allowzero", 0):
                if place >= len(sizes):
                    raise UnsupportedError(f"a shape {row} for an array {tensor}")
                extents[place] = sizes[place][probe]
        rest = math.prod(extent for extent in extents if extent != -1)
        if extents.count(-1) > 1 or rest < 1 or whole[probe] % rest:
            raise UnsupportedError(f"a shape {row} for an array {tensor}")
        found.append([whole[probe] // rest if extent == -1 else extent for extent in extents])
    if len({len(extents) for extents in found}) > 1:
        raise UnsupportedError("the shape depends on the number of samples")
    wanted: list[Size] = list(zip(*found, strict=True))
    batch = at.builder.batch
    if batch and size(tensor.samples) == (tensor.sizes or [()])[0]:
        wanted = _with_samples(wanted, tensor, rows[0], batch)
    for probe in range(len(PROBES)):
        if math.prod(sizes[probe] for sizes in wanted) != whole[probe]:
            raise UnsupportedError(f"a shape {rows[0]} for an array {tensor}")
    return reshaped(tensor, wanted, at.rearrange)


def _with_samples(wanted: list[Size], tensor: Tensor, row: list[int], batch: int) -> list[Size]:
    """
    Return a shape with the samples in front where the file has their number.

    Files that were written for one number of samples have it in the shapes.
    """
    if not wanted or row[0] != batch:
        return wanted
    rest = count(joined(tensor.axes[1:]))
    fixed = [extents if row[place] != -1 else None for place, extents in enumerate(wanted)][1:]
    known = math.prod(extents[0] for extents in fixed if extents is not None)
    if None in fixed and rest % known == 0:
        fixed = [(rest // known,) * len(PROBES) if n is None else n for n in fixed]
    return [PROBES, *(extents for extents in fixed if extents is not None)]


def squeeze(at: Use) -> Tensor:
    """Squeeze: leave axes of extent 1 out."""
    tensor = at.tensor()
    listed = at.integers(1, "axes")
    if listed is None:
        places = [place for place, group in enumerate(tensor.axes) if not group]
    else:
        places = [at.place(number, tensor.rank) for number in listed]
    if any(tensor.axes[place] for place in places):
        raise UnsupportedError(f"axes {listed} of an array {tensor} are not all of extent 1")
    return tensor.seen(group for place, group in enumerate(tensor.axes) if place not in places)


def unsqueeze(at: Use) -> Tensor:
    """Unsqueeze: put axes of extent 1 in."""
    tensor = at.tensor()
    listed = at.integers(1, "axes") or []
    rank = tensor.rank + len(listed)
    places = [at.place(number, rank) for number in listed]
    if len(set(places)) < len(places):
        raise UnsupportedError(f"axes {listed} name one twice")
    groups = iter(tensor.axes)
    return tensor.seen([() if place in places else next(groups) for place in range(rank)])


def transpose(at: Use) -> Tensor:
    """Transpose: the axes in another order."""
    tensor = at.tensor()
    order = at.attribute("perm") or list(range(tensor.rank))[::-1]
    if sorted(order) != list(range(tensor.rank)):
        raise UnsupportedError(f"attribute perm={order} of an array {tensor}")
    return tensor.seen(tensor.axes[place] for place in order)


def split_axis(tensor: Tensor, place: int, *extents: int) -> tuple[Tensor, list[Group]]:
    """Return a tensor whose axis consists of several, and these."""
    whole = tensor.own_axis(place)
    found: list[Group] = []
    left = list(whole)
    for extent in extents:
        group: list[Atom] = []
        while (missing := extent // count(group)) > 1:
            atom = left.pop(0)
            inner = atom.extent or 1
            if inner > missing:
                if inner % missing:
                    raise UnsupportedError(f"axis {place} of an array {tensor} in {extents}")
                parts = (Atom(missing), Atom(inner // missing))
                tensor = tensor.replaced(atom, parts)
                left.insert(0, parts[1])
                atom = parts[0]
            group.append(atom)
        found.append(tuple(group))
    return tensor, found


def depth_to_space(at: Use) -> Tensor:
    """DepthToSpace: channels become pixels."""
    tensor, block = _blocks(at)
    mode = at.attribute("mode", "DCR")
    channels = count(tensor.axes[1])
    if channels % (block * block) or mode not in ("DCR", "CRD"):
        raise UnsupportedError(f"blocks of {block}, mode {mode!r} of an array {tensor}")
    rest = channels // (block * block)
    if mode == "DCR":
        tensor, (rows, columns, depth) = split_axis(tensor, 1, block, block, rest)
    else:
        tensor, (depth, rows, columns) = split_axis(tensor, 1, rest, block, block)
    n, _, height, width = tensor.axes
    return tensor.seen([n, depth, height + rows, width + columns])


def space_to_depth(at: Use) -> Tensor:
    """SpaceToDepth: pixels become channels."""
    tensor, block = _blocks(at)
    sizes = [count(group) for group in tensor.axes[2:]]
    if any(extent % block for extent in sizes):
        raise UnsupportedError(f"blocks of {block} of an array {tensor}")
    tensor, (height, rows) = split_axis(tensor, 2, sizes[0] // block, block)
    tensor, (width, columns) = split_axis(tensor, 3, sizes[1] // block, block)
    n, depth = tensor.axes[:2]
    if at.attribute("mode", "DCR") == "CRD":
        return tensor.seen([n, depth + rows + columns, height, width])
    return tensor.seen([n, rows + columns + depth, height, width])


def _blocks(at: Use) -> tuple[Tensor, int]:
    tensor, block = at.tensor(), at.attribute("blocksize", 0)
    if tensor.rank != 4 or block < 1:
        raise UnsupportedError(f"blocks of {block} of an array {tensor}")
    return tensor, block


_BOOL = 9

OPERATORS: dict[str, Any] = {
    "Cast": cast,
    "CastLike": same,
    "DepthToSpace": depth_to_space,
    "Dropout": dropout,
    "Flatten": flatten,
    "Identity": same,
    "Reshape": reshape,
    "SpaceToDepth": space_to_depth,
    "Squeeze": squeeze,
    "Transpose": transpose,
    "Unsqueeze": unsqueeze,
}
