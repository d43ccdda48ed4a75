"""What stands in an ONNX file: nodes, constants, inputs and outputs, each checked."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cnnx.arrays import Array
from cnnx.extras import import_extra
from cnnx.files import regular_file

MAX_NODES = 100_000
MAX_RANK = 16
MAX_GROWTH = 64 << 20
"""Bytes that constants may take beyond those of the file: some are stored in a short form."""
DOMAINS = ("", "ai.onnx")
OLDEST, NEWEST = 7, 28


@dataclass
class Node:
    """
    One use of an operator.

    Attributes
    ----------
    operator
        Its name, with the domain if that is not ONNX's own.
    name
        The node's, or that of its first output.
    inputs, outputs
        Names of arrays; an empty one is left out.
    attributes
        By name; arrays for tensors, None for what is not a number, a text, a list or an array.
    """

    operator: str
    name: str
    inputs: list[str]
    outputs: list[str]
    attributes: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.operator} '{self.name}'"


@dataclass
class Network:
    """
    The graph of a file.

    Attributes
    ----------
    opset
        Version of the operators.
    nodes
        In running order.
    constants
        Arrays by name.
    inputs
        Shapes by name, None for what is not fixed.
    outputs
        Names.
    """

    opset: int
    nodes: list[Node]
    constants: dict[str, Array]
    inputs: dict[str, list[int | None] | None]
    outputs: list[str]


def read(path: str | os.PathLike[str]) -> Network:
    """
    Return what stands in a file.

    Raises
    ------
    ImportError
        Without the library onnx.
    FileNotFoundError
        There is no such file.
    ValueError
        The file is damaged, or made to deceive.
    """
    onnx = import_extra("onnx", "onnx", "onnx.load")
    path = regular_file(path)
    content = path.read_bytes()
    try:
        model = onnx.ModelProto.FromString(content)
    except Exception as error:  # protobuf has several, by implementation
        raise ValueError(
            f"it is no ONNX file: {str(error)[:200] or type(error).__name__}"
        ) from error
    return _Reader(onnx, model, path, len(content)).network()


class _Reader:
    """Turns the messages of a file into what the importer takes."""

    def __init__(self, onnx: Any, model: Any, path: Path, size: int) -> None:
        self._onnx = onnx
        self._model = model
        self._folder = path.parent
        self._left = size + MAX_GROWTH

    def network(self) -> Network:
        """Return the graph."""
        graph = self._model.graph
        if not graph.input or not graph.output:
            raise ValueError("it holds no network: inputs and outputs are missing")
        if len(graph.node) > MAX_NODES:
            raise ValueError(f"it has {len(graph.node):,} nodes, more than {MAX_NODES:,}")
        if len(graph.sparse_initializer):
            raise ValueError("it holds sparse arrays; save it with dense ones")
        constants = {tensor.name: self._array(tensor) for tensor in graph.initializer}
        nodes = [self._node(node) for node in graph.node]
        inputs = {
            info.name: self._shape(info) for info in graph.input if info.name not in constants
        }
        outputs = [info.name for info in graph.output]
        if not inputs:
            raise ValueError("it holds no network: all its inputs are constants")
        _check_names(nodes, constants, inputs, outputs)
        return Network(self._opset(), nodes, constants, inputs, outputs)

    def _opset(self) -> int:
        versions = [item.version for item in self._model.opset_import if item.domain in DOMAINS]
        if not versions:
            raise ValueError("it does not say which version of the operators it uses")
        version = int(max(versions))
        if not OLDEST <= version <= NEWEST:
            raise ValueError(
                f"it uses version {version} of the operators; {OLDEST} to {NEWEST} can be read: "
                "convert it with onnx.version_converter"
            )
        return version

    def _node(self, node: Any) -> Node:
        operator = node.op_type if node.domain in DOMAINS else f"{node.domain}.{node.op_type}"
        outputs = list(node.output)
        name = node.name or next(filter(None, outputs), "")
        attributes = {item.name: self._attribute(item) for item in node.attribute}
        return Node(operator, name, list(node.input), outputs, attributes)

    def _attribute(self, item: Any) -> Any:
        kinds = self._onnx.AttributeProto
        match item.type:
            case kinds.INT:
                return int(item.i)
            case kinds.FLOAT:
                return float(item.f)
            case kinds.STRING:
                return item.s.decode("utf-8", "replace")
            case kinds.INTS:
                return list(item.ints)
            case kinds.FLOATS:
                return list(item.floats)
            case kinds.TENSOR:
                return self._array(item.t)
        return None  # graphs and texts, which no operator that can be taken has

    def _shape(self, info: Any) -> list[int | None] | None:
        kind = info.type.tensor_type
        if info.type.WhichOneof("value") != "tensor_type":
            raise ValueError(f"the input '{info.name}' is no array")
        if not kind.HasField("shape"):
            return None
        if len(kind.shape.dim) > MAX_RANK:
            raise ValueError(f"the input '{info.name}' has {len(kind.shape.dim)} axes")
        found = [dim.dim_value for dim in kind.shape.dim]
        return [extent if extent > 0 else None for extent in found]

    # Arrays.

    def _array(self, tensor: Any) -> Array:
        """Return a constant, after comparing its shape with what is stored of it."""
        what = f"the array '{tensor.name}'"
        shape = tuple(tensor.dims)
        if len(shape) > MAX_RANK or any(extent < 0 for extent in shape):
            raise ValueError(f"{what} has the shape {shape[:MAX_RANK]}")
        try:
            dtype = np.dtype(self._onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type))
        except KeyError:
            raise ValueError(f"{what} has an unknown type {tensor.data_type}") from None
        if dtype.kind == "O":
            return np.zeros(0, np.object_)  # texts: whatever reads them cannot be taken
        elements = 1
        for extent in shape:
            elements *= extent
        self._left -= elements * dtype.itemsize
        if self._left < 0:
            raise ValueError(f"{what} of shape {shape} is larger than the file")
        if tensor.data_location == self._onnx.TensorProto.EXTERNAL:
            return self._external(tensor, what, shape, dtype, elements)
        try:
            array: Array = self._onnx.numpy_helper.to_array(tensor)
        except Exception as error:
            raise ValueError(f"{what} of shape {shape} is damaged: {str(error)[:200]}") from error
        return array

    def _external(
        self, tensor: Any, what: str, shape: tuple[int, ...], dtype: np.dtype[Any], elements: int
    ) -> Array:
        """Return a constant that lies in another file of the same folder."""
        entries = {item.key: item.value for item in tensor.external_data}
        file = self._beside(entries.get("location", ""), what)
        try:
            offset = int(entries.get("offset", "0"))
            length = int(entries.get("length", "") or elements * dtype.itemsize)
        except ValueError:
            raise ValueError(f"{what} lies at no place of {file.name}") from None
        if (
            length != elements * dtype.itemsize
            or offset < 0
            or offset + length > file.stat().st_size
        ):
            raise ValueError(
                f"{what} of shape {shape} needs {elements * dtype.itemsize:,} bytes; {file.name} "
                f"has {file.stat().st_size:,}, and it is said to take {length:,} from {offset:,}"
            )
        with open(file, "rb") as stream:
            stream.seek(offset)
            array = np.frombuffer(stream.read(length), dtype.newbyteorder("<"))
        return array.astype(dtype, copy=False).reshape(shape)

    def _beside(self, location: str, what: str) -> Path:
        """Return a file that lies within the folder of the model, reached by no link."""
        parts = Path(location).parts
        folder = self._folder.resolve()
        file = folder.joinpath(*parts) if parts else folder
        if (
            not parts
            or "\\" in location
            or Path(location).is_absolute()
            or ".." in parts
            or os.path.realpath(file) != str(file)
        ):
            raise ValueError(f"{what} lies outside the file's folder: {location[:200]!r}")
        if not file.is_file() or file.stat().st_nlink > 1:
            raise ValueError(f"{what} lies in {location[:200]!r}, which is no file of its own")
        return file


def _check_names(
    nodes: list[Node], constants: Iterable[str], inputs: Iterable[str], outputs: list[str]
) -> None:
    """Raise ValueError unless each array is made once, before it is read."""
    made = {*constants, *inputs, ""}
    for node in nodes:
        for name in node.inputs:
            if name not in made:
                raise ValueError(f"{node} reads '{name}', which is not made before it")
        for name in node.outputs:
            if name and name in made:
                raise ValueError(f"{node} makes '{name}', which there is already")
            made.add(name)
    for name in outputs:
        if not name or name not in made:
            raise ValueError(f"the output '{name}' is not made")
