"""Files of models that somebody spoilt."""

from __future__ import annotations

import copy
import struct

import numpy as np
import pytest
import safetensors.numpy

import cnnx
from cnnx import layers
from cnnx.models import load_model
from saved_models import OPTIMIZERS, fit, read, small_model, write

pytestmark = pytest.mark.one_isa


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Return the description and the tensors of a trained model, for a test to spoil."""
    model = small_model(OPTIMIZERS["decay"]())
    fit(model, 1, seed=0)
    path = tmp_path_factory.mktemp("saved") / "model"
    model.save(path)
    return read(path)


def layer(description, class_name):
    entries = description["model"]["config"]["layers"]
    return next(entry for entry in entries if entry["class_name"] == class_name)


def field(class_name, name, value):
    def spoil(description, tensors):
        layer(description, class_name)["config"][name] = value

    return spoil


def entry(path, value):
    def spoil(description, tensors):
        *parents, last = path.split("/")
        for name in parents:
            description = description[name]
        description[last] = value

    return spoil


def tensor(end, change):
    def spoil(description, tensors):
        name = next(name for name in tensors if name.endswith(end))
        tensors[name] = change(tensors[name])

    return spoil


def without(end):
    def spoil(description, tensors):
        del tensors[next(name for name in tensors if name.endswith(end))]

    return spoil


def added(description, tensors):
    tensors["conv2d/extra"] = np.zeros(3, np.float32)


def class_of(class_name, other):
    def spoil(description, tensors):
        layer(description, class_name)["class_name"] = other

    return spoil


SPOILT = {
    "newer format": (entry("format", 2), "format 2"),
    "format missing": (lambda d, t: d.pop("format"), "format"),
    "no model": (entry("model", None), "NoneType"),
    "model is text": (entry("model/config", "os.system"), "string indices"),
    "another model class": (entry("model/class_name", "Functional"), "Functional"),
    "model's name is a number": (entry("model/config/name", 3), "name is 3, not a text"),
    "layers are a dict": (entry("model/config/layers", {"a": 1}), "layer"),
    "an unknown field of the model": (entry("model/config/more", 1), "unknown field 'more'"),
    "an unknown part": (entry("more", 1), "unknown field 'more'"),
    "code for a layer": (class_of("Flatten", "Lambda"), "layer 'Lambda' is unknown"),
    "a module for a layer": (class_of("Flatten", "os.system"), "layer 'os.system' is unknown"),
    "a list for a class": (class_of("Flatten", ["Flatten"]), "list"),
    "another case of a class": (class_of("Flatten", "flatten"), "'flatten', which is not valid"),
    "an unknown field": (field("Dense", "hook", "print"), "hook"),
    "text for a number": (field("Dense", "units", "6"), "units"),
    "a fraction of a unit": (field("Dense", "units", 6.0), "units"),
    "true for a number": (field("Dense", "units", True), "units"),
    "vast layer": (field("Dense", "units", 2**30), "but the model needs F32 of shape"),
    "vast image": (field("InputLayer", "shape", [2**30, 2**30, 2]), "too large"),
    "vast filter": (field("Conv2D", "kernel_size", [2**30, 2**30]), "too many pixels"),
    "negative stride": (field("Conv2D", "strides", [-1, 1]), "strides"),
    "text for a truth": (field("Conv2D", "use_bias", "no"), "use_bias"),
    "a number for a truth": (field("Conv2D", "use_bias", 1), "use_bias"),
    "not a number": (field("BatchNormalization", "momentum", float("nan")), "NaN is no number"),
    "rate above 1": (field("Dropout", "rate", 1.5), "rate"),
    "unknown activation": (field("Dense", "activation", "exec"), "activation 'exec' is unknown"),
    "unknown initializer": (field("Dense", "kernel_initializer", "exec"), "kernel_initializer"),
    "a name for a config": (field("Dense", "kernel_initializer", "zeros"), "not valid"),
    "nothing for a name": (field("Dense", "name", None), "is missing"),
    "unknown optimizer": (
        entry("compile/optimizer/class_name", "Exec"),
        "optimizer 'Exec'",
    ),
    "an unknown argument": (entry("compile/run_eagerly", True), "run_eagerly"),
    "unknown loss": (entry("compile/loss/class_name", "eval"), "loss 'eval' is unknown"),
    "unknown metric": (entry("compile/metrics", ["eval"]), "metrics 'eval' is unknown"),
    "text for a rate": (entry("compile/optimizer/config/beta_1", ".9"), "beta_1"),
    "compile is a list": (entry("compile", []), "mapping"),
    "state without optimizer": (entry("compile", None), "no place for the tensor optimizer."),
    "kernel missing": (without("/kernel"), "is missing"),
    "part of the state missing": (without("optimizer.v"), "optimizer.v is missing"),
    "count missing": (without("iterations"), "optimizer.iterations is missing"),
    "negative count": (tensor("iterations", lambda a: np.array(-1)), "iterations"),
    "one tensor more": (added, "no place for the tensor conv2d/extra"),
    "kernel transposed": (tensor("/kernel", lambda a: a[..., None]), "but the model needs"),
    "kernel of doubles": (tensor("/kernel", lambda a: a.astype("f8")), "F64"),
    "state too short": (tensor("optimizer.m", lambda a: a[:-1]), "optimizer.m is F32 of shape"),
}


@pytest.mark.parametrize(("spoil", "message"), SPOILT.values(), ids=SPOILT)
def test_spoilt_files(tmp_path, saved, spoil, message):
    description, tensors = copy.deepcopy(saved)
    spoil(description, tensors)
    path = tmp_path / "model"
    write(path, description, tensors)
    with pytest.raises(ValueError, match=message) as failure:
        load_model(path)
    assert str(path) in str(failure.value)


def test_damaged_bytes(tmp_path):
    good = tmp_path / "good"
    model = cnnx.Sequential([cnnx.Input((3,)), layers.Dense(2)])
    model.save(good)
    content = good.read_bytes()
    path = tmp_path / "damaged"
    size = struct.unpack("<Q", content[:8])[0]
    for damaged in (
        b"",
        content[:7],
        content[: size // 2],
        content[:-1],
        content + b"x",
        b"\xff" * 8 + content[8:],
        b"PK\x03\x04" + content,
        safetensors.numpy.save({"a": np.zeros(3, np.float32)}),
        safetensors.numpy.save({}, {"cnnx": "[" * 100_000}),
        safetensors.numpy.save({}, {"cnnx": "[]"}),
        safetensors.numpy.save({}, {"cnnx": "1" * 5000}),
    ):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="damaged: holds no model that can be loaded"):
            load_model(path)
