"""Convolutions that normalise what they read give the bits of convolutions of the stored batch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cnnx
from agreement import assert_close, backends, normal
from cnnx import _core, config, layers
from cnnx.graph.fusions import fuse
from cnnx.graph.normalized_convolution import NormalizedConvolutionPass
from fused_networks import check_against_single_layers, stack, steps_of

Array = np.ndarray[Any, Any]
RECTIFIERS = ["linear", "relu", "relu6"]
Windows = tuple[tuple[int, int], tuple[int, int], tuple[int, int], int, bool]


def product(seed: int, read: int, made: int) -> tuple[Array, Windows]:
    return normal(seed, 1, 1, read, made), ((1, 1), (0, 0), (1, 1), 1, False)


def depthwise(
    seed: int, channels: int, kernel: int, stride: int, padding: int, dilation: int = 1
) -> tuple[Array, Windows]:
    windows = (stride, stride), (padding, padding), (dilation, 1), channels, False
    return normal(seed, kernel, kernel, 1, channels), windows


def check_bits(
    images: int,
    size: tuple[int, int],
    convolution: tuple[Array, Windows],
    activation: str,
    algorithm: str = "auto",
) -> None:
    """Compare statistics, forward pass and gradients with those of the stored batch."""
    weights, windows = convolution
    strides, padding, dilation, groups, _ = windows
    channels, filters = weights.shape[2] * groups, weights.shape[3]
    made = [
        (side + 2 * pad - (kernel - 1) * step - 1) // stride + 1
        for side, pad, kernel, step, stride in zip(
            size, padding, weights.shape[:2], dilation, strides, strict=True
        )
    ]
    x, dy = normal(2, images, *size, channels), normal(3, images, *made, filters)
    gamma, beta, bias = normal(4, channels), normal(5, channels), normal(6, filters)
    gradients: dict[str, list[Array]] = {}
    config.set_conv_algorithm(algorithm)
    for backend in backends():
        backend.use()
        stored, columns, inv_std = np.empty_like(x), np.empty((3, channels), np.float32), gamma * 0
        moving, expected_moving = [normal(7, 2, channels) for _ in range(2)]
        mean, expected_inv_std = gamma * 0, gamma * 0
        _core.batch_norm_forward_training(
            *(x, gamma, beta, stored, mean, expected_inv_std, *expected_moving, 1e-3, 0.9),
            activation,
        )
        _core.batch_norm_statistics(x, gamma, beta, columns, inv_std, *moving, 1e-3, 0.9)
        results, expected = (
            [np.full_like(dy, np.nan), np.full_like(weights, np.nan), np.full_like(bias, np.nan)]
            for _ in range(2)
        )
        _core.conv2d_forward(stored, weights, bias, expected[0], *windows)
        _core.conv2d_backward_weights(stored, dy, *expected[1:], *windows)
        reading = x, columns, activation
        _core.normalized_conv2d_forward(*reading, weights, bias, results[0], *windows)
        _core.normalized_conv2d_backward_weights(*reading, dy, *results[1:], *windows)
        dx, sums, expected_dx = np.empty_like(x), np.empty((2, channels), np.float32), x * 0
        _core.normalized_conv2d_backward_data(*reading, dy, weights, dx, sums, *windows)
        _core.conv2d_backward_data(dy, weights, expected_dx, *windows)
        results += [columns[0], columns[2], inv_std, moving, dx]
        expected += [mean, beta, expected_inv_std, expected_moving, expected_dx]
        for found, wanted in zip(results, expected, strict=True):
            np.testing.assert_array_equal(found, wanted, str(backend))
        passes = {"linear": np.isfinite(stored), "relu": stored > 0, "relu6": stored % 6 != 0}
        terms = np.where(passes[activation], dx, 0).reshape(-1, channels)
        check_sums(sums, terms, x.reshape(-1, channels) - mean.astype(np.float64))
        found = [sums.copy(), dx, *np.empty((2, channels), np.float32)]
        _core.batch_norm_backward_from_sums(
            *(x, dx, columns, activation, inv_std, sums), *found[1:]
        )
        wanted = [sums, np.empty_like(x), *np.empty((2, channels), np.float32)]
        _core.batch_norm_backward(
            *(x, expected_dx, gamma, mean, inv_std), *wanted[1:], activation, beta
        )
        for one, other in zip(found[1:], wanted[1:], strict=True):
            assert_close(one, other, what=str(backend))
        for one, other in zip(found, gradients.setdefault(backend.isa, found), strict=True):
            np.testing.assert_array_equal(one, other, str(backend))


def check_sums(sums: Array, gradient: Array, deviation: Array) -> None:
    """Compare both sums with those in float64."""
    for found, terms in zip(sums, (gradient.astype(np.float64), gradient * deviation), strict=True):
        error = np.abs(found - terms.sum(0))
        assert (error <= 1e-6 * np.sqrt(len(terms)) * np.abs(terms).max(0) + 1e-30).all()


@pytest.mark.parametrize("algorithm", ["auto", "direct", "im2col"])
@pytest.mark.parametrize("activation", RECTIFIERS)
def test_rectifiers(activation: str, algorithm: str) -> None:
    check_bits(2, (13, 9), product(1, 40, 24), activation, algorithm)
    check_bits(2, (13, 9), depthwise(1, 40, 3, 1, 1), activation, algorithm)


@pytest.mark.parametrize(
    ("images", "size", "read", "made"),
    [(1, (3, 3), 16, 16), (8, (7, 7), 160, 320), (3, (20, 21), 24, 100), (2, (40, 40), 1024, 17)],
)
def test_products(images: int, size: tuple[int, int], read: int, made: int) -> None:
    check_bits(images, size, product(1, read, made), "relu6")


@pytest.mark.parametrize(
    ("images", "size", "convolution"),
    [
        (3, (14, 15), depthwise(1, 72, 3, 2, 1)),
        (1, (57, 40), depthwise(1, 33, 3, 1, 1)),
        (2, (33, 9), depthwise(1, 64, 5, 2, 2)),
        (2, (40, 30), depthwise(1, 512, 3, 1, 1)),
        (2, (12, 9), depthwise(1, 48, 3, 1, 4)),
        (2, (30, 11), depthwise(1, 48, 3, 1, 0, dilation=3)),
        (1, (300, 64), depthwise(1, 32, 3, 1, 1)),
        (2, (6, 5), depthwise(1, 40, 2, 1, 0)),
        (2, (9, 8), depthwise(1, 3, 3, 1, 1)),
    ],
)
def test_depthwise(images: int, size: tuple[int, int], convolution: tuple[Array, Windows]) -> None:
    check_bits(images, size, convolution, "relu6")


def test_other_convolutions_store_the_batch() -> None:
    weights = normal(1, 3, 3, 20, 24)
    check_bits(2, (12, 13), (weights, ((1, 1), (1, 1), (1, 1), 1, False)), "relu")


def test_arrays_that_do_not_fit_are_refused() -> None:
    weights, windows = product(1, 16, 32)
    x, y = np.empty((2, 5, 5, 16), np.float32), np.empty((2, 5, 5, 32), np.float32)
    columns = np.empty((3, 16), np.float32)
    with pytest.raises(ValueError, match=r"columns must have shape \(3, 16\), got \(2, 16\)"):
        _core.normalized_conv2d_forward(x, columns[:2], "relu", weights, None, y, *windows)
    with pytest.raises(ValueError, match="activation must be linear, relu or relu6"):
        _core.normalized_conv2d_forward(x, columns, "sigmoid", weights, None, y, *windows)
    with pytest.raises(ValueError, match="diff_src must not share memory"):
        _core.normalized_conv2d_backward_data(
            x, columns, "relu", y, weights, x, columns[:2], *windows
        )
    with pytest.raises(ValueError, match=r"diff_dst must have shape \(2, 5, 5, 32\)"):
        _core.normalized_conv2d_backward_weights(x, columns, "relu", y[:1], weights, None, *windows)
    with pytest.raises(ValueError, match="batch_norm_statistics: columns must have shape"):
        _core.batch_norm_statistics(
            x, None, None, columns[:2], columns[0], columns[1], columns[2], 1e-3, 0.9
        )


@pytest.mark.parametrize("activation", RECTIFIERS)
@pytest.mark.parametrize("use_bias", [False, True])
def test_a_network_trains_as_its_layers_do_one_by_one(activation: str, use_bias: bool) -> None:
    model = stack(
        layers.Conv2D(20, 3, use_bias=use_bias),
        layers.BatchNormalization(),
        layers.Activation(activation),
        layers.DepthwiseConv2D(3, padding="same", use_bias=use_bias),
        layers.BatchNormalization(scale=False),
        layers.Activation(activation),
        layers.Conv2D(24, 1, use_bias=use_bias),
        layers.BatchNormalization(center=False),
        layers.Conv2D(16, 1, use_bias=use_bias),
    )
    normalized = "BatchNormalization Activation"
    assert steps_of(model) == [
        *["Conv2D", f"{normalized} DepthwiseConv2D", f"{normalized} Conv2D"],
        *["BatchNormalization Conv2D", "Flatten", "Dense"],
    ]
    check_against_single_layers(model)


@pytest.mark.parametrize(
    ("frozen", "together"), [([3], True), ([0, 1], True), ([0, 1, 3], True), ([2], False)]
)
def test_frozen_layers(frozen: list[int], together: bool) -> None:
    def network(apart: bool) -> cnnx.Sequential:
        between = [layers.Dropout(0.0)] if apart else []
        model = stack(
            layers.Conv2D(20, 3),
            layers.DepthwiseConv2D(3),
            layers.BatchNormalization(),
            *between,
            layers.Conv2D(24, 1),
        )
        learning = [layer for layer in model.layers if not isinstance(layer, layers.Dropout)]
        for index in frozen:
            learning[index].trainable = False
        model.compile("sgd", "mse")
        return model

    model, single = network(False), network(True)
    passes = [type(step.operation) for step in fuse(model.graph, True)]
    assert (NormalizedConvolutionPass in passes) == together
    assert NormalizedConvolutionPass not in [type(s.operation) for s in fuse(single.graph, True)]
    x, y = normal(1, 4, 9, 10, 3), normal(2, 4, 2)
    assert model.train_on_batch(x, y) == single.train_on_batch(x, y)
    assert_close(model.parameters.gradients, single.parameters.gradients)
    for weight, other in zip(model.get_weights(), single.get_weights(), strict=True):
        assert_close(weight, other)


def test_a_normalization_of_the_input_has_a_gradient_of_its_own() -> None:
    model = cnnx.Sequential([cnnx.Input((9, 10, 1)), layers.BatchNormalization()])
    model.add(layers.DepthwiseConv2D(3, padding="same"))
    assert "BatchNormalization" in steps_of(model)  # one channel leaves vectors empty
    model = cnnx.Sequential([cnnx.Input((9, 10, 20)), layers.BatchNormalization()])
    for layer in (layers.DepthwiseConv2D(3), layers.Flatten(), layers.Dense(2)):
        model.add(layer)
    model.compile("sgd", "mse")
    assert steps_of(model)[0] == "BatchNormalization DepthwiseConv2D"
    check_against_single_layers(model)


def test_what_others_read_or_want_is_stored() -> None:
    image = cnnx.Input((9, 10, 20))
    normalized = layers.BatchNormalization()(image)
    product = layers.Conv2D(20, 1)(normalized)
    both = cnnx.Model(image, layers.Add()([product, normalized]))
    assert steps_of(both) == ["BatchNormalization", "Conv2D Add"]
    assert steps_of(cnnx.Model(image, [product, normalized])) == ["BatchNormalization", "Conv2D"]
    model = cnnx.Model(image, product)
    assert steps_of(model) == ["BatchNormalization Conv2D"]
    assert steps_of(model, training=False) == ["BatchNormalization", "Conv2D"]
    assert len(fuse(model.graph, True, [normalized])) == 2


@pytest.mark.parametrize(
    "after",
    [
        [layers.Conv2D(20, 3)],
        [layers.Conv2D(20, 1, 2)],
        [layers.Conv2D(8, 1)],
        [layers.Conv2D(20, 1, activation="relu")],
        [layers.Conv2D(20, 1), layers.ReLU()],
        [layers.Activation("sigmoid"), layers.Conv2D(20, 1)],
        [layers.DepthwiseConv2D(3, depth_multiplier=2)],
        [layers.MaxPooling2D(), layers.Conv2D(20, 1)],
    ],
)
def test_other_convolutions_stay_apart(after: list[layers.Layer]) -> None:
    model = cnnx.Sequential([cnnx.Input((9, 10, 20)), layers.BatchNormalization(), *after])
    operations = [step.operation for step in fuse(model.graph, True)]
    assert not any(isinstance(item, NormalizedConvolutionPass) for item in operations)
