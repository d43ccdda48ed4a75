"""Models as text, copies of a model with other layers or inputs, and names that begin anew."""

from __future__ import annotations

import json
import warnings
from typing import Any

import numpy as np
import pytest
from numpy.linalg import norm

import cnnx
from cnnx import layers, utils
from cnnx.models import clone_model, model_from_json

pytestmark = pytest.mark.one_isa


def residual(shape: tuple[int, ...] = (8, 8, 3)) -> cnnx.Model:
    image = cnnx.Input(shape, name="image")
    x = layers.Conv2D(4, 3, padding="same", activation="relu", name="first")(image)
    x = layers.Add(name="sum")([x, layers.Conv2D(4, 1, name="second")(x)])
    scores = layers.Dense(3, activation="softmax", name="scores")(
        layers.GlobalAveragePooling2D(name="mean")(x)
    )
    model = cnnx.Model(image, scores, name="residual")
    model.compile(cnnx.optimizers.Momentum(0.02), "categorical_crossentropy", ["accuracy"])
    return model


def chain(*, built: bool = True) -> cnnx.Sequential:
    first = [cnnx.Input((6, 6, 1), name="image")] if built else []
    inner = cnnx.Sequential([layers.Conv2D(3, 3, name="inside"), layers.ReLU()], name="inner")
    return cnnx.Sequential([*first, inner, layers.Flatten(), layers.Dense(2)], name="chain")


def two_inputs() -> cnnx.Model:
    left, right = cnnx.Input((4,), name="left"), cnnx.Input((5,), name="right")
    both = layers.Concatenate()([layers.Dense(3)(left), layers.Dense(2)(right)])
    return cnnx.Model({"left": left, "right": right}, {"both": both})


@pytest.mark.parametrize("make", [residual, chain, two_inputs])
def test_a_model_is_made_again_of_its_text(make: Any) -> None:
    model = make()
    text = model.to_json(indent=1)
    again = model_from_json(text)
    assert type(again) is type(model)
    assert again.to_json(indent=1) == text
    assert [w.shape for w in again.weights] == [w.shape for w in model.weights]
    again.set_weights(model.get_weights())
    generator = np.random.default_rng(1)
    x = {
        name: generator.random((2, *value.shape[1:]), np.float32)
        for name, value in zip(model.input_names, model.graph.inputs, strict=True)
    }
    np.testing.assert_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
    assert (again.optimizer is None) == (model.optimizer is None)


def test_a_compiled_model_trains_on() -> None:
    model = residual()
    again = model_from_json(model.to_json())
    again.set_weights(model.get_weights())
    x = np.random.default_rng(1).random((12, 8, 8, 3), np.float32)
    y = np.eye(3, dtype=np.float32)[np.arange(12) % 3]
    losses = [one.fit(x, y, epochs=2, shuffle=False, verbose=0).history for one in (model, again)]
    assert losses[0] == losses[1]


def test_a_class_of_the_users() -> None:
    model = cnnx.Sequential([cnnx.Input((3,)), Doubled(name="twice")])
    text = model.to_json()
    with pytest.raises(ValueError, match="Doubled"):
        model_from_json(text)
    again = model_from_json(text, {"Doubled": Doubled})
    np.testing.assert_array_equal(again.predict(np.ones((1, 3)), verbose=0), [[2, 2, 2]])


class Doubled(layers.Layer):
    def forward(self, call: Any, x: Any) -> Any:
        return 2 * x

    def backward(self, call: Any, dy: Any) -> Any:
        return 2 * dy


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "3",
        "{}",
        "[" * 100_000,
        '{"class_name": "Dense", "config": {"units": 3}}',
        '{"class_name": ["Sequential"], "config": {}}',
        '{"class_name": "Sequential", "config": {"name": "a", "layers": 3}}',
        '{"class_name": "Sequential", "config": {"name": "a", "layers": [{"class_name": "os"}]}}',
        '{"class_name": "custom>Unknown", "config": {}}',
        '{"registered_name": null, "class_name": "Sequential", "config": {"layers": 7}}',
    ],
)
def test_a_text_of_no_model(text: str) -> None:
    with pytest.raises(ValueError, match="model_from_json: the text holds no model"):
        model_from_json(text)


def test_what_is_no_text() -> None:
    with pytest.raises(TypeError, match="model_from_json: json_string must be a text"):
        model_from_json({"class_name": "Sequential"})  # type: ignore[arg-type]


def test_the_text_of_keras(keras: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image = keras.Input((8, 8, 1), name="image")
        x = keras.layers.Conv2D(4, 3, activation="relu", name="first")(image)
        x = keras.layers.Dense(2, activation="softmax")(keras.layers.Flatten()(x))
        theirs = keras.Model(image, x)
        theirs.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
        pixels = np.random.default_rng(1).random((3, 8, 8, 1), np.float32)
        text, weights = theirs.to_json(), theirs.get_weights()
        expected = theirs.predict(pixels, verbose=0)
    model = model_from_json(text)
    assert model.count_params() == theirs.count_params()
    assert model.metrics_names == ["loss", "accuracy"]
    assert model.get_layer("first").kernel.value.std() > 0  # fresh weights
    model.set_weights(weights)
    np.testing.assert_allclose(model.predict(pixels, verbose=0), expected, atol=1e-5)


# --- clone_model ----------------------------------------------------------------------------------


def test_a_clone_of_another_size() -> None:
    model, image = residual(), cnnx.Input((12, 20, 3))
    clone = clone_model(model, input_tensors=[image])
    assert clone.input is image
    assert clone.input_shape == (None, 12, 20, 3)
    clone.set_weights(model.get_weights())
    pixels = np.random.default_rng(1).random((2, 12, 20, 3), np.float32)
    larger = residual((12, 20, 3))
    larger.set_weights(model.get_weights())
    expected = larger.predict(pixels, verbose=0)
    np.testing.assert_array_equal(clone.predict(pixels, verbose=0), expected)
    assert model.input_shape == (None, 8, 8, 3)


@pytest.mark.parametrize("built", [False, True])
def test_a_clone_of_a_chain_on_an_input(built: bool) -> None:
    image = cnnx.Input((9, 6, 1))
    clone = clone_model(chain(built=built), image)
    assert clone.input is image
    assert clone.output_shape == (None, 2)
    assert clone.count_params() == (3 * 9 + 3) + (7 * 4 * 3 * 2 + 2)


def test_a_clone_of_two_inputs_by_name() -> None:
    left, right = cnnx.Input((7,)), cnnx.Input((5,))
    clone = clone_model(two_inputs(), {"right": right, "left": left})
    assert list(clone.input_shape) == [(None, 7), (None, 5)]


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (3, TypeError, "input_tensors must hold what cnnx.Input returns, got 3"),
        ([np.ones((2, 8, 8, 3))], TypeError, "input_tensors must hold"),
        ({"picture": cnnx.Input((8, 8, 3))}, ValueError, "input_tensors must be 1 for 'image'"),
        ([], ValueError, "input_tensors must be 1 for 'image', got 0"),
        (cnnx.Input((8, 8)), ValueError, "first"),
    ],
)
def test_inputs_that_do_not_fit(given: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        clone_model(residual(), given)


def test_a_clone_with_other_layers() -> None:
    seen = []

    def wider(layer: Any) -> Any:
        seen.append(layer.name)
        if isinstance(layer, layers.Conv2D):
            return layers.Conv2D.from_config(layer.get_config() | {"filters": 7})
        return type(layer).from_config(layer.get_config())

    clone = clone_model(residual(), clone_function=wider)
    assert seen == ["first", "second", "sum", "mean", "scores"]
    assert clone.get_layer("sum").output_shape == (None, 8, 8, 7)
    assert clone.optimizer is None


def test_models_within_a_clone() -> None:
    model, seen = chain(), []

    def same(layer: Any) -> Any:
        seen.append(layer.name)
        return type(layer).from_config(layer.get_config())

    clone_model(model, clone_function=same)
    assert seen[0] == "inner"
    seen.clear()
    assert clone_model(model, clone_function=same, recursive=True).count_params() == (
        model.count_params()
    )
    assert seen[0] == "inside"
    assert "inner" not in seen


def test_a_function_that_returns_no_layer() -> None:
    with pytest.raises(TypeError, match="clone_function must return a layer, got 3"):
        clone_model(residual(), clone_function=lambda layer: 3)


# --- utils ----------------------------------------------------------------------------------------


def test_names_begin_anew() -> None:
    utils.clear_session()
    assert [layers.Dense(1).name, layers.Dense(1).name] == ["dense", "dense_1"]
    utils.clear_session(free_memory=False)
    assert layers.Dense(1).name == "dense"
    assert json.loads(cnnx.Sequential().to_json())["config"]["name"] == "sequential"


@pytest.mark.parametrize("order", [1, 2, 3, np.inf])
@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_normalize(axis: int, order: float) -> None:
    x = np.random.default_rng(1).standard_normal((4, 3, 2))
    x[2] = 0
    found = utils.normalize(x, axis, order)
    lengths = norm(found, order, axis)
    whole = norm(x, order, axis) > 0
    np.testing.assert_allclose(lengths[whole], 1)
    assert (lengths[~whole] == 0).all()
    np.testing.assert_allclose(found * norm(x, order, axis, keepdims=True), x)


def test_parts_of_a_batch() -> None:
    unpack, pack = utils.unpack_x_y_sample_weight, utils.pack_x_y_sample_weight
    assert unpack(pack(1)) == (1, None, None)
    assert unpack(pack([1, 2])) == ([1, 2], None, None)
    assert unpack(pack(1, 2)) == (1, 2, None)
    assert unpack(pack(1, 2, 3)) == (1, 2, 3)
    with pytest.raises(ValueError, match="got 4 entries"):
        unpack((1, 2, 3, 4))
