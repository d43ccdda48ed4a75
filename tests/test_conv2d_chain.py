"""Convolutions that run together in bands of rows give the bits that they give one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cnnx
from agreement import backends, normal
from cnnx import _core, config, layers
from cnnx.graph import Graph
from cnnx.graph.fusions import fuse
from cnnx.graph.passes import ConvolutionChain

Array = np.ndarray[Any, Any]
Link = tuple[Any, ...]


def product(seed: int, size: tuple[int, int], read: int, made: int, activation: str) -> Link:
    weights, bias = normal(seed, 1, 1, read, made), normal(seed + 1, made)
    windows = (1, 1), (0, 0), (1, 1), 1, False
    return weights, bias, size, *windows, activation, _core.PreparedWeights()


def depthwise(
    seed: int,
    size: tuple[int, int],
    channels: int,
    kernel: int,
    stride: int,
    padding: int,
    activation: str,
) -> Link:
    weights, bias = normal(seed, kernel, kernel, 1, channels), normal(seed + 1, channels)
    rows, columns = ((side + 2 * padding - kernel) // stride + 1 for side in size)
    windows = (stride, stride), (padding, padding), (1, 1), channels, False
    return (
        *(weights, bias, (rows, columns), *windows),
        *(activation, _core.PreparedWeights()),
    )


def one_by_one(src: Array, links: list[Link], addend: Array | None) -> Array:
    for number, (weights, bias, size, *windows, activation, prepared) in enumerate(links, 1):
        dst = np.full((len(src), *size, weights.shape[3]), np.nan, np.float32)
        last = addend if number == len(links) else None
        _core.conv2d_forward(
            src, weights, bias, dst, *windows, activation, prepared=prepared, addend=last
        )
        src = dst
    return src


def chain(src: Array, links: list[Link], addend: Array | None) -> Array:
    weights, _, size, *_ = links[-1]
    dst = np.full((len(src), *size, weights.shape[3]), np.nan, np.float32)
    _core.conv2d_chain_forward(src, links, dst, addend)
    return dst


@pytest.mark.parametrize("algorithm", ["auto", "direct", "im2col"])
@pytest.mark.parametrize("adds", [False, True])
@pytest.mark.parametrize(
    ("images", "size", "kernel", "stride", "padding"),
    [
        (1, (12, 11), 3, 1, 1),
        (3, (12, 11), 3, 2, 1),
        (2, (40, 33), 3, 1, 1),
        (1, (57, 40), 3, 2, 1),
        (1, (40, 9), 5, 1, 2),
        (2, (33, 9), 7, 2, 0),
        (5, (6, 25), 5, 2, 4),
        (1, (300, 64), 3, 1, 1),
    ],
)
def test_bands_of_rows_change_no_bit(
    images: int,
    size: tuple[int, int],
    kernel: int,
    stride: int,
    padding: int,
    adds: bool,
    algorithm: str,
) -> None:
    src = normal(1, images, *size, 24)
    middle = depthwise(4, size, 72, kernel, stride, padding, "relu6")
    links = [
        product(2, size, 24, 72, "relu"),
        middle,
        product(6, middle[2], 72, 20, "sigmoid" if adds else "linear"),
    ]
    addend = normal(8, images, *middle[2], 20) if adds else None
    config.set_conv_algorithm(algorithm)
    for backend in backends():
        backend.use()
        for part in (links, links[:2], links[1:]):
            first = normal(9, images, *size, part[0][0].shape[2] * part[0][-4])
            read = src if part[0] is links[0] else first
            added = addend if part[-1] is links[-1] else None
            np.testing.assert_array_equal(
                chain(read, part, added), one_by_one(read, part, added), str(backend)
            )


@pytest.mark.usefixtures("backend")
def test_no_images_make_none() -> None:
    links = [product(1, (12, 12), 16, 32, "relu"), depthwise(2, (12, 12), 32, 3, 1, 1, "relu")]
    assert chain(np.empty((0, 12, 12, 16), np.float32), links, None).shape == (0, 12, 12, 32)


def test_arrays_that_do_not_fit_are_refused() -> None:
    links = [product(1, (12, 12), 16, 32, "relu"), depthwise(2, (12, 12), 32, 3, 1, 1, "relu")]
    src, dst = np.empty((2, 12, 12, 16), np.float32), np.empty((2, 12, 12, 32), np.float32)
    for arguments, message in [
        ((src, [], dst), "links must be 1 to 4, got 0"),
        ((src, 5 * links[1:], dst), "links must be 1 to 4, got 5"),
        ((src, links[1:], dst), "groups must divide"),
        ((src, links, dst[:1]), r"dst must have shape \(2, 12, 12, 32\), got \(1, 12, 12, 32\)"),
        ((src, links, dst, src), r"addend must have shape \(2, 12, 12, 32\)"),
        ((src, links, dst, dst), "dst must not share memory with an input"),
        ((src, [(*links[0][:-1], None)], dst), "prepared must not be None"),
    ]:
        with pytest.raises(ValueError, match="conv2d_chain_forward: " + message):
            _core.conv2d_chain_forward(*arguments)


def inverted_residual(x: Any, channels: int, strides: int, filters: int) -> Any:
    """A block as in MobileNetV2."""
    y = x
    for layer in (
        layers.Conv2D(channels, 1, use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(6.0),
        layers.DepthwiseConv2D(3, strides, padding="same", use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(6.0),
        layers.Conv2D(filters, 1, use_bias=False),
        layers.BatchNormalization(),
    ):
        y = layer(y)
    return layers.Add()([x, y]) if strides == 1 and x.shape == y.shape else y


def network() -> cnnx.Model:
    x = cnnx.Input((24, 23, 16))
    y = inverted_residual(x, 48, 1, 16)
    y = inverted_residual(y, 48, 2, 24)
    y = layers.Conv2D(20, 1, activation="relu")(y)
    y = inverted_residual(y, 40, 1, 20)
    model = cnnx.Model(x, y)
    for seed, weight in enumerate(model.weights):
        shift = 2 if weight.name == "moving_variance" else 0
        weight.assign(np.float32(0.5) * normal(seed, *weight.shape) + np.float32(shift))
    return model


def chains_of(model: cnnx.Model, training: bool = False, kept: Any = ()) -> list[int]:
    """Return how many convolutions each chain has."""
    operations = [step.operation for step in fuse(model.graph, training, kept)]
    return [len(item.passes) for item in operations if isinstance(item, ConvolutionChain)]


def test_a_network_in_use_runs_its_blocks_in_bands() -> None:
    model = network()
    assert chains_of(model) == [3, 3, 3]
    assert chains_of(model, training=True) == []
    hidden = next(
        value
        for value in model.graph.values
        if isinstance(value.node.layer, layers.DepthwiseConv2D)
    )
    assert chains_of(model, kept=[hidden.node.inputs[0]]) == [2, 3, 3]


def test_a_network_predicts_what_its_layers_compute_one_by_one() -> None:
    model = network()
    x = normal(1, 3, 24, 23, 16)
    single = fuse(model.graph, False, model.graph.values)
    assert not any(isinstance(step.operation, ConvolutionChain) for step in single)
    values: dict[Any, Any] = {model.graph.inputs[0]: x}
    for value in model.graph.values:
        read = [values[source] for source in value.node.inputs]
        values[value] = value.node.layer(read if len(read) > 1 else read[0])
    expected = values[model.graph.outputs[0]]
    for rows in (3, 1, 3):
        np.testing.assert_allclose(model.predict(x[:rows]), expected[:rows], rtol=1e-4, atol=1e-5)
    kernel = model.layers[4].weights[0]
    kernel.assign(2 * kernel.numpy())
    assert np.abs(model.predict(x) - expected).max() > 1e-3
    kernel.assign(kernel.numpy() / 2)
    np.testing.assert_allclose(model.predict(x), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "body",
    [
        [layers.DepthwiseConv2D(3), layers.DepthwiseConv2D(3)],
        [layers.Conv2D(16, 1), layers.Conv2D(16, 1)],
        [layers.Conv2D(16, 3), layers.DepthwiseConv2D(3, depth_multiplier=2)],
        [layers.Conv2D(16, 1), layers.MaxPooling2D(), layers.DepthwiseConv2D(3)],
        [layers.DepthwiseConv2D(3), layers.Conv2D(16, 1, 2)],
        [layers.DepthwiseConv2D(3), layers.ZeroPadding2D(1), layers.Conv2D(16, 1)],
        [layers.DepthwiseConv2D(3), layers.Conv2D(16, 1, padding=1)],
    ],
)
def test_other_convolutions_stay_apart(body: list[layers.Layer]) -> None:
    model = cnnx.Sequential([cnnx.Input((20, 20, 16)), *body])
    assert chains_of(model) == []
    assert isinstance(model.graph, Graph)
    assert np.isfinite(model.predict(normal(1, 2, 20, 20, 16))).all()
