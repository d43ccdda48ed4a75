"""What frozen layers save: the time of a training step with and without learning convolutions.

Run: python bench/frozen.py [--steps N] [--threads N]

Frozen layers at the bottom of a network cost their forward pass alone. Both networks are the same
and take turns, so that a busy machine slows both; the medians are shown.
"""

import argparse
import statistics
import time

import numpy as np

import cnnx
from cnnx import layers

BATCH = 32


def make_model(trainable: bool) -> cnnx.Sequential:
    model = cnnx.Sequential(
        [
            cnnx.Input((28, 28, 1)),
            layers.Conv2D(16, 3, padding="same", activation="relu", trainable=trainable),
            layers.MaxPooling2D(2),
            layers.Conv2D(32, 3, padding="same", activation="relu", trainable=trainable),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--steps", type=int, default=200)
parser.add_argument("--threads", type=int, default=1)
options = parser.parse_args()

cnnx.config.set_num_threads(options.threads)
generator = np.random.default_rng(0)
x = generator.standard_normal((BATCH, 28, 28, 1)).astype(np.float32)
y = generator.integers(0, 10, BATCH)
learning, frozen = make_model(True), make_model(False)
steps = {
    "all layers learn": lambda: learning.train_on_batch(x, y),
    "convolutions frozen": lambda: frozen.train_on_batch(x, y),
    "forward pass alone": lambda: frozen.test_on_batch(x, y),
}
times = {name: [] for name in steps}
for round_number in range(options.steps + 5):
    for name, step in steps.items():
        started = time.perf_counter()
        step()
        if round_number >= 5:  # the first ones allocate
            times[name].append(time.perf_counter() - started)

print(
    f"{cnnx.config.active_isa()}, {options.threads} thread(s), batch {BATCH}, {options.steps} steps"
)
medians = {name: statistics.median(values) for name, values in times.items()}
whole = medians["all layers learn"]
for name, seconds in medians.items():
    print(f"{name:20} {1e3 * seconds:7.2f} ms a step   {whole / seconds:5.2f} x as fast")
