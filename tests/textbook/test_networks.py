"""Networks N3, N4, N8 and N10: their shapes and numbers of parameters, and that they learn.

The full figures come from the scripts in examples/; here a part of the data must do.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import cnnx
from cnnx import layers
from cnnx.datasets import mnist


def dog_cat_network(*first: layers.Layer) -> cnnx.Sequential:
    """N4, S0 Programme 11.6.9, on top of other layers."""
    model = cnnx.Sequential([cnnx.Input((100, 100, 1)), *first])
    for filters in (32, 64, 128):
        model.add(layers.Conv2D(filters, 3, padding="same", kernel_initializer="he_uniform"))
        model.add(layers.Activation("relu"))
        model.add(layers.MaxPooling2D(2))
    model.add(layers.Flatten())
    for units in (64, 32):
        model.add(layers.Dense(units, activation="relu", kernel_initializer="he_uniform"))
        model.add(layers.BatchNormalization(momentum=0.9))
    model.add(layers.Dense(1, activation="sigmoid"))
    return model


def test_n4_summary(capsys: pytest.CaptureFixture[str]) -> None:
    dog_cat_network().summary()
    lines = capsys.readouterr().out.split("\n")
    cells = [[cell.strip() for cell in line.split("│")[2:4]] for line in lines if "(None" in line]
    assert cells == [
        ["(None, 100, 100, 32)", "320"],
        ["(None, 100, 100, 32)", "0"],
        ["(None, 50, 50, 32)", "0"],
        ["(None, 50, 50, 64)", "18,496"],
        ["(None, 50, 50, 64)", "0"],
        ["(None, 25, 25, 64)", "0"],
        ["(None, 25, 25, 128)", "73,856"],
        ["(None, 25, 25, 128)", "0"],
        ["(None, 12, 12, 128)", "0"],
        ["(None, 18432)", "0"],
        ["(None, 64)", "1,179,712"],
        ["(None, 64)", "256"],
        ["(None, 32)", "2,080"],
        ["(None, 32)", "128"],
        ["(None, 1)", "33"],
    ]
    counts = [line.split(" (")[0].strip() for line in lines if "params" in line]
    assert counts == [
        "Total params: 1,274,881",
        "Trainable params: 1,274,689",
        "Non-trainable params: 192",
    ]


def test_n4_learns_is_saved_and_loaded(tmp_path: Path) -> None:
    """Two epochs over 256 photos, from a stream."""
    pytest.importorskip("PIL", reason="Pillow is not installed: the extra images")
    folder = Path(os.environ.get("CNNX_TEST_DATA", "")) / "catdog"
    if not folder.is_dir():
        pytest.skip("CNNX_TEST_DATA names no folder with the photos in catdog/")
    cnnx.utils.set_random_seed(0)
    train, _, names = cnnx.data.image_folder(
        folder, 100, "grayscale", batch_size=32, validation_split=0.872, seed=0
    )
    assert names == ["cats", "dogs"]
    assert train.samples == 256
    model = dog_cat_network(layers.Rescaling(1 / 255, -0.45))
    model.compile("adam", "binary_crossentropy", ["accuracy"])
    history = model.fit(train, epochs=2, verbose=0).history
    assert history["accuracy"][-1] > 0.55
    model.save(tmp_path / "Dog_Cat.model")
    loaded = cnnx.models.load_model(tmp_path / "Dog_Cat.model")
    x, _ = next(iter(train))
    np.testing.assert_array_equal(loaded.predict(x[:4], verbose=0), model.predict(x[:4], verbose=0))


# --- MNIST ----------------------------------------------------------------------------------------


def accuracy_after(
    model: cnnx.Sequential, loss: str, optimizer: Any, folder: Path, count: int, classes: int = 10
) -> float:
    """Train on `count` digits of the first `classes` and return the share of right test digits."""
    parts = []
    for images, labels in mnist.load_data(folder):
        chosen = labels < classes
        x = images[chosen].reshape(-1, *model.input_shape[1:]).astype(np.float32) / 255
        parts.append((x, np.eye(classes, dtype=np.float32)[labels[chosen]]))
    (x, y), (x_test, y_test) = parts
    model.compile(optimizer, loss, ["categorical_accuracy"])
    model.fit(x[:count], y[:count], batch_size=32, epochs=2, verbose=0)
    right: NDArray[np.bool_] = model.predict(x_test, verbose=0).argmax(1) == y_test.argmax(1)
    return float(right.mean())


@pytest.mark.mnist
def test_n3_multi_layer_perceptron_with_gaussian_dropout(mnist_folder: Path) -> None:
    """S0 Programme 11.6.6; 10 epochs over all digits: examples/mlp_mnist.py."""
    cnnx.utils.set_random_seed(0)
    model = cnnx.Sequential(
        [
            cnnx.Input((784,)),
            layers.GaussianDropout(0.04 / 1.04),  # a standard deviation of .2
            layers.Dense(64, activation="relu"),
            layers.BatchNormalization(momentum=0.95),
            layers.GaussianDropout(0.2),  # a standard deviation of .5
            layers.Dense(10, activation="softmax"),
        ]
    )
    assert [layer.count_params() for layer in model.layers] == [0, 50_240, 256, 0, 650]
    adam = cnnx.optimizers.Adam(0.01)
    # 0.917 to 0.935: seeds and instruction sets differ, the noise of the dropout is strong.
    assert accuracy_after(model, "binary_crossentropy", adam, mnist_folder, 12_000) >= 0.9


@pytest.mark.mnist
def test_n8_zeros_and_ones_with_an_untied_bias(mnist_folder: Path) -> None:
    """S4; two epochs over all zeros and ones: examples/zero_one_mnist.py."""
    cnnx.utils.set_random_seed(0)
    model = cnnx.Sequential(
        [
            cnnx.Input((28, 28, 1)),
            layers.Conv2D(5, 3, bias="untied", activation="sigmoid"),
            layers.Reshape((26 * 26 * 5,)),
            layers.Dense(100, activation="sigmoid"),
            layers.Dense(2, activation="sigmoid"),
        ]
    )
    assert model.layers[0].count_params() == 5 * 9 + 5 * 26 * 26
    sgd = cnnx.optimizers.SGD(0.1)
    assert accuracy_after(model, "binary_crossentropy", sgd, mnist_folder, 4000, 2) >= 0.99


@pytest.mark.mnist
def test_n10_five_layer_classifier(mnist_folder: Path) -> None:
    """S3 Figure 8.11; two epochs over all digits: examples/five_layer_classifier.py."""
    cnnx.utils.set_random_seed(0)
    model = cnnx.Sequential(
        [
            cnnx.Input((28, 28, 1)),
            layers.Conv2D(8, 5, activation="relu"),
            layers.AveragePooling2D(2),
            layers.Conv2D(16, 5, activation="relu"),
            layers.AveragePooling2D(2),
            layers.Flatten(order="F"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    assert model.layers[4].output_shape == (None, 256)
    adam = cnnx.optimizers.Adam(0.002)
    assert accuracy_after(model, "categorical_crossentropy", adam, mnist_folder, 12_000) >= 0.93
