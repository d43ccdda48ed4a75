"""Several ranks train as one does with a batch as large as all of theirs together."""

from __future__ import annotations

import pickle
import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnx
import distributed_cases
from cnnx.distributed import Group
from mpi_launcher import finish, mpiexec, start

pytestmark = pytest.mark.one_isa

PROGRAM = Path(__file__).with_name("distributed_program.py")
DOCUMENT = PROGRAM.parents[1] / "docs" / "distributed.md"


@cache
def alone(name: str) -> Any:
    return distributed_cases.CASES[name](Group())


@pytest.fixture(scope="module", params=[2, 3, 4])
def ranks(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """Return what each of several ranks finds, case by case."""
    mpiexec()
    folder = tmp_path_factory.mktemp("ranks")
    result = finish(start(request.param, PROGRAM, folder))
    assert result.returncode == 0, result.stderr
    return [pickle.loads((folder / str(rank)).read_bytes()) for rank in range(request.param)]


def assert_alike(got: Any, expected: Any, tolerance: float, where: str) -> None:
    assert type(got) is type(expected), where
    if isinstance(expected, dict):
        assert got.keys() == expected.keys(), where
        for key, value in expected.items():
            assert_alike(got[key], value, tolerance, f"{where}, {key}")
    elif isinstance(expected, list):
        assert len(got) == len(expected), where
        for index, value in enumerate(expected):
            assert_alike(got[index], value, tolerance, f"{where}, {index}")
    elif isinstance(expected, str):
        assert got == expected
    else:
        np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance, err_msg=where)


@pytest.mark.parametrize("name", distributed_cases.CASES)
def test_ranks_equal_one_with_the_joint_batch(name: str, ranks: list[Any]) -> None:
    for rank, found in enumerate(ranks):
        assert_alike(found[name], ranks[0][name], 0.0, f"{name}: rank {rank} and rank 0")
    assert_alike(ranks[0][name], alone(name), 2e-6, name)


def test_the_page_of_ranks_is_a_program(tmp_path: Path) -> None:
    if not DOCUMENT.exists():
        pytest.skip("the documents are not in this copy of the sources")
    code = re.findall(r"^```python\n(.*?)^```", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)[0]
    (tmp_path / "train.py").write_text(code)
    mpiexec()
    result = finish(start(2, tmp_path / "train.py"))
    found = re.search(r"^2 ranks: (0\.\d+)$", result.stdout, re.MULTILINE)
    assert found, result.stderr
    assert float(found[1]) > 0.9
    assert result.stdout.count("Epoch 5/5") == 1  # of rank 0 alone


# --- without others -------------------------------------------------------------------------------


def test_a_group_of_one() -> None:
    group = Group()
    assert (group.rank, group.size, group.local_rank, group.local_size) == (0, 1, 0, 1)
    array = np.arange(3.0)
    assert group.sum(array) is array
    assert group.rows(array) is array
    assert group.gather("a") == ["a"]
    assert group.broadcast("a") == "a"
    assert cnnx.distributed.group().size == 1


@pytest.mark.parametrize("count", [0, 1, 4, 10])
@pytest.mark.parametrize("size", [1, 3, 4])
def test_parts_join_without_gaps(count: int, size: int) -> None:
    group, place = Group(), 0
    group.size = size
    for rank in range(size):
        group.rank = rank
        part = group.part(count)
        assert part.start == place
        assert part.stop - part.start in (count // size, count // size + 1)
        place = part.stop
    assert place == count
