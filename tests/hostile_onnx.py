"""ONNX files made to deceive their reader: good ones with strange numbers in all places."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnx

from onnx_peers import node, write

STRANGE = [-(2**63), -(2**31), -7, -2, -1, 0, 1, 2, 3, 7, 64, 2**20, 2**31, 2**40, 2**63 - 1]
STRANGE_FLOATS = [-1e38, -1.0, -0.0, 1e-40, 0.5, 1.0, 1e38, float("inf"), float("nan")]
TYPES = [1, 2, 3, 6, 7, 9, 10, 11, 16, 21, 99]


class Chance(Protocol):
    """Chooses a number below a limit."""

    def __call__(self, limit: int) -> int: ...


def good_files() -> list[bytes]:
    """Return small networks that hold all operators between them."""
    rng = np.random.default_rng(1)

    def numbers(*shape: int) -> Any:
        return rng.random(shape, np.float32)

    i8 = np.int64
    files: list[tuple[list[Any], dict[str, Any], list[int | str]]] = [
        (
            [
                node("Conv", ["x", "k", "b"], ["c"], pads=[1, 1, 1, 1], group=1, dilations=[1, 1]),
                node("BatchNormalization", ["c", "b", "b", "b", "b"], ["n"]),
                node("HardSigmoid", ["n"], ["h"], alpha=0.3),
                node("Mul", ["h", "n"], ["m"]),
                node("MaxPool", ["m"], ["p"], kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1),
                node("AveragePool", ["p"], ["a"], kernel_shape=[2, 2], auto_pad="SAME_UPPER"),
                node("Resize", ["a", "", "scales"], ["r"], mode="linear"),
                node("ConvTranspose", ["r", "kt"], ["t"], strides=[2, 2], output_padding=[1, 1]),
                node("Pad", ["t", "pads"], ["q"], mode="reflect"),
                node("DepthToSpace", ["q"], ["y"], blocksize=2),
            ],
            {
                "k": numbers(4, 2, 3, 3),
                "b": numbers(4) + 1,
                "kt": numbers(4, 4, 2, 2),
                "scales": np.float32([1, 1, 2, 1.5]),
                "pads": np.array([0, 0, 1, 0, 0, 0, 1, 0], i8),
            },
            ["n", 2, 8, 8],
        ),
        (
            [
                node("Shape", ["x"], ["s"]),
                node("Slice", ["s", "zero", "one"], ["s0"]),
                node("Concat", ["s0", "rest"], ["shape"], axis=0),
                node("Reshape", ["x", "shape"], ["r"]),
                node("Transpose", ["r"], ["t"], perm=[0, 2, 1]),
                node("MatMul", ["r", "t"], ["p"]),
                node("Softmax", ["p"], ["o"], axis=-1),
                node("MatMul", ["o", "r"], ["q"]),
                node("ReduceMean", ["q"], ["m"], axes=[-1], keepdims=1),
                node("Sub", ["q", "m"], ["d"]),
                node("Pow", ["d", "two"], ["e"]),
                node("Split", ["e", "parts"], ["e1", "e2"], axis=1),
                node("Gather", ["e1", "index"], ["g"], axis=2),
                node("Tile", ["g", "times"], ["u"]),
                node("Concat", ["u", "e2"], ["v"], axis=1),
                node("Flatten", ["v"], ["f"]),
                node("Gemm", ["f", "w", "bias"], ["z"], alpha=0.5, transB=0),
                node("Clip", ["z", "low", "high"], ["y"]),
            ],
            {
                "zero": np.array([0], i8),
                "one": np.array([1], i8),
                "rest": np.array([4, 8], i8),
                "two": np.float32(2),
                "parts": np.array([1, 3], i8),
                "index": np.array([1, 0, 7, 3, 1, 1, 5, 2], i8),
                "times": np.array([1, 1, 1], i8),
                "w": numbers(32, 5),
                "bias": numbers(5),
                "low": np.float32(0),
                "high": np.float32(6),
            },
            ["n", 2, 4, 4],
        ),
        (
            [
                node("QuantizeLinear", ["x", "scale", "point"], ["q"]),
                node("DequantizeLinear", ["q", "scale", "point"], ["d"]),
                node("LRN", ["d"], ["l"], size=3),
                node("InstanceNormalization", ["l", "g", "g"], ["i"]),
                node("Expand", ["i", "shape"], ["e"]),
                node("ReduceSum", ["e", "axes"], ["s"], keepdims=0),
                node("ArgMax", ["s"], ["a"], axis=1),
                node("Unsqueeze", ["s", "axes"], ["u"]),
                node("PRelu", ["u", "slope"], ["p"]),
                node("SpaceToDepth", ["e"], ["b"], blocksize=2),
                node("Flatten", ["p"], ["f"]),
                node("Flatten", ["b"], ["o"]),
                node("Concat", ["f", "o"], ["y"], axis=1),
            ],
            {
                "scale": np.float32(0.1),
                "point": np.uint8(128),
                "g": numbers(2),
                "shape": np.array([1, 2, 4, 4], i8),
                "axes": np.array([2], i8),
                "slope": numbers(2, 1, 1),
            },
            ["n", 2, 4, 4],
        ),
    ]
    contents = []
    with tempfile.TemporaryDirectory() as folder:
        for nodes, constants, shape in files:
            path = write(Path(folder) / "good", nodes, {"x": shape}, ["y"], constants)
            contents.append(path.read_bytes())
    return contents


def spoilt(content: bytes, chance: Chance) -> bytes:
    """Return a file with up to three strange things in it."""
    model = onnx.ModelProto.FromString(content)
    for _ in range(1 + chance(3)):
        _CHANGES[chance(len(_CHANGES))](model.graph, chance)
    return bytes(model.SerializeToString())


def _strange(chance: Chance) -> int:
    return STRANGE[chance(len(STRANGE))]


def _attribute(graph: Any, chance: Chance) -> None:
    """Change a number of an attribute, its length, its type, or a text."""
    attributes = [item for entry in graph.node for item in entry.attribute]
    if not attributes:
        return
    item = attributes[chance(len(attributes))]
    what = chance(5)
    if what == 0 and len(item.ints):
        item.ints[chance(len(item.ints))] = _strange(chance)
    elif what == 1 and len(item.ints):
        del item.ints[chance(len(item.ints)) :]
    elif what == 2:
        item.f = STRANGE_FLOATS[chance(len(STRANGE_FLOATS))]
        item.type = [1, 2, 3, 6, 7, 5][chance(6)]
    elif what == 3:
        item.s = [b"SAME_LOWER", b"cubic", b"\xff", b"x" * 1000][chance(4)]
    else:
        item.i = _strange(chance)


def _constant(graph: Any, chance: Chance) -> None:
    """Change what a constant holds, or what it is said to be."""
    tensor = graph.initializer[chance(len(graph.initializer))]
    what = chance(4)
    if what == 0 and len(tensor.dims):
        tensor.dims[chance(len(tensor.dims))] = _strange(chance)
    elif what == 1:
        tensor.data_type = TYPES[chance(len(TYPES))]
    elif what == 2 and tensor.raw_data:
        array = np.frombuffer(tensor.raw_data, np.uint8).copy()
        array[chance(len(array))] = chance(256)
        tensor.raw_data = array.tobytes()
    elif tensor.data_type == 7 and tensor.raw_data:
        numbers = np.frombuffer(tensor.raw_data, np.int64).copy()
        numbers[chance(len(numbers))] = _strange(chance)
        tensor.raw_data = numbers.tobytes()
    else:
        tensor.data_location = 1
        entry = tensor.external_data.add()
        entry.key, entry.value = "location", ["/etc/passwd", "../x", "good", "\0"][chance(4)]


def _wire(graph: Any, chance: Chance) -> None:
    """Let a node read or make something else."""
    entry = graph.node[chance(len(graph.node))]
    names = [name for other in graph.node for name in (*other.input, *other.output)]
    if len(entry.input):
        entry.input[chance(len(entry.input))] = [*names, "", "x"][chance(len(names) + 2)]


def _operator(graph: Any, chance: Chance) -> None:
    """Let a node be another operator."""
    kinds = [entry.op_type for entry in graph.node] + ["If", "Loop", "Constant", "Add", "Erf"]
    graph.node[chance(len(graph.node))].op_type = kinds[chance(len(kinds))]


def _shape(graph: Any, chance: Chance) -> None:
    """Give the input another shape."""
    dims = graph.input[0].type.tensor_type.shape.dim
    what = chance(3)
    if what == 0 and len(dims):
        dims[chance(len(dims))].dim_value = _strange(chance)
    elif what == 1 and len(dims):
        del dims[chance(len(dims))]
    else:
        dims.add().dim_value = 1 + chance(4)


def _order(graph: Any, chance: Chance) -> None:
    """Leave a node out, or put it elsewhere."""
    entry = graph.node.pop(chance(len(graph.node)))
    if chance(2) and len(graph.node):
        graph.node.insert(chance(len(graph.node)), entry)


_CHANGES: list[Callable[[Any, Chance], None]] = [
    *(_attribute, _attribute, _constant, _constant),
    *(_wire, _operator, _shape, _order),
]
