"""What augmentation costs beside the training step that it serves.

The network is that of Keras' example for CIFAR-10: two blocks of two 3x3 convolutions (32 and 64
channels) with max pooling, a dense layer of 512 and one of 10. Each layer changes the batch that a
step trains on; the share is that of the step without augmentation.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence

import numpy as np

import cnnx
from bench.machine import describe_machine
from bench.report import print_heading
from bench.tables import format_table
from cnnx import layers
from cnnx.layers.call import alone
from cnnx.layers.picture_layer import PictureLayer

RANGE = (0, 1)
CHOICES: dict[str, Callable[[int], list[PictureLayer]]] = {
    "RandomFlip": lambda n: [layers.RandomFlip("horizontal")],
    "RandomCrop": lambda n: [layers.RandomCrop(n - 4, n - 4)],
    "RandomTranslation": lambda n: [layers.RandomTranslation(0.1, 0.1)],
    "RandomRotation": lambda n: [layers.RandomRotation(0.1)],
    "RandomZoom": lambda n: [layers.RandomZoom(0.1)],
    "RandomShear": lambda n: [layers.RandomShear(0.1, 0.1)],
    "RandomPerspective": lambda n: [layers.RandomPerspective((1, 1), 0.3)],
    "RandomBrightness": lambda n: [layers.RandomBrightness(0.2, RANGE)],
    "RandomContrast": lambda n: [layers.RandomContrast(0.2, RANGE)],
    "RandomSaturation": lambda n: [layers.RandomSaturation((0.4, 0.6), RANGE)],
    "RandomHue": lambda n: [layers.RandomHue(0.1, RANGE)],
    "RandomColorJitter": lambda n: [layers.RandomColorJitter(RANGE, 0.2, 0.2, (0.4, 0.6), 0.1)],
    "RandomGrayscale": lambda n: [layers.RandomGrayscale(1.0)],
    "RandomPosterization": lambda n: [layers.RandomPosterization(4, RANGE)],
    "AutoContrast": lambda n: [layers.AutoContrast(RANGE)],
    "Equalization": lambda n: [layers.Equalization(RANGE)],
    "RandomSharpness": lambda n: [layers.RandomSharpness(1.0, RANGE)],
    "RandomGaussianBlur": lambda n: [layers.RandomGaussianBlur((1, 1), 5, value_range=RANGE)],
    "RandomErasing": lambda n: [layers.RandomErasing((1, 1), value_range=RANGE)],
    "MixUp": lambda n: [layers.MixUp()],
    "CutMix": lambda n: [layers.CutMix()],
    "RandAugment": lambda n: [layers.RandAugment(RANGE)],
    "flip, translation, MixUp": lambda n: [
        layers.RandomFlip("horizontal"),
        layers.RandomTranslation(0.1, 0.1),
        layers.MixUp(),
    ],
}


def parse_options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser("python -m bench.augmentation", description=__doc__)
    parser.add_argument("--size", type=int, default=32, help="height and width of the images")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=9)
    return parser.parse_args(arguments)


def network(size: int) -> cnnx.Sequential:
    """Return the compiled network."""
    blocks: list[layers.Layer] = []
    for channels in (32, 64):
        for _ in range(2):
            blocks.append(layers.Conv2D(channels, 3, padding="same", activation="relu"))
        blocks.append(layers.MaxPooling2D(2))
    head = [layers.Flatten(), layers.Dense(512, activation="relu"), layers.Dense(10, "softmax")]
    model = cnnx.Sequential([cnnx.Input((size, size, 3)), *blocks, *head])
    model.compile("adam", "categorical_crossentropy")
    return model


def milliseconds(work: Callable[[], object], rounds: int) -> float:
    """Return the median time of a call."""
    work()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times)


def change(parts: Sequence[PictureLayer], x: np.ndarray) -> Callable[[], object]:
    """Return what changes a batch as a training step does, without allocating."""
    calls = []
    for part in parts:
        part.build_once((None, *x.shape[1:]))
        calls.append(alone(part, x, differentiates=False))
        x = calls[-1].y

    def work() -> None:
        for part, call in zip(parts, calls, strict=True):
            part.forward(call, call.xs[0])

    return work


def main() -> None:
    """Measure, and print."""
    options = parse_options()
    cnnx.config.set_num_threads(options.threads)
    cnnx.utils.set_random_seed(0)
    chance = np.random.default_rng(0)
    x = chance.random((options.batch, options.size, options.size, 3), np.float32)
    y = np.eye(10, dtype=np.float32)[chance.integers(0, 10, options.batch)]
    model = network(options.size)
    step = milliseconds(lambda: model.train_on_batch(x, y), options.rounds)
    print_heading(describe_machine(), {"cnnx": cnnx.__version__})
    print(
        f"{options.batch} images of {options.size} x {options.size}, {options.threads} threads: "
        f"a training step takes {step:.1f} ms\n"
    )
    rows = [["augmentation", "ms", "of the step"]]
    for name, make in CHOICES.items():
        took = milliseconds(change(make(options.size), x), options.rounds)
        rows.append([name, f"{took:.2f}", f"{100 * took / step:.1f} %"])
    print(format_table(rows))


if __name__ == "__main__":
    main()
