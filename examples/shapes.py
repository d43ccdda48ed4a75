"""A data set without files: pictures of discs, squares and triangles, drawn for the other examples.

Run: python examples/shapes.py [--out shapes.png]   (the picture needs pip install "cnnx[plot]")

Each shape has its own colour, size and place, on a background of another colour with noise.
"""

import argparse
from typing import NamedTuple

import numpy as np

from cnnx import explain

NAMES = "disc", "square", "triangle"
COLOURS = np.array([[0, 0, 0], [230, 159, 0], [86, 180, 233], [0, 158, 115]], np.uint8)
"""Of the background and of each kind, for pictures of the truth."""


class Shapes(NamedTuple):
    """Pictures with all that is known about them; radius and kind are those of the front shape."""

    images: np.ndarray  # (n, side, side, 3), from 0 to 1
    kinds: np.ndarray  # (n,): 0 to 2, an index of NAMES
    radii: np.ndarray  # (n, 1): in pixels
    pixels: np.ndarray  # (n, side, side): 0 for the background, otherwise the kind + 1


def inside(kind: int, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return where a shape of radius 1 around the origin is; y points down."""
    if NAMES[kind] == "disc":
        return x**2 + y**2 <= 1
    if NAMES[kind] == "square":
        return np.maximum(abs(x), abs(y)) <= 0.9
    return (y <= 0.8) & (2 * abs(x) <= y + 1.2)


def draw(n: int, side: int, seed: int, most: int = 1) -> Shapes:
    """Return n pictures of `side` x `side` pixels with 1 to `most` shapes each."""
    generator = np.random.default_rng(seed)
    images = generator.uniform(size=(n, 1, 1, 3)) + np.zeros((n, side, side, 3))
    pixels = np.zeros((n, side, side), np.int64)
    kinds, radii = np.zeros(n, np.int64), np.zeros((n, 1))
    rows, columns = np.indices((side, side))
    for index, count in enumerate(generator.integers(1, most, n, endpoint=True)):
        for _ in range(count):
            kind, radius = generator.integers(len(NAMES)), generator.uniform(side / 7, side / 3)
            middle = generator.uniform(radius, side - radius, 2)
            y, x = (rows - middle[0]) / radius, (columns - middle[1]) / radius
            shape = inside(kind, x, y)
            images[index, shape] = (images[index, 0, 0] + generator.uniform(0.3, 0.7, 3)) % 1
            pixels[index, shape] = kind + 1
            kinds[index], radii[index] = kind, radius
    images = np.clip(images + generator.normal(0, 0.1, images.shape), 0, 1)
    return Shapes(images.astype(np.float32), kinds, radii.astype(np.float32), pixels)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", default="shapes.png", help="picture to write")
    options = parser.parse_args()
    one, several = draw(6, 64, seed=0), draw(6, 64, seed=1, most=4)
    titles = [f"{NAMES[kind]}, {radius:.0f} pixels" for kind, (radius,) in zip(*one[1:3])]
    pictures = [*one.images, *several.images, *COLOURS[several.pixels]]
    titles += ["several"] * 6 + ["truth"] * 6
    explain.plot_pictures(pictures, titles, columns=6).savefig(options.out, dpi=120)
    print(f"Pictures: {options.out}")


if __name__ == "__main__":
    main()
