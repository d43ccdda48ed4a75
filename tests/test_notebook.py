"""What notebooks and pyplot show: figures, models and histories."""

from __future__ import annotations

import sys
import types
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import cnnx
from agreement import normal
from cnnx import explain, layers

pytestmark = pytest.mark.one_isa


@pytest.fixture
def pyplot() -> Iterator[Any]:
    matplotlib = pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    matplotlib.use("agg")
    module = pytest.importorskip("matplotlib.pyplot")
    module.close("all")
    yield module
    module.close("all")
    del sys.modules["matplotlib.pyplot"]
    del matplotlib.pyplot


def test_pyplot_shows_figures_once_it_is_imported(pyplot: Any) -> None:
    explain.plot_filters(np.eye(3))
    explain.plot_confusion_matrix([[1, 2], [3, 4]])
    assert pyplot.get_fignums() == [1, 2]


def test_nothing_global_without_pyplot() -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    assert "matplotlib.pyplot" not in sys.modules
    explain.plot_filters(np.eye(3))
    assert "matplotlib.pyplot" not in sys.modules


def test_a_notebook_shows_a_figure_once(pyplot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    figure: Any = explain.plot_filters(np.eye(3))
    assert pyplot.get_fignums() == [1]
    shown: list[Any] = []
    shell = types.SimpleNamespace(kernel=object())
    display = types.SimpleNamespace(Image=bytes, display=shown.append)
    ipython = types.SimpleNamespace(get_ipython=lambda: shell, display=display)
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    figure._ipython_display_()
    assert [picture[1:4] for picture in shown] == [b"PNG"]
    assert pyplot.get_fignums() == []  # the end of the cell does not show it again


def test_elsewhere_ipython_prints_the_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    figure: Any = explain.plot_filters(np.eye(3))
    with pytest.raises(NotImplementedError):
        figure._ipython_display_()


def elements(html: str, tag: str) -> list[ET.Element]:
    root = ET.fromstring(f"<html>{html.replace('<br>', '<br/>')}</html>")
    return list(root.iter(tag))


def test_models_as_tables_and_drawings() -> None:
    model: Any = cnnx.Sequential(
        [
            cnnx.Input((8, 8, 1)),
            layers.Conv2D(4, 3, name="<b>conv</b>"),
            layers.Flatten(),
            layers.Dense(10),
        ],
        name="a < b",
    )
    html = model._repr_html_()
    rows = [[cell.text for cell in row] for row in elements(html, "tr")]
    assert rows[0] == ["Layer (type)", "Output Shape", "Param #"]
    assert rows[1] == ["<b>conv</b> (Conv2D)", "(None, 6, 6, 4)", "40"]
    assert len(rows) == 4
    assert len(elements(html, "{http://www.w3.org/2000/svg}svg")) == 1
    assert "Total params: 1,490" in html
    graph: Any = cnnx.Model(x := cnnx.Input((3,)), layers.Add()([x, layers.Dense(3)(x)]))
    assert "Connected to" in graph._repr_html_()
    unbuilt: Any = cnnx.Sequential([layers.Dense(3)])
    assert "0 (unbuilt)" in unbuilt._repr_html_()


def test_histories_as_curves() -> None:
    model = cnnx.Sequential([cnnx.Input((3,)), layers.Dense(2, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
    empty: Any = cnnx.callbacks.History()
    assert "call fit first" in empty._repr_html_()
    x, y = normal(1, 12, 3), np.arange(12) % 2
    history: Any = model.fit(x, y, epochs=3, verbose=0, validation_data=(x, y))
    svg = ET.fromstring(history._repr_html_())
    name = "{http://www.w3.org/2000/svg}"
    texts = [element.text for element in svg.iter(f"{name}text")]
    assert {"loss", "val_loss", "accuracy", "val_accuracy", "epoch", "1", "3"} <= set(texts)
    curves = [line for line in svg.iter(f"{name}polyline") if line.get("stroke-width") == "2"]
    assert [len((line.get("points") or "").split()) for line in curves] == [3] * 4


@pytest.mark.parametrize(
    "values", [[1.0], [0.5, 0.5], [0.0, 0.0], [3.0, np.nan, 1.0], [np.nan], [-1e-9, 1e9]]
)
def test_curves_of_any_values(values: list[float]) -> None:
    history: Any = cnnx.callbacks.History()
    for epoch, value in enumerate(values):
        history.on_epoch_end(epoch, {"loss": value})
    svg = ET.fromstring(history._repr_html_())
    for line in svg.iter("{http://www.w3.org/2000/svg}polyline"):
        for point in (line.get("points") or "").split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= 300
            assert 0 <= y <= 200
