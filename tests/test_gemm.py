from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from agreement import TOLERANCE, check, check_threads, normal, whole
from cnnx import _core
from strategies import Window, channels, seeds, windows

sizes = st.one_of(st.integers(1, 70), st.sampled_from([127, 128, 129]))


@given(sizes, sizes, sizes, *[st.booleans()] * 4, seeds)
def test_sgemm_agrees_with_the_oracle(
    m: int,
    n: int,
    k: int,
    transpose_a: bool,
    transpose_b: bool,
    accumulate: bool,
    whole_numbers: bool,
    seed: int,
) -> None:
    numbers, tolerance = (whole, 0.0) if whole_numbers else (normal, TOLERANCE)
    a = numbers(seed, *((k, m) if transpose_a else (m, k)))
    b = numbers(seed + 1, *((n, k) if transpose_b else (k, n)))
    c = numbers(seed + 2, m, n) if accumulate else np.full((m, n), np.nan, np.float32)
    product = reference.matmul(a.T if transpose_a else a, b.T if transpose_b else b)
    check(
        _core.sgemm,
        {
            "a": a,
            "b": b,
            "transpose_a": transpose_a,
            "transpose_b": transpose_b,
            "accumulate": accumulate,
        },
        {"c": product + c if accumulate else product},
        start={"c": c},
        tolerance=tolerance,
    )


@pytest.mark.parametrize(("m", "n", "k"), [(600, 300, 700), (5000, 8, 200), (16, 4000, 64)])
def test_sgemm_beyond_one_cache_block_is_exact_on_whole_numbers(m: int, n: int, k: int) -> None:
    a, b = whole(1, m, k), whole(2, k, n)
    check(
        _core.sgemm,
        {"a": a, "b": b, "transpose_a": False, "transpose_b": False, "accumulate": False},
        {"c": a.astype(np.float64) @ b.astype(np.float64)},
        tolerance=0,
    )


@pytest.mark.parametrize(("m", "n", "k"), [(300, 300, 300), (4000, 32, 150), (40, 24, 9000)])
def test_one_and_two_threads_give_the_same_bits(m: int, n: int, k: int) -> None:
    check_threads(
        _core.sgemm,
        {
            "a": normal(1, m, k),
            "b": normal(2, k, n),
            "transpose_a": False,
            "transpose_b": False,
            "accumulate": False,
        },
        {"c": (m, n)},
    )


@given(windows(dilated=True), st.integers(1, 3), channels, seeds)
def test_im2col_agrees_with_the_oracle(window: Window, mb: int, ic: int, seed: int) -> None:
    geometry = {
        "kernel_size": window.kernel_size,
        "output_size": window.output_size,
        "strides": window.strides,
        "padding": window.padding,
        "dilation": window.dilation,
    }
    src = normal(seed, mb, *window.input_size, ic)
    check(
        _core.im2col,
        {"src": src, **geometry},
        {"col": reference.im2col(src, **geometry)},
        tolerance=0,
    )
