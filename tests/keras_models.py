"""Models of Keras and of ours beside each other."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cnnx.models import load_model

TOLERANCE = 1e-5


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Let Keras warn of what it likes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def spread(model: Any, seed: int = 0) -> None:
    """Give all weights values that no initializer would: statistics and biases, too."""
    generator = np.random.default_rng(seed)
    with silence():
        values = [generator.uniform(0.1, 0.9, w.shape) - 0.2 * (w.ndim > 1) for w in model.weights]
        model.set_weights(values)


def listed(values: Any) -> list[Any]:
    return list(values) if isinstance(values, (list, tuple)) else [values]


def samples(shapes: Sequence[tuple[int, ...]]) -> Any:
    generator = np.random.default_rng(2)
    x = [generator.standard_normal((3, *shape)).astype(np.float32) for shape in shapes]
    return x if len(x) > 1 else x[0]


def predicted(model: Any, *shapes: tuple[int, ...]) -> Any:
    """Return what a model of Keras predicts."""
    with silence():
        return model(samples(shapes), training=False)


def assert_predicts(ours: Any, wanted: Any, *shapes: tuple[int, ...]) -> None:
    found = ours.predict(samples(shapes), verbose=0)
    if isinstance(wanted, dict):
        assert found.keys() == wanted.keys()
        found, wanted = ([values[name] for name in wanted] for values in (found, wanted))
    for one, other in zip(listed(found), listed(wanted), strict=True):
        other = other.detach().numpy()
        assert one.shape == other.shape
        np.testing.assert_allclose(one, other, atol=TOLERANCE * max(1, abs(other).max()), rtol=0)


def assert_alike(ours: Any, theirs: Any, *shapes: tuple[int, ...]) -> None:
    assert_predicts(ours, predicted(theirs, *shapes), *shapes)


def check(model: Any, folder: Path, *shapes: tuple[int, ...], seed: int = 0) -> Any:
    """Save a model of Keras in both formats and load it here; return what was loaded."""
    spread(model, seed)
    wanted = predicted(model, *shapes)
    for name in ("model.h5", "model.keras"):
        with silence():
            model.save(folder / name)
        found = load_model(folder / name)
        assert_predicts(found, wanted, *shapes)
    return found


IMAGE, PICTURE, SEQUENCE = (9, 8, 4), (9, 8, 3), (11, 4)


def dense(keras: Any) -> Any:
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, activation="softmax")])
