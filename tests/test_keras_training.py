"""What models in files of Keras 3 were compiled with: they learn on as Keras does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnx.models import load_model
from keras_models import IMAGE, assert_alike, dense, samples, silence, spread

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def decay(keras: Any) -> Any:
    return keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)


COMPILED = {
    "names": (lambda keras: ("adam", "categorical_crossentropy", ["accuracy"]), "Adam"),
    "schedule": (
        lambda keras: (
            keras.optimizers.SGD(decay(keras), momentum=0.9, nesterov=True),
            keras.losses.CategoricalCrossentropy(label_smoothing=0.1),
            [keras.metrics.CategoricalAccuracy(), "mse"],
        ),
        "SGD",
    ),
    "sparse": (
        lambda keras: (
            keras.optimizers.AdamW(0.01, weight_decay=0.1),
            keras.losses.SparseCategoricalCrossentropy(),
            None,
        ),
        "AdamW",
    ),
    "rmsprop": (lambda keras: (keras.optimizers.RMSprop(0.01, rho=0.8), "mae", None), "RMSprop"),
    "adagrad": (lambda keras: (keras.optimizers.Adagrad(0.01), "mse", None), "Adagrad"),
    "nadam": (lambda keras: (keras.optimizers.Nadam(0.01), "mse", None), "Nadam"),
    "clipped": (
        lambda keras: (
            keras.optimizers.RMSprop(0.01, momentum=0.5, centered=True, clipvalue=0.1),
            "mse",
            None,
        ),
        "RMSprop",
    ),
    "averaged": (
        lambda keras: (
            keras.optimizers.Adamax(0.01, weight_decay=0.1, use_ema=True, global_clipnorm=0.5),
            "mse",
            None,
        ),
        "Adamax",
    ),
}


@pytest.mark.parametrize("name", COMPILED)
def test_compiled_models_learn_on(keras: Any, tmp_path: Path, name: str) -> None:
    make, optimizer = COMPILED[name]
    x = np.random.default_rng(1).standard_normal((16, 3)).astype(np.float32)
    labels = np.arange(16) % 4
    y = labels if name == "sparse" else np.eye(4, dtype=np.float32)[labels]
    theirs = dense(keras)
    spread(theirs)
    given = make(keras)
    theirs.compile(*given[:2], metrics=given[2])
    files = ("model.keras", "model.h5")  # saved as .h5, a model of Keras forgets its optimizer
    for file in files:
        with silence():
            theirs.save(tmp_path / file)
    loaded = [load_model(tmp_path / file) for file in files]
    with silence():
        for _ in range(3):
            theirs.train_on_batch(x, y)
    for ours in loaded:
        assert type(ours.optimizer).__name__ == optimizer
        for _ in range(3):
            ours.train_on_batch(x, y)
        for one, other in zip(ours.get_weights(), theirs.weights, strict=True):
            np.testing.assert_allclose(one, other.numpy(), atol=2e-6)


def test_losses_and_metrics_by_name(keras: Any, tmp_path: Path) -> None:
    x = keras.Input((3,))
    outputs = [keras.layers.Dense(2, name="one")(x), keras.layers.Dense(1, name="other")(x)]
    model = keras.Model(x, outputs)
    model.compile(
        keras.optimizers.Adam(0.1),
        {"one": "mse", "other": keras.losses.MeanAbsoluteError()},
        loss_weights={"one": 2.0, "other": 1.0},
        metrics={"other": ["mae"]},
    )
    model.save(tmp_path / "model.keras")
    config = load_model(tmp_path / "model.keras").get_compile_config()
    assert [loss["class_name"] for loss in config["loss"].values()] == [
        "MeanSquaredError",
        "MeanAbsoluteError",
    ]
    assert config["loss_weights"] == {"one": 2.0, "other": 1.0}
    assert config["metrics"] == {"other": ["mae"]}


UNKNOWN = {
    "optimizer": (lambda keras: (keras.optimizers.Ftrl(), "mse"), "the optimizer Ftrl"),
    "scaling": (
        lambda keras: (keras.optimizers.SGD(loss_scale_factor=2.0), "mse"),
        "SGD: loss_scale_factor must be None",
    ),
    "loss": (lambda keras: ("sgd", keras.losses.Circle()), "Circle"),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_it_was_compiled_with_may_be_unknown(keras: Any, tmp_path: Path, name: str) -> None:
    make, reason = UNKNOWN[name]
    model = dense(keras)
    model.compile(*make(keras))
    model.save(tmp_path / "model.keras")
    with pytest.warns(UserWarning, match=f"model.keras: not compiled, .*{reason}") as caught:
        ours = load_model(tmp_path / "model.keras")
    assert len(caught) == 1
    assert ours.optimizer is None
    assert load_model(tmp_path / "model.keras", compile=False).optimizer is None  # and no warning


def test_losses_and_their_arguments(keras: Any, tmp_path: Path) -> None:
    for loss in (
        keras.losses.MeanSquaredError("sum"),
        keras.losses.Huber(name="far"),
        keras.losses.BinaryFocalCrossentropy(True, gamma=1.5),
        keras.losses.Tversky(0.2, 0.7, axis=[1]),
    ):
        model = dense(keras)
        model.compile("sgd", loss)
        model.save(tmp_path / "model.keras")
        ours = load_model(tmp_path / "model.keras").loss
        y = np.random.default_rng(1).random((6, 3)).astype(np.float32)
        p = np.random.default_rng(2).random((6, 3)).astype(np.float32)
        assert ours(y, p) == pytest.approx(float(np.asarray(loss(y, p))), rel=1e-5)


def test_what_matters_in_training_alone_is_left_out(keras: Any, tmp_path: Path) -> None:
    L = keras.layers

    class Unknown(keras.regularizers.Regularizer):  # type: ignore[misc]
        def __call__(self, x: Any) -> Any:
            return keras.ops.sum(x)

        def get_config(self) -> dict[str, Any]:
            return {"power": 3}

    stack = [
        L.Conv2D(2, 3, kernel_regularizer="l2", bias_constraint="non_neg", name="c"),
        L.Conv2D(2, 1, kernel_regularizer=keras.regularizers.L1L2(0.0, 0.0)),
        L.ActivityRegularization(0.1, name="a"),
        L.Conv2D(2, 1, kernel_regularizer=Unknown(), name="own"),
    ]
    model = keras.Sequential([keras.Input(IMAGE), *stack])
    model.save(tmp_path / "model.keras")
    with pytest.warns(UserWarning, match="training alone: ") as caught:
        ours = load_model(tmp_path / "model.keras")
    names = "kernel_regularizer of own"
    assert str(caught[0].message).endswith(f"alone: {names}")
    kernel, bias = ours.get_layer("c").weights
    assert kernel.regularizer.get_config() == {"l2": pytest.approx(0.01)}
    assert type(bias.constraint).__name__ == "NonNeg"
    assert ours.get_layer("a").get_config() | {"name": ""} == {
        "name": "",
        "trainable": True,
        "l1": 0.1,
        "l2": 0.0,
    }
    assert caught[0].filename == __file__
    assert_alike(ours, model, IMAGE)


def test_training_goes_on_alike_at_several_sizes(keras: Any, tmp_path: Path) -> None:
    L = keras.layers
    theirs = keras.Sequential(
        [
            keras.Input((None, None, 3)),
            L.Conv2D(4, 3, strides=2, padding="same", activation="tanh"),
            L.BatchNormalization(),
            L.GlobalAveragePooling2D(),
            L.Dense(2),
        ]
    )
    theirs.compile(keras.optimizers.SGD(0.1), "mse")
    with silence():
        theirs.save(tmp_path / "model.keras")
    ours = load_model(tmp_path / "model.keras")
    for size in [(9, 8), (12, 5), (9, 8), (6, 6)]:
        x = samples([(*size, 3)])
        y = x[:, 0, 0, :2]
        with silence():
            theirs.train_on_batch(x, y)
        ours.train_on_batch(x, y)
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
