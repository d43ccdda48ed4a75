"""Loading a model file runs nothing, opens nothing else, and takes no more memory than promised."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cnnx import saving, tensor_file
from hostile_models import ARE_MODELS
from saved_models import OPTIMIZERS, fit, small_model
from test_graphs import compiled, shared

pytestmark = [
    pytest.mark.one_isa,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc and sets RLIMIT_DATA"),
]

PROGRAM = Path(__file__).with_name("guarded_loading.py")


@pytest.fixture
def good(tmp_path: Path) -> Path:
    model = small_model(OPTIMIZERS["decay"]())
    fit(model, 1, seed=0)
    model.save(tmp_path / "good")
    return tmp_path / "good"


def outcomes(good: Path, group: str) -> dict[str, str]:
    """Return what became of each file of a group."""
    command = [sys.executable, "-W", "ignore", str(PROGRAM), str(good), group]
    result = subprocess.run(command, capture_output=True, text=True, timeout=3600, check=False)
    assert result.returncode == 0, f"{result.stdout[-500:]} {result.stderr[-5000:]}"
    rows = [line.split("\t") for line in result.stdout.splitlines()]
    print(f"{len(rows)} files, at most {max(int(row[2]) for row in rows)} MiB beyond their size")
    return {name: outcome for name, outcome, _ in rows}


@pytest.mark.parametrize(
    ("group", "files"),
    [
        ("spoilt", 40),
        ("values", 2000),
        ("150", 150),
        pytest.param("20000", 20_000, marks=pytest.mark.thorough),
    ],
)
def test_every_file_is_refused_or_a_model(good: Path, group: str, files: int) -> None:
    found = outcomes(good, group)
    assert len(found) >= files
    wrong = {name: out for name, out in found.items() if out not in ("model", "refused")}
    assert not wrong


@pytest.mark.parametrize("group", ["values", "150"])
def test_files_of_graphs(tmp_path: Path, group: str) -> None:
    model = compiled(shared())
    model.save(tmp_path / "good")
    found = outcomes(tmp_path / "good", group)
    assert len(found) >= 150
    assert set(found.values()) == {"model", "refused"}


def test_crafted_files(good: Path) -> None:
    found = outcomes(good, "crafted")
    assert len(found) > 90
    for name, outcome in found.items():
        assert outcome == ("model" if name in ARE_MODELS else "refused"), name


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_the_kernel_is_asked_for_one_file_alone(good: Path) -> None:
    """Audit hooks see what Python opens; this sees what the reader beneath it opens, too."""
    marker = "/where-loading-begins"
    program = (
        f"import os, sys; from cnnx.models import load_model; load_model({str(good)!r});"
        f"os.path.exists({marker!r}); load_model({str(good)!r}); os._exit(0)"
    )
    calls = "trace=%file,%network,%process,open_by_handle_at,io_uring_setup"
    trace = good.with_name("trace")
    command = ["strace", "-f", "-e", calls, "-o", str(trace), sys.executable, "-c", program]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0 and "ptrace" in result.stderr:
        pytest.skip("strace may not trace here")
    assert result.returncode == 0, result.stderr
    lines = trace.read_text().splitlines()
    begin = next(number for number, line in enumerate(lines) if marker in line)
    asked = [line.split(None, 1)[1] for line in lines[begin + 1 :]]
    opened = sum(call.startswith("open") for call in asked)
    assert opened == 3, "for the kind, the header and the tensors"
    for call in asked:
        names = set(re.findall(r'"([^"]*)"', call)) - {""}  # "" asks about an open file
        assert names == {str(good)} or call.startswith(("statx(3", "newfstatat(3", "exit", "+++"))


def test_what_could_not_be_loaded_is_not_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = small_model()
    monkeypatch.setattr(saving, "MAX_LAYERS", len(model.layers) - 1)
    with pytest.raises(ValueError, match=r"14 layers: load_model takes 13\. .*get_weights"):
        model.save(tmp_path / "a")
    monkeypatch.undo()
    monkeypatch.setattr(tensor_file, "MAX_HEADER", 1000)
    with pytest.raises(ValueError, match=r"at most 1,000 could be loaded\. .*set_weights"):
        model.save(tmp_path / "a")
    assert os.listdir(tmp_path) == []
