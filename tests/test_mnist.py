from __future__ import annotations

from pathlib import Path

import pytest

import cnnx
from cnnx import layers
from cnnx.datasets import mnist


@pytest.mark.mnist
def test_the_network_of_the_numpy_paper_learns_mnist(mnist_folder: Path) -> None:
    """One epoch over 12,000 of the 60,000 images, at a rate of .001."""
    (x_train, y_train), (x_test, y_test) = mnist.load_data(mnist_folder)
    x_train, y_train = x_train[:12_000, ..., None], y_train[:12_000]
    mean, std = int(x_train.mean()), int(x_train.std())
    cnnx.utils.set_random_seed(0)
    model = cnnx.Sequential(
        [
            cnnx.Input((28, 28, 1)),
            layers.Conv2D(8, 5, activation="relu"),
            layers.Conv2D(8, 5, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(
        optimizer=cnnx.optimizers.Adam(0.001, beta_1=0.95, beta_2=0.99),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit((x_train - float(mean)) / std, y_train, batch_size=32, verbose=0)
    _, accuracy = model.evaluate((x_test[..., None] - float(mean)) / std, y_test, verbose=0)
    assert accuracy >= 0.955
