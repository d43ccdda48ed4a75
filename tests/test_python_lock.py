"""Operations that come back while other threads hold Python's lock, or want it too."""

from __future__ import annotations

import ctypes
import functools
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from agreement import normal
from cnnx import _core, ops
from test_faults import Trouble, alarm, ones

pytestmark = pytest.mark.skipif(
    not getattr(sys, "_is_gil_enabled", lambda: True)(), reason="this Python has no lock"
)

HANG = 60  # seconds; what works takes one or two
X = normal(1, 2_000) - np.float32(0.5)
EXPECTED = np.maximum(X, 0)


def hold_the_lock(microseconds: int) -> None:
    """Sleep without letting go of Python's lock: longer than a thread waits for it awake."""
    ctypes.PyDLL(None).usleep(microseconds)


def operate(times: int = 1) -> None:
    """Call an operation of some microseconds again and again, and check what it makes."""
    found = np.empty_like(X)
    for _ in range(times):
        found[...] = np.nan
        _core.relu_forward(X, found)
        np.testing.assert_array_equal(found, EXPECTED)


@contextmanager
def threads(*works: Callable[[], None]) -> Iterator[None]:
    """Do works in threads of their own beside the body; what they raise is raised at the end."""
    raised: list[BaseException] = []

    def do(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            raised.append(error)

    started = [threading.Thread(target=do, args=(work,), daemon=True) for work in works]
    for thread in started:
        thread.start()
    try:
        yield
    finally:
        for thread in started:
            thread.join(HANG)
    assert not any(thread.is_alive() for thread in started), "a thread hangs"
    if raised:
        raise raised[0]


@contextmanager
def beside(work: Callable[[], None], count: int = 1) -> Iterator[None]:
    """Do a work over and over in threads of their own until the body ends."""
    done = threading.Event()

    def over_and_over() -> None:
        while not done.is_set():
            work()

    with threads(*[over_and_over] * count):
        try:
            yield
        finally:
            done.set()


def test_threads_that_call_operations_at_once() -> None:
    with threads(*[functools.partial(operate, 300)] * 6):
        operate(300)


@pytest.mark.parametrize("microseconds", [10, 100, 5_000])
def test_a_thread_that_calls_none_holds_the_lock(microseconds: int) -> None:
    with beside(functools.partial(hold_the_lock, microseconds)), threads(*[operate] * 3):
        operate(20)


def test_a_thread_holds_the_lock_long_after_an_operation() -> None:
    """The others give up waiting for its next operation, and are still right."""

    def operate_and_hold() -> None:
        operate()
        hold_the_lock(2_000)

    with beside(operate_and_hold, 2), threads(*[functools.partial(operate, 20)] * 3):
        operate(20)


def test_threads_that_end_after_one_operation() -> None:
    for _ in range(100):
        with threads(operate):
            operate()
        operate()


def test_an_exception_in_a_signal_handler_ends_an_operation_and_leaves_the_lock_in_order() -> None:
    long = functools.partial(ops.conv2d, ones(1, 400, 400, 8), ones(41, 41, 8, 8))
    with beside(operate, 2):
        for _ in range(3):
            with alarm(0.05), pytest.raises(Trouble):
                long()
            operate(20)


def test_a_signal_handler_calls_an_operation_within_an_operation() -> None:
    calls = []

    def handler(*_: Any) -> None:
        operate()
        calls.append(1)

    x, kernel = normal(1, 1, 240, 240, 8), normal(2, 41, 41, 8, 8)  # takes tens of milliseconds
    expected = ops.conv2d(x, kernel)
    before = signal.signal(signal.SIGALRM, handler)
    try:
        with beside(operate):
            signal.setitimer(signal.ITIMER_REAL, 0.002, 0.005)
            found = ops.conv2d(x, kernel)
            signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    np.testing.assert_array_equal(found, expected)
    assert calls
    operate()
