"""Networks with fixed filters: S0 11.4."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import cnnx
from agreement import assert_close, normal
from cnnx import _core, filters, layers


def test_a_layer_of_fixed_filters_is_apply_on_each_channel() -> None:
    image = normal(2, 6, 7, 3)
    names = ["sobel_horizontal", "shift", "laplacian8"]
    layer = filters.as_layer(names, channels=3, input_shape=image.shape)
    maps = layer(image[None])[0]
    assert maps.shape == (6, 7, 9)
    for c in range(3):
        for f, name in enumerate(names):
            expected = filters.apply(image[..., c], name, clip=False)
            assert_close(maps[..., c * 3 + f], expected)


def test_a_layer_of_one_filter_with_further_arguments() -> None:
    layer = filters.as_layer(
        filters.gaussian(5), strides=2, padding="valid", activation="relu", name="blur"
    )
    image = normal(1, 9, 9)
    expected = np.maximum(filters.apply(image, filters.gaussian(5), "valid", clip=False), 0)
    assert_close(layer(image[None, ..., None])[0, ..., 0], expected[::2, ::2])
    assert not layer.trainable_weights
    assert layer.name == "blur"


def test_filters_of_different_sizes_do_not_share_a_layer() -> None:
    with pytest.raises(ValueError, match=r"need one size, got \[\(3, 3\), \(5, 5\)\]"):
        filters.as_layer(["box", filters.gaussian(5)])


def f2_by_loops(
    image: Any, kernels: list[Any], biases: list[float], stride: int = 1
) -> NDArray[np.float64]:
    """S0 (11.4.1) as it stands: Z_r[i, j] is a sum over u, v and h, plus b_r."""
    s = len(kernels[0])
    k = (s - 1) // 2
    height, width, depth = image.shape
    padded = np.zeros((height + 2 * k, width + 2 * k, depth))
    padded[k : k + height, k : k + width] = image
    rows, columns = -(-height // stride), -(-width // stride)
    z = np.zeros((rows, columns, len(kernels)))
    for i in range(rows):
        for j in range(columns):
            for r, kernel in enumerate(kernels):
                total = biases[r]
                for u in range(s):
                    for v in range(s):
                        for h in range(depth):
                            pixel = padded[i * stride + u, j * stride + v, h]
                            total += pixel * float(kernel[s - 1 - u][s - 1 - v][h])
                z[i, j, r] = total
    return z


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [3, 5])
def test_f2_a_fixed_filter_sums_over_the_depth(size: int, stride: int) -> None:
    image, kernels = normal(1, 7, 9, 4), [normal(seed, size, size, 4) for seed in (2, 3, 4)]
    layer = filters.as_layer(
        kernels, channels=4, depthwise=False, bias=[0.5, -1, 2], strides=stride, padding=size // 2
    )
    assert_close(layer(image[None])[0], f2_by_loops(image, kernels, [0.5, -1, 2], stride))
    same = filters.as_layer(kernels, channels=4, depthwise=False, bias=[0.5, -1, 2])
    assert_close(same(image[None])[0], f2_by_loops(image, kernels, [0.5, -1, 2]))
    assert not layer.trainable_weights
    assert [weight.shape for weight in layer.weights] == [(size, size, 4, 3), (3,)]


def test_f2_a_name_or_a_matrix_is_the_same_slice_in_every_channel() -> None:
    image, volume = normal(1, 6, 5, 3), normal(2, 3, 3, 3)
    layer = filters.as_layer(
        ["sobel_vertical", filters.box(), volume], channels=3, depthwise=False, bias=-0.25
    )
    slices = [np.stack([filters.get(name)] * 3, axis=-1) for name in ("sobel_vertical", "box")]
    assert_close(layer(image[None])[0], f2_by_loops(image, [*slices, volume], [-0.25] * 3))
    # One filter needs no list; of one channel, both forms are the same.
    for one in ("sobel_vertical", slices[0]):
        alone = filters.as_layer(one, channels=3, depthwise=False, bias=-0.25)
        np.testing.assert_array_equal(alone(image[None])[0], layer(image[None])[0, ..., :1])
    grey = image[None, ..., :1]
    np.testing.assert_array_equal(
        filters.as_layer("box", depthwise=False)(grey), filters.as_layer("box")(grey)
    )


def test_f2_a_fixed_bias_for_each_filter_of_each_channel() -> None:
    image = normal(1, 6, 5, 2)
    plain = filters.as_layer(["box", "laplacian4"], channels=2)
    layer = filters.as_layer(["box", "laplacian4"], channels=2, bias=[1, -2])
    assert_close(layer(image[None]), plain(image[None]) + np.array([1, -2, 1, -2], np.float32))
    assert not layer.trainable_weights


VOLUME = np.ones((3, 3, 4))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"bias": "untied"}, TypeError, "as_layer: bias must be a number .* got 'untied'"),
        ({"bias": [1, 2]}, ValueError, r"bias must be a number or 1 of them.*\(2,\)"),
        ({"bias": 1, "use_bias": False}, ValueError, "bias gives the fixed bias; leave out"),
        ({"bias": 1, "bias_initializer": "ones"}, ValueError, "leave out .*bias_initializer"),
        ({"filters": [VOLUME]}, ValueError, r"must be a name or a matrix.*\(3, 3, 4\)"),
        ({"filters": VOLUME, "depthwise": False}, ValueError, "needs channels=4, got channels=1"),
        ({"filters": VOLUME[None], "depthwise": False}, ValueError, "several filters as a list"),
        ({"filters": []}, ValueError, r"filters must be a name, a kernel or a list.*\[\]"),
        ({"filters": 3}, ValueError, "filters must be a name, a kernel or a list of them, got 3"),
        ({"channels": 0}, ValueError, "as_layer: channels must be at least 1, got 0"),
    ],
)
def test_f2_wrong_filters_and_biases(
    arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        filters.as_layer(**{"filters": "box"} | arguments)


DIRECTIONS = "horizontal", "vertical"


def fixed_filter_network() -> cnnx.Sequential:
    return cnnx.Sequential(
        [
            cnnx.Input((12, 12, 1)),
            filters.as_layer(["sobel_horizontal", "sobel_vertical"], activation="relu"),
            layers.MaxPooling2D(2),
            filters.as_layer(
                ["gaussian", normal(1, 3, 3, 2)], channels=2, depthwise=False, bias=[0.5, -1]
            ),
            layers.BatchNormalization(trainable=False),
            layers.Flatten(),
            layers.Dense(8, activation="relu", name="hidden"),
            layers.Dense(3, activation="softmax"),
        ]
    )


def test_nothing_is_propagated_into_frozen_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    """N6: no gradient is computed for or below frozen layers."""
    calls: list[str] = []
    for name in [name for name in dir(_core) if "backward" in name]:
        operation = getattr(_core, name)

        def counted(*arguments: Any, name: str = name, operation: Any = operation) -> None:
            calls.append(name)
            operation(*arguments)

        monkeypatch.setattr(_core, name, counted)
    model = fixed_filter_network()
    for layer in model.layers[:5]:
        monkeypatch.setattr(layer, "backward", lambda dy: pytest.fail("went below the classifier"))
    model.compile("sgd", "sparse_categorical_crossentropy")
    frozen = [weight.numpy() for layer in model.layers[:5] for weight in layer.weights]
    model.train_on_batch(normal(1, 4, 12, 12, 1), [0, 1, 2, 0])
    # Both dense layers learn; only the upper one passes a gradient on. (ReLU's own derivative and
    # that of the fused softmax are bound when cnnx is imported and are not counted.)
    assert sorted(calls) == [
        "dense_backward_data",
        "dense_backward_weights",
        "dense_backward_weights",
    ]
    after = [weight.numpy() for layer in model.layers[:5] for weight in layer.weights]
    for one, other in zip(frozen, after, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_network_of_fixed_filters_is_saved_and_loaded(tmp_path: Path) -> None:
    model = fixed_filter_network()
    model.save(tmp_path / "fixed.cnnx")
    again = cnnx.models.load_model(tmp_path / "fixed.cnnx")
    x = normal(1, 2, 12, 12, 1)
    np.testing.assert_array_equal(model.predict(x, verbose=0), again.predict(x, verbose=0))
    assert not again.layers[0].trainable


@pytest.mark.mnist
def test_only_the_classifier_learns_mnist(mnist_folder: Path) -> None:
    """N6 on 12,000 of the 60,000 images, for one epoch."""
    (x_train, y_train), (x_test, y_test) = cnnx.datasets.mnist.load_data(mnist_folder)
    cnnx.utils.set_random_seed(0)
    edges = [sign * filters.get(f"sobel_{way}") for way in DIRECTIONS for sign in (1, -1)]
    names = ["gaussian", "line_diagonal", "line_antidiagonal", "laplacian8"]
    weights = 2 * np.eye(4) - 0.5
    volumes = [filters.get(name)[..., None] * row for name in names for row in weights]
    model = cnnx.Sequential(
        [
            cnnx.Input((28, 28, 1)),
            filters.as_layer(edges, activation="relu"),
            layers.MaxPooling2D(2),
            filters.as_layer(volumes, 4, depthwise=False, bias=-1, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x_train, x_test = (images[..., None] / np.float32(255) for images in (x_train, x_test))
    model.fit(x_train[:12_000], y_train[:12_000], verbose=0)
    assert model.evaluate(x_test, y_test, verbose=0)[1] >= 0.9
    np.testing.assert_array_equal(model.layers[0].get_weights()[0][:, :, 0, 0], edges[0])
    kernel, bias = model.layers[2].get_weights()
    np.testing.assert_array_equal(kernel, np.stack(volumes, axis=-1).astype(np.float32))
    np.testing.assert_array_equal(bias, np.full(16, -1))
