"""What the core does with pictures: colours, filters, mixtures, parts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agreement import check, check_threads, normal
from cnnx import _core
from reference import pictures as reference

RANGES = [(0.0, 255.0), (-1.0, 1.0)]


def pixels(seed: int, shape: tuple[int, ...], value_range: tuple[float, float]) -> np.ndarray:
    """Return whole numbers of 0 to 255, brought to the range; some pixels are alike."""
    low, high = value_range
    whole = np.random.default_rng(seed).integers(0, 256, shape)
    return (low + (high - low) * whole / 255).astype(np.float32)


def numbers(operation: int, chance: np.random.Generator, count: int) -> np.ndarray:
    """Return parameters that an operation can take."""
    p = np.zeros((count, 8), np.float32)
    p[:, 0] = {
        1: chance.uniform(-0.5, 0.5, count),
        2: chance.uniform(0, 2, count),
        3: chance.uniform(0, 3, count),
        4: chance.uniform(-0.5, 0.5, count),
        5: chance.uniform(0, 1, count),
        7: chance.integers(1, 9, count),
        8: chance.uniform(0, 0.5, count),
        10: chance.choice([2, 16, 256], count),
        11: chance.uniform(0, 2, count),
        12: chance.choice([1, 3, 7], count),
    }.get(operation, 0)
    if operation == 8:
        p[:, 1] = chance.uniform(0, 1, count)
    if operation == 12:
        p[:, 1] = chance.choice([1, 5], count)
        p[:, 2:4] = chance.uniform(0.3, 2, (count, 2))
    return p


@pytest.mark.parametrize("value_range", RANGES, ids=str)
@pytest.mark.parametrize("number", range(1, 13), ids=lambda i: reference.OPERATIONS[i - 1].__name__)
@pytest.mark.parametrize("shape", [(3, 5, 7, 3), (2, 1, 4, 1), (2, 2, 2, 3), (2, 9, 1, 4)], ids=str)
def test_an_operation_agrees_with_the_oracle(
    number: int, shape: tuple[int, ...], value_range: tuple[float, float]
) -> None:
    chance = np.random.default_rng(number)
    # Values between those of bytes keep clear of the steps, where the last bit decides.
    src = pixels(number, shape, value_range)
    if number in (7, 8, 10):
        src += np.float32(0.3 * (value_range[1] - value_range[0]) / 255)
    operations = np.full((len(src), 1), number, np.int32)
    parameters = numbers(number, chance, len(src))[:, None]
    check(
        _core.transform_pictures,
        {
            "src": src,
            "operations": operations,
            "parameters": parameters,
            "value_range": value_range,
        },
        {"dst": reference.transform_pictures(src, operations, parameters, value_range)},
        tolerance=5e-6,
    )


@given(st.integers(0, 4), st.integers(0, 9), st.integers(0, 4))
def test_operations_follow_one_another(mb: int, seed: int, steps: int) -> None:
    chance = np.random.default_rng(seed)
    src = pixels(seed, (mb, 4, 5, 3), (0.0, 255.0))
    smooth = [0, 1, 2, 3, 5, 6, 9, 11, 12]  # the last bit decides nothing
    operations = chance.choice(smooth, (mb, steps)).astype(np.int32)
    parameters = np.zeros((mb, steps, 8), np.float32)
    for n, step in np.ndindex(mb, steps):
        parameters[n, step] = numbers(int(operations[n, step]), chance, 1)[0]
    inputs = {"src": src, "operations": operations, "parameters": parameters}
    check(
        _core.transform_pictures,
        {**inputs, "value_range": (0.0, 255.0)},
        {"dst": reference.transform_pictures(src, operations, parameters, (0.0, 255.0))},
    )


def test_one_and_two_threads_give_the_same_bits() -> None:
    chance = np.random.default_rng(1)
    src = pixels(1, (12, 40, 50, 3), (0.0, 255.0))
    operations = np.tile(np.arange(14, dtype=np.int32), (12, 1))
    parameters = np.zeros((12, 14, 8), np.float32)
    for number in range(1, 13):
        parameters[:, number] = numbers(number, chance, 12)
    parameters[:, 13] = np.float32([0.9, 0.2, 1, -0.1, 1.1, 2, 0, 0])
    inputs = {"src": src, "operations": operations, "parameters": parameters}
    dst = {"dst": src.shape}
    check_threads(_core.transform_pictures, {**inputs, "value_range": (0.0, 255.0)}, dst)
    boxes = np.tile(np.int32([3, 4, 30, 33]), (12, 1))
    erase = {"fill": np.zeros(3, np.float32), "value_range": (0.0, 255.0), "deviation": 99.0}
    check_threads(_core.erase_pictures, {"src": src, "boxes": boxes, **erase, "seed": 7}, dst)


@pytest.mark.usefixtures("backend")
def test_special_values_stay_in_their_pictures() -> None:
    src = pixels(1, (2, 4, 4, 3), (0.0, 255.0))
    src[0, 1, 2] = [np.nan, np.inf, -np.inf]
    chance = np.random.default_rng(2)
    for number in range(1, 13):
        dst, alone = np.empty_like(src), np.empty_like(src[1:])
        operations = np.full((2, 1), number, np.int32)
        parameters = numbers(number, chance, 2)[:, None]
        _core.transform_pictures(src, operations, parameters, dst, (0.0, 255.0))
        _core.transform_pictures(src[1:], operations[1:], parameters[1:], alone, (0.0, 255.0))
        np.testing.assert_array_equal(dst[1:], alone)


def test_mixtures() -> None:
    src = normal(1, 4, 5, 6, 3)
    partners, weights = np.array([1, 1, 0, 3]), np.float32([0.3, 1, 0, 0.5])
    boxes = np.int32([[0, 0, 5, 6], [1, 2, 3, 3], [2, 1, 5, 4], [2, 2, 2, 5]])
    expected = src.astype(np.float64)
    for n, (top, left, bottom, right) in enumerate(boxes):
        part = np.s_[top:bottom, left:right]
        w = float(weights[n])
        expected[n][part] = w * src[n][part] + (1 - w) * src[partners[n]][part]
    inputs = {"src": src, "partners": partners, "weights": weights, "boxes": boxes}
    check(_core.mix_pictures, inputs, {"dst": expected})


def test_erased_rectangles() -> None:
    src = normal(1, 3, 6, 7, 3)
    boxes = np.int32([[0, 0, 6, 7], [1, 2, 3, 5], [2, 2, 2, 5]])
    fill = np.float32([0.5, -3, 9])
    expected = src.copy()
    expected[0], expected[1, 1:3, 2:5] = np.clip(fill, -2, 2), np.clip(fill, -2, 2)
    inputs = {"src": src, "boxes": boxes, "fill": fill, "value_range": (-2.0, 2.0)}
    check(_core.erase_pictures, inputs, {"dst": expected}, tolerance=0)


@pytest.mark.usefixtures("backend")
def test_erasing_with_noise() -> None:
    src = np.zeros((40, 20, 20, 1), np.float32)
    boxes = np.tile(np.int32([0, 0, 20, 20]), (40, 1))
    dst, again, other = (np.empty_like(src) for _ in range(3))
    ends = (-1e9, 1e9)
    for to, seed in ((dst, 3), (again, 3), (other, 4)):
        _core.erase_pictures(src, boxes, np.float32([5]), to, ends, 2.0, seed)
    assert abs(dst.mean() - 5) < 0.05
    assert abs(dst.std() - 2) < 0.05
    assert len(np.unique(dst)) > 0.99 * dst.size, "each pixel has numbers of its own"
    np.testing.assert_array_equal(dst, again)
    assert abs(np.corrcoef(dst.ravel(), other.ravel())[0, 1]) < 0.05


def test_parts() -> None:
    src, dy = normal(1, 3, 6, 7, 2), normal(2, 3, 4, 5, 2)
    offsets = np.int32([[0, 0], [2, 1], [1, 2]])
    expected, gradient = np.zeros_like(dy), np.zeros_like(src)
    for n, (row, column) in enumerate(offsets):
        part = np.s_[row : row + 4, column : column + 5]
        expected[n] = src[n][part]
        gradient[n][part] = dy[n]
    check(_core.crop_forward, {"src": src, "offsets": offsets}, {"dst": expected}, tolerance=0)
    check(
        _core.crop_backward_data,
        {"diff_dst": dy, "offsets": offsets},
        {"diff_src": gradient},
        tolerance=0,
    )


def test_uniform_numbers_are_those_of_their_row() -> None:
    for rows, count in ((3, 6), (1, 4), (5, 1)):
        found = np.empty((rows, count), np.float32)
        _core.uniform_numbers(2**40 + 5, found)
        expected = reference.uniform_numbers(rows, count, 2**40 + 5)
        np.testing.assert_array_equal(found, expected.astype(np.float32))


def test_wrong_numbers_are_refused() -> None:
    x = np.zeros((1, 3, 3, 1), np.float32)

    def run(operation: int, *p: float, value_range: tuple[float, float] = (0.0, 1.0)) -> None:
        parameters = np.zeros((1, 1, 8), np.float32)
        parameters[0, 0, : len(p)] = p
        operations = np.full((1, 1), operation, np.int32)
        _core.transform_pictures(x, operations, parameters, x.copy(), value_range)

    for operation, p, message in (
        (14, (), "operations must be from 0 to 13, got 14"),
        (-1, (), "operations must be from 0 to 13, got -1"),
        (1, (np.nan,), "parameters must be finite"),
        (7, (9,), "parameters must be 1 to 8 bits"),
        (7, (0,), "parameters must be 1 to 8 bits"),
        (10, (257,), "parameters must be 2 to 256 bins"),
        (12, (2, 3, 1, 1), "parameters must be odd numbers of taps"),
        (12, (257, 3, 1, 1), "parameters must be odd numbers of taps"),
        (12, (3, 3, 0, 1), "deviations above 0"),
        (4, (3,), "parameters must be at most a turn"),
        (13, (np.inf,), "parameters must be finite"),
    ):
        with pytest.raises(ValueError, match=message):
            run(operation, *p)
    with pytest.raises(ValueError, match="value_range must be"):
        run(1, value_range=(1.0, 0.0))
    with pytest.raises(ValueError, match="value_range must be finite"):
        run(7, 3, value_range=(-np.inf, np.inf))
    boxes, one = np.int32([[0, 0, 4, 1]]), np.float32([1])
    for wrong in (boxes, np.int32([[2, 0, 1, 1]]), np.int32([[0, -1, 1, 1]])):
        with pytest.raises(ValueError, match="boxes must be"):
            _core.mix_pictures(x, np.array([0]), one, wrong, x.copy())
        with pytest.raises(ValueError, match="boxes must be"):
            _core.erase_pictures(x, wrong, one, x.copy(), (0.0, 1.0))
    with pytest.raises(ValueError, match="partners must be numbers of pictures"):
        _core.mix_pictures(x, np.array([1]), one, np.int32([[0, 0, 1, 1]]), x.copy())
    for offset in ([2, 0], [0, 2], [-1, 0]):
        with pytest.raises(ValueError, match="offsets must keep the parts within"):
            _core.crop_forward(x, np.int32([offset]), np.zeros((1, 2, 2, 1), np.float32))
