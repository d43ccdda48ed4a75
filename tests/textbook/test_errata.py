"""Errata of the texts: what they compute or print, and the right figure, which is cnnx's.

Only those that no test of a row shows; docs/textbook.md, "Errata", lists all.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import cnnx
from agreement import assert_close, normal, whole
from cnnx import filters, layers, losses, ops
from cnnx.optimizers import SGD
from reference import central_differences
from single_layer import both

Array = NDArray[Any]
TESTS = Path(__file__).parents[1]


def test_the_page_of_errata_names_tests_that_exist() -> None:
    page = TESTS.parent / "docs" / "textbook.md"
    errata = page.read_text("utf-8").partition("\n## Errata\n")[2]
    named = {name.rstrip("*") for name in re.findall(r"`(test_\w+\*?)`", errata)}
    sources = [path.read_text("utf-8") for path in TESTS.rglob("test_*.py")]
    known = re.findall(r"^def (test_\w+)", "\n".join(sources), re.MULTILINE)
    assert len(named) > 40
    assert [name for name in named if not any(k.startswith(name) for k in known)] == []
    own = re.findall(r"^def (test_\w+)", Path(__file__).read_text("utf-8"), re.MULTILINE)
    assert set(own[1:]) <= named


# --- S0, Programme 11.6.3: arrays (height, width, channels, batch), kernels (..., filters) --------


@pytest.fixture(scope="module")
def signal() -> Any:
    return pytest.importorskip("scipy.signal", reason="SciPy is not installed")


def batch_last(images: Array) -> Array:
    return np.moveaxis(images, 0, -1)


def equation_11_5_1(images: Array, kernel: Array) -> Array:
    """Z_r = the sum over channels h of X_h * K_(r,h), with zeros around the image."""
    height, width = images.shape[1:3]
    padded = np.pad(images.astype(np.float64), ((0, 0), (1, 1), (1, 1), (0, 0)))
    z = np.zeros((*images.shape[:3], kernel.shape[3]))
    for u, v in np.ndindex(3, 3):
        window = padded[:, 2 - u : 2 - u + height, 2 - v : 2 - v + width]
        z += window @ kernel[u, v].astype(np.float64)
    return z


def programme_forward(signal: Any, images: Array, kernel: Array) -> Array:
    """One call of `convolve` a filter, over all four axes at once."""
    padded = np.pad(batch_last(images), ((1, 1), (1, 1), (0, 0), (0, 0)))
    maps = [signal.convolve(padded, k[..., None], "valid") for k in np.moveaxis(kernel, -1, 0)]
    return np.moveaxis(np.concatenate(maps, axis=2), -1, 0)


def programme_dx(signal: Any, dz: Array, kernel: Array) -> Array:
    """One call of `correlate` a channel."""
    padded = np.pad(batch_last(dz), ((1, 1), (1, 1), (0, 0), (0, 0)))
    maps = [signal.correlate(padded, k[..., None], "valid") for k in np.moveaxis(kernel, 2, 0)]
    return np.moveaxis(np.concatenate(maps, axis=2), -1, 0)


def programme_dk(signal: Any, images: Array, dz: Array) -> Array:
    """One call of `correlate` a filter, and after each of them a rotation of all gradients."""
    padded = np.pad(batch_last(images), ((1, 1), (1, 1), (0, 0), (0, 0)))
    gradient = np.zeros((3, 3, images.shape[3], dz.shape[3]))
    for r in range(dz.shape[3]):
        errors = batch_last(dz[..., r])[:, :, None]
        gradient[..., r] = signal.correlate(padded, errors, "valid")[..., 0]
        gradient = np.rot90(gradient, 2)
    return gradient


IMAGES, KERNEL, DZ = whole(1, 2, 5, 4, 3), whole(2, 3, 3, 3, 4), whole(3, 2, 5, 4, 4)
TRUE_CONVOLUTION: dict[str, Any] = {"padding": 1, "operation": "convolution"}


def test_programme_11_6_3_reverses_the_channels(signal: Any) -> None:
    """`convolve` turns round the channel axis too: filter channel 1 meets image channel 3."""
    expected = equation_11_5_1(IMAGES, KERNEL)
    np.testing.assert_array_equal(ops.conv2d(IMAGES, KERNEL, **TRUE_CONVOLUTION), expected)

    programme = programme_forward(signal, IMAGES, KERNEL)
    np.testing.assert_allclose(programme, equation_11_5_1(IMAGES, KERNEL[:, :, ::-1]), atol=1e-9)
    assert np.abs(programme - expected).max() > 1
    grey = programme_forward(signal, IMAGES[..., :1], KERNEL[:, :, :1])
    np.testing.assert_allclose(grey, equation_11_5_1(IMAGES[..., :1], KERNEL[:, :, :1]), atol=1e-9)


def test_programme_11_6_3_gives_the_gradients_of_another_forward_pass(signal: Any) -> None:
    """dX is the gradient of (11.5.1), which the programme does not compute."""
    dx, dk, _ = ops.conv2d_backward(IMAGES, KERNEL, DZ, **TRUE_CONVOLUTION)
    programme = programme_dx(signal, DZ, KERNEL)
    np.testing.assert_allclose(programme, dx, atol=1e-9)

    def gradients(forward: Any) -> list[Array]:
        """Central differences of the sum of Z dZ, exact as it is linear in each array."""
        return [
            central_differences(lambda x: np.sum(forward(x, KERNEL) * DZ), IMAGES),
            central_differences(lambda k: np.sum(forward(IMAGES, k) * DZ), KERNEL),
        ]

    right_dx, right_dk = gradients(equation_11_5_1)
    assert_close(dx, right_dx)
    assert_close(dk, right_dk)
    needed_dx, needed_dk = gradients(lambda x, k: programme_forward(signal, x, k))
    assert np.abs(programme - needed_dx).max() > 1
    # A kernel's gradient is off in the same way: its channels are in the order of (11.5.1).
    assert_close(dk[:, :, ::-1], needed_dk)
    assert np.abs(dk - needed_dk).max() > 1


@pytest.mark.parametrize("count", [1, 3, 4])
def test_programme_11_6_3_leaves_every_second_gradient_unrotated(signal: Any, count: int) -> None:
    """Filter r of n is rotated n - r + 1 times, by a half turn each."""
    dz = DZ[..., :count]
    _, right, _ = ops.conv2d_backward(IMAGES, KERNEL[..., :count], dz, **TRUE_CONVOLUTION)
    got = programme_dk(signal, IMAGES, dz)
    for r in range(count):
        even = (count - r) % 2 == 0
        expected = right[::-1, ::-1, :, r] if even else right[..., r]
        np.testing.assert_allclose(got[..., r], expected, atol=1e-9)
        assert (np.abs(got[..., r] - right[..., r]).max() > 1) == even


# --- S0, the other programmes ---------------------------------------------------------------------


def test_programme_11_6_2_repeats_the_gradient_without_its_axes() -> None:
    """`repeat` fills pixel after pixel, so an image's gradient reaches other images' channels."""
    dy = np.array([[10.0, 20.0, 30.0], [40.0, 50.0, 60.0]], np.float32)
    layer = layers.GlobalAveragePooling2D()
    layer.build_once((None, 2, 2, 3))
    _, found = both(layer, normal(1, 2, 2, 2, 3), dy)
    right = np.broadcast_to(dy[:, None, None] / 4, (2, 2, 2, 3))
    np.testing.assert_array_equal(found, right)
    programme = np.moveaxis(np.repeat(dy.T, 2 * 2).reshape(2, 2, 3, 2), -1, 0)
    assert programme.sum() == 4 * right.sum()  # not divided by the area
    np.testing.assert_array_equal(programme[0, 0, 0], [10, 10, 40])  # where 10, 20, 30 belong


LOGITS, LABELS = 2 * normal(4, 6, 10), np.arange(6) % 10
TARGETS = np.eye(10, dtype=np.float32)[LABELS]


def sum_over_classes(y: Array, a: Array) -> float:
    """What Programme 11.6.5 displays: the sum over classes, the mean over samples."""
    terms = y * np.log(a) + (1 - y) * np.log(1 - a)
    return float(-terms.sum() / len(y))


def softmax_model(rate: float = 1.0, loss: str = "binary_crossentropy") -> cnnx.Sequential:
    """Logits in, softmax out."""
    model = cnnx.Sequential([cnnx.Input((10,)), layers.Dense(10, activation="softmax")])
    model.compile(SGD(rate), loss)
    model.set_weights([np.eye(10), np.zeros(10)])
    return model


def test_programme_11_6_5_displays_10_times_the_mean_over_classes() -> None:
    """(11.5.3) and cnnx take the mean over classes."""
    probabilities = ops.softmax(LOGITS)
    displayed = sum_over_classes(TARGETS.astype(float), probabilities.astype(float))
    assert losses.BinaryCrossentropy()(TARGETS, probabilities) * 10 == pytest.approx(displayed)
    shown = softmax_model().train_on_batch(LOGITS, TARGETS)
    assert shown * 10 == pytest.approx(displayed, rel=1e-5)


def test_programme_11_6_5_takes_steps_10_times_as_long() -> None:
    """Its gradient is that of the sum: SGD at its rate moves as ours at 10 times the rate."""

    def displayed(bias: Array) -> float:
        exponentials = np.exp(LOGITS.astype(float) + bias)
        return sum_over_classes(TARGETS, exponentials / exponentials.sum(axis=1, keepdims=True))

    model = softmax_model(rate=10.0)
    model.train_on_batch(LOGITS, TARGETS)
    assert_close(model.get_weights()[1], -central_differences(displayed, np.zeros(10)), 1e-4)


def test_programme_11_6_5_divides_the_last_batch_by_the_size_of_a_full_one() -> None:
    """Five samples in batches of four: the fifth counts as much as each of the others."""
    x, y = LOGITS[:5], TARGETS[:5]
    model = softmax_model()
    assert model.evaluate(x, y, batch_size=4, verbose=0) == pytest.approx(
        losses.BinaryCrossentropy()(y, ops.softmax(x)), rel=1e-5
    )
    by_hand = softmax_model()
    for part in (slice(0, 4), slice(4, 5)):
        by_hand.train_on_batch(x[part], y[part])
    model.fit(x, y, batch_size=4, epochs=1, shuffle=False, verbose=0)
    for got, expected in zip(model.get_weights(), by_hand.get_weights(), strict=True):
        np.testing.assert_array_equal(got, expected)
    # A batch of one sample moves by that sample's whole gradient, not by a quarter of it.
    one, four = softmax_model(), softmax_model()
    one.train_on_batch(x[4:], y[4:])
    four.train_on_batch(np.repeat(x[4:], 4, axis=0), np.repeat(y[4:], 4, axis=0))
    assert_close(one.get_weights()[1], four.get_weights()[1])


def test_programme_11_6_5_appends_an_output_layer_with_every_training() -> None:
    model = softmax_model()
    for _ in range(2):
        model.fit(LOGITS, TARGETS, epochs=1, verbose=0)
        assert [type(layer) for layer in model.layers] == [layers.Dense]
    assert model.count_params() == 110


def test_programme_11_6_5_refuses_its_own_default_loss() -> None:
    """It lowers the name, then looks for "MSE"."""
    for name in ("MSE", "mse"):
        assert isinstance(losses.get(name), losses.MeanSquaredError)
    model = softmax_model(loss="MSE")
    expected = np.mean((ops.softmax(LOGITS) - TARGETS) ** 2)
    assert model.train_on_batch(LOGITS, TARGETS) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("activation", ["sigmoid", "softmax"])
def test_equation_11_5_4_holds_for_the_sigmoid_alone(activation: str) -> None:
    """With f' = a (1 - a) it is (a - y) / d; the softmax adds terms of the other outputs."""
    functions: dict[str, Callable[[Array], Array]] = {
        "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
        "softmax": lambda z: np.exp(z) / np.exp(z).sum(axis=1, keepdims=True),
    }
    f, z, y = functions[activation], LOGITS[:1].astype(float), TARGETS[:1].astype(float)
    right = central_differences(lambda z: sum_over_classes(y, f(z)) / 10, z)
    equation = (f(z) - y) / 10
    assert np.allclose(equation, right, atol=1e-6) == (activation == "sigmoid")

    model = cnnx.Sequential([cnnx.Input((10,)), layers.Dense(10, activation=activation)])
    model.compile(SGD(1.0), "binary_crossentropy")
    model.set_weights([np.eye(10), np.zeros(10)])
    model.train_on_batch(LOGITS[:1], TARGETS[:1])
    assert_close(model.get_weights()[1], -right[0], 1e-4)


def test_programme_11_2_1_truncates_where_cnnx_rounds() -> None:
    """The mean of two white pixels and seven black ones is 56.67."""
    image = np.zeros((3, 3), np.uint8)
    image[1, :2] = 255
    mean = 2 * 255 / 9
    assert np.array(mean).astype(np.uint8) == 56
    assert filters.apply(image, "box")[1, 1] == round(mean) == 57


def test_section_11_2_1_prints_the_rotated_filter_beside_the_sign_of_convolution() -> None:
    """Rotated already, it is to be correlated: convolution would rotate it back, and give 1017."""
    image = [[94, 50, 221], [98, 109, 50], [49, 213, 91]]
    rotated = [[2, 2, -2], [-2, 0, 1], [1, 2, 2]]
    assert ops.correlate2d(image, rotated) == 357
    assert ops.convolve2d(image, rotated) == 1017


def test_section_11_2_3_writes_the_column_first() -> None:
    """Both arrays are transposed, so the result is too: no printed figure changes."""
    image, kernel = whole(5, 6, 4), whole(6, 3, 3)
    transposed = ops.correlate2d(image.T, kernel.T)
    np.testing.assert_array_equal(transposed, ops.correlate2d(image, kernel).T)
    # In cnnx a picture's first index is the row: one pixel to the right is the second index.
    moved = filters.apply(np.eye(3)[:1], filters.shift(right=1, up=0))
    np.testing.assert_array_equal(moved, [[0, 1, 0]])


@pytest.mark.parametrize("name", ["prewitt_horizontal", "sobel_vertical"])
def test_section_11_2_3_calls_antisymmetric_filters_symmetric(name: str) -> None:
    """F is to equal F rotated by 180 degrees, but here it is -F: the sign tells the operations."""
    kernel = filters.get(name)
    np.testing.assert_array_equal(kernel[::-1, ::-1], -kernel)
    image = whole(7, 5, 5)
    np.testing.assert_array_equal(ops.convolve2d(image, kernel), -ops.correlate2d(image, kernel))


# --- S1 -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pixels", "units", "weights"),
    [
        (28 * 28, 30, 23_520),  # "Introduction XV" prints 23,550, which counts the 30 biases too
        (28 * 28, 100, 78_400),  # "Introduction III": about 78k
        (256 * 256, 100, 6_553_600),  # it prints 560k, and 56,000 for the 65,536 pixels
    ],
)
def test_weights_of_a_first_dense_layer(pixels: int, units: int, weights: int) -> None:
    layer = layers.Dense(units)
    layer.build_once((None, pixels))
    assert layer.kernel.size == weights
    assert layer.count_params() == weights + units


def test_equation_0_5_counts_downwards() -> None:
    """With i + m the sums run from 1 - k to 0; from 0 to k - 1 only K(0, 0) is in the kernel."""
    image, kernel = whole(14, 4, 4), whole(15, 2, 2)
    full = ops.convolve2d(image, kernel, "full")
    for i, j in np.ndindex(3, 3):
        places = [(m, n) for m in (-1, 0) for n in (-1, 0)]
        right = sum(image[i + 1 + m, j + 1 + n] * kernel[-m, -n] for m, n in places)
        assert right == full[i + 1, j + 1]


# --- S2 -------------------------------------------------------------------------------------------


def size_minus_one(layer: layers.Layer, pixels: int) -> int:
    """The paper's eta of the output: pixels along an axis, less one."""
    size = layer.compute_output_shape((None, pixels, pixels, 1))[1]
    assert size is not None
    return int(size) - 1


def test_equations_7_and_14() -> None:
    """28 pixels and a kernel of 5: eta and k, which count from 0, are 27 and 4."""
    eta, k = 27, 4
    right = size_minus_one(layers.Conv2D(1, 5), 28)
    assert right == eta - k == 23
    assert eta - k + 1 == right + 1  # (7)
    assert k - eta + 1 < 0  # (14)


@pytest.mark.parametrize(
    ("eta", "delta", "stride", "printed", "right"),
    [
        (24, 2, 2, 12, 11),  # delta is the window's size, as the text says
        (23, 1, 2, 12, 11),  # delta is the size less one, as the range 0..delta in (29) demands
        (23, 2, 2, 11, 11),  # the paper's network: right by chance
    ],
)
def test_equation_28_is_one_too_many(
    eta: int, delta: int, stride: int, printed: int, right: int
) -> None:
    assert (eta - delta) // stride + 1 == printed
    assert size_minus_one(layers.MaxPooling2D(2, stride), eta + 1) == right


def test_equation_13_is_an_inner_product() -> None:
    """Hadamard's product is the array of the products; a convolution needs their sum."""
    a, b = whole(8, 3, 3), whole(9, 3, 3)
    hadamard = a * b
    assert hadamard.shape == (3, 3)
    assert ops.correlate2d(a, b) == np.vdot(a, b) == hadamard.sum()


def test_equations_20_and_21_add_the_bias_once_for_each_weight() -> None:
    """Inside the sum over a 3x3 kernel it counts nine times; (22) has it outside."""
    image, kernel, bias = whole(10, 3, 3), whole(11, 3, 3), -2
    printed = np.sum(kernel * image + bias)
    right = ops.correlate2d(image, kernel, bias=bias)
    assert right == np.sum(kernel * image) + bias
    assert printed == right + 8 * bias


# --- S3 and S4 ------------------------------------------------------------------------------------


def test_equation_8_18_lacks_the_floor() -> None:
    """16 pixels, a kernel of 3, stride 2, padding 1: 8.5 says the equation."""
    assert (16 + 2 - 3) / 2 + 1 == 8.5
    assert size_minus_one(layers.Conv2D(1, 3, strides=2, padding=1), 16) + 1 == 8


def test_equation_8_45_needs_the_full_mode() -> None:
    """Valid correlation of dLZ with the rotated kernel is too small for dA, by 2 (r - 1)."""
    kernel, dlz = whole(12, 3, 3), whole(13, 4, 5)
    rotated = kernel[::-1, ::-1]
    dx, _, _ = ops.conv2d_backward(
        np.zeros((1, 6, 7, 1)), kernel[..., None, None], dlz[None, ..., None]
    )
    np.testing.assert_array_equal(dx[0, ..., 0], ops.correlate2d(dlz, rotated, "full"))
    assert ops.correlate2d(dlz, rotated).shape == (2, 3)


def test_the_input_gradient_is_a_full_convolution_not_a_correlation() -> None:
    """S4 prints one line with the sign of correlation. dE/dx11 = dE/dy11 k11 tells them apart."""
    kernel, dy = np.array([[1.0, 2.0], [-1.0, 0.0]]), np.array([[5.0, 6.0], [7.0, 8.0]])
    dx, _, _ = ops.conv2d_backward(
        np.zeros((1, 3, 3, 1)), kernel[..., None, None], dy[None, ..., None]
    )
    np.testing.assert_array_equal(dx[0, ..., 0], ops.convolve2d(dy, kernel, "full"))
    assert dx[0, 0, 0, 0] == 5 * 1
    assert ops.correlate2d(dy, kernel, "full")[0, 0] == 5 * 0  # dE/dy11 k22
