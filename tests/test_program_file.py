"""Networks in files that C++ runs: the bits of `predict`, and files that break no promise."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnx
from agreement import Backend, backends, normal
from bench.frameworks.cnnx import build_model
from cnnx import _core, layers
from layer_cases import CASES
from small_networks import SMALL_NETWORKS, first_weights

Array = np.ndarray[Any, Any]
PYTHON = "is computed in Python"


def run(path: Path, *inputs: Array) -> list[Array]:
    """Return the outputs of the second run: the first may find the memory as zeros."""
    program = _core.ProgramFile(str(path))
    outputs = [np.full(shape, np.nan, np.float32) for shape in program.output_shapes()]
    program.run([np.ones_like(x) for x in inputs], outputs)
    program.run(list(inputs), outputs)
    return outputs


def compare(model: cnnx.Model, path: Path, rows: int, seed: int = 0) -> None:
    inputs = [
        normal(seed + i, rows, *value.shape[1:]) for i, value in enumerate(model.graph.inputs)
    ]
    expected = model.predict(inputs if len(inputs) > 1 else inputs[0], batch_size=rows, verbose=0)
    for one, other in zip(
        run(path, *inputs), expected if isinstance(expected, list) else [expected], strict=True
    ):
        np.testing.assert_array_equal(one, other)


def model_of(name: str) -> cnnx.Model:
    case = CASES[name]
    model = cnnx.Sequential([cnnx.Input(case.input_shape), case.layer_class(**case.arguments)])
    for place, weight in enumerate(model.weights):
        weight.assign(np.abs(normal(place, *weight.shape)) + np.float32(0.1))
    return model


@pytest.mark.parametrize("name", CASES)
def test_every_layer_predicts_as_in_python(name: str, tmp_path: Path) -> None:
    model = model_of(name)
    if cnnx.graph.Plan(model.graph).bind(3).in_python:
        with pytest.raises(ValueError, match=f"{model.layers[-1].name}.*{PYTHON}"):
            model.export_program(tmp_path / "program", batch_size=3)
    else:
        model.export_program(tmp_path / "program", batch_size=3)
        compare(model, tmp_path / "program", 3)


def test_what_networks_for_pictures_are_made_of_needs_no_python() -> None:
    needed = {
        *("AveragePooling2D", "BatchNormalization", "Conv2D", "Conv2DTranspose", "Dense"),
        *("DepthwiseConv2D", "Flatten", "GlobalAveragePooling2D", "MaxPooling2D", "ReLU"),
        *("Rescaling", "Reshape", "SeparableConv2D", "Softmax", "UpSampling2D", "ZeroPadding2D"),
        *("GroupNormalization", "LayerNormalization", "RMSNormalization", "UnitNormalization"),
    }
    native = set()
    for name, case in CASES.items():
        if not cnnx.graph.Plan(model_of(name).graph).bind(3).in_python:
            native.add(case.layer_class.__name__)
    assert needed <= native


@pytest.mark.parametrize("place", range(len(backends())), ids=[str(one) for one in backends()])
@pytest.mark.parametrize("name", SMALL_NETWORKS)
@pytest.mark.every_isa
def test_networks_predict_as_in_python(name: str, place: int, tmp_path: Path) -> None:
    backend: Backend = backends()[place]
    backend.use()
    network = SMALL_NETWORKS[name]
    model = build_model(network, first_weights(name))
    model.export_program(tmp_path / "program", batch_size=2)
    compare(model, tmp_path / "program", 2)


def pair() -> cnnx.Model:
    """Return a network of two inputs and outputs that calls most operations."""
    image, noise = cnnx.Input((8, 8, 4)), cnnx.Input((8, 8, 4))
    x = layers.Maximum()([image, layers.Multiply()([image, noise])])
    x = layers.Concatenate()([layers.ZeroPadding2D(1)(x), layers.ZeroPadding2D(1)(noise)])
    x = layers.UpSampling2D(2, interpolation="bilinear")(layers.Cropping2D(1)(x))
    y = layers.Permute((2, 1, 3))(layers.Conv2D(6, 3, padding="same")(x))
    z = layers.Add()([y, layers.Conv2D(6, 1)(y)])
    top = layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling2D()(z))
    return cnnx.Model([image, noise], [top, layers.MaxPooling2D(3)(z), image])


def test_several_inputs_and_outputs_one_of_them_handed_through(tmp_path: Path) -> None:
    model = pair()
    model.export_program(tmp_path / "program", batch_size=2)
    compare(model, tmp_path / "program", 2)


def test_a_trained_network_with_its_weights_of_now(tmp_path: Path) -> None:
    model = cnnx.Sequential(
        [cnnx.Input((6, 6, 1)), layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(2)]
    )
    model.compile("sgd", "mse")
    x, y = normal(1, 8, 6, 6, 1), normal(2, 8, 2)
    model.predict(x, verbose=0)
    model.fit(x, y, epochs=2, verbose=0)
    model.export_program(tmp_path / "program", batch_size=8)
    compare(model, tmp_path / "program", 8)


def test_the_model_is_as_before_and_the_default_is_one_sample(tmp_path: Path) -> None:
    model = model_of("conv2d") if "conv2d" in CASES else model_of(next(iter(CASES)))
    x = normal(3, 2, *model.input_shape[1:])
    before = model.predict(x, verbose=0)
    model.export_program(tmp_path / "program")
    np.testing.assert_array_equal(model.predict(x, verbose=0), before)
    assert _core.ProgramFile(str(tmp_path / "program")).input_shapes()[0][0] == 1


def test_errors_of_exporting(tmp_path: Path) -> None:
    model = pair()
    with pytest.raises(ValueError, match="export_program: batch_size"):
        model.export_program(tmp_path / "program", batch_size=0)
    with pytest.raises(ValueError, match=r"export_program: .*ONNX"):
        model.export_program(tmp_path / "program.onnx")

    class Doubling(layers.Layer):
        def forward(self, call: Any, x: Any) -> Any:
            return 2 * x

    own = cnnx.Sequential([cnnx.Input((2,)), Doubling(), layers.Dense(1)])
    with pytest.raises(ValueError, match=f"doubling.*{PYTHON}"):
        own.export_program(tmp_path / "program")
    assert not list(tmp_path.iterdir())


# Files of strangers.


def parts_of(path: Path) -> tuple[dict[str, Any], bytes]:
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def write(path: Path, header: Any, data: bytes) -> None:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("programs") / "sound"
    pair().export_program(path, batch_size=2)
    return path


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every container in a description with every key of it."""
    if isinstance(value, (dict, list)):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from places(value[key])


WRONG: dict[str, Callable[[Any], Any]] = {
    "negative": lambda value: -1,
    "zero": lambda value: 0,
    "one more": lambda value: value + 1 if isinstance(value, int) else value,
    "four more": lambda value: value + 4 if isinstance(value, int) else value,
    "large": lambda value: 2**31 - 1,
    "larger": lambda value: 2**62,
    "nothing": lambda value: None,
    "text": lambda value: "memory",
    "list": lambda value: ["memory", 2**40],
    "empty": lambda value: [],
}


def test_whatever_a_field_says_nothing_outside_is_touched(sound: Path, tmp_path: Path) -> None:
    header, data = parts_of(sound)
    text = header["__metadata__"]["cnnx.program"]
    count = sum(1 for _ in places(json.loads(text)))
    inputs = [normal(0, 2, 8, 8, 4), normal(1, 2, 8, 8, 4)]
    refused = 0
    for change in WRONG.values():
        for number in range(0, count, 4):
            program = json.loads(text)
            container, key = list(places(program))[number]
            container[key] = change(container[key])
            if key == "memory" and program["memory"] == 2**31 - 1:
                continue  # so much is allowed, and takes long to fill with zeros
            header["__metadata__"]["cnnx.program"] = json.dumps(program)
            write(tmp_path / "bad", header, data)
            try:
                found = _core.ProgramFile(str(tmp_path / "bad"))
            except RuntimeError:
                refused += 1
                continue
            if found.input_shapes() == [list(x.shape) for x in inputs]:
                outputs = [np.zeros(shape, np.float32) for shape in found.output_shapes()]
                found.run(inputs, outputs)
    assert refused > count


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda p: p.update(format=2), "it has format 2, this version of cnnx reads 1"),
        (lambda p: p["calls"][0].update(operation="exec"), "the operation 'exec' is unknown"),
        (lambda p: p["calls"].append({}), "there is no field 'operation'"),
        (lambda p: p.update(inputs=[]), "it has no input"),
        (lambda p: p.update(inputs=[[2], [3]]), "the same number of samples"),
        (lambda p: p.update(inputs=[[2, -1]]), "the size -1 is out of range"),
        (lambda p: p.update(memory=2**60), "its memory is out of range"),
        (lambda p: p.update(memory=64), "does not fit into memory"),
        (lambda p: p["outputs"][0].update(at=["constant.99", 0]), "no field 'constant.99'"),
        (lambda p: p["outputs"][2].update(at=["input.0", 4]), "does not fit into input.0"),
        (lambda p: p["calls"][0].update(dst=["input.0", 0]), "results must lie in the memory"),
    ],
)
def test_what_is_wrong_is_said(
    change: Callable[[Any], None], fault: str, sound: Path, tmp_path: Path
) -> None:
    header, data = parts_of(sound)
    program = json.loads(header["__metadata__"]["cnnx.program"])
    change(program)
    header["__metadata__"]["cnnx.program"] = json.dumps(program)
    write(tmp_path / "bad", header, data)
    with pytest.raises(RuntimeError, match=fault):
        _core.ProgramFile(str(tmp_path / "bad"))


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "it is too short"),
        (b"\xff" * 40, "its header is too long"),
        (struct.pack("<Q", 1000) + b"{}", "its header is cut off"),
        (struct.pack("<Q", 2) + b"{]", "the JSON is damaged at byte 1"),
        (struct.pack("<Q", 200) + b"[" * 200, "it is nested too deep"),
        (struct.pack("<Q", 2) + b"{}", "there is no field '__metadata__'"),
        (struct.pack("<Q", 5) + b"[1e3]", "the JSON is damaged"),
        (struct.pack("<Q", 20) + b'{"a": 1, "a": 1}    ', "a field stands there twice"),
    ],
)
def test_files_that_are_something_else(content: bytes, fault: str, tmp_path: Path) -> None:
    (tmp_path / "bad").write_bytes(content)
    with pytest.raises(RuntimeError, match=fault):
        _core.ProgramFile(str(tmp_path / "bad"))
    with pytest.raises(RuntimeError, match="it cannot be opened"):
        _core.ProgramFile(str(tmp_path / "missing"))


def test_a_file_that_is_cut_off_anywhere(sound: Path, tmp_path: Path) -> None:
    content = sound.read_bytes()
    for length in range(0, len(content) - 1, 97):
        (tmp_path / "bad").write_bytes(content[:length])
        with pytest.raises(RuntimeError):
            _core.ProgramFile(str(tmp_path / "bad"))


def test_arrays_are_checked_before_a_run(sound: Path) -> None:
    program = _core.ProgramFile(str(sound))
    outputs = [np.zeros(shape, np.float32) for shape in program.output_shapes()]
    good, bad = normal(0, 2, 8, 8, 4), normal(0, 1, 8, 8, 4)
    with pytest.raises(ValueError, match=r"inputs must have shape \(2, 8, 8, 4\)"):
        program.run([good, bad], outputs)
    with pytest.raises(ValueError, match="inputs must be as many"):
        program.run([good], outputs)
    outputs[0].flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        program.run([good, good], outputs)
