from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import cnnx
import reference
from agreement import assert_gradient, normal
from cnnx import losses
from loss_samples import LABELS, LOGITS, ONE_HOT, PROBS, SMOOTH, TARGETS
from reference import loss_forms as forms

# Losses of probabilities are tried with outputs of all kinds.
pytestmark = pytest.mark.filterwarnings("ignore:the output .* ends in")

Oracle = Callable[[Any], tuple[Any, Any]]  # the loss of each sample, and its gradient
OF_ROWS: dict[str, tuple[losses.Loss, Any, Any, forms.Form]] = {
    "percentage": (losses.MeanAbsolutePercentageError(), TARGETS, LOGITS, forms.percentage),
    "logarithmic": (losses.MeanSquaredLogarithmicError(), TARGETS, LOGITS, forms.logarithmic),
    "huber": (losses.Huber(), TARGETS, LOGITS, forms.huber(1.0)),
    "huber, delta": (losses.Huber(0.3), TARGETS, LOGITS, forms.huber(0.3)),
    "log cosh": (losses.LogCosh(), TARGETS, LOGITS, forms.log_cosh),
    "hinge": (losses.Hinge(), ONE_HOT, LOGITS, forms.hinge(1)),
    "squared hinge": (losses.SquaredHinge(), ONE_HOT, LOGITS, forms.hinge(2)),
    "categorical hinge": (losses.CategoricalHinge(), ONE_HOT, LOGITS, forms.categorical_hinge),
    "divergence": (losses.KLDivergence(), PROBS[::-1].copy(), PROBS, forms.kl_divergence),
    "poisson": (losses.Poisson(), TARGETS, PROBS, forms.poisson),
    "cosine": (losses.CosineSimilarity(), TARGETS, LOGITS, forms.cosine),
    "generalized": (
        losses.CategoricalGeneralizedCrossEntropy(0.3),
        LABELS,
        PROBS,
        lambda t, p: forms.generalized(0.3)(ONE_HOT, p),
    ),
    "binary focal": (
        losses.BinaryFocalCrossentropy(),
        TARGETS,
        PROBS,
        forms.binary_focal(None, 2.0),
    ),
    "binary focal, balanced": (
        losses.BinaryFocalCrossentropy(True, 0.3, 1.5, label_smoothing=0.1),
        TARGETS,
        PROBS,
        forms.binary_focal(0.3, 1.5, 0.1),
    ),
    "binary focal, logits": (
        losses.BinaryFocalCrossentropy(from_logits=True, gamma=0.7),
        TARGETS,
        LOGITS,
        forms.of_logits(forms.binary_focal(None, 0.7), forms.SIGMOID),
    ),
    "focal": (
        losses.CategoricalFocalCrossentropy(),
        ONE_HOT,
        PROBS,
        forms.categorical_focal(0.25, 2.0),
    ),
    "focal, weighted": (
        losses.CategoricalFocalCrossentropy([0.1, 0.2, 0.3, 0.4], 1.3, label_smoothing=0.2),
        ONE_HOT,
        TARGETS + np.float32(0.1),
        forms.categorical_focal([0.1, 0.2, 0.3, 0.4], 1.3, 0.2),
    ),
    "focal, logits": (
        losses.CategoricalFocalCrossentropy(gamma=0.0, from_logits=True),
        ONE_HOT,
        LOGITS,
        forms.of_logits(forms.categorical_focal(0.25, 0.0), forms.SOFTMAX),
    ),
    "dice": (losses.Dice(axis=-1), TARGETS, PROBS, forms.dice),
    "dice of a batch": (
        losses.Dice(),
        TARGETS,
        PROBS,
        lambda t, p: forms.dice(t.reshape(1, -1), p.reshape(1, -1)),
    ),
    "dice of classes": (
        losses.Dice(axis=[0]),
        TARGETS,
        PROBS,
        lambda t, p: forms.dice(t.T, p.T),
    ),
    "tversky": (losses.Tversky(0.3, 0.8, axis=(1,)), TARGETS, PROBS, forms.tversky(0.3, 0.8)),
}
"""Losses whose oracle is a function of rows: see reference.loss_forms."""


def of_rows(form: forms.Form, y: Any) -> Oracle:
    return lambda p: (np.asarray(form(reference.f64(y), reference.f64(p))), None)


CASES: dict[str, tuple[losses.Loss, Any, Any, Oracle]] = {
    "categorical": (
        losses.CategoricalCrossentropy(),
        ONE_HOT,
        PROBS,
        lambda p: reference.categorical_cross_entropy(p, ONE_HOT),
    ),
    "categorical, logits": (
        losses.CategoricalCrossentropy(from_logits=True),
        ONE_HOT,
        LOGITS,
        lambda z: reference.softmax_cross_entropy(z, ONE_HOT),
    ),
    "categorical, smoothed": (
        losses.CategoricalCrossentropy(label_smoothing=0.2),
        ONE_HOT,
        PROBS,
        lambda p: reference.categorical_cross_entropy(p, SMOOTH),
    ),
    "sparse": (
        losses.SparseCategoricalCrossentropy(),
        LABELS,
        PROBS,
        lambda p: reference.categorical_cross_entropy(p, ONE_HOT),
    ),
    "sparse, logits": (
        losses.SparseCategoricalCrossentropy(from_logits=True),
        LABELS,
        LOGITS,
        lambda z: reference.softmax_cross_entropy(z, ONE_HOT),
    ),
    "binary": (
        losses.BinaryCrossentropy(),
        TARGETS,
        PROBS,
        lambda p: reference.binary_cross_entropy(p, TARGETS),
    ),
    "binary, logits": (
        losses.BinaryCrossentropy(from_logits=True),
        TARGETS,
        LOGITS,
        lambda z: reference.sigmoid_cross_entropy(z, TARGETS),
    ),
    "binary, smoothed": (
        losses.BinaryCrossentropy(label_smoothing=0.2),
        TARGETS,
        PROBS,
        lambda p: reference.binary_cross_entropy(p, 0.8 * TARGETS + 0.1),
    ),
    "squared error": (
        losses.MeanSquaredError(),
        TARGETS,
        LOGITS,
        lambda y: reference.mean_squared_error(y, TARGETS),
    ),
    "half the squared error": (
        losses.HalfSquaredError(),
        TARGETS,
        LOGITS,
        lambda y: reference.half_squared_error(y, TARGETS),
    ),
    "absolute error": (
        losses.MeanAbsoluteError(),
        TARGETS,
        LOGITS,
        lambda y: reference.mean_absolute_error(y, TARGETS),
    ),
    **{name: (loss, y, p, of_rows(form, y)) for name, (loss, y, p, form) in OF_ROWS.items()},
}


def learned(
    loss: losses.Loss, y: Any, kernel: Any, activation: str | None = None
) -> tuple[float, Any]:
    """Return the loss that training sees, and its gradient, of a layer whose kernel is its output.

    The layer is given the unit matrix, each row of which picks a row of the kernel.
    """
    rows, outputs = np.shape(kernel)
    model = cnnx.Sequential(
        [cnnx.Input((rows,)), cnnx.layers.Dense(outputs, activation, use_bias=False)]
    )
    model.compile("sgd", loss)
    model.set_weights([kernel])
    value = model.train_on_batch(np.eye(rows), y)
    return value, model.parameters.gradients.reshape(rows, outputs)


def test_every_loss_has_a_case() -> None:
    assert {type(case[0]) for case in CASES.values()} == set(losses.LOSSES.values())


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize(("loss", "y", "outputs", "oracle"), CASES.values(), ids=CASES)
def test_value_and_gradient(loss: losses.Loss, y: Any, outputs: Any, oracle: Oracle) -> None:
    """The value is that of the oracle, the gradient that of its central differences."""
    value, gradient = learned(loss, y, outputs)
    expected = oracle(outputs)[0].mean()
    assert loss(y, outputs) == pytest.approx(expected, rel=1e-5)
    assert value == pytest.approx(expected, rel=1e-5)
    assert_gradient(gradient, reference.central_differences(lambda o: oracle(o)[0].mean(), outputs))


@pytest.mark.parametrize("scale", [1, 1e4])
@pytest.mark.parametrize("loss", [losses.get(name) for name in losses.LOSSES], ids=str)
@pytest.mark.parametrize("activation", [None, "softmax", "sigmoid"])
def test_saturated_outputs_have_finite_losses_and_gradients(
    loss: losses.Loss, activation: str | None, scale: float
) -> None:
    y = LABELS if loss.sparse else ONE_HOT
    if loss.name == "poisson" and activation is None:
        pytest.skip("the logarithm of a number below 0 is none")
    value, gradient = learned(loss, y, np.float32(scale) * LOGITS, activation)
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("loss", [case[0] for case in CASES.values()], ids=CASES)
def test_config_round_trip(loss: losses.Loss) -> None:
    config = json.loads(json.dumps(loss.get_config()))
    assert type(loss).from_config(config).get_config() == loss.get_config()


def test_names_are_those_of_keras() -> None:
    for name, kind in {
        "mse": losses.MeanSquaredError,
        "mean_squared_error": losses.MeanSquaredError,
        "mae": losses.MeanAbsoluteError,
        "mean_absolute_error": losses.MeanAbsoluteError,
        "categorical_crossentropy": losses.CategoricalCrossentropy,
        "sparse_categorical_crossentropy": losses.SparseCategoricalCrossentropy,
        "binary_crossentropy": losses.BinaryCrossentropy,
        "mape": losses.MeanAbsolutePercentageError,
        "msle": losses.MeanSquaredLogarithmicError,
        "kld": losses.KLDivergence,
        "LogCosh": losses.LogCosh,
        "huber": losses.Huber,
    }.items():
        assert type(losses.get(name)) is kind


def test_entropy_of_rows_and_of_single_distributions() -> None:
    rows = reference.softmax_forward(normal(5, 2, 3, 4))
    expected = -(rows * np.log(rows)).sum(axis=-1)
    np.testing.assert_allclose(losses.entropy(rows), expected, rtol=1e-12)
    np.testing.assert_allclose(losses.entropy(rows, base=2), expected / np.log(2), rtol=1e-12)
    other = reference.softmax_forward(normal(6, 2, 3, 4))
    np.testing.assert_allclose(losses.cross_entropy(rows, other), -(rows * np.log(other)).sum(-1))
    np.testing.assert_allclose(losses.cross_entropy(rows, rows), expected, rtol=1e-12)
    assert losses.entropy([0.25] * 4, base=4) == pytest.approx(1)
    assert losses.entropy([0, 1, 0]) == 0
    assert losses.cross_entropy([1, 0], [0, 1]) == np.inf


@pytest.mark.parametrize(
    ("p", "base", "message"),
    [
        ([0.5, 0.6], 2, "entropy: p must sum to 1 .* got 1.1"),
        ([1.5, -0.5], 2, "entropy: p must hold probabilities >= 0, got -0.5"),
        ([np.nan, 1], 2, "entropy: p must hold probabilities >= 0, got nan"),
        (0.5, 2, r"entropy: p must be \(..., outcomes\), got shape \(\)"),
        ([0.5, 0.5], 1, "entropy: base must be in"),
    ],
)
def test_entropy_refuses_what_is_no_distribution(p: Any, base: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        losses.entropy(p, base)


def test_cross_entropy_refuses_distributions_of_two_shapes() -> None:
    with pytest.raises(ValueError, match=r"must have one shape, got \(2,\) and \(3,\)"):
        losses.cross_entropy([0.5, 0.5], [0.2, 0.2, 0.6])


@pytest.mark.parametrize(
    ("loss", "targets", "found"),
    [
        ("binary_crossentropy", [[-1.0], [1.0]], "-1"),
        ("binary_crossentropy", [[1], [2]], "2"),
        ("binary_crossentropy", np.array([[0], [255]], np.uint8), "255"),
        ("binary_crossentropy", [[np.nan], [1.5]], "1.5"),
        ("categorical_crossentropy", [[0, 255], [255, 0]], "255"),
        ("categorical_crossentropy", [[0, -1], [-1, 0]], "-1"),
    ],
)
def test_targets_that_are_no_shares_are_refused(loss: str, targets: Any, found: str) -> None:
    units = np.shape(targets)[1]
    model = cnnx.Sequential([cnnx.Input((3,)), cnnx.layers.Dense(units, "sigmoid")])
    model.compile("sgd", loss)
    match = f"{loss} needs targets from 0 to 1, got {found}; take"
    for call in (model.fit, model.train_on_batch, model.evaluate, model.test_on_batch):
        for given in (targets, np.asarray(targets, np.float32)):
            with pytest.raises(ValueError, match=match):
                call(normal(1, 2, 3), given)
    with pytest.raises(ValueError, match=match):
        losses.get(loss)(targets, np.full(np.shape(targets), 0.5))


@pytest.mark.parametrize("dtype", [np.float32, ">f4", np.float64])
def test_targets_from_0_to_1_pass(dtype: Any) -> None:
    smallest = np.finfo(np.float32).smallest_subnormal
    for target in (0.0, -0.0, smallest, 0.5, 1.0, np.nan):
        losses.get("binary_crossentropy")(np.full((2, 1), target, dtype), [[0.5], [0.5]])
    with pytest.raises(ValueError, match="got 1"):
        losses.get("binary_crossentropy")(
            np.full((2, 1), np.nextafter(np.float32(1), np.float32(2)), dtype), [[0.5], [0.5]]
        )


@pytest.mark.parametrize("target", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["mse", "mae", "half_squared_error", "own", "binary_crossentropy"])
def test_a_sample_of_weight_0_leaves_no_trace(name: str, target: float) -> None:
    """Whatever its target, training takes the same steps as with any other target."""

    def trained(first: float) -> tuple[list[Any], list[Any]]:
        cnnx.utils.set_random_seed(1)
        model = cnnx.Sequential([cnnx.Input((3,)), cnnx.layers.Dense(1, "sigmoid")])
        own = losses.FunctionLoss(lambda y, p: (y - p) ** 2, lambda y, p: 2 * (p - y))
        model.compile("sgd", own if name == "own" else name)
        x, y = normal(1, 8, 3), np.arange(8) % 2.0
        y[0] = first
        figures = [model.evaluate(x, y, sample_weight=weights, verbose=0)]
        figures.append(model.train_on_batch(x, y, weights))
        return figures, model.get_weights()

    weights = np.ones(8)
    weights[0] = 0
    if name == "binary_crossentropy" and np.isinf(target):
        with pytest.raises(ValueError, match="needs targets from 0 to 1"):
            trained(target)
        return
    figures, found = trained(target)
    wanted, expected = trained(0.0)
    assert figures == wanted
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


FUNCTIONS = {
    name: getattr(losses, name)
    for name in losses.__all__
    if name in losses.LOSSES and hasattr(losses, name)
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_the_losses_of_rows(name: str) -> None:
    loss = losses.get({"class_name": name, "config": {"reduction": "none"}})
    y = LABELS if loss.sparse else ONE_HOT
    required = {"q": 0.5} if "generalized" in name else {}
    np.testing.assert_array_equal(FUNCTIONS[name](y, PROBS, **required), loss(y, PROBS))
    assert type(losses.get(FUNCTIONS[name])) is type(loss)


def test_every_loss_of_keras_has_its_function() -> None:
    assert {*losses.LOSSES} - {"half_squared_error"} == {*FUNCTIONS}
    assert losses.mse is losses.mean_squared_error
    assert losses.huber([[1.0, 5.0]], [[1.0, 1.0]], 2).tolist() == [3.0]


def test_names_of_losses_are_reported_in_errors() -> None:
    loss = losses.Huber(name="far")
    assert losses.get(losses.serialize(loss)).name == "far"
    with pytest.raises(ValueError, match="far needs targets of the outputs' shape"):
        loss([1.0], [[1.0, 2.0]])
    with pytest.raises(TypeError, match="huber: name must be a text, got 3"):
        losses.Huber(name=3)  # type: ignore[arg-type]


def test_a_column_of_targets_of_single_numbers() -> None:
    y, p = TARGETS[:, :1], PROBS[:, 0]
    expected = ((p - y[:, 0]) ** 2).mean()
    assert losses.MeanSquaredError()(y, p) == pytest.approx(expected, rel=1e-6)
    assert losses.MeanSquaredError()(y[:, 0], p[:, None]) == pytest.approx(expected, rel=1e-6)
    with pytest.raises(ValueError, match="needs targets of the outputs' shape"):
        losses.MeanSquaredError()(TARGETS[:4, :1], p)


def test_custom_objects_of_deserialize() -> None:
    class Own(losses.Loss):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return (y_true - y_pred) ** 2

    config = losses.serialize(Own())
    assert type(losses.deserialize(config, {"Own": Own})) is Own
    with pytest.raises(ValueError, match="'Own' is no class of cnnx"):
        losses.deserialize(config)
