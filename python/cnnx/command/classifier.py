"""Saved networks that name what pictures show."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cnnx import data, datasets
from cnnx.arrays import Array
from cnnx.models import Model, load_model

DATASETS = ("digits", "mnist")


def load_classifier(path: str) -> Model:
    """Return a network of one input of pictures and one output of classes.

    Raises
    ------
    ValueError
        The file holds another one.
    """
    model = load_model(path)
    inputs, outputs = model.input_shape, model.output_shape
    pictures = isinstance(inputs, tuple) and len(inputs) == 4 and inputs[-1] in (1, 3)
    if not pictures or not isinstance(outputs, tuple) or len(outputs) != 2:
        raise ValueError(
            f"{path}: its input is {inputs} and its output {outputs}; the command reads pictures "
            "of one or three channels and names their class"
        )
    if model.class_names is None:
        model.class_names = [str(number) for number in range(max(outputs[-1], 2))]
    return model


def picture_form(model: Model) -> dict[str, Any]:
    """Return how pictures are read for the network, as arguments of `cnnx.data`."""
    *size, channels = model.input_shape[1:]
    return {
        "size": None if None in size else tuple(size),
        "color_mode": "grayscale" if channels == 1 else "rgb",
    }


def read_pictures(model: Model, path: Path) -> Iterator[tuple[Sequence[Path], Array]]:
    """Yield the files of a picture or of a folder, those of one size at once, and their pixels."""
    form = picture_form(model)
    if path.is_dir() and form["size"]:
        read = data.image_folder(
            path, form["size"], form["color_mode"], label_mode=None, shuffle=False
        )
        yield read.train_file_paths, read.train
        return
    files = [path]
    if path.is_dir():  # each picture in its own size
        found = data.image_folder(path, 1, form["color_mode"], label_mode=None, shuffle=False)
        files = list(found.train_file_paths)
    for file in files:
        yield [file], data.load_image(file, **form)[None]


def read_test(model: Model, options: argparse.Namespace) -> tuple[Array, Array]:
    """Return the pictures of a data set's test, or of a folder of classes, and their classes.

    Raises
    ------
    ValueError
        The folder's classes are not those of the network, or no size is given for a network of
        pictures of any size, or a size for another.
    """
    name, side = options.dataset, options.size
    if name in DATASETS:
        if side is not None:
            raise ValueError("--size is for folders of pictures. Leave it out.")
        load = datasets.mnist.load_data if name == "mnist" else load_digits
        _, (x, y) = load(options.data)
        return x[..., None], y
    form = picture_form(model)
    if form["size"] is None:
        if side is None:
            raise ValueError(
                f"{name}: the network takes pictures of any size, and a folder is read in one; "
                "choose it, such as --size 64"
            )
        form["size"] = (side, side)
    elif side is not None:
        height, width = form["size"]
        raise ValueError(f"--size: the network takes {height} x {width} pixels. Leave it out.")
    read = data.image_folder(
        name, form["size"], form["color_mode"], class_names=model.class_names, shuffle=False
    )
    x, y = read.train
    return np.asarray(x), np.asarray(y)


def load_digits(folder: str | None) -> Any:
    """Return the digits, which lie in no folder of the user's."""
    if folder is not None:
        raise ValueError("--data: the digits are part of cnnx. Leave it out.")
    return datasets.digits.load_data()
