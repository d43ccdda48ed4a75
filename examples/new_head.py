"""A trained body with a new head: what was learned from three shapes serves for three others.

Run: python examples/new_head.py [--epochs N] [--old N] [--new N] [--width N] [--seed N]

A network learns discs, squares and triangles (shapes.py) from many pictures. Its layers up to
`features` become a model of their own, the body, which is frozen. A new dense layer on the body
learns diamonds, rings and crosses from a few pictures. Three other networks learn from the same few
pictures, to compare: the new layer on a frozen body of random weights; the whole network from the
beginning; and the trained body with its new layer, no longer frozen.
"""

import argparse
import math

import shapes

import cnnx
from cnnx import layers

SIDE, BATCH_SIZE, RATE = 32, 32, 0.005
OLD, NEW = (0, 1, 2), (3, 4, 5)  # indices of shapes.NAMES


def network(width):
    """Return a network for three kinds of shapes."""
    y = image = cnnx.Input((SIDE, SIDE, 3), name="image")
    for level in range(3):
        y = layers.MaxPooling2D(2)(y) if level else y
        y = layers.Conv2D(width << level, 3, padding="same", use_bias=False)(y)
        y = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(y))
    y = layers.GlobalAveragePooling2D(name="features")(y)
    return cnnx.Model(image, layers.Dense(3, activation="softmax", name="kind")(y))


def with_new_head(base, trainable):
    """Return the body of `base` with a new dense layer; the body's weights stay those of `base`."""
    body = cnnx.Model(base.input, base.get_layer("features").output, name="body")
    body.trainable = trainable
    image = cnnx.Input((SIDE, SIDE, 3), name="image")
    head = layers.Dense(3, activation="softmax", name="new_kind")
    return cnnx.Model(image, head(body(image)), name="with_new_head")


def data(n, kinds, seed):
    """Return pictures of these kinds, and their labels from 0."""
    drawn = shapes.draw(n, SIDE, seed, kinds=kinds)
    return drawn.images, drawn.kinds - kinds[0]


def accuracy(model, train, test, epochs):
    """Train a network and return its accuracy on pictures that it has not seen."""
    steps = epochs * math.ceil(len(train[0]) / BATCH_SIZE)
    rate = cnnx.optimizers.schedules.CosineDecay(RATE, steps)
    model.compile(cnnx.optimizers.Adam(rate), "sparse_categorical_crossentropy", ["accuracy"])
    model.fit(*train, batch_size=BATCH_SIZE, epochs=epochs, verbose=0)
    return model.evaluate(*test, verbose=0)[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=10, help="of the old shapes")
    parser.add_argument("--old", type=int, default=2000, help="pictures of the old shapes")
    parser.add_argument("--new", type=int, default=30, help="pictures of the new shapes")
    parser.add_argument("--width", type=int, default=16, help="filters of the first convolution")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    cnnx.utils.set_random_seed(options.seed)
    old, new = data(options.old, OLD, options.seed), data(options.new, NEW, options.seed + 1)
    old_test, new_test = data(500, OLD, options.seed + 2), data(500, NEW, options.seed + 3)
    base = network(options.width)
    found = accuracy(base, old, old_test, options.epochs)
    names = [", ".join(shapes.NAMES[kind] for kind in kinds) for kinds in (OLD, NEW)]
    print(f"{names[0]}, learned from {options.old} pictures: {100 * found:.1f} %")

    print("\nThe network with its new head")
    with_new_head(base, trainable=False).summary(expand_nested=True, show_trainable=True)
    print(f"\n{names[1]}, learned from {options.new} pictures")
    print(f"  {'':38} weights learned  test accuracy")
    for name, build in (
        ("new head, trained body", lambda: with_new_head(base, trainable=False)),
        ("new head, body of random weights", lambda: with_new_head(network(options.width), False)),
        ("all from the beginning", lambda: network(options.width)),
        ("new head, trained body not frozen", lambda: with_new_head(base, trainable=True)),
    ):
        model = build()
        learned = sum(weight.value.size for weight in model.trainable_weights)
        found = accuracy(model, new, new_test, 6 * options.epochs)
        print(f"  {name:38} {learned:15,}  {100 * found:11.1f} %")


if __name__ == "__main__":
    main()
