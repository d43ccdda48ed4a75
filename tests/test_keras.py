"""The paths of Keras: `cnnx.keras` holds the objects of cnnx."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

import cnnx
from cnnx import keras

pytestmark = pytest.mark.one_isa

MODULES = [
    "activations",
    "applications",
    "applications.densenet",
    "applications.efficientnet",
    "applications.imagenet_utils",
    "applications.mobilenet",
    "applications.mobilenet_v2",
    "applications.mobilenet_v3",
    "applications.resnet",
    "applications.resnet_v2",
    "callbacks",
    "constraints",
    "datasets",
    "datasets.mnist",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "optimizers",
    "optimizers.schedules",
    "regularizers",
    "saving",
    "utils",
]


def run(code: str) -> None:
    child = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert child.returncode == 0, child.stderr


@pytest.mark.parametrize("name", MODULES)
def test_a_module_holds_the_objects_of_its_namesake(name: str) -> None:
    own = importlib.import_module(f"cnnx.{name}")
    alias = importlib.import_module(f"cnnx.keras.{name}")
    assert own.__all__
    for public in own.__all__:
        # A submodule may be a module of the same names.
        if f"{name}.{public}" not in MODULES:
            assert getattr(alias, public) is getattr(own, public), public


@pytest.mark.parametrize(
    "name",
    [
        "activations",
        "constraints",
        "initializers",
        "losses",
        "metrics",
        "optimizers.schedules",
        "regularizers",
    ],
)
def test_the_public_names_include_the_whole_table(name: str) -> None:
    module = importlib.import_module(f"cnnx.{name}")
    table = getattr(module, name.split(".")[-1].upper())
    entries = {getattr(entry, "__name__", None) or entry.name for entry in table.values()}
    assert entries <= set(module.__all__)


def test_every_module_is_in_the_list() -> None:
    modules = {name for name in keras.__all__ if name.islower()}
    assert modules == {name for name in MODULES if "." not in name}


def test_the_names_at_the_top() -> None:
    assert keras.Input is cnnx.Input
    assert keras.Sequential is cnnx.Sequential
    assert keras.Model is cnnx.models.Model
    for name in keras.__all__:
        assert getattr(keras, name) is not None
    with pytest.raises(AttributeError, match=r"module 'cnnx\.keras' has no attribute 'ops'"):
        keras.ops  # noqa: B018


def test_a_model_is_that_of_cnnx() -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile(keras.optimizers.Adam(), keras.losses.MeanSquaredError())
    assert isinstance(model, cnnx.Sequential)
    assert isinstance(keras.models.clone_model(model).layers[-1], cnnx.layers.Dense)


def test_what_is_heavy_comes_on_first_use() -> None:
    run(
        "import sys, cnnx as tf\n"
        "assert 'cnnx.keras' not in sys.modules\n"
        "tf.keras.layers.Dense, tf.keras.models.clone_model\n"
        "assert not {'cnnx.datasets', 'cnnx.data', 'PIL', 'matplotlib'} & set(sys.modules)\n"
        "assert tf.keras.datasets.mnist.load_data is tf.datasets.mnist.load_data\n"
        "assert tf.keras.models.load_model is tf.models.load_model is tf.keras.saving.load_model\n"
    )


@pytest.mark.parametrize(
    ("line", "found", "expected"),
    [
        ("import cnnx.keras", "cnnx.keras.layers.Dense", "layers.Dense"),
        ("import cnnx as tf", "tf.keras.losses.get", "losses.get"),
        ("import cnnx as tf", "tf.keras.utils.set_random_seed", "utils.set_random_seed"),
        ("from cnnx import keras", "keras.datasets.mnist.load_data", "datasets.mnist.load_data"),
        ("from cnnx.keras import datasets", "datasets.digits", "datasets.digits"),
        ("from cnnx.keras.layers import Dense", "Dense", "layers.Dense"),
        ("from cnnx.keras.layers import *", "Conv2D", "layers.Conv2D"),
        ("import cnnx.keras.layers as L", "L.Flatten", "layers.Flatten"),
        ("from cnnx.keras import layers", "layers.Dense", "layers.Dense"),
        ("from cnnx.keras import Input", "Input", "Input"),
        ("from cnnx.keras.models import Sequential", "Sequential", "Sequential"),
        ("from cnnx.keras.models import load_model", "load_model", "saving.load_model"),
        ("from cnnx.keras.models import *", "save_model", "saving.save_model"),
        ("from cnnx.keras.datasets import mnist", "mnist.load_data", "datasets.mnist.load_data"),
        (
            "from cnnx.keras.datasets.mnist import load_data",
            "load_data",
            "datasets.mnist.load_data",
        ),
        ("from cnnx.keras.optimizers import Adam", "Adam", "optimizers.Adam"),
        (
            "from cnnx.keras.optimizers.schedules import CosineDecay",
            "CosineDecay",
            "optimizers.schedules.CosineDecay",
        ),
        (
            "from cnnx.keras.callbacks import EarlyStopping",
            "EarlyStopping",
            "callbacks.EarlyStopping",
        ),
        ("from cnnx.keras.activations import relu", "relu", "activations.relu"),
        ("from cnnx.keras.initializers import HeNormal", "HeNormal", "initializers.HeNormal"),
        ("from cnnx.keras.metrics import Metric", "Metric", "metrics.Metric"),
        ("from cnnx.keras.utils import to_categorical", "to_categorical", "utils.to_categorical"),
    ],
)
def test_every_form_of_import(line: str, found: str, expected: str) -> None:
    run(f"{line}\nfound = {found}\nimport cnnx\nassert found is cnnx.{expected}")
