"""Everything public that takes arguments: right ones, what they give, and which to refuse.

Tests that hold for all of it read this table; a new operation, layer, loss, metric, optimizer or
method enters it once. An argument's kind says which values it refuses, and follows from its name.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import cnnx
import reference
from agreement import normal
from cnnx import data, initializers, layers, losses, metrics, ops, optimizers, utils
from cnnx.optimizers import schedules

Array = NDArray[Any]


class Fault(NamedTuple):
    """What to put in the place of an argument that is right, and the error that follows."""

    error: type[Exception]
    of: Callable[[Any], Any]
    """The wrong value, made of the right one."""
    named: bool = True
    """Whether the message names the argument; which one is wrong is not clear for all shapes."""


Kind = dict[str, Fault]


def values(*wrong: Any) -> Kind:
    return {repr(value): Fault(ValueError, lambda _, value=value: value) for value in wrong}


def types(*wrong: Any) -> Kind:
    return {repr(value): Fault(TypeError, lambda _, value=value: value) for value in wrong}


NAN, INFINITY = float("nan"), float("inf")
NO_NUMBERS = types("2", b"2", 1j, None, [1], {}, np.complex64(1), np.bool_(True), np.ones(2))
FROM_0 = values(-1, 2**63) | types(True, 1.5, 2.0, NAN) | NO_NUMBERS
COUNT = FROM_0 | values(0, 2**31)
PAIR = values(0, -1, 2**31, 2**63, -(2**63), (1, 2, 3), (1,), (2, 0)) | types(
    True, 1.5, "2", 1j, (1, 1.5), {}
)
HUGE: Kind = {"10**400": Fault(ValueError, lambda _: 10**400)}
REAL = HUGE | values(NAN, INFINITY) | types(True) | NO_NUMBERS
RATE = REAL | values(-1, -1e-30)
SHARE = RATE | values(1.5)
BELOW_1 = SHARE | values(1)
PADDING = values("causal", -1, 2**31, 2**63, (1, 2, 3), ((1, 1), (1, -1)), ((1, 1),)) | types(
    True, 1.5, 1j, {}, ((1, 1), (1, 1.5))
)
VERBOSE = values(3, -1, "loud", 1.5, None, [1])
CHOICE = values("nonsense", "") | types(3, True, ["valid"])
FUNCTION = values("nonsense") | types(3, 1.5, ["relu"], {})  # or its name
OBJECT = (
    FUNCTION
    | values({"class_name": "nonsense", "config": {}})
    | types({"class_name": 3, "config": {}}, {"class_name": "zeros", "config": 3})
)
NAME = types(3, "", ["a"])
FLAG: Kind = {}  # Python's truth will do
SEED = {name: fault for name, fault in FROM_0.items() if name != "None"}
OPTIONAL_COUNT = {name: fault for name, fault in COUNT.items() if name != "None"}
CORE_SEED = values(-1, 2**64) | types(True, 1.5) | NO_NUMBERS
SHAPE = values((4, 0), (4, -1), (4, 2**31), (None, 4)) | types(4, "44", (4, 1.5), (4, True), None)
NUMBERS: Kind = {
    "complex": Fault(TypeError, lambda a: np.asarray(a).astype(np.complex64)),
    "objects": Fault(TypeError, lambda a: np.asarray(a).astype(object)),
    "text": Fault(TypeError, lambda a: np.asarray(a).astype(str)),
    "bytes": Fault(TypeError, lambda a: np.asarray(a).astype("S4")),
    "dates": Fault(TypeError, lambda a: np.asarray(a).astype(int).astype("datetime64[s]")),
    "durations": Fault(TypeError, lambda a: np.asarray(a).astype(int).astype("timedelta64[s]")),
    "records": Fault(TypeError, lambda a: np.zeros(np.shape(a), [("a", "f4")])),
    "masked": Fault(TypeError, lambda a: np.ma.masked_less(a, 0)),
    "ragged": Fault(TypeError, lambda _: [[1.0], [1.0, 2.0]]),
    "a string": Fault(TypeError, lambda _: "digits"),
    "a dict": Fault(TypeError, lambda _: {0: 1}),
    "a set": Fault(TypeError, lambda _: {1.0}),
}
MISSING = {"None": Fault(TypeError, lambda _: None)}
ARRAY: Kind = NUMBERS | MISSING
FITTED: Kind = (
    NUMBERS
    | {  # one shape alone
        "one row fewer": Fault(ValueError, lambda a: a[:-1], named=False),
        "an axis more": Fault(ValueError, lambda a: a[None], named=False),
    }
)
MATRIX: Kind = ARRAY | {
    "a row": Fault(ValueError, lambda a: a[0]),
    "an axis more": Fault(ValueError, lambda a: a[None]),
    "a number": Fault(ValueError, lambda _: 3.0),
}
IMAGES: Kind = MATRIX | {
    "without channels": Fault(ValueError, lambda a: a[..., 0]),
    "no rows": Fault(ValueError, lambda a: a[:, :0]),
    "no channels": Fault(ValueError, lambda a: a[..., :0]),
}
LABELS: Kind = FITTED | {
    "one too large": Fault(ValueError, lambda y: [*y[:-1], 3], named=False),
    "2**62": Fault(ValueError, lambda y: [*y[:-1], 2**62], named=False),
    "2**63": Fault(ValueError, lambda y: np.array([*y[:-1], 2**63], np.uint64), named=False),
    "negative": Fault(ValueError, lambda y: [*y[:-1], -1], named=False),
    "NaN": Fault(ValueError, lambda y: [*y[:-1], NAN], named=False),
    "infinite": Fault(ValueError, lambda y: [*y[:-1], -INFINITY], named=False),
    "1.5": Fault(ValueError, lambda y: [*y[:-1], 1.5], named=False),
    "one too many": Fault(ValueError, lambda y: [*y, 0], named=False),
    "one-hot": Fault(ValueError, lambda y: np.eye(3)[y], named=False),
    "none": Fault(ValueError, lambda y: y[:0], named=False),
}

KINDS: dict[str, Kind] = {
    **dict.fromkeys(["x", "kernel", "dy", "y", "a", "b", "k", "p", "q"], ARRAY),
    **dict.fromkeys(["bias", "gamma", "beta", "mean", "variance"], FITTED),
    **dict.fromkeys(["strides", "pool_size", "dilation_rate", "kernel_size", "image_size"], PAIR),
    **dict.fromkeys(["groups", "filters", "units"], COUNT),
    **dict.fromkeys(["batch_size", "num_classes"], OPTIONAL_COUNT),
    **dict.fromkeys(["epochs", "initial_epoch"], FROM_0),
    **dict.fromkeys(["rate", "beta_1", "beta_2", "rho", "validation_split"], BELOW_1),
    **dict.fromkeys(["momentum", "label_smoothing"], SHARE),
    **dict.fromkeys(["learning_rate", "weight_decay", "initial_accumulator_value"], RATE),
    **dict.fromkeys(["initial_learning_rate", "end_learning_rate", "alpha", "power"], RATE),
    **dict.fromkeys(["decay_rate", "epsilon", "stddev"], RATE),
    **dict.fromkeys(["scale", "offset", "threshold", "minval", "maxval"], REAL),
    **dict.fromkeys(["operation", "order", "fill_mode"], CHOICE),
    **dict.fromkeys(["color_mode", "label_mode", "bias_operation"], CHOICE),
    "activation": FUNCTION,
    **dict.fromkeys(["optimizer", "loss", "kernel_initializer"], OBJECT),
    **dict.fromkeys(["bias_initializer", "scale_initializer", "beta_initializer"], OBJECT),
    **dict.fromkeys(["gamma_initializer", "moving_mean_initializer"], OBJECT),
    "moving_variance_initializer": OBJECT,
    "data_format": values("channels_first"),
    **dict.fromkeys(["padding", "mode"], PADDING),
    "decay_steps": FROM_0 | values(0),
    "seed": SEED,
    "name": NAME,
    **dict.fromkeys(["use_bias", "keepdims", "center", "from_logits", "nesterov", "cycle"], FLAG),
    **dict.fromkeys(["averaging", "epsilon_in_root", "staircase", "return_dict"], FLAG),
    **dict.fromkeys(["training", "shuffle"], FLAG),
}


class Entry(NamedTuple):
    call: Callable[..., Any]
    arguments: dict[str, Any]
    oracle: Callable[..., Any] | None = None
    """The result in float64 as a function of the arrays among the arguments, in their order."""
    kinds: dict[str, Kind] = {}  # noqa: RUF012
    """Those that differ from KINDS."""

    @property
    def arrays(self) -> dict[str, Array]:
        return {k: v for k, v in self.arguments.items() if isinstance(v, np.ndarray)}

    def kind(self, argument: str) -> Kind:
        return self.kinds[argument] if argument in self.kinds else KINDS[argument]

    def faults(self) -> Iterator[tuple[str, str, Fault]]:
        """Every argument with every fault of its kind."""
        for argument in self.arguments:
            for name, fault in self.kind(argument).items():
                yield argument, name, fault


# --- operations -----------------------------------------------------------------------------------

X, KERNEL, BIAS = normal(1, 2, 6, 5, 4), normal(2, 3, 2, 2, 6), normal(3, 6)
CONV: dict[str, Any] = {
    "strides": (2, 1),
    "padding": "same",
    "dilation_rate": (1, 2),
    "groups": 2,
    "operation": "correlation",
}
# The same in the oracle's terms: 6x5 pixels, stride 2 and 1, so 3x5; one zero at the left.
GEOMETRY: dict[str, Any] = {"strides": (2, 1), "padding": (0, 1), "dilation": (1, 2), "groups": 2}
POOL: dict[str, Any] = {"pool_size": (3, 2), "strides": 2, "padding": ((1, 0), (0, 1))}
WINDOW = ((3, 2), (2, 2), (1, 0))
ACROSS = KERNEL[:, :, [0, 1, 0, 1]]  # all of X's channels
DY, DY_POOL = normal(4, 2, 3, 5, 6), normal(5, 2, 3, 3, 4)
ROWS, GAMMA, BETA = normal(6, 7, 3), normal(7, 3), normal(8, 3)
MEAN, VARIANCE = (s.astype(np.float32) for s in reference.batch_norm_statistics(ROWS))
WEIGHTS, DY_DENSE = normal(9, 3, 4), normal(10, 7, 4)
SEED_OF_DROPOUT = 2**64 - 1


def max_pool_gradient(x: Array, dy: Array) -> Array:
    _, argmax = reference.max_pool2d_forward(x, (3, 3), *WINDOW)
    return reference.max_pool2d_backward(dy, argmax, (6, 5), *WINDOW)


def normalised(x: Array, gamma: Array, beta: Array) -> tuple[Array, Array, Array]:
    mean, variance = reference.batch_norm_statistics(x)
    y = reference.batch_norm_forward(x, gamma, beta, mean, variance, 1e-3)
    return y, mean, 1 / np.sqrt(variance + 1e-3)


def convolved(x: Array, k: Array, bias: Array) -> Array:
    """Each channel of one image on its own."""
    taps = np.repeat(k[..., None, None], 4, axis=3)
    image = reference.conv2d_forward(
        x[None], taps, bias, (6, 5), (1, 1), (1, 0), groups=4, rotated=True
    )
    return image[0]


def as_matrix(k: Array) -> Array:
    pixels = np.eye(30).reshape(30, 6, 5, 1)
    images = reference.conv2d_forward(pixels, k[..., None, None], None, (4, 4))
    return images.reshape(30, 16).T


def activation(name: str) -> dict[str, Entry]:
    function, derivative = getattr(ops, name), getattr(ops, f"{name}_backward")
    forward = getattr(reference, f"{name}_forward")
    y = forward(ROWS).astype(np.float32)
    kinds = {"dy": FITTED | MISSING}
    backward = getattr(reference, f"{name}_backward")
    return {
        name: Entry(function, {"x": ROWS}, forward),
        f"{name}_backward": Entry(derivative, {"y": y, "dy": normal(11, 7, 3)}, backward, kinds),
    }


def dense_matrix(**arguments: Any) -> Array:
    matrix = ops.conv_matrix(**arguments)
    return matrix.toarray() if hasattr(matrix, "toarray") else matrix


CONV_KINDS = {"x": IMAGES, "kernel": MATRIX, "dy": FITTED | MISSING}
POOL_KINDS = {"x": IMAGES, "dy": FITTED | MISSING, "padding": PADDING | values("full", 3)}
DENSE_KINDS = {"x": MATRIX, "kernel": MATRIX, "dy": FITTED | MISSING}
NORM_KINDS = {
    "mean": FITTED | MISSING,
    "variance": FITTED | MISSING,
    "dy": FITTED | MISSING,
    "epsilon": RATE | values(0),
}

OPS: dict[str, Entry] = {
    "conv2d": Entry(
        ops.conv2d,
        {"x": X, "kernel": KERNEL, "bias": BIAS, **CONV},
        lambda x, kernel, bias: reference.conv2d_forward(x, kernel, bias, (3, 5), **GEOMETRY),
        CONV_KINDS,
    ),
    "conv2d_backward": Entry(
        ops.conv2d_backward,
        {"x": X, "kernel": KERNEL, "dy": DY, **CONV},
        lambda x, kernel, dy: reference.conv2d_backward(x, kernel, dy, **GEOMETRY),
        CONV_KINDS,
    ),
    "correlate2d": Entry(
        ops.correlate2d,
        {"x": X, "k": ACROSS, "bias": BIAS, "mode": "full", "strides": 2, "dilation_rate": 1},
        lambda x, k, bias: reference.conv2d_forward(x, k, bias, (4, 3), (2, 2), (2, 1)),
    ),
    "convolve2d": Entry(
        ops.convolve2d,
        {
            "x": X[0],
            "k": KERNEL[..., 0, 0],
            "bias": BIAS[:4],
            "mode": "same",
            "strides": 1,
            "dilation_rate": 1,
        },
        convolved,
    ),
    "conv_matrix": Entry(
        dense_matrix,
        {
            "k": KERNEL[..., 0, 0],
            "input_shape": (6, 5),
            "order": "C",
            "mode": "valid",
            "strides": 1,
            "operation": "correlation",
            "dilation_rate": 1,
        },
        as_matrix,
        {"input_shape": SHAPE | values((4,), (4, 4, 1, 1))},
    ),
    "max_pool2d": Entry(
        ops.max_pool2d,
        {"x": X, **POOL},
        lambda x: reference.max_pool2d_forward(x, (3, 3), *WINDOW)[0],
        POOL_KINDS,
    ),
    "max_pool2d_backward": Entry(
        ops.max_pool2d_backward, {"x": X, "dy": DY_POOL, **POOL}, max_pool_gradient, POOL_KINDS
    ),
    "avg_pool2d": Entry(
        ops.avg_pool2d,
        {"x": X, **POOL},
        lambda x: reference.avg_pool2d_forward(x, (3, 3), *WINDOW),
        POOL_KINDS,
    ),
    "avg_pool2d_backward": Entry(
        ops.avg_pool2d_backward,
        {"x": X, "dy": DY_POOL, **POOL},
        lambda x, dy: reference.avg_pool2d_backward(dy, (6, 5), *WINDOW),
        POOL_KINDS,
    ),
    "sum_pool2d": Entry(
        ops.sum_pool2d,
        {"x": X, **POOL},
        lambda x: reference.sum_pool2d_forward(x, (3, 3), *WINDOW),
        POOL_KINDS,
    ),
    "sum_pool2d_backward": Entry(
        ops.sum_pool2d_backward,
        {"x": X, "dy": DY_POOL, **POOL},
        lambda x, dy: reference.sum_pool2d_backward(dy, (6, 5), *WINDOW),
        POOL_KINDS,
    ),
    "im2col": Entry(
        ops.im2col,
        {"x": X, "kernel_size": (3, 2), "strides": 2, "padding": 1, "dilation_rate": 1},
        lambda x: reference.im2col(x, (3, 2), (3, 3), (2, 2), (1, 1), (1, 1)),
        {"x": IMAGES},
    ),
    "dense": Entry(
        ops.dense,
        {"x": ROWS, "kernel": WEIGHTS, "bias": BIAS[:4]},
        reference.dense_forward,
        DENSE_KINDS,
    ),
    "dense_backward": Entry(
        ops.dense_backward,
        {"x": ROWS, "kernel": WEIGHTS, "dy": DY_DENSE},
        reference.dense_backward,
        DENSE_KINDS,
    ),
    "matmul": Entry(
        ops.matmul, {"a": ROWS, "b": WEIGHTS}, reference.matmul, {"a": MATRIX, "b": MATRIX}
    ),
    "batch_norm": Entry(
        ops.batch_norm,
        {"x": ROWS, "gamma": GAMMA, "beta": BETA, "epsilon": 1e-3},
        normalised,
        NORM_KINDS,
    ),
    "batch_norm_inference": Entry(
        ops.batch_norm_inference,
        {
            "x": ROWS,
            "mean": MEAN,
            "variance": VARIANCE,
            "gamma": GAMMA,
            "beta": BETA,
            "epsilon": 1e-3,
        },
        lambda x, mean, variance, gamma, beta: reference.batch_norm_forward(
            x, gamma, beta, mean, variance, 1e-3
        ),
        NORM_KINDS,
    ),
    "batch_norm_backward": Entry(
        ops.batch_norm_backward,
        {"x": ROWS, "dy": ROWS**2, "gamma": GAMMA, "epsilon": 1e-3},
        lambda x, dy, gamma: reference.batch_norm_backward(x, dy, gamma, 1e-3),
        NORM_KINDS,
    ),
    "dropout": Entry(
        ops.dropout,
        {"x": X, "rate": 0.3, "seed": SEED_OF_DROPOUT},
        lambda x: reference.dropout(x, 0.3, SEED_OF_DROPOUT),
        {"seed": CORE_SEED},
    ),
    "gaussian_dropout": Entry(
        ops.gaussian_dropout,
        {"x": X, "rate": 0.3, "seed": SEED_OF_DROPOUT},
        lambda x: reference.gaussian_dropout(x, 0.3, SEED_OF_DROPOUT),
        {"seed": CORE_SEED},
    ),
    **activation("relu"),
    **activation("sigmoid"),
    **activation("tanh"),
    **activation("arctan"),
    **activation("softmax"),
}


# --- layers ---------------------------------------------------------------------------------------

IMAGE = normal(20, 2, 6, 6, 2)
WINDOWS: dict[str, Any] = {"pool_size": 2, "strides": 2, "padding": "valid", "data_format": None}
RANDOM: dict[str, Any] = {"seed": 1}
FACTOR = values(NAN, INFINITY, (1, 2, 3), (0.5, -0.5)) | types("half", 1j, True, None, ("a", "b"))
LAYER_INPUT: Kind = ARRAY | {
    "a number": Fault(ValueError, lambda _: 3.0),
    "no channels": Fault(ValueError, lambda a: a[..., :0], named=False),
}
POOLING = {"padding": PADDING | values("full", 2), "strides": {**PAIR}}


def layer(cls: type[layers.Layer], kinds: dict[str, Kind] | None = None, **arguments: Any) -> Entry:
    """Construct a layer and use it once."""

    def call(x: Any, **given: Any) -> Array:
        return cls(**given)(x, training=True)

    return Entry(call, {"x": IMAGE, **arguments}, None, {"x": LAYER_INPUT} | (kinds or {}))


LAYERS: dict[str, Entry] = {
    "Activation": layer(layers.Activation, activation="tanh"),
    "AveragePooling2D": layer(layers.AveragePooling2D, POOLING, **WINDOWS),
    "BatchNormalization": layer(
        layers.BatchNormalization,
        {
            "axis": values(0, 1, -2, 4, 2**63) | types(True, 1.5) | NO_NUMBERS,
            "epsilon": RATE | values(0),
            "scale": FLAG,
        },
        axis=-1,
        momentum=0.9,
        epsilon=1e-3,
        center=True,
        scale=True,
        beta_initializer="zeros",
        gamma_initializer="ones",
        moving_mean_initializer="zeros",
        moving_variance_initializer="ones",
    ),
    "Conv2D": layer(
        layers.Conv2D,
        {
            "bias": CHOICE,
            "groups": COUNT | values(3),
            "input_shape": {k: f for k, f in SHAPE.items() if k != "None"},
        },
        filters=4,
        kernel_size=3,
        strides=1,
        padding="valid",
        data_format=None,
        dilation_rate=1,
        groups=2,
        activation="relu",
        use_bias=True,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        operation="correlation",
        bias="tied",
        bias_operation="add",
        name="c",
        input_shape=(6, 6, 2),
    ),
    "Dense": layer(
        layers.Dense,
        units=4,
        activation="relu",
        use_bias=True,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
    ),
    "Dropout": layer(layers.Dropout, rate=0.5, **RANDOM),
    "Flatten": layer(layers.Flatten, order="C"),
    "GaussianDropout": layer(layers.GaussianDropout, rate=0.5, **RANDOM),
    "GlobalAveragePooling2D": layer(
        layers.GlobalAveragePooling2D, data_format=None, keepdims=False
    ),
    "GlobalMaxPooling2D": layer(layers.GlobalMaxPooling2D, data_format=None, keepdims=False),
    "InputLayer": Entry(layers.InputLayer, {"shape": (4, 4), "name": "i"}, None, {"shape": SHAPE}),
    "MaxPooling2D": layer(layers.MaxPooling2D, POOLING, **WINDOWS),
    "RandomContrast": layer(layers.RandomContrast, {"factor": FACTOR}, factor=0.5, **RANDOM),
    "RandomFlip": layer(
        layers.RandomFlip, {"mode": CHOICE}, mode="horizontal_and_vertical", **RANDOM
    ),
    "RandomRotation": layer(
        layers.RandomRotation, {"factor": FACTOR}, factor=0.5, fill_mode="reflect", **RANDOM
    ),
    "RandomTranslation": layer(
        layers.RandomTranslation,
        {"height_factor": FACTOR, "width_factor": FACTOR},
        height_factor=0.5,
        width_factor=0.5,
        fill_mode="reflect",
        **RANDOM,
    ),
    "RandomZoom": layer(
        layers.RandomZoom,
        {"height_factor": FACTOR, "width_factor": {k: f for k, f in FACTOR.items() if k != "None"}},
        height_factor=0.5,
        width_factor=0.5,
        fill_mode="reflect",
        **RANDOM,
    ),
    "ReLU": layer(layers.ReLU),
    "Rescaling": layer(layers.Rescaling, scale=0.5, offset=1.0),
    "Reshape": layer(
        layers.Reshape,
        {
            "target_shape": values((5,), (-1, -1), (0, 72), (2**63,))
            | types(72, "72", (36.0, 2), None, (True, 72))
        },
        target_shape=(36, 2),
        order="C",
    ),
    "Softmax": layer(
        layers.Softmax, {"axis": values(0, 1, -2, 2**63) | types(True, 1.5) | NO_NUMBERS}, axis=-1
    ),
    "SumPooling2D": layer(layers.SumPooling2D, POOLING, **WINDOWS),
    "WeightedAveragePooling2D": layer(
        layers.WeightedAveragePooling2D, POOLING, **WINDOWS, scale_initializer="ones"
    ),
}

# --- losses, metrics, optimizers, schedules, initializers -----------------------------------------

Y = np.arange(6) % 3
ONE_HOT = np.eye(3, dtype=np.float32)[Y]
PROBS = reference.softmax_forward(normal(21, 6, 3)).astype(np.float32)
NON_EMPTY: Kind = {"nothing": Fault(ValueError, lambda _: [], named=False)}
OUTPUTS_AND_TARGETS = {
    "y_pred": FITTED | MISSING | NON_EMPTY,
    "y_true": FITTED | MISSING | NON_EMPTY,
}


def loss(cls: type[losses.Loss], **arguments: Any) -> Entry:
    """Construct a loss and use it once."""
    y = Y if cls.sparse else ONE_HOT
    kinds = {**OUTPUTS_AND_TARGETS, **({"y_true": LABELS | MISSING} if cls.sparse else {})}

    def call(y_true: Any, y_pred: Any, **given: Any) -> float:
        return cls(**given)(y_true, y_pred)

    return Entry(call, {"y_true": y, "y_pred": PROBS, **arguments}, None, kinds)


LOSSES: dict[str, Entry] = {
    "binary_crossentropy": loss(losses.BinaryCrossentropy, from_logits=False, label_smoothing=0.1),
    "categorical_crossentropy": loss(
        losses.CategoricalCrossentropy, from_logits=False, label_smoothing=0.1
    ),
    "half_squared_error": loss(losses.HalfSquaredError),
    "mean_absolute_error": loss(losses.MeanAbsoluteError),
    "mean_squared_error": loss(losses.MeanSquaredError),
    "sparse_categorical_crossentropy": loss(
        losses.SparseCategoricalCrossentropy, from_logits=False
    ),
    "entropy": Entry(losses.entropy, {"p": PROBS, "base": 2}, None, {"base": REAL | values(1, 0)}),
    "cross_entropy": Entry(
        losses.cross_entropy, {"p": PROBS, "q": PROBS, "base": 2}, None, {"base": REAL | values(1)}
    ),
}


def metric(cls: type[metrics.Metric], **arguments: Any) -> Entry:
    """Construct a metric and use it once."""
    fractions = {"y_true": {k: f for k, f in LABELS.items() if k in {*FITTED, "NaN", "1.5"}}}
    kinds = {**OUTPUTS_AND_TARGETS, **(fractions if cls.sparse else {})}

    def call(y_true: Any, y_pred: Any, **given: Any) -> float:
        return cls(**given)(y_true, y_pred)

    y = Y if cls.sparse else ONE_HOT
    return Entry(call, {"y_true": y, "y_pred": PROBS, **arguments}, None, kinds)


METRICS: dict[str, Entry] = {
    "binary_accuracy": metric(metrics.BinaryAccuracy, threshold=0.5),
    "categorical_accuracy": metric(metrics.CategoricalAccuracy),
    "mean_absolute_error": metric(metrics.MeanAbsoluteError),
    "mean_squared_error": metric(metrics.MeanSquaredError),
    "sparse_categorical_accuracy": metric(metrics.SparseCategoricalAccuracy),
}
BETAS: dict[str, Any] = {"beta_1": 0.9, "beta_2": 0.99, "epsilon": 1e-7}
OPTIMIZERS: dict[str, Entry] = {
    "Adagrad": Entry(
        optimizers.Adagrad,
        {
            "learning_rate": 0.1,
            "initial_accumulator_value": 0.1,
            "epsilon": 1e-7,
            "epsilon_in_root": True,
        },
    ),
    "Adam": Entry(optimizers.Adam, {"learning_rate": 0.1, **BETAS}),
    "AdamW": Entry(optimizers.AdamW, {"learning_rate": 0.1, "weight_decay": 0.1, **BETAS}),
    "Momentum": Entry(
        optimizers.Momentum,
        {"learning_rate": 0.1, "momentum": 0.9, "averaging": True},
        None,
        {"momentum": BELOW_1},
    ),
    "Nadam": Entry(optimizers.Nadam, {"learning_rate": 0.1, **BETAS}),
    "RMSprop": Entry(
        optimizers.RMSprop,
        {"learning_rate": 0.1, "rho": 0.9, "epsilon": 1e-7, "epsilon_in_root": True},
    ),
    "SGD": Entry(optimizers.SGD, {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True}),
}
SCHEDULES: dict[str, Entry] = {
    "CosineDecay": Entry(
        schedules.CosineDecay, {"initial_learning_rate": 0.1, "decay_steps": 9, "alpha": 0.1}
    ),
    "ExponentialDecay": Entry(
        schedules.ExponentialDecay,
        {"initial_learning_rate": 0.1, "decay_steps": 9, "decay_rate": 0.9, "staircase": True},
    ),
    "PiecewiseConstantDecay": Entry(
        schedules.PiecewiseConstantDecay,
        {"boundaries": [1, 2], "values": [0.1, 0.2, 0.3]},
        None,
        {
            "boundaries": values([1], [2, 1], [1, -1], [1, 1]) | types([1, 1.5], [1, "2"], 3, None),
            "values": values([0.1, 0.2], [0.1, -1, 0.2]) | types(3, None, [0.1, 0.2, "a"]),
        },
    ),
    "PolynomialDecay": Entry(
        schedules.PolynomialDecay,
        {
            "initial_learning_rate": 0.1,
            "decay_steps": 9,
            "end_learning_rate": 0.0,
            "power": 1.0,
            "cycle": True,
        },
    ),
}


def initializer(cls: type[initializers.Initializer], **arguments: Any) -> Entry:
    """Construct an initializer and use it once."""
    kinds = {"mean": REAL, "value": ARRAY}
    return Entry(lambda **given: cls(**given)((3, 4)), arguments, None, kinds)


INITIALIZERS: dict[str, Entry] = {
    "Constant": initializer(initializers.Constant, value=np.ones((3, 4), np.float32)),
    "GlorotNormal": initializer(initializers.GlorotNormal, seed=1),
    "GlorotUniform": initializer(initializers.GlorotUniform, seed=1),
    "HeNormal": initializer(initializers.HeNormal, seed=1),
    "HeUniform": initializer(initializers.HeUniform, seed=1),
    "LecunNormal": initializer(initializers.LecunNormal, seed=1),
    "LecunUniform": initializer(initializers.LecunUniform, seed=1),
    "Ones": initializer(initializers.Ones),
    "RandomNormal": initializer(initializers.RandomNormal, mean=0.0, stddev=0.1, seed=1),
    "RandomUniform": initializer(initializers.RandomUniform, minval=-0.1, maxval=0.1, seed=1),
    "TruncatedNormal": initializer(initializers.TruncatedNormal, mean=0.0, stddev=0.1, seed=1),
    "Zeros": initializer(initializers.Zeros),
}

# --- models and data ------------------------------------------------------------------------------

IMAGES_OF_6 = normal(22, 6, 6, 6, 2)
SAMPLES_OF_IMAGES = {k: f for k, f in IMAGES.items() if k != "a set"}  # a stream of batches


def model() -> cnnx.Sequential:
    utils.set_random_seed(1)
    model = cnnx.Sequential(
        [
            cnnx.Input((6, 6, 2)),
            layers.Conv2D(3, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(optimizers.SGD(1e-4), "sparse_categorical_crossentropy")
    return model


def method(name: str, kinds: dict[str, Kind] | None = None, **arguments: Any) -> Entry:
    """Call a method of a fresh model."""
    own = {
        "x": SAMPLES_OF_IMAGES | {"nothing": Fault(ValueError, lambda x: x[:0])},
        "y": LABELS | MISSING,
        "sample_weight": FITTED
        | {
            "negative": Fault(ValueError, lambda w: -w),
            "NaN": Fault(ValueError, lambda w: w * NAN),
        },
        "class_weight": values({0: -1.0}, {0: NAN}, {-1: 1.0})
        | types(3, [1.0], {"a": 1.0}, {0: "b"}, {0.5: 1.0}),
        "verbose": VERBOSE,
        "callbacks": types(3, [3], "early"),
        "validation_data": values((1, 2, 3, 4), [3], "data"),
    }
    return Entry(
        lambda **given: getattr(model(), name)(**given), arguments, None, own | (kinds or {})
    )


SAMPLES: dict[str, Any] = {"x": IMAGES_OF_6, "y": Y}
WEIGHTED: dict[str, Any] = {"sample_weight": np.ones(6, np.float32)}
METHODS: dict[str, Entry] = {
    "compile": method(
        "compile",
        {"metrics": values(["nonsense"], "nonsense") | types(3, [3])},
        optimizer="sgd",
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    ),
    "fit": method(
        "fit",
        **SAMPLES,
        batch_size=4,
        epochs=1,
        verbose=0,
        callbacks=[],
        validation_split=0.0,
        validation_data=(IMAGES_OF_6, Y),
        shuffle=True,
        class_weight={0: 2.0},
        **WEIGHTED,
        initial_epoch=0,
    ),
    "evaluate": method(
        "evaluate", **SAMPLES, batch_size=4, verbose=0, **WEIGHTED, return_dict=False
    ),
    "predict": method("predict", {"x": SAMPLES_OF_IMAGES}, x=IMAGES_OF_6, batch_size=4, verbose=0),
    "predict_on_batch": method("predict_on_batch", {"x": SAMPLES_OF_IMAGES}, x=IMAGES_OF_6),
    "train_on_batch": method(
        "train_on_batch", **SAMPLES, **WEIGHTED, class_weight={0: 2.0}, return_dict=False
    ),
    "test_on_batch": method("test_on_batch", **SAMPLES, **WEIGHTED, return_dict=False),
}
ONE_OF = values("nonsense", "", 3, True, ["rgb"])


def read_folder(**given: Any) -> Any:
    """Read a folder of two pictures of two classes."""
    from PIL import Image

    with tempfile.TemporaryDirectory(prefix="image_folder") as folder:  # which errors name
        for name in ("a", "b"):
            Path(folder, name).mkdir()
            Image.new("RGB", (4, 4)).save(Path(folder, name, "1.png"))
        return data.image_folder(folder, **given)


DATA: dict[str, Entry] = {
    "image_folder": Entry(
        read_folder,
        {
            "image_size": 4,
            "color_mode": "rgb",
            "label_mode": "int",
            "class_names": ["a", "b"],
            "batch_size": 1,
            "shuffle": True,
            "seed": 1,
            "validation_split": 0.5,
            "max_memory": 1 << 30,
            "verbose": 0,
        },
        None,
        {
            "color_mode": ONE_OF,
            "label_mode": ONE_OF,
            "class_names": types(3, "ab"),
            "max_memory": FROM_0 | values(0),
            "verbose": VERBOSE,
        },
    ),
    "to_categorical": Entry(
        utils.to_categorical,
        {"x": Y, "num_classes": 3},
        None,
        {
            "x": {
                k: f
                for k, f in LABELS.items()
                if k not in {*FITTED, "one-hot", "none", "one too many"}
            }
        },
    ),
    "confusion_matrix": Entry(
        metrics.confusion_matrix,
        {"labels": Y, "predictions": Y, "num_classes": 3},
        None,
        {"labels": LABELS | MISSING, "predictions": LABELS | MISSING},
    ),
    "set_random_seed": Entry(
        utils.set_random_seed, {"seed": 1}, None, {"seed": FROM_0 | values(2**32)}
    ),
}


class Table(NamedTuple):
    public: dict[str, Callable[..., Any]]
    """All that cnnx offers of this kind, by the name that errors give."""
    entries: dict[str, Entry]


def named(table: dict[str, Any]) -> dict[str, Any]:
    return {cls.__name__: cls for cls in table.values()}


TABLES = {
    "ops": Table({name: getattr(ops, name) for name in ops.__all__}, OPS),
    "layers": Table(dict(layers.LAYERS), LAYERS),
    "losses": Table(
        losses.LOSSES | {"entropy": losses.entropy, "cross_entropy": losses.cross_entropy}, LOSSES
    ),
    "metrics": Table(dict(metrics.METRICS), METRICS),
    "optimizers": Table(named(optimizers.OPTIMIZERS), OPTIMIZERS),
    "schedules": Table(dict(schedules.SCHEDULES), SCHEDULES),
    "initializers": Table(named(initializers.INITIALIZERS), INITIALIZERS),
    "methods": Table({name: getattr(cnnx.Sequential, name) for name in METHODS}, METHODS),
    "data": Table(
        {
            "image_folder": data.image_folder,
            "to_categorical": utils.to_categorical,
            "set_random_seed": utils.set_random_seed,
            "confusion_matrix": metrics.confusion_matrix,
        },
        DATA,
    ),
}
ENTRIES = {
    f"{kind}.{owner}": entry
    for kind, table in TABLES.items()
    for owner, entry in table.entries.items()
}
