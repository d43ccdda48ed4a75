"""S3 E8.1 to E8.3: kernels for the letters of an alphabet, and max pooling after them."""

from __future__ import annotations

import itertools
import runpy
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

EXAMPLE = Path(__file__).parents[2] / "examples" / "letters_alphabet.py"
Array = NDArray[Any]


@pytest.fixture(scope="module")
def example() -> dict[str, Any]:
    return runpy.run_path(str(EXAMPLE))


def whole_matches(image: Array, kernel: Array) -> Array:
    """Return where each 1 of the kernel lies on ink and no -1 does: E8.1, in plain loops."""
    padded = np.pad(image, 1)
    found = np.zeros((8, 8), bool)
    for row, column in itertools.product(range(8), range(8)):
        window = padded[row : row + 3, column : column + 3]
        found[row, column] = all(window[kernel == 1] == 1) and not any(window[kernel == -1])
    return found


def pooled(found: Array) -> Array:
    """Return which 2x2 windows hold a match: E8.2, in plain loops."""
    result = np.zeros((4, 4))
    for row, column in itertools.product(range(4), range(4)):
        result[row, column] = found[2 * row : 2 * row + 2, 2 * column : 2 * column + 2].any()
    return result


def counts(example: dict[str, Any], strokes: dict[str, Array]) -> Array:
    """Return how many pooled matches each letter has of each stroke."""
    letters = example["images"]()[..., 0]
    return np.array(
        [[pooled(whole_matches(image, k)).sum() for k in strokes.values()] for image in letters]
    )


def test_the_font_has_26_letters_of_their_own(example: dict[str, Any]) -> None:
    letters = example["font"]()
    assert "".join(letters) == "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    assert all(ink.shape == (7, 5) for ink in letters.values())
    assert len({ink.tobytes() for ink in letters.values()}) == 26
    for letter in "AHIMOTUVWXY":
        np.testing.assert_array_equal(letters[letter], letters[letter][:, ::-1])
    for letter in "BCDEHIOX":
        np.testing.assert_array_equal(letters[letter], letters[letter][::-1])


def test_e8_1_and_e8_2_matches_and_pooling_by_hand(example: dict[str, Any]) -> None:
    strokes = example["candidates"]()
    computed = example["matches_of"](strokes)
    assert computed.shape == (26, 4, 4, 20)
    for image, of_letter in zip(example["images"]()[..., 0], computed, strict=True):
        for place, kernel in enumerate(strokes.values()):
            expected = pooled(whole_matches(image, kernel))
            np.testing.assert_array_equal(of_letter[..., place], expected)


def test_e8_3_five_strokes_tell_all_letters_apart_and_no_four_do(example: dict[str, Any]) -> None:
    strokes = example["candidates"]()
    chosen = example["smallest_set"](strokes)
    assert list(chosen) == ["horizontal", "vertical", "rising", "end bottom", "end right"]
    assert len({tuple(row) for row in counts(example, chosen)}) == 26
    table = counts(example, strokes)
    for four in itertools.combinations(range(20), 4):
        assert len({tuple(row) for row in table[:, four].tolist()}) < 26


def test_e8_3_the_designed_network_names_every_letter(example: dict[str, Any]) -> None:
    strokes = example["smallest_set"](example["candidates"]())
    outputs = example["classifier"](strokes).predict(example["images"](), verbose=0)
    np.testing.assert_array_equal(outputs.argmax(axis=1), np.arange(26))


@pytest.mark.parametrize("text", ["PACK MY BOX WITH FIVE DOZEN LIQUOR JUGS", "ILLICIT", "OO"])
def test_templates_find_each_letter_of_a_text_and_nothing_else(
    example: dict[str, Any], text: str
) -> None:
    found = example["find_letters"](example["typeset"](text))
    for letter, columns in found.items():
        assert columns == [6 * place + 2 for place, given in enumerate(text) if given == letter]


def test_the_program(
    example: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    picture = tmp_path / "page.png"
    monkeypatch.setattr(
        sys, "argv", [str(EXAMPLE), "--text", "A ZOO", "--letter", "E", "--out", str(picture)]
    )
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    output = capsys.readouterr().out
    assert "5 of 20 strokes tell the letters apart, no fewer do" in output
    assert "[[2 3 3 1]\n [2 3 2 0]\n [1 1 0 0]\n [2 3 3 1]]" in output  # E8.2 for an E
    assert "names 26 of 26 letters" in output
    assert "\n  O  20 26\n" in output
    assert picture.read_bytes()[1:4] == b"PNG"
    monkeypatch.setattr(sys, "argv", [str(EXAMPLE), "--text", "zoo"])
    with pytest.raises(SystemExit):
        runpy.run_path(str(EXAMPLE), run_name="__main__")
    assert "--text takes capital letters and spaces" in capsys.readouterr().err
