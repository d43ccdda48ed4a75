"""A network that is designed, not trained: it tells squares from diamonds by templates of lines.

Run: python examples/squares_and_diamonds.py [--out squares_and_diamonds.png]
(the picture needs pip install "cnnx[plot]")

Four 3x3 filters each match one line: horizontal, vertical and the two diagonals. A bias of -2 lets
only full matches (3 of 3 pixels) through, max pooling keeps where they were, roughly, and the dense
layer counts: horizontal and vertical lines speak for a square, slanted ones for a diamond.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import cnnx
from cnnx import explain, filters, layers

SIDE = 15
LABELS = "square", "diamond"
LINES = "line_horizontal", "line_vertical", "line_diagonal", "line_antidiagonal"
SPEAKS_FOR = np.array([[1, -1], [1, -1], [-1, 1], [-1, 1]])  # lines by labels


def square(size: int, top: int, left: int) -> np.ndarray:
    """Return a picture of the outline of a square."""
    image = np.zeros((SIDE, SIDE), np.float32)
    image[top : top + size, left : left + size] = 1
    image[top + 1 : top + size - 1, left + 1 : left + size - 1] = 0
    return image


def diamond(size: int, top: int, left: int) -> np.ndarray:
    """Return a picture of the outline of a diamond: a square on its corner, as high and wide."""
    rows, columns = np.indices((SIDE, SIDE)) - (size - 1) / 2
    distance = np.abs(rows - top) + np.abs(columns - left)
    return (distance == size // 2).astype(np.float32)


def all_pictures() -> Iterator[tuple[np.ndarray, int]]:
    """Yield every square and diamond of sizes 5 to 13 at every place, with its label."""
    for size in range(5, 14):
        for top in range(SIDE - size + 1):
            for left in range(SIDE - size + 1):
                yield square(size, top, left), 0
                yield diamond(size, top, left), 1


def design() -> cnnx.Sequential:
    """Return the network with its weights set by hand."""
    model = cnnx.Sequential(
        [
            cnnx.Input((SIDE, SIDE, 1)),
            layers.Conv2D(4, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(3),
            layers.Flatten(),
            layers.Dense(2, activation="softmax"),
        ]
    )
    kernel = np.stack([filters.get(name) for name in LINES], axis=-1)[:, :, None]
    model.layers[0].set_weights([kernel, [-2, -2, -2, -2]])
    model.layers[3].set_weights([np.tile(SPEAKS_FOR, (5 * 5, 1)), [0, 0]])
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--out", type=Path, default="output/squares_and_diamonds.png", help="picture to write"
    )
    options = parser.parse_args()

    model = design()
    model.summary()
    images, labels = map(np.array, zip(*all_pictures(), strict=True))
    outputs = model.predict(images[..., None], verbose=0)
    right = outputs.argmax(axis=1) == labels
    for label, name in enumerate(LABELS):
        of_class = labels == label
        print(
            f"{name}s: {right[of_class].sum()} of {of_class.sum()} right, "
            f"probability at least {outputs[of_class, label].min():.4f}"
        )

    pictures = [None, *(3 * filters.get(name) for name in LINES)]  # all on one scale, 0 to 3
    titles = ["", *(name.removeprefix("line_") for name in LINES)]
    for name, image in ("square", square(9, 3, 3)), ("diamond", diamond(11, 2, 2)):
        matches = explain.match_templates(image, {line: line for line in LINES})
        print(f"\nBest match of each template with the {name}, of 3 pixels:")
        for line, match in matches.items():
            print(f"  {line:18} {match.max():.0f}")
        pictures += [3 * image, *matches.values()]
        titles += ["image", *(f"best match {match.max():.0f} of 3" for match in matches.values())]
    rows = ["templates", "square", "diamond"]
    figure = explain.plot_pictures(
        pictures, titles, columns=5, limit=3, row_labels=rows, bar_label="pixels that match"
    )
    options.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(options.out, dpi=150)
    print(f"\nTemplates and responses: {options.out}")


if __name__ == "__main__":
    main()
