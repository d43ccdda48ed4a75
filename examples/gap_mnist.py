"""Global average pooling and batch normalisation on MNIST, with sigmoids throughout.

Run: python examples/gap_mnist.py [--data DIR] [--learning-rate R] [--constant] [--momentum M]
     [--initializer NAME] [--seed N]

The learning rate falls linearly to 0, and the running statistics of the batch normalisation follow
quickly (momentum=.95): at a constant rate they lag behind the weights, as --constant shows. He's
initial weights are larger than Glorot's, which sigmoids flatten in this depth (docs/training.md).
"""

import argparse
import math

import numpy as np

import cnnx
from cnnx import layers
from cnnx.experiment import run_experiment

EPOCHS, BATCH_SIZE = 2, 32

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--data", help="folder of MNIST's four files (default: download them)")
parser.add_argument("--learning-rate", type=float, default=0.01, help="of the first step")
parser.add_argument("--constant", action="store_true", help="keep that rate")
parser.add_argument("--momentum", type=float, default=0.95, help="of the batch normalisation")
parser.add_argument("--initializer", default="he_uniform", help="of the weights")
parser.add_argument("--seed", type=int, default=0)
options = parser.parse_args()

cnnx.utils.set_random_seed(options.seed)
(x_train, y_train), (x_test, y_test) = cnnx.datasets.mnist.load_data(options.data)
x_train, x_test = (images[..., None].astype(np.float32) / 255 for images in (x_train, x_test))
y_train, y_test = (cnnx.utils.to_categorical(labels, 10) for labels in (y_train, y_test))

model = cnnx.Sequential(
    [
        cnnx.Input((28, 28, 1)),
        layers.Conv2D(
            32, 3, padding="same", activation="sigmoid", kernel_initializer=options.initializer
        ),
        layers.MaxPooling2D(2),
        layers.Conv2D(
            32, 3, padding="same", activation="sigmoid", kernel_initializer=options.initializer
        ),
        layers.MaxPooling2D(2),
        layers.GlobalAveragePooling2D(),
        layers.Dense(32, kernel_initializer=options.initializer),
        layers.BatchNormalization(momentum=options.momentum),
        layers.Activation("sigmoid"),
        layers.Dense(10, activation="softmax", kernel_initializer=options.initializer),
    ]
)
steps = EPOCHS * math.ceil(len(x_train) / BATCH_SIZE)
last_rate = options.learning_rate if options.constant else 0.0
schedule = cnnx.optimizers.schedules.PolynomialDecay(options.learning_rate, steps, last_rate)
model.compile(
    optimizer=cnnx.optimizers.Adam(schedule),
    loss="binary_crossentropy",
    metrics=["categorical_accuracy"],
)
run_experiment(model, (x_train, y_train), (x_test, y_test), batch_size=BATCH_SIZE, epochs=EPOCHS)
