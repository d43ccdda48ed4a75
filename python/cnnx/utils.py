"""Keras' helpers around training: seeds, names, labels, vectors, pictures, drawings of networks."""

import gc
import random as python_random
from typing import Any

import numpy as np

from cnnx import random
from cnnx.arrays import Float, one_hot, real_array, whole_numbers
from cnnx.drawing import Drawing, plot_model
from cnnx.geometry import integer
from cnnx.layers.layer import forget_names
from cnnx.models.data_form import pack_x_y_sample_weight, unpack_x_y_sample_weight
from cnnx.pillow_images import array_to_img, img_to_array, load_img, save_img

__all__ = [
    "Drawing",
    "array_to_img",
    "clear_session",
    "img_to_array",
    "load_img",
    "normalize",
    "pack_x_y_sample_weight",
    "plot_model",
    "save_img",
    "set_random_seed",
    "to_categorical",
    "unpack_x_y_sample_weight",
]


def clear_session(free_memory: bool = True) -> None:
    """
    Let the automatic names of layers and models begin anew: conv2d, dense, model.

    Models that are there stay as they are.

    Parameters
    ----------
    free_memory
        Whether to collect garbage: models that nobody holds any more.
    """
    forget_names()
    if free_memory:
        gc.collect()


def normalize(x: Any, axis: int = -1, order: float = 2) -> Any:
    """
    Return an array divided by the norms of its vectors; vectors of zeros stay as they are.

    Parameters
    ----------
    x
        Array of any shape.
    axis
        Along which the vectors lie.
    order
        Of the norm: 2, 1, numpy.inf, ....
    """
    array = np.atleast_1d(real_array(x, "normalize: x"))
    norms = np.linalg.norm(array, order, axis, keepdims=True)
    return array / np.where(norms == 0, 1, norms)


def set_random_seed(seed: int) -> None:
    """
    Make every later random choice repeatable: cnnx's own, NumPy's and Python's.

    In a thread beside the main one, cnnx's own choices of this thread alone, so that trainings in
    several threads, each with its seed, give the bits that they give alone.

    Parameters
    ----------
    seed
        A whole number in [0, 2**32).
    """
    random.set_seed(random.check_seed(seed, "set_random_seed: seed"))
    np.random.seed(seed)
    python_random.seed(int(seed))


def to_categorical(x: Any, num_classes: int | None = None) -> Float:
    """
    Return one-hot rows for integer labels.

    Parameters
    ----------
    x
        Labels, shape (...) or (..., 1), whole numbers from 0.
    num_classes
        Length of a row; by default the largest label plus 1.

    Returns
    -------
    Array of shape (..., num_classes), float32.

    Raises
    ------
    ValueError
        For a label outside [0, num_classes) or one that is not whole.
    """
    labels = whole_numbers(x, "to_categorical: x")
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels.reshape(labels.shape[:-1])
    if labels.size and labels.min() < 0:
        raise ValueError(f"to_categorical: label {labels.min()} is negative; the first class is 0")
    if num_classes is None:
        if labels.size == 0:
            raise ValueError("to_categorical: x is empty; give num_classes")
        num_classes = int(labels.max()) + 1
        if num_classes >= 2**31:
            raise ValueError(
                f"to_categorical: label {labels.max()} is too large for rows with a place for each "
                "class; cnnx.data.LabelEncoder numbers labels from 0"
            )
    classes = integer(num_classes, "to_categorical: num_classes")
    outside = labels >= classes
    if outside.any():
        raise ValueError(
            f"to_categorical: label {labels[outside].flat[0]} is outside 0 to {classes - 1}"
        )
    return one_hot(labels, classes)
