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
from reference import loss_forms as forms

# Losses of probabilities are tried with outputs of all kinds.
pytestmark = pytest.mark.filterwarnings("ignore:the output .* ends in")

Oracle = Callable[[Any], tuple[Any, Any]]  # the loss of each sample, and its gradient
LOGITS = normal(1, 8, 4)
PROBS = reference.softmax_forward(LOGITS).astype(np.float32)
LABELS = np.arange(8) % 4
ONE_HOT = np.eye(4, dtype=np.float32)[LABELS]
SMOOTH = 0.8 * ONE_HOT + 0.2 / 4
TARGETS = np.random.default_rng(1).random((8, 4), np.float32)
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
        with pytest.raises(ValueError, match=match):
            call(normal(1, 2, 3), targets)
    with pytest.raises(ValueError, match=match):
        losses.get(loss)(targets, np.full(np.shape(targets), 0.5))


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


# --- labels that do not count ---------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("from_logits", [False, True])
@pytest.mark.parametrize("ignored", [255, -1, 1])
def test_pixels_of_the_ignored_class_do_not_count(
    ignored: int, from_logits: bool, weighted: bool
) -> None:
    """Loss, gradient and accuracy are those of all other pixels alone."""
    loss = losses.SparseCategoricalCrossentropy(from_logits, ignore_class=ignored)
    logits, rng = normal(4, 3, 2, 5, 4), np.random.default_rng(4)
    y = rng.integers(0, 4, logits.shape[:-1])
    y[rng.random(y.shape) < 0.4] = ignored
    weights = rng.random(y.shape).astype(np.float32) if weighted else np.ones(y.shape, np.float32)
    counts = y != ignored
    log_p = np.log(reference.softmax_forward(logits))[counts]
    chosen = -log_p[np.arange(len(log_p)), y[counts]]
    expected = (chosen * weights[counts]).mean()
    slopes = np.zeros_like(logits)
    slopes[counts] = np.exp(log_p) - np.eye(4)[y[counts]]
    slopes *= weights[..., None] / counts.sum()

    activation = None if from_logits else "softmax"
    layer = cnnx.layers.Conv2D(4, 1, activation=activation)
    model = cnnx.Sequential([cnnx.Input((2, 5, 4)), layer])
    model.compile("sgd", loss, ["accuracy"])
    model.set_weights([np.eye(4).reshape(1, 1, 4, 4), np.zeros(4)])
    given = weights if weighted else None
    value, accuracy = model.test_on_batch(logits, y, given)
    assert value == pytest.approx(expected, rel=1e-5)
    assert accuracy == pytest.approx((log_p.argmax(1) == y[counts]).mean())
    bias = model.gradients(logits, y, given)[f"{layer.name}/bias"]
    np.testing.assert_allclose(bias, slopes.sum(axis=(0, 1, 2)), rtol=1e-4, atol=1e-7)
    if not weighted:
        outputs = logits if from_logits else reference.softmax_forward(logits).astype(np.float32)
        assert loss(y, outputs) == pytest.approx(expected, rel=1e-5)
        if from_logits:
            np.testing.assert_allclose(loss.gradient(y, outputs), slopes, rtol=1e-4, atol=1e-7)
    _, over_batches = model.evaluate(logits, y, batch_size=2, verbose=0)
    assert over_batches == pytest.approx(accuracy)


def test_a_batch_whose_labels_are_all_ignored_teaches_nothing() -> None:
    loss = losses.SparseCategoricalCrossentropy(ignore_class=9)
    model = cnnx.Sequential([cnnx.Input((3,)), cnnx.layers.Dense(4, "softmax")])
    model.compile("sgd", loss, ["accuracy"])
    before = model.get_weights()
    assert model.train_on_batch(normal(1, 2, 3), [9, 9]) == [0, 0]
    np.testing.assert_array_equal(model.get_weights()[0], before[0])
    assert loss([9, 9], PROBS[:2]) == 0
    np.testing.assert_array_equal(loss.gradient([9, 9], PROBS[:2]), 0)


def test_labels_beside_the_ignored_class_must_be_in_range() -> None:
    loss = losses.SparseCategoricalCrossentropy(ignore_class=255)
    with pytest.raises(ValueError, match="label 254 is out of range: labels must run from 0 to 3"):
        loss([0, 255, 254], PROBS[:3])


def test_the_ignored_class_is_saved(tmp_path: Any) -> None:
    model = cnnx.Sequential([cnnx.Input((3,)), cnnx.layers.Dense(4, "softmax")])
    model.compile("sgd", losses.SparseCategoricalCrossentropy(ignore_class=255), ["accuracy"])
    model.save(tmp_path / "model")
    again = cnnx.models.load_model(tmp_path / "model")
    x, y = normal(1, 3, 3), [0, 255, 3]
    assert again.test_on_batch(x, y) == model.test_on_batch(x, y)


# --- how losses of rows become one ----------------------------------------------------------------

WEIGHTS = np.random.default_rng(8).random(8).astype(np.float32)


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize(
    "reduction", ["sum_over_batch_size", "mean", "sum", "mean_with_sample_weight"]
)
@pytest.mark.parametrize("name", ["mean_squared_error", "huber", "sparse", "ignoring"])
def test_reductions(name: str, reduction: str, weighted: bool) -> None:
    loss: losses.Loss
    y: Any = TARGETS
    if name in ("sparse", "ignoring"):
        y = LABELS
        ignored = 2 if name == "ignoring" else None
        loss = losses.SparseCategoricalCrossentropy(True, ignored, reduction)
        values = -reference.log_softmax_forward(LOGITS)[np.arange(8), LABELS]
        counts = ignored != LABELS
    else:
        loss = losses.get({"class_name": name, "config": {"reduction": reduction}})
        counts = np.ones(8, bool)
        squares = (LOGITS - TARGETS) ** 2
        values = forms.huber(1.0)(TARGETS, LOGITS) if name == "huber" else squares.mean(axis=1)
    weights = WEIGHTS * counts if weighted else counts * 1.0
    divisor = {"sum": 1.0, "mean_with_sample_weight": weights.sum()}.get(reduction, counts.sum())
    expected = (values * weights).sum() / divisor
    given = WEIGHTS if weighted else None
    assert loss(y, LOGITS, given) == pytest.approx(expected, rel=1e-5)

    model = cnnx.Sequential([cnnx.Input((8,)), cnnx.layers.Dense(4, use_bias=False)])
    model.compile("sgd", loss)
    model.set_weights([LOGITS])
    assert model.test_on_batch(np.eye(8), y, given) == pytest.approx(expected, rel=1e-5)
    assert model.train_on_batch(np.eye(8), y, given) == pytest.approx(expected, rel=1e-5)
    gradient = model.parameters.gradients.reshape(8, 4)
    np.testing.assert_allclose(gradient, loss.gradient(y, LOGITS, given), rtol=1e-5, atol=1e-7)
    config = json.loads(json.dumps(loss.get_config()))
    assert losses.get({"class_name": type(loss).name, "config": config}).reduction == reduction


def test_without_a_reduction_the_losses_stay_apart() -> None:
    image, target = normal(3, 2, 3, 5, 4), normal(4, 2, 3, 5, 4)
    found = losses.MeanSquaredError(reduction=None)(target, image)
    np.testing.assert_allclose(found, ((image - target) ** 2).mean(axis=-1), rtol=1e-5)
    assert losses.Dice("none")(TARGETS, PROBS) == pytest.approx(losses.Dice()(TARGETS, PROBS))
    assert losses.Dice("none", axis=-1)(TARGETS, PROBS).shape == (8,)
    model = cnnx.Sequential([cnnx.Input((4,)), cnnx.layers.Dense(4)])
    with pytest.raises(ValueError, match="mse with reduction=None has no one number"):
        model.compile("sgd", losses.MeanSquaredError(None, "mse"))


def test_a_batch_has_one_dice() -> None:
    """Its samples have no losses of their own that could be weighted, and a sum is no multiple."""
    loss = losses.Dice()
    with pytest.raises(ValueError, match="dice returns one number for a batch"):
        loss(TARGETS, PROBS, WEIGHTS)
    assert losses.Dice("sum")(TARGETS, PROBS) == pytest.approx(loss(TARGETS, PROBS))
    total = losses.Dice("sum").gradient(TARGETS, PROBS)
    np.testing.assert_allclose(total, loss.gradient(TARGETS, PROBS), rtol=1e-6)
    with pytest.raises(ValueError, match=r"dice needs targets of the outputs' shape \(8, 4\), got"):
        loss(TARGETS[:, :1], PROBS)
    with pytest.raises(ValueError, match=r"dice: axis=2 is none of the 2 axes"):
        losses.Dice(axis=2)(TARGETS, PROBS)


def test_masks_are_learned_by_their_overlap() -> None:
    cnnx.utils.set_random_seed(1)
    x = normal(1, 40, 6, 6, 1)
    y = (x > 0.3).astype(np.float32)
    model = cnnx.Sequential([cnnx.Input((6, 6, 1)), cnnx.layers.Conv2D(1, 1, activation="sigmoid")])
    model.compile(cnnx.optimizers.Adam(0.1), losses.Dice(axis=(1, 2, 3)))
    found = model.fit(x, y, epochs=20, batch_size=10, verbose=0).history["loss"]
    assert found[-1] < 0.2 < found[0]


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
