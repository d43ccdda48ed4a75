"""The progress bar shows the loss and the metrics after every batch."""

from __future__ import annotations

import io
import os
import re
import struct
import sys
import types
from typing import Any

import numpy as np
import pytest

import cnnx
from agreement import normal
from cnnx import layers, progress
from cnnx.callbacks import History

pytestmark = pytest.mark.one_isa


class Terminal(io.StringIO):
    """Text written to a terminal."""

    def isatty(self) -> bool:
        return True


def shown_by_fit(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO) -> tuple[str, History]:
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.delenv("COLUMNS", raising=False)  # a narrow bar would leave the figures out
    monkeypatch.setattr(progress, "_REFRESH_SECONDS", 0)
    cnnx.utils.set_random_seed(1)
    model = cnnx.Sequential([cnnx.Input((3,)), layers.Dense(2, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", ["accuracy"])
    history = History(per_batch=True)
    model.fit(normal(1, 12, 3), [0, 1] * 6, batch_size=4, callbacks=[history])
    return stream.getvalue(), history


def test_loss_and_accuracy_of_the_epoch_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    text, history = shown_by_fit(monkeypatch, Terminal())
    pattern = r"Epoch 1/1[^\r]*? ([\d.]+)/12\.0[^\r]*loss ([\d.]+)  accuracy ([\d.]+)"
    shown = [tuple(map(float, figures)) for figures in re.findall(pattern, text)]
    batches = [history.batches[name] for name in ("loss", "accuracy")]
    means = [np.cumsum(values) / [1, 2, 3] for values in batches]
    np.testing.assert_allclose(shown, np.stack([[4, 8, 12], *means], axis=1), atol=6e-5)


def test_no_bar_where_no_terminal_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    text, _ = shown_by_fit(monkeypatch, io.StringIO())
    assert text == ""


@pytest.mark.parametrize("columns", [140, 80, 50])
@pytest.mark.parametrize("samples", [60_000, None])
def test_a_narrow_terminal_shows_the_figures(
    columns: int, samples: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    fcntl = pytest.importorskip("fcntl", reason="no terminals of Unix")
    termios = pytest.importorskip("termios", reason="no terminals of Unix")
    master, terminal = os.openpty()
    with open(master, "rb", buffering=0) as written, open(terminal, "w") as stream:
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))
        monkeypatch.setattr(sys, "stderr", stream)
        monkeypatch.setattr(progress, "_REFRESH_SECONDS", 0)
        with progress.Progress("Epoch 10/10", samples, 1) as bar:
            bar.advance(600, lambda: {"loss": 0.1234, "accuracy": 0.9876})
        text = b""
        while not (b"loss" in text and text.endswith(b"\r")):
            text += written.read(10_000)
    for line in text.decode().split("\r"):
        assert len(line) < columns
        assert "loss" not in line or "loss 0.1234  accuracy 0.9876" in line


class WidgetBar:
    """Takes the place of the bars of tqdm.notebook."""

    def __init__(self, **options: Any) -> None:
        self.options = options
        self.updates: list[int] = []

    def update(self, samples: int) -> None:
        self.updates.append(samples)

    def set_postfix_str(self, text: str, refresh: bool) -> None:
        self.text = text

    def close(self) -> None:
        pass


@pytest.mark.parametrize("widgets", [True, False])
def test_a_notebook_shows_a_widget_where_it_can(
    widgets: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shell = types.SimpleNamespace(kernel=object())
    ipython = types.SimpleNamespace(get_ipython=lambda: shell)
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "tqdm.notebook", types.SimpleNamespace(tqdm=WidgetBar))
    monkeypatch.setattr(progress, "has_widgets", lambda: widgets)
    monkeypatch.setattr(progress, "_REFRESH_SECONDS", 0)
    with progress.Progress("Epoch 1/1", 20, 1) as bar:
        bar.advance(5, lambda: {"loss": 0.5})
        made = bar._bar
    assert isinstance(made, WidgetBar) is widgets
    output = capsys.readouterr()
    assert output.err == ""
    if widgets:
        assert made.updates == [5]
        assert made.text == "loss 0.5000"
    else:
        assert "loss 0.5000" in output.out
