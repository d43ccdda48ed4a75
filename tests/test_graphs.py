"""Networks that are graphs: branches, several inputs and outputs, shared layers, nested models."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnx
from agreement import normal
from apart_layout import lie_apart
from cnnx import explain, layers
from cnnx.models import clone_model, load_model

X = normal(1, 12, 6, 6, 2)
LABELS = np.arange(12) % 3
NUMBERS = normal(2, 12, 1)


def residual() -> cnnx.Model:
    """A block with a shortcut, a sum that is pooled, and values that several layers read."""
    x = cnnx.Input((6, 6, 2), name="image")
    a = layers.Conv2D(4, 3, padding="same", activation="relu", name="a")(x)
    b = layers.BatchNormalization(name="n")(layers.Conv2D(4, 3, padding="same", name="b")(a))
    y = layers.ReLU(name="r")(a + b)
    y = layers.Concatenate(name="side")([y, a, layers.Activation("tanh", name="t")(b)])
    y = layers.MaxPooling2D(name="pool")(y * y - layers.Conv2D(12, 1, name="c")(x))
    return cnnx.Model(x, layers.Dense(3, activation="softmax", name="top")(layers.Flatten()(y)))


def shared() -> cnnx.Model:
    """One convolution used on inputs of two sizes, and one body used twice."""
    x, z = cnnx.Input((6, 6, 2), name="x"), cnnx.Input((3, 6, 2), name="z")
    convolution = layers.Conv2D(4, 3, padding="same", activation="tanh", name="conv")
    body = cnnx.Sequential([layers.Dense(5, activation="tanh", name="deep"), layers.Flatten()])
    means = layers.GlobalAveragePooling2D()
    both = [body(means(convolution(image))) for image in (x, z)]
    y = layers.Dense(3, activation="softmax", name="top")(layers.Add(name="sum")(both))
    return cnnx.Model([x, z], y)


def two_heads() -> cnnx.Model:
    x = cnnx.Input((6, 6, 2))
    y = layers.Flatten()(layers.Conv2D(3, 3, activation="sigmoid")(x))
    kind = layers.Dense(3, activation="softmax", name="kind")(y)
    return cnnx.Model(x, [kind, layers.Dense(1, name="size")(y)])


def compiled(model: cnnx.Model, seed: int = 1) -> cnnx.Model:
    for index, weight in enumerate(model.weights):
        spread = np.abs(normal(seed + index, *weight.shape)) + np.float32(0.1)
        weight.assign(0.3 * (spread if "n/" in weight.path else normal(index, *weight.shape)))
    heads = ["sparse_categorical_crossentropy", "mse"][: len(model.graph.outputs)]
    model.compile(cnnx.optimizers.Adam(0.01), heads if len(heads) > 1 else heads[0])
    return model


NETWORKS: dict[str, tuple[Callable[[], cnnx.Model], Any, Any]] = {
    "residual": (residual, X, LABELS),
    "shared": (shared, [X, X[:, 1:4]], LABELS),
    "two heads": (two_heads, X, [LABELS, NUMBERS]),
}


@pytest.fixture(params=NETWORKS.values(), ids=list(NETWORKS))
def network(request: pytest.FixtureRequest) -> tuple[cnnx.Model, Any, Any]:
    make, x, y = request.param
    return compiled(make()), x, y


def outputs(model: cnnx.Model, x: Any) -> list[Any]:
    found = model.predict(x, verbose=0)
    return list(found) if isinstance(found, list) else [found]


def same(one: cnnx.Model, other: cnnx.Model, x: Any) -> None:
    for a, b in zip(outputs(one, x), outputs(other, x), strict=True):
        np.testing.assert_array_equal(a, b)


# --- what is computed -----------------------------------------------------------------------------


@pytest.mark.usefixtures("backend")
def test_gradients_are_the_central_differences(network: tuple[cnnx.Model, Any, Any]) -> None:
    model, x, y = network
    found = explain.check_gradients(model, x, y, elements=8)
    assert found.agrees, f"\n{found}"
    assert len(found.checks) == len(model.trainable_weights)


def test_sharing_memory_changes_no_bit(
    network: tuple[cnnx.Model, Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from cnnx.graph import binding, lent_gradients

    monkeypatch.setattr(lent_gradients, "LEAST", 1)
    model, x, y = network
    twin = copy.deepcopy(model)
    model.fit(x, y, batch_size=5, epochs=2, shuffle=False, verbose=0)
    monkeypatch.setattr(binding, "lay_out", lie_apart)
    twin.fit(x, y, batch_size=5, epochs=2, shuffle=False, verbose=0)
    same(model, twin, x)


def test_a_chain_gives_the_bits_of_the_sequential() -> None:
    def stack() -> list[layers.Layer]:
        return [
            layers.Conv2D(4, 3, activation="relu", name="a"),
            layers.BatchNormalization(name="b"),
            layers.MaxPooling2D(name="c"),
            layers.Flatten(name="d"),
            layers.Dense(3, activation="softmax", name="e"),
        ]

    sequential = compiled(cnnx.Sequential([cnnx.Input((6, 6, 2)), *stack()]))
    value = first = cnnx.Input((6, 6, 2))
    for layer in stack():
        value = layer(value)
    functional = compiled(cnnx.Model(first, value))
    for model in (sequential, functional):
        cnnx.utils.set_random_seed(1)
        model.fit(X, LABELS, batch_size=5, epochs=2, verbose=0)
    same(sequential, functional, X)


def test_values_know_shapes_and_layers_know_values() -> None:
    x = cnnx.Input((6, 6, 2), name="image")
    layer = layers.Conv2D(4, 3)
    y = layer(x)
    assert (x.shape, y.shape, y.name) == ((None, 6, 6, 2), (None, 4, 4, 4), layer.name)
    assert layer.output is y
    assert layer.input is x
    assert layers.Add()([y, y]).shape == y.shape
    kept = layer(cnnx.Input((8, 8, 2)))
    with pytest.raises(ValueError, match="is used 2 times: it has no single output"):
        layer.output  # noqa: B018
    assert kept.shape == (None, 6, 6, 4)
    with pytest.raises(ValueError, match="is not part of a network yet"):
        layers.Conv2D(1, 1).output  # noqa: B018
    with pytest.raises(TypeError, match="Add merges two values"):
        y + 1  # type: ignore[operator]


# --- several inputs and outputs -------------------------------------------------------------------


def test_losses_metrics_and_histories_name_their_outputs() -> None:
    model = two_heads()
    model.compile(
        "sgd",
        {"kind": "sparse_categorical_crossentropy", "size": "mse"},
        {"kind": ["accuracy"], "size": "mae"},
        loss_weights={"size": 0.25},
    )
    targets = {"size": NUMBERS, "kind": LABELS}
    found = model.evaluate(X, targets, verbose=0, return_dict=True)
    assert list(found) == [
        "loss",
        "kind_loss",
        "size_loss",
        "kind_accuracy",
        "size_mae",
    ]
    kind, size = model.predict(X, verbose=0)
    losses = cnnx.losses
    assert found["kind_loss"] == pytest.approx(
        losses.SparseCategoricalCrossentropy()(LABELS, kind), rel=1e-5
    )
    assert found["size_loss"] == pytest.approx(losses.MeanSquaredError()(NUMBERS, size), rel=1e-5)
    assert found["loss"] == pytest.approx(found["kind_loss"] + 0.25 * found["size_loss"])
    history = model.fit(X, targets, epochs=2, verbose=0, validation_split=0.25).history
    assert set(history) == {*found, *(f"val_{name}" for name in found)}
    named = cnnx.Model({"image": model.input}, {"a": model.output[0], "b": model.output[1]})
    assert set(named.predict({"image": X}, verbose=0)) == {"a", "b"}
    np.testing.assert_array_equal(named.predict(X, verbose=0)["b"], model.predict(X, verbose=0)[1])


def test_a_value_and_a_number_or_an_array_are_refused() -> None:
    x = cnnx.Input((3,), name="x")
    for other in (3, 0.5, "x", np.ones(3)):
        with pytest.raises(TypeError, match=r"Multiply merges two values .*layers\.Rescaling"):
            x * other
    with pytest.raises(TypeError, match="unsupported operand"):
        np.ones(3) * x


def test_a_dict_of_samples_names_the_inputs() -> None:
    model = compiled(residual())
    np.testing.assert_array_equal(
        model.predict({"image": X}, verbose=0), model.predict(X, verbose=0)
    )
    with pytest.raises(TypeError, match=r"predict: x must be .* holds 'image'; got .* 'photo'"):
        model.predict({"photo": X})
    with pytest.raises(TypeError, match=r"predict: x must be .* holds 'image'; got .* nothing"):
        model.predict({})


def test_an_output_without_a_loss_is_left_alone() -> None:
    model = two_heads()
    model.compile("sgd", {"kind": "sparse_categorical_crossentropy"})
    before = model.get_layer("size").get_weights()
    model.fit(X, [LABELS, NUMBERS], verbose=0)
    for one, other in zip(before, model.get_layer("size").get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_weights_of_samples_for_all_outputs_or_each() -> None:
    model = compiled(two_heads())
    ones, halves = np.ones(12), np.full(12, 0.5)
    whole = model.test_on_batch(X, [LABELS, NUMBERS], return_dict=True)
    for weights, share in ((halves, 0.5), ([ones, halves], 1.0), ({"kind": ones, "size": ones}, 1)):
        found = model.test_on_batch(X, [LABELS, NUMBERS], weights, return_dict=True)
        assert found["kind_loss"] == pytest.approx(share * whole["kind_loss"])


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ([X, X], [LABELS, NUMBERS], "ragged|expects x of shape"),
        (X, LABELS, r"fit: y must be a dict or a list of 2 arrays: kind, size; got ndarray"),
        (X, [LABELS], r"a list of 2 arrays: kind, size; got 1"),
        (X, {"kind": LABELS}, r"y must hold 'kind', 'size', got 'kind'"),
        (X, [LABELS[:3], NUMBERS], r"x and y\['kind'\] must have the same length: x has 12"),
        (X, [LABELS + 9, NUMBERS], "label 9 is out of range"),
    ],
)
def test_data_that_do_not_fit_the_outputs(x: Any, y: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compiled(two_heads()).fit(x, y, verbose=0)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (X, r"x must be a dict or a list of 2 arrays: x, z; got ndarray"),
        ([X, X[:, 1:4][:3]], "all inputs need the same number of samples: x 12, z 3"),
        ([X[:, 1:4], X], r"expects x of shape \(batch, 6, 6, 2\), got \(12, 3, 6, 2\)"),
        ({"x": X, "y": X}, "x must hold 'x', 'z', got 'x', 'y'"),
    ],
)
def test_data_that_do_not_fit_the_inputs(x: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compiled(shared()).predict(x, verbose=0)


# --- models of models -----------------------------------------------------------------------------


def test_features_of_a_trained_body_under_a_new_head() -> None:
    base = compiled(residual())
    base.fit(X, LABELS, verbose=0)
    features = cnnx.Model(base.input, base.get_layer("side").output)
    assert features.predict(X, verbose=0).shape == (12, 6, 6, 12)
    features.trainable = False
    y = layers.Flatten(name="flat")(features.output)
    model = cnnx.Model(features.input, layers.Dense(2, activation="softmax", name="new")(y))
    model.compile("sgd", "sparse_categorical_crossentropy")
    before = base.get_weights()
    model.fit(X, LABELS % 2, verbose=0)
    for one, other in zip(before, base.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert [weight.path for weight in model.trainable_weights] == ["new/kernel", "new/bias"]
    assert explain.check_gradients(model, X, LABELS % 2, elements=5).agrees


def body(shape: tuple[int, int, int] = (8, 8, 1)) -> cnnx.Model:
    """Return a body for images of any size: with a branch, and a model within."""
    x = cnnx.Input(shape)
    block = cnnx.Sequential([layers.Conv2D(4, 3, padding="same"), layers.ReLU()], name="block")
    y = layers.MaxPooling2D()(block(x) + layers.Conv2D(4, 1)(x))
    return cnnx.Model(x, layers.GlobalAveragePooling2D()(y), name="body")


def test_a_model_as_a_layer_takes_other_sizes(tmp_path: Path) -> None:
    cnnx.utils.set_random_seed(1)
    inner = body()
    small, large = cnnx.Input((8, 8, 1), name="small"), cnnx.Input((13, 10, 1), name="large")
    model = cnnx.Model([small, large], layers.Concatenate()([inner(small), inner(large)]))
    fresh = body((13, 10, 1))
    fresh.set_weights(inner.get_weights())
    data = [normal(1, 5, 8, 8, 1), normal(2, 5, 13, 10, 1)]
    expected = np.concatenate([inner.predict(data[0]), fresh.predict(data[1])], axis=1)
    np.testing.assert_array_equal(model.predict(data), expected)
    model.compile("sgd", "mse")
    assert cnnx.explain.check_gradients(model, data, normal(3, 5, 8)).agrees
    model.save(tmp_path / "model")
    np.testing.assert_array_equal(load_model(tmp_path / "model").predict(data), model.predict(data))


def test_a_model_as_a_layer_names_the_layer_that_fits_one_size() -> None:
    inner = cnnx.Sequential(
        [cnnx.Input((8, 8, 1)), layers.Conv2D(2, 3), layers.Flatten(name="flat"), layers.Dense(3)]
    )
    with pytest.raises(ValueError, match=r"8, 8, 1.*got .*13, 8, 1.*: Flatten 'flat' was"):
        inner(cnnx.Input((13, 8, 1)))
    with pytest.raises(ValueError, match=r"expects 1 input, got 2"):
        inner([cnnx.Input((8, 8, 1)), cnnx.Input((8, 8, 1))])


def test_two_models_that_share_layers_train_in_turn() -> None:
    base = compiled(residual())
    top = layers.Dense(2, activation="softmax", name="other")(
        layers.Flatten(name="flat")(base.get_layer("side").output)
    )
    other = cnnx.Model(base.input, top)
    other.compile("sgd", "sparse_categorical_crossentropy")
    for _ in range(3):
        before = base.get_layer("a").get_weights()[0]
        base.train_on_batch(X, LABELS)
        between = other.get_layer("a").get_weights()[0]
        assert not np.array_equal(before, between)
        other.train_on_batch(X, LABELS % 2)
        assert not np.array_equal(between, base.get_layer("a").get_weights()[0])
    np.testing.assert_array_equal(
        base.predict(X, verbose=0), clone_with_weights(base).predict(X, verbose=0)
    )


def clone_with_weights(model: cnnx.Model) -> cnnx.Model:
    clone: cnnx.Model = clone_model(model)
    clone.set_weights(model.get_weights())
    return clone


def test_a_model_in_a_sequential() -> None:
    body = residual()
    inner = cnnx.Model(body.input, body.get_layer("pool").output, name="body")
    model = cnnx.Sequential([inner, layers.Flatten(name="flat"), layers.Dense(3, name="top")])
    assert model.output_shape == (None, 3)
    assert [layer.name for layer in model.layers] == ["body", "flat", "top"]
    text: list[str] = []
    model.summary(print_fn=text.append, expand_nested=True, show_trainable=True)
    assert "  n (BatchNormalization)" in text[0]
    model.compile("sgd", "mse")
    assert explain.check_gradients(model, X, np.eye(3)[LABELS], elements=4).agrees


# --- life -----------------------------------------------------------------------------------------


def test_saved_and_loaded(network: tuple[cnnx.Model, Any, Any], tmp_path: Path) -> None:
    model, x, y = network
    model.fit(x, y, batch_size=5, verbose=0)
    model.save(tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    same(model, loaded, x)
    for one in (model, loaded):
        one.fit(x, y, batch_size=5, shuffle=False, verbose=0)
    same(model, loaded, x)
    loaded.save(tmp_path / "again")
    assert load_model(tmp_path / "again").get_config() == model.get_config()


def test_copied_and_cloned(network: tuple[cnnx.Model, Any, Any]) -> None:
    model, x, y = network
    model.fit(x, y, batch_size=5, verbose=0)
    twin = copy.deepcopy(model)
    same(model, twin, x)
    for one in (model, twin):
        one.fit(x, y, batch_size=5, shuffle=False, verbose=0)
    same(model, twin, x)
    clone = clone_with_weights(model)
    same(model, clone, x)
    clone.compile("sgd", ["mse"] * len(model.graph.outputs))
    assert clone.get_config() == model.get_config()
    assert not set(clone.leaves()) & set(model.leaves())


def test_weights_go_by_file(network: tuple[cnnx.Model, Any, Any], tmp_path: Path) -> None:
    model, x, _ = network
    model.save_weights(tmp_path / "weights")
    other = clone_model(model)
    other.load_weights(tmp_path / "weights")
    same(model, other, x)
    names = [name for name, _ in model.named_weights()]
    assert len(set(names)) == len(names) == len(model.weights)


def test_a_model_that_is_dropped_is_gone_at_once() -> None:
    import gc
    import weakref

    gc.disable()
    try:
        model = compiled(residual())
        model.train_on_batch(X, LABELS)
        model.predict(X, verbose=0)
        gone = [weakref.ref(item) for item in (model, model.graph, model.layers[1])]
        del model
        assert [reference() for reference in gone] == [None] * 3
    finally:
        gc.enable()


# --- what is refused ------------------------------------------------------------------------------


def test_mistakes_in_connecting() -> None:
    x, other = cnnx.Input((4,), name="x"), cnnx.Input((4,), name="other")
    y = layers.Dense(2, name="d")(layers.Add()([x, other]))
    with pytest.raises(ValueError, match="depend on the input 'other', which is not among"):
        cnnx.Model(x, y)
    with pytest.raises(TypeError, match=r"outputs must be what cnnx.Input and layers"):
        cnnx.Model(x, np.zeros(3))
    with pytest.raises(ValueError, match=r"inputs must come from cnnx.Input, got <Value"):
        cnnx.Model(y, layers.Dense(1)(y))
    with pytest.raises(ValueError, match=r"two layers of model .* bear the name 'd'"):
        cnnx.Model([x, other], layers.Dense(1, name="d")(y))
    with pytest.raises(ValueError, match="different values, at least one"):
        cnnx.Model([x, x], y)
    dense = layers.Dense(3)
    assert dense(x).shape == (None, 3)
    with pytest.raises(ValueError, match="was built for inputs of shape"):
        dense(cnnx.Input((5,)))


def test_a_model_of_the_inputs_and_a_layer_of_another() -> None:
    model = cnnx.Sequential(
        [
            cnnx.Input((6, 5, 2), name="image"),
            layers.Conv2D(3, 3, name="c"),
            layers.GlobalMaxPooling2D(),
            layers.Dense(2),
        ]
    )
    body = cnnx.Model(model.inputs, model.get_layer("c").output)
    x = normal(1, 4, 6, 5, 2)
    np.testing.assert_array_equal(body.predict(x, verbose=0), model.get_layer("c")(x))
    assert (model.inputs, model.outputs) == ([model.input], [model.output])
    assert model.compute_output_shape((None, 9, 9, 2)) == (None, 2)
    assert body.compute_output_shape((7, 9, 8, 2)) == (7, 7, 6, 3)
    flat = cnnx.Sequential([cnnx.Input((4, 4, 1)), layers.Flatten(), layers.Dense(2)])
    assert flat.compute_output_shape((3, 4, 4, 1)) == (3, 2)
    with pytest.raises(ValueError, match="Flatten"):
        flat.compute_output_shape((3, 5, 4, 1))
    two = cnnx.Model([cnnx.Input((3,)), a := cnnx.Input((4,))], [a, layers.Dense(5)(a)])
    assert two.compute_output_shape([(None, 3), (None, 4)]) == [(None, 4), (None, 5)]


@pytest.mark.parametrize("kind", [list, tuple])
def test_lists_of_one(kind: Any) -> None:
    model = cnnx.Sequential([cnnx.Input((6,)), layers.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    x, y = normal(1, 8, 6), np.arange(8) % 3
    wanted = model.evaluate(x, y, verbose=0)
    assert model.evaluate(kind([x]), kind([y]), verbose=0) == wanted
    np.testing.assert_array_equal(model.predict(kind([x]), verbose=0), model.predict(x, verbose=0))
    history = model.fit([x], [y], validation_data=([x], [y]), verbose=0)
    assert set(history.history) == {"loss", "val_loss"}
    model.train_on_batch([x], [y])
    one = model.predict([x[0].tolist()], verbose=0)  # a sample
    np.testing.assert_array_equal(one, model.predict(x[:1], verbose=0))


def test_an_input_as_keras_declares_it() -> None:
    for value in (
        cnnx.Input((4, 3), 5),
        cnnx.Input(batch_shape=(5, 4, 3)),
        cnnx.Input(shape=(4, 3), batch_size=5, dtype="float32", name="x"),
    ):
        assert value.shape == (None, 4, 3)
        model = cnnx.Model(value, layers.Flatten()(value))
        assert model.predict(np.zeros((7, 4, 3)), verbose=0).shape == (7, 12)
    with pytest.raises(ValueError, match="dtype must be None or 'float32', got 'float16'"):
        cnnx.Input((4,), dtype="float16")
    with pytest.raises(TypeError, match="give shape, or batch_shape"):
        cnnx.Input((4,), batch_shape=(5, 4))
    with pytest.raises(TypeError, match="batch_shape must be a tuple such as"):
        cnnx.Input(batch_shape=4)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        cnnx.Input((4,), 0)
    with pytest.raises(TypeError, match=r"Input: give the name by name: Input\(shape, name='x'\)"):
        cnnx.Input((4,), "x")  # type: ignore[arg-type]
