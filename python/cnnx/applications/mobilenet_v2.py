"""MobileNetV2 (Sandler, Howard, Zhu, Zhmoginov & Chen 2018): inverted residual blocks."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

from cnnx import geometry
from cnnx.applications.application import Request
from cnnx.applications.imagenet_utils import decode_predictions, preprocessing
from cnnx.applications.inverted_residual import (
    Block,
    Names,
    Style,
    modules_of_timm,
    modules_of_torchvision,
    rounded,
)
from cnnx.layers.value import Value
from cnnx.models import Model

__all__ = ["MobileNetV2", "decode_predictions", "preprocess_input"]

GROUPS = (  # expansion, channels, blocks, stride of the first: Table 2 of the paper
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
NAMES = Names(
    "expand",
    "expand_BN",
    "depthwise",
    "depthwise_BN",
    "squeeze_reduce",
    "squeeze_expand",
    "project",
    "project_BN",
)

preprocess_input = preprocessing("tf")


def _blocks(alpha: float) -> Iterator[Block]:
    """Yield the blocks of a network `alpha` times as wide."""
    channels, number = rounded(32 * alpha), 0
    for group, (expansion, filters, count, stride) in enumerate(GROUPS):
        for place in range(count):
            name = f"block_{number}_" if number else "expanded_conv_"
            wanted = rounded(int(filters * alpha))
            strides = 1 if place else stride
            hidden = expansion * channels
            yield Block(name, hidden, wanted, 3, strides, "relu6", 0, group, place, expansion > 1)
            channels, number = wanted, number + 1


def MobileNetV2(  # noqa: N802
    input_shape: Sequence[int | None] | None = None,
    alpha: float = 1.0,
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    input_tensor: Value | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = None,
    variant: str | None = None,
    dropout: float = 0.0,
) -> Model:
    """
    Return MobileNetV2 (Sandler et al. 2018), for pictures of 224x224 pixels.

    Parameters
    ----------
    alpha
        Factor for the number of channels.
    dropout
        Share of the features that is dropped in training, before the classifier.
    input_shape, include_top, weights, input_tensor, pooling, classes, classifier_activation
        As of `ResNet50`.
    name, variant
        As of `ResNet50`.
    """
    owner = "MobileNetV2"
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
        variant,
    )
    width = geometry.number(alpha, f"{owner}: alpha", 0.01, 100)
    torch = request.is_torch
    style = Style(NAMES, *((1e-5, 0.9) if torch else (1e-3, 0.999)), torch)
    blocks = list(_blocks(width))
    image = request.image(224)
    x = style.convolution(image, rounded(32 * width), 3, ("Conv1", "bn_Conv1"), "relu6", 2)
    for block in blocks:
        x = style.block(x, block)
    last = rounded(1280 * max(width, 1))
    x = style.convolution(x, last, 1, ("Conv_1", "Conv_1_bn"), "relu6")
    output = request.head(x, lambda x: request.classified(x, dropout))
    torchvision = {
        "Conv1": "features.0.0",
        "bn_Conv1": "features.0.1",
        "Conv_1": "features.18.0",
        "Conv_1_bn": "features.18.1",
        "predictions": "classifier.1",
        **dict(modules_of_torchvision(blocks, NAMES, "features.{n}.conv.", flat=True)),
    }
    timm = {
        "Conv1": "conv_stem",
        "bn_Conv1": "bn1",
        "Conv_1": "conv_head",
        "Conv_1_bn": "bn2",
        "predictions": "classifier",
        **dict(modules_of_timm(blocks, NAMES)),
    }
    return request.model(image, output, [torchvision.get, timm.get])
