"""Pictures of discs, squares, triangles and others: a data set without files, for other examples.

Run: python examples/shapes.py [--out FILE]   (the picture needs pip install "cnnx[plot]")

Each shape has a bright colour, a size and a place of its own. The background is dark. Noise lies
over all.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cnnx import explain

NAMES = "disc", "square", "triangle", "diamond", "ring", "cross"
COLOURS = np.array(
    [
        [0, 0, 0],
        [230, 159, 0],
        [86, 180, 233],
        [0, 158, 115],
        [240, 228, 66],
        [0, 114, 178],
        [213, 94, 0],
    ],
    np.uint8,
)
"""Of the background and of each kind, for pictures of the truth."""


class Shapes(NamedTuple):
    """Pictures with all that is known about them; radius and kind are those of the front shape."""

    images: np.ndarray  # (n, side, side, 3), from 0 to 1
    kinds: np.ndarray  # (n,): indices of NAMES
    radii: np.ndarray  # (n, 1): in pixels
    pixels: np.ndarray  # (n, side, side): 0 for the background, otherwise the kind + 1


def inside(kind: int, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return where a shape of radius 1 around the origin is; y points down."""
    x, squared = abs(x), x**2 + y**2
    return {
        "disc": squared <= 1,
        "square": np.maximum(x, abs(y)) <= 0.9,
        "triangle": (y <= 0.8) & (2 * x <= y + 1.2),
        "diamond": x + abs(y) <= 1,
        "ring": (squared <= 1) & (squared >= 0.3),
        "cross": (np.maximum(x, abs(y)) <= 1) & (np.minimum(x, abs(y)) <= 0.3),
    }[NAMES[kind]]


def draw(n: int, side: int, seed: int, most: int = 1, kinds: Sequence[int] = (0, 1, 2)) -> Shapes:
    """Return n pictures of `side` x `side` pixels with 1 to `most` shapes of `kinds` each."""
    generator = np.random.default_rng(seed)
    images = generator.uniform(0, 0.4, (n, 1, 1, 3)) + np.zeros((n, side, side, 3))
    pixels = np.zeros((n, side, side), np.int64)
    front, radii = np.zeros(n, np.int64), np.zeros((n, 1))
    rows, columns = np.indices((side, side))
    for index, count in enumerate(generator.integers(1, most, n, endpoint=True)):
        for _ in range(count):
            kind, radius = generator.choice(kinds), generator.uniform(side / 7, side / 3)
            middle = generator.uniform(radius, side - radius, 2)
            y, x = (rows - middle[0]) / radius, (columns - middle[1]) / radius
            shape = inside(kind, x, y)
            images[index, shape] = generator.uniform(0.4, 1, 3)
            pixels[index, shape] = kind + 1
            front[index], radii[index] = kind, radius
    images = np.clip(images + generator.normal(0, 0.1, images.shape), 0, 1)
    return Shapes(images.astype(np.float32), front, radii.astype(np.float32), pixels)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default="output/shapes.png", help="picture to write")
    options = parser.parse_args()
    one = draw(6, 64, seed=0, kinds=range(len(NAMES)))
    several = draw(6, 64, seed=1, most=4)
    titles = [
        f"{NAMES[kind]}, {radius:.0f} pixels"
        for kind, (radius,) in zip(one.kinds, one.radii, strict=True)
    ]
    pictures = [*one.images, *several.images, *COLOURS[several.pixels]]
    titles += [""] * 12
    rows = ["one shape", "several", "class of each pixel"]
    options.out.parent.mkdir(parents=True, exist_ok=True)
    figure = explain.plot_pictures(pictures, titles, columns=6, row_labels=rows)
    figure.savefig(options.out, dpi=120)
    print(f"Pictures: {options.out}")


if __name__ == "__main__":
    main()
