"""All augmentation layers in one picture, each on a drawing and with five draws of its own.

Run: python examples/augmentation.py [--out FILE]
(needs pip install "cnnx[plot]")
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import cnnx
from cnnx import layers

SIZE = 96
COPIES = 5


def scene() -> np.ndarray:
    """Draw a house, a tree and the sun: pixels from 0 to 255, shape (96, 96, 3)."""
    rows, columns = np.mgrid[:SIZE, :SIZE]
    x = np.zeros((SIZE, SIZE, 3), np.float32)
    x[:] = np.array([120, 180, 235]) + (rows[..., None] - 40) * np.array([0.9, 0.5, 0.1])
    x[rows > 70] = [95, 160, 70]
    x[(rows - 18) ** 2 + (columns - 76) ** 2 < 90] = [255, 220, 60]
    x[(rows > 44) & (rows < 78) & (columns > 16) & (columns < 54)] = [225, 200, 165]
    x[(rows > 26) & (rows <= 44) & (abs(columns - 35) < (rows - 24) * 1.2)] = [180, 60, 45]
    x[(rows > 58) & (rows < 78) & (columns > 30) & (columns < 40)] = [110, 70, 40]
    x[(rows > 50) & (rows < 58) & (columns > 20) & (columns < 28)] = [90, 130, 190]
    x[(rows > 60) & (rows < 80) & (columns > 71) & (columns < 76)] = [100, 70, 45]
    x[(rows - 50) ** 2 + (columns - 73) ** 2 < 190] = [50, 120, 50]
    return x


def rows(seed: int) -> list[tuple[str, layers.Layer]]:
    """Return the layers in the order of docs/training.md."""
    made = [
        layers.RandomFlip(seed=seed),
        layers.RandomTranslation(0.2, 0.2, seed=seed),
        layers.RandomRotation(0.1, seed=seed),
        layers.RandomZoom(0.4, seed=seed),
        layers.RandomShear(0.3, 0.3, seed=seed),
        layers.RandomPerspective((1, 1), 0.5, seed=seed),
        layers.RandomCrop(64, 64, seed=seed),
        layers.RandomBrightness(0.4, seed=seed),
        layers.RandomContrast(0.8, seed=seed),
        layers.RandomSaturation((0.0, 0.8), seed=seed),
        layers.RandomHue(1.0, seed=seed),
        layers.RandomColorJitter((0, 255), 0.3, 0.5, (0.2, 0.7), 0.3, seed=seed),
        layers.RandomGrayscale(0.6, seed=seed),
        layers.RandomColorDegeneration(1.0, seed=seed),
        layers.RandomInvert(1.0, seed=seed),
        layers.RandomPosterization((1, 5), seed=seed),
        layers.Solarization(0.3, 1.0, seed=seed),
        layers.AutoContrast(),
        layers.Equalization(),
        layers.RandomSharpness(1.0, seed=seed),
        layers.RandomGaussianBlur((1, 1), 11, 4.0, seed=seed),
        layers.RandomErasing((1, 1), (0.05, 0.3), seed=seed),
        layers.MixUp(1.0, seed=seed),
        layers.CutMix((1, 1), seed=seed),
        layers.RandAugment(num_ops=2, factor=0.5, seed=seed),
    ]
    return [(type(layer).__name__, layer) for layer in made]


def main() -> None:
    """Draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("output/augmentation.png"))
    parser.add_argument("--seed", type=int, default=3)
    options = parser.parse_args()
    cnnx.utils.set_random_seed(options.seed)
    picture = scene()
    # Faint, for the layers that spread tones; and another one, to be mixed with.
    faint, other = 80 + picture * 0.35, 255 - picture[:, ::-1]
    named = rows(options.seed)
    high = -(-len(named) // 2)
    figure, axes = plt.subplots(high, 2 * (COPIES + 1), figsize=(11, 12.6))
    for axis in axes.flat:
        axis.axis("off")
    for number, (name, layer) in enumerate(named):
        batch = np.stack([picture] * COPIES)
        if name in ("AutoContrast", "Equalization"):
            batch[:] = faint
        if name in ("MixUp", "CutMix"):
            batch = np.stack([picture] * COPIES + [other] * 20 * COPIES)
        row, first = number % high, number // high * (COPIES + 1)
        pictures = [batch[0], *layer(batch, training=True)[:COPIES]]
        for column, shown in enumerate(pictures, first):
            axes[row, column].imshow(np.clip(shown, 0, 255).astype(np.uint8))
        axes[row, first].set_title(name, fontsize=9, loc="left")
    figure.subplots_adjust(0.005, 0.005, 0.995, 0.98, 0.04, 0.22)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(options.out, dpi=80)
    print(f"{len(named)} layers: {options.out}")


if __name__ == "__main__":
    main()
