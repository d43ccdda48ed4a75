from __future__ import annotations

import copy
import json
import os
import pickle
import re
import resource
import struct
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

import cnnx
from cnnx import layers, optimizers
from cnnx.data import write_idx
from cnnx.models import load_model
from cnnx.optimizers import SGD, Adam
from cnnx.optimizers.schedules import PolynomialDecay

CLASSES = 4


def data(n=24):
    generator = np.random.default_rng(1)
    x = generator.standard_normal((n, 8, 8, 2)).astype(np.float32)
    return x, generator.integers(0, CLASSES, n)


def small_model(optimizer="adam", with_input=True):
    model = cnnx.Sequential(
        [
            *([cnnx.Input((8, 8, 2))] if with_input else []),
            layers.Conv2D(4, 3, padding="same", strides=(2, 1), kernel_initializer="he_normal"),
            layers.BatchNormalization(momentum=0.8),
            layers.ReLU(),
            layers.MaxPooling2D((1, 2)),
            layers.AveragePooling2D(2, strides=1, padding="same"),
            layers.Dropout(0.3),
            layers.WeightedAveragePooling2D((1, 2)),
            layers.GaussianDropout(0.2),
            layers.Flatten(order="F"),
            layers.Reshape((-1, 8)),
            layers.Flatten(),
            layers.Dense(6, activation="tanh", bias_initializer=cnnx.initializers.Constant(0.1)),
            layers.Dense(CLASSES, trainable=False),
            layers.Softmax(),
        ]
    )
    loss = "sparse_categorical_crossentropy"
    model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])
    return model


def fit(model, epochs, seed):
    cnnx.utils.set_random_seed(seed)
    return model.fit(*data(), batch_size=8, epochs=epochs, verbose=0)


OPTIMIZERS = {
    "sgd": lambda: SGD(0.05),
    "nesterov": lambda: SGD(0.05, momentum=0.9, nesterov=True),
    "adam": lambda: Adam(0.01, beta_1=0.8, epsilon=1e-5),
    "adamw": lambda: optimizers.AdamW(0.01, weight_decay=0.1),
    "nadam": lambda: optimizers.Nadam(0.01),
    "momentum": lambda: optimizers.Momentum(0.05),
    "adagrad": lambda: optimizers.Adagrad(0.05, initial_accumulator_value=0.2),
    "rmsprop": lambda: optimizers.RMSprop(0.01, epsilon_in_root=False),
    "decay": lambda: Adam(PolynomialDecay(0.01, 20, 0.001, power=2.0)),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_predictions_and_training_go_on(tmp_path, optimizer):
    model = small_model(optimizer())
    fit(model, 2, seed=0)
    model.save(tmp_path / "model.safetensors")
    loaded = load_model(tmp_path / "model.safetensors")
    x, _ = data()
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))
    unbroken = fit(model, 3, seed=1).history
    assert fit(loaded, 3, seed=1).history == unbroken
    for one, other in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_everything_is_restored(tmp_path):
    model = small_model()
    model.save(tmp_path / "a")
    loaded = load_model(tmp_path / "a")
    assert loaded.get_config() == model.get_config()
    loaded.save(tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == (tmp_path / "a").read_bytes()


def test_without_compiling(tmp_path):
    model = cnnx.Sequential([cnnx.Input((3,)), layers.Dense(2)])
    model.save(tmp_path / "a")
    loaded = load_model(tmp_path / "a")
    x = np.ones((1, 3), np.float32)
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))


def test_layers_with_a_seed_draw_on_where_they_stood(tmp_path):
    model = cnnx.Sequential(
        [
            cnnx.Input((8, 8, 2)),
            layers.RandomFlip(seed=1),
            layers.Flatten(),
            layers.Dropout(0.5, seed=2),
            layers.Dense(CLASSES, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    fit(model, 2, seed=0)
    model.save(tmp_path / "a")
    loaded = load_model(tmp_path / "a")
    assert fit(loaded, 2, seed=1).history == fit(model, 2, seed=1).history


def test_saving_waits_for_the_step_of_another_thread(tmp_path):
    model = small_model()
    saved = threading.Event()

    def save():
        model.save(tmp_path / "a")
        saved.set()

    with model.lock:
        thread = threading.Thread(target=save)
        thread.start()
        assert not saved.wait(0.1)
    assert saved.wait(10)
    thread.join()


def test_every_kind_of_convolution(tmp_path):
    model = cnnx.Sequential(
        [
            cnnx.Input((8, 8, 2)),
            layers.Conv2D(2, 3, padding="full", operation="convolution"),
            layers.Conv2D(2, 3, bias="untied"),
            layers.Conv2D(3, 2, padding=((0, 1), (2, 0)), bias_operation="multiply"),
            layers.Flatten(),
            layers.Dense(CLASSES, activation="softmax"),
        ]
    )
    model.compile(optimizer="sgd", loss="sparse_categorical_crossentropy")
    assert [layer.count_params() for layer in model.layers[:3]] == [38, 36 + 8 * 8 * 2, 27]
    fit(model, 1, seed=0)
    model.save(tmp_path / "a")
    loaded = load_model(tmp_path / "a")
    assert loaded.get_config() == model.get_config()
    assert fit(loaded, 1, seed=1).history == fit(model, 1, seed=1).history


def test_a_model_built_by_its_data(tmp_path):
    model = small_model(with_input=False)
    fit(model, 1, seed=0)
    model.save(tmp_path / "a")
    x, _ = data()
    np.testing.assert_array_equal(
        load_model(tmp_path / "a").predict(x, verbose=0), model.predict(x, verbose=0)
    )


def test_loading_draws_no_random_numbers(tmp_path):
    small_model().save(tmp_path / "a")
    cnnx.utils.set_random_seed(5)
    expected = cnnx.random.generator().random()
    cnnx.utils.set_random_seed(5)
    load_model(tmp_path / "a")
    assert cnnx.random.generator().random() == expected


def test_any_file_name(tmp_path):
    path = tmp_path / "ü ü" / ("模" * 80)
    path.parent.mkdir()
    model = small_model()
    model.save(path)
    assert load_model(str(path)).get_config() == model.get_config()
    assert list(path.parent.iterdir()) == [path]


def test_the_file_is_plain_safetensors(tmp_path):
    model = small_model()
    model.save(tmp_path / "a")
    tensors = safetensors.numpy.load_file(tmp_path / "a")
    kernel = next(layer for layer in model.layers if isinstance(layer, layers.Conv2D)).kernel
    np.testing.assert_array_equal(tensors[kernel.path], kernel.numpy())


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_a_file_that_is_replaced_keeps_its_permissions(tmp_path: Path, mode: int) -> None:
    file, model = tmp_path / "model", small_model()
    for save in (model.save, model.save_weights):
        file.touch()
        file.chmod(mode)
        save(file)
        assert file.stat().st_mode & 0o777 == mode


def test_a_failing_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "model"
    small_model().save(path)
    before = path.read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        small_model().save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


KILLS = """
import os, signal, sys, time
import numpy as np
import cnnx
from cnnx.models import load_model

path = sys.argv[1]
model = cnnx.Sequential([cnnx.Input((500,)), cnnx.layers.Dense(500)])
for kill in range(12):
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        for step in range(256):
            model.set_weights([np.full((500, 500), step), np.full(500, step)])
            model.save(path)
            os.write(writing, bytes([step]))
    seen = os.read(reading, 1)[0]
    time.sleep(0.002 * kill)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    values = np.unique(np.concatenate([w.ravel() for w in load_model(path).get_weights()]))
    assert len(values) == 1 and values[0] >= seen, values
"""


def test_killed_saves_leave_whole_files(tmp_path):
    """Of twelve kills some hit a save half-way; what that leaves behind has a name of its own."""
    path = tmp_path / "model"
    command = [sys.executable, "-c", KILLS, path]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    left = [file.name for file in tmp_path.iterdir() if file != path]
    assert len(left) <= 12
    assert all(re.fullmatch(r"\.cnnx-[0-9a-f]{16}\.tmp", name) for name in left)


def check_full(folder, wide):
    """Save a model that fits and one that does not: the first stays, and nothing else."""
    path = folder / "model"
    small_model().save(path)
    before = path.read_bytes()
    with pytest.raises(OSError, match=r"No space left|File too large"):
        wide.save(path)
    assert path.read_bytes() == before
    assert list(folder.iterdir()) == [path]


@pytest.fixture
def wide():
    return cnnx.Sequential([cnnx.Input((500,)), layers.Dense(500)])


def test_a_limit_of_file_size(tmp_path, wide):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, before[1]))
        check_full(tmp_path, wide)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=500k", "none", folder]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may make a small disk")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk(small_disk, wide):
    check_full(small_disk, wide)
    (small_disk / "full").write_bytes(bytes(400_000))
    with pytest.raises(OSError, match="No space left"):
        write_idx(small_disk / "array", np.zeros(10**6, "u1"))
    assert len(list(small_disk.iterdir())) == 2


def test_only_ordinary_files(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file"):
        load_model(tmp_path / "absent")
    with pytest.raises(ValueError, match="is a folder"):
        load_model(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="is a pipe"):
        load_model(tmp_path / "pipe")
    with pytest.raises(OSError, match="is a pipe"):
        small_model().save(tmp_path / "pipe")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        small_model().save(tmp_path)
    with pytest.raises(FileNotFoundError, match="Create it"):
        small_model().save(tmp_path / "absent" / "model")


def read(path):
    """Return the description and the tensors of a saved model."""
    with safetensors.safe_open(path, framework="numpy") as file:
        description = json.loads(file.metadata()["cnnx"])
        return description, {name: file.get_tensor(name) for name in list(file.keys())}


def write(path, description, tensors):
    metadata = {"cnnx": json.dumps(description)}
    path.write_bytes(safetensors.numpy.save(tensors, metadata))


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


def test_metrics_losses_and_schedules_by_object(tmp_path):
    model = cnnx.Sequential([cnnx.Input((3,)), layers.Dense(2, activation="softmax")])
    schedule = cnnx.optimizers.schedules.PiecewiseConstantDecay([3, 5], [0.1, 0.01, 0.001])
    model.compile(
        optimizer=SGD(schedule, momentum=0.5),
        loss=cnnx.losses.CategoricalCrossentropy(label_smoothing=0.1),
        metrics=[cnnx.metrics.CategoricalAccuracy(name="right"), "mse"],
    )
    model.save(tmp_path / "a")
    loaded = load_model(tmp_path / "a")
    assert loaded.get_compile_config() == model.get_compile_config()
    assert loaded.metrics_names == ["loss", "right", "mse"]


def test_names_of_classes_stay_with_a_model(tmp_path: Path) -> None:
    model = cnnx.Sequential([cnnx.Input((3,)), layers.Dense(2)])
    assert model.class_names is None
    model.class_names = ("cat", "dog")
    model.save(tmp_path / "model")
    for other in (
        cnnx.models.load_model(tmp_path / "model"),
        cnnx.models.clone_model(model),
        copy.deepcopy(model),
        pickle.loads(pickle.dumps(model)),
    ):
        assert other.class_names == ["cat", "dog"]
    for wrong in ("ab", ["a", "a"], [1, 2], 3):
        with pytest.raises(TypeError, match="class_names must be a list of different texts"):
            model.class_names = wrong
    assert model.class_names == ["cat", "dog"]


def test_a_model_is_loaded_without_what_it_was_compiled_with(tmp_path):
    def own_loss(y_true, y_pred):
        return np.mean((y_pred - y_true) ** 2)

    own_loss.gradient = lambda y_true, y_pred: 2 * (y_pred - y_true) / y_pred.size
    model = cnnx.Sequential([cnnx.Input((8, 8, 2)), layers.Flatten(), layers.Dense(3)])
    model.compile("adam", own_loss)
    x, y = data()
    model.fit(x, np.eye(3)[y % 3], verbose=0)
    model.save(tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match="own_loss"):
        load_model(tmp_path / "model.safetensors")
    for mapped in (False, True):
        loaded = load_model(tmp_path / "model.safetensors", compile=False, mmap=mapped)
        assert loaded.optimizer is None
        assert loaded.loss is None
        np.testing.assert_array_equal(loaded.predict(x), model.predict(x))
        with pytest.raises(ValueError, match="compile"):
            loaded.evaluate(x, y)
    loaded.compile("sgd", "mse")
    loaded.fit(x, np.eye(3)[y % 3], verbose=0)


def test_a_file_that_exists_is_kept_if_it_must_be(tmp_path):
    model = small_model()
    for save in (model.save, model.save_weights):
        path = tmp_path / f"{save.__name__}.safetensors"
        save(path, overwrite=False)
        before = path.read_bytes()
        model.set_weights([weight + 1 for weight in model.get_weights()])
        with pytest.raises(FileExistsError, match=f"{save.__name__}.*overwrite=True"):
            save(path, overwrite=False)
        assert path.read_bytes() == before
        save(path)
        assert path.read_bytes() != before
