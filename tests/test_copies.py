"""copy.deepcopy, pickle and joblib of a model: bit for bit the same, and independent."""

from __future__ import annotations

import copy
import pickle
import pickletools
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnx
from cnnx import layers
from saved_models import CLASSES, data, fit, small_model


class Doubling(layers.Layer):
    def forward(self, call: Any, x: Any) -> Any:
        return 2 * x

    def backward(self, call: Any, dy: Any) -> Any:
        return 2 * dy


class Block(layers.Layer):
    """Holds layers, whose weights are its own."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.first = layers.Dense(3, name="first")
        self.others = [layers.Dense(3, name="second")]

    @property
    def weights(self) -> list[Any]:
        return [weight for layer in (self.first, *self.others) for weight in layer.weights]

    def build(self, input_shape: Any) -> None:
        self.others[0].build_once(self.first.build_once(input_shape))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[:-1], 3)

    def forward(self, call: Any, x: Any) -> Any:
        return self.others[0](self.first(x))

    def backward(self, call: Any, dy: Any) -> Any:
        raise NotImplementedError


def test_a_layer_that_holds_layers_is_copied_with_their_weights(tmp_path: Path) -> None:
    layer, x = Block(), np.ones((2, 4), np.float32)
    y = layer(x)
    drawn = cnnx.random.get_state()
    for make_copy in COPIES.values():
        copied = make_copy(layer, tmp_path)
        assert cnnx.random.get_state() == drawn
        np.testing.assert_array_equal(copied(x), y)
        assert copied.first is not layer.first
        assert len(copied.weights) == 4


def compiled(*stack: layers.Layer) -> cnnx.Sequential:
    head = [layers.Flatten(), layers.Dense(CLASSES, activation="softmax")]
    model = cnnx.Sequential([*stack, *head])
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


MODELS: dict[str, Callable[[], cnnx.Sequential]] = {
    "every kind": small_model,
    "with seeds": lambda: compiled(layers.RandomFlip(seed=1), layers.Dropout(0.5, seed=2)),
    "a layer of the user's": lambda: compiled(Doubling()),
}


def with_joblib(model: Any, folder: Path) -> Any:
    joblib = pytest.importorskip("joblib")
    joblib.dump(model, folder / "copy")
    return joblib.load(folder / "copy")


COPIES: dict[str, Callable[[Any, Path], Any]] = {
    "deepcopy": lambda model, _: copy.deepcopy(model),
    "pickle 2": lambda model, _: pickle.loads(pickle.dumps(model, 2)),
    "pickle 5": lambda model, _: pickle.loads(pickle.dumps(model, 5)),
    "joblib": with_joblib,
}


@pytest.mark.parametrize("make_copy", COPIES.values(), ids=COPIES)
@pytest.mark.parametrize("make_model", MODELS.values(), ids=MODELS)
def test_a_copy_goes_on_as_the_model_does(
    tmp_path: Path,
    make_model: Callable[[], cnnx.Sequential],
    make_copy: Callable[[Any, Path], Any],
) -> None:
    model = make_model()
    fit(model, 2, seed=0)
    cnnx.utils.set_random_seed(5)
    other = make_copy(model, tmp_path)
    drawn = cnnx.random.generator().random()
    cnnx.utils.set_random_seed(5)
    assert drawn == cnnx.random.generator().random(), "copying draws no random numbers"
    assert other.get_config() == model.get_config()
    assert other.get_compile_config() == model.get_compile_config()
    x, _ = data()
    before = model.predict(x, verbose=0)
    np.testing.assert_array_equal(other.predict(x, verbose=0), before)
    history = fit(other, 2, seed=1).history
    np.testing.assert_array_equal(model.predict(x, verbose=0), before, "the copy is independent")
    assert fit(model, 2, seed=1).history == history
    for one, another in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, another)


@pytest.mark.parametrize("make_copy", COPIES.values(), ids=COPIES)
def test_models_that_are_not_built_or_not_compiled(
    tmp_path: Path, make_copy: Callable[[Any, Path], Any]
) -> None:
    fresh = make_copy(cnnx.Sequential([layers.Dense(2, name="d")], name="m"), tmp_path)
    assert (fresh.built, fresh.name, fresh.layers[0].name) == (False, "m", "d")
    built = cnnx.Sequential([cnnx.Input((3,)), layers.Dense(2)])
    other = make_copy(built, tmp_path)
    assert other.get_compile_config() is None
    np.testing.assert_array_equal(other.predict(np.eye(3)), built.predict(np.eye(3)))


def test_other_processes_predict_the_same() -> None:
    joblib = pytest.importorskip("joblib")
    model = small_model()
    x, _ = data()
    predict = joblib.delayed(partial(model.predict, verbose=0))
    results = joblib.Parallel(n_jobs=2, backend="loky")(predict(x) for _ in range(3))
    for result in results:
        np.testing.assert_array_equal(result, model.predict(x, verbose=0))


def test_a_pickle_names_classes_and_no_code() -> None:
    operations = pickletools.genops(pickle.dumps(small_model(), 2))
    names = {name for operation, name, _ in operations if operation.name == "GLOBAL"}
    assert all(
        str(name).startswith(("cnnx.", "numpy", "copy_reg ", "_codecs ")) for name in names
    ), names
