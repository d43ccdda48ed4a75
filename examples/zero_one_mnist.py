"""MNIST's zeros against its ones: a convolution with a bias of its own for every output element.

Run: python examples/zero_one_mnist.py [--data DIR] [--seed N]
"""

import argparse

import numpy as np

import cnnx
from cnnx import layers
from cnnx.experiment import run_experiment

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--data", help="folder of MNIST's four files (default: download them)")
parser.add_argument("--seed", type=int, default=0)
options = parser.parse_args()


def zeros_and_ones(images, labels):
    chosen = labels < 2
    return images[chosen, ..., None].astype(np.float32) / 255, np.eye(2)[labels[chosen]]


cnnx.utils.set_random_seed(options.seed)
train, test = (zeros_and_ones(*part) for part in cnnx.datasets.mnist.load_data(options.data))

model = cnnx.Sequential(
    [
        cnnx.Input((28, 28, 1)),
        layers.Conv2D(5, 3, bias="untied"),
        layers.Activation("sigmoid"),
        layers.Reshape((26 * 26 * 5,)),
        layers.Dense(100),
        layers.Activation("sigmoid"),
        layers.Dense(2),
        layers.Activation("sigmoid"),
    ]
)
model.compile(
    optimizer=cnnx.optimizers.SGD(0.1),
    loss="binary_crossentropy",
    metrics=["categorical_accuracy"],
)
run_experiment(model, train, test, batch_size=16, epochs=2)
