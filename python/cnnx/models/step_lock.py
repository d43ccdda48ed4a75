"""The lock of a model: what changes it runs alone, predictions run side by side.

A fork waits for the end of both: a child of a fork has no threads but the one that forked, so a
lock that another thread held would never be free there, and its step would stay half done.
"""

from __future__ import annotations

import os
import threading
from weakref import WeakValueDictionary

_locks: WeakValueDictionary[int, StepLock] = WeakValueDictionary()
_forking = threading.Lock()
_held: list[StepLock] = []


class StepLock:
    """
    A lock that one thread holds alone (`with lock`), or several share.

    A thread may take it again while it holds it, as a signal's handler does: alone means without
    other threads. Every later fork of the process takes the lock.
    """

    def __init__(self) -> None:
        self._alone = threading.RLock()
        self._sharers: dict[object, int] = {}
        self._left = threading.Condition()
        self._waits = False
        _locks[id(self)] = self

    def acquire(self) -> None:
        """Wait until no other thread holds the lock, and take it alone."""
        self._alone.acquire()
        if not self._sharers:
            return
        try:
            with self._left:
                self._waits = True
                self._left.wait_for(self._others_left)
                self._waits = False
        except BaseException:
            self._alone.release()
            raise

    def _others_left(self) -> bool:
        return all(thread == threading.get_ident() for thread in list(self._sharers.values()))

    def release(self) -> None:
        """Give back what `acquire` took."""
        self._alone.release()

    def share(self, token: object) -> None:
        """Wait until no other thread holds the lock alone, and share it until `leave(token)`."""
        with self._alone:
            self._sharers[token] = threading.get_ident()

    def leave(self, token: object) -> None:
        """Stop sharing; to be called wherever `share` may have been, even if it did not return."""
        self._sharers.pop(token, None)
        if self._waits:
            with self._left:
                self._left.notify_all()

    __enter__ = acquire

    def __exit__(self, *exception: object) -> None:
        self._alone.release()


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


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(before=_take_all, after_in_parent=_give_back, after_in_child=_give_back)
