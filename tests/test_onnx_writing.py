"""Networks as ONNX files: other programs compute the same of them, and so does what reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnx
import random_cases
import test_merging_layers
from agreement import assert_close, normal
from cnnx import layers
from layer_cases import CASES
from onnx_peers import PEERS, by_onnxruntime, by_peer, onnx

BATCH = 3


def one_layer(name: str) -> cnnx.Model:
    case = CASES[name]
    x = cnnx.Input(case.input_shape, name="x")
    return cnnx.Model(x, case.layer_class(**case.arguments, name="y")(x))


def merging(name: str) -> cnnx.Model:
    cls, arguments, _ = test_merging_layers.CASES[name]
    inputs = [cnnx.Input((3, 4, 2), name=f"x{place}") for place in range(cls.most or 2)]
    return cnnx.Model(inputs, cls(**arguments, name="y")(inputs))


def randomised(model: cnnx.Model) -> cnnx.Model:
    for place, weight in enumerate(model.weights):
        weight.assign(np.abs(normal(10 + place, *weight.shape)) + np.float32(0.1))
    return model


def samples(model: cnnx.Model) -> dict[str, Any]:
    shapes = [value.shape[1:] for value in model.graph.inputs]
    return {
        name: normal(place, BATCH, *shape)
        for place, (name, shape) in enumerate(zip(model.input_names, shapes, strict=True))
    }


def outputs(model: cnnx.Model, inputs: Any) -> list[np.ndarray]:
    found = model.predict(inputs if len(inputs) > 1 else next(iter(inputs.values())))
    if isinstance(found, dict):
        return list(found.values())
    return found if isinstance(found, list) else [found]


def check(model: cnnx.Model, path: Path, peer: str) -> None:
    """Compare a model with what a peer computes of its file, and what is read from that."""
    inputs = samples(model)
    expected = outputs(model, inputs)
    cnnx.onnx.save(model, path)
    found = by_peer(peer, path, inputs)
    compare(found, expected, peer)
    compare(outputs(cnnx.onnx.load(path), inputs), expected, "read again")


def compare(found: list[np.ndarray], expected: list[np.ndarray], what: str) -> None:
    for one, wanted in zip(found, expected, strict=True):
        assert_close(one, wanted, 1e-5, what)


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("name", CASES)
def test_a_layer_is_computed_alike(name: str, peer: str, tmp_path: Path) -> None:
    check(randomised(one_layer(name)), tmp_path / "model.onnx", peer)


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("name", test_merging_layers.CASES)
def test_a_merging_layer_is_computed_alike(name: str, peer: str, tmp_path: Path) -> None:
    check(merging(name), tmp_path / "model.onnx", peer)


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("name", test_merging_layers.DOTS)
def test_products_along_an_axis_are_computed_alike(name: str, peer: str, tmp_path: Path) -> None:
    axes, shapes, _ = test_merging_layers.DOTS[name]
    inputs = [cnnx.Input(shape) for shape in shapes]
    products = [layers.Dot(axes, normalize)(inputs) for normalize in (False, True)]
    check(cnnx.Model(inputs, products), tmp_path / "model.onnx", peer)


# Networks.


def test_several_inputs_and_outputs_keep_their_names(tmp_path: Path) -> None:
    left, right = cnnx.Input((6, 5, 2), name="left"), cnnx.Input((6, 5, 2), name="right")
    convolution = layers.Conv2D(3, 3, padding="same", activation="silu", name="shared")
    one, two = convolution(left), convolution(right)
    pooled = layers.GlobalAveragePooling2D(name="pooled")(one * two)
    model = cnnx.Model(
        [left, right],
        {"map": layers.Maximum()([one, two]), "class": layers.Dense(4, "softmax")(pooled)},
    )
    path = tmp_path / "model.onnx"
    cnnx.onnx.save(randomised(model), path)
    file = onnx.load(path)
    assert [info.name for info in file.graph.input] == ["left", "right"]
    assert [info.name for info in file.graph.output] == ["map", "class"]
    shapes = [
        [dim.dim_param or dim.dim_value for dim in info.type.tensor_type.shape.dim]
        for info in (*file.graph.input, *file.graph.output)
    ]
    assert shapes == [["batch", 6, 5, 2]] * 2 + [["batch", 6, 5, 3], ["batch", 4]]
    kernels = [item.name for item in file.graph.initializer if item.name.startswith("shared")]
    assert kernels == ["shared/kernel", "shared/bias"]  # once, though used twice
    for peer in PEERS:
        check(model, path, peer)


def test_channels_may_come_first(tmp_path: Path) -> None:
    x = cnnx.Input((6, 5, 2), name="x")
    model = randomised(cnnx.Model(x, layers.Conv2D(3, 3, name="y")(x)))
    path = tmp_path / "model.onnx"
    cnnx.onnx.save(model, path, data_format="channels_first")
    assert [entry.op_type for entry in onnx.load(path).graph.node] == ["Conv"]
    inputs = normal(1, 3, 6, 5, 2)
    (found,) = by_onnxruntime(path, {"x": np.ascontiguousarray(inputs.transpose(0, 3, 1, 2))})
    assert_close(found.transpose(0, 2, 3, 1), model.predict(inputs))


def test_labels_and_preprocessing_are_inside(tmp_path: Path) -> None:
    x = cnnx.Input((9, 11, 3), name="photo")
    y = layers.Normalization(mean=[1, 2, 3], variance=[4, 1, 9])(layers.Rescaling(1 / 255)(x))
    y = layers.GlobalAveragePooling2D()(layers.Resizing(6, 6)(y))
    model = cnnx.Model(x, layers.Dense(2, "softmax")(y))
    for peer in PEERS:
        check(model, tmp_path / "model.onnx", peer)
    cnnx.onnx.save(model, tmp_path / "model.onnx", labels=["cat", "dog"])
    (entry,) = onnx.load(tmp_path / "model.onnx").metadata_props
    assert (entry.key, entry.value) == ("labels", '["cat", "dog"]')
    with pytest.raises(TypeError, match=r"onnx.save: labels must be a list of names, got 'cat'"):
        cnnx.onnx.save(model, tmp_path / "model.onnx", labels="cat")


def test_pictures_are_prepared_inside(tmp_path: Path) -> None:
    x = y = cnnx.Input((9, 11, 3), name="photo")
    for layer in (
        layers.AutoContrast((-3, 3)),
        layers.Rescaling([1.0, 2.0, 3.0], [0.0, 1.0, 0.0]),
        layers.Resizing(12, 7, "bicubic", crop_to_aspect_ratio=True),
        layers.Resizing(6, 6, pad_to_aspect_ratio=True, fill_value=2.0, antialias=True),
        layers.RandomFlip(),
        layers.CenterCrop(5, 4),
        layers.RandomCrop(4, 6),
    ):
        y = layer(y)
    for peer in PEERS:
        check(cnnx.Model(x, y), tmp_path / "model.onnx", peer)


def test_models_in_models(tmp_path: Path) -> None:
    body = cnnx.Sequential(
        [
            cnnx.Input((7, 7, 3)),
            layers.Rescaling(2, 0.5),
            layers.Conv2D(4, 3, name="inner"),
            layers.BatchNormalization(),
            layers.Flatten(),
        ],
        name="body",
    )
    first, second = cnnx.Input((7, 7, 3), name="first"), cnnx.Input((7, 7, 3), name="second")
    head = layers.Dense(2, name="head")
    model = cnnx.Model([first, second], head(body(first) - body(second)))
    for peer in PEERS:
        check(randomised(model), tmp_path / "model.onnx", peer)


def test_an_input_or_a_value_as_an_output(tmp_path: Path) -> None:
    x = cnnx.Input((4, 5, 2), name="x")
    y = layers.ReLU(name="y")(x)
    model = cnnx.Model(x, {"same": x, "middle": y, "end": layers.MaxPooling2D()(y)})
    check(model, tmp_path / "model.onnx", "onnxruntime")


def test_layers_of_ones_own_are_named(tmp_path: Path) -> None:
    class Own(layers.Layer):
        def forward(self, call: Any, x: Any) -> Any:
            return x

    class Other(layers.Dense):
        pass

    x = cnnx.Input((4,))
    model = cnnx.Model(x, Other(2, name="b")(layers.ReLU()(Own(name="a")(x))))
    with pytest.raises(ValueError, match="ONNX has nothing for Own 'a', Other 'b'"):
        cnnx.onnx.save(model, tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()
    function = cnnx.activations.Activation("mine", np.positive, lambda y, dy, dx: None)
    model = cnnx.Model(x, layers.Dense(2, activation=function, name="c")(x))
    with pytest.raises(ValueError, match="ONNX has nothing for the activation 'mine'"):
        cnnx.onnx.save(model, tmp_path / "model.onnx")


DRAWN = 4


@pytest.mark.parametrize("family", random_cases.FAMILIES)
def test_layers_drawn_at_random(family: str, tmp_path: Path) -> None:
    for number in range(DRAWN):
        case = random_cases.random_case(family, number)
        if isinstance(case, random_cases.Loss):
            pytest.skip("a loss")
        layer = case.layer()
        merges = layer.merges
        arrays = list(case.arrays) if merges else [case.arrays[0]]
        inputs = [cnnx.Input(x.shape[1:], name=f"x{n}") for n, x in enumerate(arrays)]
        values: list[Any] = inputs
        if all((x > 0).all() for x in arrays):  # a function of positive numbers
            values = [layers.Activation("exponential")(value) for value in inputs]
        model = randomised(cnnx.Model(inputs, layer(values if merges else values[0])))
        check(model, tmp_path / "model.onnx", "onnxruntime")


def drawn_network(seed: int) -> cnnx.Model:
    """Return a network of branches that are joined again, of layers drawn at random."""
    cnnx.utils.set_random_seed(seed)
    chance = np.random.default_rng(seed)
    size = tuple(int(n) for n in chance.integers(5, 12, 2))
    x = cnnx.Input((*size, int(chance.integers(1, 5))), name="x")
    values = [x]
    for _ in range(int(chance.integers(3, 9))):
        source = values[chance.integers(len(values))]
        values.append(drawn_layer(chance, source, values))
    last = values[-1]
    flat = layers.Flatten()(last) if chance.random() < 0.5 else layers.GlobalMaxPooling2D()(last)
    outputs = [layers.Dense(3, "softmax", name="classes")(flat)]
    if chance.random() < 0.5 and last is not x:
        outputs.append(last)
    model = cnnx.Model(x, outputs)
    for weight in model.weights:
        if weight.name in ("moving_mean", "moving_variance", "beta", "bias"):
            weight.assign(chance.uniform(0.2, 0.8, weight.shape))
    return model


def drawn_layer(chance: np.random.Generator, source: Any, values: list[Any]) -> Any:
    """Return a value computed from another, or from all of its shape."""
    channels = source.shape[-1]
    functions = ["relu", "silu", "gelu", "hard_sigmoid", "elu", None]
    chosen = functions[chance.integers(len(functions))]
    alike = [value for value in values if value.shape == source.shape]
    if len(alike) > 1 and chance.random() < 0.5:
        kinds: Any = (layers.Add, layers.Multiply, layers.Maximum, layers.Concatenate)
        return kinds[chance.integers(len(kinds))]()(alike[-2:])
    gate = layers.GlobalAveragePooling2D(keepdims=True)(source)
    made: list[Any] = [
        lambda: layers.Conv2D(int(chance.integers(1, 6)), 3, 1, "same", activation=chosen)(source),
        lambda: layers.DepthwiseConv2D(3, padding="same", activation=chosen)(source),
        lambda: layers.Conv2DTranspose(3, 2, activation=chosen)(source),
        lambda: layers.BatchNormalization()(source),
        lambda: layers.GroupNormalization(-1)(source),
        lambda: layers.LayerNormalization()(source),
        lambda: layers.UpSampling2D(2)(layers.MaxPooling2D(2, padding="same")(source)),
        lambda: layers.AveragePooling2D(3, 1, "same")(source),
        lambda: source * layers.Conv2D(channels, 1, activation="sigmoid")(gate),
        lambda: layers.Permute((2, 1, 3))(source),
        lambda: layers.ZeroPadding2D(((1, 0), (0, 2)))(source),
        lambda: layers.LeakyReLU(0.1)(source),
        lambda: layers.Take([0] * 2 + [channels - 1])(source),
    ]
    return made[chance.integers(len(made))]()


@pytest.mark.parametrize("count", [40, pytest.param(2000, marks=pytest.mark.thorough)])
def test_networks_drawn_at_random(count: int, tmp_path: Path) -> None:
    for seed in range(count):
        model = drawn_network(seed)
        check(model, tmp_path / "model.onnx", PEERS[seed % len(PEERS)])


def test_every_layer_can_be_written() -> None:
    from cnnx.onnx.layer_nodes import LAYERS

    assert {cls.__name__ for cls in LAYERS} == set(layers.LAYERS) - {
        "InputLayer",
        "SpectralNormalization",
    }
