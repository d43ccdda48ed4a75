"""Models whose weights stay in the file, mapped into memory: load_model(path, mmap=True)."""

from __future__ import annotations

import mmap
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnx
from cnnx import layers
from cnnx.models import load_model
from keras_writer import dense, functional, image, keras_2, layer, values

pytestmark = pytest.mark.one_isa

X = np.random.default_rng(0).standard_normal((12, 6, 6, 2)).astype(np.float32)
Y = np.arange(12) % 3


@pytest.fixture
def path(tmp_path: Path) -> Path:
    cnnx.utils.set_random_seed(0)
    model = cnnx.Sequential(
        [
            cnnx.Input((6, 6, 2)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.DepthwiseConv2D(3),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(X, Y, epochs=2, verbose=0)
    model.save(tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


def in_file(model: cnnx.Model) -> list[bool]:
    """Return of each weight whether it lies in a map of a file."""
    found = []
    for weight in model.weights:
        base: Any = weight.value
        while isinstance(base, np.ndarray):
            base = base.base
        found.append(isinstance(base, memoryview) and isinstance(base.obj, mmap.mmap))
    return found


def test_a_mapped_model_predicts_the_same_bits(path: Path, backend: None) -> None:
    read, mapped = load_model(path), load_model(path, mmap=True)
    assert not any(in_file(read))
    assert all(in_file(mapped))
    np.testing.assert_array_equal(mapped.predict(X, verbose=0), read.predict(X, verbose=0))
    assert all(in_file(mapped))


def test_a_mapped_model_is_trained_on_in_memory_of_its_own(path: Path) -> None:
    """To the same bits as one that was read; the file and who else maps it stay as they are."""
    content = path.read_bytes()
    read, mapped, other = load_model(path), load_model(path, mmap=True), load_model(path, mmap=True)
    before = other.get_weights()
    for model in (read, mapped):
        model.fit(X, Y, epochs=2, shuffle=False, verbose=0)
    for one, two in zip(read.get_weights(), mapped.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    for one, two in zip(before, other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    assert path.read_bytes() == content


def test_weights_of_a_mapped_model_can_be_set(path: Path) -> None:
    content = path.read_bytes()
    mapped, other = load_model(path, mmap=True), load_model(path, mmap=True)
    twice = [2 * array for array in mapped.get_weights()]
    mapped.set_weights(twice)
    np.testing.assert_array_equal(mapped.weights[0].value, 2 * other.weights[0].value)
    read = load_model(path)
    read.set_weights(twice)
    np.testing.assert_array_equal(mapped.predict(X, verbose=0), read.predict(X, verbose=0))
    assert path.read_bytes() == content


def test_a_mapped_file_may_be_replaced(path: Path) -> None:
    """By itself too: `save` makes a new file."""
    mapped = load_model(path, mmap=True)
    expected = mapped.predict(X, verbose=0)
    mapped.save(path)
    np.testing.assert_array_equal(mapped.predict(X, verbose=0), expected)
    other = cnnx.Sequential([cnnx.Input((2,)), layers.Dense(3)])
    other.save(path)
    np.testing.assert_array_equal(mapped.predict(X, verbose=0), expected)


def test_tensors_that_lie_askew_are_read(path: Path) -> None:
    """As other writers may place them: the header ends where it likes."""
    expected = load_model(path).predict(X, verbose=0)
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    askew = (size + 1).to_bytes(8, "little") + content[8 : 8 + size] + b" " + content[8 + size :]
    path.write_bytes(askew)
    mapped = load_model(path, mmap=True)
    assert not any(in_file(mapped))
    np.testing.assert_array_equal(mapped.predict(X, verbose=0), expected)


def test_a_damaged_file_is_named(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(ValueError, match=re.escape(str(path))):
        load_model(path, mmap=True)


def test_files_of_keras_are_not_mapped(tmp_path: Path) -> None:
    network = functional(
        image(3),
        layer("Dense", "e", "input_1", **dense(3)),
        inputs=["input_1"],
        outputs=["e"],
    )
    file = tmp_path / "model.h5"
    groups = {"e": [("e/kernel:0", values(3, 3)), ("e/bias:0", values(3))]}
    file.write_bytes(keras_2(network, groups))
    with pytest.raises(ValueError, match=r"mmap=True takes files that cnnx saved.*save\(\) it"):
        load_model(file, mmap=True)


PROCESS = """
import re, sys
from pathlib import Path
import numpy as np
import cnnx
model = cnnx.models.load_model(sys.argv[1], mmap=True)
x = np.ones((2, *model.input_shape[1:]), np.float32)
print(float(model.predict(x, verbose=0).sum()), flush=True)
sys.stdin.readline()  # all have predicted
maps = re.split(r"\\n(?=[0-9a-f]+-[0-9a-f]+ )", Path("/proc/self/smaps").read_text())
ours = [entry for entry in maps if entry.splitlines()[0].endswith(sys.argv[1])]
for key in ("Rss", "Pss", "Private_Dirty"):
    print(sum(int(n) for e in ours for n in re.findall(rf"^{key}: +(\\d+)", e, re.MULTILINE)))
sys.stdout.flush()
sys.stdin.readline()  # all have looked
"""


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="needs Linux's /proc")
def test_processes_hold_the_weights_of_a_mapped_model_once(tmp_path: Path) -> None:
    path = tmp_path / "large.safetensors"
    model = cnnx.Sequential([cnnx.Input((1024,)), layers.Dense(2048), layers.Dense(1024)])
    model.save(path)
    kibibytes = path.stat().st_size >> 10
    command = [sys.executable, "-c", PROCESS, str(path)]
    pipe = subprocess.PIPE
    count = 4
    processes = [
        subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(count)
    ]
    try:
        answers = {process.stdout.readline() for process in processes}  # type: ignore[union-attr]
        assert len(answers) == 1
        for process in processes:
            process.stdin.write("\n")  # type: ignore[union-attr]
            process.stdin.flush()  # type: ignore[union-attr]
        found = [
            [int(process.stdout.readline()) for _ in range(3)]  # type: ignore[union-attr]
            for process in processes
        ]
    finally:
        for process in processes:
            process.communicate("\n")
    for resident, _, dirty in found:
        assert resident > 0.9 * kibibytes
        assert dirty == 0
    in_all = sum(share for _, share, _ in found)
    assert in_all < 1.1 * kibibytes
