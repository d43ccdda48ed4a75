"""Training as people do it today: crop, flip, MixUp, label smoothing, weight decay, EMA, one cycle.

Run: python examples/modern_training.py [--cifar10 FOLDER] [--epochs N] [--plain] [--keras]

FOLDER holds CIFAR-10 in its binary version (`cnnx.datasets.cifar10` says where to get it). Without
it the network learns the handwritten digits that come with cnnx, which are not mirrored: a mirrored
2 is none. --plain trains the same network without any of it, with Adam at a rate of .001.
With --keras, Keras trains the same network on the same batches: pip install keras jax, and set
KERAS_BACKEND=jax.

- Each picture gets a border of zeros, an eighth of its size, and another part of it is cut out each
  time (He et al. 2016); photos are mirrored half the time.
- MixUp trains on weighted means of two pictures and of their labels (Zhang et al. 2017).
- Label smoothing asks for .9 of the right class and .1 spread over all (Szegedy et al. 2016).
- AdamW draws the weights towards 0 (Loshchilov & Hutter 2019); the rate rises from nearly 0 and
  falls again in one cycle (Smith & Topin 2018).
- What is kept in the end is a moving average of the weights (Polyak & Juditsky 1992).
"""

import argparse
import importlib

import numpy as np

import cnnx
from cnnx import layers
from cnnx.data import ArrayStream
from cnnx.datasets import cifar10, digits

BATCH_SIZE, CLASSES = 64, 10
RATE, WEIGHT_DECAY, SMOOTHING, ALPHA, MOMENTUM = 0.006, 0.02, 0.1, 0.2, 0.98


def network(library, shape, width):
    """Return three pairs of convolutions with batch normalisation, halving the size between."""
    layers = library.layers
    image = y = library.Input(shape)
    for group in range(3):
        for _ in range(2):
            y = layers.Conv2D(width << group, 3, padding="same", use_bias=False)(y)
            y = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(y))
        if group < 2:
            y = layers.MaxPooling2D(2)(y)
    y = layers.GlobalAveragePooling2D()(y)
    return library.Model(image, layers.Dense(CLASSES, activation="softmax")(y))


def batches(x, y, mirrored, seed):
    """Return a stream of batches: each picture cut, mirrored and mixed anew each epoch."""
    side = x.shape[1]
    border = side // 8
    stream = ArrayStream(x, y, batch_size=BATCH_SIZE, seed=seed)
    stream = stream.map(layers.ZeroPadding2D(border)).map(layers.RandomCrop(side, side, seed=seed))
    if mirrored:
        stream = stream.map(layers.RandomFlip("horizontal", seed=seed))
    return stream.map(layers.MixUp(ALPHA, seed=seed))


def one_cycle(library, steps):
    """Return a schedule: cnnx', or its rates as one of Keras."""
    cycle = cnnx.optimizers.schedules.OneCycle(RATE, steps)
    if library is cnnx:
        return cycle
    rates = np.float32([cycle(step) for step in range(steps + 1)])

    class Rates(library.optimizers.schedules.LearningRateSchedule):
        def __call__(self, step):
            return library.ops.take(rates, library.ops.cast(step, "int32"))

    return Rates()


def endless(stream):
    """Yield the batches of one pass after the other."""
    while True:
        yield from stream


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--cifar10", metavar="FOLDER", help="CIFAR-10 in its binary version")
parser.add_argument("--epochs", type=int, default=30)
parser.add_argument("--samples", type=int, help="train on the first N pictures alone")
parser.add_argument("--width", type=int, default=32, help="filters of the first convolutions")
parser.add_argument("--plain", action="store_true", help="train without any of it")
parser.add_argument("--keras", action="store_true", help="let Keras train")
parser.add_argument("--seed", type=int, default=0)
options = parser.parse_args()

if options.cifar10:
    (x_train, y_train), (x_test, y_test) = cifar10.load_data(options.cifar10)
else:
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    x_train, x_test = x_train[..., None], x_test[..., None]
white = 255 if options.cifar10 else 16
x_train, x_test = (np.float32(x / white) for x in (x_train[: options.samples], x_test))
y_train, y_test = (
    cnnx.utils.to_categorical(y.ravel(), CLASSES) for y in (y_train[: options.samples], y_test)
)

library = importlib.import_module("keras") if options.keras else cnnx
library.utils.set_random_seed(options.seed)
model = network(library, x_train.shape[1:], options.width)
if options.plain:
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    model.fit(x_train, y_train, batch_size=BATCH_SIZE, epochs=options.epochs)
else:
    stream = batches(x_train, y_train, bool(options.cifar10), options.seed)
    model.compile(
        library.optimizers.AdamW(
            one_cycle(library, options.epochs * len(stream)),
            weight_decay=WEIGHT_DECAY,
            use_ema=True,
            ema_momentum=MOMENTUM,
        ),
        library.losses.CategoricalCrossentropy(label_smoothing=SMOOTHING),
        metrics=["accuracy"],
    )
    model.fit(endless(stream), epochs=options.epochs, steps_per_epoch=len(stream))
accuracy = model.evaluate(x_test, y_test, verbose=0)[1]
print(f"test accuracy {100 * accuracy:.2f} %")
