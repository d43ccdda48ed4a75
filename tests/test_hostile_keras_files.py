"""Files of Keras run nothing, open nothing else, and take no more memory than promised."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import numpy as np
import pytest

from cnnx.models import load_model
from test_hostile_models import outcomes

pytest.importorskip("h5py", reason="h5py, which writes the files, is not installed")

from hostile_keras_files import ARE_MODELS, GROUPS, chain, hdf5_files, mutations
from keras_writer import keras_2

pytestmark = [
    pytest.mark.one_isa,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc and sets RLIMIT_DATA"),
]


@pytest.fixture
def good(tmp_path: Path) -> Path:
    (tmp_path / "good").write_bytes(keras_2(chain(), GROUPS))
    return tmp_path / "good"


def test_crafted_files(good: Path) -> None:
    found = outcomes(good, "keras crafted")
    assert len(found) > 120
    for name, outcome in found.items():
        assert outcome == ("model" if name in ARE_MODELS else "refused"), name


@pytest.mark.parametrize(
    ("group", "files"),
    [
        ("keras values", 700),
        ("keras 300", 300),
        pytest.param("keras 20000", 20_000, marks=pytest.mark.thorough),
    ],
)
def test_every_file_is_refused_or_a_model(good: Path, group: str, files: int) -> None:
    found = outcomes(good, group)
    assert len(found) >= files
    assert set(found.values()) <= {"model", "refused"}
    assert "model" in found.values()


def test_damaged_weights_change_nothing(good: Path) -> None:
    model = load_model(good)
    before = model.get_weights()
    loaded = 0
    for name, content in [
        *mutations(60),
        *((n, c) for n, c in hdf5_files() if n.startswith("cut")),
    ]:
        good.write_bytes(content)
        with contextlib.suppress(ValueError):
            model.load_weights(good)
            loaded += 1
            model.set_weights(before)
        for one, other in zip(model.get_weights(), before, strict=True):
            np.testing.assert_array_equal(one, other, err_msg=name)
    assert loaded < 60
