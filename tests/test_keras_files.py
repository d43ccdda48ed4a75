"""Files of Keras 3: what is loaded predicts what Keras does."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnx
from cnnx.models import load_model

pytestmark = [
    pytest.mark.skipif(
        importlib.util.find_spec("keras") is None or importlib.util.find_spec("torch") is None,
        reason="Keras and PyTorch, its backend here, are not installed",
    ),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

TOLERANCE = 1e-5


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Let Keras warn of what it likes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.fixture(scope="module")
def keras() -> Any:
    before = os.environ.get("KERAS_BACKEND")
    os.environ["KERAS_BACKEND"] = "torch"
    with silence():
        import keras
    if before is None:
        del os.environ["KERAS_BACKEND"]
    else:
        os.environ["KERAS_BACKEND"] = before
    keras.utils.set_random_seed(1)
    return keras


def spread(model: Any, seed: int = 0) -> None:
    """Give all weights values that no initializer would: statistics and biases, too."""
    generator = np.random.default_rng(seed)
    with silence():
        values = [generator.uniform(0.1, 0.9, w.shape) - 0.2 * (w.ndim > 1) for w in model.weights]
        model.set_weights(values)


def listed(values: Any) -> list[Any]:
    return list(values) if isinstance(values, (list, tuple)) else [values]


def samples(shapes: Sequence[tuple[int, ...]]) -> Any:
    generator = np.random.default_rng(2)
    x = [generator.standard_normal((3, *shape)).astype(np.float32) for shape in shapes]
    return x if len(x) > 1 else x[0]


def predicted(model: Any, *shapes: tuple[int, ...]) -> Any:
    """Return what a model of Keras predicts."""
    with silence():
        return model(samples(shapes), training=False)


def assert_predicts(ours: Any, wanted: Any, *shapes: tuple[int, ...]) -> None:
    found = ours.predict(samples(shapes), verbose=0)
    if isinstance(wanted, dict):
        assert found.keys() == wanted.keys()
        found, wanted = ([values[name] for name in wanted] for values in (found, wanted))
    for one, other in zip(listed(found), listed(wanted), strict=True):
        other = other.detach().numpy()
        assert one.shape == other.shape
        np.testing.assert_allclose(one, other, atol=TOLERANCE * max(1, abs(other).max()), rtol=0)


def assert_alike(ours: Any, theirs: Any, *shapes: tuple[int, ...]) -> None:
    assert_predicts(ours, predicted(theirs, *shapes), *shapes)


def check(model: Any, folder: Path, *shapes: tuple[int, ...], seed: int = 0) -> Any:
    """Save a model of Keras in both formats and load it here; return what was loaded."""
    spread(model, seed)
    wanted = predicted(model, *shapes)
    for name in ("model.h5", "model.keras"):
        with silence():
            model.save(folder / name)
        found = load_model(folder / name)
        assert_predicts(found, wanted, *shapes)
    return found


IMAGE, PICTURE, SEQUENCE = (9, 8, 4), (9, 8, 3), (11, 4)
LAYERS = {
    "Activation": (lambda L: L.Activation("tanh"), IMAGE),
    # With PyTorch, Keras counts uneven padding in averages; with TensorFlow and JAX it does not.
    "AveragePooling1D": (lambda L: L.AveragePooling1D(3, 2, "same"), SEQUENCE),
    "AveragePooling2D": (lambda L: L.AveragePooling2D((3, 2), padding="same"), IMAGE),
    "AveragePooling2D valid": (lambda L: L.AveragePooling2D(3, strides=2), IMAGE),
    "BatchNormalization": (lambda L: L.BatchNormalization(momentum=0.8, epsilon=0.01), IMAGE),
    "BatchNormalization plain": (
        lambda L: L.BatchNormalization(axis=3, center=False, scale=False),
        IMAGE,
    ),
    "CenterCrop": (lambda L: L.CenterCrop(5, 6), IMAGE),
    "Conv1D": (lambda L: L.Conv1D(3, 3, padding="causal", dilation_rate=2), SEQUENCE),
    "Conv1D strides": (lambda L: L.Conv1D(6, 4, strides=3, padding="same", groups=2), SEQUENCE),
    "Conv1DTranspose": (lambda L: L.Conv1DTranspose(3, 4, strides=2, padding="same"), SEQUENCE),
    "Conv2D": (lambda L: L.Conv2D(3, (3, 2), activation="relu"), IMAGE),
    "Conv2D same": (lambda L: L.Conv2D(4, 4, strides=(2, 3), padding="same", groups=2), IMAGE),
    "Conv2D dilated": (lambda L: L.Conv2D(4, 3, dilation_rate=(1, 2), use_bias=False), IMAGE),
    "Conv2D regularized": (
        lambda L: L.Conv2D(2, 3, kernel_initializer="orthogonal", activation="gelu"),
        IMAGE,
    ),
    "Conv2DTranspose": (lambda L: L.Conv2DTranspose(3, 3, strides=2), IMAGE),
    "Conv2DTranspose same": (
        lambda L: L.Conv2DTranspose(2, (3, 4), strides=(2, 3), padding="same", activation="elu"),
        IMAGE,
    ),
    "Cropping1D": (lambda L: L.Cropping1D((1, 2)), SEQUENCE),
    "Cropping2D": (lambda L: L.Cropping2D(((1, 0), (2, 1))), IMAGE),
    "Dense": (lambda L: L.Dense(5, activation="softmax"), (7,)),
    "Dense of images": (lambda L: L.Dense(5, use_bias=False), IMAGE),
    "AdaptiveAveragePooling1D": (lambda L: L.AdaptiveAveragePooling1D(3), SEQUENCE),
    "AdaptiveAveragePooling2D": (lambda L: L.AdaptiveAveragePooling2D((4, 3)), IMAGE),
    "AdaptiveMaxPooling1D": (lambda L: L.AdaptiveMaxPooling1D(3), SEQUENCE),
    "AdaptiveMaxPooling2D": (lambda L: L.AdaptiveMaxPooling2D((3, 2)), IMAGE),
    "DepthwiseConv1D": (lambda L: L.DepthwiseConv1D(3, depth_multiplier=2), SEQUENCE),
    "DepthwiseConv2D": (
        lambda L: L.DepthwiseConv2D(3, strides=2, padding="same", depth_multiplier=2),
        IMAGE,
    ),
    "AlphaDropout": (lambda L: L.AlphaDropout(0.3, noise_shape=(None, 1, 1, 4)), IMAGE),
    "Dropout": (lambda L: L.Dropout(0.3, seed=3), IMAGE),
    "Dropout of images": (lambda L: L.Dropout(0.3, noise_shape=(None, 1, 1, 1)), IMAGE),
    "RMSNormalization": (lambda L: L.RMSNormalization(epsilon=0.01), IMAGE),
    "RMSNormalization axes": (lambda L: L.RMSNormalization((2, 3)), IMAGE),
    "ELU": (lambda L: L.ELU(0.7), IMAGE),
    "Flatten": (lambda L: L.Flatten(), IMAGE),
    "GaussianDropout": (lambda L: L.GaussianDropout(0.3), IMAGE),
    "GaussianNoise": (lambda L: L.GaussianNoise(0.3), IMAGE),
    "GlobalAveragePooling1D": (lambda L: L.GlobalAveragePooling1D(), SEQUENCE),
    "GlobalAveragePooling2D": (lambda L: L.GlobalAveragePooling2D(keepdims=True), IMAGE),
    "GlobalMaxPooling1D": (lambda L: L.GlobalMaxPooling1D(keepdims=True), SEQUENCE),
    "GlobalMaxPooling2D": (lambda L: L.GlobalMaxPooling2D(), IMAGE),
    "GroupNormalization": (lambda L: L.GroupNormalization(2), IMAGE),
    "Identity": (lambda L: L.Identity(), IMAGE),
    "LayerNormalization": (lambda L: L.LayerNormalization(epsilon=0.01), IMAGE),
    "LayerNormalization axes": (lambda L: L.LayerNormalization((1, 2, 3), scale=False), IMAGE),
    "LeakyReLU": (lambda L: L.LeakyReLU(0.2), IMAGE),
    "MaxPooling1D": (lambda L: L.MaxPooling1D(2), SEQUENCE),
    "MaxPooling2D": (lambda L: L.MaxPooling2D((2, 3), strides=(2, 1), padding="same"), IMAGE),
    "PReLU": (lambda L: L.PReLU(shared_axes=(1, 2)), IMAGE),
    "Permute": (lambda L: L.Permute((3, 1, 2)), IMAGE),
    "AutoContrast": (lambda L: L.AutoContrast((-4, 4)), PICTURE),
    "CutMix": (lambda L: L.CutMix(0.5, seed=1), PICTURE),
    "MixUp": (lambda L: L.MixUp(0.3), PICTURE),
    "RandAugment": (lambda L: L.RandAugment((0, 1), num_ops=3), PICTURE),
    "RandomColorJitter": (lambda L: L.RandomColorJitter(hue_factor=(0.1, 0.2)), PICTURE),
    # Keras 3.15 itself cannot save RandomBrightness, RandomSaturation and some others.
    "RandomContrast": (lambda L: L.RandomContrast((0.3, 0.3)), IMAGE),
    "RandomErasing": (lambda L: L.RandomErasing(fill_value=0.5), IMAGE),
    "RandomFlip": (lambda L: L.RandomFlip("horizontal"), IMAGE),
    "RandomGaussianBlur": (lambda L: L.RandomGaussianBlur(0.5, (3, 5), 0.4), IMAGE),
    "RandomGrayscale": (lambda L: L.RandomGrayscale(0.3), PICTURE),
    "RandomHue": (lambda L: L.RandomHue(0.3), PICTURE),
    "RandomInvert": (lambda L: L.RandomInvert(0.3), IMAGE),
    "RandomPerspective": (lambda L: L.RandomPerspective(0.3, 0.4), IMAGE),
    "RandomRotation": (lambda L: L.RandomRotation(0.3, fill_value=0.5), IMAGE),
    "RandomShear": (lambda L: L.RandomShear(0.3, (0.1, 0.2)), IMAGE),
    "RandomTranslation": (lambda L: L.RandomTranslation(0.1, (-0.1, 0.2)), IMAGE),
    "RandomZoom": (lambda L: L.RandomZoom(0.2, fill_mode="nearest"), IMAGE),
    "ReLU": (lambda L: L.ReLU(1.5, negative_slope=0.1, threshold=0.2), IMAGE),
    "RepeatVector": (lambda L: L.RepeatVector(3), (7,)),
    "Rescaling": (lambda L: L.Rescaling(1 / 255, offset=-0.5), IMAGE),
    "Resizing": (lambda L: L.Resizing(6, 5, crop_to_aspect_ratio=True), IMAGE),
    "Reshape": (lambda L: L.Reshape((-1, 8)), IMAGE),
    "SeparableConv1D": (lambda L: L.SeparableConv1D(3, 3, depth_multiplier=2), SEQUENCE),
    "SeparableConv2D": (
        lambda L: L.SeparableConv2D(3, 3, strides=2, padding="same", activation="relu"),
        IMAGE,
    ),
    "Softmax": (lambda L: L.Softmax(), IMAGE),
    "UnitNormalization": (lambda L: L.UnitNormalization(axis=[1, -1]), IMAGE),
    "SpatialDropout1D": (lambda L: L.SpatialDropout1D(0.3), SEQUENCE),
    "SpatialDropout2D": (lambda L: L.SpatialDropout2D(0.3), IMAGE),
    "UpSampling1D": (lambda L: L.UpSampling1D(3), SEQUENCE),
    "UpSampling2D": (lambda L: L.UpSampling2D((2, 3)), IMAGE),
    "UpSampling2D bilinear": (lambda L: L.UpSampling2D(2, interpolation="bilinear"), IMAGE),
    "ZeroPadding1D": (lambda L: L.ZeroPadding1D((1, 2)), SEQUENCE),
    "ZeroPadding2D": (lambda L: L.ZeroPadding2D(((1, 0), (2, 3))), IMAGE),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layer(keras: Any, tmp_path: Path, name: str) -> None:
    make, shape = LAYERS[name]
    layer = make(keras.layers)
    found = check(keras.Sequential([keras.Input(shape), layer]), tmp_path, shape)
    assert [one.name for one in found.layers] == [layer.name]
    assert type(found.layers[0]).__name__ == name.split()[0]


ACTIVATIONS = (
    "elu exponential gelu hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu linear "
    "log_sigmoid log_softmax mish relu relu6 selu sigmoid silu softmax softplus softsign swish tanh"
)


def test_activations(keras: Any, tmp_path: Path) -> None:
    x = keras.Input((6,))
    check(
        keras.Model(x, [keras.layers.Activation(name)(x) for name in ACTIVATIONS.split()]),
        tmp_path,
        (6,),
    )


def test_activations_that_are_layers(keras: Any, tmp_path: Path) -> None:
    L = keras.layers
    stack = [
        keras.Input(IMAGE),
        L.Conv2D(3, 3, activation=L.LeakyReLU(negative_slope=0.1), name="c"),
        L.Dense(2, activation=L.ReLU(0.5)),
    ]
    found = check(keras.Sequential(stack), tmp_path, IMAGE)
    assert [layer.name for layer in found.layers][:2] == ["c", "c_activation"]
    found.save(tmp_path / "ours")  # nothing in it is a stranger's
    load_model(tmp_path / "ours")


MERGES = ["Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract"]


def test_merging_layers_with_several_inputs_and_outputs(keras: Any, tmp_path: Path) -> None:
    x, y = keras.Input((5, 4), name="x"), keras.Input((5, 4), name="y")
    outputs = [getattr(keras.layers, name)()([x, y]) for name in MERGES]
    outputs.append(keras.layers.Concatenate(axis=1)([x, y, x]))
    outputs += [keras.layers.Dot(2)([x, y]), keras.layers.Dot((1, 1), normalize=True)([x, y])]
    check(keras.Model([x, y], outputs), tmp_path, (5, 4), (5, 4))


def test_channels_first(keras: Any, tmp_path: Path) -> None:
    L, first = keras.layers, {"data_format": "channels_first"}
    x = keras.Input((3, 12, 10))
    y = L.BatchNormalization(axis=1)(L.Conv2D(4, 3, padding="same", **first)(x))
    y = L.MaxPooling2D(2, **first)(L.ReLU()(y))
    y = L.Conv2DTranspose(3, 3, 2, padding="same", **first)(y)
    y = L.Concatenate(axis=1)([L.SeparableConv2D(5, 3, **first)(y), L.Conv2D(1, 3, **first)(y)])
    parts = [
        L.UpSampling2D(2, interpolation="bilinear", **first),
        L.AveragePooling2D(2, **first),
        L.GlobalMaxPooling2D(keepdims=True, **first),
        L.ZeroPadding2D(((1, 0), (0, 2)), **first),
        L.Cropping2D(1, **first),
        L.SpatialDropout2D(0.2, **first),
        L.Flatten(**first),
    ]
    outputs = [L.Dense(3)(L.Flatten()(y)), *(part(y) for part in parts)]
    check(keras.Model(x, outputs), tmp_path, (3, 12, 10))


def test_inputs_and_outputs_by_name(keras: Any, tmp_path: Path) -> None:
    x = keras.Input((4,), name="x")
    outputs = {"one": keras.layers.Dense(2)(x), "other": keras.layers.ReLU()(x)}
    check(keras.Model(x, outputs), tmp_path, (4,))


def test_arithmetic_of_values(keras: Any, tmp_path: Path) -> None:
    x = keras.Input((5, 4))
    y = keras.layers.Dense(4)(x)
    outputs = [x + y, x - y, x * y, x + 2, 3 - x, x - 0.5, 0.25 * y, x / 4]
    outputs += [keras.ops.relu(y), keras.ops.sigmoid(x), keras.ops.softmax(y), keras.ops.silu(x)]
    outputs += [keras.ops.maximum(x, y)]
    outputs += [keras.ops.elu(x, alpha=0.5), keras.ops.leaky_relu(x, 0.4), keras.ops.celu(y, 2)]
    outputs += [keras.ops.softmax(x, axis=1), keras.ops.gelu(x), keras.ops.gelu(x, False)]
    outputs += [keras.ops.hard_shrink(x), keras.ops.soft_shrink(x, 0.2), keras.ops.squareplus(x)]
    outputs += [keras.ops.tanh_shrink(x), keras.ops.threshold(x, 0.5, -1.0), keras.ops.hard_tanh(x)]
    outputs += [keras.layers.Softmax(axis=1)(x), keras.layers.Activation("celu")(x)]
    model = keras.Model(x, outputs)
    spread(model)
    model.save(tmp_path / "model.keras")  # Keras 3 cannot load the .h5 of these itself
    assert_alike(load_model(tmp_path / "model.keras"), model, (5, 4))


@pytest.mark.parametrize(
    ("name", "make"),
    {
        "Elu": lambda ops, x: ops.elu(x, alpha=-0.5),
        "Glu": lambda ops, x: ops.glu(x),
        "Divide": lambda ops, x: 1 / x,
        "Maximum": lambda ops, x: ops.maximum(x, 0.5),
        "Subtract": lambda ops, x: x - np.ones(4, np.float32),
    }.items(),
)
def test_arithmetic_that_cnnx_has_not(
    keras: Any, tmp_path: Path, name: str, make: Callable[[Any, Any], Any]
) -> None:
    x = keras.Input((5, 4))
    with silence():
        keras.Model(x, make(keras.ops, x)).save(tmp_path / "model.keras")
    with pytest.raises(ValueError, match=f"has not what these are: [A-Za-z]*{name} '"):
        load_model(tmp_path / "model.keras")


def residual(keras: Any, name: str | None = None) -> Any:
    L = keras.layers
    x = keras.Input((8, 8, 4))
    y = L.BatchNormalization()(L.Conv2D(4, 3, padding="same")(x))
    y = L.add([L.Conv2D(4, 1)(x), L.ReLU()(y)])
    return keras.Model(x, L.SeparableConv2D(4, 3, padding="same")(y), name=name)


def nested(keras: Any) -> Any:
    """Return a network with models in models, one of them twice and one frozen."""
    L = keras.layers
    shared, dense = residual(keras, "shared"), L.Dense(3, name="head")
    inner = keras.Sequential(
        [keras.Input((8, 8, 4)), L.BatchNormalization(), residual(keras, "deep"), L.Dropout(0.2)]
    )
    for layer in inner.layers[1].layers:
        layer.trainable = "batch" not in layer.name
    x, y = keras.Input((8, 8, 4)), keras.Input((8, 8, 4))
    one, other = shared(x), shared(inner(y, training=False))
    pooled = [L.GlobalAveragePooling2D()(value) for value in (one, other, x)]
    outputs = [dense(pooled[0]), dense(pooled[1]), L.Dense(2)(L.concatenate(pooled))]
    return keras.Model([x, y], outputs)


def test_models_in_models_and_shared_layers(keras: Any, tmp_path: Path) -> None:
    found = check(nested(keras), tmp_path, (8, 8, 4), (8, 8, 4))
    assert [layer.name for layer in found.leaves()].count("head") == 1


def test_a_frozen_model_in_a_model(keras: Any, tmp_path: Path) -> None:
    body = residual(keras)
    body.trainable = False
    model = keras.Sequential([keras.Input((8, 8, 4)), body, keras.layers.Flatten()])
    found = check(model, tmp_path, (8, 8, 4))
    assert found.layers[0].trainable_weights == []


def random_network(keras: Any, seed: int) -> Any:
    """Return a network of random layers, each of which reads one or two values before it."""
    L, choose = keras.layers, np.random.default_rng(seed)
    values = [keras.Input((8, 8, 4))]
    first = values[0]
    kinds = [
        lambda: L.Conv2D(4, int(choose.integers(1, 4)), padding="same", activation="relu"),
        lambda: L.DepthwiseConv2D(3, padding="same", dilation_rate=int(choose.integers(1, 3))),
        lambda: L.SeparableConv2D(4, 3, padding="same", use_bias=bool(choose.integers(2))),
        lambda: L.Conv2DTranspose(4, 3, padding="same"),
        lambda: L.BatchNormalization(scale=bool(choose.integers(2))),
        lambda: L.LayerNormalization(),
        lambda: L.GroupNormalization(2),
        lambda: L.PReLU(shared_axes=(1, 2)),
        lambda: L.MaxPooling2D(3, strides=1, padding="same"),
        lambda: L.Dense(4),
        lambda: L.SpatialDropout2D(0.2),
    ]
    for _ in range(10):
        source = values[choose.integers(len(values))]
        if choose.random() < 0.3:
            other = values[choose.integers(len(values))]
            values.append([L.Add, L.Multiply, L.Maximum][choose.integers(3)]()([source, other]))
        else:
            values.append(kinds[choose.integers(len(kinds))]()(source))
    last = L.GlobalAveragePooling2D()(L.concatenate(values[-3:]))
    return keras.Model(first, [L.Dense(3, activation="softmax")(last), values[-1]])


@pytest.mark.parametrize("seed", range(4))
def test_random_networks(keras: Any, tmp_path: Path, seed: int) -> None:
    check(random_network(keras, seed), tmp_path, (8, 8, 4), seed=seed)


def test_weights_into_a_twin(keras: Any, tmp_path: Path) -> None:
    """A network of ours that is written as Keras' takes the weights of any file of that."""
    theirs, ours = nested(keras), nested(cnnx)
    spread(theirs)
    with silence():
        theirs.save_weights(tmp_path / "only.weights.h5")
        theirs.save(tmp_path / "whole.h5")
        theirs.save(tmp_path / "whole.keras")
    wanted = predicted(theirs, (8, 8, 4), (8, 8, 4))
    for name in ("only.weights.h5", "whole.h5", "whole.keras"):
        before = ours.get_weights()
        ours.set_weights([np.zeros_like(values) for values in before])
        ours.load_weights(tmp_path / name)
        assert_predicts(ours, wanted, (8, 8, 4), (8, 8, 4))


@pytest.mark.parametrize("seed", range(4))
def test_weights_into_random_twins(keras: Any, tmp_path: Path, seed: int) -> None:
    theirs, ours = random_network(keras, seed), random_network(cnnx, seed)
    spread(theirs)
    theirs.save_weights(tmp_path / "only.weights.h5")
    ours.load_weights(tmp_path / "only.weights.h5")
    assert_alike(ours, theirs, (8, 8, 4))


def two_layers(library: Any, units: int, first: str = "first", second: str = "second") -> Any:
    L = library.layers
    return library.Sequential(
        [library.Input((3,)), L.Dense(4, name=first), L.Dense(units, name=second)]
    )


@pytest.mark.parametrize("name", ["two.weights.h5", "two.h5"])
def test_weights_by_name_and_mismatches(keras: Any, tmp_path: Path, name: str) -> None:
    theirs = two_layers(keras, 2)
    spread(theirs)
    with silence():
        theirs.save_weights(tmp_path / name) if "weights" in name else theirs.save(tmp_path / name)
    values = theirs.get_weights()

    ours = two_layers(cnnx, 2, "second", "other")  # 'second' needs what 'first' has
    kept = ours.get_weights()
    with pytest.raises(ValueError, match=r"shape \(4, 2\), but second/kernel has \(3, 4\)"):
        ours.load_weights(tmp_path / name, by_name=True)
    for one, other in zip(ours.get_weights(), kept, strict=True):
        np.testing.assert_array_equal(one, other)

    ours = two_layers(cnnx, 5, "a", "second")
    kept = ours.get_weights()
    with pytest.raises(ValueError, match=rf"{name}: load_weights: .*second"):
        ours.load_weights(tmp_path / name)
    with pytest.warns(UserWarning, match="left as they are: .*second"):
        ours.load_weights(tmp_path / name, skip_mismatch=True)
    for found, wanted in zip(ours.get_weights(), [*values[:2], *kept[2:]], strict=True):
        np.testing.assert_array_equal(found, wanted)

    ours = two_layers(cnnx, 2, "a", "second")
    kept = ours.get_weights()
    ours.load_weights(tmp_path / name, by_name=True)
    for found, wanted in zip(ours.get_weights(), [*kept[:2], *values[2:]], strict=True):
        np.testing.assert_array_equal(found, wanted)
    with pytest.raises(ValueError, match="none of the model's layers"):
        two_layers(cnnx, 2, "a", "b").load_weights(tmp_path / name, by_name=True)


def dense(keras: Any) -> Any:
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, activation="softmax")])


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


def test_everything_that_cnnx_has_not_is_named_at_once(keras: Any, tmp_path: Path) -> None:
    L = keras.layers
    with silence():
        x = keras.Input((6, 4), name="x")
        y = L.Masking(name="m")(L.SpectralNormalization(L.Dense(4), name="l")(x))
        y = L.Conv1D(2, 2, name="c")(L.Dense(4, dtype="float16")(y))
        y = L.Dense(3, activation="glu", name="glu")(y)
        y = L.Lambda(lambda v: v + 1, name="code")(y)
        y = L.TimeDistributed(L.Dense(2), name="t")(y)
        model = keras.Model(x, keras.ops.sin(y))
    for name in ("model.h5", "model.keras"):
        with silence():
            model.save(tmp_path / name)
        with pytest.raises(ValueError, match=f"{name}: holds no model that can be loaded") as error:
            load_model(tmp_path / name)
        for part in (
            "SpectralNormalization 'l': layers within layers",
            "Masking 'm': cnnx has no",
            "dtype='float16': cnnx computes in float32",
            "Dense 'glu': ",
            "Lambda 'code': it holds code, and nothing in a file is run",
            "TimeDistributed 't': ",
            "Sin 'sin': ",
        ):
            assert part in str(error.value)


@pytest.mark.parametrize("given", [True, False], ids=["given", "learned"])
def test_normalization_of_channels(keras: Any, tmp_path: Path, given: bool) -> None:
    L = keras.layers
    numbers = {"mean": [0.1, 0.2, 0.3, 0.4], "variance": [0.5, 2.0, 0.0, 1.0]} if given else {}
    normalization = L.Normalization(axis=-1, **numbers)
    scales = L.Rescaling([0.5, 1.0, 2.0, 3.0], offset=[1.0, 2.0, 3.0, 4.0])
    if not given:
        normalization.adapt(np.random.default_rng(1).uniform(-2, 9, (5, *IMAGE)))
    stack = [keras.Input(IMAGE), L.Rescaling(0.1), normalization, scales, L.Conv2D(2, 3)]
    model = keras.Sequential(stack)
    wanted = predicted(model, IMAGE)
    for name in ("model.h5", "model.keras"):
        with silence():
            model.save(tmp_path / name)
        found = load_model(tmp_path / name)
        assert_predicts(found, wanted, IMAGE)
        assert len(found.trainable_weights) == 2
        found.layers[-1].set_weights([np.zeros((3, 3, 4, 2)), np.zeros(2)])
        found.load_weights(tmp_path / name)
        assert_predicts(found, wanted, IMAGE)
    found.save(tmp_path / "ours")
    assert_predicts(load_model(tmp_path / "ours"), wanted, IMAGE)


def test_layers_of_your_own(keras: Any, tmp_path: Path) -> None:
    class Twice(keras.layers.Layer):
        def build(self, shape: Any) -> None:
            self.scale = self.add_weight(shape=(shape[-1],), initializer="ones", name="scale")

        def call(self, x: Any) -> Any:
            return 2 * x * self.scale

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), Twice(name="twice")])
    spread(model)
    model.save(tmp_path / "model.keras")
    with pytest.raises(ValueError, match=r"Twice 'twice': cnnx has no .*custom_objects"):
        load_model(tmp_path / "model.keras")

    class OurTwice(cnnx.layers.Layer):
        def build(self, shape: Any) -> None:
            self.scale = self.add_weight("scale", (shape[-1],))

        def forward(self, call: Any, x: Any) -> Any:
            return 2 * x * self.scale.value

    ours = load_model(tmp_path / "model.keras", custom_objects={"Twice": OurTwice})
    assert type(ours.layers[-1]) is OurTwice
    assert_alike(ours, model, (3,))


def test_models_without_a_size(keras: Any, tmp_path: Path) -> None:
    L = keras.layers
    unbuilt = keras.Sequential([L.Conv2D(2, 3), L.Flatten(), L.Dense(2)])
    with silence():
        unbuilt.save(tmp_path / "model.keras")
    assert not load_model(tmp_path / "model.keras").built
    built = keras.Sequential([L.Conv2D(2, 3), L.Flatten(), L.Dense(2)])
    built.build((None, *IMAGE))
    check(built, tmp_path, IMAGE)
    image = keras.Input((None, None, 3))
    x = L.Conv2D(4, 3, padding="same", activation="relu")(image)
    x = L.UpSampling2D()(L.MaxPooling2D()(x))
    open_size = keras.Model(image, L.Dense(2)(L.Concatenate()([x, image])))
    found = check(open_size, tmp_path, (8, 10, 3))
    assert found.input_shape == found.layers[0].input_shape == (None, None, None, 3)
    assert_alike(found, open_size, (6, 12, 3))
    signals = keras.Sequential([keras.Input((None, 3)), L.Conv1D(2, 3), L.GlobalMaxPooling1D()])
    assert_alike(check(signals, tmp_path, (9, 3)), signals, (20, 3))


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
