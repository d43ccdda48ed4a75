"""Networks as estimators of scikit-learn."""

from __future__ import annotations

import copy
import io
import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import cnnx
from cnnx import layers

pytest.importorskip("sklearn", "1.6", reason="scikit-learn is not installed: the extra sklearn")

import joblib
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes, load_digits
from sklearn.ensemble import VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.inspection import permutation_importance
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score, learning_curve
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from cnnx.sklearn import CNNClassifier, CNNRegressor

pytestmark = pytest.mark.one_isa

DIGITS, LABELS = load_digits(return_X_y=True)
X, Y = DIGITS[:300], LABELS[:300]


def small(**options: Any) -> CNNClassifier:
    return CNNClassifier(**{"input_shape": (8, 8, 1), "epochs": 3, "random_state": 0, **options})


def tiny_network(input_shape: Any, outputs: int, units: int = 4) -> cnnx.Model:
    hidden = [layers.Flatten(), layers.Dense(units, activation="tanh")]
    last = layers.Dense(outputs, activation="softmax")
    return cnnx.Sequential([cnnx.Input(input_shape), *hidden, last])


def sigmoid_network(input_shape: Any, outputs: int) -> cnnx.Model:
    last = (
        layers.Dense(1, activation="sigmoid") if outputs == 2 else layers.Dense(outputs, "softmax")
    )
    return cnnx.Sequential([cnnx.Input(input_shape), layers.Dense(32, activation="relu"), last])


def same(one: NDArray[Any], other: NDArray[Any]) -> None:
    np.testing.assert_array_equal(one, other, strict=True)


# --- scikit-learn's own checks --------------------------------------------------------------------

WEIGHTS = "mini-batches: with samples repeated or left out each step sees other samples"


def expected_failures(estimator: Any) -> dict[str, str]:
    return {"check_sample_weight_equivalence_on_dense_data": WEIGHTS}


@parametrize_with_checks(
    [
        CNNClassifier(),
        CNNClassifier(sigmoid_network, batch_size=8, learning_rate=0.01),
        CNNRegressor(),
        CNNRegressor(optimizer="sgd", loss="mean_absolute_error", learning_rate=0.1),
    ],
    expected_failed_checks=expected_failures,
)
def test_checks_of_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)


# --- classification -------------------------------------------------------------------------------


def test_digits_as_images() -> None:
    network = CNNClassifier(input_shape=(8, 8, 1), random_state=0)
    assert cross_val_score(network, DIGITS, LABELS, cv=3).min() > 0.94
    names = np.array([f"digit {label}" for label in "0123456789"])
    network = small().fit(X, names[Y])
    assert network.classes_.tolist() == names.tolist()
    assert set(network.predict(X)) <= set(names)
    likely = network.predict_proba(X)
    same(names[likely.argmax(axis=1)], network.predict(X))
    np.testing.assert_allclose(likely.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_allclose(np.exp(network.predict_log_proba(X)), likely)
    assert network.n_features_in_ == 64
    assert set(network.history_) == {"loss", "accuracy"}
    assert len(network.history_["loss"]) == network.n_iter_ == 3


@pytest.mark.parametrize("input_shape", ["image", (8, 8, 1), (8, 8), (64,), "series", (4, 16)])
def test_rows_are_what_input_shape_says(input_shape: Any) -> None:
    """A row gives the bits of the sample that it stands for."""
    shape = {"image": (8, 8, 1), "series": (64, 1)}.get(input_shape, input_shape)
    rows = small(input_shape=input_shape, epochs=1).fit(X, Y)
    samples = small(input_shape=None, epochs=1).fit(X.reshape(-1, *shape), Y)
    assert rows.input_shape_ == samples.input_shape_ == shape
    assert rows.model_.input_shape == (None, *shape)
    same(rows.predict_proba(X), samples.predict_proba(X.reshape(-1, *shape)))
    same(rows.predict_proba(X), rows.predict_proba(X.reshape(-1, *shape)))


def test_rows_of_colour_images() -> None:
    network = small(input_shape="image", epochs=1).fit(np.tile(X[:, :48], (1, 4)), Y)
    assert network.input_shape_ == (8, 8, 3)


@pytest.mark.parametrize(
    ("shape", "kinds"),
    [
        ((5,), "Flatten Dense Dense"),
        ((3, 2), "Flatten Dense Dense"),
        ((8, 8, 1), "Conv2D MaxPooling2D Conv2D MaxPooling2D Flatten Dense Dense"),
        ((4, 9, 3), "Conv2D MaxPooling2D Flatten Dense Dense"),
        ((40, 2), "Conv1D MaxPooling1D " * 3 + "Flatten Dense Dense"),
    ],
)
def test_the_network_of_an_estimator_that_is_given_none(shape: Any, kinds: str) -> None:
    x = np.random.default_rng(1).normal(size=(6, *shape))
    model = CNNRegressor(epochs=1, random_state=0).fit(x, np.arange(6)).model_
    assert [type(layer).__name__ for layer in model.layers] == kinds.split()


def test_a_network_of_one_s_own() -> None:
    network = small(build=tiny_network, build_options={"units": 7}).fit(X, Y)
    assert network.model_.layers[1].units == 7
    same(
        network.predict_proba(X),
        small(build=tiny_network, build_options={"units": 7}).fit(X, Y).predict_proba(X),
    )
    is_even = Y % 2 == 0
    two = small(build=sigmoid_network, input_shape=None, learning_rate=0.01).fit(X, is_even)
    assert two.model_.loss.name == "binary_crossentropy"
    assert two.predict_proba(X).shape == (300, 2)
    assert two.score(X, is_even) > 0.75
    assert two.predict(X).dtype == bool


def test_a_network_that_is_compiled_keeps_that() -> None:
    def build(input_shape: Any, outputs: int) -> cnnx.Model:
        model = tiny_network(input_shape, outputs)
        model.compile(cnnx.optimizers.SGD(0.5), "categorical_crossentropy")
        return model

    network = small(build=build).fit(X, Y)
    assert isinstance(network.model_.optimizer, cnnx.optimizers.SGD)
    assert list(network.history_) == ["loss"]
    assert network.history_["loss"][-1] < network.history_["loss"][0]


@pytest.mark.parametrize("outputs", [10, 2, 1])
def test_logits(outputs: int) -> None:
    """The same network with the activation in its last layer, or in its loss."""
    kind = cnnx.losses.BinaryCrossentropy if outputs == 1 else None
    kind = kind or cnnx.losses.SparseCategoricalCrossentropy
    y = Y if outputs == 10 else Y > 4
    found = []
    for activation in ("sigmoid" if outputs == 1 else "softmax", "linear"):

        def build(input_shape: Any, _: int, activation: str = activation) -> cnnx.Model:
            last = layers.Dense(outputs, activation=activation)
            return cnnx.Sequential([cnnx.Input(input_shape), layers.Flatten(), last])

        loss = kind(from_logits=activation == "linear")
        found.append(small(build=build, loss=loss, random_state=1).fit(X, y).predict_proba(X))
    np.testing.assert_allclose(found[1], found[0], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found[1].sum(axis=1), 1)


def test_optimizers() -> None:
    """The parameter stays as it is, and serves several networks."""
    optimizer = cnnx.optimizers.Adam(0.01, beta_1=0.8)
    networks = [small(optimizer=optimizer, learning_rate=rate).fit(X, Y) for rate in (None, 0.002)]
    assert [network.model_.optimizer.learning_rate for network in networks] == [0.01, 0.002]
    assert [network.model_.optimizer.beta_1 for network in networks] == [0.8, 0.8]
    schedule = cnnx.optimizers.schedules.ExponentialDecay(0.01, 10, 0.5)
    assert small(learning_rate=schedule).fit(X, Y).n_iter_ == 3


# --- weights --------------------------------------------------------------------------------------


def test_weights_of_classes_are_weights_of_samples() -> None:
    weights = {label: 1 + label % 3 for label in range(10)}
    by_class = small(class_weight=weights).fit(X, Y).predict_proba(X)
    by_sample = small().fit(X, Y, sample_weight=[weights[label] for label in Y]).predict_proba(X)
    same(by_class, by_sample)
    assert (by_class != small().fit(X, Y).predict_proba(X)).any()
    balanced = small(class_weight="balanced").fit(X, Y).predict_proba(X)
    count = np.bincount(Y)
    same(
        balanced, small(class_weight=dict(enumerate(300 / (10 * count)))).fit(X, Y).predict_proba(X)
    )
    both = small(class_weight=weights).fit(X, Y, np.full(300, 2.0)).predict_proba(X)
    doubled = small().fit(X, Y, [2 * weights[label] for label in Y]).predict_proba(X)
    same(both, doubled)


def test_a_weight_of_nothing_leaves_a_sample_out() -> None:
    weights = (np.arange(300) % 3 > 0).astype(float)
    other = np.where(weights > 0, Y, 9 - Y)
    same(
        small(batch_size=300).fit(X, Y, weights).predict_proba(X),
        small(batch_size=300).fit(X, other, weights).predict_proba(X),
    )


# --- training in parts ----------------------------------------------------------------------------


def test_partial_fit_is_a_pass() -> None:
    """The first call makes the network; the classes of later calls are known from it."""
    network = small(epochs=99)
    for start in range(0, 300, 100):
        part = slice(start, start + 100)
        network.partial_fit(X[part], Y[part], classes=range(10) if not start else None)
    assert network.n_iter_ == 3
    assert len(network.history_["loss"]) == 3
    again = pickle.loads(pickle.dumps(small().partial_fit(X[:100], Y[:100], range(10))))
    again.partial_fit(X[100:200], Y[100:200]).partial_fit(X[200:], Y[200:])
    same(network.predict_proba(X), again.predict_proba(X))
    regressor = CNNRegressor(random_state=0)
    losses = [regressor.partial_fit(X, Y).history_["loss"][-1] for _ in range(5)]
    assert losses[-1] < losses[0]


def test_warm_start_goes_on() -> None:
    network = small(warm_start=True).fit(X, Y)
    model = network.model_
    before = network.history_["loss"][-1]
    network.fit(X, Y)
    assert network.model_ is model
    assert network.n_iter_ == 6
    assert network.history_["loss"][-1] < before
    cold = small().fit(X, Y)
    first = cold.predict_proba(X)
    same(cold.fit(X, Y).predict_proba(X), first)
    assert cold.model_ is not model
    assert cold.n_iter_ == 3


def test_early_stopping_keeps_the_best_epoch() -> None:
    network = small(epochs=200, early_stopping=True, validation_fraction=0.2, n_iter_no_change=3)
    network.set_params(learning_rate=0.01).fit(X, Y)
    losses = network.history_["val_loss"]
    assert len(losses) == network.n_iter_ == int(np.argmin(losses)) + 4 < 200
    regressor = CNNRegressor(early_stopping=True, epochs=40, n_iter_no_change=2, random_state=0)
    assert "val_loss" in regressor.fit(X, Y).history_


# --- repeatability --------------------------------------------------------------------------------


def test_random_state() -> None:
    """A seed, a generator, or NumPy's global one; cnnx's own generator stays where it stood."""
    cnnx.utils.set_random_seed(7)
    before = cnnx.random.get_state()["cnnx"]
    expected = small(random_state=3).fit(X, Y).predict_proba(X)
    same(small(random_state=np.random.RandomState(3)).fit(X, Y).predict_proba(X), expected)
    np.random.seed(3)
    same(small(random_state=None).fit(X, Y).predict_proba(X), expected)
    assert (small(random_state=None).fit(X, Y).predict_proba(X) != expected).any()
    assert cnnx.random.get_state()["cnnx"] == before


def test_several_threads_fit_at_once() -> None:
    expected = small().fit(X, Y).predict_proba(X)
    found: list[Any] = []
    threads = [
        threading.Thread(target=lambda: found.append(small().fit(X, Y).predict_proba(X)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    for likely in found:
        same(likely, expected)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # joblib's, of forks beside threads
def test_a_search_gives_the_same_in_threads_and_processes() -> None:
    grid = {"build_options": [{"units": 4}, {"units": 12}], "learning_rate": [0.01, 0.03]}
    found = []
    for backend, jobs in (("threading", 1), ("threading", 2), ("loky", 2)):
        with joblib.parallel_backend(backend):
            search = GridSearchCV(small(build=tiny_network), grid, cv=2, n_jobs=jobs).fit(X, Y)
        found.append((search.cv_results_["mean_test_score"], search.predict_proba(X)))
    for scores, likely in found[1:]:
        same(scores, found[0][0])
        same(likely, found[0][1])
    assert search.best_params_["build_options"] in grid["build_options"]


# --- scikit-learn's tools -------------------------------------------------------------------------


def test_copies() -> None:
    network = small().fit(X, Y)
    expected = network.predict_proba(X)
    stream = io.BytesIO()
    joblib.dump(network, stream)
    stream.seek(0)
    for other in (pickle.loads(pickle.dumps(network)), joblib.load(stream), copy.deepcopy(network)):
        same(other.predict_proba(X), expected)
        same(other.fit(X, Y).predict_proba(X), expected)
    fresh = clone(network)
    with pytest.raises(NotFittedError):
        fresh.predict(X)
    same(fresh.fit(X, Y).predict_proba(X), expected)


def test_tools_of_scikit_learn() -> None:
    pipeline = make_pipeline(StandardScaler(), small())
    assert cross_val_predict(pipeline, X, Y, cv=2, method="predict_proba").shape == (300, 10)
    calibrated = CalibratedClassifierCV(small(epochs=10), cv=2).fit(X, Y)
    assert calibrated.score(X, Y) > 0.8
    importance = permutation_importance(small(epochs=10).fit(X, Y), X, Y, n_repeats=2)
    assert importance.importances_mean[0] == 0, "a corner that is always black"
    assert importance.importances_mean.max() > 0
    vote = VotingClassifier([("a", small()), ("b", small(random_state=1))], voting="soft")
    assert vote.fit(X, Y).predict(X).shape == (300,)
    _, scores, _ = learning_curve(
        small(), X, Y, cv=2, train_sizes=[60, 120], exploit_incremental_learning=True
    )
    assert scores.shape == (2, 2)


def test_images_in_four_axes_and_the_tools() -> None:
    images = X.reshape(-1, 8, 8, 1)
    scores = cross_val_score(small(input_shape=None), images, Y, cv=2)
    same(scores, cross_val_score(small(), X, Y, cv=2))
    calibrated = CalibratedClassifierCV(small(input_shape=None), cv=2).fit(images, Y)
    assert calibrated.predict(images).shape == (300,)


def test_regression() -> None:
    x, y = load_diabetes(return_X_y=True)
    network = TransformedTargetRegressor(
        make_pipeline(StandardScaler(), CNNRegressor(early_stopping=True, random_state=0)),
        transformer=StandardScaler(),
    )
    assert cross_val_score(network, x, y, cv=3).mean() > 0.4
    y = (y - y.mean()) / y.std()
    two = CNNRegressor(random_state=0, epochs=5).fit(x, np.stack([y, -y], axis=1))
    assert two.predict(x).shape == (442, 2)
    assert CNNRegressor(epochs=1).fit(x, y[:, None]).predict(x).shape == (442, 1)
    assert CNNRegressor(epochs=1).fit(x, y).predict(x).shape == (442,)


def test_names_of_features() -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    table = pandas.DataFrame(X, columns=[f"pixel {index}" for index in range(64)])
    network = small().fit(table, pandas.Series(Y, name="digit"))
    assert network.feature_names_in_[3] == "pixel 3"
    same(network.predict(table), network.predict(table))
    with pytest.raises(ValueError, match="feature names should match"):
        network.predict(table[table.columns[::-1]])


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: small(input_shape=(9, 9, 1)).fit(X, Y),
            ValueError,
            r"\(9, 9, 1\) has 81 .* have 64",
        ),
        (lambda: small(input_shape="picture").fit(X, Y), ValueError, "'image', 'series' or None"),
        (
            lambda: small(input_shape="image").fit(X[:, :60], Y),
            ValueError,
            "60 features make no sq",
        ),
        (lambda: small(input_shape=64).fit(X, Y), TypeError, "input_shape"),
        (lambda: small().fit(X, np.zeros(300)), ValueError, "at least two classes, got 1 class"),
        (lambda: small().fit(X, Y + 0.5), ValueError, "Unknown label type"),
        (lambda: small(epochs=0).fit(X, Y), ValueError, "CNNClassifier: epochs"),
        (lambda: small(batch_size=1.5).fit(X, Y), TypeError, "CNNClassifier: batch_size"),
        (
            lambda: small(optimizer="adm").fit(X, Y),
            ValueError,
            "CNNClassifier: optimizer 'adm' is unk",
        ),
        (lambda: small(class_weight="even").fit(X, Y), ValueError, "class_weight"),
        (lambda: small().fit(X, Y, -np.ones(300)), ValueError, "egative"),
        (lambda: small(build=lambda *_: 3).fit(X, Y), TypeError, "build must return a cnnx.Model"),
        (
            lambda: small(build=lambda shape, _: tiny_network(shape, 9)).fit(X, Y),
            ValueError,
            r"to \(None, 9\), but X and y need \(None, 8, 8, 1\) to \(None, 10\)",
        ),
        (
            lambda: small(early_stopping=True, validation_fraction=0.001).fit(X, Y),
            ValueError,
            "validation_fraction=0.001 of 300 samples holds out 0",
        ),
        (lambda: small().partial_fit(X, Y), ValueError, "classes must be passed on the first call"),
        (
            lambda: small().partial_fit(X, Y, range(10)).partial_fit(X, Y, range(9)),
            ValueError,
            "are others than at the first call",
        ),
        (
            lambda: small().partial_fit(X, Y, range(9)),
            ValueError,
            "9, which is none of the classes",
        ),
        (
            lambda: small(early_stopping=True).partial_fit(X, Y, range(10)),
            ValueError,
            "early_stopping",
        ),
        (lambda: small(class_weight="balanced").partial_fit(X, Y, [1]), ValueError, "give a dict"),
        (lambda: CNNRegressor(early_stopping=True).partial_fit(X, Y), ValueError, "early_stopping"),
        (
            lambda: CNNRegressor().partial_fit(X, Y).partial_fit(X, np.stack([Y, Y], 1)),
            ValueError,
            "2 targets a sample, but the network was fitted to 1",
        ),
        (
            lambda: (
                small(input_shape=None).fit(X.reshape(-1, 8, 8), Y).predict(X.reshape(-1, 8, 4, 2))
            ),
            ValueError,
            r"samples of shape \(8, 4, 2\) do not fit .* \(8, 8\)",
        ),
    ],
)
def test_errors(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_cnnx_itself_needs_no_scikit_learn() -> None:
    code = "import sys, cnnx; assert 'sklearn' not in sys.modules; sys.modules['sklearn'] = None\n"
    code += "try: cnnx.sklearn\nexcept ImportError as error: print(error)"
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
    assert result.stdout == 'cnnx.sklearn needs scikit-learn: pip install "cnnx[sklearn]"\n'


def test_the_example(tmp_path: Path) -> None:
    example = Path(__file__).parent.parent / "examples" / "sklearn_digits.py"
    if not example.exists():
        pytest.skip("the examples are not in this copy of the sources")
    command = [sys.executable, str(example), "--samples", "300", "--epochs", "5", "--jobs", "1"]
    result = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert "Best parameters" in result.stdout
    accuracy = float(result.stdout.split("Accuracy on the others: ")[1].split()[0])
    assert accuracy > 60
