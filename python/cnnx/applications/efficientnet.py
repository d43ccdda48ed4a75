"""
EfficientNet (Tan & Le 2019): width, depth and size of the pictures grow together.

The networks take pixels from 0 to 255: what brings them into range is their first layer. Training
leaves out blocks at random, later ones more often (Huang et al. 2016).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from cnnx import layers
from cnnx.applications.application import Application, Request, application
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

__all__ = [
    "EfficientNetB0",
    "EfficientNetB1",
    "EfficientNetB2",
    "EfficientNetB3",
    "EfficientNetB4",
    "EfficientNetB5",
    "EfficientNetB6",
    "EfficientNetB7",
    "decode_predictions",
    "preprocess_input",
]

GROUPS = (  # expansion, channels, blocks, stride of the first, size of the windows
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)
DROPPED = 0.2  # of the samples, of a block after the last one
NAMES = Names(
    "expand_conv",
    "expand_bn",
    "dwconv",
    "bn",
    "se_reduce",
    "se_expand",
    "project_conv",
    "project_bn",
)
STEM, TOP = ("stem_conv", "stem_bn"), ("top_conv", "top_bn")
TIMM = {
    "stem_conv": "conv_stem",
    "stem_bn": "bn1",
    "top_conv": "conv_head",
    "top_bn": "bn2",
    "predictions": "classifier",
}

preprocess_input = preprocessing(None)


def blocks_of(width: float, depth: float, activation: str, lite: bool = False) -> Iterator[Block]:
    """
    Yield the blocks of a network.

    Parameters
    ----------
    width, depth
        Factors for the numbers of channels and of blocks.
    activation
        Within the blocks.
    lite
        Whether there are no gates, and the first and the last group have one block.
    """
    channels = 32 if lite else rounded(32 * width)
    counts = [math.ceil(depth * group[2]) for group in GROUPS]
    if lite:
        counts[0], counts[-1] = GROUPS[0][2], GROUPS[-1][2]
    number = 0
    for group, (expansion, filters, _, stride, size) in enumerate(GROUPS):
        for place in range(counts[group]):
            yield Block(
                f"block{group + 1}{chr(ord('a') + place)}_",
                expansion * channels,
                rounded(filters * width),
                size,
                1 if place else stride,
                activation,
                0 if lite else max(1, channels // 4),
                group,
                place,
                expansion > 1,
                DROPPED * number / sum(counts),
            )
            number += 1
            channels = rounded(filters * width)


def _efficientnet(
    number: int, width: float, depth: float, side: int, dropout: float
) -> Application:
    """Return the function of a network with these factors."""

    def build(request: Request) -> Model:
        torch = request.is_torch
        small = torch and (number < 5 or request.holds("conv_stem"))  # timm has one for all
        constants = (1e-5, 0.9) if small else (1e-3, 0.99)
        style = Style(NAMES, *constants, torch, ("silu", "sigmoid"))
        blocks = list(blocks_of(width, depth, "silu"))
        image = request.image(side)
        x = request.pixels(image) if torch else _pixels(image)
        x = style.convolution(x, rounded(32 * width), 3, STEM, "silu", 2)
        for block in blocks:
            x = style.block(x, block)
        x = style.convolution(x, rounded(1280 * width), 1, TOP, "silu")
        torchvision = {
            "stem_conv": "features.0.0",
            "stem_bn": "features.0.1",
            "top_conv": "features.8.0",
            "top_bn": "features.8.1",
            "predictions": "classifier.1",
            **dict(modules_of_torchvision(blocks, NAMES, "features.{group}.{place}.block.")),
        }
        timm = TIMM | dict(modules_of_timm(blocks, NAMES))
        output = request.head(x, lambda x: request.classified(x, dropout))
        return request.model(image, output, [torchvision.get, timm.get])

    summary = (
        f"Return EfficientNet-B{number} (Tan & Le 2019), for pictures of {side}x{side} pixels."
    )
    return application(build, f"EfficientNetB{number}", summary)


def _pixels(image: Value) -> Value:
    """Return pixels as Keras brings them into range; the statistics are in its files."""
    value: Value = layers.Normalization()(layers.Rescaling(1 / 255)(image))
    return value


EfficientNetB0 = _efficientnet(0, 1.0, 1.0, 224, 0.2)
EfficientNetB1 = _efficientnet(1, 1.0, 1.1, 240, 0.2)
EfficientNetB2 = _efficientnet(2, 1.1, 1.2, 260, 0.3)
EfficientNetB3 = _efficientnet(3, 1.2, 1.4, 300, 0.3)
EfficientNetB4 = _efficientnet(4, 1.4, 1.8, 380, 0.4)
EfficientNetB5 = _efficientnet(5, 1.6, 2.2, 456, 0.4)
EfficientNetB6 = _efficientnet(6, 1.8, 2.6, 528, 0.5)
EfficientNetB7 = _efficientnet(7, 2.0, 3.1, 600, 0.5)
