"""Networks whose inputs leave sizes open compute what those of one size compute."""

from __future__ import annotations

import copy
import pickle
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cnnx
from cnnx import applications, callbacks, explain, layers, losses, metrics, random
from cnnx.graph.latest import Latest
from cnnx.graph.open_plan import MOST_SIZES, OpenPlan
from cnnx.models import clone_model, load_model, model_from_json

OPEN, SIGNAL = (None, None, 3), (None, 3)
SIZES = [(12, 9), (17, 20), (12, 20)]


def images(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)


def labels(*shape: int, classes: int = 4, seed: int = 1) -> Any:
    return np.random.default_rng(seed).integers(0, classes, shape)


# --- networks -------------------------------------------------------------------------------------


def classifier(shape: Sequence[int | None] = OPEN) -> cnnx.Model:
    return cnnx.Sequential(
        [
            cnnx.Input(shape),
            layers.Conv2D(6, 3, activation="relu"),
            layers.MaxPooling2D(padding="same"),
            layers.BatchNormalization(),
            layers.DepthwiseConv2D(3, padding="same", activation="relu6"),
            layers.Conv2D(5, 1, activation="tanh"),
            layers.SpatialDropout2D(0.2, seed=3),
            layers.GlobalAveragePooling2D(),
            layers.Dense(4, activation="softmax"),
        ],
        name="classifier",
    )


def segmenter(shape: Sequence[int | None] = OPEN) -> cnnx.Model:
    """Return a small U-Net, which pads images of odd sizes before it halves them."""
    image = cnnx.Input(shape)
    first = layers.Conv2D(4, 3, padding="same", activation="relu")(image)
    x = layers.MaxPooling2D()(first)
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(x)
    x = layers.BatchNormalization()(x)
    x = layers.Conv2DTranspose(4, 2, strides=2)(x)
    x = layers.Concatenate()([x, first])
    gate = layers.Dense(8, activation="sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(x))
    x = layers.Multiply()([x, gate])
    return cnnx.Model(image, layers.Conv2D(3, 1, activation="softmax")(x), name="segmenter")


def signals(shape: Sequence[int | None] = SIGNAL) -> cnnx.Model:
    return cnnx.Sequential(
        [
            cnnx.Input(shape),
            layers.Conv1D(5, 3, padding="causal", activation="relu"),
            layers.MaxPooling1D(2),
            layers.SeparableConv1D(4, 3, padding="same"),
            layers.LayerNormalization(),
            layers.GlobalMaxPooling1D(),
            layers.Dense(2),
        ]
    )


def channels_first(shape: Sequence[int | None] = (3, None, None)) -> cnnx.Model:
    """Return a network whose images have their channels first."""
    layout = {"data_format": "channels_first"}
    image = cnnx.Input(shape)
    first = layers.Conv2D(4, 3, padding="same", activation="relu", **layout)(image)
    x = layers.BatchNormalization(axis=1)(layers.MaxPooling2D(**layout)(first))
    x = layers.Concatenate(axis=1)([layers.UpSampling2D(**layout)(x), first])
    x = layers.GlobalAveragePooling2D(**layout)(x)
    return cnnx.Model(image, layers.Dense(4, activation="softmax")(x))


def twin(build: Callable[..., cnnx.Model], model: cnnx.Model, shape: Sequence[int]) -> cnnx.Model:
    """Return the network of one size with the weights of another."""
    fixed = build(shape)
    fixed.set_weights(model.get_weights())
    return fixed


def assert_same(one: Any, other: Any) -> None:
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


CASES = [
    (classifier, [(12, 9, 3), (17, 20, 3), (12, 20, 3)]),
    (segmenter, [(12, 8, 3), (16, 20, 3), (12, 20, 3)]),
    (signals, [(11, 3), (24, 3), (8, 3)]),
    (channels_first, [(3, 12, 8), (3, 6, 20), (3, 12, 20)]),
]


@pytest.mark.parametrize(("build", "sizes"), CASES)
def test_a_network_predicts_as_those_of_one_size(
    build: Callable[..., cnnx.Model], sizes: list[tuple[int, ...]]
) -> None:
    model = build()
    for number, size in enumerate([*sizes, sizes[0]]):
        fixed = twin(build, model, size)
        x = images(5, *size, seed=number)
        assert_same([model.predict(x, batch_size=3, verbose=0)], [fixed.predict(x, 3, verbose=0)])
        assert_same([model(x)], [fixed(x)])
        assert_same([model.predict_on_batch(x[:2])], [fixed.predict_on_batch(x[:2])])
        assert model.predict(x[:0], verbose=0).shape == fixed.predict(x[:0], verbose=0).shape


@pytest.mark.parametrize(("build", "sizes"), CASES)
def test_a_network_trains_as_those_of_one_size(
    build: Callable[..., cnnx.Model], sizes: list[tuple[int, ...]]
) -> None:
    """Steps of several sizes in turn: each is that of a network of its size with the same state."""
    model = build()
    loss = "mse" if build is signals else "sparse_categorical_crossentropy"
    model.compile("adam", loss, [] if build is signals else ["accuracy"])
    state: Any = None
    for number, size in enumerate([*sizes, *sizes[:2]]):
        x = images(4, *size, seed=number)
        y = images(4, 2, seed=9) if build is signals else labels(4, classes=3, seed=number)
        y = labels(4, *size[:2], classes=3, seed=number) if build is segmenter else y
        fixed = twin(build, model, size)
        fixed.compile("adam", loss, [] if build is signals else ["accuracy"])
        if state is not None:
            fixed.set_optimizer_state(state)
        random.set_seed(number)
        for layer, other in zip(model.leaves(), fixed.leaves(), strict=True):
            if hasattr(layer, "random_state"):
                other.random_state = layer.random_state
        assert model.test_on_batch(x, y) == fixed.test_on_batch(x, y)
        gradients = fixed.gradients(x, y)
        for layer, other in zip(model.leaves(), fixed.leaves(), strict=True):
            if hasattr(layer, "random_state"):
                other.random_state = layer.random_state
        assert_same(model.gradients(x, y).values(), gradients.values())
        for layer, other in zip(model.leaves(), fixed.leaves(), strict=True):
            if hasattr(layer, "random_state"):
                other.random_state = layer.random_state
        assert model.train_on_batch(x, y) == fixed.train_on_batch(x, y)
        assert_same(model.get_weights(), fixed.get_weights())
        state = model.compiled_optimizer.get_state()


def mapper(shape: Sequence[int | None] = OPEN, units: int = 3, end: Any = "softmax") -> cnnx.Model:
    """Return a network of maps whose regularizers see outputs, too."""
    image = cnnx.Input(shape)
    x = layers.Conv2D(4, 3, padding="same", activity_regularizer="l2", kernel_regularizer="l1")(
        image
    )
    return cnnx.Model(image, layers.Conv2D(units, 1, activation=end)(layers.ReLU()(x)))


def classes(*shape: int) -> Any:
    return labels(*shape, classes=3)


def one_hot(*shape: int) -> Any:
    return np.eye(3, dtype=np.float32)[classes(*shape)]


def yes_or_no(*shape: int) -> Any:
    return labels(*shape, 1, classes=2)


@pytest.mark.parametrize(
    ("loss", "metric", "units", "end", "targets"),
    [
        ("sparse_categorical_crossentropy", "accuracy", 3, "softmax", classes),
        (losses.SparseCategoricalCrossentropy(ignore_class=0), "accuracy", 3, "softmax", classes),
        (losses.CategoricalCrossentropy(from_logits=True), "accuracy", 3, None, one_hot),
        ("binary_crossentropy", metrics.BinaryIoU(), 1, "sigmoid", yes_or_no),
        ("dice", metrics.AUC(), 1, "sigmoid", yes_or_no),
        ("mse", "mae", 3, None, one_hot),
    ],
)
def test_losses_and_metrics_of_maps(
    loss: Any, metric: Any, units: int, end: Any, targets: Callable[..., Any]
) -> None:
    model = mapper(OPEN, units, end)
    for number, size in enumerate([(6, 8), (5, 9), (6, 8)]):
        fixed = twin(lambda shape: mapper(shape, units, end), model, (*size, 3))
        x, y = images(4, *size, 3, seed=number), targets(4, *size)
        for weights in (None, *([images(4, *size) ** 2] if loss != "dice" else [])):
            found = []
            for one in (model, fixed):
                if one.optimizer is None:
                    one.compile("sgd", loss, [metric])
                found.append(
                    [one.test_on_batch(x, y, weights), *one.gradients(x, y, weights).values()]
                )
            assert_same(*found)
        figures = [one.train_on_batch(x, y) for one in (model, fixed)]
        assert figures[0] == figures[1]
        assert_same(model.get_weights(), fixed.get_weights())


@settings(max_examples=12)
@given(
    st.lists(
        st.tuples(st.integers(1, 4), st.integers(3, 24), st.integers(3, 24)),
        min_size=1,
        max_size=12,
    )
)
def test_any_sequence_of_sizes(shapes: list[tuple[int, int, int]]) -> None:
    model = classifier()
    for rows, height, width in shapes:
        x = images(rows, height, width, 3, seed=height)
        assert_same([model.predict_on_batch(x)], [twin(classifier, model, x.shape[1:])(x)])


# --- layers ---------------------------------------------------------------------------------------

L = layers
LAYERS: dict[str, tuple[Callable[[], Any], tuple[int | None, ...]]] = {
    "Activation": (lambda: L.Activation("relu"), OPEN),
    "ActivityRegularization": (lambda: L.ActivityRegularization(l2=0.1), OPEN),
    "Affine": (L.Affine, OPEN),
    "AdaptiveAveragePooling1D": (lambda: L.AdaptiveAveragePooling1D(4), SIGNAL),
    "AdaptiveAveragePooling2D": (lambda: L.AdaptiveAveragePooling2D((4, 3)), OPEN),
    "AdaptiveMaxPooling1D": (lambda: L.AdaptiveMaxPooling1D(4), SIGNAL),
    "AdaptiveMaxPooling2D": (lambda: L.AdaptiveMaxPooling2D((4, 3)), OPEN),
    "AlphaDropout": (lambda: L.AlphaDropout(0.5), OPEN),
    "ArgMax": (L.ArgMax, OPEN),
    "AutoContrast": (L.AutoContrast, OPEN),
    "AveragePooling1D": (lambda: L.AveragePooling1D(3, 2, "same"), SIGNAL),
    "AveragePooling2D": (lambda: L.AveragePooling2D(3, 2, padding=1), OPEN),
    "BatchNormalization": (L.BatchNormalization, OPEN),
    "CenterCrop": (lambda: L.CenterCrop(5, 6), OPEN),
    "Clip": (lambda: L.Clip(-0.5, 0.5), OPEN),
    "Conv1D": (lambda: L.Conv1D(4, 3, padding="causal", dilation_rate=2), SIGNAL),
    "Conv1DTranspose": (lambda: L.Conv1DTranspose(4, 3, 2, "same"), SIGNAL),
    "Conv2D": (lambda: L.Conv2D(4, 3, 2, "same"), OPEN),
    "Conv2DTranspose": (lambda: L.Conv2DTranspose(4, 3, 2, "valid"), OPEN),
    "Cropping1D": (lambda: L.Cropping1D((1, 2)), SIGNAL),
    "Cropping2D": (lambda: L.Cropping2D(((1, 2), (0, 1))), OPEN),
    "CutMix": (L.CutMix, OPEN),
    "Dense": (lambda: L.Dense(4), OPEN),
    "DepthwiseConv1D": (lambda: L.DepthwiseConv1D(3, depth_multiplier=2), SIGNAL),
    "DepthwiseConv2D": (lambda: L.DepthwiseConv2D(3, padding="same"), OPEN),
    "Dropout": (lambda: L.Dropout(0.5), OPEN),
    "ELU": (L.ELU, OPEN),
    "Elementary": (lambda: L.Elementary("abs"), OPEN),
    "Equalization": (L.Equalization, OPEN),
    "Flatten": (L.Flatten, OPEN),
    "GaussianDropout": (lambda: L.GaussianDropout(0.5), OPEN),
    "GaussianNoise": (lambda: L.GaussianNoise(0.5), OPEN),
    "GlobalAveragePooling1D": (L.GlobalAveragePooling1D, SIGNAL),
    "GlobalAveragePooling2D": (L.GlobalAveragePooling2D, OPEN),
    "GlobalMaxPooling1D": (L.GlobalMaxPooling1D, SIGNAL),
    "GlobalMaxPooling2D": (lambda: L.GlobalMaxPooling2D(keepdims=True), OPEN),
    "GroupNormalization": (lambda: L.GroupNormalization(3), OPEN),
    "Identity": (L.Identity, OPEN),
    "LayerNormalization": (L.LayerNormalization, OPEN),
    "LeakyReLU": (L.LeakyReLU, OPEN),
    "LocalResponseNormalization": (L.LocalResponseNormalization, OPEN),
    "MaxPooling1D": (lambda: L.MaxPooling1D(2), SIGNAL),
    "MaxPooling2D": (lambda: L.MaxPooling2D(3, 2), OPEN),
    "MixUp": (L.MixUp, OPEN),
    "Normalization": (lambda: L.Normalization(mean=[1, 2, 3], variance=[1, 2, 4]), OPEN),
    "PReLU": (lambda: L.PReLU(shared_axes=(1, 2)), OPEN),
    "Padding": (lambda: L.Padding(((1, 2), (0, 1), (0, 0)), "reflect"), OPEN),
    "Permute": (lambda: L.Permute((2, 1, 3)), OPEN),
    "Power": (lambda: L.Power(2), OPEN),
    "Quantization": (lambda: L.Quantization(0.1), OPEN),
    "SpectralNormalization": (lambda: L.SpectralNormalization(L.Conv2D(2, 3)), OPEN),
    "RMSNormalization": (L.RMSNormalization, OPEN),
    "RandAugment": (L.RandAugment, OPEN),
    "RandomBrightness": (lambda: L.RandomBrightness(0.2), OPEN),
    "RandomColorDegeneration": (lambda: L.RandomColorDegeneration(0.5), OPEN),
    "RandomColorJitter": (lambda: L.RandomColorJitter(brightness_factor=0.2), OPEN),
    "RandomContrast": (lambda: L.RandomContrast(0.2), OPEN),
    "RandomCrop": (lambda: L.RandomCrop(5, 6), OPEN),
    "RandomErasing": (L.RandomErasing, OPEN),
    "RandomFlip": (L.RandomFlip, OPEN),
    "RandomGaussianBlur": (L.RandomGaussianBlur, OPEN),
    "RandomGrayscale": (L.RandomGrayscale, OPEN),
    "RandomHue": (lambda: L.RandomHue(0.2), OPEN),
    "RandomInvert": (L.RandomInvert, OPEN),
    "RandomPerspective": (L.RandomPerspective, OPEN),
    "RandomPosterization": (lambda: L.RandomPosterization(4), OPEN),
    "RandomRotation": (lambda: L.RandomRotation(0.2), OPEN),
    "RandomSaturation": (lambda: L.RandomSaturation(0.4), OPEN),
    "RandomSharpness": (lambda: L.RandomSharpness(0.5), OPEN),
    "RandomShear": (lambda: L.RandomShear(0.2, 0.2), OPEN),
    "RandomTranslation": (lambda: L.RandomTranslation(0.2, 0.2), OPEN),
    "RandomZoom": (lambda: L.RandomZoom(0.2), OPEN),
    "ReLU": (L.ReLU, OPEN),
    "Reduction": (lambda: L.Reduction("mean", (1, 2)), OPEN),
    "Resampling": (lambda: L.Resampling((7, 5), "linear"), OPEN),
    "Rescaling": (lambda: L.Rescaling(1 / 255), OPEN),
    "Reshape": (lambda: L.Reshape((-1, 3)), OPEN),
    "Resizing": (lambda: L.Resizing(7, 5), OPEN),
    "SeparableConv1D": (lambda: L.SeparableConv1D(4, 3), SIGNAL),
    "SeparableConv2D": (lambda: L.SeparableConv2D(4, 3, padding="same"), OPEN),
    "Softmax": (L.Softmax, OPEN),
    "Solarization": (lambda: L.Solarization(0.1, 0.1), OPEN),
    "SpatialDropout1D": (lambda: L.SpatialDropout1D(0.5), SIGNAL),
    "SpatialDropout2D": (lambda: L.SpatialDropout2D(0.5), OPEN),
    "SumPooling2D": (L.SumPooling2D, OPEN),
    "Take": (lambda: L.Take([2, 0], axis=1), OPEN),
    "Tile": (lambda: L.Tile((2, 1, 1)), OPEN),
    "UnitNormalization": (L.UnitNormalization, OPEN),
    "UpSampling1D": (L.UpSampling1D, SIGNAL),
    "UpSampling2D": (lambda: L.UpSampling2D(interpolation="bilinear"), OPEN),
    "WeightedAveragePooling2D": (L.WeightedAveragePooling2D, OPEN),
    "ZeroPadding1D": (L.ZeroPadding1D, SIGNAL),
    "ZeroPadding2D": (L.ZeroPadding2D, OPEN),
    "RepeatVector": (lambda: L.RepeatVector(3), (None,)),
}
"""Each layer of one input, and what it is used on."""

MERGING = {
    "Add": L.Add,
    "Average": L.Average,
    "Concatenate": L.Concatenate,
    "Divide": L.Divide,
    "Dot": lambda: L.Dot(1),
    "Maximum": L.Maximum,
    "Minimum": L.Minimum,
    "Multiply": L.Multiply,
    "Select": L.Select,
    "Subtract": L.Subtract,
    "MatMul": L.MatMul,
}


def sized(shape: Sequence[int | None], *extents: int) -> tuple[int, ...]:
    left = iter(extents)
    return tuple(next(left) if extent is None else extent for extent in shape)


def test_every_layer_is_here() -> None:
    assert {*LAYERS, *MERGING, "InputLayer"} == set(layers.LAYERS)


def agrees(shape: Sequence[int], expected: Sequence[int | None]) -> bool:
    return len(shape) == len(expected) and all(
        wanted in (None, extent) for extent, wanted in zip(shape[1:], expected[1:], strict=True)
    )


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_computes_what_it_does_at_one_size(name: str) -> None:
    make, shape = LAYERS[name]
    model = cnnx.Sequential([cnnx.Input(shape), make()])
    for number, extents in enumerate(((12, 10), (9, 13))):
        size = sized(shape, *extents)
        fixed = cnnx.Sequential([cnnx.Input(size), make()])
        fixed.set_weights(model.get_weights())
        x = images(2, *size, seed=number)
        found = model.predict_on_batch(x)
        np.testing.assert_array_equal(found, fixed.predict_on_batch(x))
        assert agrees(found.shape, model.output_shape)
        results = []
        for one in (model, fixed):
            random.set_seed(5)
            results.append(one.forward(x, training=True))
        np.testing.assert_array_equal(*results)


@pytest.mark.parametrize("name", MERGING)
def test_values_of_open_sizes_are_merged(name: str) -> None:
    count = 3 if name == "Select" else 2

    def build(size: Sequence[int | None]) -> cnnx.Model:
        inputs = [cnnx.Input(size, name=f"i{number}") for number in range(count)]
        value = MERGING[name]()(inputs)
        return cnnx.Model(inputs, value)

    is_product = name in ("Dot", "MatMul")
    model = build(OPEN[:2] if is_product else OPEN)
    for extents in ((6, 6), (9, 9)):
        size = extents if is_product else (*extents, 3)
        x = [images(2, *size, seed=number) for number in range(count)]
        found = model.predict_on_batch(x)
        np.testing.assert_array_equal(found, build(size).predict_on_batch(x))
        assert agrees(found.shape, model.output_shape)


def test_shapes_of_merged_values() -> None:
    a, b = cnnx.Input((None, 8, 3)), cnnx.Input((5, None, 1))
    assert layers.Add()([a, b]).shape == (None, 5, 8, 3)
    assert layers.Multiply()([a, cnnx.Input((1, 1, 3))]).shape == (None, None, 8, 3)
    assert layers.Concatenate()([a, b]).shape == (None, 5, 8, 4)
    assert layers.Concatenate(axis=1)([a, cnnx.Input((4, 8, 3))]).shape == (None, None, 8, 3)
    with pytest.raises(ValueError, match="do not fit each other"):
        layers.Add()([a, cnnx.Input((None, 7, 3))])
    with pytest.raises(ValueError, match="must agree but for axis -1"):
        layers.Concatenate()([a, cnnx.Input((None, 7, 3))])


# --- what cannot be -------------------------------------------------------------------------------


class Shifted(layers.Layer):
    """A layer of a user's, with a weight for each channel."""

    def build(self, input_shape: Any) -> None:
        self.shift = self.add_weight("shift", (input_shape[-1],), "ones")

    def forward(self, call: Any, x: Any) -> Any:
        return x + self.shift.value

    def backward(self, call: Any, dy: Any) -> Any:
        if (gradient := call.gradient(self.shift)) is not None:
            gradient[...] = dy.sum(axis=(0, 1, 2))
        return dy


def test_layers_of_a_users_own() -> None:
    model = cnnx.Sequential([cnnx.Input(OPEN), Shifted(), L.GlobalAveragePooling2D()])
    model.compile("sgd", "mse")
    for size in SIZES:
        x = images(3, *size, 3)
        np.testing.assert_allclose(
            model.predict(x, verbose=0), (x + model.get_weights()[0]).mean((1, 2)), atol=1e-6
        )
        model.train_on_batch(x, np.zeros((3, 3)))


class Halving(layers.Layer):
    """A layer of a user's that works its shape out from numbers."""

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (input_shape[0], input_shape[1] // 2, *input_shape[2:])


REMEDY = "put a global pooling such as GlobalAveragePooling2D before it, or give cnnx.Input a fixed"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: [L.Flatten(), L.Dense(3, name="head")], rf"'head' makes its kernel .*{REMEDY}"),
        (lambda: [L.Reshape((6, 6), name="r")], rf"'r' gives samples a fixed shape.*{REMEDY}"),
        (lambda: [L.PReLU(name="p")], r"'p' has a slope.*\(1, 2\).* or give cnnx.Input"),
        (lambda: [L.Conv2D(2, 3, bias="untied", name="c")], r"'c' has a bias.*bias='tied'"),
        (lambda: [L.LayerNormalization((1, 2), name="n")], r"'n' makes its gamma of shape \(None"),
        (lambda: [Halving(name="own")], rf"'own' works out its shapes .*{REMEDY}"),
    ],
)
def test_what_needs_a_size_says_so_when_built(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cnnx.Sequential([cnnx.Input(OPEN), *make()])


def test_channels_left_open_are_refused() -> None:
    with pytest.raises(ValueError, match=r"Conv2D 'c' .*\(None, 8, 8, None\) leaves a size open"):
        L.Conv2D(2, 3, name="c")(cnnx.Input((8, 8, None)))


def test_images_that_do_not_fit_are_named() -> None:
    model = classifier()
    with pytest.raises(ValueError, match=r"Conv2D 'conv2d.*does not fit the 2x9 input"):
        model.predict(images(1, 2, 9, 3), verbose=0)
    with pytest.raises(ValueError, match=r"shape \(batch, None, None, 3\), got \(1, 9, 9, 4\)"):
        model.predict(images(1, 9, 9, 4), verbose=0)
    unet = segmenter()
    with pytest.raises(ValueError, match=r"Concatenate 'concatenate.*shapes must agree"):
        unet.predict(images(1, 9, 8, 3), verbose=0)
    unet.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match=r"outputs of shape \(2, 8, 8, 3\), got \(2, 8, 6\)"):
        unet.fit(images(2, 8, 8, 3), labels(2, 8, 6, classes=3), verbose=0)
    assert unet.predict(images(1, 8, 8, 3), verbose=0).shape == (1, 8, 8, 3)


def test_outputs_of_several_sizes_are_no_array() -> None:
    with pytest.raises(ValueError, match="call predict_on_batch for each"):
        segmenter().predict((images(2, *size, 3) for size in [(8, 8), (8, 10)]), verbose=0)


# --- whole data sets ------------------------------------------------------------------------------


class Batches:
    """A data set of batches of several sizes, with or without weights of samples."""

    def __init__(self, weighted: bool = False, maps: bool = False) -> None:
        self.weighted = weighted
        self.maps = maps

    def __iter__(self) -> Iterator[Any]:
        for number, size in enumerate([(12, 8), (16, 20), (12, 20), (12, 8)]):
            count = 3 + number
            y = labels(count, *(size if self.maps else ()), classes=3, seed=number)
            weights = [images(count, seed=number) ** 2] if self.weighted else []
            yield (images(count, *size, 3, seed=number), y, *weights)


@pytest.mark.parametrize("build", [classifier, segmenter])
@pytest.mark.parametrize("weighted", [False, True])
def test_fit_and_evaluate_streams_of_several_sizes(
    build: Callable[..., cnnx.Model], weighted: bool
) -> None:
    data = Batches(weighted, build is segmenter)
    model = build()
    model.compile("sgd", "sparse_categorical_crossentropy", ["accuracy"])
    by_hand = copy.deepcopy(model)
    history = model.fit(
        data, epochs=2, validation_data=data, class_weight={0: 2.0, 2: 0.5}, verbose=0
    )
    for _ in range(2):
        for x, y, *weight in data:
            by_hand.train_on_batch(x, y, *(weight or [None]), class_weight={0: 2.0, 2: 0.5})
    assert_same(model.get_weights(), by_hand.get_weights())
    figures = [by_hand.test_on_batch(*batch) for batch in data]
    means = np.average(figures, axis=0, weights=[3, 4, 5, 6])
    np.testing.assert_allclose(model.evaluate(data, verbose=0), means, rtol=1e-6)
    assert history.history["val_loss"][-1] == model.evaluate(data, verbose=0)[0]


def test_whole_arrays() -> None:
    model = classifier()
    model.compile("adam", "sparse_categorical_crossentropy")
    x, y = images(40, 10, 9, 3), labels(40)
    history = model.fit(x, y, epochs=8, validation_split=0.2, verbose=0).history["loss"]
    assert history[-1] < history[0]
    assert model.evaluate(x, y, verbose=0) == pytest.approx(model.evaluate(x, y, 7, verbose=0))


def test_training_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    def fitted(stop: int | None) -> cnnx.Model:
        random.set_seed(1)
        model = classifier()
        model.compile(cnnx.optimizers.Adam(use_ema=True), "sparse_categorical_crossentropy")
        kept = callbacks.BackupAndRestore(tmp_path / f"backup {stop is None}", save_freq=1)

        class Stop(callbacks.Callback):
            def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
                if stop is not None and batch == stop:
                    raise KeyboardInterrupt

        try:
            model.fit(Batches(), epochs=2, callbacks=[kept, Stop()], verbose=0)
        except KeyboardInterrupt:
            random.set_seed(2)
            model.fit(Batches(), epochs=2, callbacks=[kept], verbose=0)
        return model

    assert_same(fitted(None).get_weights(), fitted(2).get_weights())


def test_a_training_loop_of_ones_own() -> None:
    model, other = segmenter(), segmenter()
    other.set_weights(model.get_weights())
    loss = losses.SparseCategoricalCrossentropy()
    for one in (model, other):
        one.compile("sgd", loss)
    for x, y in Batches(maps=True):
        outputs = model.forward(x, training=True)
        gradients = model.backward(loss.gradient(y, outputs))
        model.compiled_optimizer.apply(gradients, model.trainable_weights)
        other.train_on_batch(x, y)
    for one, two in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-6)


def test_frozen_layers_stay_as_they_are() -> None:
    model = classifier()
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(Batches(), verbose=0)
    model.layers[0].trainable = False
    before = model.get_weights()
    model.fit(Batches(), verbose=0)
    after = model.get_weights()
    assert_same(before[:2], after[:2])
    assert not np.array_equal(before[-1], after[-1])


# --- files, copies and texts ----------------------------------------------------------------------


@pytest.mark.parametrize(("build", "sizes"), CASES)
def test_files_and_copies(
    build: Callable[..., cnnx.Model], sizes: list[tuple[int, ...]], tmp_path: Path
) -> None:
    model = build()
    model.save(tmp_path / "model.safetensors")
    cloned = clone_model(model)
    from_text = model_from_json(model.to_json())
    for other in (cloned, from_text):
        other.set_weights(model.get_weights())
    loaded = load_model(tmp_path / "model.safetensors")
    for other in (
        loaded,
        cloned,
        from_text,
        copy.deepcopy(model),
        pickle.loads(pickle.dumps(model)),
    ):
        assert other.input_shape == model.input_shape
        assert other.output_shape == model.output_shape
        for size in sizes:
            x = images(2, *size)
            assert_same([other.predict_on_batch(x)], [model.predict_on_batch(x)])


def test_tables_and_drawings() -> None:
    model = segmenter()
    found: list[str] = []
    model.summary(print_fn=found.append)
    assert "(None, None, None, 4)" in found[0]
    assert "(None, None, None, 4)" in model._repr_html_()
    drawing = cnnx.utils.plot_model(model, to_file=None, show_shapes=True)
    assert "? x ? x 3" in str(drawing)


def test_models_as_layers() -> None:
    """An open model in a fixed one, a fixed one in an open one, and two of them."""
    body = cnnx.Sequential([cnnx.Input(OPEN), L.Conv2D(4, 3), L.ReLU()], name="body")
    image = cnnx.Input((8, 9, 3))
    fixed = cnnx.Model(image, L.Dense(2)(L.Flatten()(body(image))))
    assert body(image).shape == (None, 6, 7, 4)
    assert fixed.predict(images(2, 8, 9, 3), verbose=0).shape == (2, 2)
    small = cnnx.Sequential([cnnx.Input((8, 9, 3)), L.Conv2D(4, 3)], name="small")
    value = cnnx.Input(OPEN)
    both = cnnx.Model(value, L.GlobalMaxPooling2D()(L.Add()([body(value), small(value)])))
    assert both.output_shape == (None, 4)
    x = images(2, 11, 7, 3)
    wanted = (body(x) + L.Conv2D.__call__(small.layers[0], x)).max(axis=(1, 2))
    np.testing.assert_allclose(both.predict(x, verbose=0), wanted, rtol=1e-5)


def test_resizing_makes_one_size_of_any() -> None:
    def build(shape: Sequence[int | None] = OPEN) -> cnnx.Model:
        return cnnx.Sequential(
            [cnnx.Input(shape), L.Resizing(6, 5), L.Conv2D(2, 3), L.Flatten(), L.Dense(4)]
        )

    model = build()
    model.compile("sgd", "mse")
    assert [layer.output_shape for layer in model.layers][-2:] == [(None, 24), (None, 4)]
    for size in SIZES:
        fixed = twin(build, model, (*size, 3))
        fixed.compile("sgd", "mse")
        x = images(2, *size, 3)
        assert model.train_on_batch(x, np.zeros((2, 4))) == fixed.train_on_batch(
            x, np.zeros((2, 4))
        )
        assert_same(model.get_weights(), fixed.get_weights())


def test_a_sequential_is_built_for_open_sizes() -> None:
    model = cnnx.Sequential([L.Conv2D(4, 3), L.GlobalAveragePooling2D()])
    model.build((None, None, None, 3))
    assert model.output_shape == (None, 4)
    first = cnnx.Sequential([L.Conv2D(4, 3, input_shape=OPEN), L.GlobalAveragePooling2D()])
    for one in (model, first):
        for size in SIZES:
            assert one.predict(images(2, *size, 3), verbose=0).shape == (2, 4)


@pytest.mark.parametrize("name", ["MobileNetV3Small", "ResNet18"])
def test_applications_without_their_tops(name: str) -> None:
    build = getattr(applications, name)
    model = build(include_top=False, pooling="avg")
    assert model.input_shape == (None, None, None, 3)
    fixed = build(include_top=False, pooling="avg", input_shape=(40, 33, 3))
    fixed.set_weights(model.get_weights())
    x = images(1, 40, 33, 3)
    assert_same([model(x)], [fixed(x)])
    with pytest.raises(ValueError, match=r"LeNet5: .* leaves a size open"):
        applications.LeNet5(input_shape=(None, None, 1))


def test_u_net_of_any_size() -> None:
    model = applications.UNet(OPEN, depth=2, width=4)
    assert model.predict(images(1, 12, 20, 3), verbose=0).shape == (1, 12, 20, 2)
    with pytest.raises(ValueError, match="Concatenate 'up0_concat'"):
        model.predict(images(1, 13, 20, 3), verbose=0)


# --- threads and memory ---------------------------------------------------------------------------


def test_threads_predict_side_by_side_at_several_sizes() -> None:
    model = classifier()
    batches = [images(2, 8 + number, 20 - number, 3, seed=number) for number in range(6)]
    wanted = [model.predict_on_batch(x) for x in batches]
    found: list[Any] = []

    def predict(number: int) -> None:
        for step in range(20):
            place = (number + step) % len(batches)
            found.append(np.array_equal(model.predict_on_batch(batches[place]), wanted[place]))

    threads = [threading.Thread(target=predict, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 80
    assert all(found)


def test_threads_judge_side_by_side_at_several_sizes() -> None:
    model = classifier()
    model.compile("sgd", "sparse_categorical_crossentropy")
    batches = [(images(4, 6 + number, 12, 3, seed=number), labels(4)) for number in range(12)]
    wanted = [model.evaluate(x, y, verbose=0) for x, y in batches]
    found: list[Any] = []

    def judge(number: int) -> None:
        for step in range(24):
            place = (number * 5 + step) % len(batches)
            found.append(model.evaluate(*batches[place], verbose=0) == wanted[place])

    threads = [threading.Thread(target=judge, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 96


def test_what_was_used_last_stays() -> None:
    latest = Latest[str, str](2)
    made: list[str] = []
    for key in "abacabb":
        assert latest.get(key, lambda key: made.append(key) or key.upper()) == key.upper()
        assert len(latest) <= 2
    assert "".join(made) == "abcb"


def test_the_plans_of_the_last_sizes_alone_stay() -> None:
    plan = OpenPlan(classifier().flat_graph)
    largest = images(2, 50, 50, 3)
    wanted = plan.forward(largest)[0].copy()
    memory, kept, passes = plan.arena.at_least(0), plan.at([largest]), dict(plan._passes)
    for extent in range(10, 30):
        plan.forward(images(1, extent, 41, 3))
        assert plan.at([largest]) is kept  # what is used stays
        assert len(plan._sized) <= MOST_SIZES
    assert plan.arena.at_least(0) is memory
    assert len(plan.arena.users) <= MOST_SIZES + 1
    assert plan._passes.items() >= passes.items()  # they hold what is made of the weights
    assert len(plan._passes) <= len(passes) + 1  # odd sizes are pooled by themselves
    np.testing.assert_array_equal(plan.forward(largest)[0], wanted)


def test_steps_of_the_last_sizes_alone_stay() -> None:
    model = classifier()
    model.compile("sgd", "sparse_categorical_crossentropy", ["accuracy"])
    for extent in range(10, 30):
        model.train_on_batch(images(2, extent, 12, 3), labels(2))
        step = model.training_step("test")
        assert len(step._sized) <= MOST_SIZES
    assert len(step._training.arena.users) <= MOST_SIZES + 1


def test_memory_that_grows_leaves_no_plan_with_the_old_one() -> None:
    model = classifier()
    small, large = images(1, 9, 9, 3), images(3, 30, 31, 3)
    wanted = model(small)
    for x in (small, large, small, images(4, 9, 9, 3), small):
        found = model(x)
        if x is small:
            np.testing.assert_array_equal(found, wanted)


# --- explanations ---------------------------------------------------------------------------------


def test_explanations_at_the_size_of_the_image() -> None:
    model = classifier()
    fixed = twin(classifier, model, (12, 9, 3))
    image = images(12, 9, 3)
    for function in (explain.saliency, explain.grad_cam, explain.occlusion):
        assert_same([function(model, image)], [function(fixed, image)])
    maps, wanted = explain.feature_maps(model, image), explain.feature_maps(fixed, image)
    assert_same(maps.values(), wanted.values())
    found = explain.receptive_field(model, (12, 9, 3))
    assert list(found.values()) == list(explain.receptive_field(fixed).values())
    with pytest.raises(ValueError, match=r"receptive_field: .* give one such as \(64, 64, 3\)"):
        explain.receptive_field(model)
    with pytest.raises(ValueError, match=r"expects one image of shape \(None, None, 3\)"):
        explain.saliency(model, image[..., 0])


def test_gradients_agree_with_differences() -> None:
    model = segmenter()
    model.compile("sgd", "sparse_categorical_crossentropy")
    for size in [(6, 4), (4, 8)]:
        x, y = images(2, *size, 3), labels(2, *size, classes=3)
        assert explain.check_gradients(model, x, y, elements=8).agrees


def test_weights_of_pytorch() -> None:
    torch = pytest.importorskip("torch")
    theirs = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3),
        torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(),
        torch.nn.Linear(4, 2),
    )
    model = cnnx.Sequential(
        [cnnx.Input(OPEN), L.Conv2D(4, 3), L.GlobalAveragePooling2D(), L.Dense(2)]
    )
    cnnx.torch.load_weights(model, theirs.state_dict())
    for size in SIZES:
        x = images(2, *size, 3)
        wanted = theirs(torch.from_numpy(x.transpose(0, 3, 1, 2).copy())).detach().numpy()
        np.testing.assert_allclose(model.predict(x, verbose=0), wanted, atol=1e-6)
    rows = cnnx.Sequential([cnnx.Input(OPEN), L.Conv2D(4, 3), L.Flatten()])
    assert len(cnnx.torch.state_dict(rows)) == 2


# --- other programs -------------------------------------------------------------------------------

UNKNOWN_TO_ONNX = {name for name in LAYERS if name.startswith("Adaptive")} | {
    "CenterCrop",
    "RandomCrop",
}
"""Layers whose nodes depend on the size."""


@pytest.mark.parametrize("name", [name for name in LAYERS if not name.startswith("Random")])
def test_onnx_files_of_open_sizes(name: str, tmp_path: Path) -> None:
    onnx_peers = pytest.importorskip("onnx_peers")
    make, shape = LAYERS[name]
    x = cnnx.Input(shape, name="x")
    model = cnnx.Model(x, make()(x))
    for number, weight in enumerate(model.weights):
        weight.assign(np.abs(images(*weight.shape, seed=number)) + np.float32(0.1))
    if name in UNKNOWN_TO_ONNX:
        with pytest.raises(ValueError, match=r"needs the size of its input .*Sequential\(\["):
            cnnx.onnx.save(model, tmp_path / "open.onnx")
        model = cnnx.Sequential([cnnx.Input(sized(shape, 9, 13), name="x"), model])
    cnnx.onnx.save(model, tmp_path / "open.onnx")
    for extents in [(9, 13)] if name in UNKNOWN_TO_ONNX else [(9, 13), (12, 10)]:
        inputs = {"x": images(2, *sized(shape, *extents))}
        (found,) = onnx_peers.by_onnxruntime(tmp_path / "open.onnx", inputs)
        wanted = model.predict_on_batch(inputs["x"])
        assert found.shape == wanted.shape
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=2e-5)


def test_a_program_has_one_size(tmp_path: Path) -> None:
    model = classifier()
    with pytest.raises(ValueError, match=r"got input_shape=None; give one such as \(64, 64, 3\)"):
        model.export_program(tmp_path / "program")
    with pytest.raises(ValueError, match=r"got input_shape=\(12, 9, 4\)"):
        model.export_program(tmp_path / "program", input_shape=(12, 9, 4))
    with pytest.raises(ValueError, match="does not fit the 2x9 input"):
        model.export_program(tmp_path / "program", input_shape=(2, 9, 3))
    model.export_program(tmp_path / "program", 2, (12, 9, 3))
    twin(classifier, model, (12, 9, 3)).export_program(tmp_path / "fixed", 2)
    nested = cnnx.Sequential([cnnx.Input((12, 9, 3)), model])
    nested.export_program(tmp_path / "nested", 2)
    wanted = (tmp_path / "fixed").read_bytes()
    assert (tmp_path / "program").read_bytes() == (tmp_path / "nested").read_bytes() == wanted
