"""Which places of an image a decision needs."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnx import geometry
from cnnx.arrays import Float
from cnnx.explain.subject import channel_axis, chosen_class, single_image
from cnnx.geometry import Pair
from cnnx.models import Model

_BATCH = 64


def occlusion(
    model: Model,
    image: Any,
    class_index: int | None = None,
    size: int | Pair = 4,
    strides: int | Pair = 2,
    value: float = 0.0,
) -> Float:
    """
    Return how far a class's output falls where the image is covered (Zeiler & Fergus 2014).

    Parameters
    ----------
    model, image, class_index
        As for `input_gradient`.
    size
        Height and width of the covered part in pixels.
    strides
        Pixels from one covered part to the next.
    value
        Of the covered pixels.

    Returns
    -------
    Map (height, width): for each pixel the mean fall over the parts that cover it, positive where
    the class loses; 0 where none does.
    """
    x = single_image(model, image, "occlusion")
    height, width = geometry.pair(size, "occlusion: size")
    steps = geometry.pair(strides, "occlusion: strides")
    axis = channel_axis(model)
    rows, columns = image_size = tuple(map(int, np.delete(x.shape[1:], axis)))
    if height > rows or width > columns:
        raise ValueError(f"occlusion: size {(height, width)} is larger than the image {image_size}")
    corners = [
        (top, left)
        for top in _starts(rows, height, steps[0])
        for left in _starts(columns, width, steps[1])
    ]
    falls = np.zeros(image_size, np.float32)
    covers = np.zeros_like(falls)
    whole = model.predict(x, verbose=0)
    index = chosen_class(whole, class_index, 0.5, "occlusion")
    before = _of_class(whole, index)[0]
    for start in range(0, len(corners), _BATCH):
        chunk = corners[start : start + _BATCH]
        covered = np.repeat(x, len(chunk), axis=0)
        for picture, (top, left) in zip(covered, chunk, strict=True):
            np.moveaxis(picture, axis, -1)[top : top + height, left : left + width] = value
        after = _of_class(model.predict(covered, verbose=0), index)
        for (top, left), probability in zip(chunk, after, strict=True):
            part = np.s_[top : top + height, left : left + width]
            falls[part] += before - probability
            covers[part] += 1
    np.maximum(covers, 1, out=covers)
    return np.divide(falls, covers, out=falls)


def _of_class(outputs: Float, index: int) -> Float:
    """Return the output of a class for each image; of a single output p, 1 - p for class 0."""
    if outputs.shape[1] > 1:
        return outputs[:, index]
    return outputs[:, 0] if index else 1 - outputs[:, 0]


def _starts(extent: int, size: int, step: int) -> list[int]:
    """Return where parts begin, the last at the edge."""
    last = extent - size
    return [*range(0, last, step), last]
