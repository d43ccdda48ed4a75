"""
MobileNetV3 (Howard et al. 2019): inverted residual blocks with gates and hard swish.

The networks take pixels from 0 to 255, which their first layer brings into range.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from cnnx import geometry, layers
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

__all__ = ["MobileNetV3Large", "MobileNetV3Small", "decode_predictions", "preprocess_input"]

Row = tuple[int, int, float, int, int, bool, str]
LARGE: tuple[Row, ...] = (  # group, size, expansion, channels, stride, gate, activation
    (0, 3, 1, 16, 1, False, "relu"),
    (1, 3, 4, 24, 2, False, "relu"),
    (1, 3, 3, 24, 1, False, "relu"),
    (2, 5, 3, 40, 2, True, "relu"),
    (2, 5, 3, 40, 1, True, "relu"),
    (2, 5, 3, 40, 1, True, "relu"),
    (3, 3, 6, 80, 2, False, "hard_swish"),
    (3, 3, 2.5, 80, 1, False, "hard_swish"),
    (3, 3, 2.3, 80, 1, False, "hard_swish"),
    (3, 3, 2.3, 80, 1, False, "hard_swish"),
    (4, 3, 6, 112, 1, True, "hard_swish"),
    (4, 3, 6, 112, 1, True, "hard_swish"),
    (5, 5, 6, 160, 2, True, "hard_swish"),
    (5, 5, 6, 160, 1, True, "hard_swish"),
    (5, 5, 6, 160, 1, True, "hard_swish"),
)
SMALL: tuple[Row, ...] = (
    (0, 3, 1, 16, 2, True, "relu"),
    (1, 3, 72 / 16, 24, 2, False, "relu"),
    (1, 3, 88 / 24, 24, 1, False, "relu"),
    (2, 5, 4, 40, 2, True, "hard_swish"),
    (2, 5, 6, 40, 1, True, "hard_swish"),
    (2, 5, 6, 40, 1, True, "hard_swish"),
    (3, 5, 3, 48, 1, True, "hard_swish"),
    (3, 5, 3, 48, 1, True, "hard_swish"),
    (4, 5, 6, 96, 2, True, "hard_swish"),
    (4, 5, 6, 96, 1, True, "hard_swish"),
    (4, 5, 6, 96, 1, True, "hard_swish"),
)
NAMES = Names(
    "expand",
    "expand_bn",
    "depthwise",
    "depthwise_bn",
    "squeeze_excite_conv",
    "squeeze_excite_conv_1",
    "project",
    "project_bn",
)

preprocess_input = preprocessing(None)


def _blocks(rows: tuple[Row, ...], alpha: float, minimalistic: bool) -> Iterator[Block]:
    """Yield the blocks of a network `alpha` times as wide; a minimalistic one has plain parts."""
    channels, place = 16, 0
    for number, (group, size, expansion, wanted, strides, gated, activation) in enumerate(rows):
        place = place + 1 if number and rows[number - 1][0] == group else 0
        hidden = rounded(channels * expansion) if number else channels
        filters = rounded(wanted * alpha)
        yield Block(
            f"expanded_conv_{number}_" if number else "expanded_conv_",
            hidden,
            filters,
            3 if minimalistic else size,
            strides,
            "relu" if minimalistic else activation,
            rounded(hidden / 4) if gated and not minimalistic else 0,
            group,
            place,
            number > 0,
        )
        channels = filters


def _network(
    request: Request,
    rows: tuple[Row, ...],
    last: int,
    alpha: float,
    minimalistic: bool,
    dropout: float,
    preprocessed: bool,
) -> Model:
    """
    Return a network.

    Parameters
    ----------
    request
        What the user asks for.
    rows
        Its blocks.
    last
        Features before the classifier.
    alpha, minimalistic, dropout
        As the user gave them.
    preprocessed
        Whether the network takes pixels from 0 to 255.
    """
    width = geometry.number(alpha, f"{request.owner}: alpha", 0.01, 100)
    torch = request.is_torch
    of_timm = torch and request.holds("conv_stem")  # another constant than torchvision
    style = Style(NAMES, 1e-5 if of_timm else 1e-3, 0.99 if torch else 0.999, torch)
    activation = "relu" if minimalistic else "hard_swish"
    blocks = list(_blocks(rows, width, bool(minimalistic)))
    x = image = request.image(224)
    if preprocessed:
        x = request.pixels(x) if torch else layers.Rescaling(1 / 127.5, -1.0)(x)
    x = style.convolution(x, 16, 3, ("conv", "conv_bn"), activation, 2)
    for block in blocks:
        x = style.block(x, block)
    x = style.convolution(x, rounded(6 * x.shape[-1]), 1, ("conv_1", "conv_1_bn"), activation)

    def top(x: Value) -> Value:
        x = layers.GlobalAveragePooling2D(keepdims=True, name="avg_pool")(x)
        features = rounded(last * width) if width > 1 else last
        x = layers.Conv2D(features, 1, activation=activation, name="conv_2")(x)
        if dropout:
            x = layers.Dropout(dropout, name="top_dropout")(x)
        x = layers.Flatten(name="flatten")(layers.Conv2D(request.classes, 1, name="logits")(x))
        value: Value = layers.Activation(request.classifier_activation, name="predictions")(x)
        return value

    end = len(blocks) + 1
    torchvision = {
        "conv": "features.0.0",
        "conv_bn": "features.0.1",
        "conv_1": f"features.{end}.0",
        "conv_1_bn": f"features.{end}.1",
        "conv_2": "classifier.0",
        "logits": "classifier.3",
        **dict(modules_of_torchvision(blocks, NAMES, "features.{n}.block.")),
    }
    after = blocks[-1].group + 1
    timm = {
        "conv": "conv_stem",
        "conv_bn": "bn1",
        "conv_1": f"blocks.{after}.0.conv",
        "conv_1_bn": f"blocks.{after}.0.bn1",
        "conv_2": "conv_head",
        "logits": "classifier",
        **dict(modules_of_timm(blocks, NAMES)),
    }
    return request.model(image, request.head(x, top), [torchvision.get, timm.get])


_DOCUMENTATION = """
    Return MobileNetV3-{kind} (Howard et al. 2019), for pictures of 224x224 pixels.

    Parameters
    ----------
    alpha
        Factor for the number of channels.
    minimalistic
        Whether there are no gates, windows of 3x3 alone, and relu alone.
    dropout_rate
        Share of the features that is dropped in training, before the classifier.
    include_preprocessing
        Whether the network takes pixels from 0 to 255, and not from -1 to 1 (of PyTorch:
        normalised by ImageNet's colours).
    input_shape, include_top, weights, input_tensor, classes, pooling, classifier_activation
        As of `ResNet50`.
    name, variant
        As of `ResNet50`.
    """


def _mobilenet_v3(kind: str, rows: tuple[Row, ...], last: int) -> Callable[..., Model]:
    """Return the function of a network of these blocks and features before the classifier."""
    owner = f"MobileNetV3{kind}"

    def make(
        input_shape: Sequence[int | None] | None = None,
        alpha: float = 1.0,
        minimalistic: bool = False,
        include_top: bool = True,
        weights: str | os.PathLike[str] | None = None,
        input_tensor: Value | None = None,
        classes: int = 1000,
        pooling: str | None = None,
        dropout_rate: float = 0.2,
        classifier_activation: Any = "softmax",
        include_preprocessing: bool = True,
        name: str | None = None,
        variant: str | None = None,
    ) -> Model:
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
        rest = alpha, minimalistic, dropout_rate, include_preprocessing
        return _network(request, rows, last, *rest)

    make.__name__ = make.__qualname__ = owner
    make.__doc__ = _DOCUMENTATION.format(kind=kind)
    return make


MobileNetV3Small = _mobilenet_v3("Small", SMALL, 1024)
MobileNetV3Large = _mobilenet_v3("Large", LARGE, 1280)
