"""Each layer computes on inputs that leave sizes open what it computes at one size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnx
from cnnx import layers, random
from open_networks import OPEN, SIGNAL, SIZES, images, sized

L = layers
LAYERS: dict[str, tuple[Callable[[], Any], tuple[int | None, ...]]] = {
    "Activation": (lambda: L.Activation("relu"), OPEN),
    "ActivityRegularization": (lambda: L.ActivityRegularization(l2=0.1), OPEN),
    "Affine": (L.Affine, OPEN),
    "AdaptiveAveragePooling1D": (lambda: L.AdaptiveAveragePooling1D(4), SIGNAL),
    "AdaptiveAveragePooling2D": (lambda: L.AdaptiveAveragePooling2D((4, 3)), OPEN),
    "AdaptiveMaxPooling1D": (lambda: L.AdaptiveMaxPooling1D(4), SIGNAL),
    "AdaptiveMaxPooling2D": (lambda: L.AdaptiveMaxPooling2D((4, 3)), OPEN),
    "AlphaDropout": (lambda: L.AlphaDropout(0.5), OPEN),
    "ArgMax": (L.ArgMax, OPEN),
    "AutoContrast": (L.AutoContrast, OPEN),
    "AveragePooling1D": (lambda: L.AveragePooling1D(3, 2, "same"), SIGNAL),
    "AveragePooling2D": (lambda: L.AveragePooling2D(3, 2, padding=1), OPEN),
    "BatchNormalization": (L.BatchNormalization, OPEN),
    "CenterCrop": (lambda: L.CenterCrop(5, 6), OPEN),
    "Clip": (lambda: L.Clip(-0.5, 0.5), OPEN),
    "Conv1D": (lambda: L.Conv1D(4, 3, padding="causal", dilation_rate=2), SIGNAL),
    "Conv1DTranspose": (lambda: L.Conv1DTranspose(4, 3, 2, "same"), SIGNAL),
    "Conv2D": (lambda: L.Conv2D(4, 3, 2, "same"), OPEN),
    "Conv2DTranspose": (lambda: L.Conv2DTranspose(4, 3, 2, "valid"), OPEN),
    "Cropping1D": (lambda: L.Cropping1D((1, 2)), SIGNAL),
    "Cropping2D": (lambda: L.Cropping2D(((1, 2), (0, 1))), OPEN),
    "CutMix": (L.CutMix, OPEN),
    "Dense": (lambda: L.Dense(4), OPEN),
    "DepthwiseConv1D": (lambda: L.DepthwiseConv1D(3, depth_multiplier=2), SIGNAL),
    "DepthwiseConv2D": (lambda: L.DepthwiseConv2D(3, padding="same"), OPEN),
    "Dropout": (lambda: L.Dropout(0.5), OPEN),
    "ELU": (L.ELU, OPEN),
    "Elementary": (lambda: L.Elementary("abs"), OPEN),
    "Equalization": (L.Equalization, OPEN),
    "Flatten": (L.Flatten, OPEN),
    "GaussianDropout": (lambda: L.GaussianDropout(0.5), OPEN),
    "GaussianNoise": (lambda: L.GaussianNoise(0.5), OPEN),
    "GlobalAveragePooling1D": (L.GlobalAveragePooling1D, SIGNAL),
    "GlobalAveragePooling2D": (L.GlobalAveragePooling2D, OPEN),
    "GlobalMaxPooling1D": (L.GlobalMaxPooling1D, SIGNAL),
    "GlobalMaxPooling2D": (lambda: L.GlobalMaxPooling2D(keepdims=True), OPEN),
    "GroupNormalization": (lambda: L.GroupNormalization(3), OPEN),
    "Identity": (L.Identity, OPEN),
    "LayerNormalization": (L.LayerNormalization, OPEN),
    "LeakyReLU": (L.LeakyReLU, OPEN),
    "LocalResponseNormalization": (L.LocalResponseNormalization, OPEN),
    "MaxPooling1D": (lambda: L.MaxPooling1D(2), SIGNAL),
    "MaxPooling2D": (lambda: L.MaxPooling2D(3, 2), OPEN),
    "MixUp": (L.MixUp, OPEN),
    "Normalization": (lambda: L.Normalization(mean=[1, 2, 3], variance=[1, 2, 4]), OPEN),
    "PReLU": (lambda: L.PReLU(shared_axes=(1, 2)), OPEN),
    "Padding": (lambda: L.Padding(((1, 2), (0, 1), (0, 0)), "reflect"), OPEN),
    "Permute": (lambda: L.Permute((2, 1, 3)), OPEN),
    "Power": (lambda: L.Power(2), OPEN),
    "Quantization": (lambda: L.Quantization(0.1), OPEN),
    "SpectralNormalization": (lambda: L.SpectralNormalization(L.Conv2D(2, 3)), OPEN),
    "RMSNormalization": (L.RMSNormalization, OPEN),
    "RandAugment": (L.RandAugment, OPEN),
    "RandomBrightness": (lambda: L.RandomBrightness(0.2), OPEN),
    "RandomColorDegeneration": (lambda: L.RandomColorDegeneration(0.5), OPEN),
    "RandomColorJitter": (lambda: L.RandomColorJitter(brightness_factor=0.2), OPEN),
    "RandomContrast": (lambda: L.RandomContrast(0.2), OPEN),
    "RandomCrop": (lambda: L.RandomCrop(5, 6), OPEN),
    "RandomErasing": (L.RandomErasing, OPEN),
    "RandomFlip": (L.RandomFlip, OPEN),
    "RandomGaussianBlur": (L.RandomGaussianBlur, OPEN),
    "RandomGrayscale": (L.RandomGrayscale, OPEN),
    "RandomHue": (lambda: L.RandomHue(0.2), OPEN),
    "RandomInvert": (L.RandomInvert, OPEN),
    "RandomPerspective": (L.RandomPerspective, OPEN),
    "RandomPosterization": (lambda: L.RandomPosterization(4), OPEN),
    "RandomRotation": (lambda: L.RandomRotation(0.2), OPEN),
    "RandomSaturation": (lambda: L.RandomSaturation(0.4), OPEN),
    "RandomSharpness": (lambda: L.RandomSharpness(0.5), OPEN),
    "RandomShear": (lambda: L.RandomShear(0.2, 0.2), OPEN),
    "RandomTranslation": (lambda: L.RandomTranslation(0.2, 0.2), OPEN),
    "RandomZoom": (lambda: L.RandomZoom(0.2), OPEN),
    "ReLU": (L.ReLU, OPEN),
    "Reduction": (lambda: L.Reduction("mean", (1, 2)), OPEN),
    "Resampling": (lambda: L.Resampling((7, 5), "linear"), OPEN),
    "Rescaling": (lambda: L.Rescaling(1 / 255), OPEN),
    "Reshape": (lambda: L.Reshape((-1, 3)), OPEN),
    "Resizing": (lambda: L.Resizing(7, 5), OPEN),
    "SeparableConv1D": (lambda: L.SeparableConv1D(4, 3), SIGNAL),
    "SeparableConv2D": (lambda: L.SeparableConv2D(4, 3, padding="same"), OPEN),
    "Softmax": (L.Softmax, OPEN),
    "Solarization": (lambda: L.Solarization(0.1, 0.1), OPEN),
    "SpatialDropout1D": (lambda: L.SpatialDropout1D(0.5), SIGNAL),
    "SpatialDropout2D": (lambda: L.SpatialDropout2D(0.5), OPEN),
    "SumPooling2D": (L.SumPooling2D, OPEN),
    "Take": (lambda: L.Take([2, 0], axis=1), OPEN),
    "Tile": (lambda: L.Tile((2, 1, 1)), OPEN),
    "UnitNormalization": (L.UnitNormalization, OPEN),
    "UpSampling1D": (L.UpSampling1D, SIGNAL),
    "UpSampling2D": (lambda: L.UpSampling2D(interpolation="bilinear"), OPEN),
    "WeightedAveragePooling2D": (L.WeightedAveragePooling2D, OPEN),
    "ZeroPadding1D": (L.ZeroPadding1D, SIGNAL),
    "ZeroPadding2D": (L.ZeroPadding2D, OPEN),
    "RepeatVector": (lambda: L.RepeatVector(3), (None,)),
}
"""Each layer of one input, and what it is used on."""

MERGING = {
    "Add": L.Add,
    "Average": L.Average,
    "Concatenate": L.Concatenate,
    "Divide": L.Divide,
    "Dot": lambda: L.Dot(1),
    "Maximum": L.Maximum,
    "Minimum": L.Minimum,
    "Multiply": L.Multiply,
    "Select": L.Select,
    "Subtract": L.Subtract,
    "MatMul": L.MatMul,
}


def test_every_layer_is_here() -> None:
    assert {*LAYERS, *MERGING, "InputLayer"} == set(layers.LAYERS)


def agrees(shape: Sequence[int], expected: Sequence[int | None]) -> bool:
    return len(shape) == len(expected) and all(
        wanted in (None, extent) for extent, wanted in zip(shape[1:], expected[1:], strict=True)
    )


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_computes_what_it_does_at_one_size(name: str) -> None:
    make, shape = LAYERS[name]
    model = cnnx.Sequential([cnnx.Input(shape), make()])
    for number, extents in enumerate(((12, 10), (9, 13))):
        size = sized(shape, *extents)
        fixed = cnnx.Sequential([cnnx.Input(size), make()])
        fixed.set_weights(model.get_weights())
        x = images(2, *size, seed=number)
        found = model.predict_on_batch(x)
        np.testing.assert_array_equal(found, fixed.predict_on_batch(x))
        assert agrees(found.shape, model.output_shape)
        results = []
        for one in (model, fixed):
            random.set_seed(5)
            results.append(one.forward(x, training=True))
        np.testing.assert_array_equal(*results)


@pytest.mark.parametrize("name", MERGING)
def test_values_of_open_sizes_are_merged(name: str) -> None:
    count = 3 if name == "Select" else 2

    def build(size: Sequence[int | None]) -> cnnx.Model:
        inputs = [cnnx.Input(size, name=f"i{number}") for number in range(count)]
        value = MERGING[name]()(inputs)
        return cnnx.Model(inputs, value)

    is_product = name in ("Dot", "MatMul")
    model = build(OPEN[:2] if is_product else OPEN)
    for extents in ((6, 6), (9, 9)):
        size = extents if is_product else (*extents, 3)
        x = [images(2, *size, seed=number) for number in range(count)]
        found = model.predict_on_batch(x)
        np.testing.assert_array_equal(found, build(size).predict_on_batch(x))
        assert agrees(found.shape, model.output_shape)


def test_shapes_of_merged_values() -> None:
    a, b = cnnx.Input((None, 8, 3)), cnnx.Input((5, None, 1))
    assert layers.Add()([a, b]).shape == (None, 5, 8, 3)
    assert layers.Multiply()([a, cnnx.Input((1, 1, 3))]).shape == (None, None, 8, 3)
    assert layers.Concatenate()([a, b]).shape == (None, 5, 8, 4)
    assert layers.Concatenate(axis=1)([a, cnnx.Input((4, 8, 3))]).shape == (None, None, 8, 3)
    with pytest.raises(ValueError, match="do not fit each other"):
        layers.Add()([a, cnnx.Input((None, 7, 3))])
    with pytest.raises(ValueError, match="must agree but for axis -1"):
        layers.Concatenate()([a, cnnx.Input((None, 7, 3))])


class Shifted(layers.Layer):
    """A layer of a user's, with a weight for each channel."""

    def build(self, input_shape: Any) -> None:
        self.shift = self.add_weight("shift", (input_shape[-1],), "ones")

    def forward(self, call: Any, x: Any) -> Any:
        return x + self.shift.value

    def backward(self, call: Any, dy: Any) -> Any:
        if (gradient := call.gradient(self.shift)) is not None:
            gradient[...] = dy.sum(axis=(0, 1, 2))
        return dy


def test_layers_of_a_users_own() -> None:
    model = cnnx.Sequential([cnnx.Input(OPEN), Shifted(), L.GlobalAveragePooling2D()])
    model.compile("sgd", "mse")
    for size in SIZES:
        x = images(3, *size, 3)
        np.testing.assert_allclose(
            model.predict(x, verbose=0), (x + model.get_weights()[0]).mean((1, 2)), atol=1e-6
        )
        model.train_on_batch(x, np.zeros((3, 3)))


UNKNOWN_TO_ONNX = {name for name in LAYERS if name.startswith("Adaptive")} | {
    "CenterCrop",
    "RandomCrop",
}
"""Layers whose nodes depend on the size."""


@pytest.mark.parametrize("name", [name for name in LAYERS if not name.startswith("Random")])
def test_onnx_files_of_open_sizes(name: str, tmp_path: Path) -> None:
    onnx_peers = pytest.importorskip("onnx_peers")
    make, shape = LAYERS[name]
    x = cnnx.Input(shape, name="x")
    model = cnnx.Model(x, make()(x))
    for number, weight in enumerate(model.weights):
        weight.assign(np.abs(images(*weight.shape, seed=number)) + np.float32(0.1))
    if name in UNKNOWN_TO_ONNX:
        with pytest.raises(ValueError, match=r"needs the size of its input .*Sequential\(\["):
            cnnx.onnx.save(model, tmp_path / "open.onnx")
        model = cnnx.Sequential([cnnx.Input(sized(shape, 9, 13), name="x"), model])
    cnnx.onnx.save(model, tmp_path / "open.onnx")
    for extents in [(9, 13)] if name in UNKNOWN_TO_ONNX else [(9, 13), (12, 10)]:
        inputs = {"x": images(2, *sized(shape, *extents))}
        (found,) = onnx_peers.by_onnxruntime(tmp_path / "open.onnx", inputs)
        wanted = model.predict_on_batch(inputs["x"])
        assert found.shape == wanted.shape
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=2e-5)
