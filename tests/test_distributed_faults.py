"""What happens to several ranks when one of them fails, and how training goes on after that."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnx
import distributed_faults
from cnnx.distributed import Group
from mpi_launcher import finish, mpiexec, start

pytestmark = pytest.mark.one_isa

PROGRAM = Path(distributed_faults.__file__)
SOON = 30  # seconds, on a busy machine; what works takes two to six


def run(ranks: int, folder: Path, *fault: str, **environment: str) -> tuple[int, str]:
    folder.mkdir(exist_ok=True)
    result = finish(start(ranks, PROGRAM, folder, *fault, **environment))
    return result.returncode, result.stdout + result.stderr


def weights(folder: Path, rank: int = 0) -> Any:
    return pickle.loads((folder / f"weights.{rank}").read_bytes())


def assert_same(got: Any, expected: Any, tolerance: float = 0.0) -> None:
    for one, other in zip(got[0], expected[0], strict=True):
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)
    for name, figures in expected[1].items():
        np.testing.assert_allclose(got[1][name], figures, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(
    ("fault", "rank", "message"),
    [
        ("kill", "0", ""),
        ("kill", "all", ""),
        ("stop", "1", "rank 1 (process"),
        ("raise", "1", "ArithmeticError: of this rank alone"),
        ("exit", "1", "rank 1 (process"),
        ("sleep", "1", "rank 1 (process"),
        ("full disk", "0", "OSError"),
    ],
)
def test_all_ranks_end_soon(tmp_path: Path, fault: str, rank: str, message: str) -> None:
    mpiexec()
    began = time.monotonic()
    code, text = run(2, tmp_path, fault, rank, TIMEOUT="3")
    assert time.monotonic() - began < SOON
    assert code or fault == "stop" or rank == "all"  # of which Open MPI's mpiexec may make a 0
    assert message in text, text
    assert not (tmp_path / "weights.0").exists()


def test_killed_ranks_go_on_to_the_same_bits(tmp_path: Path) -> None:
    """Let each rank draw random numbers of its own."""
    unbroken, broken = tmp_path / "unbroken", tmp_path / "broken"
    assert run(2, unbroken, DROPOUT=".3") == (0, "")
    code, _ = run(2, broken, "kill", "1", DROPOUT=".3")
    assert code
    assert run(2, broken, DROPOUT=".3") == (0, "")
    assert_same(weights(broken), weights(unbroken))
    assert_same(weights(broken, 1), weights(broken))
    assert not (broken / "backup").exists()


def test_another_number_of_ranks_goes_on(tmp_path: Path, monkeypatch: Any) -> None:
    expected = distributed_faults.train(Group(), str(tmp_path))
    code, _ = run(3, tmp_path, "kill", "2")
    assert code
    shutil.copytree(tmp_path / "backup", tmp_path / "one" / "backup")
    assert run(2, tmp_path) == (0, "")
    assert_same(weights(tmp_path), expected, 1e-5)
    one = tmp_path / "one"
    with pytest.raises(ValueError, match=r"made by 3 ranks, \d+ samples into an epoch"):
        distributed_faults.train(Group(), str(one), batch_size=7)
    assert_same(distributed_faults.train(Group(), str(one)), expected, 1e-5)


MISMATCHES = """
import sys
sys.path.insert(0, sys.argv[1])
import cnnx, distributed_faults
from distributed_faults import train
group = cnnx.distributed.init(timeout=20)
last = group.rank == group.size - 1

def refused(**options):
    try:
        train(group, sys.argv[2], **options)
    except RuntimeError as error:
        print(group.rank, error, flush=True)
    else:
        raise AssertionError("nothing was refused")

refused(epochs=3 + last)
refused(batch_size=6 + last)
refused(validation_split=0.1 if last else 0.2)
refused(dropout=0.5 if last else 0.4)
cnnx._core.__version__ = "9.9" if last else "8.8"
refused()
cnnx._core.__version__ = "8.8"
default_rng = distributed_faults.np.random.default_rng
distributed_faults.np.random.default_rng = lambda seed: default_rng(seed + last)
refused()
distributed_faults.np.random.default_rng = default_rng

def change(*_):
    if last:
        for weight in spoilt.model.trainable_weights:
            weight.assign(weight.value + 1)

spoilt = cnnx.callbacks.LambdaCallback(on_epoch_end=change)
try:
    train(group, sys.argv[2], spoilt)
except RuntimeError as error:
    print(group.rank, error, flush=True)
"""


def test_ranks_that_differ_are_told_before_they_train(tmp_path: Path) -> None:
    mpiexec()
    result = finish(start(2, "-c", MISMATCHES, PROGRAM.parent, tmp_path))
    assert result.returncode == 0, result.stderr
    for rank in "01":
        lines = [line for line in result.stdout.splitlines() if line.startswith(rank)]
        assert len(lines) == 7, lines
        assert all("rank 1 has" in line and "but rank 0 has" in line for line in lines[:6])
        assert "rank 1 has other weights than rank 0 after epoch 1" in lines[6]
        assert "9.9" in lines[4]
        assert "checksum" in lines[5]


THREADS = """
import os, warnings
import cnnx
before = os.sched_getaffinity(0)
if os.environ.get("OMPI_COMM_WORLD_RANK", os.environ.get("PMI_RANK")) == "1":
    os.sched_setaffinity(0, {min(before)})
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    group = cnnx.distributed.init()
told = [str(item.message) for item in seen]
print(group.local_rank, group.local_size, cnnx.config.num_threads(), told, flush=True)
"""


def test_ranks_share_the_cores_of_their_machine() -> None:
    mpiexec()
    cores = cnnx.config.num_threads()
    result = finish(start(2, "-c", THREADS, OMP_NUM_THREADS=""))  # as if it were not there
    assert result.returncode == 0, result.stderr
    first, second = sorted(result.stdout.splitlines())
    assert first.startswith(f"0 2 {max(cores // 2, 1)} []")
    assert second.startswith("1 2 1 ")
    assert ("bound to 1 of" in second) == (cores // 2 > 1)


def test_a_rank_that_was_told_more_threads_than_it_has_cores_warns() -> None:
    mpiexec()
    result = finish(start(2, "-c", THREADS, OMP_NUM_THREADS="3"))
    assert "rank 1 is bound to 1 of" in result.stdout


def test_processes_that_do_not_see_each_other_are_told() -> None:
    mpiexec()
    script = "import cnnx; cnnx.distributed.init()"
    result = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"MPI_LOCALNRANKS": "2"},
        capture_output=True,
        text=True,
        timeout=SOON,
        check=False,
    )
    assert "2 processes were started, but mpi4py's MPI" in result.stderr


@pytest.mark.parametrize("started", ["0", "2"])
def test_without_mpi4py(started: str) -> None:
    script = "import sys; sys.modules['mpi4py'] = None\nimport cnnx; print(cnnx.distributed.init())"
    result = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"PMI_SIZE": started},
        capture_output=True,
        text=True,
        timeout=SOON,
        check=False,
    )
    if started == "0":
        assert result.stdout == "<Group: rank 0 of 1>\n"
    else:
        assert 'pip install "cnnx[mpi]"' in result.stderr


@pytest.mark.parametrize("timeout", [0, -1.0, "soon"])
def test_a_time_limit_that_is_none(timeout: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=r"distributed.init: timeout"):
        cnnx.distributed.init(timeout)
