from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cnnx import explain, filters

pytestmark = pytest.mark.one_isa


def test_what_is_not_installed_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r'a plot needs matplotlib: pip install "cnnx\[plot\]"'):
        explain.plot_filters([[1]])
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(ImportError, match=r'pictures needs Pillow: pip install "cnnx\[images\]"'):
        filters.apply(tmp_path / "picture.png", "box")
