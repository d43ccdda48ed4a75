"""O7-O9. Pooling, its gradients, and the way from images to vectors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cnnx
from cnnx import layers, ops
from single_layer import both

# S1, slide "max pooling"
IMAGE = np.array([[12, 20, 30, 0], [8, 12, 2, 0], [34, 70, 37, 4], [112, 100, 25, 12]])


def batch(image: Any) -> np.ndarray:
    """One grey image as a batch."""
    return np.asarray(image, np.float32)[None, :, :, None]


def differentiate(layer: layers.Layer, x: Any, dy: Any) -> np.ndarray:
    layer(x)
    return both(layer, x, dy)[1]


@pytest.mark.parametrize(
    ("layer", "printed"),
    [
        (layers.MaxPooling2D(2), [[20, 30], [112, 37]]),
        (layers.AveragePooling2D(2), [[13, 8], [79, 19.5]]),  # S1 prints 20 for 19.5
        (layers.SumPooling2D(2), [[52, 32], [316, 78]]),
    ],
    ids=["max", "average", "sum"],
)
def test_o7_pooling_of_a_4x4_image(layer: layers.Layer, printed: Any) -> None:
    np.testing.assert_array_equal(layer(batch(IMAGE))[0, :, :, 0], printed)


@pytest.mark.parametrize(
    ("pool_size", "strides", "size", "output_size"),
    [
        (2, 2, (4, 4), (2, 2)),  # S0 (11.3.1), Figure 11.3.1: floor((4 - 2) / 2) + 1
        (3, 3, (15, 15), (5, 5)),  # S3 Figure 8.8
        (2, 2, (28, 28), (14, 14)),  # S0 11.6.1: 28 to 14 to 7
        (2, 2, (25, 25), (12, 12)),  # S0 11.6.2's summary: the partial window is dropped
        (3, 2, (13, 13), (6, 6)),  # overlapping
        ((3, 2), (1, 2), (5, 7), (3, 3)),  # each axis its own
    ],
)
def test_o7_output_sizes(
    pool_size: Any, strides: Any, size: tuple[int, int], output_size: tuple[int, int]
) -> None:
    for kind in (layers.MaxPooling2D, layers.AveragePooling2D, layers.SumPooling2D):
        layer = kind(pool_size, strides)
        assert layer.compute_output_shape((None, *size, 8)) == (None, *output_size, 8)


def test_o7_average_pooling_with_a_trainable_scalar() -> None:
    """S3 (8.22), P8.3 and P8.4: z = w sum(v), dv = w dz everywhere, dw = sum(dz * sum(v))."""
    x = batch(IMAGE)
    layer = layers.WeightedAveragePooling2D(2)
    np.testing.assert_array_equal(layer(x)[0, :, :, 0], [[13, 8], [79, 19.5]])  # w = 1/4 at first
    layer.set_weights([[0.5]])
    np.testing.assert_array_equal(layer(x)[0, :, :, 0], [[26, 16], [158, 39]])
    assert layer.count_params() == 1

    dx = differentiate(layer, x, batch([[1, 2], [-1, 4]]))
    np.testing.assert_array_equal(dx[0, :, :, 0], np.kron([[0.5, 1], [-0.5, 2]], np.ones((2, 2))))
    assert layer.scale.gradient.tolist() == [52 + 2 * 32 - 316 + 4 * 78]


def test_o7_one_scalar_for_each_feature_map() -> None:
    layer = layers.WeightedAveragePooling2D(2)
    x = np.ones((1, 4, 4, 3), np.float32)
    layer(x)
    layer.set_weights([[1, 2, 3]])
    np.testing.assert_array_equal(layer(x)[0, 1, 1], [4, 8, 12])


def test_o8_at_a_tie_the_first_maximum_alone_receives_the_gradient() -> None:
    """S3 E8.8, S2 (30). S0's Programme 11.6.4 would send it to all three places of the 7."""
    dx = differentiate(layers.MaxPooling2D(2), batch([[1, 7], [7, 7]]), batch([[5]]))
    np.testing.assert_array_equal(dx[0, :, :, 0], [[0, 5], [0, 0]])


def test_o8_a_pixel_that_is_the_maximum_of_several_windows_gets_their_sum() -> None:
    image = [[0, 0, 0], [0, 9, 0], [0, 0, 0]]
    dx = differentiate(layers.MaxPooling2D(2, strides=1), batch(image), batch([[1, 2], [3, 4]]))
    np.testing.assert_array_equal(dx[0, :, :, 0], [[0, 0, 0], [0, 10, 0], [0, 0, 0]])


def test_o8_sizes_need_not_be_divisible_by_the_pool() -> None:
    """S0's Programme 11.6.4 needs that; pixels of dropped windows get no gradient."""
    x = batch(np.arange(25).reshape(5, 5))
    dy = batch([[1, 2], [3, 4]])
    dx = differentiate(layers.MaxPooling2D(2), x, dy)[0, :, :, 0]
    assert {place: dx[place] for place in zip(*np.nonzero(dx), strict=True)} == {
        (1, 1): 1,
        (1, 3): 2,
        (3, 1): 3,
        (3, 3): 4,
    }
    dx = differentiate(layers.AveragePooling2D(2), x, dy)[0, :, :, 0]
    # S0 11.5.2, 4(b): each pixel of a window gets 1 / 2^2 of its gradient
    np.testing.assert_array_equal(dx[:4, :4], np.kron([[1, 2], [3, 4]], np.full((2, 2), 0.25)))
    assert not dx[4].any()
    assert not dx[:, 4].any()


def test_o9_global_average_pooling_is_average_pooling_with_the_size_of_the_image() -> None:
    x = np.random.default_rng(1).random((2, 7, 5, 32), np.float32)
    got = layers.GlobalAveragePooling2D()(x)
    assert got.shape == (2, 32)
    np.testing.assert_array_equal(got, ops.avg_pool2d(x, (7, 5))[:, 0, 0])
    np.testing.assert_allclose(got, x.mean(axis=(1, 2)), rtol=1e-5)


def test_o9_gap_backward_divides_by_the_area_and_keeps_the_channels() -> None:
    """S0's Programme 11.6.2 does neither."""
    x = np.zeros((1, 2, 5, 3), np.float32)
    dx = differentiate(layers.GlobalAveragePooling2D(), x, [[10, 20, 30]])
    np.testing.assert_array_equal(dx, np.broadcast_to(np.float32([1, 2, 3]), x.shape))


def test_o9_global_max_pooling() -> None:
    """S0 11.3.2. The gradient goes to the first maximum."""
    image = np.stack([IMAGE, -IMAGE], axis=-1)[None].astype(np.float32)
    layer = layers.GlobalMaxPooling2D()
    np.testing.assert_array_equal(layer(image), [[112, 0]])
    dx = differentiate(layer, image, [[3, 4]])
    assert dx[0, 3, 0, 0] == 3
    assert dx[0, 0, 3, 1] == 4  # the first of two zeros
    assert np.count_nonzero(dx) == 2


def test_o9_vec_stacks_the_columns_of_map_after_map() -> None:
    """S3 (8.26) as an option; by default pixel after pixel, as Keras does."""
    first, second = [[1, 2, 3], [4, 5, 6]], [[10, 20, 30], [40, 50, 60]]
    x = np.stack([first, second], axis=-1)[None].astype(np.float32)
    vec = [1, 4, 2, 5, 3, 6, 10, 40, 20, 50, 30, 60]
    layer = layers.Flatten(order="F")
    np.testing.assert_array_equal(layer(x), [vec])
    np.testing.assert_array_equal(differentiate(layer, x, [vec]), x)
    np.testing.assert_array_equal(
        layers.Reshape((2, 3, 2), order="F")(np.array([vec], np.float32)), x
    )
    rows = [1, 10, 2, 20, 3, 30, 4, 40, 5, 50, 6, 60]
    np.testing.assert_array_equal(layers.Flatten()(x), [rows])


def test_o9_both_orders_of_flatten_give_the_same_network() -> None:
    """S0 11.3.2: the order is no matter, as long as it stays the same."""
    x = np.random.default_rng(1).random((3, 4, 5, 2), np.float32)
    kernel = np.random.default_rng(2).random((40, 1), np.float32)
    places = layers.Flatten(order="F")(np.arange(40).reshape(1, 4, 5, 2)).astype(int)[0]
    outputs = []
    for order, weights in (("C", kernel), ("F", kernel[places])):
        model = cnnx.Sequential([layers.Flatten(order=order), layers.Dense(1, use_bias=False)])
        model(x)
        model.set_weights([weights])
        outputs.append(model(x))
    np.testing.assert_allclose(*outputs, rtol=1e-5)
