"""The functional API: what it adds to the core is geometry, dtypes and fresh results."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import reference
from agreement import assert_close, normal
from argument_table import OPS, Array
from argument_table.operations import GAMMA, KERNEL, ROWS, X
from cnnx import ops

# The zeros of the padding are multiplied too, and 0 times NaN is NaN; the oracle leaves them out.
# (Its matrix of a convolution is made of products by 0.)
MEETS_PADDING = {
    ("conv2d", "kernel"),
    ("conv2d_backward", "dy"),
    ("correlate2d", "k"),
    ("convolve2d", "k"),
    ("correlate1d", "k"),
    ("convolve1d", "k"),
    ("conv_matrix", "k"),
}


def in_turn(results: Any) -> tuple[Array, ...]:
    """Return the arrays of a result, be it one or several."""
    return results if isinstance(results, tuple) else (results,)


def both(name: str, changes: dict[str, Array]) -> list[tuple[Array, Array]]:
    """Return what an operation gives and what the oracle gives, for changed arrays."""
    entry = OPS[name]
    got = in_turn(entry.call(**entry.arguments | changes))
    with np.errstate(all="ignore"):
        expected = in_turn(entry.oracle(*(entry.arrays | changes).values()))
    return list(zip(got, expected, strict=True))


@pytest.mark.parametrize("name", OPS)
def test_agreement_with_the_oracle(name: str) -> None:
    for got, expected in both(name, {}):
        assert got.dtype == np.float32
        assert_close(got, expected, what=name)


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    ("name", "argument"),
    [(n, array) for n in OPS for array in OPS[n].arrays if (n, array) not in MEETS_PADDING],
)
def test_nan_and_infinity_reach_what_they_touch_and_no_other_bit(
    name: str, argument: str, special: float
) -> None:
    array = OPS[name].arrays[argument].copy()
    array.flat[array.size // 2] = special
    before, after = both(name, {}), both(name, {argument: array})
    for (clean, known), (got, expected) in zip(before, after, strict=True):
        finite = np.isfinite(expected)
        np.testing.assert_array_equal(np.isfinite(got), finite)
        if np.isnan(special):
            np.testing.assert_array_equal(np.isnan(got), np.isnan(expected))
        np.testing.assert_allclose(got[finite], expected[finite], rtol=1e-4, atol=1e-5)
        untouched = known == expected
        np.testing.assert_array_equal(got[untouched], clean[untouched])


@pytest.mark.parametrize("layout", [np.asarray, np.asfortranarray, lambda a: a[::2, ::-1]])
@pytest.mark.parametrize("dtype", ["f4", "f8", "i2"])
def test_matmul_of_any_layout(layout: Any, dtype: str) -> None:
    a, b = (layout((10 * normal(i, 6, 6)).astype(dtype)) for i in (1, 2))
    assert_close(ops.matmul(a, b.T), reference.matmul(a, b.T))


def test_an_empty_batch_gives_an_empty_result() -> None:
    assert ops.conv2d(X[:0], KERNEL, groups=2).shape == (0, 4, 4, 6)
    assert ops.max_pool2d(X[:0]).shape == (0, 3, 2, 4)
    assert ops.dense(ROWS[:0], GAMMA[:, None]).shape == (0, 1)
    assert ops.softmax(ROWS[:0]).shape == (0, 3)
    _, kernel, bias = ops.dense_backward(ROWS[:0], GAMMA[:, None], ROWS[:0, :1])
    assert not kernel.any()
    assert not bias.any()
