"""ResNet-20 for pictures of 32x32 pixels (He, Zhang, Ren & Sun 2016): layers learn what to add.

Run: python examples/resnet20.py [--images FOLDER] [--epochs N] [--samples N] [--width N] [--seed N]

FOLDER holds a folder of photos for each class (pip install "cnnx[images]"). Without it the network
learns the handwritten digits that come with cnnx, enlarged from 8x8 pixels.

The network is the paper's: a 3x3 convolution of 16 filters, then nine blocks of two convolutions,
in three groups of 16, 32 and 64 filters. The input of a block is added to its output. Where the
picture gets smaller, this shortcut takes every second pixel and fills the new channels with zeros
("option A"), so it has no parameters. For three colours and ten classes 269,722 parameters are
learned, the paper's 0.27 million. The paper trains for 64,000 steps with a learning rate of .1, .01
and .001; here it falls from .1 to 0 along a cosine, which suits a short training.
"""

import argparse
import math

import numpy as np

import cnnx
from cnnx import layers
from cnnx.experiment import run_experiment

SIDE, BATCH_SIZE = 32, 64


def convolution(x, filters, strides=1):
    """Return x after a 3x3 convolution, with a border of one pixel, and batch normalisation."""
    x = layers.Conv2D(
        filters, 3, strides, padding=1, use_bias=False, kernel_initializer="he_normal"
    )(x)
    return layers.BatchNormalization(momentum=0.9)(x)


def shortcut(x, filters, strides):
    """Return x in the shape of the block's output."""
    channels = x.shape[-1]
    if filters == channels:
        return x
    x = layers.MaxPooling2D(1, strides)(x)  # of 1x1 pixels: takes every second one
    _, rows, columns, _ = x.shape
    x = layers.Reshape((rows * columns, channels, 1))(x)
    x = layers.ZeroPadding2D(((0, 0), (0, filters - channels)))(x)
    return layers.Reshape((rows, columns, filters))(x)


def block(x, filters, strides):
    y = layers.ReLU()(convolution(x, filters, strides))
    return layers.ReLU()(convolution(y, filters) + shortcut(x, filters, strides))


def resnet20(channels=3, classes=10, width=16):
    """Return the network; `width` is the number of filters of its first group."""
    image = cnnx.Input((SIDE, SIDE, channels))
    y = layers.ReLU()(convolution(image, width))
    for group in range(3):
        for index in range(3):
            y = block(y, width << group, strides=2 if group and index == 0 else 1)
    y = layers.GlobalAveragePooling2D()(y)
    y = layers.Dense(classes, activation="softmax", kernel_initializer="he_normal")(y)
    return cnnx.Model(image, y, name="ResNet-20")


def load(folder, seed):
    """Return training data, test data and the number of classes."""
    if folder is not None:
        read = cnnx.data.image_folder(folder, SIDE, validation_split=0.2, seed=seed)
        return read.train, read.validation, len(read.class_names)
    train, test = (
        (np.kron(images, np.ones((1, 4, 4)))[..., None] * (255 / 16), labels)
        for images, labels in cnnx.datasets.digits.load_data()
    )
    return train, test, 10


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", help="folder with one folder of photos for each class")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--samples", type=int, help="train on so many pictures only")
    parser.add_argument("--width", type=int, default=16, help="filters of the first group")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    cnnx.utils.set_random_seed(options.seed)
    (x_train, y_train), (x_test, y_test), classes = load(options.images, options.seed)
    x_train, y_train = x_train[: options.samples], y_train[: options.samples]
    mean = x_train.mean()
    x_train, x_test = (((x - mean) / 64).astype(np.float32) for x in (x_train, x_test))
    model = resnet20(x_train.shape[-1], classes, options.width)
    steps = options.epochs * math.ceil(len(x_train) / BATCH_SIZE)
    rate = cnnx.optimizers.schedules.CosineDecay(0.1, steps)
    model.compile(
        cnnx.optimizers.SGD(rate, momentum=0.9), "sparse_categorical_crossentropy", ["accuracy"]
    )
    train, test = (x_train, y_train), (x_test, y_test)
    run_experiment(model, train, test, batch_size=BATCH_SIZE, epochs=options.epochs)


if __name__ == "__main__":
    main()
