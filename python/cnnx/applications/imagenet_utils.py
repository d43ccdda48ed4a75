"""Pictures as the networks want them, and what their shares of classes stand for."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cnnx import geometry
from cnnx.arrays import Float, as_float32
from cnnx.files import regular_file
from cnnx.registry import choice

__all__ = ["decode_predictions", "preprocess_input"]

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of the colours of ImageNet, from 0 to 1."""
CAFFE_MEAN = (103.939, 116.779, 123.68)
"""Of blue, green and red, from 0 to 255."""

ClassIndex = str | os.PathLike[str] | Sequence[str]


def preprocess_input(x: Any, data_format: str | None = None, mode: str = "caffe") -> Float:
    """
    Return pictures in the range that a network learned from; the given ones stay as they are.

    Parameters
    ----------
    x
        One picture or a batch, (..., 3), from 0 to 255.
    data_format
        None or 'channels_last'; 'channels_first' for (..., 3, height, width).
    mode
        'tf': from -1 to 1. 'torch': (x / 255 - mean) / deviation of each colour in ImageNet.
        'caffe': blue, green and red, less their means in ImageNet.

    Returns
    -------
    ndarray
        float32, of the same shape.

    Raises
    ------
    ValueError
        Another mode or format, or no three channels.
    """
    owner = "preprocess_input"
    choice(mode, f"{owner}: mode", "caffe", "tf", "torch")
    if data_format is not None:
        choice(data_format, f"{owner}: data_format", "channels_last", "channels_first")
    images = as_float32(x, f"{owner}: x")
    if mode == "tf":
        return images / np.float32(127.5) - np.float32(1)
    first = data_format == "channels_first"
    if images.ndim < 3 or images.shape[-3 if first else -1] != 3:
        raise ValueError(f"{owner}: x must be pictures of 3 channels, got shape {images.shape}")
    if first:
        images = np.moveaxis(images, -3, -1)
    if mode == "torch":
        mean, deviation = (np.array(colours, np.float32) for colours in (MEAN, DEVIATION))
        images = (images / np.float32(255) - mean) / deviation
    else:
        images = images[..., ::-1] - np.array(CAFFE_MEAN, np.float32)
    return np.ascontiguousarray(np.moveaxis(images, -1, -3) if first else images)


def preprocessing(mode: str | None) -> Callable[..., Float]:
    """Return `preprocess_input` of a network; with None it takes pixels as they are."""

    def preprocess(x: Any, data_format: str | None = None) -> Float:
        if mode is None:
            return as_float32(x, "preprocess_input: x")
        return preprocess_input(x, data_format, mode)

    preprocess.__name__ = preprocess.__qualname__ = "preprocess_input"
    preprocess.__doc__ = (
        f"Return pictures as the network of Keras wants them: see "
        f"`imagenet_utils.preprocess_input`, mode {mode!r}."
        if mode
        else "Return pictures as they are, in float32: the network takes pixels from 0 to 255."
    )
    return preprocess


def decode_predictions(
    preds: Any, top: int = 5, class_index: ClassIndex | None = None
) -> list[list[tuple[str, str, float]]]:
    """
    Return the likeliest classes of each picture.

    Parameters
    ----------
    preds
        Shares (pictures, classes), as `predict` returns them.
    top
        How many classes of each picture.
    class_index
        What the classes are called: a list of names such as `model.class_names`; or the path of a
        file: Keras' imagenet_class_index.json, or a text with a name in each line. Nothing is
        downloaded.

    Returns
    -------
    list
        For each picture (identifier, name, share), the likeliest first. Without identifiers the
        class's number takes their place.

    Raises
    ------
    ValueError
        Not as many names as classes, or none given.
    """
    owner = "decode_predictions"
    shares = as_float32(preds, f"{owner}: preds")
    if shares.ndim != 2:
        raise ValueError(
            f"{owner}: preds must be shares (pictures, classes), got shape {shares.shape}"
        )
    count = geometry.integer(top, f"{owner}: top")
    if class_index is None:
        raise ValueError(
            f"{owner}: class_index must say what the classes are called: model.class_names, or the "
            "path of imagenet_class_index.json or of a text with a name in each line"
        )
    named = _named(class_index, owner)
    if len(named) != shares.shape[1]:
        raise ValueError(f"{owner}: {len(named)} names for {shares.shape[1]} classes")
    order = np.argsort(-shares, axis=1, kind="stable")[:, :count]
    return [
        [(*named[number], float(row[number])) for number in numbers]
        for row, numbers in zip(shares, order.tolist(), strict=True)
    ]


def _named(given: ClassIndex, owner: str) -> list[tuple[str, str]]:
    """Return identifiers and names of classes."""
    if not isinstance(given, (str, os.PathLike)):
        return [(str(number), str(name)) for number, name in enumerate(given)]
    path: Path = regular_file(given)
    try:
        text = path.read_text("utf-8")
        if not text.lstrip().startswith(("{", "[")):
            return _named(text.splitlines(), owner)
        content = json.loads(text)
        if isinstance(content, list):
            return _named([str(name) for name in content], owner)
        return [(str(a), str(b)) for a, b in (content[str(n)] for n in range(len(content)))]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: {owner}: it holds no names of classes: {error!r}") from error
