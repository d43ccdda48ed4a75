"""The letters of an alphabet told apart by five fixed kernels, and found in a line of text.

Run: python examples/letters_alphabet.py [--letter E] [--text "..."] [--out letters_alphabet.png]
(the picture needs pip install "cnnx[plot]")

Each kernel is a stroke: a line, or a line's end, a corner, a branch, a curve. 1 stands for ink, -1
for paper, 0 for either. A bias lets only whole matches through, 2x2 max pooling keeps where they
were, roughly, and what is left is counted. The program looks for the smallest set of strokes whose
counts differ for all 26 letters, builds the network that names each letter by its counts, and last
finds whole letters by templates of 7x5 pixels.
"""

import argparse
import itertools
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Rectangle

import cnnx
from cnnx import explain, filters, layers

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
FONT = """
.###.  ####.  .###.  ####.  #####  #####  .###.  #...#  .###.  ..###  #...#  #....  #...#
#...#  #...#  #...#  #...#  #....  #....  #...#  #...#  ..#..  ...#.  #..#.  #....  ##.##
#...#  #...#  #....  #...#  #....  #....  #....  #...#  ..#..  ...#.  #.#..  #....  #.#.#
#####  ####.  #....  #...#  ####.  ####.  #..##  #####  ..#..  ...#.  ##...  #....  #.#.#
#...#  #...#  #....  #...#  #....  #....  #...#  #...#  ..#..  ...#.  #.#..  #....  #...#
#...#  #...#  #...#  #...#  #....  #....  #...#  #...#  ..#..  #..#.  #..#.  #....  #...#
#...#  ####.  .###.  ####.  #####  #....  .###.  #...#  .###.  .##..  #...#  #####  #...#

#...#  .###.  ####.  .###.  ####.  .####  #####  #...#  #...#  #...#  #...#  #...#  #####
#...#  #...#  #...#  #...#  #...#  #....  ..#..  #...#  #...#  #...#  #...#  #...#  ....#
##..#  #...#  #...#  #...#  #...#  #....  ..#..  #...#  #...#  #...#  .#.#.  .#.#.  ...#.
#.#.#  #...#  ####.  #...#  ####.  .###.  ..#..  #...#  #...#  #.#.#  ..#..  ..#..  ..#..
#..##  #...#  #....  #.#.#  #.#..  ....#  ..#..  #...#  #...#  #.#.#  .#.#.  ..#..  .#...
#...#  #...#  #....  #..#.  #..#.  ....#  ..#..  #...#  .#.#.  ##.##  #...#  ..#..  #....
#...#  .###.  #....  .##.#  #...#  ####.  ..#..  .###.  ..#..  #...#  #...#  ..#..  #####
"""
TEXT = "PACK MY BOX WITH FIVE DOZEN LIQUOR JUGS"  # holds every letter
END = [[0, 1, 0], [-1, 1, -1], [-1, -1, -1]]
CORNER = [[-1, -1, 0], [-1, 1, 1], [0, 1, 0]]
BRANCH = [[-1, -1, -1], [1, 1, 1], [-1, 1, -1]]
CURVE = [[-1, 1, 1], [1, -1, -1], [1, -1, 0]]
SIDES = "bottom", "right", "top", "left"
CORNERS = "top left", "bottom left", "bottom right", "top right"


def font() -> dict[str, np.ndarray]:
    """Return the letters by name: 7x5 pixels, 1 where there is ink."""
    blocks = (block.split("\n") for block in FONT.strip().split("\n\n"))
    columns = [column for rows in blocks for column in zip(*map(str.split, rows), strict=True)]
    return {
        letter: np.array([[pixel == "#" for pixel in row] for row in rows], np.float32)
        for letter, rows in zip(LETTERS, columns, strict=True)
    }


def turned(name: str, kernel: list[list[int]], places: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Return a kernel and its three turns, to the left, by name."""
    return {f"{name} {place}": np.rot90(kernel, turns) for turns, place in enumerate(places)}


def candidates() -> dict[str, np.ndarray]:
    """Return twenty strokes by name."""
    return {
        "horizontal": filters.line_horizontal(),
        "vertical": filters.line_vertical(),
        "falling": filters.line_diagonal(),
        "rising": filters.line_antidiagonal(),
        **turned("end", END, SIDES),
        **turned("corner", CORNER, CORNERS),
        **turned("branch", BRANCH, SIDES),
        **turned("curve", CURVE, CORNERS),
    }


def stroke_layers(strokes: dict[str, np.ndarray]) -> cnnx.Sequential:
    """Return the layers that mark whole matches of strokes in 8x8 pixels, pooled to 4x4."""
    kernels = np.stack(list(strokes.values()), axis=-1)[:, :, None]
    model = cnnx.Sequential(
        [
            cnnx.Input((8, 8, 1)),
            layers.Conv2D(len(strokes), 3, padding="same", activation="relu", name="strokes"),
            layers.MaxPooling2D(2, name="pooled"),
        ]
    )
    ink = (kernels > 0).sum(axis=(0, 1, 2))
    model.layers[0].set_weights([kernels, 1 - ink])  # a whole match gives 1, any other 0
    return model


def images() -> np.ndarray:
    """Return all letters, each in 8x8 pixels: (26, 8, 8, 1)."""
    return np.stack([np.pad(letter, ((0, 1), (1, 2))) for letter in font().values()])[..., None]


def matches_of(strokes: dict[str, np.ndarray]) -> np.ndarray:
    """Return where strokes match in all letters, after pooling: (26, 4, 4, strokes), 1 or 0."""
    return stroke_layers(strokes).predict(images(), verbose=0)


def smallest_set(strokes: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the fewest strokes whose counts differ for all letters, the first such set."""
    counts = matches_of(strokes).sum(axis=(1, 2))
    for size in range(1, len(strokes) + 1):
        for chosen in itertools.combinations(range(len(strokes)), size):
            if len(np.unique(counts[:, chosen], axis=0)) == len(LETTERS):
                names = list(strokes)
                return {names[index]: strokes[names[index]] for index in chosen}
    raise ValueError("two letters have the same counts of all strokes")


def classifier(strokes: dict[str, np.ndarray]) -> cnnx.Sequential:
    """
    Return a network, designed and not trained, that names a letter by its counts of strokes.

    The letter with the counts c nearest to the counts v of an image has the least |v - c|^2, and so
    the largest 2 v c - |c|^2, which a dense layer computes.
    """
    model = stroke_layers(strokes)
    model.add(layers.SumPooling2D(4, name="counts"))
    model.add(layers.Flatten())
    counts = model.predict(images(), verbose=0)
    model.add(layers.Dense(len(LETTERS), activation="softmax", name="letters"))
    model.layers[-1].set_weights([2 * counts.T, -(counts**2).sum(axis=1)])
    return model


def typeset(text: str) -> np.ndarray:
    """Return a line of text as an image: 7 rows with an empty one above and below."""
    glyphs = {**font(), " ": np.zeros((7, 5), np.float32)}
    return np.hstack([np.pad(glyphs[letter], ((1, 1), (0, 1))) for letter in text])


def find_letters(line: np.ndarray) -> dict[str, list[int]]:
    """Return the columns of the middles of each letter in a line of text."""
    glyphs = font()
    matches = explain.match_templates(line, {name: 2 * ink - 1 for name, ink in glyphs.items()})
    return {
        name: np.nonzero(match == glyphs[name].sum())[1].tolist() for name, match in matches.items()
    }


def draw(strokes: dict[str, np.ndarray], text: str) -> Figure:
    """Draw the strokes with their pooled matches in each letter, and O found in a text."""
    figure = Figure(figsize=(12, 13), layout="constrained")
    first, second, last = figure.subfigures(3, 1, height_ratios=[6, 6, 1.5], hspace=0.03)
    draw_matches(first, strokes, range(13))
    draw_matches(second, strokes, range(13, 26))
    draw_text(last, text)
    for axes in figure.axes:
        axes.set_xticks([])
        axes.set_yticks([])
    return figure


def draw_matches(figure: SubFigure, strokes: dict[str, np.ndarray], letters: range) -> None:
    """Draw some letters side by side, and below each where and how often the strokes match."""
    pooled = matches_of(strokes)
    grid = figure.subplots(len(strokes) + 1, len(letters) + 1)
    grid[0, 0].set_axis_off()
    for axes, (name, kernel) in zip(grid[1:, 0], strokes.items(), strict=True):
        axes.imshow(kernel, cmap="RdBu", vmin=-1.6, vmax=1.6)
        axes.set_title(name, fontsize=9)
    for column, letter in zip(grid[:, 1:].T, letters, strict=True):
        column[0].imshow(images()[letter, ..., 0], cmap="gray_r")
        column[0].set_title(LETTERS[letter], fontsize=11, fontweight="bold")
        for stroke, axes in enumerate(column[1:]):
            match = pooled[letter, ..., stroke]
            axes.imshow(match, cmap="Blues", vmin=0, vmax=1.4)
            axes.set_title(f"{match.sum():.0f}", fontsize=9, color="k" if match.any() else "0.6")


def draw_text(figure: SubFigure, text: str) -> None:
    """Draw a line of text, and how well the template of O matches around each pixel."""
    line, template = typeset(text), 2 * font()["O"] - 1
    above, below = figure.subplots(2, 1)
    above.imshow(line, cmap="gray_r")
    above.set_title("A line of text, and the places where the template of O matches in full")
    for column in find_letters(line)["O"]:
        above.add_patch(Rectangle((column - 3, 0.5), 6, 7, fill=False, color="tab:red", lw=2))
    match = explain.match_templates(line, {"O": template})["O"]
    below.imshow(match, cmap="RdBu", vmin=-16, vmax=16)
    below.set_title("The match around each pixel: blue speaks for O, red against it")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--letter", default="E", choices=LETTERS, help="to convolve in numbers")
    parser.add_argument("--text", default=TEXT, help="capital letters and spaces")
    parser.add_argument(
        "--out", type=Path, default="output/letters_alphabet.png", help="picture to write"
    )
    options = parser.parse_args()
    if not options.text or set(options.text) - {*LETTERS, " "}:
        parser.error("--text takes capital letters and spaces")

    strokes = smallest_set(candidates())
    print(f"{len(strokes)} of {len(candidates())} strokes tell the letters apart, no fewer do:")
    for name, kernel in strokes.items():
        print(f"\n{name}\n{kernel.astype(int)}")

    image = images()[LETTERS.index(options.letter), ..., 0]
    name, kernel = next(iter(strokes.items()))
    matches = explain.match_templates(image, {name: kernel})[name]
    print(
        f"\n{options.letter} convolved with '{name}', stride 1, zeros around (3 is a whole match):"
    )
    print(matches.astype(int))
    pooled = cnnx.ops.max_pool2d(matches[None, ..., None], 2)[0, ..., 0]
    print(f"\nThe same after 2x2 max pooling:\n{pooled.astype(int)}")

    counts = matches_of(strokes).sum(axis=(1, 2)).astype(int)
    print(f"\nWhole matches after pooling, a row each of {', '.join(strokes)}:")
    print("  ".join(["  ", *LETTERS]))
    for row in counts.T:
        print("  ".join(["  ", *map(str, row)]))
    named = classifier(strokes).predict(images(), verbose=0).argmax(axis=1)
    right = (named == np.arange(len(LETTERS))).sum()
    print(f"\nThe network of these strokes names {right} of {len(LETTERS)} letters.")

    print(f"\nTemplates of whole letters in {options.text!r}, by the column of their middle:")
    for letter, columns in find_letters(typeset(options.text)).items():
        print(f"  {letter}  {' '.join(map(str, columns)) or '-'}")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    draw(strokes, options.text).savefig(options.out, dpi=100)
    print(f"\nThe page of kernels and letters: {options.out}")


if __name__ == "__main__":
    main()
