"""Layers in files of Keras 3: what is loaded predicts what Keras does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnx
from cnnx.models import load_model
from keras_models import (
    IMAGE,
    PICTURE,
    SEQUENCE,
    assert_alike,
    assert_predicts,
    check,
    predicted,
    silence,
    spread,
)

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

LAYERS = {
    "Activation": (lambda L: L.Activation("tanh"), IMAGE),
    # With PyTorch, Keras counts uneven padding in averages; with TensorFlow and JAX it does not.
    "AveragePooling1D": (lambda L: L.AveragePooling1D(3, 2, "same"), SEQUENCE),
    "AveragePooling2D": (lambda L: L.AveragePooling2D((3, 2), padding="same"), IMAGE),
    "AveragePooling2D valid": (lambda L: L.AveragePooling2D(3, strides=2), IMAGE),
    "BatchNormalization": (lambda L: L.BatchNormalization(momentum=0.8, epsilon=0.01), IMAGE),
    "BatchNormalization plain": (
        lambda L: L.BatchNormalization(axis=3, center=False, scale=False),
        IMAGE,
    ),
    "CenterCrop": (lambda L: L.CenterCrop(5, 6), IMAGE),
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
    "AdaptiveAveragePooling1D": (lambda L: L.AdaptiveAveragePooling1D(3), SEQUENCE),
    "AdaptiveAveragePooling2D": (lambda L: L.AdaptiveAveragePooling2D((4, 3)), IMAGE),
    "AdaptiveMaxPooling1D": (lambda L: L.AdaptiveMaxPooling1D(3), SEQUENCE),
    "AdaptiveMaxPooling2D": (lambda L: L.AdaptiveMaxPooling2D((3, 2)), IMAGE),
    "DepthwiseConv1D": (lambda L: L.DepthwiseConv1D(3, depth_multiplier=2), SEQUENCE),
    "DepthwiseConv2D": (
        lambda L: L.DepthwiseConv2D(3, strides=2, padding="same", depth_multiplier=2),
        IMAGE,
    ),
    "AlphaDropout": (lambda L: L.AlphaDropout(0.3, noise_shape=(None, 1, 1, 4)), IMAGE),
    "Dropout": (lambda L: L.Dropout(0.3, seed=3), IMAGE),
    "Dropout of images": (lambda L: L.Dropout(0.3, noise_shape=(None, 1, 1, 1)), IMAGE),
    "RMSNormalization": (lambda L: L.RMSNormalization(epsilon=0.01), IMAGE),
    "RMSNormalization axes": (lambda L: L.RMSNormalization((2, 3)), IMAGE),
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
    "AutoContrast": (lambda L: L.AutoContrast((-4, 4)), PICTURE),
    "CutMix": (lambda L: L.CutMix(0.5, seed=1), PICTURE),
    "MixUp": (lambda L: L.MixUp(0.3), PICTURE),
    "RandAugment": (lambda L: L.RandAugment((0, 1), num_ops=3), PICTURE),
    "RandomColorJitter": (lambda L: L.RandomColorJitter(hue_factor=(0.1, 0.2)), PICTURE),
    # Keras 3.15 itself cannot save RandomBrightness, RandomSaturation and some others.
    "RandomContrast": (lambda L: L.RandomContrast((0.3, 0.3)), IMAGE),
    "RandomErasing": (lambda L: L.RandomErasing(fill_value=0.5), IMAGE),
    "RandomFlip": (lambda L: L.RandomFlip("horizontal"), IMAGE),
    "RandomGaussianBlur": (lambda L: L.RandomGaussianBlur(0.5, (3, 5), 0.4), IMAGE),
    "RandomGrayscale": (lambda L: L.RandomGrayscale(0.3), PICTURE),
    "RandomHue": (lambda L: L.RandomHue(0.3), PICTURE),
    "RandomInvert": (lambda L: L.RandomInvert(0.3), IMAGE),
    "RandomPerspective": (lambda L: L.RandomPerspective(0.3, 0.4), IMAGE),
    "RandomRotation": (lambda L: L.RandomRotation(0.3, fill_value=0.5), IMAGE),
    "RandomShear": (lambda L: L.RandomShear(0.3, (0.1, 0.2)), IMAGE),
    "RandomTranslation": (lambda L: L.RandomTranslation(0.1, (-0.1, 0.2)), IMAGE),
    "RandomZoom": (lambda L: L.RandomZoom(0.2, fill_mode="nearest"), IMAGE),
    "ReLU": (lambda L: L.ReLU(1.5, negative_slope=0.1, threshold=0.2), IMAGE),
    "RepeatVector": (lambda L: L.RepeatVector(3), (7,)),
    "Rescaling": (lambda L: L.Rescaling(1 / 255, offset=-0.5), IMAGE),
    "Resizing": (lambda L: L.Resizing(6, 5, crop_to_aspect_ratio=True), IMAGE),
    "Reshape": (lambda L: L.Reshape((-1, 8)), IMAGE),
    "SeparableConv1D": (lambda L: L.SeparableConv1D(3, 3, depth_multiplier=2), SEQUENCE),
    "SeparableConv2D": (
        lambda L: L.SeparableConv2D(3, 3, strides=2, padding="same", activation="relu"),
        IMAGE,
    ),
    "Softmax": (lambda L: L.Softmax(), IMAGE),
    "UnitNormalization": (lambda L: L.UnitNormalization(axis=[1, -1]), IMAGE),
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


ACTIVATIONS = (
    "elu exponential gelu hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu linear "
    "log_sigmoid log_softmax mish relu relu6 selu sigmoid silu softmax softplus softsign swish tanh"
)


def test_activations(keras: Any, tmp_path: Path) -> None:
    x = keras.Input((6,))
    check(
        keras.Model(x, [keras.layers.Activation(name)(x) for name in ACTIVATIONS.split()]),
        tmp_path,
        (6,),
    )


def test_activations_that_are_layers(keras: Any, tmp_path: Path) -> None:
    L = keras.layers
    stack = [
        keras.Input(IMAGE),
        L.Conv2D(3, 3, activation=L.LeakyReLU(negative_slope=0.1), name="c"),
        L.Dense(2, activation=L.ReLU(0.5)),
    ]
    found = check(keras.Sequential(stack), tmp_path, IMAGE)
    assert [layer.name for layer in found.layers][:2] == ["c", "c_activation"]
    found.save(tmp_path / "ours")  # nothing in it is a stranger's
    load_model(tmp_path / "ours")


MERGES = ["Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract"]


def test_merging_layers_with_several_inputs_and_outputs(keras: Any, tmp_path: Path) -> None:
    x, y = keras.Input((5, 4), name="x"), keras.Input((5, 4), name="y")
    outputs = [getattr(keras.layers, name)()([x, y]) for name in MERGES]
    outputs.append(keras.layers.Concatenate(axis=1)([x, y, x]))
    outputs += [keras.layers.Dot(2)([x, y]), keras.layers.Dot((1, 1), normalize=True)([x, y])]
    check(keras.Model([x, y], outputs), tmp_path, (5, 4), (5, 4))


def test_channels_first(keras: Any, tmp_path: Path) -> None:
    L, first = keras.layers, {"data_format": "channels_first"}
    x = keras.Input((3, 12, 10))
    y = L.BatchNormalization(axis=1)(L.Conv2D(4, 3, padding="same", **first)(x))
    y = L.MaxPooling2D(2, **first)(L.ReLU()(y))
    y = L.Conv2DTranspose(3, 3, 2, padding="same", **first)(y)
    y = L.Concatenate(axis=1)([L.SeparableConv2D(5, 3, **first)(y), L.Conv2D(1, 3, **first)(y)])
    parts = [
        L.UpSampling2D(2, interpolation="bilinear", **first),
        L.AveragePooling2D(2, **first),
        L.GlobalMaxPooling2D(keepdims=True, **first),
        L.ZeroPadding2D(((1, 0), (0, 2)), **first),
        L.Cropping2D(1, **first),
        L.SpatialDropout2D(0.2, **first),
        L.Flatten(**first),
    ]
    outputs = [L.Dense(3)(L.Flatten()(y)), *(part(y) for part in parts)]
    check(keras.Model(x, outputs), tmp_path, (3, 12, 10))


@pytest.mark.parametrize("given", [True, False], ids=["given", "learned"])
def test_normalization_of_channels(keras: Any, tmp_path: Path, given: bool) -> None:
    L = keras.layers
    numbers = {"mean": [0.1, 0.2, 0.3, 0.4], "variance": [0.5, 2.0, 0.0, 1.0]} if given else {}
    normalization = L.Normalization(axis=-1, **numbers)
    scales = L.Rescaling([0.5, 1.0, 2.0, 3.0], offset=[1.0, 2.0, 3.0, 4.0])
    if not given:
        normalization.adapt(np.random.default_rng(1).uniform(-2, 9, (5, *IMAGE)))
    stack = [keras.Input(IMAGE), L.Rescaling(0.1), normalization, scales, L.Conv2D(2, 3)]
    model = keras.Sequential(stack)
    wanted = predicted(model, IMAGE)
    for name in ("model.h5", "model.keras"):
        with silence():
            model.save(tmp_path / name)
        found = load_model(tmp_path / name)
        assert_predicts(found, wanted, IMAGE)
        assert len(found.trainable_weights) == 2
        found.layers[-1].set_weights([np.zeros((3, 3, 4, 2)), np.zeros(2)])
        found.load_weights(tmp_path / name)
        assert_predicts(found, wanted, IMAGE)
    found.save(tmp_path / "ours")
    assert_predicts(load_model(tmp_path / "ours"), wanted, IMAGE)


def test_arithmetic_of_values(keras: Any, tmp_path: Path) -> None:
    x = keras.Input((5, 4))
    y = keras.layers.Dense(4)(x)
    outputs = [x + y, x - y, x * y, x + 2, 3 - x, x - 0.5, 0.25 * y, x / 4]
    outputs += [keras.ops.relu(y), keras.ops.sigmoid(x), keras.ops.softmax(y), keras.ops.silu(x)]
    outputs += [keras.ops.maximum(x, y)]
    outputs += [keras.ops.elu(x, alpha=0.5), keras.ops.leaky_relu(x, 0.4), keras.ops.celu(y, 2)]
    outputs += [keras.ops.softmax(x, axis=1), keras.ops.gelu(x), keras.ops.gelu(x, False)]
    outputs += [keras.ops.hard_shrink(x), keras.ops.soft_shrink(x, 0.2), keras.ops.squareplus(x)]
    outputs += [keras.ops.tanh_shrink(x), keras.ops.threshold(x, 0.5, -1.0), keras.ops.hard_tanh(x)]
    outputs += [keras.layers.Softmax(axis=1)(x), keras.layers.Activation("celu")(x)]
    model = keras.Model(x, outputs)
    spread(model)
    model.save(tmp_path / "model.keras")  # Keras 3 cannot load the .h5 of these itself
    assert_alike(load_model(tmp_path / "model.keras"), model, (5, 4))


@pytest.mark.parametrize(
    ("name", "make"),
    {
        "Elu": lambda ops, x: ops.elu(x, alpha=-0.5),
        "Glu": lambda ops, x: ops.glu(x),
        "Divide": lambda ops, x: 1 / x,
        "Maximum": lambda ops, x: ops.maximum(x, 0.5),
        "Subtract": lambda ops, x: x - np.ones(4, np.float32),
    }.items(),
)
def test_arithmetic_that_cnnx_has_not(
    keras: Any, tmp_path: Path, name: str, make: Callable[[Any, Any], Any]
) -> None:
    x = keras.Input((5, 4))
    with silence():
        keras.Model(x, make(keras.ops, x)).save(tmp_path / "model.keras")
    with pytest.raises(ValueError, match=f"has not what these are: [A-Za-z]*{name} '"):
        load_model(tmp_path / "model.keras")


def test_layers_of_your_own(keras: Any, tmp_path: Path) -> None:
    class Twice(keras.layers.Layer):
        def build(self, shape: Any) -> None:
            self.scale = self.add_weight(shape=(shape[-1],), initializer="ones", name="scale")

        def call(self, x: Any) -> Any:
            return 2 * x * self.scale

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), Twice(name="twice")])
    spread(model)
    model.save(tmp_path / "model.keras")
    with pytest.raises(ValueError, match=r"Twice 'twice': cnnx has no .*custom_objects"):
        load_model(tmp_path / "model.keras")

    class OurTwice(cnnx.layers.Layer):
        def build(self, shape: Any) -> None:
            self.scale = self.add_weight("scale", (shape[-1],))

        def forward(self, call: Any, x: Any) -> Any:
            return 2 * x * self.scale.value

    ours = load_model(tmp_path / "model.keras", custom_objects={"Twice": OurTwice})
    assert type(ours.layers[-1]) is OurTwice
    assert_alike(ours, model, (3,))
