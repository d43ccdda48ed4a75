"""U-Net (Ronneberger, Fischer & Brox 2015): a network says what each pixel belongs to.

Run: python examples/unet.py [--side N] [--depth N] [--width N] [--epochs N] [--samples N]
     [--seed N] [--out FILE] [--model FILE]   (the picture needs pip install "cnnx[plot]")

The pictures are those of shapes.py: up to four discs, squares and triangles, one over the other. A
softmax in each pixel chooses between the background and the three kinds.

The network looks at the picture at several sizes. On the way down it halves the picture and doubles
the number of channels. On the way up a transposed convolution doubles the picture, and the channels
of that size from the way down are set beside it. Unlike the paper's, the convolutions keep the size
of the picture and have batch normalisation.
"""

import argparse
import math
from pathlib import Path

import numpy as np
import shapes

import cnnx
from cnnx import explain, layers

BATCH_SIZE, DRAWN = 16, 6
NAMES = "background", *shapes.NAMES[:3]


def convolutions(x, filters):
    """Return x after two 3x3 convolutions with batch normalisation."""
    for _ in range(2):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    return x


def unet(side=64, depth=3, width=16, classes=4):
    """Return the network: `depth` times down and up, `width` channels at the full size."""
    y = image = cnnx.Input((side, side, 3))
    seen = []
    for level in range(depth):
        seen.append(convolutions(y, width << level))
        y = layers.MaxPooling2D(2)(seen[-1])
    y = convolutions(y, width << depth)
    for level in reversed(range(depth)):
        y = layers.Conv2DTranspose(width << level, 2, strides=2)(y)
        y = convolutions(layers.Concatenate()([seen[level], y]), width << level)
    return cnnx.Model(image, layers.Conv2D(classes, 1, activation="softmax")(y), name="U-Net")


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
    model = unet(options.side, options.depth, options.width, len(NAMES))
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
