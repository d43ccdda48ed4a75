from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnx
from agreement import assert_close, assert_gradient, normal
from cnnx import layers, regularizers
from cnnx.layers import Conv2D, Dense
from cnnx.optimizers import SGD
from cnnx.regularizers import L1, L1L2, L2, OrthogonalRegularizer, Regularizer
from reference import central_differences

EVERY = [
    L1(0.3),
    L2(0.3),
    L1L2(0.1, 0.2),
    OrthogonalRegularizer(0.5),
    OrthogonalRegularizer(0.5, "columns"),
]


class Quartic(Regularizer):
    """Of the user's: the sum of x^4."""

    def __call__(self, x: Any) -> Any:
        return (np.asarray(x) ** 4).sum()

    def gradient(self, x: Any) -> Any:
        return 4 * np.asarray(x) ** 3


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("regularizer", [*EVERY, Quartic()], ids=lambda item: repr(item))
def test_penalties_and_gradients_agree_with_definition_and_central_differences(
    regularizer: Regularizer,
) -> None:
    x = normal(1, 5, 3)
    assert regularizer.penalty(x) == pytest.approx(float(regularizer(x.astype(np.float64))))
    slope = central_differences(lambda z: float(regularizer(z)), x.astype(np.float64))
    so_far = normal(2, 5, 3)
    gradient = so_far.copy()
    regularizer.add_gradient(x, gradient, 0.5)
    assert_gradient(gradient - so_far, 0.5 * np.asarray(slope).reshape(5, 3))


def test_by_hand() -> None:
    x = np.array([[3.0, 0.0], [-4.0, 1.0]])
    assert L1(0.5)(x) == 4
    assert L2(0.5)(x) == 13
    assert L1L2(l2=1.0)(x) == 26
    assert OrthogonalRegularizer(1.0)(x) == pytest.approx(12 / (3 * np.sqrt(17)))
    with pytest.raises(ValueError, match=r"OrthogonalRegularizer: x must be a matrix.*\(2, 2, 1\)"):
        OrthogonalRegularizer()(x[..., None])


def test_names_and_configs() -> None:
    assert regularizers.get("l2").get_config() == {"l2": 0.01}  # type: ignore[union-attr]
    assert regularizers.get("L1").get_config() == {"l1": 0.01}  # type: ignore[union-attr]
    both = regularizers.get("l1_l2")
    assert both is not None
    assert both.get_config() == {"l1": 0.01, "l2": 0.01}
    assert regularizers.get(None) is None
    assert regularizers.l2 is L2
    for regularizer in EVERY:
        config = json.loads(json.dumps(regularizers.serialize(regularizer)))
        assert regularizers.deserialize(config).get_config() == regularizer.get_config()
    with pytest.raises(TypeError, match="a function needs its derivative"):
        Dense(2, kernel_regularizer=lambda w: 0.1)
    with pytest.raises(ValueError, match=r"Dense 'd': bias_regularizer 'l3' is unknown"):
        Dense(2, bias_regularizer="l3", name="d")


def test_configs_of_ones_own_classes() -> None:
    config = regularizers.serialize(Quartic())
    found = regularizers.deserialize(config, {"Quartic": Quartic})
    assert isinstance(found, Quartic)


def network(**more: Any) -> cnnx.Sequential:
    """Weights and outputs of several layers with penalties."""
    model = cnnx.Sequential(
        [
            cnnx.Input((6, 6, 2)),
            Conv2D(3, 3, activation="relu", kernel_regularizer=L1L2(0.01, 0.02), name="conv"),
            layers.BatchNormalization(
                gamma_regularizer="l2", beta_regularizer=L1(0.1), name="norm"
            ),
            layers.SeparableConv2D(
                2,
                2,
                depthwise_regularizer=L2(0.1),
                pointwise_regularizer=L1(0.1),
                bias_regularizer=L2(0.5),
                activity_regularizer=L2(0.03),
                name="separable",
            ),
            layers.PReLU(alpha_regularizer=Quartic(), name="prelu"),
            layers.ActivityRegularization(l1=0.01, l2=0.02, name="activity"),
            layers.Flatten(),
            Dense(3, kernel_regularizer=OrthogonalRegularizer(0.2), name="dense"),
        ]
    )
    for place, weight in enumerate(model.weights):
        weight.assign(np.abs(normal(place + 3, *weight.shape)) + 0.1)
    model.compile(SGD(0.1), "mse", **more)
    return model


X, Y = normal(1, 4, 6, 6, 2), normal(2, 4, 3)


def weight_penalties(model: Any) -> float:
    return sum(
        float(weight.regularizer(weight.numpy().astype(np.float64)))
        for weight in model.weights
        if weight.regularizer is not None
    )


def output_penalties(model: Any, x: Any) -> float:
    """Of the outputs of "separable" and "prelu" in use."""
    outputs = cnnx.Model(model.input, [model.get_layer(n).output for n in ("separable", "prelu")])
    separable, prelu = (y.astype(np.float64) for y in outputs.predict(x, verbose=0))
    total = 0.03 * (separable**2).sum() + 0.01 * np.abs(prelu).sum() + 0.02 * (prelu**2).sum()
    return float(total / len(x))


@pytest.mark.usefixtures("backend")
def test_gradients_of_the_whole_loss_agree_with_central_differences() -> None:
    checked = cnnx.explain.check_gradients(network(), X, Y, elements=8)
    assert checked.agrees, str(checked)


def test_evaluate_and_fit_report_the_loss_with_its_penalties() -> None:
    model = network(metrics=["mse"])
    loss, mse = model.evaluate(X, Y, verbose=0)
    assert loss == pytest.approx(
        mse + weight_penalties(model) + output_penalties(model, X), rel=1e-5
    )
    parts = [model.evaluate(X[i : i + 2], Y[i : i + 2], verbose=0)[0] for i in (0, 2)]
    assert loss == pytest.approx(np.mean(parts), rel=1e-5)
    for layer in model.layers:
        layer.trainable = False  # whose weights are no part of the loss, as in Keras
    frozen, mse = model.evaluate(X, Y, verbose=0)
    assert frozen == pytest.approx(mse + output_penalties(model, X), rel=1e-5)


def test_a_step_takes_the_penalties_along() -> None:
    """The same step as by the gradient without them, plus what they add."""
    model = cnnx.Sequential([cnnx.Input((4,)), Dense(2, kernel_regularizer=L1L2(0.1, 0.3))])
    plain = cnnx.Sequential([cnnx.Input((4,)), Dense(2)])
    x, y = normal(1, 5, 4), normal(2, 5, 2)
    for item in (model, plain):
        item.set_weights([normal(3, 4, 2), normal(4, 2)])
        item.compile(SGD(0.5), "mse")
    before = model.get_weights()[0].astype(np.float64)
    found = model.train_on_batch(x, y), plain.train_on_batch(x, y)
    assert found[0] == pytest.approx(
        found[1] + 0.1 * np.abs(before).sum() + 0.3 * (before**2).sum()
    )
    expected = plain.get_weights()[0] - 0.5 * (0.1 * np.sign(before) + 0.6 * before)
    assert_close(model.get_weights()[0], expected)
    np.testing.assert_array_equal(model.get_weights()[1], plain.get_weights()[1])


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_the_penalty_of_a_last_layer_is_that_of_its_activation(activation: str) -> None:
    """The activation is not taken into the loss then."""
    model = cnnx.Sequential(
        [cnnx.Input((4,)), Dense(3, activation=activation, activity_regularizer=L2(0.7))]
    )
    loss = "categorical_crossentropy" if activation == "softmax" else "binary_crossentropy"
    model.compile("sgd", loss)
    x, y = normal(1, 5, 4), np.eye(3)[[0, 1, 2, 0, 1]]
    plain = cnnx.Sequential([cnnx.Input((4,)), Dense(3, activation=activation)])
    plain.compile("sgd", loss)
    plain.set_weights(model.get_weights())
    penalty = 0.7 * float((plain.predict(x, verbose=0).astype(np.float64) ** 2).sum()) / 5
    expected = plain.evaluate(x, y, verbose=0) + penalty
    assert model.evaluate(x, y, verbose=0) == pytest.approx(expected, rel=1e-5)
    assert cnnx.explain.check_gradients(model, x, y).agrees


def test_predictions_are_those_without_regularizers() -> None:
    model = network()
    plain = cnnx.models.clone_model(model)
    plain.set_weights(model.get_weights())
    for layer in plain.layers:
        layer.activity_regularizer = None
    assert plain.predict(X, verbose=0).tobytes() == model.predict(X, verbose=0).tobytes()


def test_a_training_loop_of_ones_own_steps_along_the_whole_loss() -> None:
    model, fitted = network(), network()
    fitted.train_on_batch(X, Y)
    outputs = model.forward(X, training=True)
    loss = cnnx.losses.MeanSquaredError()
    losses = model.losses
    gradients = model.backward(loss.gradient(Y, outputs))
    model.compiled_optimizer.apply(gradients, model.trainable_weights)
    for one, other in zip(model.get_weights(), fitted.get_weights(), strict=True):
        assert_close(one, other)
    whole = network().train_on_batch(X, Y)
    assert float(loss(Y, outputs)) + sum(losses) == pytest.approx(whole, rel=1e-5)
    assert len(losses) == 8 + 2
    assert len(network().get_layer("conv").losses) == 1


def test_saved_cloned_and_copied_models_keep_their_regularizers(tmp_path: Path) -> None:
    model = network()
    model.save(tmp_path / "model")
    loaded = cnnx.saving.load_model(tmp_path / "model", {"Quartic": Quartic})
    cloned = cnnx.models.clone_model(model)
    cloned.set_weights(model.get_weights())
    cloned.compile(SGD(0.1), "mse")
    copied = copy.deepcopy(model)
    expected = model.train_on_batch(X, Y)
    for other in (loaded, cloned, copied):
        assert other.get_config()["layers"][1:] == model.get_config()["layers"][1:]
        assert other.train_on_batch(X, Y) == expected
        for one, two in zip(other.get_weights(), model.get_weights(), strict=True):
            assert one.tobytes() == two.tobytes()


class Scale(cnnx.layers.Layer):
    """Of the user's, with a weight that has a penalty and a constraint."""

    def build(self, input_shape: Any) -> None:
        self.factor = self.add_weight(
            "factor", input_shape[-1:], "ones", regularizer=L2(0.5), constraint="non_neg"
        )

    def forward(self, call: Any, x: Any) -> Any:
        return x * self.factor.value

    def backward(self, call: Any, dy: Any) -> Any:
        call.gradient(self.factor)[...] = (dy * call.xs[0]).sum(0)
        return dy * self.factor.value


def test_layers_of_ones_own() -> None:
    model = cnnx.Sequential([cnnx.Input((3,)), Scale(activity_regularizer="l1")])
    model.compile(SGD(100.0), "mse")
    x = normal(1, 4, 3)
    assert model.evaluate(x, x, verbose=0) == pytest.approx(1.5 + 0.01 * np.abs(x).sum() / 4)
    model.train_on_batch(x, x)
    assert not model.get_weights()[0].any()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Keras itself
def test_a_network_of_keras_learns_the_same(keras: Any) -> None:

    def build(m: Any) -> Any:
        L, R = m.layers, m.regularizers
        return m.Sequential(
            [
                m.Input((6, 6, 2)),
                L.Conv2D(
                    *(3, 3),
                    kernel_regularizer=R.l1_l2(0.01, 0.02),
                    bias_regularizer="l2",
                    activity_regularizer=R.L2(0.05),
                    kernel_constraint=m.constraints.MaxNorm(1.0, axis=[0, 1, 2]),
                ),
                L.BatchNormalization(gamma_regularizer=R.l2(0.1), beta_constraint="non_neg"),
                L.DepthwiseConv2D(2, depthwise_regularizer="l1", depthwise_constraint="unit_norm"),
                L.ActivityRegularization(0.01, 0.02),
                L.Flatten(),
                L.Dense(
                    3,
                    kernel_regularizer=R.OrthogonalRegularizer(0.2),
                    kernel_constraint=m.constraints.MinMaxNorm(0.5, 1.0, 0.5),
                    bias_constraint="non_neg",
                ),
            ]
        )

    ours, theirs = build(cnnx), build(keras)
    theirs.set_weights(ours.get_weights())
    ours.compile(SGD(0.05), "mse")
    theirs.compile(keras.optimizers.SGD(0.05), "mse")
    for _ in range(3):
        assert ours.train_on_batch(X, Y) == pytest.approx(
            float(theirs.train_on_batch(X, Y)), rel=1e-4
        )
    assert ours.evaluate(X, Y, verbose=0) == pytest.approx(
        float(theirs.evaluate(X, Y, verbose=0)), rel=1e-4
    )
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        assert_close(one, other, 1e-4)


@pytest.mark.parametrize("wrong", [np.ones(2), np.zeros(1, [("a", "f4")])])
def test_an_array_is_no_regularizer(wrong: Any) -> None:
    with pytest.raises(TypeError, match="Dense 'd': kernel_regularizer must be"):
        layers.Dense(2, kernel_regularizer=wrong, name="d")
