"""What other programs compute of an ONNX file, and small files to read."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="onnx is not installed")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

PEERS = ["onnxruntime"] + ["openvino"] * (importlib.util.find_spec("openvino") is not None)
Arrays = Mapping[str, np.ndarray]


def by_onnxruntime(path: Path, inputs: Arrays) -> list[np.ndarray]:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    outputs: list[np.ndarray] = session.run(None, dict(inputs))
    return outputs


def by_openvino(path: Path, inputs: Arrays) -> list[np.ndarray]:
    import openvino

    core = openvino.Core()
    core.set_property("CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    found = core.compile_model(core.read_model(str(path)), "CPU")(dict(inputs))
    return [np.array(found[place]) for place in range(len(found))]


def by_peer(peer: str, path: Path, inputs: Arrays) -> list[np.ndarray]:
    return (by_onnxruntime if peer == "onnxruntime" else by_openvino)(path, inputs)


def node(operator: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any) -> Any:
    return onnx.helper.make_node(operator, list(inputs), list(outputs), **attributes)


def write(
    path: Path,
    nodes: Sequence[Any],
    inputs: Mapping[str, Sequence[Any]],
    outputs: Sequence[str],
    constants: Mapping[str, Any] | None = None,
    opset: int = 17,
) -> Path:
    """Write a file of nodes; inputs are given with their shapes, constants as arrays."""
    helper = onnx.helper
    arrays = {
        name: array.astype(np.float32) if array.dtype == np.float64 else array
        for name, value in (constants or {}).items()
        for array in [np.asarray(value)]
    }
    graph = helper.make_graph(
        list(nodes),
        "graph",
        [helper.make_tensor_value_info(name, 1, list(shape)) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, 1, None) for name in outputs],
        [onnx.numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path
