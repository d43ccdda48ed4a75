"""Models whose steps of training, test and prediction are a user's own."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import cnnx
from agreement import normal
from cnnx import layers, losses, metrics, optimizers

X = normal(1, 40, 3)
Y = normal(2, 40, 2)
LABELS = np.arange(40) % 2
WEIGHTS = np.linspace(0, 2, 40, dtype=np.float32)


class Usual(cnnx.Model):
    """Does what it does without its methods."""

    def train_step(self, data: Any) -> Any:
        return super().train_step(data)

    def test_step(self, data: Any) -> Any:
        return super().test_step(data)

    def predict_step(self, data: Any) -> Any:
        return super().predict_step(data)


class Stacked(cnnx.Sequential):
    def train_step(self, data: Any) -> Any:
        return super().train_step(data)

    def test_step(self, data: Any) -> Any:
        return super().test_step(data)


class ByHand(cnnx.Model):
    """Does the same in single calls."""

    def train_step(self, data: Any) -> Any:
        x, y, weights = cnnx.utils.unpack_x_y_sample_weight(data)
        outputs = self.forward(x, training=True)
        loss = self.compute_loss(x, y, outputs, weights)
        gradients = self.backward(self.loss_gradient(y, outputs, weights))
        self.optimizer.apply(gradients, self.trainable_weights)
        self.metrics[0].update_state(loss, sample_weight=len(x))
        return self.compute_metrics(x, y, outputs, weights)


def network(
    cls: type[Any] = cnnx.Model, activation: str | None = None, **options: Any
) -> cnnx.Model:
    """Return a network of a class, with weights that are always the same."""
    stack = [layers.Dense(5, activation="tanh", name="hidden"), layers.BatchNormalization(name="n")]
    stack.append(layers.Dense(2, activation=activation, kernel_regularizer="l2", name="out"))
    x = cnnx.Input((3,), name="x")
    if issubclass(cls, cnnx.Sequential):
        model = cls([x, *stack], **options)
    else:
        y = x
        for layer in stack:
            y = layer(y)
        model = cls(x, y, **options)
    model.set_weights([normal(seed, *w.shape) ** 2 for seed, w in enumerate(model.weights)])
    return model


def compiled(cls: type[Any] = cnnx.Model, **options: Any) -> cnnx.Model:
    model = network(cls, **options)
    model.compile(optimizers.Adam(0.1), "mse", ["mae", metrics.R2Score()], weighted_metrics=["mae"])
    return model


def fitted(model: cnnx.Model, **options: Any) -> dict[str, list[float]]:
    """Return the figures of three epochs."""
    cnnx.utils.set_random_seed(3)
    given = {"sample_weight": WEIGHTS, "validation_split": 0.25} | options
    return model.fit(X, Y, batch_size=8, epochs=3, verbose=0, **given).history


def assert_same(one: cnnx.Model, other: cnnx.Model) -> None:
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


# --- the usual steps ------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", [Usual, Stacked])
def test_steps_that_call_those_of_cnnx_do_what_these_do(cls: type[Any]) -> None:
    usual, own = compiled(cls.__mro__[1]), compiled(cls)
    expected, found = fitted(usual), fitted(own)
    assert list(found) == list(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-6, err_msg=name)
    assert_same(usual, own)
    np.testing.assert_allclose(
        own.evaluate(X, Y, sample_weight=WEIGHTS, verbose=0, batch_size=7),
        usual.evaluate(X, Y, sample_weight=WEIGHTS, verbose=0, batch_size=7),
        rtol=1e-6,
    )
    np.testing.assert_array_equal(own.predict(X, verbose=0), usual.predict(X, verbose=0))
    for call in ("train_on_batch", "test_on_batch"):
        figures = getattr(own, call)(X, Y, return_dict=True)
        assert figures == pytest.approx(getattr(usual, call)(X, Y, return_dict=True))
    np.testing.assert_array_equal(own.predict_on_batch(X), usual.predict_on_batch(X))


def test_a_step_in_single_calls_is_the_step_of_cnnx() -> None:
    usual, own = compiled(), compiled(ByHand)
    expected, found = fitted(usual, validation_split=0.0), fitted(own, validation_split=0.0)
    assert list(found) == list(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-5, err_msg=name)
    for a, b in zip(usual.get_weights(), own.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_losses_of_several_outputs_have_their_shares() -> None:
    x = cnnx.Input((3,))
    y = {"a": layers.Dense(2, name="a")(x), "b": layers.Dense(2, name="b")(x)}
    models = [cls(x, copy.copy(y)) for cls in (cnnx.Model, ByHand)]
    start = models[0].get_weights()
    wanted = {"a": Y, "b": -Y}
    found = []
    for model in models:
        model.set_weights(start)
        model.compile("sgd", {"a": "mse", "b": "mae"}, {"b": ["mse"]}, loss_weights={"a": 2.0})
        model.fit(X, wanted, shuffle=False, verbose=0)
        found.append(model.get_weights())
        model.compile("sgd")  # lets the other one take the weights over
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)
    models[1].compile("sgd", {"a": "mse"})
    gradient = models[1].loss_gradient(wanted, models[1](X))
    assert not gradient["b"].any()
    assert gradient["a"].any()


# --- what a step is handed ------------------------------------------------------------------------


class Listener(cnnx.Model):
    """Notes what it is handed, and spoils it."""

    def train_step(self, data: Any) -> Any:
        self.seen = [*getattr(self, "seen", []), copy.deepcopy(data)]
        x, _, _ = cnnx.utils.unpack_x_y_sample_weight(data)
        if isinstance(x, np.ndarray):
            x[...] = np.nan
        return {"loss": len(self.seen)}


def heard(*data: Any, **options: Any) -> Any:
    """Return what the first step of a training is handed."""
    model = network(Listener)
    model.compile("sgd")
    model.fit(*data, verbose=0, batch_size=10, shuffle=False, **options)
    return model.seen[0]


def test_a_step_is_handed_data_as_fit_was() -> None:
    x, y, counts = X.copy(), LABELS, np.arange(40, dtype=np.uint8)
    np.testing.assert_array_equal(heard(x), X[:10])
    found = heard(x, y)
    assert type(found) is tuple
    np.testing.assert_array_equal(found[0], X[:10])
    np.testing.assert_array_equal(found[1], LABELS[:10])
    assert found[1].dtype == LABELS.dtype
    assert len(heard(x, y, sample_weight=WEIGHTS)) == 3
    assert heard(x.astype(np.float64), y)[0].dtype == np.float32
    assert heard(x, counts)[1].dtype == np.uint8
    several = heard({"a": x, "b": counts}, [y, Y])
    assert list(several[0]) == ["a", "b"]
    np.testing.assert_array_equal(several[1][1], Y[:10])
    np.testing.assert_array_equal(x, X)  # a step may write to its batch


def test_streams_and_torch_tensors_are_handed_as_arrays() -> None:
    batches = [(X[:10], LABELS[:10]), (X[10:20], LABELS[10:20])]
    found = heard(iter(batches), steps_per_epoch=2)
    np.testing.assert_array_equal(found[0], X[:10])
    torch = pytest.importorskip("torch")
    found = heard(torch.tensor(X), torch.tensor(LABELS))
    assert type(found[0]) is np.ndarray


def test_weights_of_classes_are_weights_of_samples() -> None:
    *_, weights = heard(X, LABELS, class_weight={1: 3.0})
    np.testing.assert_array_equal(weights, np.where(LABELS[:10] == 1, 3, 1))
    *_, weights = heard(X, np.eye(2)[LABELS], class_weight={1: 3.0}, sample_weight=WEIGHTS)
    np.testing.assert_allclose(weights, np.where(LABELS == 1, 3, 1)[:10] * WEIGHTS[:10])
    with pytest.raises(ValueError, match="class_weight is for one array x and one array y"):
        heard([X, X], LABELS, class_weight={1: 3.0})


def test_a_stack_that_is_not_built_yet_is_built_for_its_data() -> None:
    model = Stacked([layers.Dense(2)])
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=0)
    assert model.input_shape == (None, 3)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ((X, Y[:3]), "fit: x and y must have the same length: x has 40 samples, y 3"),
        ((X, 3.0), "fit: x and y must have the same length: x has 40 samples, y is a single"),
        ((None,), "fit: x is missing"),
        ((X, ["a"] * 40), "fit: y must hold real numbers"),
    ],
)
def test_data_that_do_not_fit_are_refused(data: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        heard(*data)


# --- steps in ways of one's own -------------------------------------------------------------------


class Distiller(cnnx.Model):
    """Learns from labels and from what a teacher says."""

    def __init__(self, inputs: Any, outputs: Any, temperature: float = 2.0, **rest: Any) -> None:
        super().__init__(inputs, outputs, **rest)
        self.temperature = temperature
        self.distance = metrics.Mean(name="distance")
        self.teacher: Any = None

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"temperature": self.temperature}

    def train_step(self, data: Any) -> Any:
        x, y = data
        soft = losses.KLDivergence()
        wanted = _softmax(self.teacher.predict_on_batch(x) / self.temperature)
        logits = self.forward(x, training=True)
        hard = losses.SparseCategoricalCrossentropy(from_logits=True)
        said = _softmax(logits / self.temperature)
        of_soft = (said - wanted) / (len(x) * self.temperature)  # of the divergence by the logits
        gradients = self.backward(0.3 * hard.gradient(y, logits) + 0.7 * of_soft)
        self.optimizer.apply(gradients)
        self.distance.update_state(soft(wanted, said), sample_weight=len(x))
        return {"loss": hard(y, logits), "distance": self.distance.result()}


def _softmax(logits: Any) -> Any:
    shares = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return shares / shares.sum(axis=-1, keepdims=True)


def distiller() -> Any:
    model = network(Distiller, temperature=3.0)
    model.compile(optimizers.SGD(0.5))
    model.teacher = network()
    return model


def test_distillation_takes_the_steps_of_pytorch() -> None:
    torch = pytest.importorskip("torch")
    model = distiller()
    model.layers[-1].kernel.assign(normal(9, 5, 2))
    hidden, norm, out = model.layers[1:]
    hidden_w, hidden_b, out_w, out_b = (
        torch.tensor(w.numpy(), dtype=torch.float64, requires_grad=True)
        for w in (hidden.kernel, hidden.bias, out.kernel, out.bias)
    )
    gamma, beta = (torch.tensor(norm.get_weights()[i], requires_grad=True) for i in (0, 1))
    learned = [hidden_w, hidden_b, gamma, beta, out_w, out_b]
    wanted = torch.softmax(torch.tensor(model.teacher(X)).double() / 3, -1)
    history = model.fit(X, LABELS, batch_size=40, epochs=3, shuffle=False, verbose=0).history
    for epoch in range(3):
        h = torch.tanh(torch.tensor(X).double() @ hidden_w + hidden_b)
        scaled = (h - h.mean(0)) / torch.sqrt(h.var(0, unbiased=False) + norm.epsilon)
        logits = (scaled * gamma + beta) @ out_w + out_b
        hard = torch.nn.functional.cross_entropy(logits, torch.tensor(LABELS))
        log_said = torch.log_softmax(logits / 3, -1)
        soft = torch.nn.functional.kl_div(log_said, wanted, reduction="batchmean")
        (0.3 * hard + 0.7 * soft + 0.01 * (out_w**2).sum()).backward()
        assert history["loss"][epoch] == pytest.approx(hard.item(), rel=1e-4)
        assert history["distance"][epoch] == pytest.approx(soft.item(), rel=1e-3, abs=1e-6)
        with torch.no_grad():
            for weight in learned:
                weight -= 0.5 * weight.grad
                weight.grad = None
    for ours, theirs in zip(model.trainable_weights, learned, strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.detach(), rtol=1e-4, atol=1e-5)


def _squared_error(model: cnnx.Model, x: Any) -> float:
    """Compute the mean squared error in float64, in training."""
    weights = [w.numpy().astype(np.float64) for w in model.weights]
    h = np.tanh(x @ weights[0] + weights[1])
    scaled = (h - h.mean(0)) / np.sqrt(h.var(0) + model.layers[2].epsilon)
    y = (scaled * weights[2] + weights[3]) @ weights[6] + weights[7]
    return float(((Y - y) ** 2).mean())


def test_derivatives_by_the_inputs_are_central_differences() -> None:
    model = network()
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="input_gradients are there after forward"):
        model.input_gradients  # noqa: B018
    outputs = model.forward(X, training=True, input_gradients=True)
    plain = model.backward(model.loss_gradient(Y, outputs))
    found = model.input_gradients

    for place in ((0, 0), (7, 2), (39, 1)):
        step = np.zeros(X.shape)
        step[place] = 1e-5
        slope = (_squared_error(model, X + step) - _squared_error(model, X - step)) / 2e-5
        assert found[place] == pytest.approx(slope, rel=1e-3)
    outputs = model.forward(X, training=True)
    for one, other in zip(model.backward(model.loss_gradient(Y, outputs)), plain, strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(ValueError, match="input_gradients are there after"):
        model.input_gradients  # noqa: B018


def test_derivatives_pass_from_one_network_to_another() -> None:
    """As those of a generator, through a network that judges what it makes."""
    x, z = cnnx.Input((4,)), cnnx.Input((3,))
    judge = cnnx.Model(x, layers.Dense(1, "sigmoid")(layers.Dense(6, "tanh")(x)))
    maker = cnnx.Model(z, layers.Dense(4, name="made")(z))
    wanted, loss = np.ones((40, 1), np.float32), losses.BinaryCrossentropy()
    made = maker.forward(X, training=True)
    judged = judge.forward(made, training=True, input_gradients=True)
    judge.backward(loss.gradient(wanted, judged))
    found = maker.backward(judge.input_gradients)
    both = cnnx.Model(z, judge(maker(z)))
    both.compile("sgd", loss)
    expected = both.gradients(X, wanted)
    kernel, bias = (expected[name] for name in expected if "made" in name)
    np.testing.assert_allclose(found[0], kernel, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(found[1], bias, rtol=1e-4, atol=1e-7)


class Figures(cnnx.Model):
    """Returns figures of its own."""

    def train_step(self, data: Any) -> Any:
        self.count = getattr(self, "count", 0) + 1
        return {"mine": np.float32(self.count), "loss": 1 / self.count}

    def test_step(self, data: Any) -> Any:
        return {"mine": len(data[0])}

    def predict_step(self, data: Any) -> Any:
        y = super().predict_step(data)
        return {"twice": 2 * y, "both": [y, y[:, 0]]}


class Noting(cnnx.callbacks.Callback):
    def __init__(self) -> None:
        self.logs: list[Any] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.logs.append(dict(logs))


def test_what_a_step_returns_last_is_the_figure_of_the_epoch(capsys: Any) -> None:
    model, noting = network(Figures), Noting()
    model.compile("sgd")
    stops = cnnx.callbacks.EarlyStopping("mine", mode="min", patience=0)
    history = cnnx.callbacks.History(per_batch=True)
    model.fit(
        *(X, Y, 16, 9, 2),
        callbacks=[noting, stops, history],
        validation_data=(X[:5], Y[:5]),
        validation_batch_size=3,
    )
    assert history.history == {"loss": [1 / 3, 1 / 6], "mine": [3, 6], "val_mine": [2, 2]}
    assert noting.logs[1] == {"loss": 1 / 2, "mine": 2}
    assert history.batches["mine"] == [1, 2, 3, 4, 5, 6]
    assert "mine 3" in capsys.readouterr().out.replace(": ", " ").replace("3.0000", "3")
    assert model.evaluate(X, Y, verbose=0) == 8
    assert model.train_on_batch(X, Y, return_dict=True) == {"loss": 1 / 7, "mine": 7}
    found = model.predict(X, batch_size=16, verbose=0)
    y = network().predict(X, verbose=0)
    np.testing.assert_allclose(found["twice"], 2 * y, rtol=1e-6)
    np.testing.assert_allclose(found["both"][1], y[:, 0], rtol=1e-6)


def test_only_a_loss_that_is_not_finite_is_warned_of() -> None:
    class Given(cnnx.Model):
        def train_step(self, data: Any) -> Any:
            return {self.key: np.inf}

    model = network(Given)
    model.compile("sgd")
    model.key = "psnr"
    model.fit(X, Y, verbose=0)
    model.key = "loss"
    with pytest.warns(RuntimeWarning, match="fit: the loss is inf in epoch 1"):
        model.fit(X, Y, verbose=0)


@pytest.mark.parametrize(
    ("logs", "message"),
    [
        (None, r"Wrong.train_step must return a dict of figures by name.*got None"),
        ({}, "Wrong.train_step must return a dict"),
        ({"a": [1, 2]}, "'a' gives 2 figures"),
    ],
)
def test_wrong_figures_are_refused(logs: Any, message: str) -> None:
    class Wrong(cnnx.Model):
        def train_step(self, data: Any) -> Any:
            return logs

    model = network(Wrong)
    model.compile("sgd")
    with pytest.raises((TypeError, ValueError), match=message):
        model.fit(X, Y, verbose=0)


def test_metrics_that_are_attributes_begin_anew_with_each_epoch() -> None:
    model = distiller()
    history = model.fit(X, LABELS, batch_size=8, epochs=2, verbose=0).history["distance"]
    assert history[1] == model.distance.result()
    assert model.distance in model.metrics
    assert model.metrics[0].name == "loss"
    model.reset_metrics()
    assert model.distance.result() == 0
    assert model.get_metrics_result() == {"loss": 0, "distance": 0}


def test_the_average_of_the_weights_is_taken_at_the_end() -> None:
    models = [network(cls) for cls in (cnnx.Model, ByHand)]
    for model in models:
        model.compile(optimizers.SGD(0.001, use_ema=True, ema_momentum=0.5), "mse")
        model.fit(X, Y, batch_size=10, epochs=2, shuffle=False, verbose=0)
    for a, b in zip(models[0].get_weights(), models[1].get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["call", "compute_loss", "compute_metrics"])
def test_methods_that_nothing_would_call_are_refused(name: str) -> None:
    for cls in (cnnx.Model, cnnx.Sequential):
        with pytest.raises(TypeError, match=rf"Own\.{name} would never be called: "):
            type("Own", (cls,), {name: lambda self, *rest: None})


@pytest.mark.parametrize("operation", ["fit", "evaluate"])
def test_a_batch_with_fewer_samples_than_ranks_is_refused(
    operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cnnx import distributed

    model = compiled(Usual)
    monkeypatch.setattr(distributed.Group, "size", 3)
    match = rf"{operation}: steps of your own .* has 2 for 3 ranks: leave out 2 of 38"
    with pytest.raises(ValueError, match=match):
        getattr(model, operation)(X[:38], Y[:38], batch_size=4, verbose=0)


def test_a_rank_without_samples_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from cnnx import distributed

    model = compiled(Usual)
    monkeypatch.setattr(distributed.Group, "size", 2)
    with pytest.raises(ValueError, match=r"Usual\.train_step needs .* rank 0 has none of a batch"):
        model.train_on_batch(X[:0], Y[:0])
