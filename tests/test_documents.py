"""Links in the documents lead somewhere, and their programs run."""

from __future__ import annotations

import importlib.util
import os
import re
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import cnnx

pytestmark = pytest.mark.one_isa

ROOT = Path(__file__).parents[1]
OURS = "https://github.com/cnnx/cnnx/blob/main/"
DOCUMENTS = sorted({*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("*/README.md")})


def program(document: str, *words: str, section: str = "") -> str:
    """Return the Python blocks of a document that hold all of some words, one after another."""
    text = (ROOT / document).read_text("utf-8")
    if section:
        text = text.split(f"\n## {section}\n")[1].split("\n## ")[0]
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return "\n".join(block for block in blocks if all(word in block for word in words))


def anchors(document: Path) -> set[str]:
    """Return the names that GitHub gives to the headings of a document."""
    headings = re.findall(r"^#+ (.*)$", document.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)", document.read_text("utf-8"))
    for target in targets:
        if target.startswith(OURS):
            target = os.path.relpath(ROOT / target.removeprefix(OURS), document.parent)
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        file = document.parent / path if path else document
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


def test_the_documents_are_found() -> None:
    assert {"README.md", "docs/textbook.md", "bench/README.md"} <= {
        str(path.relative_to(ROOT)) for path in DOCUMENTS
    }


def test_the_page_of_networks_is_a_program(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    code = program("docs/networks.md")
    monkeypatch.chdir(tmp_path)  # it saves a model
    found: dict[str, Any] = {"__name__": "networks"}
    exec(code, found)
    assert found["check"].agrees
    assert len(found["check"].checks) == 5
    for accuracy in ("accuracy", "ranking_accuracy", "own_accuracy"):
        assert found[accuracy] > 0.85, accuracy
    output = capsys.readouterr().out
    for line in ("Connected to", "body (Model)", "swish/beta"):
        assert line in output


def test_the_page_of_exchange_is_a_program_for_pytorch() -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed: the extra torch")
    found: dict[str, Any] = {}
    exec(program("docs/exchange.md", section="PyTorch"), found)
    assert found["difference"] < 1e-5
    assert len(found["model"].history.history["loss"]) == 2


def test_the_page_of_exchange_is_a_program_for_onnx(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for module in ("onnx", "onnxruntime"):
        pytest.importorskip(module, reason=f"{module} is not installed")
    monkeypatch.chdir(tmp_path)  # it saves models
    found: dict[str, Any] = {"__name__": "exchange"}
    exec(program("docs/exchange.md", section="ONNX"), found)
    assert found["difference"] < 1e-5
    assert found["accuracy"] > 0.9


def test_the_page_of_exchange_is_a_program_for_keras(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("h5py")
    from keras_writer import dense, image, keras_2, layer, values

    network = {"class_name": "Sequential", "config": [image(3), layer("Dense", "d", **dense(2))]}
    weights = [{"d": [("k", values(3, 2, seed=seed)), ("b", values(2))]} for seed in (1, 2)]
    (tmp_path / "emotion_model.hdf5").write_bytes(keras_2(network, weights[0]))
    (tmp_path / "epoch_12.weights.h5").write_bytes(keras_2(None, weights[1]))
    monkeypatch.chdir(tmp_path)
    found: dict[str, Any] = {"cnnx": cnnx}
    exec(program("docs/exchange.md", section="Keras files"), found)
    np.testing.assert_array_equal(found["model"].get_weights()[0], values(3, 2, seed=2))


def test_the_page_of_exchange_is_a_program_for_scikit_learn() -> None:
    pytest.importorskip("sklearn", "1.6", reason="scikit-learn is not installed")
    found: dict[str, Any] = {"__name__": "exchange"}
    exec(program("docs/exchange.md", section="scikit-learn"), found)
    assert found["accuracy"] > 0.95
    assert found["best"]["build_options"] == {"filters": 16}


def test_the_generators_of_the_page_of_training() -> None:
    code = program("docs/training.md", "steps_per_epoch=50")
    model = cnnx.Sequential([cnnx.Input((5,)), cnnx.layers.Dense(3, "softmax")])
    x, y = np.eye(5)[np.arange(40) % 5], np.arange(40) % 5 % 3
    model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
    exec(code, {"np": np, "model": model, "x_train": x, "y_train": y})
    assert model.history is not None
    assert model.history.epoch == [0, 1, 2]
    assert set(model.history.history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    model = cnnx.Sequential([cnnx.Input((2, 2, 1)), cnnx.layers.Conv2D(3, 1, activation="softmax")])
    exec(program("docs/training.md", "ignore_class=255"), {"cnnx": cnnx, "model": model})
    y = np.array([[[0, 255], [255, 255]]])
    model.fit(np.ones((1, 2, 2, 1)), y, verbose=0)


def test_the_readme_is_right_where_its_folder_is_not() -> None:
    """An index of packages shows it alone, so that its links name the project's place."""
    text = (ROOT / "README.md").read_text("utf-8")
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    assert targets
    assert all(target.startswith("https://") for target in targets)
    pictures = "https://raw.githubusercontent.com/cnnx/cnnx/main/"
    for target in targets:
        if target.startswith(pictures):
            assert (ROOT / target.removeprefix(pictures)).is_file()
    assert len(text.splitlines()) <= 140  # two screens


def test_wheels_are_tested_with_what_is_there() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    settings = project["tool"]["cibuildwheel"]
    assert set(settings["test-groups"]) <= set(project["dependency-groups"])
    files = [word for word in settings["test-command"].split() if word.endswith(".py")]
    assert files
    for path in (*files, *settings["test-sources"]):
        assert (ROOT / path).exists(), path


def test_the_first_program_of_the_readme(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    images, labels = np.zeros((64, 28, 28), np.uint8), np.arange(64) % 10
    monkeypatch.setattr(cnnx.datasets.mnist, "load_data", lambda: ((images, labels),) * 2)
    monkeypatch.chdir(tmp_path)
    exec(program("README.md"), {})
    assert Path("mnist.safetensors").exists()


def figures() -> ModuleType:
    """Return the program that measures the figures of the documents."""
    spec = importlib.util.spec_from_file_location("figures", ROOT / "docs" / "figures.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_each_marked_table_can_be_measured_again() -> None:
    found = figures()
    for name in found.MEASURES:
        begin, end = f"<!-- figures: {name} -->", f"<!-- end of {name} -->"
        texts = [document.read_text("utf-8") for document in found.DOCUMENTS]
        (text,) = (text for text in texts if begin in text)
        changed = found.replaced(text, name, "| measured |")
        assert f"{begin}\n\n| measured |\n\n{end}" in changed
        assert text.partition(begin)[0] == changed.partition(begin)[0]
        assert text.partition(end)[2] == changed.partition(end)[2]
    marked = re.findall(r"<!-- figures: (\w+) -->", "".join(texts))
    assert set(marked) == set(found.MEASURES)
