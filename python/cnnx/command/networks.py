"""The networks that ``cnnx train`` can train."""

from collections.abc import Callable
from typing import Any

import cnnx
from cnnx import layers
from cnnx.layers.value import Value


def digits(image: Value, classes: int) -> Any:
    """Return the outputs of three convolutions on images of 8x8 pixels."""
    y = layers.Conv2D(32, 3, padding="same", activation="relu")(image)
    y = layers.Conv2D(32, 3, padding="same", activation="relu")(y)
    y = layers.MaxPooling2D()(y)
    y = layers.Conv2D(64, 3, padding="same", activation="relu")(y)
    y = layers.Flatten()(layers.MaxPooling2D()(y))
    return layers.Dense(classes, activation="softmax")(layers.Dropout(0.25)(y))


def mnist(image: Value, classes: int) -> Any:
    """Return the outputs of two convolutions on images of 28x28 pixels."""
    y = layers.MaxPooling2D()(layers.Conv2D(32, 3, activation="relu")(image))
    y = layers.MaxPooling2D()(layers.Conv2D(64, 3, activation="relu")(y))
    y = layers.Dropout(0.25)(layers.Flatten()(y))
    y = layers.Dense(128, activation="relu")(y)
    return layers.Dense(classes, activation="softmax")(y)


def plain(image: Value, classes: int) -> Any:
    """Return the outputs of five 3x3 convolutions, each half the size of the one before."""
    y = image
    for filters in (16, 32, 64, 128, 128):
        y = _normalized(layers.Conv2D(filters, 3, padding="same", use_bias=False)(y))
        y = layers.MaxPooling2D()(layers.ReLU()(y)) if min(y.shape[1:3]) > 1 else layers.ReLU()(y)
    return _classes(y, classes)


def residual(image: Value, classes: int) -> Any:
    """Return the outputs of four residual blocks (He et al. 2016) after a convolution."""
    y = layers.Conv2D(16, 3, padding="same", use_bias=False)(image)
    y = layers.MaxPooling2D()(layers.ReLU()(_normalized(y)))
    for filters in (32, 64, 128, 128):
        shortcut = layers.Conv2D(filters, 1, strides=2, use_bias=False)(y)
        y = layers.Conv2D(filters, 3, strides=2, padding="same", use_bias=False)(y)
        y = layers.ReLU()(_normalized(y))
        y = _normalized(layers.Conv2D(filters, 3, padding="same", use_bias=False)(y))
        y = layers.ReLU()(y + _normalized(shortcut))
    return _classes(y, classes)


ARCHITECTURES: dict[str, Callable[[Value, int], Any]] = {
    "digits": digits,
    "mnist": mnist,
    "plain": plain,
    "residual": residual,
}


def network(
    name: str, shape: tuple[int, ...], class_names: list[str], white: float, augment: bool
) -> cnnx.Model:
    """
    Return a network that takes pixels as they are in the file.

    Parameters
    ----------
    name
        One of `ARCHITECTURES`.
    shape
        Of an image: (height, width, channels).
    class_names
        Of the outputs, kept in the network's file.
    white
        The pixel value that becomes 1.
    augment
        Whether images are flipped, moved, turned and zoomed a little in training.
    """
    image = cnnx.Input(shape)
    y = layers.Rescaling(1 / white)(image)
    if augment:
        y = layers.RandomFlip("horizontal")(y)
        y = layers.RandomTranslation(0.1, 0.1)(y)
        y = layers.RandomZoom(0.15)(layers.RandomRotation(0.03)(y))
    model = cnnx.Model(image, ARCHITECTURES[name](y, len(class_names)), name=name)
    model.class_names = class_names
    return model


def _normalized(y: Any) -> Any:
    return layers.BatchNormalization(momentum=0.9)(y)


def _classes(y: Any, classes: int) -> Any:
    y = layers.Dropout(0.25)(layers.GlobalAveragePooling2D()(y))
    return layers.Dense(classes, activation="softmax")(y)
