"""Layers and networks with their channels first: the same as with the channels last."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import cnnx
from agreement import assert_close, normal
from cnnx import layers
from cnnx.models import clone_model, load_model

Array = NDArray[np.float32]
FIRST = {"data_format": "channels_first"}
IMAGE, SEQUENCE = (7, 6, 4), (9, 4)
CASES: dict[str, tuple[Any, dict[str, Any], tuple[int, ...]]] = {
    "Conv2D": (layers.Conv2D, {"filters": 6, "kernel_size": 3, "groups": 2}, IMAGE),
    "Conv1D": (layers.Conv1D, {"filters": 3, "kernel_size": 3, "padding": "causal"}, SEQUENCE),
    "Conv2DTranspose": (layers.Conv2DTranspose, {"filters": 3, "kernel_size": 3}, IMAGE),
    "Conv1DTranspose": (layers.Conv1DTranspose, {"filters": 3, "kernel_size": 2}, SEQUENCE),
    "DepthwiseConv2D": (layers.DepthwiseConv2D, {"kernel_size": 3}, IMAGE),
    "DepthwiseConv1D": (layers.DepthwiseConv1D, {"kernel_size": 3}, SEQUENCE),
    "SeparableConv2D": (layers.SeparableConv2D, {"filters": 3, "kernel_size": 3}, IMAGE),
    "SeparableConv1D": (layers.SeparableConv1D, {"filters": 3, "kernel_size": 3}, SEQUENCE),
    "MaxPooling2D": (layers.MaxPooling2D, {"pool_size": (2, 3), "padding": "same"}, IMAGE),
    "MaxPooling1D": (layers.MaxPooling1D, {"pool_size": 2}, SEQUENCE),
    "AveragePooling2D": (layers.AveragePooling2D, {"pool_size": 2}, IMAGE),
    "AveragePooling1D": (layers.AveragePooling1D, {"pool_size": 2}, SEQUENCE),
    "AdaptiveMaxPooling2D": (layers.AdaptiveMaxPooling2D, {"output_size": (3, 2)}, IMAGE),
    "AdaptiveAveragePooling1D": (layers.AdaptiveAveragePooling1D, {"output_size": 4}, SEQUENCE),
    "GlobalMaxPooling2D": (layers.GlobalMaxPooling2D, {"keepdims": True}, IMAGE),
    "GlobalMaxPooling1D": (layers.GlobalMaxPooling1D, {}, SEQUENCE),
    "GlobalAveragePooling2D": (layers.GlobalAveragePooling2D, {}, IMAGE),
    "GlobalAveragePooling1D": (layers.GlobalAveragePooling1D, {"keepdims": True}, SEQUENCE),
    "SumPooling2D": (layers.SumPooling2D, {"pool_size": 2}, IMAGE),
    "WeightedAveragePooling2D": (layers.WeightedAveragePooling2D, {"pool_size": 2}, IMAGE),
    "UpSampling2D": (layers.UpSampling2D, {"interpolation": "bilinear"}, IMAGE),
    "ZeroPadding2D": (layers.ZeroPadding2D, {"padding": ((1, 0), (0, 2))}, IMAGE),
    "ZeroPadding1D": (layers.ZeroPadding1D, {"padding": (1, 2)}, SEQUENCE),
    "Cropping2D": (layers.Cropping2D, {"cropping": ((1, 0), (0, 2))}, IMAGE),
    "SpatialDropout2D": (layers.SpatialDropout2D, {"rate": 0.5, "seed": 3}, IMAGE),
    "Flatten": (layers.Flatten, {}, IMAGE),
    "BatchNormalization": (layers.BatchNormalization, {}, IMAGE),
}


def moved(x: Array, axes: int) -> Array:
    """Return an array with as many axes as an input has with its channels first."""
    return np.ascontiguousarray(np.moveaxis(x, -1, 1)) if x.ndim == axes else x


def pair(name: str) -> tuple[layers.Layer, layers.Layer]:
    """Return a layer with its channels last, and one with them first."""
    cls, arguments, _ = CASES[name]
    first = {"axis": 1} if cls is layers.BatchNormalization else FIRST
    return cls(**arguments), cls(**arguments, **first)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_a_layer_computes_the_same(name: str, training: bool) -> None:
    shape = CASES[name][2]
    axes, (last, first) = len(shape) + 1, pair(name)
    x = normal(1, 5, *shape)
    last.build_once((None, *shape))
    given = (None, shape[-1], *shape[:-1])
    first.build_once(given)
    first.set_weights(last.get_weights())
    y = moved(last(x, training), axes)
    np.testing.assert_array_equal(first(moved(x, axes), training), y)
    assert first.compute_output_shape(given) == first.output_shape == (None, *y.shape[1:])
    assert first.input_shape == given
    again = type(first).from_config(first.get_config())
    again.build_once(given)
    again.set_weights(last.get_weights())
    np.testing.assert_array_equal(again(moved(x, axes)), moved(last(x), axes))
    for other in (copy.deepcopy(first), pickle.loads(pickle.dumps(first))):
        np.testing.assert_array_equal(other(moved(x, axes)), moved(last(x), axes))


def network(first: bool) -> cnnx.Model:
    """Return a network with branches of the layers that work element by element, too."""
    layout: dict[str, Any] = FIRST if first else {}
    axis = 1 if first else -1
    image = cnnx.Input((3, 12, 10) if first else (12, 10, 3))
    x = layers.Conv2D(4, 3, padding="same", **layout)(image)
    x = layers.LeakyReLU()(layers.BatchNormalization(axis=axis)(x))
    y = layers.Conv2D(4, 3, padding="same", activation="tanh", **layout)(x)
    y = layers.Add()([x, layers.Identity()(y)])
    y = layers.Concatenate(axis=axis)([y, layers.Multiply()([x, y])])
    y = layers.AveragePooling2D(2, **layout)(y)
    flat = layers.Flatten(**layout)(y)
    scores = layers.Dense(3, "softmax")(flat)
    model = cnnx.Model(image, {"map": y, "scores": scores})
    model.compile("adam", {"map": "mse", "scores": "categorical_crossentropy"})
    return model


def data(seed: int = 1) -> tuple[Array, dict[str, Array]]:
    labels = np.random.default_rng(seed).integers(0, 3, 6)
    y = {"map": normal(seed, 6, 6, 5, 8), "scores": np.eye(3, dtype=np.float32)[labels]}
    return normal(seed + 1, 6, 12, 10, 3), y


def test_a_network_learns_the_same_and_moves_at_its_border_alone(tmp_path: Path) -> None:
    last, first = network(False), network(True)
    first.set_weights(last.get_weights())
    x, y = data()
    turned = moved(x, 4), {"map": moved(y["map"], 4), "scores": y["scores"]}
    for _ in range(3):
        losses = last.train_on_batch(x, y)
        assert first.train_on_batch(*turned) == pytest.approx(losses)  # added up in another order
    for one, other in zip(first.get_weights(), last.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    kinds = [type(value.node.layer).__name__ for value in first.flat_graph.values]
    assert kinds.count("Permute") == 2
    assert len(kinds) == len(last.flat_graph.values) + 2

    wanted = last.predict(x, verbose=0)
    wanted["map"] = moved(wanted["map"], 4)
    first.save(tmp_path / "model.safetensors")
    copied = clone_model(first)
    copied.set_weights(first.get_weights())
    loaded = load_model(tmp_path / "model.safetensors")
    for model in (first, loaded, copied, pickle.loads(pickle.dumps(first))):
        found = model.predict(turned[0], verbose=0)
        for name, array in wanted.items():
            np.testing.assert_array_equal(found[name], array)
    assert loaded.train_on_batch(*turned) == pytest.approx(last.train_on_batch(x, y))
    assert cnnx.explain.check_gradients(first, *turned).agrees


def test_a_layer_between_others_moves_the_channels_to_where_they_are_written() -> None:
    """Reshape, a softmax over the last axis and Flatten see the axes as they were written."""
    x = normal(1, 5, 3, 8, 6)
    convolution = layers.Conv2D(4, 3, **FIRST)
    image = cnnx.Input((3, 8, 6))
    y = convolution(image)
    outputs = [layers.Reshape((8, -1))(y), layers.Softmax()(y), layers.Flatten()(y)]
    found = cnnx.Model(image, outputs).predict(x, verbose=0)
    maps = convolution(x)
    wanted = [maps.reshape(5, 8, -1), layers.Softmax()(maps), maps.reshape(5, -1)]
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_frozen_layer_stays_as_it_is_and_settings_reach_what_computes() -> None:
    model = cnnx.Sequential(
        [
            cnnx.Input((3, 8, 6)),
            layers.Conv2D(4, 3, name="frozen", **FIRST),
            layers.BatchNormalization(axis=1, momentum=0.5, name="norm"),
            layers.GlobalAveragePooling2D(**FIRST),
            layers.Dense(2),
        ]
    )
    model.compile("sgd", "mse")
    x, y = normal(1, 4, 3, 8, 6), normal(2, 4, 2)
    model.train_on_batch(x, y)
    model.get_layer("frozen").trainable = False
    model.get_layer("norm").momentum = 1.0
    before = model.get_weights()
    model.train_on_batch(x, y)
    changed = [not np.array_equal(*both) for both in zip(before, model.get_weights(), strict=True)]
    assert changed == [False, False, True, True, False, False, True, True]


def test_networks_within_networks_move_once() -> None:
    inner = cnnx.Sequential([cnnx.Input((4, 8, 6)), layers.MaxPooling2D(2, **FIRST)])
    model = cnnx.Sequential([cnnx.Input((3, 8, 6)), layers.Conv2D(4, 1, **FIRST), inner])
    kinds = [type(value.node.layer).__name__ for value in model.flat_graph.values]
    assert kinds == ["Permute", "Conv2D", "MaxPooling2D", "Permute"]
    x = normal(1, 2, 3, 8, 6)
    y = model.layers[0](x).reshape(2, 4, 4, 2, 3, 2).max((3, 5))
    np.testing.assert_array_equal(model.predict(x, verbose=0), y)


def test_files_of_other_programs(tmp_path: Path) -> None:
    model = network(True)
    x = moved(data()[0], 4)
    model = cnnx.Model(model.input, model.layers[-1].output)
    model.export_program(tmp_path / "net.program", batch_size=2)
    onnxruntime = pytest.importorskip("onnxruntime")
    cnnx.onnx.save(model, tmp_path / "net.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "net.onnx")
    (found,) = session.run(None, {session.get_inputs()[0].name: x})
    np.testing.assert_allclose(found, model.predict(x, verbose=0), atol=1e-6)


def test_weights_of_pytorch_fit_a_network_of_its_layout() -> None:
    torch = pytest.importorskip("torch")
    theirs = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Flatten(),
        torch.nn.Linear(4 * 5 * 4, 3),
    )
    x = normal(1, 2, 3, 12, 10)
    wanted = theirs(torch.from_numpy(x)).detach().numpy()
    for layout in ({}, FIRST):
        model = cnnx.Sequential(
            [
                cnnx.Input((3, 12, 10)),
                layers.Conv2D(4, 3, activation="relu", **FIRST),
                layers.MaxPooling2D(2, **FIRST),
                layers.Flatten(**layout),
                layers.Dense(3),
            ]
        )
        cnnx.torch.load_weights(model, theirs.state_dict())
        np.testing.assert_allclose(model.predict(x, verbose=0), wanted, atol=1e-6)


def test_explanations_are_those_of_the_pixels() -> None:
    def classifier(first: bool) -> cnnx.Model:
        layout: dict[str, Any] = FIRST if first else {}
        stack = [
            cnnx.Input((2, 9, 7) if first else (9, 7, 2)),
            layers.Conv2D(3, 3, activation="relu", name="maps", **layout),
            layers.GlobalAveragePooling2D(**layout),
            layers.Dense(3, "softmax"),
        ]
        return cnnx.Sequential(stack)

    last, first = classifier(False), classifier(True)
    first.set_weights(last.get_weights())
    image = normal(4, 9, 7, 2)
    turned = np.moveaxis(image, -1, 0)
    for explain in (cnnx.explain.saliency, cnnx.explain.grad_cam, cnnx.explain.occlusion):
        assert_close(explain(first, turned, 1), explain(last, image, 1))
    maps, expected = (
        list(cnnx.explain.feature_maps(*of).items()) for of in ((first, turned), (last, image))
    )
    assert [values.shape for _, values in maps] == [values.shape for _, values in expected]
    assert maps[0][0] == expected[0][0] == "maps"
    np.testing.assert_array_equal(maps[0][1], expected[0][1])
    with pytest.raises(ValueError, match=r"larger than the image \(9, 7\)"):
        cnnx.explain.occlusion(first, turned, size=8)


def test_receptive_fields_are_those_of_the_pixels() -> None:
    def fields(first: bool) -> Any:
        layout: dict[str, Any] = FIRST if first else {}
        stack = [
            cnnx.Input((3, 20, 30) if first else (20, 30, 3)),
            layers.Conv2D(2, 3, 2, **layout, name="c"),
            layers.MaxPooling2D(2, **layout, name="p"),
            layers.Flatten(name="f"),
        ]
        return cnnx.explain.receptive_field(cnnx.Sequential(stack))

    assert fields(True) == fields(False)


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (layers.Conv2D(2, 3, **FIRST), (2, 8, 8), "grey images need a channel axis: x[:, None]"),
        (
            layers.MaxPooling1D(2, **FIRST),
            (2, 3, 4, 5),
            "(batch, channels, steps), got shape (None",
        ),
        (layers.Conv2D(2, 3, groups=2, **FIRST), (2, 3, 8, 8), "the input's 3 channels must be"),
        (layers.BatchNormalization(axis=2), (2, 3, 8, 8), "axis must be -1 or 3, the last of"),
    ],
)
def test_what_does_not_fit(layer: layers.Layer, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError) as error:
        layer(np.ones(shape))
    assert message in str(error.value)


def test_sizes_may_be_open() -> None:
    model = cnnx.Sequential(
        [
            cnnx.Input((3, None, None)),
            layers.Conv2D(4, 3, **FIRST),
            layers.BatchNormalization(axis=1),
            layers.AdaptiveAveragePooling2D(2, **FIRST),
            layers.Flatten(),
        ]
    )
    assert model.layers[0].output_shape == (None, 4, None, None)
    for size in ((9, 8), (6, 11)):
        x = normal(1, 2, 3, *size)
        y = x
        for layer in model.layers:
            y = layer(y)
        assert_close(model.predict(x, verbose=0), y)
