"""MobileNet (Howard et al. 2017): convolutions of each channel by itself, then 1x1 convolutions."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from cnnx import geometry, layers
from cnnx.applications.application import Request
from cnnx.applications.imagenet_utils import decode_predictions, preprocessing
from cnnx.layers.value import Value
from cnnx.models import Model

__all__ = ["MobileNet", "decode_predictions", "preprocess_input"]

BLOCKS = (  # channels, stride: Table 1 of the paper
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    *(5 * ((512, 1),)),
    (1024, 2),
    (1024, 1),
)

preprocess_input = preprocessing("tf")


def _activated(x: Value, name: str) -> Value:
    x = layers.BatchNormalization(name=f"{name}_bn")(x)
    value: Value = layers.Activation("relu6", name=f"{name}_relu")(x)
    return value


def MobileNet(  # noqa: N802
    input_shape: Sequence[int | None] | None = None,
    alpha: float = 1.0,
    depth_multiplier: int = 1,
    dropout: float = 0.001,
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    input_tensor: Value | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = None,
) -> Model:
    """
    Return MobileNet (Howard et al. 2017), for pictures of 224x224 pixels.

    Parameters
    ----------
    alpha
        Factor for the number of channels.
    depth_multiplier
        Convolutions of each channel.
    dropout
        Share of the features that is dropped in training, before the classifier.
    input_shape, include_top, weights, input_tensor, pooling, classes, classifier_activation, name
        As of `ResNet50`; the weights are those of Keras or cnnx.
    """
    owner = "MobileNet"
    request = Request(
        owner,
        bool(include_top),
        weights,
        input_tensor,
        input_shape,
        pooling,
        classes,
        classifier_activation,
        name,
    )
    width = geometry.number(alpha, f"{owner}: alpha", 0.01, 100)
    multiplier = geometry.integer(depth_multiplier, f"{owner}: depth_multiplier")
    image = request.image(224)
    x = layers.Conv2D(max(int(32 * width), 1), 3, 2, padding="same", use_bias=False, name="conv1")(
        image
    )
    x = _activated(x, "conv1")
    for number, (filters, strides) in enumerate(BLOCKS, start=1):
        # Keras pads strided convolutions at the end alone, also where the size is odd.
        if strides > 1:
            x = layers.ZeroPadding2D(((0, 1), (0, 1)), name=f"conv_pad_{number}")(x)
        x = layers.DepthwiseConv2D(
            3,
            strides,
            padding="same" if strides == 1 else "valid",
            depth_multiplier=multiplier,
            use_bias=False,
            name=f"conv_dw_{number}",
        )(x)
        x = _activated(x, f"conv_dw_{number}")
        x = layers.Conv2D(
            max(int(filters * width), 1), 1, use_bias=False, name=f"conv_pw_{number}"
        )(x)
        x = _activated(x, f"conv_pw_{number}")

    def top(x: Value) -> Value:
        x = layers.GlobalAveragePooling2D(keepdims=True, name="avg_pool")(x)
        x = layers.Dropout(dropout, name="dropout")(x)
        x = layers.Conv2D(request.classes, 1, name="conv_preds")(x)
        x = layers.Reshape((request.classes,), name="reshape_2")(x)
        value: Value = layers.Activation(request.classifier_activation, name="predictions")(x)
        return value

    return request.model(image, request.head(x, top))
