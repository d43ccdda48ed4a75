from __future__ import annotations

import cnnx
from cnnx import layers
from cnnx.datasets import digits


def test_a_small_cnn_reads_real_digits() -> None:
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    cnnx.utils.set_random_seed(0)
    model = cnnx.Sequential(
        [
            cnnx.Input((8, 8, 1)),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(
        optimizer=cnnx.optimizers.Adam(0.002),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(x_train[..., None] / 16, y_train, batch_size=32, epochs=12, verbose=0)
    _, accuracy = model.evaluate(x_test[..., None] / 16, y_test, verbose=0)
    assert accuracy >= 0.98
