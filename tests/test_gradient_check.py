"""Derivatives as functions (T1): of a loss, of a network, and compared with differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cnnx
import reference
from agreement import assert_close, assert_gradient, normal
from cnnx import explain, layers, losses
from cnnx.explain.double_precision import LAYER_FORMS
from cnnx.explain.loss_forms import loss_value
from cnnx.layers.dropout import NoiseLayer
from cnnx.layers.random_layer import RandomLayer

IMAGES = normal(1, 3, 7, 8, 4)


def network(*middle: layers.Layer, head: layers.Layer | None = None) -> cnnx.Sequential:
    """Return a classifier of three classes with weights that are not all alike."""
    cnnx.utils.set_random_seed(2)
    top = head or layers.Dense(3, activation="softmax", name="top")
    model = cnnx.Sequential([cnnx.Input(IMAGES.shape[1:]), *middle, layers.Flatten(), top])
    for index, weight in enumerate(model.weights):
        weight.assign(0.2 + 0.3 * np.abs(normal(40 + index, *weight.shape)))
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


# --- the gradients of a network -------------------------------------------------------------------


def test_gradients_are_what_a_step_of_descent_takes() -> None:
    model = network(layers.Conv2D(2, 3), layers.BatchNormalization(), layers.Activation("tanh"))
    model.compile(cnnx.optimizers.SGD(1.0), "sparse_categorical_crossentropy")
    before = model.weights_by_path()
    found = model.gradients(IMAGES, [0, 2, 1])
    for path, values in model.weights_by_path().items():
        np.testing.assert_array_equal(values, before[path], "a weight or statistic has changed")
    assert model.compiled_optimizer.get_state()["iterations"] == 0
    model.train_on_batch(IMAGES, [0, 2, 1])
    after = model.weights_by_path()
    assert list(found) == [weight.path for weight in model.trainable_weights]
    for path, gradient in found.items():
        np.testing.assert_allclose(before[path] - after[path], gradient, rtol=1e-4, atol=1e-6)


def test_gradients_are_copies_and_frozen_weights_have_none() -> None:
    model = network(layers.Conv2D(2, 3, name="conv"))
    model.layers[0].trainable = False
    first = model.gradients(IMAGES, [0, 2, 1])
    assert list(first) == ["top/kernel", "top/bias"]
    kept = first["top/bias"].copy()
    model.gradients(IMAGES, [1, 1, 1])
    np.testing.assert_array_equal(first["top/bias"], kept)


def test_weights_of_samples_scale_their_gradients() -> None:
    model = network()
    whole = model.gradients(IMAGES, [0, 2, 1], sample_weight=[0, 3, 0])
    alone = model.gradients(IMAGES[1:2], [2])
    for path, gradient in alone.items():
        assert_close(whole[path], gradient)


def test_gradients_need_a_loss() -> None:
    model = cnnx.Sequential([cnnx.Input((2,)), layers.Dense(1)])
    with pytest.raises(ValueError, match=r"gradients: model .* has no loss yet; call compile"):
        model.gradients([[1, 2]], [1])


# --- the check ------------------------------------------------------------------------------------

SEED: dict[str, Any] = {"seed": 3}
CASES: dict[str, list[layers.Layer]] = {
    "strides, padding, dilation": [
        layers.Conv2D(3, (3, 2), (2, 1), "same"),
        layers.Conv2D(2, 2, padding=((1, 0), (0, 2)), dilation_rate=(1, 3), activation="sigmoid"),
    ],
    "groups": [layers.Conv2D(6, 3, groups=2, activation="elu")],
    "true convolution": [layers.Conv2D(2, 3, operation="convolution", activation="softplus")],
    "untied bias": [layers.Conv2D(2, 3, bias="untied", activation="arctan")],
    "bias that multiplies": [layers.Conv2D(2, 3, bias_operation="multiply", use_bias=True)],
    "no bias": [layers.Conv2D(2, 3, use_bias=False), layers.Dense(3, use_bias=False)],
    "maximum, overlapping": [layers.Conv2D(2, 2), layers.MaxPooling2D(3, 2, "same")],
    "average, padded": [layers.Conv2D(2, 2), layers.AveragePooling2D((2, 3), 2, "same")],
    "sum": [layers.Conv2D(2, 2), layers.SumPooling2D(2)],
    "weighted average": [layers.WeightedAveragePooling2D(2), layers.Activation("tanh")],
    "global average": [layers.Conv2D(3, 2), layers.GlobalAveragePooling2D(keepdims=True)],
    "global maximum": [layers.Conv2D(3, 2), layers.GlobalMaxPooling2D()],
    "depthwise": [
        layers.DepthwiseConv2D((2, 3), (2, 1), "same", 2, activation="tanh"),
        layers.DepthwiseConv2D(2, dilation_rate=(1, 2), use_bias=False),
    ],
    "separable": [layers.SeparableConv2D(3, 3, padding=1, depth_multiplier=2, activation="elu")],
    "transposed": [
        layers.Conv2DTranspose(4, (3, 2), (1, 2), "same", groups=2, activation="arctan"),
        layers.Conv2DTranspose(2, 2, 3, output_padding=(0, 1)),
        layers.Conv2DTranspose(1, 3, padding=((2, 1), (0, 3)), dilation_rate=(2, 1)),
    ],
    "sequences": [
        layers.Reshape((28, 8)),
        layers.Conv1D(6, 3, 2, "causal", groups=2, activation="sigmoid"),
        layers.DepthwiseConv1D(2, depth_multiplier=2, activation="tanh"),
        layers.SeparableConv1D(3, 3, padding=(1, 0)),
        layers.AveragePooling1D(3, 2, "same"),
        layers.Conv1DTranspose(2, 3, 2, activation="tanh"),
        layers.MaxPooling1D(2),
    ],
    "global average of sequences": [layers.Reshape((28, 8)), layers.GlobalAveragePooling1D()],
    "global maximum of sequences": [
        layers.Reshape((28, 8)),
        layers.Conv1D(3, 2),
        layers.GlobalMaxPooling1D(keepdims=True),
    ],
    "adaptive average pooling": [
        layers.Conv2D(2, 3, activation="tanh"),
        layers.AdaptiveAveragePooling2D((4, 5)),
    ],
    "adaptive max pooling of sequences": [
        layers.Reshape((28, 8)),
        layers.AdaptiveAveragePooling1D(9),
        layers.AdaptiveMaxPooling1D(4),
    ],
    "spectral norm": [
        layers.SpectralNormalization(layers.Conv2D(2, 3, activation="tanh")),
        layers.SpectralNormalization(layers.Dense(3, use_bias=False)),
    ],
    "adaptive max pooling": [layers.Conv2D(2, 3), layers.AdaptiveMaxPooling2D((5, 3))],
    "batch normalisation": [layers.Conv2D(2, 2), layers.BatchNormalization(), layers.ReLU()],
    "no scale": [layers.Dense(2), layers.BatchNormalization(scale=False), layers.Softmax()],
    "dropout with less noise": [
        layers.Conv2D(2, 3),
        layers.Dropout(0.4, (None, 1, 1, 2), **SEED),
        layers.AlphaDropout(0.3, **SEED),
        layers.RMSNormalization(),
        layers.Dense(3),
    ],
    "dropout": [layers.Dropout(0.4, **SEED), layers.Dense(3), layers.GaussianDropout(0.2, **SEED)],
    "normalisation of samples": [
        layers.Conv2D(6, 2),
        layers.GroupNormalization(3),
        layers.Dense(4),
        layers.LayerNormalization([1, 3], scale=False),
        layers.UnitNormalization([2, 3]),
        layers.Dense(3),
        layers.RMSNormalization([1, 3], epsilon=0.1),
    ],
    "rectifiers": [
        layers.Conv2D(2, 2, activation="relu6"),
        layers.ReLU(1.5, 0.1, 0.5),
        layers.LeakyReLU(),
        layers.PReLU(shared_axes=(1, 2)),
        layers.Dense(2),
        layers.ELU(0.7),
    ],
    "smooth functions": [
        layers.Conv2D(2, 2, activation="gelu"),
        layers.Dense(3, activation="silu"),
        layers.Dense(3, activation="mish"),
        layers.Dense(3, activation="selu"),
        layers.Dense(3, activation="softsign"),
        layers.Dense(3, activation="log_sigmoid"),
        layers.Dense(3, activation="log_softmax"),
    ],
    "functions of pieces": [
        layers.Conv2D(2, 2, activation="hard_silu"),
        layers.Dense(3, activation="hard_sigmoid"),
        layers.Dense(3, activation="hard_tanh"),
    ],
    "noise": [
        layers.SpatialDropout2D(0.4, **SEED),
        layers.Dense(3),
        layers.GaussianNoise(0.2, **SEED),
        layers.Reshape((14, 12)),
        layers.SpatialDropout1D(0.3, **SEED),
        layers.Dense(4, activation="tanh"),
        layers.GaussianNoise(0.1),
    ],
    "places": [
        layers.ZeroPadding2D(((1, 0), (2, 3))),
        layers.Conv2D(3, 2),
        layers.Cropping2D(((0, 1), (1, 2))),
        layers.Permute((2, 1, 3)),
        layers.Identity(),
        layers.ActivityRegularization(0.1, 0.2),
        layers.Dense(2),
    ],
    "larger images": [
        layers.Conv2D(2, 3),
        layers.UpSampling2D((2, 3), interpolation="bilinear"),
        layers.Conv2D(2, 3, strides=3),
        layers.Rescaling(0.01),
        layers.UpSampling2D(2),
    ],
    "copies of a row": [
        layers.Flatten(),
        layers.Dense(4),
        layers.RepeatVector(3),
        layers.UpSampling1D(2),
        layers.ZeroPadding1D((1, 0)),
        layers.Cropping1D((2, 1)),
        layers.Dense(3),
    ],
    "functions of elements": [
        layers.Affine((1, -1)),
        layers.Power(2),
        layers.Elementary("erf"),
        layers.Clip(0.1, 0.8),
        layers.Affine((1, -1), center=False),
    ],
    "parts and margins": [
        layers.Padding(((1, 2), (0, 3), (1, 0)), "reflect"),
        layers.Conv2D(2, 3),
        layers.Take([2, 0, 3, 0], 1),
        layers.Tile((1, 2, 1)),
        layers.Reduction("mean", (1, 3)),
        layers.Dense(4),
    ],
    "another size": [
        layers.Normalization(mean=1, variance=4),
        layers.Conv2D(3, 2),
        layers.Resizing(8, 9),
        layers.CenterCrop(7, 8),
        layers.CenterCrop(9, 6),
        layers.Resizing(5, 8, "bicubic", pad_to_aspect_ratio=True, fill_value=2.0, antialias=True),
        layers.Rescaling([1.0, 2.0, 0.5], [0.0, 1.0, 0.0]),
        layers.Resampling((4, 11), "linear"),
        layers.LocalResponseNormalization(3, 0.5),
        layers.Conv2D(2, 2),
    ],
    "shapes": [
        layers.Rescaling(0.5, 1),
        layers.Reshape((4, 14, 4), order="F"),
        layers.Conv2D(2, 3),
        layers.Flatten(order="F"),
        layers.Dense(4, activation="leaky_relu"),
        layers.Rescaling(0.01),
        layers.Activation("exponential"),
    ],
}


@pytest.mark.parametrize("middle", CASES.values(), ids=CASES)
def test_every_layer_agrees(middle: list[layers.Layer]) -> None:
    found = explain.check_gradients(network(*middle), IMAGES, [0, 2, 1], elements=6)
    assert found.agrees, f"\n{found}"
    assert all(check.norm > 1e-4 for check in found.checks if "top" in check.weight)


def test_every_layer_has_a_form_and_a_case() -> None:
    drawing = {cls for cls in layers.LAYERS.values() if issubclass(cls, RandomLayer)}
    drawing = {cls for cls in drawing if not issubclass(cls, NoiseLayer)}
    assert set(LAYER_FORMS) == set(layers.LAYERS.values()) - drawing - {layers.InputLayer}
    used = {type(layer) for middle in CASES.values() for layer in middle}
    steps = {layers.ArgMax, layers.Quantization}  # their gradients are none of differences
    assert used == {cls for cls in LAYER_FORMS if not cls.merges} - steps
    # Merging layers: tests/test_graphs.py.


LOSSES: list[losses.Loss] = [
    losses.BinaryCrossentropy(label_smoothing=0.1),
    losses.BinaryCrossentropy(from_logits=True),
    losses.CategoricalCrossentropy(label_smoothing=0.1),
    losses.CategoricalCrossentropy(from_logits=True),
    losses.HalfSquaredError(),
    losses.MeanAbsoluteError(),
    losses.MeanSquaredError(),
    losses.SparseCategoricalCrossentropy(),
    losses.SparseCategoricalCrossentropy(from_logits=True),
    losses.SparseCategoricalCrossentropy(ignore_class=2),
    losses.MeanAbsolutePercentageError(),
    losses.MeanSquaredLogarithmicError(),
    losses.Huber(0.3),
    losses.LogCosh(),
    losses.Hinge(),
    losses.SquaredHinge(reduction="sum"),
    losses.CategoricalHinge(),
    losses.KLDivergence(),
    losses.Poisson(),
    losses.CosineSimilarity(),
    losses.CategoricalGeneralizedCrossEntropy(),
    losses.BinaryFocalCrossentropy(True),
    losses.BinaryFocalCrossentropy(from_logits=True),
    losses.CategoricalFocalCrossentropy(),
    losses.CategoricalFocalCrossentropy(from_logits=True),
    losses.Dice(),
    losses.Tversky(0.3, 0.7, axis=-1),
]


@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_every_loss_agrees(loss: losses.Loss) -> None:
    model = network(head=layers.Dense(3, None if loss.from_logits else "softmax"))
    model.set_weights([0.1 * normal(5, *weight.shape) for weight in model.weights])
    model.compile("sgd", loss)
    y = [0, 2, 1] if loss.sparse else np.eye(3)[[0, 2, 1]]
    found = explain.check_gradients(model, IMAGES, y)
    assert found.agrees, f"\n{found}"
    assert {type(loss) for loss in LOSSES} == set(losses.LOSSES.values())


class Slip(layers.Dense):
    """Forgets a tenth of its gradients."""

    def backward(self, call: Any, dy: Any) -> None:
        super().backward(call, 0.9 * dy)


def dense_form(layer: Any, x: Any, kernel: Any, bias: Any) -> Any:
    return x @ kernel + bias


def test_a_wrong_gradient_is_found() -> None:
    model = network(layers.Flatten(), Slip(4, name="slip"))
    found = explain.check_gradients(model, IMAGES, [0, 2, 1], references={Slip: dense_form})
    assert [check.weight for check in found.checks if not check.agrees] == [
        "slip/kernel",
        "slip/bias",
    ]
    assert not found.agrees
    lines = str(found).splitlines()
    assert [line.split()[-1] for line in lines[1:]] == ["DIFFERS", "DIFFERS", "agrees", "agrees"]
    assert len({len(line.removesuffix(line.split()[-1])) for line in lines[1:]}) == 1, "aligned"


def test_a_layer_of_ones_own_needs_a_form() -> None:
    model = network(layers.Flatten(), Slip(4, name="slip"))
    remedy = r"Slip 'slip' has no form in float64; give one: references=\{Slip: function"
    with pytest.raises(TypeError, match=remedy):
        explain.check_gradients(model, IMAGES, [0, 2, 1])


def test_at_a_kink_the_derivative_lies_between_the_slopes() -> None:
    """ReLU at 0: slope 0 on one side, a quarter on the other; the core's derivative is 0."""
    model = cnnx.Sequential([cnnx.Input((1,)), layers.Dense(1, activation="relu", name="one")])
    model.set_weights([[[1.0]], [0.0]])
    model.compile("sgd", "half_squared_error")
    (kernel, bias) = explain.check_gradients(model, [[0.0]], [[-0.25]]).checks
    assert not kernel.kinks.any()
    assert bias.kinks.all()
    assert (bias.gradient.item(), bias.left.item()) == (0, 0)
    assert bias.right.item() == pytest.approx(0.25, rel=1e-4)
    assert bias.agrees


def test_large_weights_are_compared_in_part() -> None:
    found = explain.check_gradients(network(), IMAGES, [0, 2, 1], elements=5, seed=1)
    kernel, bias = found.checks
    assert len(np.unique(kernel.elements)) == 5
    assert kernel.shape == (224, 3)
    assert list(bias.elements) == [0, 1, 2]
    other = explain.check_gradients(network(), IMAGES, [0, 2, 1], elements=5, seed=2).checks[0]
    assert list(other.elements) != list(kernel.elements)


def test_a_frozen_network_has_nothing_to_check() -> None:
    model = network()
    model.trainable = False
    with pytest.raises(ValueError, match=r"check_gradients: no weight of model .* is trainable"):
        explain.check_gradients(model, IMAGES, [0, 2, 1])
    with pytest.raises(ValueError, match="check_gradients: elements"):
        explain.check_gradients(model, IMAGES, [0, 2, 1], elements=0)


# --- the derivative of a loss ---------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(5, 4), (2, 3, 4), (4,)], ids=str)
@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_the_derivative_of_a_loss(loss: losses.Loss, shape: tuple[int, ...]) -> None:
    logits = normal(7, *shape)
    outputs = logits if loss.from_logits else reference.softmax_forward(logits)
    labels = np.arange(int(np.prod(shape[:-1], dtype=int))).reshape(shape[:-1]) % 4
    y = labels if loss.sparse else np.eye(4)[labels]
    if loss.name == "mean_absolute_percentage_error":
        y = y + 1  # of 0 it is a percentage of 1e-7
    found = loss.gradient(y, outputs)
    assert found.shape == shape
    targets = y if loss.sparse else loss.smooth(y)  # type: ignore[arg-type]
    expected = reference.central_differences(lambda o: loss_value(loss, targets, o), outputs)
    assert_gradient(found, expected)


def test_the_derivative_of_a_loss_refuses_what_the_loss_refuses() -> None:
    with pytest.raises(ValueError, match="categorical_crossentropy needs one-hot targets"):
        losses.CategoricalCrossentropy().gradient([1], [[0.5, 0.5]])
