"""MNIST with convolution layers that are not learnt: fixed filters, and a classifier on top.

Run: python examples/fixed_filters_mnist.py [--data DIR] [--epochs N] [--seed N]
     [--out fixed_filters_mnist.png]
(the picture needs pip install "cnnx[plot]")

The first layer finds edges of four directions. Each filter of the second layer has a depth: it
looks for a shape in the four maps together, where one direction outweighs the others. The
convolution layers are frozen, so no gradient is computed for them or below them: only the two dense
layers learn.
"""

import argparse
from pathlib import Path

import numpy as np

import cnnx
from cnnx import explain, filters, layers
from cnnx.experiment import run_experiment

HORIZONTAL, VERTICAL = filters.sobel_horizontal(), filters.sobel_vertical()
EDGES = [HORIZONTAL, -HORIZONTAL, VERTICAL, -VERTICAL]  # dark to light, and light to dark
SHAPES = ["gaussian", "line_diagonal", "line_antidiagonal", "laplacian8"]
# One direction counts for the shape, the other three against it.
WEIGHTS = 2 * np.eye(len(EDGES)) - 0.5
VOLUMES = [filters.get(shape)[..., None] * weights for shape in SHAPES for weights in WEIGHTS]

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--data", help="folder of MNIST's four files (default: download them)")
parser.add_argument("--epochs", type=int, default=3)
parser.add_argument("--seed", type=int, default=0)
parser.add_argument(
    "--out", type=Path, default="output/fixed_filters_mnist.png", help="picture to write"
)
options = parser.parse_args()

cnnx.utils.set_random_seed(options.seed)
(x_train, y_train), (x_test, y_test) = cnnx.datasets.mnist.load_data(options.data)
x_train, x_test = (images[..., None] / np.float32(255) for images in (x_train, x_test))

model = cnnx.Sequential(
    [
        cnnx.Input((28, 28, 1)),
        filters.as_layer(EDGES, activation="relu", name="edges"),
        layers.MaxPooling2D(2),
        filters.as_layer(
            VOLUMES, len(EDGES), depthwise=False, bias=-1, activation="relu", name="shapes"
        ),
        layers.MaxPooling2D(2),
        layers.Flatten(),
        layers.Dense(64, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ]
)
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
run_experiment(model, (x_train, y_train), (x_test, y_test), batch_size=32, epochs=options.epochs)
maps = explain.feature_maps(model, x_test[0])
options.out.parent.mkdir(parents=True, exist_ok=True)
explain.plot_feature_maps(maps).savefig(options.out, dpi=120)
print(f"What each layer makes of the first test image: {options.out}")
