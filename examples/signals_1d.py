"""A 1-D network: it names the form of a noisy wave, whatever its pitch, phase and loudness.

Run: python examples/signals_1d.py [--steps N] [--width N] [--epochs N] [--samples N] [--seed N]
     [--out signals_1d.png]   (the picture needs pip install "cnnx[plot]")

The waves are made here: sine, square, triangle and sawtooth, of 3 to 8 periods, with noise. Three
convolutions along time find edges and slopes; their maxima and means over time do not depend on
where these are.
"""

import argparse
from pathlib import Path

import numpy as np

import cnnx
from cnnx import layers
from cnnx.experiment import format_confusion_matrix
from cnnx.extras import import_extra
from cnnx.metrics import confusion_matrix

NAMES = "sine", "square", "triangle", "sawtooth"


def wave(kind, turns):
    """Return a wave between -1 and 1 at times counted in periods."""
    part = turns % 1
    if NAMES[kind] == "sine":
        return np.sin(2 * np.pi * part)
    if NAMES[kind] == "square":
        return np.where(part < 0.5, 1.0, -1.0)
    if NAMES[kind] == "triangle":
        return 4 * abs(part - 0.5) - 1
    return 2 * part - 1


def make(n, steps, seed):
    """Return n signals (n, steps, 1) and their kinds (n,)."""
    generator = np.random.default_rng(seed)
    kinds = generator.integers(len(NAMES), size=n)
    periods, phases = generator.uniform(3, 8, n), generator.uniform(size=n)
    loudness = generator.uniform(0.5, 2, n)
    turns = periods[:, None] * np.arange(steps) / steps + phases[:, None]
    clean = np.stack([wave(kind, row) for kind, row in zip(kinds, turns, strict=True)])
    signals = loudness[:, None] * clean + generator.normal(0, 0.25, (n, steps))
    return signals[..., None].astype(np.float32), kinds


def network(steps, width):
    y = signal = cnnx.Input((steps, 1), name="signal")
    for level in range(3):
        y = layers.Conv1D(width << level, 7, padding="same", use_bias=False)(y)
        y = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(y))
        y = layers.MaxPooling1D(2)(y) if level < 2 else y
    pooled = [layers.GlobalMaxPooling1D()(y), layers.GlobalAveragePooling1D()(y)]
    y = layers.Concatenate()(pooled)
    return cnnx.Model(signal, layers.Dense(len(NAMES), activation="softmax")(y), name="waves")


def draw(signals, kinds, found, file):
    """Draw some signals with their kind and what the network says."""
    figure_module = import_extra("matplotlib.figure", "plot", "a plot")
    figure = figure_module.Figure((9, 4), layout="constrained")
    grid = figure.subplots(2, 4).flat
    for axes, signal, kind, guess in zip(grid, signals, kinds, found, strict=True):
        axes.plot(signal, linewidth=0.8)
        right = kind == guess
        title = f"predicted {NAMES[guess]}, true {NAMES[kind]}"
        axes.set_title(title, fontsize=9, color="black" if right else "red")
        axes.tick_params(labelsize=7)
    figure.supxlabel("time step", fontsize=9)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=120)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=128, help="length of a signal")
    parser.add_argument("--width", type=int, default=16, help="filters of the first convolution")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--samples", type=int, default=2000, help="train on so many signals")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--out", type=Path, default="output/signals_1d.png", help="picture to write"
    )
    options = parser.parse_args()

    cnnx.utils.set_random_seed(options.seed)
    train = make(options.samples, options.steps, options.seed)
    x_test, y_test = make(500, options.steps, options.seed + 1)
    model = network(options.steps, options.width)
    model.summary()
    model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
    model.fit(*train, epochs=options.epochs)
    found = model.predict(x_test, verbose=0).argmax(axis=1)
    counts = confusion_matrix(y_test, found, num_classes=len(NAMES))
    print(f"\n{', '.join(NAMES)}\n{format_confusion_matrix(counts)}\n")
    print(f"Test accuracy: {np.mean(found == y_test):.2%} of 500 signals".replace("%", " %"))
    wrong_last = np.argsort(found != y_test, kind="stable")
    shown = np.concatenate([wrong_last[:6], wrong_last[-2:]])
    draw(x_test[shown], y_test[shown], found[shown], options.out)
    print(f"Picture: {options.out}")


if __name__ == "__main__":
    main()
