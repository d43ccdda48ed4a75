"""U-Net (Ronneberger, Fischer & Brox 2015): a network that says what each pixel belongs to."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from cnnx import geometry, layers
from cnnx.applications.application import Request
from cnnx.layers.value import Value
from cnnx.models import Model

__all__ = ["UNet"]


def _convolutions(x: Value, filters: int, normalized: bool, name: str) -> Value:
    """Return x after two 3x3 convolutions."""
    for place in (1, 2):
        own = f"{name}_conv{place}"
        x = layers.Conv2D(filters, 3, padding="same", use_bias=not normalized, name=own)(x)
        if normalized:
            x = layers.BatchNormalization(momentum=0.9, name=f"{name}_bn{place}")(x)
        x = layers.ReLU(name=f"{name}_relu{place}")(x)
    return x


def UNet(  # noqa: N802
    input_shape: Sequence[int | None] | None = None,
    depth: int = 4,
    width: int = 64,
    batch_normalization: bool = True,
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    input_tensor: Value | None = None,
    classes: int = 2,
    classifier_activation: Any = "softmax",
    name: str | None = None,
) -> Model:
    """
    Return U-Net (Ronneberger et al. 2015): shares of the classes for each pixel.

    On the way down the picture is halved and the number of channels doubled, `depth` times. On the
    way up a transposed convolution doubles the picture, and the channels of that size from the way
    down are set beside it. Unlike the paper's, the convolutions keep the size of the picture.

    Parameters
    ----------
    input_shape
        (height, width, channels), by default (256, 256, 3), and (None, None, 3) without the top;
        height and width are multiples of 2^depth. None leaves them open.
    depth
        How often the picture is halved.
    width
        Channels at the full size.
    batch_normalization
        Whether each 3x3 convolution is followed by it; the paper's are not.
    include_top
        False ends with the features of each pixel.
    weights
        None, or the path of a file of cnnx or Keras.
    input_tensor
        A value that the network reads.
    classes
        Number of classes; for one, give classifier_activation='sigmoid'.
    classifier_activation
        Of the classifier: 'softmax', 'sigmoid', or None for logits.
    name
        Of the model.

    Raises
    ------
    ValueError
        The picture cannot be halved so often.
    """
    owner = "UNet"
    request = Request(
        owner,
        bool(include_top),
        weights,
        input_tensor,
        input_shape,
        classes=classes,
        classifier_activation=classifier_activation,
        name=name,
    )
    levels = geometry.integer(depth, f"{owner}: depth", minimum=1, limit=10)
    filters = geometry.integer(width, f"{owner}: width")
    image = request.image(256, least=1)
    if any(isinstance(extent, int) and extent % 2**levels for extent in image.shape[1:3]):
        raise ValueError(
            f"{owner}: height and width must be multiples of {2**levels}, to be halved {levels} "
            f"times, got {image.shape[1:3]}"
        )
    x, seen = image, list[Value]()
    for level in range(levels):
        seen.append(_convolutions(x, filters << level, batch_normalization, f"down{level}"))
        x = layers.MaxPooling2D(2, name=f"down{level}_pool")(seen[-1])
    x = _convolutions(x, filters << levels, batch_normalization, "bottom")
    for level in reversed(range(levels)):
        x = layers.Conv2DTranspose(filters << level, 2, strides=2, name=f"up{level}")(x)
        x = layers.Concatenate(name=f"up{level}_concat")([seen[level], x])
        x = _convolutions(x, filters << level, batch_normalization, f"up{level}")

    def top(x: Value) -> Value:
        activation = request.classifier_activation
        value: Value = layers.Conv2D(request.classes, 1, activation=activation, name="predictions")(
            x
        )
        return value

    return request.model(image, request.head(x, top))
