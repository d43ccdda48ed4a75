"""Samples that are normalised by themselves, against plain NumPy in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from agreement import backends, check, check_threads, normal, run
from cnnx import _core
from strategies import seeds

EPSILON = 1e-3
Array = NDArray[Any]


def statistics(src: Array, centered: bool, averaged: bool = True) -> tuple[Array, Array]:
    """Mean and 1 / deviation of what lies along pixels and `each`, (samples, groups)."""
    x = src.astype(np.float64)
    mean = x.mean(axis=(1, 3)) * centered
    squares = (x - mean[:, None, :, None]) ** 2
    variance = squares.mean(axis=(1, 3)) if averaged else squares.sum(axis=(1, 3))
    return mean, 1 / np.sqrt(variance + EPSILON)


def normalised(src: Array, centered: bool, averaged: bool = True) -> Array:
    mean, inv_std = statistics(src, centered, averaged)
    normal_of: Array = (src - mean[:, None, :, None]) * inv_std[:, None, :, None]
    return normal_of


def gradients(
    src: Array, dy: Array, gamma: Array | float, centered: bool, averaged: bool
) -> tuple[Array, Array, Array]:
    """With x^ = (x - mean) / std and g = gamma dy: dx = (g - mean(g) - x^ mean(g x^)) / std.

    Of squares that are not averaged, g x^ is not either.
    """
    x = normalised(src, centered, averaged)
    inv_std = statistics(src, centered, averaged)[1][:, None, :, None]
    g = dy.astype(np.float64) * gamma
    mean = g.mean(axis=(1, 3), keepdims=True) * centered
    along = (np.mean if averaged else np.sum)(g * x, axis=(1, 3), keepdims=True)
    dx = (g - mean - x * along) * inv_std
    return dx, (dy * x).sum(axis=(0, 1)), dy.sum(axis=(0, 1), dtype=np.float64)


@example((2, 1, 1, 5_000), True, True, True, 1)  # more than a block of a long sum
@example((300, 1, 1, 200), True, False, True, 1)  # rows for two threads
@example((300, 1, 1, 200), False, False, False, 1)  # of length 1
@example((3, 2_000, 4, 5), True, True, True, 1)  # several chunks of a sample
@example((3, 2_000, 4, 5), True, True, False, 1)
@example((40, 49, 2, 64), True, True, True, 1)
@example((2, 30, 20, 1), False, True, True, 1)  # every channel by itself
@given(
    st.tuples(st.integers(1, 5), st.integers(1, 9), st.integers(1, 4), st.integers(1, 40)),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    seeds,
)
def test_it_agrees_with_the_oracle(
    shape: tuple[int, int, int, int], affine: bool, centered: bool, averaged: bool, seed: int
) -> None:
    samples, pixels, groups, each = shape
    src = normal(seed, *shape) + np.float32(3)
    gamma = normal(seed + 1, groups, each) + np.float32(2) if affine else None
    beta = normal(seed + 2, groups, each) if affine else None
    factor, summand = (gamma, beta) if affine else (1.0, 0.0)
    mean, inv_std = statistics(src, centered, averaged)
    alone = pixels * each == 1  # what is normalised is 0 but for rounding
    kind = {"pixels": pixels, "centered": centered, "averaged": averaged}
    flat: dict[str, Any] = {
        "gamma": None if gamma is None else gamma.ravel(),
        "beta": None if beta is None else beta.ravel(),
    }
    found = normalised(src, centered, averaged) * factor + summand
    if not (alone and centered):
        check(
            _core.sample_norm_forward,
            {"src": src, **flat, **kind, "epsilon": EPSILON},
            {"dst": found, "mean": mean, "inv_std": inv_std},
        )
        check(
            _core.sample_norm_forward,
            {"src": src, **flat, **kind, "epsilon": EPSILON},
            {"dst": found, "mean": mean, "inv_std": inv_std},
            in_place={"dst": "src"},
        )
    dy = normal(seed + 3, *shape)
    dx, diff_gamma, diff_beta = gradients(src, dy, factor, centered, averaged)
    inputs = {
        "src": src,
        "diff_dst": dy,
        "gamma": flat["gamma"],
        "mean": mean.astype(np.float32),
        "inv_std": inv_std.astype(np.float32),
        **kind,
    }
    for backend in backends():
        backend.use()
        results = run(
            _core.sample_norm_backward,
            inputs,
            {
                "diff_src": shape,
                "diff_gamma": (groups * each,),
                "diff_beta": (groups * each,),
            },
            in_place={"diff_src": "diff_dst"} if seed % 2 else None,
        )
        scale = np.abs(dy).max() * np.abs(factor).max() * inv_std.max()
        np.testing.assert_allclose(results["diff_src"], dx, atol=1e-5 * scale, rtol=1e-4)
        terms = np.sqrt(samples * pixels) * 20
        np.testing.assert_allclose(results["diff_gamma"], diff_gamma.ravel(), atol=1e-6 * terms)
        np.testing.assert_allclose(results["diff_beta"], diff_beta.ravel(), atol=1e-6 * terms)


@pytest.mark.parametrize("shape", [(2_000, 1, 1, 96), (3, 3_136, 8, 12), (1, 4_096, 4, 8)], ids=str)
def test_the_bits_of_any_number_of_threads(shape: tuple[int, int, int, int]) -> None:
    samples, pixels, groups, each = shape
    src, dy, c = normal(1, *shape), normal(2, *shape), groups * each
    scale = {"gamma": normal(3, c), "pixels": pixels}
    statistics_shape = {"mean": (samples, groups), "inv_std": (samples, groups)}
    check_threads(
        _core.sample_norm_forward,
        {"src": src, "beta": normal(4, c), "epsilon": EPSILON, **scale},
        {"dst": shape, **statistics_shape},
    )
    mean, inv_std = (part.astype(np.float32) for part in statistics(src, True))
    check_threads(
        _core.sample_norm_backward,
        {"src": src, "diff_dst": dy, "mean": mean, "inv_std": inv_std, **scale},
        {"diff_src": shape, "diff_gamma": (c,), "diff_beta": (c,)},
    )


def test_gradients_that_nobody_wants() -> None:
    src = normal(1, 4, 6, 2, 3)
    mean, inv_std = (part.astype(np.float32) for part in statistics(src, True))
    inputs = {"src": src, "diff_dst": src, "gamma": None, "mean": mean, "inv_std": inv_std}
    wanted = {"diff_src": None, "diff_gamma": (6,), "diff_beta": None}
    for pixels in (6, 1):
        if pixels == 1:
            inputs |= {"src": src.reshape(24, 1, 1, 6), "diff_dst": src.reshape(24, 1, 1, 6)}
            inputs |= {"mean": normal(2, 24, 1), "inv_std": normal(3, 24, 1)}
        results = run(_core.sample_norm_backward, {**inputs, "pixels": pixels}, wanted)
        assert np.isfinite(results["diff_gamma"]).all()


@pytest.mark.parametrize("shape", [(3, 500, 2, 8), (48, 1, 1, 500)], ids=str)
def test_large_offsets_cancel_nothing(shape: tuple[int, int, int, int]) -> None:
    """A mean that is 10,000 times the deviation leaves three digits of it."""
    samples, pixels, groups, _ = shape
    src = normal(1, *shape) + np.float32(1e4)
    dst, mean, inv_std = np.empty_like(src), *np.empty((2, samples, groups), np.float32)
    for backend in backends():
        backend.use()
        _core.sample_norm_forward(src, None, None, dst, mean, inv_std, pixels, EPSILON)
        np.testing.assert_allclose(dst, normalised(src, True), atol=2e-3)


@pytest.mark.parametrize(
    ("src", "mean", "pixels", "words"),
    [
        ((2, 6), (2, 4), 1, "same number of elements"),
        ((2, 6), (2, 1), 0, "pixels"),
        ((0, 6), (2, 1), 1, "must not be empty"),
        ((2, 6), (0, 1), 1, "a number for each group"),
    ],
)
def test_wrong_arguments(src: Any, mean: Any, pixels: int, words: str) -> None:
    x, m = np.zeros(src, np.float32), np.zeros(mean, np.float32)
    with pytest.raises(ValueError, match=words):
        _core.sample_norm_forward(x, None, None, x.copy(), m, m.copy(), pixels, EPSILON)
