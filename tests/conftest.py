from __future__ import annotations

import os
import signal
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

import cnnx
from agreement import backends, check, restore_backend

settings.register_profile(
    "cnnx",
    deadline=None,  # two slow cores shared by everyone
    suppress_health_check=[HealthCheck.too_slow],
    max_examples=int(os.environ.get("CNNX_TEST_EXAMPLES", "60")),
    derandomize="CI" in os.environ,
)
settings.load_profile("cnnx")

# What runs in the background of a shell has it ignored, and so have its children.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that loop over the instruction sets: the others run under CNNX_ISA in CI."""
    for item in items:
        assert isinstance(item, pytest.Function)
        if "backend" in item.fixturenames or getattr(item.module, "check", None) is check:
            item.add_marker("every_isa")


@pytest.fixture(autouse=True)
def _same_backend_afterwards() -> Iterator[None]:
    with restore_backend():
        yield


@pytest.fixture(params=backends(), ids=str)
def backend(request: pytest.FixtureRequest) -> None:
    """Run the test with every instruction set, on 1 and on 2 threads."""
    request.param.use()


@pytest.fixture(params=["direct", "im2col"], scope="module")
def conv_algorithm(request: pytest.FixtureRequest) -> Iterator[None]:
    """Run the test for both ways that are exact; test_winograd.py has the third."""
    before = cnnx.config.conv_algorithm()
    cnnx.config.set_conv_algorithm(request.param)
    yield
    cnnx.config.set_conv_algorithm(before)


@pytest.fixture(scope="session")
def keras() -> Any:
    """Return Keras with PyTorch as its backend, which it looks for when it is imported."""
    pytest.importorskip("torch")
    with pytest.MonkeyPatch.context() as environment, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        environment.setenv("KERAS_BACKEND", "torch")
        keras = pytest.importorskip("keras", minversion="3.0")
    keras.utils.set_random_seed(1)
    return keras


@pytest.fixture(scope="session")
def mnist_folder() -> Path:
    folder = Path(os.environ.get("CNNX_TEST_DATA", "")) / "mnist"
    if not list(folder.glob("train-images*")):
        pytest.skip("CNNX_TEST_DATA names no folder with the MNIST files in mnist/")
    return folder
