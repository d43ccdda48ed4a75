"""The example of a server answers, from several processes that came from one."""

from __future__ import annotations

import io
import json
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnx
from cnnx import layers

EXAMPLE = Path(__file__).parents[1] / "examples" / "serve.py"
pytest.importorskip("fastapi", reason="FastAPI is not installed: pip install fastapi uvicorn")
pytest.importorskip("uvicorn", reason="uvicorn is not installed: pip install fastapi uvicorn")
images = pytest.importorskip("PIL.Image", reason="Pillow is not installed: the extra images")


@pytest.fixture(scope="module")
def model() -> cnnx.Model:
    cnnx.random.set_seed(0)
    parts = [layers.Rescaling(1 / 255), layers.Conv2D(4, 3), layers.Flatten()]
    return cnnx.Sequential([cnnx.Input((8, 6, 3)), *parts, layers.Dense(5, activation="softmax")])


@pytest.fixture(scope="module", params=[1, 3], ids=["one process", "three processes"])
def address(
    model: cnnx.Model, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[str]:
    file = tmp_path_factory.mktemp("served") / "model.safetensors"
    model.save(file)
    command = [sys.executable, str(EXAMPLE), str(file), "--port", "0"]
    command += ["--workers", str(request.param)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0


def ask(address: str, content: bytes) -> Any:
    request = urllib.request.Request(address, content, {"Content-Type": "image/png"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def test_answers_are_those_of_predict(model: cnnx.Model, address: str) -> None:
    pictures = np.random.default_rng(1).integers(0, 256, (6, 8, 6, 3), np.uint8)
    for picture, shares in zip(pictures, model.predict(pictures, verbose=0), strict=True):
        file = io.BytesIO()
        images.fromarray(picture).save(file, "png")
        found = ask(address, file.getvalue())
        assert found == {"class": shares.argmax(), "share": pytest.approx(shares.max(), abs=1e-4)}


def test_what_is_no_picture(address: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        ask(address, b"nothing of the kind")
    assert caught.value.code == 422
    assert re.search("this is no picture", caught.value.read().decode())
