"""Every layer against its oracle, and what all layers have in common."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cnnx
from cnnx import layers
from cnnx.layers.augmentation import LAYERS as AUGMENTATION
from layer_cases import CASES
from layer_cases.case import Case
from layer_test import run_layer_test
from single_layer import backward, both, forward


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_layer(case: Case) -> None:
    run_layer_test(*case)


def test_every_layer_has_a_case() -> None:
    exempt = {layers.InputLayer, layers.Layer, layers.Quantization}  # the last: below
    exempt |= {layers.SpectralNormalization}  # test_spectral_normalization.py
    exempt |= {
        layer for layer in AUGMENTATION if not hasattr(layer, "maps")
    }  # test_augmentation.py
    classes = {getattr(layers, name) for name in layers.__all__}
    classes = {item for item in classes if isinstance(item, type)} - exempt
    classes = {item for item in classes if not item.merges}  # those: tests/test_merging.py
    assert classes == {case.layer_class for case in CASES.values()} - exempt


@pytest.mark.parametrize(
    "layer",
    [
        layers.Conv1D(4, 2),
        layers.DepthwiseConv1D(2),
        layers.SeparableConv1D(4, 2),
        layers.Conv1DTranspose(4, 2),
        layers.Dense(3, activation="tanh"),
        layers.BatchNormalization(),
        layers.LayerNormalization(),
        layers.GroupNormalization(2),
        layers.PReLU(),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_each_weight_may_be_frozen_by_itself(layer: Any) -> None:
    x = np.random.default_rng(1).random((2, 5, 4), np.float32)
    layer.build_once((None, 5, 4))
    dy = np.random.default_rng(2).random((2, *layer.output_shape[1:]), np.float32)
    _, dx = both(layer, x, dy)
    learned = layer.trainable_weights
    gradients = [weight.gradient.copy() for weight in learned]
    for alone in learned:
        for weight in learned:
            weight.trainable = weight is alone
            weight.gradient[...] = 7
        np.testing.assert_array_equal(both(layer, x, dy)[1], dx)
        for weight, gradient in zip(learned, gradients, strict=True):
            expected = gradient if weight is alone else np.full(weight.shape, 7)
            np.testing.assert_array_equal(weight.gradient, expected)


NEW = {
    "Conv1D": (layers.Conv1D(4, 3, padding="same", activation="tanh"), (7, 4)),
    "DepthwiseConv2D": (layers.DepthwiseConv2D(3, padding="same"), (5, 6, 4)),
    "SeparableConv2D": (layers.SeparableConv2D(4, 3, padding="same"), (5, 6, 4)),
    "Conv2DTranspose": (layers.Conv2DTranspose(4, 3, padding="same", activation="elu"), (5, 6, 4)),
    "MaxPooling1D": (layers.MaxPooling1D(3, 1, padding="same"), (7, 4)),
}


@pytest.mark.parametrize(("layer", "input_shape"), NEW.values(), ids=NEW)
def test_a_layer_used_twice_keeps_the_uses_apart(
    layer: layers.Layer, input_shape: tuple[int, ...], backend: None
) -> None:
    layer.build_once((None, *input_shape))
    second = type(layer).from_config(layer.get_config() | {"name": "second"})
    second.build_once((None, *input_shape))
    second.set_weights(layer.get_weights())
    x, dy = (np.random.default_rng(seed).random((3, *input_shape), np.float32) for seed in (1, 2))
    results = []
    for top in (layer, second):
        below = forward(layer, x)
        above = forward(top, below.y)
        gradient = backward(top, above, dy)
        of_top = [weight.gradient.copy() for weight in top.weights]
        results.append([above.y, *of_top, backward(layer, below, gradient)])
        results[-1] += [weight.gradient.copy() for weight in layer.weights]
    for got, expected in zip(*results, strict=True):
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize(("layer", "input_shape"), NEW.values(), ids=NEW)
def test_no_samples(layer: layers.Layer, input_shape: tuple[int, ...]) -> None:
    empty = np.zeros((0, *input_shape), np.float32)
    layer.build_once((None, *input_shape))
    y, dx = both(layer, empty, np.zeros((0, *layer.output_shape[1:])))
    assert y.shape == (0, *layer.output_shape[1:])
    assert dx.shape == empty.shape
    for weight in layer.weights:
        assert not weight.gradient.any()


def test_the_names_of_keras_are_the_same_classes() -> None:
    for kind in ("1D", "2D"):
        for name, other in (
            ("Conv", "Convolution"),
            ("SeparableConv", "SeparableConvolution"),
            ("MaxPooling", "MaxPool"),
            ("AveragePooling", "AvgPool"),
            ("GlobalMaxPooling", "GlobalMaxPool"),
            ("GlobalAveragePooling", "GlobalAvgPool"),
        ):
            assert getattr(layers, name + kind) is getattr(layers, other + kind)
    assert layers.Conv2DTranspose is layers.Convolution2DTranspose
    assert layers.Conv1DTranspose is layers.Convolution1DTranspose


@pytest.mark.parametrize(
    ("layer", "input_shape", "message"),
    [
        (
            layers.Conv1D(2, 3),
            (5,),
            r"Conv1D .* expects sequences \(batch, steps, channels\).*None\]",
        ),
        (layers.MaxPooling1D(2), (5, 4, 3), r"expects sequences \(batch, steps, channels\)"),
        (layers.DepthwiseConv2D(2), (5, 4), r"grey images need a channel axis"),
        (layers.Conv1D(2, 3), (2, 1), "a 3-step kernel .* does not fit the 2-step input.*sequence"),
        (layers.Conv1D(2, 3, groups=2), (5, 3), "3 channels must be a multiple of groups=2"),
        (layers.Conv2DTranspose(2, 3, groups=2), (5, 5, 3), "3 channels must be a multiple of g"),
        (layers.Conv2DTranspose(2, 3, padding=4), (5, 5, 1), r"leaves nothing of the 5x5 input"),
        (layers.Conv2DTranspose(1, 2, 2, "same", 0), (1, 1, 1), r"leaves nothing of the 1x1"),
        (
            layers.Conv2DTranspose(1, 2, 2**20),
            (2**13, 1, 1),
            r"makes \d+ outputs of an axis of 8192",
        ),
        (layers.Conv2DTranspose(1, 2, 2**20), (2, 2, 1), "too big for any memory"),
        (layers.Conv1DTranspose(1, 3, 2**30), (9, 1), "makes 9663676416 outputs of an axis of 9"),
    ],
)
def test_inputs_that_do_not_fit(
    layer: layers.Layer, input_shape: tuple[int, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        layer.build_once((None, *input_shape))


def test_settings_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match=r"output_padding=\(2, 2\) must be less than strides=\(2"):
        layers.Conv2DTranspose(1, 3, strides=2, output_padding=2)
    with pytest.raises(ValueError, match="filters=3 must be a multiple of groups=2"):
        layers.Conv2DTranspose(3, 3, groups=2)
    with pytest.raises(ValueError, match=r"padding must be 'valid', 'same', 'full', a whole"):
        layers.Conv1DTranspose(3, 3, padding="causal")
    with pytest.raises(ValueError, match=r"padding=.* must be less than pool_size=\(2,\)"):
        layers.MaxPooling1D(2, padding=2)


def test_names_are_those_of_keras() -> None:
    first, second = layers.MaxPooling2D(), layers.MaxPooling2D()
    assert first.name.startswith("max_pooling2d")
    assert first.name != second.name
    assert layers.Conv2D(1, 1).name.startswith("conv2d")
    assert layers.BatchNormalization().name.startswith("batch_normalization")
    assert layers.Conv2DTranspose(1, 1).name.startswith("conv2d_transpose")
    assert layers.DepthwiseConv1D(1).name.startswith("depthwise_conv1d")
    separable = layers.SeparableConv2D(2, 3, name="s")
    separable(np.ones((1, 5, 5, 3)))
    assert {weight.path: weight.shape for weight in separable.weights} == {
        "s/depthwise_kernel": (3, 3, 3, 1),
        "s/pointwise_kernel": (1, 1, 3, 2),
        "s/bias": (2,),
    }


def test_a_seed_repeats_the_first_weights() -> None:
    def weights() -> np.ndarray:
        cnnx.utils.set_random_seed(7)
        layer = layers.Dense(50)
        layer.build_once((None, 30))
        return layer.get_weights()[0]

    first = weights()
    np.testing.assert_array_equal(first, weights())
    limit = np.sqrt(6 / (30 + 50))  # glorot_uniform
    assert 0.95 * limit < np.abs(first).max() <= limit
