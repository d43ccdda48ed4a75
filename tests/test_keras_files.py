"""Networks in files of Keras 3: what is loaded predicts what Keras does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnx
from cnnx.models import load_model
from keras_models import IMAGE, assert_alike, assert_predicts, check, predicted, silence, spread

pytestmark = [
    pytest.mark.one_isa,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


def test_pictures_with_channels_first(keras: Any, tmp_path: Path) -> None:
    L, first = keras.layers, {"data_format": "channels_first"}
    stack = [L.Resizing(9, 8, **first), L.CenterCrop(7, 8, **first), L.RandomFlip(**first)]
    check(keras.Sequential([keras.Input((3, 12, 10)), *stack]), tmp_path, (3, 12, 10))


@pytest.mark.parametrize("trainable", [True, False])
def test_spectral_normalization(keras: Any, tmp_path: Path, trainable: bool) -> None:
    L = keras.layers
    stack = [
        L.SpectralNormalization(L.Conv2D(4, 3, activation=L.ELU(0.5)), 2, name="first"),
        L.SpectralNormalization(L.Conv2DTranspose(3, 2)),
        L.Flatten(),
        L.SpectralNormalization(L.Dense(3, use_bias=False), trainable=trainable),
    ]
    model = keras.Sequential([keras.Input(IMAGE), *stack])
    model(np.ones((1, *IMAGE)), training=True)  # u is no longer what it was at first
    check(model, tmp_path, IMAGE)
    model.save(tmp_path / "again.keras")
    ours = load_model(tmp_path / "again.keras").get_layer("first")
    assert ours.power_iterations == 2
    np.testing.assert_array_equal(ours.vector_u.value, np.asarray(model.layers[0].vector_u))


def test_inputs_and_outputs_by_name(keras: Any, tmp_path: Path) -> None:
    x = keras.Input((4,), name="x")
    outputs = {"one": keras.layers.Dense(2)(x), "other": keras.layers.ReLU()(x)}
    check(keras.Model(x, outputs), tmp_path, (4,))


def residual(keras: Any, name: str | None = None) -> Any:
    L = keras.layers
    x = keras.Input((8, 8, 4))
    y = L.BatchNormalization()(L.Conv2D(4, 3, padding="same")(x))
    y = L.add([L.Conv2D(4, 1)(x), L.ReLU()(y)])
    return keras.Model(x, L.SeparableConv2D(4, 3, padding="same")(y), name=name)


def nested(keras: Any) -> Any:
    """Return a network with models in models, one of them twice and one frozen."""
    L = keras.layers
    shared, dense = residual(keras, "shared"), L.Dense(3, name="head")
    inner = keras.Sequential(
        [keras.Input((8, 8, 4)), L.BatchNormalization(), residual(keras, "deep"), L.Dropout(0.2)]
    )
    for layer in inner.layers[1].layers:
        layer.trainable = "batch" not in layer.name
    x, y = keras.Input((8, 8, 4)), keras.Input((8, 8, 4))
    one, other = shared(x), shared(inner(y, training=False))
    pooled = [L.GlobalAveragePooling2D()(value) for value in (one, other, x)]
    outputs = [dense(pooled[0]), dense(pooled[1]), L.Dense(2)(L.concatenate(pooled))]
    return keras.Model([x, y], outputs)


def test_models_in_models_and_shared_layers(keras: Any, tmp_path: Path) -> None:
    found = check(nested(keras), tmp_path, (8, 8, 4), (8, 8, 4))
    assert [layer.name for layer in found.leaves()].count("head") == 1


def test_a_frozen_model_in_a_model(keras: Any, tmp_path: Path) -> None:
    body = residual(keras)
    body.trainable = False
    model = keras.Sequential([keras.Input((8, 8, 4)), body, keras.layers.Flatten()])
    found = check(model, tmp_path, (8, 8, 4))
    assert found.layers[0].trainable_weights == []


def random_network(keras: Any, seed: int) -> Any:
    """Return a network of random layers, each of which reads one or two values before it."""
    L, choose = keras.layers, np.random.default_rng(seed)
    values = [keras.Input((8, 8, 4))]
    first = values[0]
    kinds = [
        lambda: L.Conv2D(4, int(choose.integers(1, 4)), padding="same", activation="relu"),
        lambda: L.DepthwiseConv2D(3, padding="same", dilation_rate=int(choose.integers(1, 3))),
        lambda: L.SeparableConv2D(4, 3, padding="same", use_bias=bool(choose.integers(2))),
        lambda: L.Conv2DTranspose(4, 3, padding="same"),
        lambda: L.BatchNormalization(scale=bool(choose.integers(2))),
        lambda: L.LayerNormalization(),
        lambda: L.GroupNormalization(2),
        lambda: L.PReLU(shared_axes=(1, 2)),
        lambda: L.MaxPooling2D(3, strides=1, padding="same"),
        lambda: L.Dense(4),
        lambda: L.SpatialDropout2D(0.2),
    ]
    for _ in range(10):
        source = values[choose.integers(len(values))]
        if choose.random() < 0.3:
            other = values[choose.integers(len(values))]
            values.append([L.Add, L.Multiply, L.Maximum][choose.integers(3)]()([source, other]))
        else:
            values.append(kinds[choose.integers(len(kinds))]()(source))
    last = L.GlobalAveragePooling2D()(L.concatenate(values[-3:]))
    return keras.Model(first, [L.Dense(3, activation="softmax")(last), values[-1]])


@pytest.mark.parametrize("seed", range(4))
def test_random_networks(keras: Any, tmp_path: Path, seed: int) -> None:
    check(random_network(keras, seed), tmp_path, (8, 8, 4), seed=seed)


def test_weights_into_a_twin(keras: Any, tmp_path: Path) -> None:
    """A network of ours that is written as Keras' takes the weights of any file of that."""
    theirs, ours = nested(keras), nested(cnnx)
    spread(theirs)
    with silence():
        theirs.save_weights(tmp_path / "only.weights.h5")
        theirs.save(tmp_path / "whole.h5")
        theirs.save(tmp_path / "whole.keras")
    wanted = predicted(theirs, (8, 8, 4), (8, 8, 4))
    for name in ("only.weights.h5", "whole.h5", "whole.keras"):
        before = ours.get_weights()
        ours.set_weights([np.zeros_like(values) for values in before])
        ours.load_weights(tmp_path / name)
        assert_predicts(ours, wanted, (8, 8, 4), (8, 8, 4))


@pytest.mark.parametrize("seed", range(4))
def test_weights_into_random_twins(keras: Any, tmp_path: Path, seed: int) -> None:
    theirs, ours = random_network(keras, seed), random_network(cnnx, seed)
    spread(theirs)
    theirs.save_weights(tmp_path / "only.weights.h5")
    ours.load_weights(tmp_path / "only.weights.h5")
    assert_alike(ours, theirs, (8, 8, 4))


def two_layers(library: Any, units: int, first: str = "first", second: str = "second") -> Any:
    L = library.layers
    return library.Sequential(
        [library.Input((3,)), L.Dense(4, name=first), L.Dense(units, name=second)]
    )


@pytest.mark.parametrize("name", ["two.weights.h5", "two.h5"])
def test_weights_by_name_and_mismatches(keras: Any, tmp_path: Path, name: str) -> None:
    theirs = two_layers(keras, 2)
    spread(theirs)
    with silence():
        theirs.save_weights(tmp_path / name) if "weights" in name else theirs.save(tmp_path / name)
    values = theirs.get_weights()

    ours = two_layers(cnnx, 2, "second", "other")  # 'second' needs what 'first' has
    kept = ours.get_weights()
    with pytest.raises(ValueError, match=r"shape \(4, 2\), but second/kernel has \(3, 4\)"):
        ours.load_weights(tmp_path / name, by_name=True)
    for one, other in zip(ours.get_weights(), kept, strict=True):
        np.testing.assert_array_equal(one, other)

    ours = two_layers(cnnx, 5, "a", "second")
    kept = ours.get_weights()
    with pytest.raises(ValueError, match=rf"{name}: load_weights: .*second"):
        ours.load_weights(tmp_path / name)
    with pytest.warns(UserWarning, match="left as they are: .*second"):
        ours.load_weights(tmp_path / name, skip_mismatch=True)
    for found, wanted in zip(ours.get_weights(), [*values[:2], *kept[2:]], strict=True):
        np.testing.assert_array_equal(found, wanted)

    ours = two_layers(cnnx, 2, "a", "second")
    kept = ours.get_weights()
    ours.load_weights(tmp_path / name, by_name=True)
    for found, wanted in zip(ours.get_weights(), [*kept[:2], *values[2:]], strict=True):
        np.testing.assert_array_equal(found, wanted)
    with pytest.raises(ValueError, match="none of the model's layers"):
        two_layers(cnnx, 2, "a", "b").load_weights(tmp_path / name, by_name=True)


def test_everything_that_cnnx_has_not_is_named_at_once(keras: Any, tmp_path: Path) -> None:
    L = keras.layers
    with silence():
        x = keras.Input((6, 4), name="x")
        y = L.Masking(name="m")(L.SpectralNormalization(L.Dense(4, dtype="float16"), name="l")(x))
        y = L.Conv1D(2, 2, name="c")(L.Dense(4, dtype="float16")(y))
        y = L.Dense(3, activation="glu", name="glu")(y)
        y = L.Lambda(lambda v: v + 1, name="code")(y)
        y = L.TimeDistributed(L.Dense(2), name="t")(y)
        model = keras.Model(x, keras.ops.sin(y))
    for name in ("model.h5", "model.keras"):
        with silence():
            model.save(tmp_path / name)
        with pytest.raises(ValueError, match=f"{name}: holds no model that can be loaded") as error:
            load_model(tmp_path / name)
        for part in (
            "SpectralNormalization 'l': dtype='float16'",
            "Masking 'm': cnnx has no",
            "dtype='float16': cnnx computes in float32",
            "Dense 'glu': ",
            "Lambda 'code': it holds code, and nothing in a file is run",
            "TimeDistributed 't': ",
            "Sin 'sin': ",
        ):
            assert part in str(error.value)


def test_models_without_a_size(keras: Any, tmp_path: Path) -> None:
    L = keras.layers
    unbuilt = keras.Sequential([L.Conv2D(2, 3), L.Flatten(), L.Dense(2)])
    with silence():
        unbuilt.save(tmp_path / "model.keras")
    assert not load_model(tmp_path / "model.keras").built
    built = keras.Sequential([L.Conv2D(2, 3), L.Flatten(), L.Dense(2)])
    built.build((None, *IMAGE))
    check(built, tmp_path, IMAGE)
    image = keras.Input((None, None, 3))
    x = L.Conv2D(4, 3, padding="same", activation="relu")(image)
    x = L.UpSampling2D()(L.MaxPooling2D()(x))
    open_size = keras.Model(image, L.Dense(2)(L.Concatenate()([x, image])))
    found = check(open_size, tmp_path, (8, 10, 3))
    assert found.input_shape == found.layers[0].input_shape == (None, None, None, 3)
    assert_alike(found, open_size, (6, 12, 3))
    signals = keras.Sequential([keras.Input((None, 3)), L.Conv1D(2, 3), L.GlobalMaxPooling1D()])
    assert_alike(check(signals, tmp_path, (9, 3)), signals, (20, 3))
