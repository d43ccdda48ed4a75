"""The progress bar shows the loss and the metrics after every batch."""

from __future__ import annotations

import io
import re
import sys

import numpy as np
import pytest

import cnnx
from agreement import normal
from cnnx import layers, progress
from cnnx.callbacks import History


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
