"""``cnnx train``: a network learns a data set, or a folder of pictures, and is saved."""

import argparse
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnnx import data, datasets
from cnnx.command.arguments import Commands, add_threads, count, rate, seed
from cnnx.command.classifier import load_digits
from cnnx.command.networks import ARCHITECTURES, network
from cnnx.experiment import run_experiment
from cnnx.files import replaceable
from cnnx.optimizers import Adam
from cnnx.optimizers.schedules import PolynomialDecay
from cnnx.progress import write_line
from cnnx.utils import set_random_seed

HELD_BACK = 0.2


@dataclass(frozen=True)
class Recipe:
    """How a data set is learnt."""

    network: str
    white: float  # the pixel value that becomes 1
    epochs: int
    batch_size: int


RECIPES = {
    "digits": Recipe("digits", white=16, epochs=30, batch_size=32),
    "mnist": Recipe("mnist", white=255, epochs=3, batch_size=64),
    "a folder": Recipe("plain", white=255, epochs=20, batch_size=32),
}


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("train", help="train a network on pictures and save it")
    add = parser.add_argument
    add(
        "dataset",
        help="folder with a folder of pictures for each class; or digits: 1,797 images of 8x8 "
        "pixels, part of cnnx; or mnist: 70,000 of 28x28",
    )
    add("--data", metavar="DIR", help="folder of MNIST's four files (default: download them)")
    add(
        "--arch",
        choices=ARCHITECTURES,
        help=f"the network (default: {_defaults('network')})",
    )
    add("--size", metavar="N", type=count, help="a folder's pictures become NxN (default: 64)")
    add("--grayscale", action="store_true", help="read a folder's pictures without colour")
    add(
        "--augment",
        action="store_true",
        help="data augmentation: flip, move, turn and zoom the images in training",
    )
    add("--epochs", metavar="N", type=count, help=f"(default: {_defaults('epochs')})")
    add(
        "--batch-size",
        metavar="N",
        type=count,
        help=f"images a step (default: {_defaults('batch_size')})",
    )
    add(
        "--learning-rate",
        metavar="R",
        type=rate,
        default=0.002,
        help="of the first step; falls linearly to 0 (default: %(default)s)",
    )
    add(
        "--seed",
        metavar="N",
        type=seed,
        default=0,
        help="of all random numbers (default: %(default)s)",
    )
    add(
        "--output",
        metavar="FILE",
        type=Path,
        help="where to save the model (default: NAME.safetensors, NAME that of the data)",
    )
    add_threads(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Train, print how well the network does, and save it."""
    recipe = RECIPES.get(options.dataset, RECIPES["a folder"])
    name = Path(options.dataset).resolve().name
    output = replaceable(options.output or f"{name}.safetensors")
    set_random_seed(options.seed)
    (x_train, y_train), test, class_names = _read(options)
    batch_size = options.batch_size or recipe.batch_size
    epochs = options.epochs or recipe.epochs
    steps = epochs * math.ceil(len(x_train) / batch_size)
    architecture = options.arch or recipe.network
    model = network(architecture, x_train.shape[1:], class_names, recipe.white, options.augment)
    model.compile(
        optimizer=Adam(PolynomialDecay(options.learning_rate, steps, 0.0)),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    run_experiment(model, (x_train, y_train), test, batch_size=batch_size, epochs=epochs)
    model.save(output)
    write_line(f"Model saved:   {output}")


def _read(options: argparse.Namespace) -> tuple[Any, Any, list[str]]:
    """Return what to train on, what to judge by, and the classes' names."""
    if options.dataset in RECIPES:
        if options.size is not None or options.grayscale:
            raise ValueError("--size and --grayscale are for folders of pictures. Leave them out.")
        load = datasets.mnist.load_data if options.dataset == "mnist" else load_digits
        (x_train, y_train), (x_test, y_test) = load(options.data)
        names = [str(digit) for digit in range(10)]
        return (x_train[..., None], y_train), (x_test[..., None], y_test), names
    if options.data is not None:
        raise ValueError("--data is for mnist: name the folder of pictures alone.")
    if not Path(options.dataset).is_dir():
        known = ", ".join(name for name in RECIPES if name != "a folder")
        raise ValueError(f"{options.dataset}: no such folder, and no data set ({known}).")
    read = data.image_folder(
        options.dataset,
        options.size or 64,
        "grayscale" if options.grayscale else "rgb",
        validation_split=HELD_BACK,
        seed=options.seed,
    )
    return read.train, read.validation, read.class_names


def _defaults(field: str) -> str:
    return ", ".join(f"{getattr(recipe, field)} for {name}" for name, recipe in RECIPES.items())
