"""
What a file computes with constants and with shapes, worked out while it is read.

A known array is computed for two numbers of samples. What depends on the shape alone of a network's
input is known; where it depends on the number of samples too, the two differ.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from cnnx.arrays import Array
from cnnx.onnx.model_file import MAX_RANK, Node
from cnnx.onnx.tensor import PROBES
from cnnx.onnx.unsupported import UnsupportedError

MAX_ELEMENTS = 1 << 24
"""Of an array that is worked out, unless what it is made of has as many."""

Known: TypeAlias = tuple[Array, ...]
"""An array for each number of samples in `PROBES`."""
Fold: TypeAlias = Callable[..., Any]


def known(array: Array) -> Known:
    """Return an array that does not depend on the number of samples."""
    return (array,) * len(PROBES)


def fixed(value: Known, what: str) -> Array:
    """Return an array that must not depend on the number of samples."""
    if any(not _same(value[0], other) for other in value[1:]):
        raise UnsupportedError(f"{what} depends on the number of samples")
    return value[0]


def _same(one: Array, other: Array) -> bool:
    return one is other or (one.shape == other.shape and bool((one == other).all()))


def folds(node: Node) -> bool:
    """Return whether an operator can be worked out if all that it reads is known."""
    return node.operator in _FOLDS


def fold(node: Node, opset: int, inputs: Sequence[Known | None]) -> list[Known]:
    """
    Return the output of a node for known arrays.

    Raises
    ------
    UnsupportedError
        If they do not fit it, or it would make too much of them.
    """
    results: list[list[Array]] = []
    for probe in range(len(PROBES)):
        arrays = [None if value is None else value[probe] for value in inputs]
        if probe and all(value is None or value[0] is value[probe] for value in inputs):
            results.append(results[0])
            continue
        try:
            with np.errstate(all="ignore"):
                made = _FOLDS[node.operator](_Attributes(node, opset), *arrays)
        except UnsupportedError:
            raise
        except Exception as error:  # whatever NumPy says of a stranger's arrays
            raise UnsupportedError(f"what it reads does not fit it: {str(error)[:200]}") from None
        listed = made if isinstance(made, list) else [made]
        results.append([np.asarray(array) for array in listed])
    return [tuple(arrays) for arrays in zip(*results, strict=True)]


class _Attributes:
    """The attributes of a node, for a folding function."""

    def __init__(self, node: Node, opset: int) -> None:
        self.node = node
        self.opset = opset

    def get(self, name: str, default: Any = None) -> Any:
        return self.node.attributes.get(name, default)


def check_size(shape: Sequence[Any], *sources: Array) -> tuple[int, ...]:
    """Return the shape of an array that may be made."""
    extents = tuple(int(extent) for extent in shape)
    most = max([MAX_ELEMENTS, *(source.size for source in sources)])
    if len(extents) > MAX_RANK or min(extents, default=0) < 0 or math.prod(extents) > most:
        raise UnsupportedError(f"it makes a constant of shape {extents[:MAX_RANK]}")
    return extents


def _numbers(array: Array) -> list[int]:
    if array.size > MAX_RANK:
        raise UnsupportedError(f"{array.size} axes")
    return [int(number) for number in array.ravel()]


def _constant(at: _Attributes) -> Any:
    for name, dtype in (
        ("value_float", np.float32),
        ("value_floats", np.float32),
        ("value_int", np.int64),
        ("value_ints", np.int64),
    ):
        if at.get(name) is not None:
            return np.array(at.get(name), dtype)
    if not isinstance(at.get("value"), np.ndarray):
        raise UnsupportedError("a constant that is no array of numbers")
    return at.get("value")


def _axes(at: _Attributes, axes: Array | None) -> list[int] | None:
    if axes is not None:
        return _numbers(axes)
    found: list[int] | None = at.get("axes")
    return found


def _squeeze(at: _Attributes, x: Array, axes: Array | None = None) -> Any:
    listed = _axes(at, axes)
    return np.squeeze(x, None if listed is None else tuple(listed))


def _unsqueeze(at: _Attributes, x: Array, axes: Array | None = None) -> Any:
    return np.expand_dims(x, tuple(_axes(at, axes) or []))


def _reshape(at: _Attributes, x: Array, shape: Array) -> Any:
    wanted = _numbers(shape)
    if not at.get("allowzero", 0):
        wanted = [
            x.shape[place] if extent == 0 and place < x.ndim else extent
            for place, extent in enumerate(wanted)
        ]
    return x.reshape(wanted)


def _slice(at: _Attributes, x: Array, *given: Array | None) -> Any:
    lists: list[Any] = [None if array is None else _numbers(array) for array in given]
    if not lists:
        lists = [at.get("starts"), at.get("ends"), at.get("axes")]
    starts, ends, axes, steps = [*lists, None, None][:4]
    cuts = [slice(None)] * x.ndim
    for place, (start, end) in enumerate(zip(starts, ends, strict=True)):
        axis = axes[place] if axes else place
        step = steps[place] if steps else 1
        if step < 0 and end < -x.shape[axis]:
            cuts[axis] = slice(start, None, step)
        else:
            cuts[axis] = slice(start, end, step)
    return x[tuple(cuts)]


def _split(at: _Attributes, x: Array, sizes: Array | None = None) -> Any:
    axis = at.get("axis", 0)
    lengths = at.get("split") if sizes is None else _numbers(sizes)
    if lengths is None:
        parts = at.get("num_outputs") or len(at.node.outputs)
        length = -(-x.shape[axis] // parts)
        lengths = [min(length, x.shape[axis] - length * place) for place in range(parts)]
    return np.split(x, np.cumsum(lengths)[:-1], axis)


def _expand(at: _Attributes, x: Array, shape: Array) -> Any:
    return np.broadcast_to(x, check_size(np.broadcast_shapes(x.shape, tuple(_numbers(shape)))))


def _tile(at: _Attributes, x: Array, repeats: Array) -> Any:
    check_size([n * m for n, m in zip(x.shape, _numbers(repeats), strict=True)])
    return np.tile(x, _numbers(repeats))


def _filled(at: _Attributes, shape: Array) -> Any:
    value = at.get("value", np.zeros(1, np.float32))
    return np.full(check_size(_numbers(shape)), value.ravel()[0])


def _range(at: _Attributes, start: Array, limit: Array, delta: Array) -> Any:
    check_size([max(math.ceil((limit.item() - start.item()) / delta.item()), 0)])
    return np.arange(start.item(), limit.item(), delta.item()).astype(start.dtype)


def _divide(at: _Attributes, x: Array, y: Array) -> Any:
    if x.dtype.kind != "f":
        return (np.abs(x) // np.abs(y) * np.sign(x) * np.sign(y)).astype(x.dtype)
    return x / y


def _dequantize(at: _Attributes, x: Array, scale: Array, zero: Array | None = None) -> Any:
    if at.get("block_size", 0):
        raise UnsupportedError("attribute block_size")
    shape = [1] * x.ndim
    if scale.size > 1:
        shape[at.get("axis", 1)] = scale.size
    shift = 0 if zero is None else zero.astype(np.float32).reshape(shape if zero.size > 1 else ())
    return (x.astype(np.float32) - shift) * scale.reshape(shape if scale.size > 1 else ())


def _cast(at: _Attributes, x: Array) -> Any:
    onnx_types = {1: "f4", 2: "u1", 3: "i1", 5: "i2", 6: "i4", 7: "i8", 9: "?", 10: "f2", 11: "f8"}
    if at.get("to") not in onnx_types:
        raise UnsupportedError(f"attribute to={at.get('to')!r}")
    return x.astype(onnx_types[at.get("to")])


def _reduction(function: Callable[..., Any]) -> Fold:
    def reduce(at: _Attributes, x: Array, axes: Array | None = None) -> Any:
        listed = _axes(at, axes)
        if not listed and at.get("noop_with_empty_axes", 0):
            return x
        chosen = tuple(listed) if listed else None
        return np.asarray(function(x, axis=chosen, keepdims=bool(at.get("keepdims", 1)))).astype(
            x.dtype
        )

    return reduce


def _plain(function: Callable[..., Any]) -> Fold:
    """Return the folding of an operator without attributes."""

    def apply(at: _Attributes, *arrays: Array) -> Any:
        shapes = [array.shape for array in arrays]
        check_size(np.broadcast_shapes(*shapes), *arrays)
        return function(*arrays)

    return apply


def _typed(function: Callable[..., Any]) -> Fold:
    """Return the folding of an operator whose output has the type of its input."""
    return _plain(lambda *arrays: np.asarray(function(*arrays)).astype(arrays[0].dtype))


_FOLDS: dict[str, Fold] = {
    "Constant": _constant,
    "Identity": lambda at, x: x,
    "Dropout": lambda at, x, *_: [x, np.ones(x.shape, np.bool_)][: len(at.node.outputs)],
    "Cast": _cast,
    "CastLike": lambda at, x, like: x.astype(like.dtype),
    "Size": lambda at, x: np.array(x.size, np.int64),
    "Gather": lambda at, x, index: np.take(
        x, check_indices(index, x, at.get("axis", 0)), at.get("axis", 0)
    ),
    "Concat": lambda at, *xs: np.concatenate(xs, at.get("axis", 0)),
    "Slice": _slice,
    "Split": _split,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Reshape": _reshape,
    "Flatten": lambda at, x: x.reshape(math.prod(x.shape[: at.get("axis", 1)]), -1),
    "Transpose": lambda at, x: np.transpose(x, at.get("perm")),
    "Expand": _expand,
    "Tile": _tile,
    "ConstantOfShape": _filled,
    "Range": _range,
    "Where": _plain(np.where),
    "Add": _plain(np.add),
    "Sub": _plain(np.subtract),
    "Mul": _plain(np.multiply),
    "Div": lambda at, x, y: _divide(at, *np.broadcast_arrays(x, y)),
    "Mod": lambda at, x, y: np.fmod(x, y) if at.get("fmod", 0) else np.mod(x, y),
    "Pow": _typed(np.power),
    "Max": _plain(lambda *xs: np.max(np.broadcast_arrays(*xs), axis=0)),
    "Min": _plain(lambda *xs: np.min(np.broadcast_arrays(*xs), axis=0)),
    "Sum": _plain(lambda *xs: np.sum(np.broadcast_arrays(*xs), axis=0)),
    "Equal": _plain(np.equal),
    "Less": _plain(np.less),
    "LessOrEqual": _plain(np.less_equal),
    "Greater": _plain(np.greater),
    "GreaterOrEqual": _plain(np.greater_equal),
    "And": _plain(np.logical_and),
    "Or": _plain(np.logical_or),
    "Not": _plain(np.logical_not),
    "Neg": _typed(np.negative),
    "Abs": _typed(np.abs),
    "Sqrt": _typed(np.sqrt),
    "Exp": _typed(np.exp),
    "Log": _typed(np.log),
    "Floor": _typed(np.floor),
    "Ceil": _typed(np.ceil),
    "Round": _typed(np.round),
    "Reciprocal": _typed(np.reciprocal),
    "ReduceProd": _reduction(np.prod),
    "ReduceSum": _reduction(np.sum),
    "ReduceMax": _reduction(np.max),
    "ReduceMin": _reduction(np.min),
    "ReduceMean": _reduction(np.mean),
    "DequantizeLinear": _dequantize,
}


def check_indices(index: Array, x: Array, axis: int) -> Array:
    """Return the indices of a gathering if they make no more than may be made."""
    check_size([index.size, x.size // max(x.shape[axis], 1)], x)
    return index
