"""Two groups of convolution and pooling, a vector, and a dense layer with a softmax, on MNIST.

Run: python examples/five_layer_classifier.py [--data DIR] [--seed N]

The vector stacks the columns of the first feature map, then those of the second, and so on, as the
book's vec does (order="F").
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

cnnx.utils.set_random_seed(options.seed)
(x_train, y_train), (x_test, y_test) = cnnx.datasets.mnist.load_data(options.data)
x_train, x_test = (images[..., None].astype(np.float32) / 255 for images in (x_train, x_test))

model = cnnx.Sequential(
    [
        cnnx.Input((28, 28, 1)),
        layers.Conv2D(8, 5, activation="relu"),
        layers.AveragePooling2D(2),
        layers.Conv2D(16, 5, activation="relu"),
        layers.AveragePooling2D(2),
        layers.Flatten(order="F"),
        layers.Dense(10, activation="softmax"),
    ]
)
model.compile(
    optimizer=cnnx.optimizers.Adam(0.002),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
run_experiment(model, (x_train, y_train), (x_test, y_test), batch_size=32, epochs=2)
