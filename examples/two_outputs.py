"""One network with two outputs: which shape a picture shows, and how large it is.

Run: python examples/two_outputs.py [--side N] [--width N] [--epochs N] [--samples N] [--seed N]
     [--weight W]

The pictures are those of shapes.py. Both outputs read one body. `kind` is a softmax with the
cross-entropy; `radius` is a number with the squared error. The outputs bear the names of their
layers; losses, metrics, targets and figures go by these names. The total loss is the loss of `kind`
plus W times that of `radius`.
"""

import argparse
import math

import numpy as np
import shapes

import cnnx
from cnnx import layers

BATCH_SIZE, NAMES = 32, shapes.NAMES[:3]


def network(side, width):
    """Return the network; the radius is a share of the picture's side."""
    y = image = cnnx.Input((side, side, 3), name="image")
    for level in range(3):
        y = layers.MaxPooling2D(2)(y) if level else y
        y = layers.Conv2D(width << level, 3, padding="same", use_bias=False)(y)
        y = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(y))
    y = layers.GlobalAveragePooling2D()(y)
    y = layers.Dense(4 * width, activation="relu", name="body")(y)
    kind = layers.Dense(len(NAMES), activation="softmax", name="kind")(y)
    radius = layers.Dense(1, name="radius")(y)
    return cnnx.Model(image, [kind, radius], name="two_outputs")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=32, help="height and width of the pictures")
    parser.add_argument("--width", type=int, default=16, help="filters of the first convolution")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--samples", type=int, default=2000, help="train on so many pictures")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--weight", type=float, default=10.0, help="of the loss of the radius")
    options = parser.parse_args()

    def data(n, seed):
        drawn = shapes.draw(n, options.side, seed)
        return drawn.images, {"kind": drawn.kinds, "radius": drawn.radii / options.side}

    cnnx.utils.set_random_seed(options.seed)
    x_train, y_train = data(options.samples, options.seed)
    x_test, y_test = data(500, options.seed + 1)
    model = network(options.side, options.width)
    model.summary()
    steps = options.epochs * math.ceil(options.samples / BATCH_SIZE)
    model.compile(
        cnnx.optimizers.Adam(cnnx.optimizers.schedules.CosineDecay(0.005, steps)),
        loss={"kind": "sparse_categorical_crossentropy", "radius": "mean_squared_error"},
        loss_weights={"radius": options.weight},
        metrics={"kind": "accuracy", "radius": "mean_absolute_error"},
    )
    model.fit(x_train, y_train, batch_size=BATCH_SIZE, epochs=options.epochs)
    figures = model.evaluate(x_test, y_test, verbose=0, return_dict=True)
    print("\nOn 500 other pictures")
    for name, value in figures.items():
        print(f"  {name:28} {value:.4f}")

    kinds, radii = model.predict(x_test[:5], verbose=0)
    print("\nFive of them             predicted")
    for index, kind in enumerate(kinds.argmax(axis=1)):
        true = NAMES[y_test["kind"][index]]
        true_radius, radius = (r[index, 0] * options.side for r in (y_test["radius"], radii))
        print(f"  {true:8} {true_radius:4.1f} pixels   {NAMES[kind]:8} {radius:4.1f} pixels")
    error = options.side * figures["radius_mean_absolute_error"]
    guess = options.side * np.abs(y_test["radius"] - np.median(y_test["radius"])).mean()
    print(
        f"\nThe predicted radii are wrong by {error:.2f} pixels on average. "
        f"The median radius as a guess for all is wrong by {guess:.2f}."
    )


if __name__ == "__main__":
    main()
