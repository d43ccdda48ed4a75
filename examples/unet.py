"""U-Net (Ronneberger, Fischer & Brox 2015): a network says what each pixel belongs to.

Run: python examples/unet.py [--side N] [--depth N] [--width N] [--epochs N] [--samples N]
     [--seed N] [--out FILE] [--model FILE]   (the picture needs pip install "cnnx[plot]")

The pictures are those of shapes.py: up to four discs, squares and triangles, one over the other. A
softmax in each pixel chooses between the background and the three kinds.

The network is that of cnnx.applications. It looks at the picture at several sizes. On the way down
it halves the picture and doubles the number of channels. On the way up a transposed convolution
doubles the picture, and the channels of that size from the way down are set beside it.
"""

import argparse
import math
from pathlib import Path

import numpy as np
import shapes

import cnnx
from cnnx import explain

BATCH_SIZE, DRAWN = 16, 6
NAMES = "background", *shapes.NAMES[:3]


def overlap(truth, found, label):
    """Return the pixels that both call `label`, over those that at least one calls so."""
    one, other = truth == label, found == label
    return (one & other).sum() / (one | other).sum()


def draw(test, found, file):
    """Draw some pictures above their truth and what the network says."""
    rows = test.images, shapes.COLOURS[test.pixels], shapes.COLOURS[found]
    pictures = [picture for row in rows for picture in row[:DRAWN]]
    labels = ["image", "truth", "prediction"]
    figure = explain.plot_pictures(pictures, [""] * len(pictures), columns=DRAWN, row_labels=labels)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=120)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=64, help="height and width of the pictures")
    parser.add_argument("--depth", type=int, default=3, help="how often the picture is halved")
    parser.add_argument("--width", type=int, default=16, help="channels at the full size")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--samples", type=int, default=800, help="train on so many pictures")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default="output/unet.png", help="picture to write")
    parser.add_argument(
        "--model", type=Path, default="output/unet.safetensors", help="file of the network"
    )
    options = parser.parse_args()

    cnnx.utils.set_random_seed(options.seed)
    train = shapes.draw(options.samples, options.side, options.seed, most=4)
    test = shapes.draw(200, options.side, options.seed + 1, most=4)
    shape = (options.side, options.side, 3)
    model = cnnx.applications.UNet(shape, options.depth, options.width, classes=len(NAMES))
    model.summary()
    steps = options.epochs * math.ceil(options.samples / BATCH_SIZE)
    rate = cnnx.optimizers.schedules.CosineDecay(0.005, steps)
    model.compile(cnnx.optimizers.Adam(rate), "sparse_categorical_crossentropy", ["accuracy"])
    model.fit(train.images, train.pixels, batch_size=BATCH_SIZE, epochs=options.epochs)
    found = model.predict(test.images, verbose=0).argmax(axis=-1)
    for label, name in enumerate(NAMES):
        print(f"Overlap of {name}: {overlap(test.pixels, found, label):.3f}")
    print(f"Right pixels: {np.mean(found == test.pixels):.2%}".replace("%", " %"))
    options.model.parent.mkdir(parents=True, exist_ok=True)
    model.save(options.model)
    draw(test, found, options.out)
    print(f"Network: {options.model}\nPicture: {options.out}")


if __name__ == "__main__":
    main()
