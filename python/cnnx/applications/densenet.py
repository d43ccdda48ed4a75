"""DenseNet (Huang, Liu, van der Maaten & Weinberger 2017): layers read all layers before them."""

from __future__ import annotations

import re

from cnnx import layers
from cnnx.applications.application import Application, Request, application
from cnnx.applications.imagenet_utils import decode_predictions, preprocessing
from cnnx.layers.value import Value
from cnnx.models import Model

__all__ = ["DenseNet121", "DenseNet169", "DenseNet201", "decode_predictions", "preprocess_input"]

GROWTH = 32
"""Channels that each block adds."""

preprocess_input = preprocessing("torch")


def _densenet(number: int, counts: tuple[int, ...]) -> Application:
    """Return the function of a network with so many blocks in each of four groups."""

    def build(request: Request) -> Model:
        epsilon, momentum = (1e-5, 0.9) if request.is_torch else (1.001e-5, 0.99)

        def rectified(x: Value, name: str) -> Value:
            norm = layers.BatchNormalization(epsilon=epsilon, momentum=momentum, name=f"{name}bn")
            value: Value = layers.ReLU(name=f"{name}relu")(norm(x))
            return value

        def convolution(x: Value, filters: int, size: int, name: str, strides: int = 1) -> Value:
            value: Value = layers.Conv2D(
                filters, size, strides, padding=size // 2, use_bias=False, name=name
            )(x)
            return value

        image = request.image(224)
        x = rectified(convolution(image, 64, 7, "conv1_conv", 2), "conv1_")
        x = layers.MaxPooling2D(3, 2, padding=1, name="pool1")(x)
        for group, count in enumerate(counts, start=2):
            if group > 2:
                name = f"pool{group - 1}"
                x = convolution(rectified(x, f"{name}_"), x.shape[-1] // 2, 1, f"{name}_conv")
                x = layers.AveragePooling2D(2, name=f"{name}_pool")(x)
            for place in range(1, count + 1):
                name = f"conv{group}_block{place}_"
                y = convolution(rectified(x, f"{name}0_"), 4 * GROWTH, 1, f"{name}1_conv")
                y = convolution(rectified(y, f"{name}1_"), GROWTH, 3, f"{name}2_conv")
                x = layers.Concatenate(name=f"{name}concat")([x, y])
        x = rectified(x, "")
        return request.model(image, request.head(x, request.classified), [_module])

    summary = f"Return DenseNet-{number} (Huang et al. 2017), for pictures of 224x224 pixels."
    return application(build, f"DenseNet{number}", summary)


_ENDS = {
    "conv1_conv": "features.conv0",
    "conv1_bn": "features.norm0",
    "bn": "features.norm5",
    "predictions": "classifier",
}


def _module(layer: str) -> str:
    """Return the name of a layer in torchvision, which is that in timm."""
    found = re.fullmatch(r"conv(\d)_block(\d+)_(\d)_(conv|bn)", layer)
    if found is not None:
        group, block, number, kind = found.groups()
        own = f"conv{number}" if kind == "conv" else f"norm{int(number) + 1}"
        return f"features.denseblock{int(group) - 1}.denselayer{block}.{own}"
    found = re.fullmatch(r"pool(\d)_(conv|bn)", layer)
    if found is not None:
        group, kind = found.groups()
        return f"features.transition{int(group) - 1}.{'conv' if kind == 'conv' else 'norm'}"
    return _ENDS[layer]


DenseNet121 = _densenet(121, (6, 12, 24, 16))
DenseNet169 = _densenet(169, (6, 12, 32, 32))
DenseNet201 = _densenet(201, (6, 12, 48, 32))
