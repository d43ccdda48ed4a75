"""The command ``cnnx``, also ``python -m cnnx``: train a network on digits, describe the build."""

import argparse
import math
import os
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import cnnx
from cnnx import config, datasets, layers
from cnnx.experiment import run_experiment
from cnnx.files import replaceable
from cnnx.optimizers import Adam
from cnnx.optimizers.schedules import PolynomialDecay
from cnnx.progress import write_line
from cnnx.utils import set_random_seed

USAGE_ERROR = 2
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status.

    0 when all went well, 1 when the reader of the output has gone (which ends no training), 2 for a
    mistake of the caller (named on the error stream), 130 after Ctrl-C.
    """
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
        if sys.stdout is not None:
            sys.stdout.flush()
    except KeyboardInterrupt:
        print("\ncnnx: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (OSError, ValueError) as error:
        print(f"cnnx: error: {error}", file=sys.stderr)
        return USAGE_ERROR
    return 0


@dataclass(frozen=True)
class Recipe:
    """How a data set is learnt."""

    network: Callable[[], list[layers.Layer]]
    white: float  # the grey value that becomes 1
    epochs: int
    batch_size: int


def _digits_network() -> list[layers.Layer]:
    return [
        layers.Conv2D(32, 3, padding="same", activation="relu"),
        layers.Conv2D(32, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(64, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dropout(0.25),
        layers.Dense(10, activation="softmax"),
    ]


def _mnist_network() -> list[layers.Layer]:
    return [
        layers.Conv2D(32, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(64, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dropout(0.25),
        layers.Dense(128, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ]


RECIPES = {
    "digits": Recipe(_digits_network, white=16, epochs=30, batch_size=32),
    "mnist": Recipe(_mnist_network, white=255, epochs=3, batch_size=64),
}


def _train(options: argparse.Namespace) -> None:
    recipe = RECIPES[options.dataset]
    output = replaceable(options.output or f"{options.dataset}.safetensors")
    if options.threads is not None:
        config.set_num_threads(options.threads)
    if options.dataset == "mnist":
        train, test = datasets.mnist.load_data(options.data)
    elif options.data is None:
        train, test = datasets.digits.load_data()
    else:
        raise ValueError("--data: the digits are part of cnnx. Leave it out.")
    set_random_seed(options.seed)
    batch_size = options.batch_size or recipe.batch_size
    epochs = options.epochs or recipe.epochs
    steps = epochs * math.ceil(len(train[0]) / batch_size)
    x_train, x_test = (
        images[..., None].astype(np.float32) / recipe.white for images, _ in (train, test)
    )
    model = cnnx.Sequential([cnnx.Input(x_train.shape[1:]), *recipe.network()])
    model.compile(
        optimizer=Adam(PolynomialDecay(options.learning_rate, steps, 0.0)),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    run_experiment(
        model, (x_train, train[1]), (x_test, test[1]), batch_size=batch_size, epochs=epochs
    )
    model.save(output)
    write_line(f"Model saved:   {output}")


def _info(_: argparse.Namespace) -> None:
    build = config.build_config()
    isas = ", ".join(build["available_isas"])
    rows = {
        "version": build["version"],
        "Python": f"{platform.python_version()} ({platform.python_implementation()})",
        "compiler": build["compiler"],
        "instruction set": f"{build['active_isa']} (available: {isas})",
        "threads": build["num_threads"],
    }
    width = max(map(len, rows))
    for name, value in rows.items():
        print(f"{name:{width}}  {value}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cnnx", description="Convolutional networks for images on ordinary CPUs."
    )
    parser.add_argument("--version", action="version", version=f"cnnx {cnnx.__version__}")
    commands = parser.add_subparsers(metavar="command", required=True)

    info = commands.add_parser("info", help="print version, compiler, instruction set and threads")
    info.set_defaults(run=_info)

    train = commands.add_parser("train", help="train a network on handwritten digits and save it")
    train.set_defaults(run=_train)
    train.add_argument(
        "dataset",
        choices=RECIPES,
        help="digits: 1,797 images of 8x8 pixels, part of cnnx; mnist: 70,000 of 28x28",
    )
    train.add_argument(
        "--data", metavar="DIR", help="folder of MNIST's four files (default: download them)"
    )
    train.add_argument(
        "--epochs",
        metavar="N",
        type=_count,
        help=f"passes over the images (default: {_defaults('epochs')})",
    )
    train.add_argument(
        "--batch-size",
        metavar="N",
        type=_count,
        help=f"images a step (default: {_defaults('batch_size')})",
    )
    train.add_argument(
        "--learning-rate",
        metavar="R",
        type=_rate,
        default=0.002,
        help="of the first step; falls linearly to 0 (default: %(default)s)",
    )
    train.add_argument(
        "--seed",
        metavar="N",
        type=_seed,
        default=0,
        help="of all random numbers (default: %(default)s)",
    )
    train.add_argument(
        "--output",
        metavar="FILE",
        type=Path,
        help="where to save the model (default: DATASET.safetensors)",
    )
    train.add_argument(
        "--threads", metavar="N", type=_count, help="threads to use (default: all that are granted)"
    )
    return parser


def _defaults(field: str) -> str:
    return ", ".join(f"{getattr(recipe, field)} for {name}" for name, recipe in RECIPES.items())


def _count(text: str) -> int:
    return _whole_number(text, 1)


def _seed(text: str) -> int:
    return _whole_number(text, 0)


def _whole_number(text: str, least: int) -> int:
    if not text.isdecimal() or not least <= int(text) < 2**31:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a whole number from {least} to 2**31 - 1"
        )
    return int(text)


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    if not 0 < rate < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return rate


if __name__ == "__main__":
    sys.exit(main())
