"""One helper for every operation: run it everywhere, compare it with the oracle."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnx import _core

TOLERANCE = 1e-5  # of the norm of the result


@dataclass(frozen=True)
class Backend:
    isa: str
    threads: int

    def use(self) -> None:
        _core.set_isa(self.isa)
        _core.set_num_threads(self.threads)

    def __str__(self) -> str:
        return f"{self.isa}-{self.threads}"


def backends() -> list[Backend]:
    return [Backend(isa, threads) for isa in _core.available_isas() for threads in (1, 2)]


@contextmanager
def restore_backend() -> Iterator[None]:
    isa, algorithm = _core.active_isa(), _core.conv_algorithm()
    try:
        yield
    finally:
        _core.set_isa(isa)
        _core.set_conv_algorithm(algorithm)
        _core.set_num_threads(0)


def normal(seed: int, *shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def whole(seed: int, *shape: int) -> NDArray[np.float32]:
    """Small whole numbers, whose sums and products are exact in float32 in any order."""
    return np.random.default_rng(seed).integers(-4, 5, shape).astype(np.float32)


def assert_close(
    got: ArrayLike, expected: ArrayLike, tolerance: float = TOLERANCE, what: str = "result"
) -> None:
    """Assert that ||got - expected|| <= tolerance ||expected||, which NaN never is."""
    got, expected = np.asarray(got), np.asarray(expected)
    assert got.shape == expected.shape, f"{what}: {got.shape} for {expected.shape}"
    error = np.linalg.norm((got.astype(np.float64) - expected).ravel())
    norm = np.linalg.norm(expected.ravel())
    assert error <= tolerance * norm, f"{what}: off by {error:.3g}, of norm {norm:.3g}"


def assert_gradient(got: ArrayLike, expected: ArrayLike, what: str = "gradient") -> None:
    """Assert that a float32 gradient agrees with central differences: as a whole and everywhere."""
    assert_close(got, expected, what=what)
    np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-5, err_msg=what)


def run(
    operation: Callable[..., None],
    inputs: dict[str, Any],
    outputs: dict[str, NDArray[Any] | tuple[int, ...] | None],
    in_place: dict[str, str] | None = None,
) -> dict[str, NDArray[Any]]:
    """Call a core operation and return its outputs.

    Outputs given as a shape start full of NaN, those given as an array start as a copy of it;
    `in_place` names for an output the input whose memory it shares.
    """
    arguments = dict(inputs)
    for name, start in outputs.items():
        if isinstance(start, tuple):
            start = np.full(start, np.nan, np.float32)
        arguments[name] = None if start is None else start.copy()
    for output, source in (in_place or {}).items():
        arguments[output] = arguments[source] = inputs[source].copy()
    before = {name: np.copy(inputs[name]) for name in inputs if name not in outputs}
    operation(**arguments)
    for name, value in before.items():
        if name not in (in_place or {}).values():
            np.testing.assert_array_equal(inputs[name], value, f"the input {name} was written")
    return {name: arguments[name] for name in outputs if arguments[name] is not None}


def check(
    operation: Callable[..., None],
    inputs: dict[str, Any],
    expected: dict[str, NDArray[Any] | None],
    start: dict[str, NDArray[Any]] | None = None,
    in_place: dict[str, str] | None = None,
    tolerance: float = TOLERANCE,
) -> None:
    """Compare an operation with the oracle on every backend.

    A tolerance of 0 asks for equality. 1 and 2 threads must give the same bits. `start` holds what
    an output contains beforehand if that matters; an expected None is passed on as None. Outputs
    other than floats, such as the codes of a pooling, must be equal whatever the tolerance.
    """
    outputs: dict[str, Any] = {
        name: None if value is None else np.shape(value) for name, value in expected.items()
    }
    one_thread: dict[str, NDArray[Any]] = {}
    for backend in backends():
        backend.use()
        results = run(operation, inputs, outputs | (start or {}), in_place)
        for name, got in results.items():
            what = f"{name} ({backend})"
            if tolerance and got.dtype == np.float32:
                assert_close(got, expected[name], tolerance, what)
            else:
                np.testing.assert_array_equal(got, expected[name], what)
            if backend.threads > 1:
                np.testing.assert_array_equal(got, one_thread[name], f"{what}: 1 and 2 threads")
        one_thread = results


def check_threads(
    operation: Callable[..., None], inputs: dict[str, Any], outputs: dict[str, Any]
) -> None:
    """Compare the bits of 1 and 2 threads on arrays too large for the oracle."""
    results: dict[str, NDArray[Any]] = {}
    for backend in backends():
        backend.use()
        again = run(operation, inputs, outputs)
        for name, got in again.items():
            assert np.isfinite(got).all(), f"{name} ({backend})"
            if backend.threads > 1:
                np.testing.assert_array_equal(got, results[name], f"{name} ({backend})")
        results = again
