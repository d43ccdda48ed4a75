"""N9: the Keras programs of S0 (11.6.9, 11.6.10, 11.6.12, 11.6.13), on a few pictures."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "keras_programs.py"


@pytest.fixture(scope="module")
def source() -> str:
    return EXAMPLE.read_text()


@pytest.fixture(scope="module")
def programs(source: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(EXAMPLE.stem, EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "line",
    [
        "tf.random.set_seed(4013)",
        "tf.random.set_seed(4015)",
        'model = tf.keras.models.load_model("Dog_Cat.model")',
        "fix_model = tf.keras.models.clone_model(model)",
        "keras.datasets.mnist.load_data(",
    ],
)
def test_the_lines_of_the_book_stand_as_they_are(source: str, line: str) -> None:
    assert line in source


def test_only_import_lines_name_cnnx(source: str) -> None:
    names = {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
    assert {"tf", "keras", "Sequential", "Conv2D"} <= names
    assert "cnnx" not in names
    assert "import cnnx as tf\n" in source


def test_programmes_11_6_9_and_11_6_10(
    programs: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: the extra plot").use(
        "Agg"
    )
    monkeypatch.chdir(tmp_path)
    pixels = np.random.default_rng(1).integers(0, 256, (5, 100, 100, 1))
    with pytest.warns(UserWarning, match="go up to 255"):  # the book does not scale them
        programs.train_on_cats_and_dogs(pixels.tolist(), [0, 1, 0, 1, 1], epochs=1)
    printed = capsys.readouterr().out
    assert "Total params: 1,274,881" in printed
    assert "Epoch 1/1" in printed
    assert "val_accuracy" in printed
    assert (tmp_path / "Dog_Cat.model").exists()
    programs.predict_four(pixels, np.repeat(pixels, 3, axis=-1))
    predictions = [float(line) for line in capsys.readouterr().out.split()]
    assert len(predictions) == 4
    assert all(0 <= value <= 1 for value in predictions)
    assert (tmp_path / "CatDog_Predict.png").stat().st_size > 10_000


def test_programmes_11_6_12_and_11_6_13(
    programs: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    """Vertical lines against rings, as I against Q."""
    rows, columns = np.mgrid[:32, :32]
    places = np.random.default_rng(1).integers(12, 20, (80, 2))
    lines = [(abs(columns - x) < 2) & (abs(rows - y) < 9) for y, x in places]
    rings = [abs(np.hypot(rows - y, columns - x) - 7) < 1.5 for y, x in places]
    labels = np.arange(80) % 2
    images = np.where(labels[:, None, None], rings, lines)[..., None]
    model, K, b_K = programs.train_one_filter(images.tolist(), labels.tolist(), epochs=25)
    assert K.shape == (3, 3, 1, 1)
    assert b_K.shape == (1,)
    capsys.readouterr()
    fixed, learnt = programs.compare_with_fixed_filter(model, K, b_K, images, labels)
    assert learnt[1] > 0.95
    assert fixed[0] > learnt[0]
    printed = capsys.readouterr().out
    assert printed.startswith("[[-1  0  1]\n [-1  0  1]\n [ 0  1  2]]\n-0.67\n")
    assert printed.count("accuracy") == 2, "evaluate prints its figures"
    np.testing.assert_array_equal(model.layers[0].get_weights()[0], K, "the clone is a copy")
