"""Kernels of spectral norm 1: against the singular values, and Keras."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnx
from agreement import assert_close, normal
from cnnx import layers
from cnnx.models import clone_model, load_model

KINDS: dict[str, Callable[[Any], Any]] = {
    "Dense": lambda L: L.Dense(5, activation="tanh"),
    "Conv2D": lambda L: L.Conv2D(6, 3, padding="same"),
    "Conv2DTranspose": lambda L: L.Conv2DTranspose(6, 3, strides=2),
    "Conv2D without bias": lambda L: L.Conv2D(6, 3, use_bias=False),
}


def matrix(layer: layers.SpectralNormalization) -> Any:
    kernel = layer.get_weights()[0].astype(np.float64)
    return kernel.reshape(-1, kernel.shape[-1])


@pytest.mark.parametrize("name", KINDS)
def test_training_brings_the_largest_singular_value_to_1(name: str) -> None:
    cnnx.utils.set_random_seed(1)
    layer = layers.SpectralNormalization(KINDS[name](layers), power_iterations=300)
    x = normal(1, 2, 6, 5, 4)
    y = layer(x)
    before = layer.get_weights()
    assert_close(y, layer.layer(x))
    np.testing.assert_array_equal(layer.get_weights()[0], before[0])  # in use it stays
    y = layer(x, training=True)
    assert np.linalg.svd(matrix(layer), compute_uv=False)[0] == pytest.approx(1, rel=1e-3)
    norm = np.linalg.norm(before[0].reshape(matrix(layer).shape), 2)
    assert_close(layer.get_weights()[0], before[0] / norm, 2e-3)
    np.testing.assert_array_equal(y, layer(x))
    layer.set_weights([np.zeros_like(before[0]), *layer.get_weights()[1:]])
    assert not layer(x, training=True).any() or name == "Dense"
    assert np.isfinite(np.concatenate([array.ravel() for array in layer.get_weights()])).all()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Keras, by NumPy
@pytest.mark.parametrize("name", KINDS)
def test_steps_are_those_of_keras(keras: Any, name: str) -> None:
    wanted = keras.layers.SpectralNormalization(KINDS[name](keras.layers), power_iterations=2)
    layer = layers.SpectralNormalization(KINDS[name](layers), power_iterations=2)
    x = normal(1, 2, 6, 5, 4)
    wanted.build(x.shape)
    layer.build_once((None, *x.shape[1:]))
    assert [weight.shape for weight in layer.weights] == [w.shape for w in wanted.weights]
    layer.set_weights(wanted.get_weights())
    for training in (False, True, True, False):
        y = keras.ops.convert_to_numpy(wanted(x, training=training))
        assert_close(layer(x, training=training), y, 1e-5)
    for ours, theirs in zip(layer.get_weights(), wanted.get_weights(), strict=True):
        assert_close(ours, theirs, 1e-5)


def network() -> cnnx.Model:
    model = cnnx.Sequential(
        [
            cnnx.Input((6, 5, 4)),
            layers.SpectralNormalization(layers.Conv2D(3, 3, activation="relu"), name="first"),
            layers.Flatten(),
            layers.SpectralNormalization(layers.Dense(2, activity_regularizer="l2")),
        ]
    )
    model.compile("adam", "mse")
    return model


def test_a_network_learns_and_is_kept(tmp_path: Path) -> None:
    cnnx.utils.set_random_seed(1)
    model, x, y = network(), normal(1, 8, 6, 5, 4), normal(2, 8, 2)
    first = model.evaluate(x, y, verbose=0)
    model.fit(x, y, epochs=5, verbose=0)
    assert model.evaluate(x, y, verbose=0) < first
    assert cnnx.explain.check_gradients(model, x, y).agrees
    model.save(tmp_path / "model.safetensors")
    cloned = clone_model(model)
    cloned.set_weights(model.get_weights())
    loaded = load_model(tmp_path / "model.safetensors")
    wanted = model.predict(x, verbose=0)
    for other in (loaded, cloned, copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(other.predict(x, verbose=0), wanted)
    assert loaded.train_on_batch(x, y) == model.train_on_batch(x, y)
    for one, other in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert [weight.path for weight in model.get_layer("first").weights][1] == "first/vector_u"
    model.get_layer("first").trainable = False
    assert len(model.trainable_weights) == 2
    model.export_program(tmp_path / "model.program", batch_size=2)
    assert cnnx.explain.receptive_field(model)["first"].size == (3, 3)


def test_onnx_has_the_layer_within(tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    model, x = network(), normal(1, 3, 6, 5, 4)
    cnnx.onnx.save(model, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    (found,) = session.run(None, {session.get_inputs()[0].name: x})
    assert_close(found, model.predict(x, verbose=0), 1e-5)


def test_what_it_does_not_take() -> None:
    within = layers.SpectralNormalization(layers.Dense(2))
    with pytest.raises(TypeError, match="layer must be a layer with a kernel, such as"):
        layers.SpectralNormalization(within)
    with pytest.raises(ValueError, match="layer must not be another SpectralNormalization"):
        layers.SpectralNormalization.from_config({"layer": cnnx.registry.serialize(within)})
    with pytest.raises(ValueError, match=r"ReLU 're_lu.*' has no weight named kernel"):
        layers.SpectralNormalization(layers.ReLU())(np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"^SpectralNormalization '.*': Dense 'dense.*' expects"):
        within(np.ones(2))
    with pytest.raises(ValueError, match="layer must take its channels last, got Conv2D"):
        layers.SpectralNormalization(layers.Conv2D(2, 3, data_format="channels_first"))
