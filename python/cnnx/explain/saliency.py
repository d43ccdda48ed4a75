"""Which pixels a class's score depends on."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from cnnx.arrays import Float
from cnnx.explain.derivatives import differentiate
from cnnx.explain.subject import channel_axis, class_direction, single_image
from cnnx.models import Model


def input_gradient(model: Model, image: Any, class_index: int | None = None) -> Float:
    """
    Return the gradient of a class's score with respect to the image, of the image's shape.

    Parameters
    ----------
    model
        Built, ends in one output a class, or in one output for two classes. The score is the net
        input of that output, before softmax or sigmoid.
    image
        (height, width, channels), or (height, width) if grey.
    class_index
        None takes the class that the network decides for.
    """
    x = single_image(model, image, "input_gradient")
    score = partial(class_direction, class_index=class_index, operation="input_gradient")
    gradient: Float = differentiate(model, x, score).input_gradient[0]
    return gradient


def saliency(model: Model, image: Any, class_index: int | None = None) -> Float:
    """
    Return how much each pixel sways a class's score (Simonyan et al. 2013).

    The largest size, over the channels, of `input_gradient`.

    Parameters
    ----------
    model, image, class_index
        As for `input_gradient`.

    Returns
    -------
    Map (height, width), none negative.
    """
    sizes: Float = np.abs(input_gradient(model, image, class_index)).max(axis=channel_axis(model))
    return sizes
