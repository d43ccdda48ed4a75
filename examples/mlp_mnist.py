"""A multi-layer perceptron on MNIST, with normal noise on its input and its hidden layer.

Run: python examples/mlp_mnist.py [--data DIR] [--seed N] [--rates]

The book's .2 and .5 are taken for the standard deviations s of the random factors. GaussianDropout
takes, as in Keras, the rate of the dropout with the same variance: s^2 / (1 + s^2). --rates takes
.2 and .5 for such rates, deviations of .5 and 1: the test accuracy then stays below 97 %.
"""

import argparse

import numpy as np

import cnnx
from cnnx import layers
from cnnx.experiment import run_experiment

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--data", help="folder of MNIST's four files (default: download them)")
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--rates", action="store_true", help="take .2 and .5 for rates of the dropout")
options = parser.parse_args()


def noise(size):
    return layers.GaussianDropout(size if options.rates else size**2 / (1 + size**2))


cnnx.utils.set_random_seed(options.seed)
(x_train, y_train), (x_test, y_test) = cnnx.datasets.mnist.load_data(options.data)
x_train, x_test = (
    images.reshape(len(images), -1).astype(np.float32) / 255 for images in (x_train, x_test)
)
y_train, y_test = (cnnx.utils.to_categorical(labels, 10) for labels in (y_train, y_test))

model = cnnx.Sequential(
    [
        cnnx.Input((784,)),
        noise(0.2),
        layers.Dense(64, activation="relu"),
        layers.BatchNormalization(),
        noise(0.5),
        layers.Dense(10, activation="softmax"),
    ]
)
model.compile(
    optimizer=cnnx.optimizers.Adam(0.01),
    loss="binary_crossentropy",
    metrics=["categorical_accuracy"],
)
run_experiment(model, (x_train, y_train), (x_test, y_test), batch_size=128, epochs=10)
