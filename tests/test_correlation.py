"""correlate2d, convolve2d and conv_matrix: ranks, SciPy's results, and the matrix's own."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agreement import assert_close, whole
from cnnx.ops import conv_matrix, convolve2d, correlate2d
from strategies import seeds

MODES = ["valid", "same", "full"]
X, K = whole(1, 3, 6, 5, 2), whole(2, 3, 2, 2, 4)


def test_ranks() -> None:
    whole_result = correlate2d(X, K)
    assert whole_result.shape == (3, 4, 4, 4)
    np.testing.assert_array_equal(correlate2d(X[0], K), whole_result[0])
    np.testing.assert_array_equal(correlate2d(X, K[..., 1]), whole_result[..., 1])
    np.testing.assert_array_equal(correlate2d(X[2], K[..., 1]), whole_result[2, ..., 1])

    each = correlate2d(X, K[..., 0, 0])
    assert each.shape == (3, 4, 4, 2)
    np.testing.assert_array_equal(correlate2d(X[1], K[..., 0, 0]), each[1])
    grey = correlate2d(X[1, ..., 0], K[..., 0, 0])
    np.testing.assert_array_equal(grey, each[1, ..., 0])
    np.testing.assert_array_equal(correlate2d(X[1, ..., 0], K[..., :1, 0]), grey)
    filters = correlate2d(X[1, ..., 0], K[..., :1, :])
    assert filters.shape == (4, 4, 4)
    np.testing.assert_array_equal(filters[..., 0], grey)


def test_bias() -> None:
    np.testing.assert_array_equal(correlate2d(X, K, bias=2), correlate2d(X, K) + 2)
    np.testing.assert_array_equal(
        convolve2d(X, K, bias=[1, 2, 3, 4]), convolve2d(X, K) + np.arange(1, 5)
    )
    channels = convolve2d(X, K[..., 0, 0])
    np.testing.assert_array_equal(
        convolve2d(X, K[..., 0, 0], bias=[3, -1]), channels + np.array([3, -1])
    )
    np.testing.assert_array_equal(convolve2d(X, K[..., 0, 0], bias=-1), channels - 1)


def test_same_puts_the_odd_zeros_at_the_bottom_and_right_as_keras_does() -> None:
    np.testing.assert_array_equal(correlate2d([[1, 2, 3]], [[1, 10]], "same"), [[21, 32, 3]])
    np.testing.assert_array_equal(convolve2d([[1, 2, 3]], [[10, 1]], "same"), [[21, 32, 3]])


@given(
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    st.tuples(st.integers(1, 5), st.integers(1, 5)),
    st.sampled_from(MODES),
    seeds,
)
def test_scipy(size: tuple[int, int], kernel: tuple[int, int], mode: str, seed: int) -> None:
    signal = pytest.importorskip("scipy.signal", reason="SciPy is not installed")
    if mode == "valid":
        kernel = (min(kernel[0], size[0]), min(kernel[1], size[1]))
    elif mode == "same":  # even kernels: see above
        kernel = (kernel[0] | 1, kernel[1] | 1)
        size = (max(size[0], kernel[0]), max(size[1], kernel[1]))
    x, k = whole(seed, *size), whole(seed + 1, *kernel)
    np.testing.assert_array_equal(correlate2d(x, k, mode), signal.correlate2d(x, k, mode))
    np.testing.assert_array_equal(convolve2d(x, k, mode), signal.convolve2d(x, k, mode))


@given(
    st.tuples(st.integers(1, 6), st.integers(1, 6), st.integers(1, 3)),
    st.tuples(st.integers(1, 3), st.integers(1, 3)),
    st.sampled_from(["(kh, kw)", "(kh, kw, c)", "(kh, kw, c, f)"]),
    st.sampled_from(["C", "F"]),
    st.sampled_from([*MODES, 1]),
    st.integers(1, 3),
    st.integers(1, 2),
    seeds,
)
def test_the_matrix_gives_the_correlation(
    shape: tuple[int, int, int],
    size: tuple[int, int],
    kind: str,
    order: Any,
    mode: Any,
    strides: int,
    dilation_rate: int,
    seed: int,
) -> None:
    if dilation_rate * (max(size) - 1) + 1 > min(shape[:2]):
        size = (1, 1)
    k = whole(seed, *size, shape[2], 2)
    k = {"(kh, kw)": k[..., 0, 0], "(kh, kw, c)": k[..., 0], "(kh, kw, c, f)": k}[kind]
    x = whole(seed + 1, *shape)
    options: dict[str, Any] = {"mode": mode, "strides": strides, "dilation_rate": dilation_rate}
    for operation, slide in (("correlation", correlate2d), ("convolution", convolve2d)):
        matrix = conv_matrix(k, shape, order, operation=operation, **options)
        y = slide(x, k, **options)
        assert matrix.shape == (y.size, x.size)
        np.testing.assert_array_equal(matrix @ x.ravel(order), y.ravel(order))


def test_the_matrix_is_sparse_with_scipy_and_an_array_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sparse = pytest.importorskip("scipy.sparse", reason="SciPy is not installed")
    k = whole(1, 3, 3) + 5
    matrix = conv_matrix(k, (8, 9), mode="same")
    assert sparse.issparse(matrix)
    assert matrix.dtype == np.float32
    assert matrix.nnz == (3 * 8 - 2) * (3 * 9 - 2)
    monkeypatch.setitem(sys.modules, "scipy.sparse", None)
    dense = conv_matrix(k, (8, 9), mode="same")
    assert isinstance(dense, np.ndarray)
    np.testing.assert_array_equal(dense, matrix.toarray())


def test_real_numbers() -> None:
    x, k = np.linspace(-1, 1, 30).reshape(5, 6), [[0.25, -1.5], [3.0, 0.1]]
    expected = [
        [sum(x[i + u, j + v] * k[u][v] for u in (0, 1) for v in (0, 1)) for j in range(5)]
        for i in range(4)
    ]
    assert_close(correlate2d(x, k), expected)
