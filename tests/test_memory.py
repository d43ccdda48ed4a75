"""Memory that runs out, and memory that must not grow."""

from __future__ import annotations

import itertools
import platform
import re
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest

import cnnx
from agreement import normal
from cnnx import _core, layers, ops
from cnnx.buffer import Buffer, aligned_empty
from test_processes import output_of

pytestmark = pytest.mark.one_isa

X, Y = normal(1, 64, 10, 10, 1), np.arange(64) % 3


def network(features: int = 8) -> cnnx.Sequential:
    cnnx.utils.set_random_seed(1)
    model = cnnx.Sequential(
        [
            cnnx.Input((10, 10, 1)),
            layers.RandomTranslation(0.1, 0.1),
            layers.Conv2D(4, 3, activation="relu", padding="same"),
            layers.BatchNormalization(),
            layers.Conv2D(features, 3),
            layers.BatchNormalization(),
            layers.Activation("sigmoid"),
            layers.MaxPooling2D(2),
            layers.AveragePooling2D(2),
            layers.Dropout(0.3),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
    return model


def step(model: cnnx.Sequential, samples: int) -> tuple[Any, ...]:
    """Take a step from a fixed state of the generator; return all that comes of it."""
    cnnx.utils.set_random_seed(2)
    figures = model.train_on_batch(X[:samples], Y[:samples])
    outputs = model.predict(X[:samples], verbose=0)
    return figures, outputs.tobytes(), [weight.tobytes() for weight in model.get_weights()]


OPERATIONS: dict[str, Callable[[cnnx.Sequential, int], Any]] = {
    "train_on_batch": lambda model, n: model.train_on_batch(X[:n], Y[:n]),
    "fit": lambda model, n: model.fit(X[:n].astype("f8"), Y[:n], n, verbose=0),
    "evaluate": lambda model, n: model.evaluate(X[:n], Y[:n], n, verbose=0),
    "predict": lambda model, n: model.predict(X[:n].astype("f2"), n, verbose=0),
    "predict_on_batch": lambda model, n: model.predict_on_batch(X[:n].astype("i4")),
}


@contextmanager
def failing_allocation(position: int) -> Iterator[None]:
    """Let the `position`-th array, NumPy's or the core's, raise MemoryError."""
    counter = itertools.count(1)

    def failing(empty: Callable[..., Any]) -> Callable[..., Any]:
        def fail_once(*arguments: Any, **options: Any) -> Any:
            if next(counter) == position:
                raise MemoryError
            return empty(*arguments, **options)

        return fail_once

    with (
        mock.patch.object(np, "empty", failing(np.empty)),
        mock.patch.object(_core, "empty", failing(_core.empty)),
    ):
        yield


@pytest.mark.parametrize("name", OPERATIONS)
def test_each_allocation_may_fail(name: str) -> None:
    """A larger batch than before makes every buffer grow: let the first fail, the second, ...."""
    for position in itertools.count(1):
        model, twin = network(), network()
        assert step(model, 8) == step(twin, 8)
        try:
            with failing_allocation(position):
                OPERATIONS[name](model, 32)
        except MemoryError:
            assert step(model, 8) == step(twin, 8), f"after failure {position}"
            assert step(model, 40) == step(twin, 40), f"after failure {position}"
        else:
            break
    assert position > 3


def test_a_buffer_keeps_its_shape_if_another_does_not_fit() -> None:
    buffer, other = Buffer((3,)), np.zeros((4, 5), np.float32)
    buffer.rows(8)
    with failing_allocation(1), pytest.raises(MemoryError):
        buffer.like(other)
    assert buffer.like(other).shape == (4, 5)


def test_an_array_without_memory_is_named() -> None:
    with pytest.raises(MemoryError, match=r"shape \(65536, 1073741824\) and type float32, 268,4"):
        aligned_empty((1 << 16, 1 << 30))


def vast(*shape: int) -> Any:
    """Return an array that holds one number in memory, and would fill it as float32 of its own."""
    return np.broadcast_to(np.float32(0), shape)


FAR = 2**19 - 1
WITHOUT_MEMORY: dict[str, tuple[Callable[[], Any], str]] = {
    "conv2d": (
        lambda: ops.conv2d(np.ones((1, 1, 1, 1)), np.ones((1, 1, 1, 64)), padding=FAR),
        "conv2d: no memory for an array of shape (1, 1048575, 1048575, 64) and type float32, 268,4",
    ),
    "im2col": (
        lambda: ops.im2col(np.ones((1, 1, 1, 64)), 1, padding=FAR),
        "im2col: no memory for an array of shape (1099509530625, 64)",
    ),
    "max_pool2d": (
        lambda: ops.max_pool2d(np.ones((1, 1, 1, 2**17)), 40_000, 1, 39_999),
        "max_pool2d: no memory for an array of shape (1, 40000, 40000, 131072)",
    ),
    "dense": (
        lambda: ops.dense(np.ones((2**24, 0)), np.ones((0, 2**24))),
        "dense: no memory for an array of shape (16777216, 16777216)",
    ),
    "matmul": (
        lambda: ops.matmul(np.ones((2**24, 0)), np.ones((0, 2**24))),
        "matmul: no memory for an array of shape (16777216, 16777216)",
    ),
    "batch_norm": (
        lambda: ops.batch_norm(vast(2**23, 2**23)),
        "batch_norm: x: no memory for an array of shape (8388608, 8388608)",
    ),
    "relu": (
        lambda: ops.relu(vast(2**46)),
        "relu: x: no memory for an array of shape (70368744177664,)",
    ),
    "layer": (
        lambda: layers.ZeroPadding2D(FAR, name="wide")(np.ones((1, 1, 1, 64))),
        "ZeroPadding2D 'wide': no memory for an array of shape (1, 1048575, 1048575, 64)",
    ),
    "pictures": (
        lambda: layers.Resizing(FAR, FAR, name="wide")({"images": np.ones((1, 1, 1, 256))}),
        "Resizing 'wide': no memory for an array of shape (1, 524287, 524287, 256)",
    ),
}


@pytest.mark.parametrize("name", WITHOUT_MEMORY)
def test_an_operation_without_memory_is_named(name: str) -> None:
    operation, text = WITHOUT_MEMORY[name]
    with pytest.raises(MemoryError, match=re.escape(text) + ".*; smaller batches need less$"):
        operation()


# --- where arrays lie -----------------------------------------------------------------------------

HUGE_PAGE = 2 << 20


@pytest.mark.parametrize("shape", [(0,), (1,), (3, 5), (HUGE_PAGE // 4,), (700, 1001)])
def test_arrays_start_at_a_line_or_a_huge_page(shape: tuple[int, ...]) -> None:
    for _ in range(3):
        array = aligned_empty(shape)
        array[:] = 1
        assert array.ctypes.data % (64 if array.nbytes < HUGE_PAGE else HUGE_PAGE) == 0


@pytest.mark.skipif(
    not Path("/sys/kernel/mm/transparent_hugepage").exists(), reason="a kernel without huge pages"
)
def test_large_arrays_ask_for_huge_pages() -> None:
    array = aligned_empty((HUGE_PAGE,), np.uint8)
    for mapping in re.split(r"\n(?=[0-9a-f]+-[0-9a-f]+ )", Path("/proc/self/smaps").read_text()):
        start, end = (int(bound, 16) for bound in mapping.split(maxsplit=1)[0].split("-"))
        if start <= array.ctypes.data < end:
            assert re.search(r"^VmFlags:.* hg\b", mapping, re.MULTILINE)
            return
    raise AssertionError("the array lies in no mapping")


RESIDENT = """
import gc, os
import numpy as np
import cnnx
from cnnx.buffer import aligned_empty
def resident():
    gc.collect()
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20
np.ones(3 << 20)  # from now on the C library keeps what is smaller
"""
RELEASED = """
held = [aligned_empty((1 << 10,))]
before = resident()
for _ in range(4):
    array = aligned_empty((2 << 20,))
    array[:] = 1
    held.append(aligned_empty((1 << 10,)))
    del array
print(resident() - before)
"""
MOVED = """
def train(width, depth):
    dense = [cnnx.layers.Dense(width) for _ in range(depth)]
    model = cnnx.Sequential([cnnx.Input((width,)), *dense])
    model.compile("sgd", "mse")
    model.train_on_batch(np.zeros((1, width)), np.zeros((1, width)))
    return model
train(8, 1)
before = resident()
model = train(512, 24)  # of a MiB each
print(resident() - before)
"""
on_glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")


@on_glibc
def test_large_arrays_go_back_to_the_system() -> None:
    """Wherever small ones lie that were made after them."""
    assert int(output_of(RESIDENT + RELEASED)) < 2


@on_glibc
def test_weights_lie_in_memory_once() -> None:
    """And their gradients: what they lay in before the first step is given back."""
    assert int(output_of(RESIDENT + MOVED)) < 2.5 * 24


# --- real limits ----------------------------------------------------------------------------------

LIMITED = """
import os, resource, sys
sys.path.insert(0, {tests!r})
from test_memory import *
model, twin = network(256), network(256)
assert step(model, 8) == step(twin, 8)
x = np.zeros((20_000, 10, 10, 1), np.float32)
y = np.zeros(20_000, np.int64)
file = {folder!r} + "/model"
model.save(file)
saved = open(file, "rb").read()
backup = cnnx.callbacks.BackupAndRestore({folder!r}, 1)
def learn(units):
    wide = cnnx.Sequential([cnnx.Input((units,)), layers.Dense(units)])
    wide.compile("adam", "mse")
    wide.train_on_batch(np.zeros((1, units)), np.zeros((1, units)))
vast = cnnx.Sequential([cnnx.Input((2, 2, 1)), layers.UpSampling2D(2**13, name="vast")])
size = int(open("/proc/self/statm").read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
resource.setrlimit(resource.RLIMIT_AS, (size + (300 << 20), -1))
for name, operation in {{
    "train": lambda: model.train_on_batch(x, y),
    "fit": lambda: model.fit(x, y, 20_000, verbose=0, callbacks=backup),
    "evaluate": lambda: model.evaluate(x, y, 20_000, verbose=0),
    "predict": lambda: model.predict(x, 20_000, verbose=0),
    "conv2d": lambda: cnnx.ops.conv2d(x, np.zeros((3, 3, 1, 256), np.float32)),
    "wide": lambda: cnnx.Sequential([cnnx.Input((20_000,)), layers.Dense(20_000, name="wide")]),
    "vast": lambda: vast.predict(np.zeros((1, 2, 2, 1)), verbose=0),
    "weights": lambda: learn(4_500),
}}.items():
    try:
        operation()
    except MemoryError as error:
        text = str(error)
        assert "bad_alloc" not in text
        assert name not in ("conv2d", "wide", "vast", "weights") or name in text, text
        print(name, end=" ")
    assert step(model, 8) == step(twin, 8), name
assert os.listdir({folder!r}) == ["model"]
assert open(file, "rb").read() == saved
model.fit(X, Y, verbose=0)
"""


def test_a_process_short_of_memory_goes_on(tmp_path: Path) -> None:
    script = LIMITED.format(tests=str(Path(__file__).parent), folder=str(tmp_path))
    assert output_of(script) == "train fit evaluate predict conv2d wide vast weights"


ASIDE = """
import os, resource, threading
import numpy as np
from cnnx import _core, config
config.set_num_threads(1)
x, y = (np.zeros((1, size, size, 1024), np.float32) for size in (8, 6))
weights = np.zeros((3, 3, 1024, 1024), np.float32)
def convolve():
    _core.conv2d_forward(x, weights, None, y, (1, 1), (0, 0), (1, 1), 1, False)
program = _core.Program()
program.begin([])
convolve()
program.end()
def attempt():  # a thread keeps aside what it needs by itself
    for operation in convolve, program.run:
        try:
            operation()
        except MemoryError as error:
            print(error)
threading.stack_size(1 << 20)
size = int(open("/proc/self/statm").read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
resource.setrlimit(resource.RLIMIT_AS, (size + (8 << 20), -1))
thread = threading.Thread(target=attempt)
thread.start()
thread.join()
program.run()
"""


def test_an_operation_short_of_memory_is_named() -> None:
    """Whether Python calls it or a program that recorded it."""
    message = "conv2d_forward: no memory for what it keeps aside; smaller batches need less"
    assert output_of(ASIDE).splitlines() == [message] * 2


@pytest.mark.parametrize("mapped", [False, True])
def test_a_shuffled_fit_copies_no_array(tmp_path: Path, mapped: bool) -> None:
    """Whose channels come first in memory, or every other sample of which is taken."""
    x = normal(1, 6_000, 1, 20, 30)  # 14 MB
    if mapped:
        np.save(tmp_path / "x", x)
        x = np.load(tmp_path / "x.npy", mmap_mode="r")
    model = cnnx.Sequential([cnnx.Input((20, 30, 1)), layers.Flatten(), layers.Dense(1)])
    model.compile("sgd", "mse")
    y = np.zeros(6_000)
    for given in (np.moveaxis(x, 1, -1)[::2], np.moveaxis(x[..., ::-1], 1, -1)):
        model.fit(given[:64], y[:64], verbose=0)
        tracemalloc.start()
        model.fit(given, y[: len(given)], verbose=0)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 1 << 20


# --- growth ---------------------------------------------------------------------------------------

GROWTH = """
import gc, os, sys
sys.path.insert(0, {tests!r})
from test_memory import *
model = network()
def resident():
    gc.collect()
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
def fits(count):
    for index in range(count):
        model.fit(X, Y, 5 + index % 30, verbose=0, validation_split=0.2)
        model.predict(X, 7 + index % 20, verbose=0)
        if index % {others} == 1:
            network().fit(X, Y, verbose=0)  # a model that goes away again
fits({before})
before = resident()
fits({after} - {before})
print((resident() - before) >> 10)
"""


def grown(before: int, after: int, others: int) -> int:
    """Return by how many KiB a process has grown between two counts of calls of `fit`."""
    tests = str(Path(__file__).parent)
    return int(output_of(GROWTH.format(tests=tests, before=before, after=after, others=others)))


def test_fitting_again_takes_no_more_memory() -> None:
    assert grown(60, 200, others=1000) < 1024


@pytest.mark.thorough
def test_a_thousand_fits_take_no_more_memory_than_a_hundred() -> None:
    """Every tenth is of a new model, which scatters what the allocator keeps over some MiB."""
    assert grown(100, 1000, others=10) < 4096
