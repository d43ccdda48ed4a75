"""MobileNetV2 (Sandler et al. 2018): convolutions of each channel by itself, in narrow blocks.

Run: python examples/mobilenet_v2.py [--images FOLDER] [--width W] [--side N] [--epochs N]
     [--samples N] [--seed N]

FOLDER holds a folder of photos for each class (pip install "cnnx[images]"). Without it the network
tells drawn discs, squares and triangles apart (shapes.py).

The network is that of cnnx.applications. `width` multiplies the number of channels. The batch
normalisation of PyTorch's variant has a shorter memory, which suits a short training.
"""

import argparse
import math

import shapes

import cnnx
from cnnx import layers
from cnnx.experiment import run_experiment

BATCH_SIZE = 32


def mobilenet_v2(side=224, classes=1000, width=1.0):
    """Return the network for colour pictures of `side` x `side` pixels, from 0 to 1."""
    image = layers.Rescaling(2, -1)(cnnx.Input((side, side, 3)))
    return cnnx.applications.MobileNetV2(
        input_tensor=image, alpha=width, classes=classes, dropout=0.2, variant="torch"
    )


def load(options):
    """Return training data, test data and the number of classes; colours are from 0 to 1."""
    if options.images is None:
        train = shapes.draw(options.samples, options.side, options.seed)
        test = shapes.draw(300, options.side, options.seed + 1)
        return train[:2], test[:2], 3
    read = cnnx.data.image_folder(
        options.images, options.side, validation_split=0.2, seed=options.seed
    )
    (x_train, y_train), (x_test, y_test) = read.train, read.validation
    x_train, y_train = x_train[: options.samples], y_train[: options.samples]
    return (x_train / 255, y_train), (x_test / 255, y_test), len(read.class_names)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", help="folder with one folder of photos for each class")
    parser.add_argument("--width", type=float, default=0.35, help="factor for the channels")
    parser.add_argument("--side", type=int, default=64, help="height and width of the pictures")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--samples", type=int, default=2000, help="train on so many pictures")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    cnnx.utils.set_random_seed(options.seed)
    train, test, classes = load(options)
    model = mobilenet_v2(options.side, classes, options.width)
    steps = options.epochs * math.ceil(len(train[0]) / BATCH_SIZE)
    rate = cnnx.optimizers.schedules.CosineDecay(0.005, steps)
    model.compile(cnnx.optimizers.Adam(rate), "sparse_categorical_crossentropy", ["accuracy"])
    run_experiment(model, train, test, batch_size=BATCH_SIZE, epochs=options.epochs)


if __name__ == "__main__":
    main()
