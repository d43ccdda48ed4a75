"""Layers, losses, metrics and the rest that users write: trained, cloned, copied, saved, loaded."""

from __future__ import annotations

import copy
import gc
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnx
from agreement import normal
from cnnx import initializers, layers, losses, metrics, optimizers, registry

X = normal(1, 40, 3)
LABELS = np.arange(40) % 4
ONE_HOT = np.eye(4, dtype=np.float32)[LABELS]


@pytest.fixture(autouse=True)
def _nothing_stays_registered() -> Iterator[None]:
    before = dict(registry._registered)
    yield
    registry._registered.clear()
    registry._registered.update(before)


class Scale(layers.Layer):
    """A layer with an argument, a weight and an initializer of the user's."""

    def __init__(self, factor: float = 2.0, start: Any = "ones", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = factor
        self.start = initializers.get(start)

    def build(self, input_shape: Any) -> None:
        self.gain = self.add_weight("gain", input_shape[-1:], self.start)

    def forward(self, call: Any, x: Any) -> Any:
        return self.factor * self.gain.value * x

    def backward(self, call: Any, dy: Any) -> Any:
        if (gradient := call.gradient(self.gain)) is not None:
            gradient[...] = self.factor * (dy * call.xs[0]).sum(axis=0)
        return self.factor * self.gain.value * dy

    def get_config(self) -> dict[str, Any]:
        start = initializers.serialize(self.start)
        return super().get_config() | {"factor": self.factor, "start": start}


class Rising(initializers.Initializer):
    def __call__(self, shape: Any) -> Any:
        return np.linspace(1, 2, int(np.prod(shape)), dtype=np.float32).reshape(shape)


class Halving(optimizers.schedules.LearningRateSchedule):
    def __call__(self, step: int) -> float:
        return 0.1 * 0.5**step


class Plain(optimizers.Optimizer):
    name = "plain"

    def update(self, segment: Any, learning_rate: float) -> None:
        segment.parameters[...] -= learning_rate * segment.gradients

    def get_config(self) -> dict[str, Any]:
        return super().get_config()


class Cubed(losses.Loss):
    def call(self, y_true: Any, y_pred: Any) -> Any:
        return (np.abs(y_true - y_pred) ** 3).sum(axis=1)


class Positives(metrics.Metric):
    """A figure of the whole epoch that no mean over batches gives."""

    def reset_state(self) -> None:
        self.largest = -np.inf

    def update_state(self, y_true: Any, y_pred: Any) -> None:
        self.largest = max(self.largest, float(y_pred.max()))

    def result(self) -> float:
        return self.largest


def cubic(y_true: Any, y_pred: Any) -> Any:
    return (np.abs(y_true - y_pred) ** 3).sum(axis=1)


def cubic_gradient(y_true: Any, y_pred: Any) -> Any:
    return 3 * (y_pred - y_true) * np.abs(y_pred - y_true)


def farthest(y_true: Any, y_pred: Any) -> Any:
    return np.abs(y_true - y_pred).max(axis=1)


OWN = (Scale, Rising, Halving, Plain, Cubed, Positives, cubic, cubic_gradient, farthest)
OBJECTS = {item.__name__: item for item in OWN}


def network(loss: Any = "mse", figures: Any = None, optimizer: Any = None) -> cnnx.Sequential:
    model = cnnx.Sequential(
        [cnnx.Input((3,)), Scale(0.5, Rising(), name="scale"), layers.Dense(4, name="dense")]
    )
    weights = [normal(seed, *weight.shape) for seed, weight in enumerate(model.weights)]
    model.set_weights(weights)
    model.compile(optimizer or Plain(Halving()), loss, figures)
    return model


# --- copies and files -----------------------------------------------------------------------------


def test_a_model_of_own_classes_is_cloned_copied_saved_and_loaded(tmp_path: Path) -> None:
    model = network(Cubed(), [farthest, Positives()])
    model.fit(X, ONE_HOT, verbose=0)
    clone = cnnx.models.clone_model(model)
    assert type(clone.layers[0]) is Scale
    np.testing.assert_array_equal(clone.layers[0].gain.value, [1, 1.5, 2])
    model.save(tmp_path / "model")
    loaded = cnnx.models.load_model(tmp_path / "model", custom_objects=OBJECTS)
    for item in OWN:
        cnnx.register(item)
    registered = cnnx.models.load_model(tmp_path / "model")
    twins = [copy.deepcopy(model), pickle.loads(pickle.dumps(model)), loaded, registered]
    model.fit(X, ONE_HOT, shuffle=False, verbose=0)
    expected = model.predict(X, verbose=0), model.evaluate(X, ONE_HOT, verbose=0)
    for twin in twins:
        assert type(twin.get_layer("scale")) is Scale
        twin.fit(X, ONE_HOT, shuffle=False, verbose=0)
        np.testing.assert_array_equal(twin.predict(X, verbose=0), expected[0])
        assert twin.evaluate(X, ONE_HOT, verbose=0) == expected[1]


def test_a_file_imports_nothing_and_says_what_it_lacks(tmp_path: Path) -> None:
    network().save(tmp_path / "model")
    message = r"'Scale' is no class of cnnx.*custom_objects=\{'Scale': Scale\}.*@cnnx.register"
    with pytest.raises(ValueError, match=message):
        cnnx.models.load_model(tmp_path / "model")
    with pytest.raises(ValueError, match="'Rising' is no class of cnnx"):
        cnnx.models.load_model(tmp_path / "model", {"Scale": Scale})
    wrong = OBJECTS | {"Scale": Rising}
    with pytest.raises(ValueError, match=r"Rising.* is no class of Layer"):
        cnnx.models.load_model(tmp_path / "model", wrong)
    with pytest.raises(TypeError, match="load_model: custom_objects must be a dict"):
        cnnx.models.load_model(tmp_path / "model", [Scale])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"custom_objects must hold classes .*'Scale'"):
        cnnx.models.load_model(tmp_path / "model", {"Scale": Scale()})
    with pytest.raises(TypeError, match=r"register: item must be a class or a function"):
        cnnx.register(3)  # type: ignore[type-var]


def test_own_classes_that_bear_a_name_of_ours_stay_apart(tmp_path: Path) -> None:
    class Dense(layers.Dense):
        def forward(self, call: Any, x: Any) -> None:
            super().forward(call, x)
            call.y *= 2

    model = cnnx.Sequential([cnnx.Input((3,)), Dense(4, name="mine")])
    twice = model.predict(X, verbose=0)
    model.save(tmp_path / "model")
    with pytest.raises(ValueError, match="'Dense' is no class of cnnx"):
        cnnx.models.load_model(tmp_path / "model")
    cnnx.register(Dense)
    loaded = cnnx.models.load_model(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), twice)
    assert type(layers.Dense.from_config(layers.Dense(2).get_config())) is layers.Dense
    plain = cnnx.Sequential([cnnx.Input((3,)), layers.Dense(4, name="mine")])
    plain.save(tmp_path / "plain")
    assert type(cnnx.models.load_model(tmp_path / "plain").layers[0]) is layers.Dense


def test_a_layer_that_its_config_cannot_make_is_not_saved(tmp_path: Path) -> None:
    class Shift(layers.Layer):
        def __init__(self, by: float) -> None:
            super().__init__()
            self.by = by

        def forward(self, call: Any, x: Any) -> Any:
            return x + self.by

    model = cnnx.Sequential([cnnx.Input((3,)), Shift(1.0)])
    with pytest.raises(ValueError, match=r"cannot save Shift .*get_config returns.*constructor"):
        model.save(tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_a_layer_in_the_old_form_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match=r"Old.forward must take \(self, call, x\)"):

        class Old(layers.Layer):
            def forward(self, x: Any, training: bool) -> Any:  # type: ignore[override]
                return x


class Gate(layers.Layer):
    """One input times what another lets pass: neither weights nor another shape."""

    merges = True

    def forward(self, call: Any, x: Any, gate: Any) -> Any:
        return x * gate

    def backward(self, call: Any, dy: Any) -> Any:
        x, gate = call.xs
        return dy * gate, (dy * x).sum(axis=-1, keepdims=True)


def test_a_layer_of_several_inputs_has_the_shape_of_the_first() -> None:
    cnnx.utils.set_random_seed(1)
    x, y = cnnx.Input((4,)), cnnx.Input((3,))
    gated = Gate()([layers.Dense(5)(x), layers.Dense(1, "sigmoid")(y)])
    assert gated.shape == (None, 5)
    model = cnnx.Model([x, y], gated)
    model.compile("sgd", "mse")
    data = [normal(1, 6, 4), normal(2, 6, 3)]
    check = cnnx.explain.check_gradients(
        model, data, normal(3, 6, 5), references={Gate: lambda layer, given: given[0] * given[1]}
    )
    assert check.agrees, f"\n{check}"


def test_an_activation_of_ones_own(tmp_path: Path) -> None:
    def forward(src: Any, dst: Any) -> None:
        np.square(src, out=dst)

    def backward(src: Any, diff_dst: Any, diff_src: Any) -> None:
        np.multiply(2 * src, diff_dst, out=diff_src)

    square = cnnx.activations.Activation("softmax", forward, backward, of_input=True)
    model = cnnx.Sequential([cnnx.Input((3,)), layers.Dense(4, activation=square, name="dense")])
    model.compile("sgd", "categorical_crossentropy")  # which is not fused with this softmax
    z = X @ model.layers[0].kernel.value
    np.testing.assert_allclose(model.predict(X, verbose=0), z**2, rtol=1e-4, atol=1e-6)
    expected = losses.CategoricalCrossentropy()(ONE_HOT, z**2)
    assert model.evaluate(X, ONE_HOT, verbose=0) == pytest.approx(expected, rel=1e-4)
    clone = cnnx.models.clone_model(model)
    assert clone.layers[0].activation is square
    model.save(tmp_path / "model")
    with pytest.raises(ValueError, match="'softmax' is no class of cnnx"):
        cnnx.models.load_model(tmp_path / "model")
    loaded = cnnx.models.load_model(tmp_path / "model", {"softmax": square})
    assert loaded.layers[0].activation is square
    cnnx.register(square)
    assert cnnx.models.load_model(tmp_path / "model").layers[0].activation is square


# --- what subclasses do ---------------------------------------------------------------------------


class SharpDense(layers.Dense):
    def forward(self, call: Any, x: Any) -> None:
        call.xs[0] = np.multiply(x, 3)
        super().forward(call, call.xs[0])


class SharpSoftmax(layers.Softmax):
    def forward(self, call: Any, x: Any) -> None:
        super().forward(call, np.multiply(x, 3))


class SharpSigmoid(layers.Activation):
    def forward(self, call: Any, x: Any) -> None:
        super().forward(call, np.multiply(x, 3))


@pytest.mark.parametrize(
    ("last", "loss", "y"),
    [
        ([SharpDense(4, activation="softmax")], "sparse_categorical_crossentropy", LABELS),
        ([SharpDense(1, activation="sigmoid")], "binary_crossentropy", LABELS > 1),
        ([layers.Dense(4), SharpSoftmax()], "sparse_categorical_crossentropy", LABELS),
        ([layers.Dense(1), SharpSigmoid("sigmoid")], "binary_crossentropy", LABELS > 1),
        ([SharpDense(4, activation="softmax")], "mse", ONE_HOT),
    ],
)
def test_a_last_layer_that_overrides_forward_runs_everywhere(last: Any, loss: str, y: Any) -> None:
    model = cnnx.Sequential([cnnx.Input((3,)), *copy.deepcopy(last)])
    model.compile(optimizers.SGD(0.0), loss)
    figures = model.fit(X, y, verbose=0).history["loss"][0], model.evaluate(X, y, verbose=0)
    assert figures == pytest.approx([model.loss(y, model.predict(X, verbose=0))] * 2, rel=1e-5)


def test_dropout_that_acts_in_use_acts_in_predict_and_evaluate() -> None:
    class Always(layers.Dropout):
        def forward(self, call: Any, x: Any) -> None:
            call.training = True
            super().forward(call, x)

    model = cnnx.Sequential([cnnx.Input((3,)), Always(0.5), layers.Dense(4)])
    model.compile("sgd", "mse")
    one, other = model.predict(X, verbose=0), model.predict(X, verbose=0)
    assert (one != other).mean() > 0.5
    assert model.evaluate(X, ONE_HOT, verbose=0) != model.evaluate(X, ONE_HOT, verbose=0)


# --- losses and metrics ---------------------------------------------------------------------------


def by_hand(model: cnnx.Sequential, share: Any = 1.0) -> Any:
    """Return the gradient of the cubic loss with respect to the last bias."""
    y = model.predict(X, verbose=0).astype(np.float64)
    return (cubic_gradient(ONE_HOT, y) * share).mean(axis=0)


@pytest.mark.parametrize(
    "loss",
    [
        Cubed(),
        cubic,
        losses.FunctionLoss(cubic, cubic_gradient),
        lambda y_true, y_pred: cubic(y_true, y_pred).mean(),
        lambda y_true, y_pred: 4 * np.abs(y_true - y_pred) ** 3,
    ],
    ids=["class", "function", "with its gradient", "one number", "each output"],
)
def test_a_loss_of_ones_own_is_differentiated(loss: Any) -> None:
    model = network(loss)
    found = model.gradients(X, ONE_HOT)["dense/bias"]
    np.testing.assert_allclose(found, by_hand(model), rtol=1e-4, atol=1e-6)
    predictions = model.predict(X, verbose=0)
    expected = cubic(ONE_HOT, predictions).mean()
    assert model.evaluate(X, ONE_HOT, verbose=0) == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(
        model.loss.gradient(ONE_HOT, predictions).sum(axis=0), by_hand(model), rtol=1e-3, atol=1e-6
    )


def test_a_gradient_beside_the_function_is_used() -> None:
    calls = []

    def distance(y_true: Any, y_pred: Any) -> Any:
        return cubic(y_true, y_pred)

    def gradient(y_true: Any, y_pred: Any) -> Any:
        calls.append(len(y_pred))
        return cubic_gradient(y_true, y_pred)

    distance.gradient = gradient  # type: ignore[attr-defined]
    model = network(distance)
    model.fit(X, ONE_HOT, batch_size=10, verbose=0)
    assert calls == [10] * 4


def test_samples_are_weighted_where_the_loss_has_a_number_for_each() -> None:
    weights = np.linspace(0, 2, 40)
    model = network(cubic)
    found = model.gradients(X, ONE_HOT, sample_weight=weights)["dense/bias"]
    np.testing.assert_allclose(found, by_hand(model, weights[:, None]), rtol=1e-4, atol=1e-6)
    model = network(lambda y_true, y_pred: cubic(y_true, y_pred).mean())
    with pytest.raises(ValueError, match=r"one number for a batch.*cannot be weighted"):
        model.fit(X, ONE_HOT, sample_weight=weights, verbose=0)


def test_images_keep_their_shape_in_own_losses_and_metrics() -> None:
    images = normal(3, 6, 4, 5, 2)
    seen = []

    def loss(y_true: Any, y_pred: Any) -> Any:
        seen.append((y_true.shape, y_pred.shape))
        return ((y_true - y_pred) ** 2).mean(axis=(1, 2, 3))

    def figure(y_true: Any, y_pred: Any) -> Any:
        seen.append((y_true.shape, y_pred.shape))
        return np.abs(y_true - y_pred)

    model = cnnx.Sequential([cnnx.Input((4, 5, 2)), layers.Conv2D(2, 3, padding="same")])
    model.compile("sgd", loss, [figure, "mae"])
    own = model.evaluate(images, images, verbose=0)
    assert own[1] == pytest.approx(own[2], rel=1e-5)
    ours = cnnx.models.clone_model(model)
    ours.set_weights(model.get_weights())
    ours.compile("sgd", "mse", ["mae"])
    assert own[0] == pytest.approx(ours.evaluate(images, images, verbose=0)[0], rel=1e-5)
    gradients = model.gradients(images, images)
    for name, array in ours.gradients(images, images).items():
        np.testing.assert_allclose(gradients[name], array, rtol=1e-3, atol=1e-6)
    assert set(seen) == {((6, 4, 5, 2), (6, 4, 5, 2))}


def test_a_metric_keeps_its_state_over_batches() -> None:
    model = network(figures=[Positives(), "mae"], optimizer=optimizers.SGD(0.0))
    largest = float(model.predict(X, verbose=0).max())
    history = model.fit(
        X, ONE_HOT, batch_size=7, epochs=2, verbose=0, validation_data=(X[:9], ONE_HOT[:9])
    ).history
    assert history["positives"] == pytest.approx([largest] * 2)
    part = float(model.predict(X[:9], verbose=0).max())
    assert history["val_positives"] == pytest.approx([part] * 2)
    assert model.evaluate(X, ONE_HOT, batch_size=7, verbose=0)[1] == pytest.approx(largest)
    assert model.test_on_batch(X[:9], ONE_HOT[:9])[1] == pytest.approx(part)


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (lambda y_true, y_pred: np.zeros(3), r"must return a loss for each of the 32 samples"),
        (losses.FunctionLoss(cubic, lambda t, p: np.zeros(3)), "the derivative must have the pred"),
        (losses.Loss(), r"Loss must implement call"),
    ],
)
def test_losses_that_are_wrong_are_refused(loss: Any, message: str) -> None:
    model = network(loss)
    before = model.get_weights()
    with pytest.raises((ValueError, NotImplementedError), match=message):
        model.fit(X, ONE_HOT, verbose=0)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


# --- optimizers -----------------------------------------------------------------------------------


def test_an_optimizer_belongs_to_one_model() -> None:
    optimizer = optimizers.Adam()
    model = network(optimizer=optimizer)
    model.fit(X, ONE_HOT, verbose=0)
    with pytest.raises(ValueError, match=r"trains model '.*' already.*from_config"):
        network(optimizer=optimizer).fit(X, ONE_HOT, verbose=0)
    model.compile(optimizer, "mse")
    model.fit(X, ONE_HOT, verbose=0)
    assert optimizer.iterations == 4
    own = optimizers.Adam.from_config(optimizer.get_config())
    network(optimizer=own).fit(X, ONE_HOT, verbose=0)
    del model
    gc.collect()  # the error's traceback held it
    last = network(optimizer=optimizer)
    last.fit(X, ONE_HOT, verbose=0)
    assert optimizer.iterations == 2


@pytest.mark.parametrize("change", ["pop and add", "add", "pop", "add nothing to learn"])
def test_a_model_that_is_changed_after_training_is_saved_whole(tmp_path: Path, change: str) -> None:
    model = cnnx.Sequential([cnnx.Input((3,)), layers.Dense(5), layers.Dense(4)])
    model.compile(optimizers.Adam(), "mse")
    model.fit(X, ONE_HOT, verbose=0)
    if change.startswith("pop"):
        model.pop()
    if change.endswith("add"):
        model.add(layers.Dense(7))
    if change == "add nothing to learn":
        model.add(layers.ReLU())
    model.save(tmp_path / "model")
    loaded = cnnx.models.load_model(tmp_path / "model")
    y = normal(2, *loaded.predict(X, verbose=0).shape)
    assert loaded.optimizer.iterations == (2 if change == "add nothing to learn" else 0)
    for one in (model, loaded):
        one.fit(X, y, shuffle=False, verbose=0)
    np.testing.assert_array_equal(model.predict(X, verbose=0), loaded.predict(X, verbose=0))
