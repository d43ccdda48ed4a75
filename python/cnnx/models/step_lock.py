"""The lock of a model: one thread at a time works with it, and a fork waits for the end of a step.

A child of a fork has no threads but the one that forked. Without the wait, a lock that another
thread held would never be free there, and its step would stay half done.
"""

import os
import threading
from weakref import WeakValueDictionary

_locks: WeakValueDictionary[int, threading.RLock] = WeakValueDictionary()
_forking = threading.Lock()
_held: list[threading.RLock] = []


def step_lock() -> threading.RLock:
    """Return a new lock, which every later fork of the process takes."""
    lock = threading.RLock()
    _locks[id(lock)] = lock
    return lock


def _take_all() -> None:
    _forking.acquire()
    for reference in _locks.valuerefs():
        lock = reference()
        if lock is not None:
            lock.acquire()
            _held.append(lock)


def _give_back() -> None:
    while _held:
        _held.pop().release()
    _forking.release()


os.register_at_fork(before=_take_all, after_in_parent=_give_back, after_in_child=_give_back)
