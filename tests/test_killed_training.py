"""Training that is killed, and goes on from its backup to the same bits."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.one_isa

PROGRAM = """
import hashlib, os, signal, sys
sys.path.insert(0, {tests!r})
from test_backup import *
model = network()
callbacks = [LambdaCallback(on_train_batch_end=lambda *_: print("batch", flush=True))]
{setup}
history = fit(model, *callbacks)
arrays = [*model.get_weights(), *model.compiled_optimizer.get_state().values()]
digest = hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()
print(digest, history, cnnx.random.generator().random(), flush=True)
"""
BACKUP = "callbacks.append(BackupAndRestore({folder!r}, {save_freq!r}))"
KILLED_AT_THE_LAST_MOMENT = """
replace, count = os.replace, iter(range(1, 1000))
def killed(*names):
    if next(count) == {write}:
        os.kill(os.getpid(), signal.SIGKILL)
    replace(*names)
os.replace = killed
"""


def run(setup: str, kill_after: int | None = None, by: int = signal.SIGKILL) -> str:
    """Return the last line that a training prints, or "batch" if it is killed before its end."""
    program = PROGRAM.format(tests=str(Path(__file__).parent), setup=setup)
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=None if kill_after is None else subprocess.DEVNULL,
        text=True,
    ) as child:
        assert child.stdout is not None
        lines = []
        sent = float("inf")
        while line := child.stdout.readline():
            lines.append(line)
            if len(lines) == kill_after:
                child.send_signal(by)
                sent = time.monotonic()
        assert time.monotonic() - sent < 60, "it does not end"
        assert child.wait(60) in ((0,) if kill_after is None else (0, -by))
        return lines[-1]


def kill_again_and_again(folder: Path, seed: int, kills: int) -> None:
    """Kill a training at random steps until it is through, and compare it with an unbroken one."""
    generator = np.random.default_rng(seed)
    save_freq = ["epoch", 1, 3][seed % 3]
    setup = BACKUP.format(folder=str(folder), save_freq=save_freq)
    for _ in range(kills):
        if run(setup, kill_after=int(generator.integers(1, 12))) != "batch\n":
            break  # it was through before the kill
    assert run(setup) == run("")


@pytest.mark.parametrize("seed", range(2))
def test_killed_at_random_steps(tmp_path: Path, seed: int) -> None:
    kill_again_and_again(tmp_path, seed, kills=2)


@pytest.mark.thorough
@pytest.mark.parametrize("seed", range(2, 12))
def test_killed_at_random_steps_many_times(tmp_path: Path, seed: int) -> None:
    kill_again_and_again(tmp_path, seed, kills=3)


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_ended_by_a_signal(tmp_path: Path, by: int) -> None:
    """At the next step, and with a whole backup."""
    setup = BACKUP.format(folder=str(tmp_path), save_freq=1)
    assert run(setup, kill_after=7, by=by) == "batch\n"
    assert run(setup) == run("")


def test_killed_while_it_writes_the_backup_before_stays(tmp_path: Path) -> None:
    setup = BACKUP.format(folder=str(tmp_path), save_freq=2)
    last = run(setup + KILLED_AT_THE_LAST_MOMENT.format(write=4), kill_after=1000)
    assert last == "batch\n"
    (unfinished,) = tmp_path.glob(".cnnx-*.tmp")
    assert os.path.getsize(unfinished) > 1000
    assert run(setup) == run("")
    assert not tmp_path.exists(), "what the killed write left is gone as well"


def test_the_last_line_of_a_program_is_its_result() -> None:
    assert re.match(r"[0-9a-f]{64} \{'loss': ", run(""))


def test_the_example(tmp_path: Path) -> None:
    example = Path(__file__).parent.parent / "examples" / "resume_digits.py"

    def command(folder: str) -> list[str]:
        return [sys.executable, str(example), "--epochs=4", f"--backup={tmp_path / folder}"]

    with subprocess.Popen(command("broken"), stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline().startswith("Epoch 1/4")
        child.kill()
    first, *_, last = subprocess.check_output(command("broken"), text=True).splitlines()
    assert first.startswith("Going on after ")
    assert last == subprocess.check_output(command("whole"), text=True).splitlines()[-1]
