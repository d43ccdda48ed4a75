"""Networks from ONNX files compute what ONNX Runtime computes, and learn on."""

from __future__ import annotations

import importlib.util
import itertools
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnx
from agreement import assert_close, normal
from cnnx import layers
from onnx_peers import by_onnxruntime, node, onnx, write

X = normal(1, 5, 3, 8, 12)


def residual(path: Path, batch: Any = "n") -> Path:
    """Write a network with a sum, batch normalisation, and two heads."""
    kernels = {"k1": (8, 3, 3, 3), "k2": (8, 8, 3, 3), "k3": (8, 5), "k4": (10, 8 * 4 * 6)}
    rows = {"b1": 8, "gamma": 8, "beta": 8, "mean": 8, "b3": 5, "b4": 10}
    constants: dict[str, Any] = {n: 0.2 * normal(3, *shape) for n, shape in kernels.items()}
    constants |= {n: normal(4, count) for n, count in rows.items()}
    constants["variance"] = np.abs(normal(5, 8)) + 0.5
    pads = {"pads": [1, 1, 1, 1]}
    nodes = [
        node("Conv", ["image", "k1", "b1"], ["c1"], name="stem/conv", **pads),
        node("BatchNormalization", ["c1", "gamma", "beta", "mean", "variance"], ["n1"]),
        node("Relu", ["n1"], ["r1"]),
        node("MaxPool", ["r1"], ["p1"], kernel_shape=[2, 2], strides=[2, 2]),
        node("Conv", ["p1", "k2"], ["c2"], **pads),
        node("Add", ["c2", "p1"], ["a2"]),
        node("Relu", ["a2"], ["r2"]),
        node("GlobalAveragePool", ["r2"], ["g"]),
        node("Flatten", ["g"], ["gf"]),
        node("Gemm", ["gf", "k3", "b3"], ["few"], name="few"),
        node("Flatten", ["r2"], ["f"]),
        node("Gemm", ["f", "k4", "b4"], ["many"], name="many", transB=1),
    ]
    return write(path, nodes, {"image": [batch, 3, 8, 12]}, ["many", "few"], constants)


def test_a_network_computes_the_same(tmp_path: Path) -> None:
    path = residual(tmp_path / "model.onnx")
    model = cnnx.onnx.load(path)
    assert (model.input_names, model.output_names) == (["image"], ["many", "few"])
    assert isinstance(model.get_layer("stem/conv"), layers.Conv2D)
    for name, wanted in zip(["many", "few"], by_onnxruntime(path, {"image": X}), strict=True):
        assert_close(model.predict(X)[name], wanted, 1e-5)


def test_channels_may_come_last(tmp_path: Path) -> None:
    path = residual(tmp_path / "model.onnx")
    model = cnnx.onnx.load(path, data_format="channels_last")
    assert model.input_shape == (None, 8, 12, 3)
    found = model.predict(X.transpose(0, 2, 3, 1))
    assert_close(found["many"], by_onnxruntime(path, {"image": X})[0], 1e-5)
    assert not any(isinstance(layer, layers.Permute) for layer in model.layers)


def test_what_is_read_learns_on_is_saved_and_written_again(tmp_path: Path) -> None:
    model = cnnx.onnx.load(residual(tmp_path / "model.onnx"))
    targets = {"many": normal(6, 5, 10), "few": normal(7, 5, 5)}
    model.compile(cnnx.optimizers.Adam(0.003), "mse")
    losses = model.fit(X, targets, epochs=20, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0]
    model.save(tmp_path / "model.safetensors")
    again = cnnx.models.load_model(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(again.predict(X)["few"], model.predict(X)["few"])
    cnnx.onnx.save(model, tmp_path / "again.onnx")
    found = by_onnxruntime(tmp_path / "again.onnx", {"image": X})
    for wanted, one in zip(model.predict(X).values(), found, strict=True):
        assert_close(one, wanted, 1e-5)


def test_a_file_for_one_sample_takes_any_number(tmp_path: Path) -> None:
    nodes = [
        node("Conv", ["x", "k"], ["c"]),
        node("Reshape", ["c", "shape"], ["r"]),
        node("MatMul", ["r", "w"], ["y"]),
    ]
    constants = {"k": normal(1, 4, 3, 8, 12), "shape": np.array([1, -1]), "w": normal(2, 4, 5)}
    path = write(tmp_path / "one.onnx", nodes, {"x": [1, 3, 8, 12]}, ["y"], constants)
    model = cnnx.onnx.load(path)
    for place, x in enumerate(X):
        wanted = by_onnxruntime(path, {"x": x[None]})[0]
        assert_close(model.predict(X)[place : place + 1], wanted, 1e-5)


def test_shapes_are_worked_out_for_any_number_of_samples(tmp_path: Path) -> None:
    nodes = [  # what torch makes of x.view(x.shape[0], x.shape[1] * 2, -1).transpose(1, 2)
        node("Shape", ["x"], ["s"]),
        node("Gather", ["s", "zero"], ["n"]),
        node("Gather", ["s", "one"], ["c"]),
        node("Mul", ["c", "two"], ["c2"]),
        node("Unsqueeze", ["n", "axes"], ["n1"]),
        node("Unsqueeze", ["c2", "axes"], ["c1"]),
        node("Concat", ["n1", "c1", "rest"], ["shape"], axis=0),
        node("Reshape", ["x", "shape"], ["r"]),
        node("Transpose", ["r"], ["y"], perm=[0, 2, 1]),
    ]
    constants = {
        "zero": np.array(0),
        "one": np.array(1),
        "two": np.array(2),
        "axes": np.array([0]),
        "rest": np.array([-1]),
    }
    path = write(tmp_path / "shapes.onnx", nodes, {"x": ["n", 3, 8, 12]}, ["y"], constants)
    found = cnnx.onnx.load(path).predict(X)
    np.testing.assert_array_equal(found, by_onnxruntime(path, {"x": X})[0])


OF_VERSIONS: dict[str, tuple[int, list[Any], dict[str, Any]]] = {
    "Upsample with scales as an attribute": (
        7,
        [node("Upsample", ["x"], ["y"], mode="nearest", scales=[1.0, 1.0, 2.0, 3.0])],
        {},
    ),
    "Upsample with scales as an input": (
        9,
        [node("Upsample", ["x", "scales"], ["y"], mode="linear")],
        {"scales": np.float32([1, 1, 2, 2])},
    ),
    "Resize without roi": (
        10,
        [node("Resize", ["x", "scales"], ["y"], mode="nearest")],
        {"scales": np.float32([1, 1, 2, 0.5])},
    ),
    "Clip, Pad and Squeeze with attributes": (
        7,
        [
            node("Clip", ["x"], ["c"], min=-0.5, max=0.5),
            node("Pad", ["c"], ["p"], pads=[0, 0, 1, 0, 0, 0, 0, 2], value=1.5),
            node("ReduceSum", ["p"], ["s"], axes=[2], keepdims=1),
            node("Squeeze", ["s"], ["q"], axes=[2]),
            node("Unsqueeze", ["q"], ["u"], axes=[1]),
            node("Dropout", ["u"], ["y"], ratio=0.3),
        ],
        {},
    ),
    "Softmax over all axes": (11, [node("Softmax", ["x"], ["y"], axis=2)], {}),
    "Softmax over one axis": (13, [node("Softmax", ["x"], ["y"], axis=2)], {}),
    "Slice and Split with attributes": (
        9,
        [
            node("Slice", ["x"], ["s"], axes=[3, 2], starts=[1, -4], ends=[2**31, -1]),
            node("Split", ["s"], ["a", "b"], axis=3, split=[4, 7]),
            node("Concat", ["b", "a"], ["y"], axis=3),
        ],
        {},
    ),
    "axes as inputs": (
        18,
        [
            node("ReduceMean", ["x", "axes"], ["m"], keepdims=0),
            node("Unsqueeze", ["m", "axes"], ["u"]),
            node("Split", ["u"], ["a", "b"], axis=3, num_outputs=2),
            node("Concat", ["b", "a"], ["y"], axis=3),
        ],
        {"axes": np.array([2])},
    ),
    "operators as they are today": (
        21,
        [
            node("HardSwish", ["x"], ["h"]),
            node("Gelu", ["h"], ["g"], approximate="tanh"),
            node("GroupNormalization", ["g", "g1", "g1"], ["n"], num_groups=3),
            node("LayerNormalization", ["n", "l1"], ["y"], axis=-2),
        ],
        {"g1": normal(3, 3), "l1": normal(4, 8, 12)},
    ),
}


@pytest.mark.parametrize("name", OF_VERSIONS)
def test_operators_of_all_versions(name: str, tmp_path: Path) -> None:
    opset, nodes, constants = OF_VERSIONS[name]
    shape = {"x": ["n", 3, 8, 12]}
    path = write(tmp_path / "model.onnx", nodes, shape, ["y"], constants, opset=opset)
    assert_close(cnnx.onnx.load(path).predict(X), by_onnxruntime(path, {"x": X})[0], 1e-5)


def test_onnx_is_imported_at_its_first_use() -> None:
    code = "import cnnx, sys; assert not {'onnx', 'cnnx.onnx'} & set(sys.modules); cnnx.onnx.load"
    subprocess.run([sys.executable, "-c", code], check=True)


# --- errors ---------------------------------------------------------------------------------------


def test_all_that_cannot_be_taken_is_named_at_once(tmp_path: Path) -> None:
    nodes = [
        node("Relu", ["x"], ["a"]),
        node("MaxPool", ["a"], ["b"], name="pool", kernel_shape=[2, 2], dilations=[2, 2]),
        node("NonZero", ["b"], ["c"], name="where"),
        node("Resize", ["a", "", "scales"], ["d"], name="larger", antialias=1),
        node("Add", ["c", "d"], ["y"]),
    ]
    scales = np.array([1, 1, 2, 2], np.float32)
    path = write(tmp_path / "odd.onnx", nodes, {"x": [1, 1, 4, 4]}, ["y"], {"scales": scales})
    with pytest.raises(ValueError, match="these nodes cannot be taken") as error:
        cnnx.onnx.load(path)
    for text in (
        str(path),
        "MaxPool 'pool': attribute dilations=[2, 2]",
        "NonZero 'where': there is no such operator here",
        "Resize 'larger': attribute antialias=1",
    ):
        assert text in str(error.value)
    assert "Add" not in str(error.value)


def test_open_sizes_stay_open(tmp_path: Path) -> None:
    """Borders that depend on the size, a branch brought to the size of another, a gate."""
    nodes = [
        node("Conv", ["x", "k1", "b1"], ["c"], strides=[2, 2], auto_pad="SAME_UPPER"),
        node("Relu", ["c"], ["r"]),
        node("MaxPool", ["r"], ["p"], kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER"),
        node("Shape", ["r"], ["s"], start=2),
        node("Concat", ["front", "s"], ["size"], axis=0),
        node("Resize", ["p", "", "", "size"], ["u"], mode="nearest"),
        node("GlobalAveragePool", ["r"], ["g"]),
        node("Sigmoid", ["g"], ["gate"]),
        node("Mul", ["u", "gate"], ["m"]),
        node("Concat", ["m", "r"], ["both"], axis=1),
        node("ConvTranspose", ["both", "k2"], ["y"], strides=[2, 2], auto_pad="SAME_UPPER"),
        node("Flatten", ["g"], ["f"]),
    ]
    constants = {
        "k1": normal(1, 4, 3, 3, 3),
        "b1": normal(2, 4),
        "k2": normal(3, 8, 2, 4, 4),
        "front": np.array([1, 4]),
    }
    path = write(tmp_path / "open.onnx", nodes, {"x": [1, 3, "h", "w"]}, ["y", "f"], constants)
    model = cnnx.onnx.load(path)
    last = cnnx.onnx.load(path, data_format="channels_last")
    assert (model.input_shape, last.input_shape) == ((None, 3, None, None), (None, None, None, 3))
    assert model.output_shape == [(None, 2, None, None), (None, 4)]
    model.save(tmp_path / "again")
    for size in ((16, 24), (12, 20), (8, 8)):
        x = normal(4, 1, 3, *size)
        wanted = by_onnxruntime(path, {"x": x})
        for one in (model, cnnx.models.load_model(tmp_path / "again")):
            for found, other in zip(one.predict_on_batch(x).values(), wanted, strict=True):
                assert_close(found, other, 1e-5)
        found = last.predict_on_batch(x.transpose(0, 2, 3, 1))
        assert_close(found["y"].transpose(0, 3, 1, 2), wanted[0], 1e-5)
    fixed = cnnx.onnx.load(path, {"x": (None, 3, 8, None)})
    assert fixed.input_shape == (None, 3, 8, None)


def test_borders_at_odd_sizes(tmp_path: Path) -> None:
    nodes = [
        node("Conv", ["x", "k1"], ["c"], strides=[2, 2], auto_pad="SAME_UPPER"),
        node(
            "AveragePool", ["c"], ["p"], kernel_shape=[3, 2], strides=[2, 2], auto_pad="SAME_UPPER"
        ),
        node("Flatten", ["p"], ["y"], axis=1),
    ]
    path = write(
        tmp_path / "odd.onnx",
        nodes,
        {"x": [1, 3, "h", "w"]},
        ["p", "y"],
        {"k1": normal(1, 4, 3, 3, 3)},
    )
    model = cnnx.onnx.load(path)
    assert model.output_shape == [(None, 4, None, None), (None, None)]
    for size in ((9, 11), (10, 13), (5, 4)):
        x = normal(4, 1, 3, *size)
        for found, other in zip(
            model.predict_on_batch(x).values(), by_onnxruntime(path, {"x": x}), strict=True
        ):
            assert_close(found, other, 1e-5)


@pytest.mark.parametrize("counted", [0, 1])
def test_the_last_windows_of_any_size(tmp_path: Path, counted: int) -> None:
    """With ceil_mode the last window may reach beyond the border."""
    more = {"ceil_mode": 1, "strides": [2, 3]}
    nodes = [
        node("MaxPool", ["x"], ["m"], kernel_shape=[3, 3], **more),
        node("MaxPool", ["x"], ["p"], kernel_shape=[3, 4], pads=[1, 1, 1, 1], **more),
        node(
            "AveragePool",
            ["x"],
            ["a"],
            kernel_shape=[3, 4],
            pads=[1, 1, 1, 1],
            count_include_pad=counted,
            **more,
        ),
    ]
    path = write(tmp_path / "ceil.onnx", nodes, {"x": [1, 2, "h", "w"]}, ["m", "p", "a"])
    model = cnnx.onnx.load(path)
    for size in itertools.product((6, 7, 8, 9), (6, 7, 8)):
        x = normal(4, 1, 2, *size)
        for found, other in zip(
            model.predict_on_batch(x).values(), by_onnxruntime(path, {"x": x}), strict=True
        ):
            assert_close(found, other, 1e-5)


DEPENDS = {
    "ceil_mode=1 depends on the sizes": node(
        "MaxPool", ["x"], ["y"], kernel_shape=[2, 2], strides=[3, 3], ceil_mode=1
    ),
    "'SAME_LOWER' depends on the sizes": node(
        "Conv", ["x", "k"], ["y"], strides=[2, 2], auto_pad="SAME_LOWER"
    ),
    "'SAME_UPPER' depends on the sizes": node(
        "AveragePool",
        ["x"],
        ["y"],
        kernel_shape=[2, 2],
        strides=[2, 2],
        auto_pad="SAME_UPPER",
        count_include_pad=1,
    ),
    "Take '.*' depends on them": node("Slice", ["x", "zero", "end", "axes", "steps"], ["y"]),
    "beside an array": node("Add", ["x", "map"], ["y"]),
}


@pytest.mark.parametrize("reason", DEPENDS)
def test_sizes_that_are_needed_are_asked_for(reason: str, tmp_path: Path) -> None:
    constants = {
        "k": normal(1, 4, 3, 3, 3),
        "map": normal(2, 1, 1, 9, 9),
        "zero": np.array([0]),
        "end": np.array([-1]),
        "axes": np.array([2]),
        "steps": np.array([3]),
    }
    x = {"x": ["n", 3, "h", "w"]}
    path = write(tmp_path / "open.onnx", [DEPENDS[reason]], x, ["y"], constants)
    asked = r"the input 'x' are open; give them: input_shapes=\{'x': \(None, 3, 224, 224\)\}: .*"
    with pytest.raises(ValueError, match=f"(?s){asked}{reason}"):
        cnnx.onnx.load(path)
    with pytest.raises(ValueError, match="input_shapes names z; the inputs are x"):
        cnnx.onnx.load(path, {"z": (None, 3, 4, 4)})
    assert cnnx.onnx.load(path, {"x": (None, 3, 9, 9)}).input_shape == (None, 3, 9, 9)


def test_comparisons_and_what_they_choose(tmp_path: Path) -> None:
    """Against constants, against each other, and with constants to choose from."""
    nodes = [
        node("Greater", ["x", "c"], ["high"]),
        node("LessOrEqual", ["half", "z"], ["above"]),
        node("Equal", ["x", "z"], ["same"]),
        node("And", ["high", "above"], ["both"]),
        node("Or", ["both", "same"], ["any"]),
        node("Not", ["any"], ["none"]),
        node("Where", ["any", "x", "z"], ["a"]),
        node("Where", ["none", "c", "a"], ["b"]),
        node("Where", ["mask", "b", "least"], ["d"]),
        node("Cast", ["x"], ["t"], to=9),
        node("Cast", ["t"], ["f"], to=1),
        node("Mul", ["d", "f"], ["y"]),
    ]
    constants = {
        "c": normal(7, 1, 3, 1, 1),
        "half": np.float32(0.5),
        "mask": normal(8, 1, 3, 8, 12) > -1,
        "least": np.float32(-1e4),
    }
    shape = ["n", 3, 8, 12]
    path = write(tmp_path / "model.onnx", nodes, {"x": shape, "z": shape}, ["y"], constants)
    z = np.where(normal(9, *X.shape) > 0, X, normal(10, *X.shape))
    x = X * (normal(11, *X.shape) > -1)
    wanted = by_onnxruntime(path, {"x": x, "z": z})[0]
    model = cnnx.onnx.load(path)
    np.testing.assert_array_equal(model.predict([x, z]), wanted)
    cnnx.onnx.save(model, tmp_path / "again.onnx")
    found = by_onnxruntime(tmp_path / "again.onnx", {"x": x, "z": z})[0]
    np.testing.assert_array_equal(found, wanted)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "damaged.onnx"
    for content in (b"", b"not a network", residual(path).read_bytes()[:-900]):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"damaged\.onnx: "):
            cnnx.onnx.load(path)
    with pytest.raises(FileNotFoundError, match=r"nowhere\.onnx: no such file"):
        cnnx.onnx.load(tmp_path / "nowhere.onnx")


def with_external(path: Path, location: str, length: int = 16, shape: Any = (4,)) -> Path:
    write(path, [node("Add", ["x", "c"], ["y"])], {"x": ["n", 4]}, ["y"])
    model = onnx.load(path)
    tensor = model.graph.initializer.add()
    tensor.name, tensor.data_type, tensor.data_location = "c", 1, onnx.TensorProto.EXTERNAL
    tensor.dims.extend(shape)
    for key, value in {"location": location, "offset": "0", "length": str(length)}.items():
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value
    path.write_bytes(model.SerializeToString())
    return path


def test_arrays_beside_the_file_are_read(tmp_path: Path) -> None:
    path = with_external(tmp_path / "model.onnx", "data/weights.bin")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/weights.bin").write_bytes(np.arange(4, dtype="<f4").tobytes())
    found = cnnx.onnx.load(path).predict(np.zeros((1, 4), np.float32))
    np.testing.assert_array_equal(found, [[0, 1, 2, 3]])


@pytest.mark.parametrize(
    "location", ["../secret", "data/../../secret", "/etc/passwd", "", ".", "link", "hard", "dir/x"]
)
def test_arrays_elsewhere_are_refused(location: str, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(16))
    (folder / "link").symlink_to(secret)
    (folder / "hard").hardlink_to(secret)
    (folder / "dir").symlink_to(tmp_path)
    (tmp_path / "x").write_bytes(bytes(16))
    path = with_external(folder / "model.onnx", location)
    with pytest.raises(ValueError, match=r"outside the file's folder|no file of its own"):
        cnnx.onnx.load(path)


def test_sizes_of_arrays_are_compared_before_they_are_made(tmp_path: Path) -> None:
    (tmp_path / "w").write_bytes(bytes(16))
    vast = (2**31, 2**31)
    with pytest.raises(ValueError, match="larger than the file"):
        cnnx.onnx.load(with_external(tmp_path / "model.onnx", "w", 16, vast))
    with pytest.raises(ValueError, match="needs 400 bytes; w has 16"):
        cnnx.onnx.load(with_external(tmp_path / "model.onnx", "w", 400, (100,)))


def test_constants_cannot_grow_beyond_measure(tmp_path: Path) -> None:
    nodes = [node("ConstantOfShape", ["shape"], ["c"]), node("Add", ["x", "c"], ["y"])]
    shape = {"shape": np.array([2**20, 2**20])}
    path = write(tmp_path / "vast.onnx", nodes, {"x": ["n", 4]}, ["y"], shape)
    with pytest.raises(ValueError, match="it makes a constant of shape"):
        cnnx.onnx.load(path)


def test_a_file_without_inputs_or_outputs_is_refused(tmp_path: Path) -> None:
    relu, shape = [node("Relu", ["x"], ["y"])], {"x": ["n", 4]}
    constant = {"x": np.zeros((2, 4), np.float32)}
    for inputs, outputs, constants in ((shape, [], {}), ({}, ["y"], constant)):
        path = write(tmp_path / "m.onnx", relu, inputs, outputs, constants)
        with pytest.raises(ValueError, match=r"m\.onnx: it holds no network"):
            cnnx.onnx.load(path)
    path = write(tmp_path / "m.onnx", relu, shape, ["y"], constant)
    with pytest.raises(ValueError, match="all its inputs are constants"):
        cnnx.onnx.load(path)


def test_an_axis_that_is_named_twice_is_refused(tmp_path: Path) -> None:
    nodes = [node("Unsqueeze", ["x", "axes"], ["y"], name="twice")]
    path = write(tmp_path / "m.onnx", nodes, {"x": ["n", 4]}, ["y"], {"axes": np.array([1, 1])})
    with pytest.raises(ValueError, match=r"Unsqueeze 'twice': axes \[1, 1\] name one twice"):
        cnnx.onnx.load(path)


def test_onnx_is_asked_for_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r'onnx.load needs onnx: pip install "cnnx\[onnx\]"'):
        cnnx.onnx.load("model.onnx")


# --- real files -----------------------------------------------------------------------------------

RAPID_OCR = importlib.util.find_spec("rapidocr_onnxruntime")
SIZES = {
    "ch_ppocr_mobile_v2.0_cls_infer": [(48, 192), (48, 128), (64, 256)],
    "ch_PP-OCRv4_det_infer": [(96, 160), (320, 480), (640, 640)],
    "ch_PP-OCRv4_rec_infer": [(48, 320), (48, 160), (48, 96)],
}


@pytest.mark.skipif(RAPID_OCR is None, reason="rapidocr-onnxruntime is not installed")
@pytest.mark.parametrize(
    ("name", "size"), [(name, size) for name, sizes in SIZES.items() for size in sizes]
)
def test_networks_that_read_text(name: str, size: tuple[int, int]) -> None:
    assert RAPID_OCR is not None
    assert RAPID_OCR.origin is not None
    path = Path(RAPID_OCR.origin).parent / "models" / f"{name}.onnx"
    x = np.random.default_rng(1).random((2, 3, *size), np.float32)
    found = cnnx.onnx.load(path, {"x": (None, 3, *size)}).predict(x)
    np.testing.assert_allclose(found, by_onnxruntime(path, {"x": x})[0], rtol=0, atol=1e-4)
