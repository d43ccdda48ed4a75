"""
ResNet (He, Zhang, Ren & Sun 2016, "Deep residual learning for image recognition").

Where a block of three convolutions makes the picture smaller, the first of them has the stride in
the paper and in Keras, and the second in torchvision, whose convolutions have no bias.
"""

from __future__ import annotations

import re

from cnnx import layers
from cnnx.applications.application import Application, Request, application
from cnnx.applications.imagenet_utils import decode_predictions, preprocessing
from cnnx.layers.value import Value
from cnnx.models import Model

__all__ = [
    "ResNet18",
    "ResNet34",
    "ResNet50",
    "ResNet101",
    "ResNet152",
    "decode_predictions",
    "preprocess_input",
]

preprocess_input = preprocessing("caffe")


class _Blocks:
    """
    The parts of a network, as a library has them.

    Parameters
    ----------
    wide
        Whether a block has three convolutions and not two.
    torch
        Whether they are torchvision's.
    """

    def __init__(self, wide: bool, torch: bool) -> None:
        self.wide, self.torch = wide, torch

    def convolution(self, x: Value, filters: int, size: int, strides: int, name: str) -> Value:
        """Return x after a convolution and batch normalisation."""
        x = layers.Conv2D(
            filters,
            size,
            strides,
            padding=size // 2,
            use_bias=not self.torch,
            name=f"{name}_conv",
        )(x)
        epsilon, momentum = (1e-5, 0.9) if self.torch else (1.001e-5, 0.99)
        value: Value = layers.BatchNormalization(
            epsilon=epsilon, momentum=momentum, name=f"{name}_bn"
        )(x)
        return value

    def block(self, x: Value, filters: int, strides: int, name: str) -> Value:
        """Return a residual block of x."""
        sizes = (1, 3, 1) if self.wide else (3, 3)
        widths = (filters, filters, 4 * filters) if self.wide else (filters, filters)
        shrinking = 1 if self.wide and self.torch else 0
        y = shortcut = x
        if strides > 1 or x.shape[-1] != widths[-1]:
            shortcut = self.convolution(x, widths[-1], 1, strides, f"{name}_0")
        for number, (size, width) in enumerate(zip(sizes, widths, strict=True)):
            if number:
                y = layers.ReLU(name=f"{name}_{number}_relu")(y)
            step = strides if number == shrinking else 1
            y = self.convolution(y, width, size, step, f"{name}_{number + 1}")
        y = layers.Add(name=f"{name}_add")([shortcut, y])
        value: Value = layers.ReLU(name=f"{name}_out")(y)
        return value


def _module(layer: str) -> str:
    """Return the name of a layer in torchvision, which is that in timm."""
    found = re.fullmatch(r"conv(\d)_block(\d+)_(\d)_(conv|bn)", layer)
    if found is None:
        return {"conv1_conv": "conv1", "conv1_bn": "bn1", "predictions": "fc"}[layer]
    group, block, number, kind = found.groups()
    own = f"{kind}{number}" if number != "0" else f"downsample.{int(kind == 'bn')}"
    return f"layer{int(group) - 1}.{int(block) - 1}.{own}"


def _resnet(number: int, counts: tuple[int, ...], wide: bool = True) -> Application:
    """Return the function of a network with so many blocks in each of four groups."""

    def build(request: Request) -> Model:
        blocks = _Blocks(wide, request.is_torch or not wide)
        image = request.image(224)
        x = blocks.convolution(image, 64, 7, 2, "conv1")
        x = layers.ReLU(name="conv1_relu")(x)
        x = layers.MaxPooling2D(3, 2, padding=1, name="pool1_pool")(x)
        for group, count in enumerate(counts):
            for place in range(count):
                strides = 2 if group and not place else 1
                name = f"conv{group + 2}_block{place + 1}"
                x = blocks.block(x, 64 << group, strides, name)
        return request.model(image, request.head(x, request.classified), [_module])

    library = "" if wide else " It is built as torchvision builds it: Keras has none."
    summary = f"Return ResNet-{number} (He et al. 2016), for pictures of 224x224 pixels.{library}"
    return application(build, f"ResNet{number}", summary)


ResNet18 = _resnet(18, (2, 2, 2, 2), wide=False)
ResNet34 = _resnet(34, (3, 4, 6, 3), wide=False)
ResNet50 = _resnet(50, (3, 4, 6, 3))
ResNet101 = _resnet(101, (3, 4, 23, 3))
ResNet152 = _resnet(152, (3, 8, 36, 3))
