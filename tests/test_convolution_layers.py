"""Convolutions of all kinds, and dense layers: what the table of cases does not say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import reference
from agreement import assert_close
from cnnx import layers
from single_layer import both


@pytest.mark.parametrize(
    ("layer", "input_shape", "output_shape"),
    [
        (layers.MaxPooling2D(3), (15, 15, 1), (5, 5, 1)),
        (layers.MaxPooling2D(2), (5, 7, 4), (2, 3, 4)),
        (layers.Conv2D(8, 5), (28, 28, 1), (24, 24, 8)),
        (layers.Flatten(), (10, 10, 8), (800,)),
    ],
    ids=lambda item: str(item),
)
def test_textbook_shapes(
    layer: layers.Layer, input_shape: tuple[int, ...], output_shape: tuple[int, ...]
) -> None:
    assert layer.compute_output_shape((None, *input_shape)) == (None, *output_shape)


def test_conv2d_initial_bias_leaves_the_net_input_alone() -> None:
    x = np.ones((1, 4, 4, 1), np.float32)
    for bias in ("tied", "untied"):
        for operation in ("add", "multiply"):
            layer = layers.Conv2D(2, 3, bias=bias, bias_operation=operation)
            y = layer(x)
            kernel = layer.get_weights()[0]
            assert_close(y, reference.conv2d_forward(x, kernel, None, (2, 2)))


@pytest.mark.parametrize(
    ("arguments", "input_size", "output_size"),
    [
        # Keras 3: (n - 1) s + max(e, s) and n s; with q (n - 1) s + e + q and (n - 1) s + e % 2 + q
        ({"kernel_size": 3}, (7, 8), (9, 10)),
        ({"kernel_size": 2, "strides": 2}, (7, 8), (14, 16)),
        ({"kernel_size": 2, "strides": (3, 5)}, (7, 8), (21, 40)),
        ({"kernel_size": 3, "strides": 2}, (7, 8), (15, 17)),
        ({"kernel_size": 3, "strides": 2, "padding": "same"}, (7, 8), (14, 16)),
        ({"kernel_size": 3, "strides": 2, "output_padding": 1}, (7, 8), (16, 18)),
        (
            {"kernel_size": 3, "strides": 2, "padding": "SAME", "output_padding": 0},
            (7, 8),
            (13, 15),
        ),
        (
            {"kernel_size": 4, "strides": 2, "padding": "same", "output_padding": 1},
            (7, 8),
            (13, 15),
        ),
        ({"kernel_size": 3, "dilation_rate": (1, 2)}, (7, 8), (9, 12)),
        # PyTorch: (n - 1) s - 2 p + e + q
        ({"kernel_size": 4, "strides": 2, "padding": 1}, (7, 8), (14, 16)),
        ({"kernel_size": 3, "strides": 2, "padding": 1, "output_padding": 1}, (7, 8), (14, 16)),
        ({"kernel_size": 3, "padding": "full"}, (7, 8), (5, 6)),
    ],
)
def test_sizes_of_transposed_convolutions(
    arguments: dict[str, Any], input_size: tuple[int, int], output_size: tuple[int, int]
) -> None:
    layer = layers.Conv2DTranspose(5, **arguments)
    assert layer.compute_output_shape((None, *input_size, 2)) == (None, *output_size, 5)
    assert layer(np.ones((2, *input_size, 2))).shape == (2, *output_size, 5)
    assert layer.get_weights()[0].shape == (*layer.kernel_size, 5, 2)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("strides", [1, 2, 3])
def test_a_transposed_convolution_is_what_a_convolution_does_to_gradients(
    strides: int, padding: str, backend: None
) -> None:
    size = 3 * strides + (2 if padding == "valid" else 0)
    convolution = layers.Conv2D(4, 3, strides, padding, groups=2, use_bias=False)
    convolution.build_once((None, size, size, 6))
    x, dy = (
        np.random.default_rng(1).random(shape, np.float32)
        for shape in ((2, size, size, 6), (2, *convolution.output_shape[1:]))
    )
    _, dx = both(convolution, x, dy)
    transposed = layers.Conv2DTranspose(6, 3, strides, padding, use_bias=False, groups=2)
    transposed.build_once((None, *dy.shape[1:]))
    transposed.set_weights(convolution.get_weights())
    rows = transposed.output_shape[1]
    assert rows <= size
    np.testing.assert_array_equal(transposed(dy), dx[:, :rows, :rows])
    assert not dx[:, rows:].any()


def test_a_causal_convolution_sees_no_later_step() -> None:
    for layer in (
        layers.Conv1D(3, 4, padding="causal", dilation_rate=2),
        layers.DepthwiseConv1D(4, padding="causal", dilation_rate=2),
        layers.SeparableConv1D(3, 4, padding="causal", dilation_rate=2),
    ):
        x = np.random.default_rng(1).random((1, 9, 2), np.float32)
        before = layer(x)
        assert before.shape[1] == 9
        x[:, 5] += 1
        changed = np.abs(layer(x) - before).max(axis=(0, 2)) > 1e-4
        np.testing.assert_array_equal(np.flatnonzero(changed), [5, 7])


def test_sequences_are_images_of_height_1() -> None:
    x = np.random.default_rng(1).random((3, 11, 4), np.float32)
    for one, two in (
        (
            layers.Conv1D(4, 3, 2, "same", groups=2),
            layers.Conv2D(4, (1, 3), (1, 2), "same", groups=2),
        ),
        (layers.DepthwiseConv1D(3, 2), layers.DepthwiseConv2D((1, 3), (1, 2))),
        (layers.SeparableConv1D(5, 3), layers.SeparableConv2D(5, (1, 3))),
        (layers.Conv1DTranspose(5, 3, 2), layers.Conv2DTranspose(5, (1, 3), (1, 2))),
        (layers.MaxPooling1D(3, 2, "same"), layers.MaxPooling2D((1, 3), (1, 2), "same")),
        (layers.AveragePooling1D(2), layers.AveragePooling2D((1, 2))),
    ):
        one.build_once((None, 11, 4))
        two.build_once((None, 1, 11, 4))
        two.set_weights(
            [weight[None] if weight.ndim > 1 else weight for weight in one.get_weights()]
        )
        np.testing.assert_array_equal(one(x), two(x[:, None])[:, 0])
