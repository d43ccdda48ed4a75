from __future__ import annotations

import copy
import os
import pickle
import re
import resource
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

import cnnx
from cnnx import layers
from cnnx.data import write_idx
from cnnx.models import load_model
from cnnx.optimizers import SGD
from saved_models import CLASSES, OPTIMIZERS, data, fit, small_model

pytestmark = pytest.mark.one_isa


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
