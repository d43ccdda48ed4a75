"""N7, S3 Figures 8.4 to 8.7 and E8.10: a network that is designed, not trained."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnx import explain

EXAMPLE = Path(__file__).parents[2] / "examples" / "squares_and_diamonds.py"


@pytest.fixture(scope="module")
def example() -> dict[str, Any]:
    return runpy.run_path(str(EXAMPLE))


def test_all_squares_and_diamonds_are_told_apart(example: dict[str, Any]) -> None:
    images, labels = map(np.array, zip(*example["all_pictures"](), strict=True))
    assert len(images) == 2 * sum((15 - size + 1) ** 2 for size in range(5, 14))
    outputs = example["design"]().predict(images[..., None], verbose=0)
    np.testing.assert_array_equal(outputs.argmax(axis=1), labels)
    assert outputs.max(axis=1).min() > 0.98


@pytest.mark.parametrize("size", range(5, 14))
def test_the_pictures_are_outlines_of_their_size(example: dict[str, Any], size: int) -> None:
    for name in ("square", "diamond"):
        image = example[name](size, 1, 2)
        rows, columns = np.nonzero(image)
        assert (rows.min(), rows.max()) == (1, size)
        assert (columns.min(), columns.max()) == (2, size + 1)
        np.testing.assert_array_equal(image[:, 2 : size + 2], image[:, 2 : size + 2][:, ::-1])
    assert example["square"](size, 1, 2).sum() == 4 * (size - 1)
    assert example["diamond"](size, 1, 2).sum() == 4 * (size // 2)


def test_responses_to_templates_figures_8_6_and_8_7(example: dict[str, Any]) -> None:
    """Lines of a square match the straight templates, those of a diamond the slanted ones."""
    lines = {name: name for name in example["LINES"]}
    of_square = explain.match_templates(example["square"](9, 3, 3), lines)
    of_diamond = explain.match_templates(example["diamond"](9, 3, 3), lines)
    assert [match.max() for match in of_square.values()] == [3, 3, 2, 2]
    assert [match.max() for match in of_diamond.values()] == [2, 2, 3, 3]
    # Full matches: 7 of each line's 9 pixels of the square, 3 of 5 of each side of the diamond.
    assert [(match == 3).sum() for match in of_square.values()] == [14, 14, 0, 0]
    assert [(match == 3).sum() for match in of_diamond.values()] == [0, 0, 6, 6]
