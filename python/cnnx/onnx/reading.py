"""A network from an ONNX file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from cnnx.arrays import Array, Float
from cnnx.layers import Identity, Input
from cnnx.layers.layer import Layer
from cnnx.layers.value import Value
from cnnx.models import Model
from cnnx.onnx.arrangement import arranged, plain
from cnnx.onnx.folding import Known, fold, folds, known
from cnnx.onnx.model_file import Network, Node, read
from cnnx.onnx.open_sizes import OpenShapes, of_any_size
from cnnx.onnx.operators import OPERATORS
from cnnx.onnx.patterns import put_together
from cnnx.onnx.tensor import Atom, Tensor, held
from cnnx.onnx.unsupported import UnsupportedError
from cnnx.onnx.use import Operand, Use
from cnnx.registry import choice

INVALID = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What a stranger's file may raise on its way to a network."""
SHOWN = 20
"""Nodes that an error names."""


def load(
    path: str | os.PathLike[str],
    input_shapes: Mapping[str, Sequence[int | None]] | None = None,
    *,
    data_format: str | None = None,
    batch_axis: int | None = 0,
) -> Model:
    """
    Return the network of an ONNX file, with its weights: it predicts, and can be trained further.

    Inputs and outputs bear the names of the file. A network of several outputs returns a dict.

    Parameters
    ----------
    path
        The file. Arrays outside it must lie in its folder.
    input_shapes
        Shapes in the file's layout by the names of inputs, the batch included, as in {"image":
        (None, 3, 224, 224)}. Other sizes that are None, or that the file leaves open, stay open,
        unless the network depends on them.
    data_format
        None: inputs and outputs have the axes of the file. 'channels_last': of those with three or
        four axes the second, which has the channels in ONNX, comes last, as everywhere in cnnx.
    batch_axis
        0: the first axis of each input is the batch, of any size. None: the file has none; the
        network takes and returns stacks of its arrays.

    Raises
    ------
    ImportError
        Without the library onnx: pip install "cnnx[onnx]".
    FileNotFoundError
        There is no such file.
    ValueError
        The file is damaged, leaves a size open that is needed, or holds operators that cannot be
        taken, which are all named.
    """
    last = data_format is not None
    if last:
        choice(data_format, "onnx.load: data_format", "channels_last")
    if batch_axis not in (0, None):
        raise ValueError(f"onnx.load: batch_axis must be 0 or None, got {batch_axis!r}")
    try:
        network = put_together(read(path))
        shapes = _shapes(network, dict(input_shapes or {}), batch_axis)
        is_open = any(None in shape for shape in shapes.values())

        def made(known: dict[str, list[int]]) -> Model:
            return _Importer(network, known, last, batch_axis == 0, is_open).model()

        if not is_open:
            return made({name: [n or 0 for n in shape] for name, shape in shapes.items()})
        try:
            return of_any_size(made, shapes)
        except INVALID as error:
            raise ValueError(f"{_asked_for(shapes, batch_axis)}: {error}") from error
    except FileNotFoundError:
        raise
    except INVALID as error:
        reason = str(error)[:4000] or type(error).__name__
        raise ValueError(f"{os.fspath(path)}: {reason}") from error


def _shapes(
    network: Network, given: dict[str, Sequence[int | None]], batch_axis: int | None
) -> OpenShapes:
    """Return the shape of each input; the batch, if there is one, is 0, and an open size None."""
    unknown = ", ".join(sorted(set(given) - set(network.inputs)))
    if unknown:
        raise ValueError(
            f"input_shapes names {unknown}; the inputs are {', '.join(network.inputs)}"
        )
    found: OpenShapes = {}
    for name, declared in network.inputs.items():
        shape = list(given[name]) if name in given else declared
        if shape is None or (declared is not None and len(shape) != len(declared)):
            example = (None, 3, 224, 224) if declared is None else _example(declared)
            raise ValueError(
                f"the sizes of the input '{name}' are open: {_written(declared)}; "
                f"give them: input_shapes={{{name!r}: {example}}}"
            )
        extents = [None if extent is None else int(extent) for extent in shape]
        if any(n is not None and n < 1 for n in extents) or (batch_axis == 0 and not extents):
            raise ValueError(f"the input '{name}' has shape {tuple(shape)}")
        found[name] = [0, *extents[1:]] if batch_axis == 0 else extents
    return found


def _asked_for(shapes: OpenShapes, batch_axis: int | None) -> str:
    """Return what an error says of sizes that are open and needed."""
    example = {
        name: _example([None, *shape[1:]] if batch_axis == 0 else shape)
        for name, shape in shapes.items()
        if None in shape
    }
    names = ", ".join(map(repr, example))
    return f"the sizes of the input {names} are open; give them: input_shapes={example}"


def _written(shape: Sequence[int | None] | None) -> str:
    return "none is given" if shape is None else str(tuple(shape)).replace("None", "?")


def _example(shape: Sequence[int | None]) -> tuple[int | None, ...]:
    return tuple(224 if n is None and place else n for place, n in enumerate(shape))


class _Importer:
    """Makes layers of the nodes of a file, one after the other."""

    def __init__(
        self,
        network: Network,
        shapes: dict[str, list[int]],
        last: bool,
        batched: bool,
        is_open: bool,
    ) -> None:
        self.opset = network.opset
        self.is_open = is_open
        self.samples = Atom(None)
        self._network = network
        declared = [shape[0] for shape in network.inputs.values() if shape] if batched else []
        self.batch = (declared[0] if declared else 0) or 0
        self._shapes = shapes
        self._last = last
        self._batched = batched
        self._names = set(network.inputs)
        self._found: dict[str, Operand] = {
            name: known(array) for name, array in network.constants.items()
        }
        self._found[""] = None
        self._refused: list[str] = []
        self._lost: set[str] = set()

    def model(self) -> Model:
        """Return the network."""
        inputs = [self._input(name) for name in self._network.inputs]
        for node in self._network.nodes:
            self._take(node)
        if self._refused:
            more = len(self._refused) - SHOWN
            listed = [*self._refused[:SHOWN], *([f"and {more:,} more"] if more > 0 else [])]
            raise ValueError("these nodes cannot be taken:\n  " + "\n  ".join(listed))
        outputs: dict[str, Value] = {}
        for name in self._network.outputs:
            value = self._output(name)
            if value in inputs or value in outputs.values():
                value = self.add(Identity(name=self.name(name)), [value], [])
            outputs[name] = value
        return Model(
            inputs if len(inputs) > 1 else inputs[0],
            outputs if len(outputs) > 1 else next(iter(outputs.values())),
        )

    # What a use of an operator needs.

    def name(self, wanted: str) -> str:
        """Return a name that no layer has."""
        found, number = wanted or "layer", 0
        while found in self._names:
            number += 1
            found = f"{wanted or 'layer'}_{number}"
        self._names.add(found)
        return found

    def add(self, layer: Layer, values: Sequence[Value], weights: Sequence[Array]) -> Value:
        """Use a new layer on values."""
        left: Iterator[Array] = iter(weights)

        def saved(path: str, shape: tuple[int, ...]) -> Float:
            found = next(left, None)
            if found is None:
                raise UnsupportedError(f"the file has nothing for {path}")
            array = np.ascontiguousarray(found, np.float32)
            if array.shape != shape:
                raise UnsupportedError(f"{path} has shape {array.shape} and should have {shape}")
            return array

        layer.saved_values = saved
        value: Value = layer(list(values) if layer.merges else values[0])
        layer.saved_values = None
        return value

    # Inputs, nodes and outputs.

    def _input(self, name: str) -> Value:
        shape = self._shapes[name]
        sample = shape[1:] if self._batched else shape
        images = self._last and len(sample) in (2, 3) and self._batched
        if images:
            sample = [*sample[1:], sample[0]]
        value = Input(sample or [1], name=name)
        order = [0, *range(2, len(shape)), 1] if images else None
        tensor = held(value, self.samples, order)
        if not self._batched:
            tensor = tensor.seen(tensor.axes[1 : len(shape) + 1])
        elif not sample:
            tensor = tensor.seen(tensor.axes[:1])
        self._found[name] = tensor
        return value

    def _output(self, name: str) -> Value:
        tensor = self._found[name]
        if not isinstance(tensor, Tensor):
            raise ValueError(f"the output '{name}' does not depend on an input")
        use = Use(Node("", name, [], []), [], self)
        if self._last and self._batched and tensor.rank in (3, 4):
            groups = [*tensor.axes[2:], tensor.axes[1]]
            if tensor.axes[0] == tensor.samples:
                return arranged(tensor, groups, use.rearrange).value
        return plain(tensor, use.rearrange).value

    def _take(self, node: Node) -> None:
        """Make layers of a node, or note why that cannot be."""
        if not self._lost.isdisjoint(node.inputs):
            self._lost.update(node.outputs)
            if node.operator not in (*OPERATORS, "Shape") and not folds(node):
                self._refuse(node, "there is no such operator here")
            return
        try:
            made = self._made(node, [self._found[name] for name in node.inputs])
            self._found.update(zip(node.outputs, made, strict=False))
        except INVALID as error:
            self._refuse(node, str(error)[:400] or type(error).__name__)

    def _refuse(self, node: Node, reason: str) -> None:
        self._refused.append(f"{node}: {reason}")
        self._lost.update(filter(None, node.outputs))

    def _made(self, node: Node, inputs: list[Operand]) -> list[Any]:
        constants = [item for item in inputs if not isinstance(item, Tensor)]
        if folds(node) and len(constants) == len(inputs):
            made = fold(node, self.opset, constants)
        elif node.operator == "Shape" and inputs and inputs[0] is not None:
            made = [self._shape(node, inputs[0])]
        elif node.operator in OPERATORS:
            result = OPERATORS[node.operator](Use(node, inputs, self))
            made = result if isinstance(result, list) else [result]
        else:
            raise UnsupportedError("there is no such operator here")
        if len(made) < len([name for name in node.outputs if name]):
            raise UnsupportedError(f"its output {len(made)}")
        return list(made)

    def _shape(self, node: Node, item: Any) -> Known:
        """Return the shape of an array, for each number of samples."""
        sizes = (
            list(zip(*item.sizes, strict=True))
            if isinstance(item, Tensor)
            else [array.shape for array in item]
        )
        if isinstance(item, Tensor) and not item.rank:
            sizes = [(), ()]
        cut = slice(node.attributes.get("start", 0), node.attributes.get("end"))
        return tuple(np.array(shape[cut], np.int64) for shape in sizes)
