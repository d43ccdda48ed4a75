"""Files of Keras 3: what is loaded predicts what Keras does."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnx.models import load_model

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("keras") is None or importlib.util.find_spec("jax") is None,
    reason="Keras and JAX, its backend here, are not installed",
)

TOLERANCE = 1e-5


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Let Keras warn of what it likes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.fixture(scope="module")
def keras() -> Any:
    before = os.environ.get("KERAS_BACKEND")
    os.environ["KERAS_BACKEND"] = "jax"
    with silence():
        import keras
    if before is None:
        del os.environ["KERAS_BACKEND"]
    else:
        os.environ["KERAS_BACKEND"] = before
    keras.utils.set_random_seed(1)
    return keras


def spread(model: Any, seed: int = 0) -> None:
    """Give all weights values that no initializer would: statistics and biases, too."""
    generator = np.random.default_rng(seed)
    with silence():
        values = [generator.uniform(0.1, 0.9, w.shape) - 0.2 * (w.ndim > 1) for w in model.weights]
        model.set_weights(values)


def listed(values: Any) -> list[Any]:
    return list(values) if isinstance(values, (list, tuple)) else [values]


def assert_alike(ours: Any, theirs: Any, *shapes: tuple[int, ...]) -> None:
    generator = np.random.default_rng(2)
    x = [generator.standard_normal((3, *shape)).astype(np.float32) for shape in shapes]
    with silence():
        wanted = theirs(x if len(x) > 1 else x[0], training=False)
    found = ours.predict(x if len(x) > 1 else x[0], verbose=0)
    if isinstance(wanted, dict):
        assert found.keys() == wanted.keys()
        found, wanted = ([values[name] for name in wanted] for values in (found, wanted))
    for one, other in zip(listed(found), map(np.asarray, listed(wanted)), strict=True):
        assert one.shape == other.shape
        np.testing.assert_allclose(one, other, atol=TOLERANCE * max(1, abs(other).max()), rtol=0)


def check(model: Any, folder: Path, *shapes: tuple[int, ...], seed: int = 0) -> Any:
    """Save a model of Keras in both formats and load it here; return what was loaded."""
    spread(model, seed)
    for name in ("model.h5", "model.keras"):
        with silence():
            model.save(folder / name)
        found = load_model(folder / name)
        assert_alike(found, model, *shapes)
    return found


IMAGE, SEQUENCE = (9, 8, 4), (11, 4)
LAYERS = {
    "Activation": (lambda L: L.Activation("tanh"), IMAGE),
    "AveragePooling1D": (lambda L: L.AveragePooling1D(3, 2, "same"), SEQUENCE),
    "AveragePooling2D": (lambda L: L.AveragePooling2D((2, 3), padding="same"), IMAGE),
    "AveragePooling2D valid": (lambda L: L.AveragePooling2D(3, strides=2), IMAGE),
    "BatchNormalization": (lambda L: L.BatchNormalization(momentum=0.8, epsilon=0.01), IMAGE),
    "BatchNormalization plain": (
        lambda L: L.BatchNormalization(axis=3, center=False, scale=False),
        IMAGE,
    ),
    "Conv1D": (lambda L: L.Conv1D(3, 3, padding="causal", dilation_rate=2), SEQUENCE),
    "Conv1D strides": (lambda L: L.Conv1D(6, 4, strides=3, padding="same", groups=2), SEQUENCE),
    "Conv1DTranspose": (lambda L: L.Conv1DTranspose(3, 4, strides=2, padding="same"), SEQUENCE),
    "Conv2D": (lambda L: L.Conv2D(3, (3, 2), activation="relu"), IMAGE),
    "Conv2D same": (lambda L: L.Conv2D(4, 4, strides=(2, 3), padding="same", groups=2), IMAGE),
    "Conv2D dilated": (lambda L: L.Conv2D(4, 3, dilation_rate=(1, 2), use_bias=False), IMAGE),
    "Conv2D regularized": (
        lambda L: L.Conv2D(2, 3, kernel_initializer="orthogonal", activation="gelu"),
        IMAGE,
    ),
    "Conv2DTranspose": (lambda L: L.Conv2DTranspose(3, 3, strides=2), IMAGE),
    "Conv2DTranspose same": (
        lambda L: L.Conv2DTranspose(2, (3, 4), strides=(2, 3), padding="same", activation="elu"),
        IMAGE,
    ),
    "Cropping1D": (lambda L: L.Cropping1D((1, 2)), SEQUENCE),
    "Cropping2D": (lambda L: L.Cropping2D(((1, 0), (2, 1))), IMAGE),
    "Dense": (lambda L: L.Dense(5, activation="softmax"), (7,)),
    "Dense of images": (lambda L: L.Dense(5, use_bias=False), IMAGE),
    "DepthwiseConv1D": (lambda L: L.DepthwiseConv1D(3, depth_multiplier=2), SEQUENCE),
    "DepthwiseConv2D": (
        lambda L: L.DepthwiseConv2D(3, strides=2, padding="same", depth_multiplier=2),
        IMAGE,
    ),
    "Dropout": (lambda L: L.Dropout(0.3, seed=3), IMAGE),
    "ELU": (lambda L: L.ELU(0.7), IMAGE),
    "Flatten": (lambda L: L.Flatten(), IMAGE),
    "GaussianDropout": (lambda L: L.GaussianDropout(0.3), IMAGE),
    "GaussianNoise": (lambda L: L.GaussianNoise(0.3), IMAGE),
    "GlobalAveragePooling1D": (lambda L: L.GlobalAveragePooling1D(), SEQUENCE),
    "GlobalAveragePooling2D": (lambda L: L.GlobalAveragePooling2D(keepdims=True), IMAGE),
    "GlobalMaxPooling1D": (lambda L: L.GlobalMaxPooling1D(keepdims=True), SEQUENCE),
    "GlobalMaxPooling2D": (lambda L: L.GlobalMaxPooling2D(), IMAGE),
    "GroupNormalization": (lambda L: L.GroupNormalization(2), IMAGE),
    "Identity": (lambda L: L.Identity(), IMAGE),
    "LayerNormalization": (lambda L: L.LayerNormalization(epsilon=0.01), IMAGE),
    "LayerNormalization axes": (lambda L: L.LayerNormalization((1, 2, 3), scale=False), IMAGE),
    "LeakyReLU": (lambda L: L.LeakyReLU(0.2), IMAGE),
    "MaxPooling1D": (lambda L: L.MaxPooling1D(2), SEQUENCE),
    "MaxPooling2D": (lambda L: L.MaxPooling2D((2, 3), strides=(2, 1), padding="same"), IMAGE),
    "PReLU": (lambda L: L.PReLU(shared_axes=(1, 2)), IMAGE),
    "Permute": (lambda L: L.Permute((3, 1, 2)), IMAGE),
    "RandomContrast": (lambda L: L.RandomContrast(0.3), IMAGE),
    "RandomFlip": (lambda L: L.RandomFlip("horizontal"), IMAGE),
    "RandomRotation": (lambda L: L.RandomRotation(0.3), IMAGE),
    "RandomTranslation": (lambda L: L.RandomTranslation(0.1, (-0.1, 0.2)), IMAGE),
    "RandomZoom": (lambda L: L.RandomZoom(0.2, fill_mode="nearest"), IMAGE),
    "ReLU": (lambda L: L.ReLU(1.5, negative_slope=0.1, threshold=0.2), IMAGE),
    "RepeatVector": (lambda L: L.RepeatVector(3), (7,)),
    "Rescaling": (lambda L: L.Rescaling(1 / 255, offset=-0.5), IMAGE),
    "Reshape": (lambda L: L.Reshape((-1, 8)), IMAGE),
    "SeparableConv1D": (lambda L: L.SeparableConv1D(3, 3, depth_multiplier=2), SEQUENCE),
    "SeparableConv2D": (
        lambda L: L.SeparableConv2D(3, 3, strides=2, padding="same", activation="relu"),
        IMAGE,
    ),
    "Softmax": (lambda L: L.Softmax(), IMAGE),
    "SpatialDropout1D": (lambda L: L.SpatialDropout1D(0.3), SEQUENCE),
    "SpatialDropout2D": (lambda L: L.SpatialDropout2D(0.3), IMAGE),
    "UpSampling1D": (lambda L: L.UpSampling1D(3), SEQUENCE),
    "UpSampling2D": (lambda L: L.UpSampling2D((2, 3)), IMAGE),
    "UpSampling2D bilinear": (lambda L: L.UpSampling2D(2, interpolation="bilinear"), IMAGE),
    "ZeroPadding1D": (lambda L: L.ZeroPadding1D((1, 2)), SEQUENCE),
    "ZeroPadding2D": (lambda L: L.ZeroPadding2D(((1, 0), (2, 3))), IMAGE),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layer(keras: Any, tmp_path: Path, name: str) -> None:
    make, shape = LAYERS[name]
    layer = make(keras.layers)
    found = check(keras.Sequential([keras.Input(shape), layer]), tmp_path, shape)
    assert [one.name for one in found.layers] == [layer.name]
    assert type(found.layers[0]).__name__ == name.split()[0]
