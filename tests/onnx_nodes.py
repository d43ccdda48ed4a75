"""
The node tests of ONNX for the operators that can be read, in float32.

`python tests/onnx_nodes.py` prints the table of docs/onnx-operators.md.
"""

from __future__ import annotations

import re
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import cnnx

OPERATORS = [
    "Abs",
    "Add",
    "ArgMax",
    "AveragePool",
    "BatchNormalization",
    "Ceil",
    "Celu",
    "Clip",
    "Concat",
    "Constant",
    "Conv",
    "ConvTranspose",
    "DepthToSpace",
    "DequantizeLinear",
    "Div",
    "Dropout",
    "Elu",
    "Erf",
    "Exp",
    "Expand",
    "Flatten",
    "Floor",
    "Gather",
    "Gelu",
    "Gemm",
    "Greater",
    "GreaterOrEqual",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "GroupNormalization",
    "HardSigmoid",
    "HardSwish",
    "Identity",
    "InstanceNormalization",
    "LRN",
    "LayerNormalization",
    "LeakyRelu",
    "Less",
    "LessOrEqual",
    "Log",
    "LogSoftmax",
    "LpPool",
    "MatMul",
    "Max",
    "MaxPool",
    "Mean",
    "Min",
    "Mish",
    "Mul",
    "Neg",
    "PRelu",
    "Pad",
    "Pow",
    "QuantizeLinear",
    "Reciprocal",
    "ReduceMax",
    "ReduceMean",
    "ReduceMin",
    "ReduceSum",
    "Relu",
    "Reshape",
    "Resize",
    "Round",
    "Selu",
    "Shape",
    "Shrink",
    "Sigmoid",
    "Slice",
    "Softmax",
    "Softplus",
    "Softsign",
    "SpaceToDepth",
    "Split",
    "Sqrt",
    "Squeeze",
    "Sub",
    "Sum",
    "Tanh",
    "ThresholdedRelu",
    "Tile",
    "Transpose",
    "Unsqueeze",
    "Upsample",
    "Where",
]


_DROPS = "read as a Dropout, which drops in training alone, and draws other random numbers"
_CORNERS = (
    "read, and computed as ONNX Runtime does; the test takes {} for the number of {} that are "
    "made, which is {}"
)
OTHERWISE = {
    "test_training_dropout_default": _DROPS,
    "test_training_dropout": _DROPS,
    "test_resize_downsample_scales_linear_align_corners": _CORNERS.format("2.4", "columns", 2),
    "test_resize_downsample_scales_cubic_align_corners": _CORNERS.format("3.2", "pixels", 3),
}
"""Tests of networks that are read, and compute something else."""


class Outcome(NamedTuple):
    """What became of a test: it passed, or why the file could not be taken."""

    operator: str
    name: str
    passed: bool
    reason: str


def cases() -> Iterator[Any]:
    """Yield the tests whose one node is among the operators, with numbers of float32."""
    from onnx.backend.test.loader import load_model_tests

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = load_model_tests(kind="node")
    for case in found:
        nodes = case.model.graph.node
        if len(nodes) == 1 and nodes[0].op_type in OPERATORS and _is_float32(case):
            yield case


def _is_float32(case: Any) -> bool:
    """Return whether data are float32; whole numbers may be shapes, axes and the like."""
    inputs, outputs = case.data_sets[0]
    if not all(isinstance(array, np.ndarray | np.generic) for array in (*inputs, *outputs)):
        return False
    kinds = {array.dtype for array in (*inputs, *outputs)}
    operator = case.model.graph.node[0].op_type
    first = inputs[operator == "Where"].dtype if inputs else outputs[0].dtype  # after a condition
    if operator in ("DequantizeLinear", "QuantizeLinear"):
        return kinds <= {np.dtype(t) for t in ["f4", "i1", "u1", "i2", "u2", "i4"]}
    return first == np.float32 and kinds <= {np.dtype(t) for t in ["f4", "i8", "i4", "?"]}


def run(case: Any, folder: Path) -> Outcome:
    """Read a test's network in every way that it can be, and compare each with what it should."""
    operator = case.model.graph.node[0].op_type
    reasons: list[str] = []
    passed = False
    for inputs, batch_axis in product(_choices(case), (0, None)):
        if batch_axis == 0 and len(_batches(case, inputs)) > 1:
            reasons.append("its inputs have other numbers of samples")
            continue
        path = written(case, inputs, folder)
        try:
            model = cnnx.onnx.load(path, batch_axis=batch_axis)
        except ValueError as error:
            reason = str(error).removeprefix(f"{path}: ").split("\n")[-1].strip()
            reasons.append(re.sub(r"^\w+ '[^']*': ", "", reason))
            continue
        if case.name in OTHERWISE:
            return Outcome(operator, case.name, False, OTHERWISE[case.name])
        _compare(case, model, inputs, batch_axis)
        passed = True
    return Outcome(operator, case.name, passed, "" if passed else _usual(reasons))


def _batches(case: Any, inputs: list[str]) -> set[int]:
    """Return the first extents of inputs."""
    names = [info.name for info in case.model.graph.input]
    named = dict(zip(names, case.data_sets[0][0], strict=True))
    return {named[name].shape[0] if named[name].ndim else 1 for name in inputs}


def _usual(reasons: list[str]) -> str:
    return Counter(reasons).most_common(1)[0][0] if reasons else "no input, or one without elements"


def _choices(case: Any) -> list[list[str]]:
    """Return which inputs are the network's: the first of float32, or all of them."""
    names = [info.name for info in case.model.graph.input]
    arrays = case.data_sets[0][0]
    floats = [
        name
        for name, array in zip(names, arrays, strict=True)
        if array.dtype == np.float32 and array.size and isinstance(array, np.ndarray)
    ]
    if case.model.graph.node[0].op_type == "DequantizeLinear":
        floats = names[:1]
    choices = [floats[:1], floats, floats[1:2]]
    return [list(choice) for choice in dict.fromkeys(map(tuple, choices)) if choice]


def written(case: Any, inputs: list[str], folder: Path) -> Path:
    """Write the test's network with all other inputs as constants."""
    from onnx import ModelProto, numpy_helper

    model = ModelProto.FromString(case.model.SerializeToString())
    for info, array in zip(list(model.graph.input), case.data_sets[0][0], strict=True):
        if info.name not in inputs:
            constant = numpy_helper.from_array(np.asarray(array), info.name)
            model.graph.initializer.append(constant)
            model.graph.input.remove(info)
    path = folder / "node.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def _compare(case: Any, model: cnnx.Model, inputs: list[str], batch_axis: int | None) -> None:
    for given, wanted in case.data_sets:
        named = dict(zip((info.name for info in case.model.graph.input), given, strict=True))
        shapes = [value.shape[1:] for value in model.graph.inputs]
        arrays = [
            named[name].reshape((-1, *shape)).astype(np.float32)
            for name, shape in zip(inputs, shapes, strict=True)
        ]
        found = model.predict(arrays if len(arrays) > 1 else arrays[0])
        listed = list(found.values()) if isinstance(found, dict) else [found]
        for one, two in zip(listed, wanted, strict=True):
            np.testing.assert_allclose(
                one.reshape(two.shape),
                two.astype(np.float32),
                rtol=case.rtol,
                atol=max(case.atol, 1e-6),
                err_msg=f"{case.name}, inputs {inputs}, batch_axis={batch_axis}",
            )


def outcomes() -> list[Outcome]:
    with tempfile.TemporaryDirectory() as folder:
        return [run(case, Path(folder)) for case in cases()]


def table(found: list[Outcome]) -> str:
    """Return the table of the documentation."""
    lines = ["| operator | passes | what cannot be taken |", "|---|---|---|"]
    for operator in sorted({outcome.operator for outcome in found}):
        own = [outcome for outcome in found if outcome.operator == operator]
        refused = "; ".join(
            f"`{outcome.name.removeprefix('test_')}`: {outcome.reason}"
            for outcome in own
            if not outcome.passed
        )
        passed = sum(outcome.passed for outcome in own)
        lines.append(f"| {operator} | {passed} of {len(own)} | {refused} |")
    total = sum(outcome.passed for outcome in found)
    lines.append(f"| all | {total} of {len(found)} | |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(outcomes()))
