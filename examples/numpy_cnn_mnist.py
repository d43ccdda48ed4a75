"""Two 5x5 convolutions on MNIST, the network of a paper that builds it in NumPy.

Run: python examples/numpy_cnn_mnist.py [--data DIR] [--learning-rate R] [--seed N]
     [--fraction 1 | 1/2 | 1/16] [--model FILE] [--out FILE]
(the picture needs pip install "cnnx[plot]")

The cost of every batch is noted, saved in the model's file with the weights, and drawn. The paper
trains on all images, a half and a sixteenth of them, as its loops take hours.
"""

import argparse
from fractions import Fraction
from pathlib import Path

import numpy as np

import cnnx
from cnnx import callbacks, initializers, layers
from cnnx.experiment import run_experiment

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--data", help="folder of MNIST's four files (default: download them)")
parser.add_argument("--learning-rate", type=float, default=0.01)
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--fraction", type=Fraction, default=1, help="of the images to train on")
parser.add_argument(
    "--model", type=Path, default="output/numpy_cnn_mnist.safetensors", help="file to save it in"
)
parser.add_argument("--out", help="picture of the costs to write, such as costs.png")
options = parser.parse_args()

cnnx.utils.set_random_seed(options.seed)
(x_train, y_train), (x_test, y_test) = cnnx.datasets.mnist.load_data(options.data)
count = round(options.fraction * len(x_train))
x_train, y_train = x_train[:count], y_train[:count]
mean, deviation = int(x_train.mean()), int(x_train.std())
x_train, x_test = (
    (images[..., None].astype(np.float32) - mean) / deviation for images in (x_train, x_test)
)

# Normal weights, small enough for the paper's high rate.
filters = {"kernel_initializer": initializers.RandomNormal(stddev=0.05)}
weights = {"kernel_initializer": initializers.RandomNormal(stddev=0.02)}
model = cnnx.Sequential(
    [
        cnnx.Input((28, 28, 1)),
        layers.Conv2D(8, 5, activation="relu", **filters),
        layers.Conv2D(8, 5, activation="relu", **filters),
        layers.MaxPooling2D(2),
        layers.Flatten(),
        layers.Dense(128, activation="relu", **weights),
        layers.Dense(10, activation="softmax", **weights),
    ]
)
model.compile(
    optimizer=cnnx.optimizers.Adam(options.learning_rate, beta_1=0.95, beta_2=0.99, epsilon=1e-8),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
history = callbacks.History(per_batch=True)
run_experiment(
    model, (x_train, y_train), (x_test, y_test), batch_size=32, epochs=2, callbacks=[history]
)
costs = history.batches["loss"]
print(f"Cost of the first and the last {len(costs) // 10} of {len(costs)} batches: ", end="")
print(f"{np.mean(costs[: len(costs) // 10]):.3f}, {np.mean(costs[-(len(costs) // 10) :]):.3f}")
options.model.parent.mkdir(parents=True, exist_ok=True)
model.save(options.model)
print(f"Model with weights and costs: {options.model}")
if options.out is not None:
    history.plot().savefig(options.out, dpi=120)
    print(f"Costs of every batch: {options.out}")
