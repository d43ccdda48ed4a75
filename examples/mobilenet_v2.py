"""MobileNetV2 (Sandler et al. 2018): convolutions of each channel by itself, in narrow blocks.

Run: python examples/mobilenet_v2.py [--images FOLDER] [--width W] [--side N] [--epochs N]
     [--samples N] [--seed N]

FOLDER holds a folder of photos for each class (pip install "cnnx[images]"). Without it the network
tells drawn discs, squares and triangles apart (shapes.py).

A block widens its input by a 1x1 convolution, convolves each channel by itself (3x3), and narrows
the result by a 1x1 convolution without activation. If the output has the shape of the input, the
input is added to it. `width` multiplies the number of channels. With width 1 and 1,000 classes the
network has Keras' 3,538,984 parameters; 3,504,872 are learned, the rest are moving averages.
"""

import argparse
import math

import shapes

import cnnx
from cnnx import layers
from cnnx.experiment import run_experiment

BATCH_SIZE = 32
BLOCKS = (  # expansion, channels, blocks, stride of the first; Table 2 of the paper
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def rounded(channels):
    """Return the nearest multiple of 8, at least 8, and not below 90 % of `channels`."""
    near = max(8, int(channels + 4) // 8 * 8)
    return near + 8 if near < 0.9 * channels else near


def normalized(x):
    return layers.BatchNormalization(momentum=0.9)(x)


def convolution(x, filters, size=1, strides=1):
    """Return x after a convolution, batch normalisation and relu6."""
    x = layers.Conv2D(filters, size, strides, padding="same", use_bias=False)(x)
    return layers.Activation("relu6")(normalized(x))


def block(x, filters, strides, expansion):
    """Return the inverted residual block of x: wide inside, narrow at both ends."""
    y = convolution(x, expansion * x.shape[-1]) if expansion > 1 else x
    y = layers.DepthwiseConv2D(3, strides, padding="same", use_bias=False)(y)
    y = layers.Activation("relu6")(normalized(y))
    y = normalized(layers.Conv2D(filters, 1, use_bias=False)(y))
    return x + y if x.shape == y.shape else y


def mobilenet_v2(side=224, classes=1000, width=1.0):
    """Return the network for colour pictures of `side` x `side` pixels."""
    image = cnnx.Input((side, side, 3))
    y = convolution(layers.Rescaling(2, -1)(image), rounded(32 * width), 3, strides=2)
    for expansion, channels, count, stride in BLOCKS:
        for index in range(count):
            y = block(y, rounded(channels * width), 1 if index else stride, expansion)
    y = convolution(y, rounded(1280 * max(width, 1)))
    y = layers.Dropout(0.2)(layers.GlobalAveragePooling2D()(y))
    return cnnx.Model(image, layers.Dense(classes, activation="softmax")(y), name="MobileNetV2")


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
