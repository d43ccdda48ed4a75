"""Sums in memory that ranks share; here the ranks are objects of one process."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnx import _core
from cnnx.distributed.shared_memory import COUNTERS, SharedSums, create_memory, open_memory

DTYPES = [np.float32, np.float64, np.int64]


def group(size: int, room: int = 512) -> list[_core.SharedSums]:
    """Return the ranks, in memory that begins at a multiple of 64 bytes."""
    memory = np.zeros((COUNTERS + room) * size + 64, np.uint8)
    first = -memory.ctypes.data % 64
    memory = memory[first : first + (COUNTERS + room) * size]
    return [_core.SharedSums(memory, rank, size) for rank in range(size)]


@given(
    st.integers(2, 5),
    st.lists(st.tuples(st.integers(0, 64), st.sampled_from(DTYPES)), max_size=40),
    st.integers(0, 999),
)
def test_ranks_that_come_in_any_order(size: int, forms: list[Any], seed: int) -> None:
    """All end with the sum in the order of the ranks; the room holds one of the largest arrays."""
    rng = np.random.default_rng(seed)
    ranks = group(size)
    arrays = [
        [(1e3 * rng.normal(size=count)).astype(dtype) for count, dtype in forms] for _ in ranks
    ]
    wanted = [sum(of_ranks[1:], of_ranks[0].copy()) for of_ranks in zip(*arrays, strict=True)]
    begun, ended = [0] * size, [0] * size
    while min(ended) < len(forms):
        rank = rng.integers(size)
        if begun[rank] < len(forms) and rng.random() < 0.7:
            number = ranks[rank].begin(arrays[rank][begun[rank]])
            begun[rank] += 1
            assert number == begun[rank]
        else:
            ended[rank] = ranks[rank].advance()
            assert ended[rank] <= min(begun)
    for of_rank in arrays:
        for found, expected in zip(of_rank, wanted, strict=True):
            np.testing.assert_array_equal(found, expected)


def test_no_sum_ends_before_all_ranks_have_come() -> None:
    ranks = group(3)
    arrays = [np.full(5, rank + 1.0) for rank in range(3)]
    for rank in range(2):
        ranks[rank].begin(arrays[rank])
    assert [rank.advance() for rank in ranks] == [0, 0, 0]
    ranks[2].begin(arrays[2])
    for _ in range(2):
        ended = [rank.advance() for rank in ranks]
    assert ended == [1, 1, 1]
    np.testing.assert_array_equal(arrays, np.full((3, 5), 6.0))


def test_threads_that_run_side_by_side() -> None:
    """Arrays larger than a cache, from ranks that hold nothing but the memory in common."""
    ranks, count = group(2, 1 << 20), 1 << 17
    found = [np.empty(count, np.float32) for _ in ranks]

    def rounds(rank: int) -> None:
        for number in range(1, 41):
            found[rank][:] = number + rank
            ranks[rank].begin(found[rank])
            while ranks[rank].advance() < number:
                time.sleep(0)
            assert (found[rank] == 2 * number + 1).all()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(rounds, range(2)))


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="another system")
def test_a_file_that_another_process_sees() -> None:
    made = create_memory(2)
    assert made is not None
    path, first = made
    second = open_memory(path, 2)
    os.unlink(path)
    assert second is not None
    first[5:7] = b"ab"
    assert second[4:8] == b"\0ab\0"
    assert open_memory(path, 2) is None


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="another system")
def test_a_request() -> None:
    made = create_memory(1)
    assert made is not None
    os.unlink(made[0])
    sums = SharedSums(made[1], 0, 1)
    assert [sums.takes(np.zeros(1, dtype)) for dtype in (*DTYPES, np.int32)] == [True] * 3 + [False]
    array = np.arange(3.0)
    assert sums.begin(array).Test()
    np.testing.assert_array_equal(array, [0, 1, 2])


def test_no_memory_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    assert create_memory(2) is None


@pytest.mark.parametrize(
    ("bytes_", "rank", "size", "words"),
    [
        (704, 1, 1, "rank must be one of the processes"),
        (704, 0, 0, "rank must be one of the processes"),
        (700, 0, 1, "memory must have 192 bytes"),
        (192, 0, 1, "memory must have 192 bytes"),
    ],
)
def test_memory_of_another_size(bytes_: int, rank: int, size: int, words: str) -> None:
    with pytest.raises(ValueError, match=f"SharedSums: {words}"):
        _core.SharedSums(np.zeros(bytes_, np.uint8), rank, size)


def test_arrays_that_cannot_be_summed() -> None:
    (alone,) = group(1)
    with pytest.raises(ValueError, match="array must not take more than 512 bytes"):
        alone.begin(np.zeros(129, np.float32))
    with pytest.raises(TypeError, match="array must be float32, got int16"):
        alone.begin(np.zeros(3, np.int16))
