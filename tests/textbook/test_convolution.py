"""Rows O1 to O6 and O11: convolution, its shapes, its matrix, its biases and its gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from agreement import assert_close, normal, whole
from cnnx import layers
from cnnx.explain import convolution_steps
from cnnx.ops import (
    conv2d,
    conv2d_backward,
    conv_matrix,
    convolve1d,
    convolve2d,
    correlate1d,
    correlate2d,
    im2col,
)
from single_layer import both
from strategies import seeds

CROSS = [[0, 1, 0], [1, 1, 1], [0, 1, 0]]  # S0 (11.2.5)
S0_IMAGE = [[94, 50, 221], [98, 109, 50], [49, 213, 91]]
S0_FILTER = [[2, 2, 1], [1, 0, -2], [-2, 2, 2]]
S4_IMAGE, S4_KERNEL = [[1, 6, 2], [5, 3, 1], [7, 0, 4]], [[1, 2], [-1, 0]]
S1_BITS = [[1, 1, 1, 0, 0], [0, 1, 1, 1, 0], [0, 0, 1, 1, 1], [0, 0, 1, 1, 0], [0, 1, 1, 0, 0]]
S1_DIGITS = [[10 * row + column for column in range(1, 8)] for row in range(8)]
S1_PADDED = [
    [3, 3, 4, 4, 7, 0],
    [9, 7, 6, 5, 8, 2],
    [6, 5, 5, 6, 9, 2],
    [7, 1, 3, 2, 7, 8],
    [0, 3, 7, 1, 8, 3],
    [4, 0, 4, 3, 2, 2],
]


def rot180(k: Any) -> NDArray[Any]:
    return np.asarray(k)[::-1, ::-1]


# --- O1 -------------------------------------------------------------------------------------------

FIGURES = {
    "S0 11.2.1, cross-correlation": (correlate2d(S0_IMAGE, S0_FILTER), [[1017]]),
    "S0 11.2.1, convolution": (convolve2d(S0_IMAGE, S0_FILTER), [[357]]),
    "S4, valid cross-correlation": (correlate2d(S4_IMAGE, S4_KERNEL), [[8, 7], [4, 5]]),
    "S4, full cross-correlation": (
        correlate2d(S4_IMAGE, S4_KERNEL, "full"),
        [[0, -1, -6, -2], [2, 8, 7, 1], [10, 4, 5, -3], [14, 7, 8, 4]],
    ),
    "S4, full convolution": (
        convolve2d(S4_IMAGE, S4_KERNEL, "full"),
        [[1, 8, 14, 4], [4, 7, 5, 2], [2, 11, 3, 8], [-7, 0, -4, 0]],
    ),
    "S1, binary image": (
        convolve2d(S1_BITS, [[1, 0, 1], [0, 1, 0], [1, 0, 1]]),
        [[4, 3, 4], [2, 4, 3], [2, 3, 4]],
    ),
    # S1 prints the four of the upper left corner.
    "S1, stride 2": (
        convolve2d(S1_DIGITS, np.ones((3, 3)), strides=2),
        [[108, 126, 144], [288, 306, 324], [468, 486, 504]],
    ),
}


@pytest.mark.parametrize(("got", "printed"), FIGURES.values(), ids=FIGURES)
def test_o1_figures(got: Any, printed: Any) -> None:
    np.testing.assert_array_equal(got, printed)


def test_o1_products_of_s0() -> None:
    products = {
        "correlation": [[188, 100, 221], [98, 0, -100], [-98, 426, 182]],
        "convolution": [[188, 100, -442], [-196, 0, 50], [49, 426, 182]],
    }
    for operation, printed in products.items():
        steps = convolution_steps(S0_IMAGE, S0_FILTER, operation=operation)
        got = steps.patches[0, 0] * steps.window_kernel
        np.testing.assert_array_equal(got[..., 0], printed)


def test_o1_cross_filter() -> None:
    first = [[0.7, 0.2, 0.3], [0.2, 0.4, 0.1], [0.5, 0.3, 0.8]]
    second = [[0.1, 0.9, 0.2], [0.7, 0.9, 0.8], [0.2, 0.8, 0.1]]
    for slide in (correlate2d, convolve2d):
        assert slide(first, CROSS).item() == pytest.approx(1.2)
        assert slide(second, CROSS).item() == pytest.approx(4.1)


sizes = st.tuples(st.integers(1, 6), st.integers(1, 6))


@given(sizes, sizes, st.sampled_from(["valid", "same", "full"]), st.integers(1, 3), seeds)
def test_o1_convolution_is_the_correlation_with_the_rotated_kernel(
    size: tuple[int, int], kernel: tuple[int, int], mode: str, strides: int, seed: int
) -> None:
    """S0 (11.2.3)."""
    if mode == "valid":
        kernel = (min(kernel[0], size[0]), min(kernel[1], size[1]))
    x, k = whole(seed, *size), whole(seed + 1, *kernel)
    np.testing.assert_array_equal(
        convolve2d(x, k, mode, strides), correlate2d(x, rot180(k), mode, strides)
    )
    np.testing.assert_array_equal(
        correlate2d(x, k, mode, strides), convolve2d(x, rot180(k), mode, strides)
    )


@given(sizes, sizes, sizes, seeds)
def test_o1_properties_of_full_convolution(
    f_size: tuple[int, int], g_size: tuple[int, int], h_size: tuple[int, int], seed: int
) -> None:
    """S1, "Properties of convolutions"; S3 (8.7). Whole numbers, so that they hold exactly."""
    f, g, h = whole(seed, *f_size), whole(seed + 1, *g_size), whole(seed + 2, *h_size)

    def star(a: Any, b: Any) -> Any:
        return convolve2d(a, b, "full")

    np.testing.assert_array_equal(star(f, g), star(g, f))  # commutative
    np.testing.assert_array_equal(star(f, star(g, h)), star(star(f, g), h))  # associative
    other = whole(seed + 3, *g_size)
    np.testing.assert_array_equal(star(f, g + other), star(f, g) + star(f, other))  # distributive
    assert not star(f, np.zeros(g_size)).any()  # f * 0 = 0
    np.testing.assert_array_equal(star(f, [[1]]), f)  # f * delta = f


# --- O1 with one axis: S1 (0.1) to (0.3), S2 (23) and (24) ----------------------------------------

lengths = st.integers(1, 9)


def by_definition(x: Any, k: Any) -> NDArray[np.float64]:
    """Sum over tau of x(tau) k(t - tau), wherever both are given."""
    y = np.zeros(len(x) + len(k) - 1)
    for t in range(len(y)):
        for tau in range(len(x)):
            if 0 <= t - tau < len(k):
                y[t] += float(x[tau]) * float(k[t - tau])
    return y


@given(lengths, lengths, seeds)
def test_o1_one_axis_agrees_with_the_definition_and_with_numpy(n: int, m: int, seed: int) -> None:
    x, k = whole(seed, n), whole(seed + 1, m)
    full = convolve1d(x, k, "full")
    np.testing.assert_array_equal(full, by_definition(x, k))
    np.testing.assert_array_equal(full, np.convolve(x, k))
    np.testing.assert_array_equal(correlate1d(x, k, "full"), np.correlate(x, k, "full"))
    if m <= n:
        np.testing.assert_array_equal(convolve1d(x, k), np.convolve(x, k, "valid"))
        np.testing.assert_array_equal(correlate1d(x, k), np.correlate(x, k, "valid"))
        same = convolve1d(x, k, "same")
        # An even kernel's odd zero lies at the end; NumPy has it at the beginning.
        np.testing.assert_array_equal(same, full[m // 2 :][:n])
        if m % 2:
            np.testing.assert_array_equal(same, np.convolve(x, k, "same"))
            np.testing.assert_array_equal(correlate1d(x, k, "same"), np.correlate(x, k, "same"))


@given(lengths, lengths, st.sampled_from(["same", "full"]), st.integers(1, 4), seeds)
def test_o1_one_axis_is_an_image_of_one_row(
    n: int, m: int, mode: str, stride: int, seed: int
) -> None:
    x, k = whole(seed, n), whole(seed + 1, m)
    for one, two in ((correlate1d, correlate2d), (convolve1d, convolve2d)):
        np.testing.assert_array_equal(
            one(x, k, mode, stride), two(x[None], k[None], mode, (1, stride))[0]
        )
    if mode == "full":
        np.testing.assert_array_equal(convolve1d(x, k, mode, stride), by_definition(x, k)[::stride])


@given(lengths, lengths, lengths, seeds)
def test_o1_properties_of_full_convolution_of_signals(n: int, m: int, p: int, seed: int) -> None:
    """S1, "Properties of convolutions"."""
    f, g, h, other = whole(seed, n), whole(seed + 1, m), whole(seed + 2, p), whole(seed + 3, m)

    def star(a: Any, b: Any) -> Any:
        return convolve1d(a, b, "full")

    np.testing.assert_array_equal(star(f, g), star(g, f))
    np.testing.assert_array_equal(star(f, star(g, h)), star(star(f, g), h))
    np.testing.assert_array_equal(star(f, g + other), star(f, g) + star(f, other))
    assert not star(f, np.zeros(m)).any()
    np.testing.assert_array_equal(star(f, [1]), f)
    np.testing.assert_array_equal(star(f, g), correlate1d(f, g[::-1], "full"))


def test_o1_a_kernel_longer_than_the_signal_needs_zeros() -> None:
    with pytest.raises(ValueError, match=r"convolve1d: mode='valid' needs a k no longer.*3 and 2"):
        convolve1d([1, 2], [1, 2, 3])
    np.testing.assert_array_equal(convolve1d([1, 2], [1, 2, 3], "same"), [4, 7])
    with pytest.raises(ValueError, match=r"correlate1d: x must be one row.*\(1, 2\)"):
        correlate1d([[1, 2]], [1])


# --- O2 -------------------------------------------------------------------------------------------


def test_o2_three_channels_of_s0_figure_11_2_2() -> None:
    channels = [
        [[0.1, 0.1, 0.2], [0.7, 0.6, 0.7], [0.8, 0.8, 0.8]],
        [[0.0, 0.3, 0.9], [1.0, 0.3, 0.7], [0.2, 0.1, 0.0]],
        [[0.2, 0.2, 0.7], [0.3, 0.5, 0.4], [0.5, 0.5, 0.7]],
    ]
    volume = np.stack(channels, axis=-1)
    np.testing.assert_allclose(correlate2d(volume, CROSS)[0, 0], [2.9, 2.4, 1.9], rtol=1e-6)
    tensor = np.stack([CROSS] * 3, axis=-1)
    assert correlate2d(volume, tensor, bias=-3).item() == pytest.approx(4.2)
    assert "2.9 + 2.4 + 1.9 - 3 = 4.2" in str(convolution_steps(volume, tensor, bias=-3))


def test_o2_a_filter_is_the_sum_of_its_channels() -> None:
    """S3 (8.20), S4's Y_i = B_i + sum_j X_j * K_ij, and S2 (8).

    S2 prints a_(c)(x + x', x + y') where a_(c')(x + x', y + y') is meant.
    """
    x, k, bias = whole(1, 7, 6, 3), whole(2, 3, 2, 3, 4), whole(3, 4)
    y = correlate2d(x, k, bias=bias)
    for i in range(4):
        channels = [correlate2d(x[..., j], k[..., j, i]) for j in range(3)]
        np.testing.assert_array_equal(y[..., i], bias[i] + np.sum(channels, axis=0))


def output_shape(layer: layers.Layer, *input_shape: int) -> tuple[int, ...]:
    return layer.compute_output_shape((None, *input_shape))[1:]


def test_o2_sixty_four_filters_of_s0_11_2_8() -> None:
    assert output_shape(layers.Conv2D(64, 3, padding=1), 224, 224, 3) == (224, 224, 64)


# --- O3 -------------------------------------------------------------------------------------------


@given(st.integers(1, 30), st.integers(0, 4), st.integers(1, 7), st.integers(1, 4))
def test_o3_output_size(n: int, p: int, f: int, s: int) -> None:
    """S0 (11.2.7), S1, S2 (7), S3 (8.18)."""
    n = max(n, f - 2 * p)
    layer = layers.Conv2D(1, (f, 1), strides=(s, 1), padding=(p, 0))
    assert output_shape(layer, n, 5, 1) == ((n + 2 * p - f) // s + 1, 5, 1)


def test_o3_padding_that_keeps_the_size() -> None:
    """S0 (11.2.6): p = (f - 1) / 2; S3 E8.7 ii."""
    for f in (1, 3, 5, 7):
        assert output_shape(layers.Conv2D(1, f, padding=(f - 1) // 2), 15, 15, 1) == (15, 15, 1)


def test_o3_sizes_of_s3() -> None:
    """E8.7 i and Figure 8.3."""
    assert output_shape(layers.Conv2D(1, 3, strides=2, padding=1), 15, 15, 1) == (8, 8, 1)
    assert output_shape(layers.Conv2D(1, 2, strides=2), 4, 4, 1) == (2, 2, 1)


def test_o3_padding_example_of_s1() -> None:
    """The slide prints -13 and -9 where its figures give 2 and -15."""
    y = correlate2d(S1_PADDED, [[1, 0, -1]] * 3, "same")
    np.testing.assert_array_equal(y[:2], [[-10, 2, 1, -5, 7, 15], [-15, 3, 0, -9, 11, 24]])
    assert y.shape == (6, 6)


# --- O4 -------------------------------------------------------------------------------------------


def dense(matrix: Any) -> NDArray[Any]:
    return matrix if isinstance(matrix, np.ndarray) else matrix.toarray()


def test_o4_weight_sharing_matrix_of_s3_8_12() -> None:
    printed = [
        [11, 21, 0, 12, 22, 0, 0, 0, 0],
        [0, 11, 21, 0, 12, 22, 0, 0, 0],
        [0, 0, 0, 11, 21, 0, 12, 22, 0],
        [0, 0, 0, 0, 11, 21, 0, 12, 22],
    ]
    matrix = conv_matrix([[11, 12], [21, 22]], (3, 3), order="F")
    np.testing.assert_array_equal(dense(matrix), printed)
    by_rows = dense(conv_matrix([[11, 12], [21, 22]], (3, 3)))
    np.testing.assert_array_equal(by_rows[0], [11, 12, 0, 21, 22, 0, 0, 0, 0])


def test_o4_convolution_is_one_matrix_product() -> None:
    x, k = np.array(S4_IMAGE), np.array(S4_KERNEL)
    for order in ("C", "F"):
        z = conv_matrix(k, (3, 3), order) @ x.ravel(order)
        np.testing.assert_array_equal(z.reshape(2, 2, order=order), [[8, 7], [4, 5]])
    patches = im2col(x[None, ..., None], 2)
    np.testing.assert_array_equal(patches @ k.ravel(), [8, 7, 4, 5])


# --- O5 -------------------------------------------------------------------------------------------


def gradients(layer: layers.Conv2D, x: Any, dy: Any) -> dict[str, Any]:
    layer.build_once((None, *x.shape[1:]))
    _, dx = both(layer, x, dy)
    return {"dx": dx, **{weight.name: weight.gradient for weight in layer.weights}}


def test_o5_gradient_of_the_untied_bias() -> None:
    """S4: dE/dB = dE/dY, for each element of the output; over a batch, their sum."""
    x, dy = normal(1, 5, 4, 4, 2), normal(2, 5, 3, 3, 3)
    untied = layers.Conv2D(3, 2, bias="untied")
    np.testing.assert_array_equal(gradients(untied, x[:1], dy[:1])["bias"], dy[0])
    assert_close(gradients(untied, x, dy)["bias"], dy.sum(axis=0, dtype=np.float64))


def test_o5_biases_of_s3_figure_8_1() -> None:
    """An untied bias has the output's size; a tied one has one number a kernel."""
    for bias, shape in (("untied", (13, 13, 2)), ("tied", (2,))):
        layer = layers.Conv2D(2, 3, bias=bias)
        layer.build_once((None, 15, 15, 1))
        assert layer.get_weights()[1].shape == shape


# --- O6 -------------------------------------------------------------------------------------------

X, K, DZ = normal(11, 3, 3), normal(12, 3, 3), normal(13, 3, 3)


def term_sum(terms: str, a: Any, b: Any) -> float:
    """1122 3312 is a11 b22 + a33 b12."""
    places = ([int(digit) - 1 for digit in term] for term in terms.split())
    return sum(float(a[i, j]) * float(b[u, v]) for i, j, u, v in places)


def back(x: Any, k: Any, dz: Any, **options: Any) -> list[NDArray[Any]]:
    """Gradients of one image, one channel and one filter: of x, of k and of the bias."""
    dx, dk, db = conv2d_backward(
        x[None, ..., None], k[..., None, None], dz[None, ..., None], **options
    )
    return [dx[0, ..., 0], dk[..., 0, 0], db]


def test_o6_partial_derivatives_of_s0() -> None:
    """Section 11.5.3 prints those of K[1,1], K[1,2] and K[1,3]; products with padding left out."""
    printed = ["1122 1223 2132 2233", "1121 1222 1323 2131 2232 2333", "1221 1322 2231 2332"]
    _, dk, db = back(X, K, DZ, padding=1, operation="convolution")
    np.testing.assert_allclose(dk[0], [term_sum(terms, DZ, X) for terms in printed], rtol=1e-5)
    assert db.item() == pytest.approx(DZ.sum(dtype=np.float64), rel=1e-5)


FIGURE_11_5_9 = [
    ["1133", "1132 1233", "1131 1232 1333", "1231 1332", "1331"],
    [
        "1123 2133",
        "1122 1223 2132 2233",
        "1121 1222 1323 2131 2232 2333",
        "1221 1322 2231 2332",
        "1321 2331",
    ],
    [
        "1113 2123 3133",
        "1112 1213 2122 2223 3132 3233",
        "1111 1212 1313 2121 2222 2323 3131 3232 3333",
        "1211 1312 2221 2322 3231 3332",
        "1311 2321 3331",
    ],
    [
        "2113 3123",
        "2112 2213 3122 3223",
        "2111 2212 2313 3121 3222 3323",
        "2211 2312 3221 3322",
        "2311 3321",
    ],
    ["3113", "3112 3213", "3111 3212 3313", "3211 3312", "3311"],
]


def test_o6_error_rate_of_the_padded_image_of_s0_figure_11_5_9() -> None:
    table = [[term_sum(terms, DZ, K) for terms in row] for row in FIGURE_11_5_9]
    padded = np.pad(X, 1)
    dx, _, _ = back(padded, K, DZ, operation="convolution")
    assert_close(dx, table)
    inner, _, _ = back(X, K, DZ, padding=1, operation="convolution")
    assert_close(inner, np.array(table)[1:-1, 1:-1])
    steps = convolution_steps(padded, K, dy=DZ, operation="convolution")
    assert_close(steps.dx[..., 0], table)
    text = " ".join(steps.backward().split())
    for (i, j), terms in np.ndenumerate(np.array(FIGURE_11_5_9)):
        products = (f"dy[{a},{b}] k[{u},{v}]" for a, b, u, v in terms.split())
        assert f"dx[{i + 1},{j + 1}] = {' + '.join(products)} =" in text


def test_o6_equations_of_s4() -> None:
    """A 2x2 kernel over 3x3 pixels: dE/dk and dE/dx, each written as a sum."""
    kernel, dy = K[:2, :2], DZ[:2, :2]
    dk_terms = [
        ["1111 1212 2121 2222", "1112 1213 2122 2223"],
        ["1121 1222 2131 2232", "1122 1223 2132 2233"],
    ]
    dx_terms = [
        ["1111", "1112 1211", "1212"],
        ["1121 2111", "1122 1221 2112 2211", "1222 2212"],
        ["2121", "2122 2221", "2222"],
    ]
    dx, dk, db = back(X, kernel, dy)
    assert_close(dk, [[term_sum(terms, dy, X) for terms in row] for row in dk_terms])
    assert_close(dx, [[term_sum(terms, dy, kernel) for terms in row] for row in dx_terms])
    assert db.item() == pytest.approx(dy.sum(dtype=np.float64), rel=1e-5)


@given(sizes, sizes, seeds)
def test_o6_gradients_are_correlations_and_convolutions(
    size: tuple[int, int], kernel: tuple[int, int], seed: int
) -> None:
    """S3 (8.36), (8.45), (8.48), S4's summary, S0 (11.5.10) and (11.5.14)."""
    kernel = (min(kernel[0], size[0]), min(kernel[1], size[1]))
    x, k = whole(seed, *size), whole(seed + 1, *kernel)
    dy = whole(seed + 2, size[0] - kernel[0] + 1, size[1] - kernel[1] + 1)
    dx, dk, db = back(x, k, dy)
    np.testing.assert_array_equal(dk, correlate2d(x, dy))
    np.testing.assert_array_equal(dx, convolve2d(dy, k, "full"))
    np.testing.assert_array_equal(db, [dy.sum()])

    dx, dk, db = back(x, k, dy, operation="convolution")
    np.testing.assert_array_equal(dk, rot180(correlate2d(x, dy)))
    np.testing.assert_array_equal(dx, correlate2d(dy, k, "full"))
    np.testing.assert_array_equal(db, [dy.sum()])


def test_o6_channels_of_s2_10_to_12() -> None:
    """The input's gradient sums over the filters; a kernel's belongs to one channel and filter.

    A bias' gradient is the sum over the outputs, which S2 (12) leaves out.
    """
    x, k, dy = whole(1, 1, 5, 5, 2), whole(2, 3, 3, 2, 4), whole(3, 1, 3, 3, 4)
    dx, dk, db = conv2d_backward(x, k, dy)
    for c in range(2):
        returned = [convolve2d(dy[0, ..., f], k[..., c, f], "full") for f in range(4)]
        np.testing.assert_array_equal(dx[0, ..., c], np.sum(returned, axis=0))
        for f in range(4):
            np.testing.assert_array_equal(dk[..., c, f], correlate2d(x[0, ..., c], dy[0, ..., f]))
    np.testing.assert_array_equal(db, dy.sum(axis=(0, 1, 2)))


# --- O11 ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bias", ["tied", "untied"])
def test_o11_net_input_that_multiplies_by_the_bias(bias: str) -> None:
    """S3 E8.9: N = b LZ, so dLZ = b dN, and db is the sum of dN LZ."""
    x, dn = normal(1, 2, 5, 5, 1), normal(2, 2, 4, 4, 3)
    layer = layers.Conv2D(3, 2, bias=bias, bias_operation="multiply")
    layer.build_once((None, 5, 5, 1))
    kernel = layer.kernel.numpy()
    b = normal(3, *layer.bias.shape)
    layer.set_weights([kernel, b])
    lz = conv2d(x, kernel)
    assert_close(layer(x), b * lz)
    got = gradients(layer, x, dn)
    dlz = (b * dn).astype(np.float32)
    dx, dk, _ = conv2d_backward(x, kernel, dlz)
    assert_close(got["dx"], dx)
    assert_close(got["kernel"], dk)
    summed = (0, 1, 2) if bias == "tied" else (0,)
    assert_close(got["bias"], (dn.astype(np.float64) * lz).sum(axis=summed))
