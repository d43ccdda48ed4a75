"""Wrong input of layers, networks, losses and metrics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import cnnx
from cnnx import layers, losses, metrics
from refusals import assert_refused, table

pytestmark = pytest.mark.one_isa

X = np.zeros((10, 8, 8, 1), np.float32)
Y = np.arange(10) % 3


def network(loss: str = "sparse_categorical_crossentropy") -> cnnx.Sequential:
    model = cnnx.Sequential(
        [
            cnnx.Input((8, 8, 1)),
            layers.Conv2D(2, 3, name="first"),
            layers.Flatten(),
            layers.Dense(3, activation="softmax", name="head"),
        ]
    )
    model.compile(optimizer="sgd", loss=loss, metrics=["accuracy"])
    return model


def stack(shape: tuple[int, ...], *tail: layers.Layer) -> Callable[[], Any]:
    return lambda: cnnx.Sequential([cnnx.Input(shape), *tail])


def no_flatten() -> cnnx.Sequential:
    model = cnnx.Sequential([cnnx.Input((8, 8, 1)), layers.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


def fit(x: Any, y: Any, **options: Any) -> Callable[[], Any]:
    return lambda: network().fit(x, y, verbose=0, **options)


def labels(*values: Any) -> Callable[[], Any]:
    return fit(X[: len(values)], np.array(values))


V, T = ValueError, TypeError

ARGUMENTS = {
    "a misspelt argument": (
        lambda: layers.Conv2D(2, 3, activaton="relu"),
        T,
        ["Conv2D takes no argument activaton. Did you mean 'activation'?"],
    ),
    "a misspelt argument of a loss": (
        lambda: cnnx.losses.CategoricalCrossentropy(labelsmoothing=0.1),  # type: ignore[call-arg]
        T,
        ["takes no argument labelsmoothing. Did you mean 'label_smoothing'?"],
    ),
    "a misspelt argument of an optimizer": (
        lambda: cnnx.optimizers.Adam(learningrate=0.1, beta1=0.8),
        T,
        ["Adam takes no argument learningrate. Did you mean 'learning_rate'?"],
    ),
    "PyTorch's short name of an argument": (
        lambda: cnnx.optimizers.Adam(lr=0.1),
        T,
        ["Adam takes no argument lr. Did you mean 'learning_rate'?"],
    ),
    "a misspelt argument of all optimizers": (
        lambda: cnnx.optimizers.SGD(weight_deccay=0.1),
        T,
        ["SGD takes no argument weight_deccay. Did you mean 'weight_decay'?"],
    ),
    "a misspelt argument of a schedule": (
        lambda: cnnx.optimizers.schedules.CosineDecay(0.1, decaysteps=9),  # type: ignore[call-arg]
        T,
        ["CosineDecay takes no argument decaysteps. Did you mean 'decay_steps'?"],
    ),
    "a misspelt argument of a metric": (
        lambda: cnnx.metrics.AUC(threshold=[0.5]),  # type: ignore[call-arg]
        T,
        ["AUC takes no argument threshold. Did you mean 'thresholds'?"],
    ),
    "a misspelt argument of a callback": (
        lambda: cnnx.callbacks.EarlyStopping(patiance=3),  # type: ignore[call-arg]
        T,
        ["EarlyStopping takes no argument patiance. Did you mean 'patience'?"],
    ),
    "a misspelt argument of a model": (
        lambda: cnnx.Sequential(layer=[]),  # type: ignore[call-arg]
        T,
        ["Sequential takes no argument layer. Did you mean 'layers'?"],
    ),
    "an argument like no other": (
        lambda: cnnx.regularizers.L2(colour=1),  # type: ignore[call-arg]
        T,
        [r"L2 takes no argument colour\.$"],
    ),
    "a misspelt argument of fit": (
        lambda: network().fit(X, Y, epoch=3),  # type: ignore[call-arg]
        T,
        ["fit takes no argument epoch. Did you mean 'epochs'?"],
    ),
    "a misspelt argument of compile": (
        lambda: network().compile(optimiser="adam"),  # type: ignore[call-arg]
        T,
        ["compile takes no argument optimiser. Did you mean 'optimizer'?"],
    ),
    "a misspelt argument of evaluate": (
        lambda: network().evaluate(X, Y, batchsize=3),  # type: ignore[call-arg]
        T,
        ["evaluate takes no argument batchsize. Did you mean 'batch_size'?"],
    ),
    "a misspelt argument of predict": (
        lambda: network().predict(X, verbos=0),  # type: ignore[call-arg]
        T,
        ["predict takes no argument verbos. Did you mean 'verbose'?"],
    ),
    "an input without channels": (
        lambda: cnnx.Sequential([cnnx.Input((28, 28)), layers.Conv2D(2, 3)]),
        V,
        ["grey images need a channel axis", r"Input\(\(28, 28, 1\)\)"],
    ),
    "one grey image": (
        lambda: network().predict(X[0, ..., 0]),
        V,
        ["x[None, ..., None]"],
    ),
    "layers that are no list": (
        lambda: cnnx.Sequential(layers.Flatten(), layers.Dense(2)),  # type: ignore[arg-type]
        T,
        ["layers must be a list"],
    ),
    "a shape that is no tuple": (
        lambda: cnnx.Input(28, 28, 1),  # type: ignore[arg-type]
        T,
        ["Input: shape must be one tuple"],
    ),
    "the name of a picture": (lambda: network().predict("cat.jpg"), T, ["str", "load_image"]),
    "a value of a network": (
        lambda: network().predict(cnnx.Input((8, 8, 1))),
        T,
        ["predict: x", "no numbers", "cnnx.Model"],
    ),
    "labels for several outputs": (
        lambda: network("mse").fit(X, Y, verbose=0),
        V,
        ["mean_squared_error", "sparse_categorical_crossentropy", "to_categorical"],
    ),
    "a label a sample for an output a pixel": (
        lambda: no_flatten().fit(X, Y, verbose=0),
        V,
        ["needs labels of shape", "layers.Flatten"],
    ),
    "groups do not divide filters": (
        lambda: layers.Conv2D(5, 3, groups=2),
        V,
        ["filters=5", "groups=2", "multiple"],
    ),
    "unknown padding": (
        lambda: layers.Conv2D(2, 3, padding="causal"),
        V,
        ["padding", "'causal'", "'same'", "'valid'", "'full'"],
    ),
    "unknown operation": (
        lambda: layers.Conv2D(2, 3, operation="flip"),
        V,
        ["operation", "'flip'", "'correlation'", "'convolution'"],
    ),
    "bias that is neither tied nor untied": (
        lambda: layers.Conv2D(2, 3, bias=False),
        T,
        ["bias", "False", "'tied'", "'untied'"],
    ),
    "unknown bias operation": (
        lambda: layers.Conv2D(2, 3, bias_operation="divide"),
        V,
        ["bias_operation", "'divide'", "'add'", "'multiply'"],
    ),
    "pool padding as large as the pool": (
        lambda: layers.MaxPooling2D(2, padding=2),
        V,
        ["padding", "pool_size", "less"],
    ),
    "full pooling": (
        lambda: layers.AveragePooling2D(2, padding="full"),
        V,
        ["padding", "'full'", "'same'", "convolution"],
    ),
    "layout": (
        lambda: layers.Conv2D(2, 3, data_format="NCHW"),
        V,
        ["data_format", "channels_first", "channels_last", "'NCHW'"],
    ),
    "unknown activation": (
        lambda: layers.Dense(2, activation="rellu"),
        V,
        ["activation", "'rellu'", "relu", "softmax"],
    ),
    "unknown initializer": (
        lambda: layers.Dense(2, kernel_initializer="glorot"),
        V,
        ["initializer", "'glorot'", "glorot_uniform"],
    ),
    "order of flatten": (lambda: layers.Flatten(order="K"), V, ["Flatten", "order", "'C'", "'K'"]),
    "unknown argument": (lambda: layers.Dense(2, unit=3), T, ["unit"]),
    "threads negative": (lambda: cnnx.config.set_num_threads(-1), V, ["-1"]),
    "unknown convolution algorithm": (
        lambda: cnnx.config.set_conv_algorithm("fft"),
        V,
        ["'fft'", "auto", "winograd", "direct", "im2col"],
    ),
    "unknown isa": (lambda: cnnx.config.set_isa("mmx"), V, ["'mmx'", "ref"]),
    "label too large for one-hot": (
        lambda: cnnx.utils.to_categorical([0, 3], num_classes=3),
        V,
        ["3", "0 to 2"],
    ),
}

SHAPES = {
    "kernel larger than the image": (
        stack((2, 2, 1), layers.Conv2D(4, 3, name="c")),
        V,
        ["'c'", "3x3", "2x2", "valid", "same"],
    ),
    "pool larger than the image": (
        stack((8, 8, 1), layers.MaxPooling2D(99, name="p")),
        V,
        ["'p'", "99x99", "8x8"],
    ),
    "kernel of 2**62 pixels": (
        stack((8, 8, 1), layers.Conv2D(1, 2**31 - 1, padding="same", name="c")),
        V,
        ["'c'", "2147483647x2147483647 kernel", "too many"],
    ),
    "pool of 2**62 pixels": (
        stack((8, 8, 1), layers.AveragePooling2D(2**31 - 1, padding="same", name="p")),
        V,
        ["'p'", "2147483647x2147483647 pool", "too many"],
    ),
    "padding of 2**31 - 1": (
        stack((8, 8, 1), layers.Conv2D(1, 3, padding=2**31 - 1, name="c")),
        V,
        ["'c'", "padding", "2147483647", "outputs of an axis"],
    ),
    "dilated kernel larger than the image": (
        stack((5, 5, 1), layers.Conv2D(1, 3, dilation_rate=3, name="c")),
        V,
        ["'c'", "dilation", "5x5"],
    ),
    "nothing left deep in the network": (
        stack((8, 8, 1), layers.MaxPooling2D(4), layers.Conv2D(1, 3, name="deep")),
        V,
        ["'deep'", "2x2"],
    ),
    "convolution of rows": (
        stack((8,), layers.Conv2D(1, 3, name="c")),
        V,
        ["'c'", "images", r"\(None, 8\)"],
    ),
    "grey images without channels": (
        stack((28, 28), layers.Conv2D(1, 3, name="c")),
        V,
        ["'c'", r"\(None, 28, 28\)", r"x\[\.\.\., None\]"],
    ),
    "channels are no multiple of groups": (
        stack((8, 8, 3), layers.Conv2D(4, 3, groups=2, name="c")),
        V,
        ["'c'", "3 channels", "groups=2"],
    ),
    "reshape that does not fit": (
        stack((8, 8), layers.Reshape((5, 5), name="r")),
        V,
        ["'r'", "64", r"\(5, 5\)"],
    ),
    "batch norm of another axis": (
        stack((8, 8, 3), layers.BatchNormalization(axis=2, name="n")),
        V,
        ["'n'", "axis", "2"],
    ),
    "two layers of one name": (
        stack((4,), layers.Dense(2, name="d"), layers.Dense(2, name="d")),
        V,
        ["'d'", "name"],
    ),
    "no layer": (lambda: cnnx.Sequential([3]), T, ["layer", "3"]),
    "model without layers": (
        lambda: cnnx.Sequential().predict(X, verbose=0),
        V,
        ["no layers"],
    ),
    "fit before compile": (
        lambda: cnnx.Sequential([layers.Flatten(), layers.Dense(1)]).fit(X, Y, verbose=0),
        V,
        ["compile"],
    ),
    "unknown optimizer": (
        lambda: network().compile(optimizer="adamm", loss="mse"),
        V,
        ["optimizer", "'adamm'", "adam", "sgd"],
    ),
    "unknown loss": (
        lambda: network().compile(optimizer="sgd", loss="crossentropy"),
        V,
        ["loss", "'crossentropy'", "categorical_crossentropy"],
    ),
    "unknown metric": (
        lambda: network().compile(optimizer="sgd", loss="mse", metrics=["acuracy"]),
        V,
        ["metric", "'acuracy'", "accuracy"],
    ),
    "loss of a wrong type": (lambda: network().compile(loss=3), T, ["loss", "3"]),
    "build with a number": (lambda: network().build(28), T, ["build: input_shape", "28"]),
    "build for a fraction": (
        lambda: network().build((None, 8, 1.5, 1)),
        T,
        ["build: input_shape", "1.5"],
    ),
    "layer of index 1.5": (lambda: network().get_layer(index=1.5), T, ["get_layer: index", "1.5"]),
    "weights that are a number": (lambda: network().set_weights(3), T, ["set_weights", "3"]),
    "too few weights": (lambda: network().set_weights([]), V, ["4 weights", "0"]),
    "weights of a wrong shape": (
        lambda: network().get_layer("head").set_weights([np.zeros((5, 3)), np.zeros(3)]),
        V,
        ["head", r"\(72, 3\)", r"\(5, 3\)"],
    ),
    "unknown layer": (lambda: network().get_layer("tail"), V, ["tail", "first", "head"]),
}

DATA = {
    "no samples": (fit(X[:0], Y[:0]), V, ["fit", "no samples|empty"]),
    "x and y of different length": (fit(X[:9], Y[:8]), V, ["9", "8"]),
    "wrong image size": (
        fit(np.zeros((10, 9, 8, 1)), Y),
        V,
        [r"\(.*8, 8, 1\)", r"\(.*9, 8, 1\)"],
    ),
    "wrong channels": (fit(np.zeros((10, 8, 8, 3)), Y), V, [r"8, 8, 1", r"8, 8, 3"]),
    "one image without the batch": (
        lambda: network().predict(X[0], verbose=0),
        V,
        [r"8, 8, 1", "batch|x\\[None\\]"],
    ),
    "grey images without channel axis": (fit(X[..., 0], Y), V, ["8, 8", r"8, 8, 1"]),
    "a number for images": (lambda: network().predict(3.0, verbose=0), V, ["x"]),
    "validation split leaves nothing": (
        fit(X[:1], Y[:1], validation_split=0.5),
        V,
        ["validation_split", "0.5"],
    ),
    "validation data alone": (fit(X, Y, validation_data=X), (V, T), ["validation_data"]),
    "validation data of a wrong shape": (
        fit(X, Y, validation_data=(X[:, :4], Y)),
        V,
        ["validation_data", r"4, 8, 1"],
    ),
    "label too large": (labels(0, 1, 3), V, ["label", "3", "0 to 2"]),
    "label of text": (fit(X[:2], np.array(["a", "b"])), T, ["y", "<U1"]),
    "one-hot for the sparse loss": (
        fit(X, np.eye(3)[Y]),
        V,
        ["sparse_categorical_crossentropy", r"\(10, 3\)", "categorical_crossentropy"],
    ),
    "labels for the one-hot loss": (
        lambda: network("categorical_crossentropy").fit(X, Y, verbose=0),
        V,
        ["categorical_crossentropy", r"\(10, 3\)", "sparse", "to_categorical"],
    ),
    "targets of a wrong width": (
        lambda: network("mse").fit(X, np.zeros((10, 4)), verbose=0),
        V,
        [r"\(10, 3\)", r"\(10, 4\)"],
    ),
    "a batch with a wrong label": (
        lambda: network().train_on_batch(X[:2], np.array([0, 7])),
        V,
        ["label", "7"],
    ),
    "a layer that was built for another shape": (
        lambda: network().layers[0](np.zeros((1, 8, 8, 2))),
        V,
        ["first", "8, 8, 1", "8, 8, 2"],
    ),
    "empty predictions": (lambda: losses.MeanSquaredError()([], []), V, ["empty"]),
    "metric of different lengths": (
        lambda: metrics.BinaryAccuracy()([1, 0], [1]),
        V,
        ["does not fit"],
    ),
}


TABLE = table(arguments=ARGUMENTS, shapes=SHAPES, data=DATA)


@pytest.mark.parametrize(("call", "kind", "fragments"), TABLE.values(), ids=TABLE)
def test_wrong_input(call: Callable[[], Any], kind: Any, fragments: list[str]) -> None:
    assert_refused(call, kind, fragments)
