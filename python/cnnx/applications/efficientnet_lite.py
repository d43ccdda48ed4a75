"""
EfficientNet-Lite (Google 2020): EfficientNet for small machines, without gates and with relu6.

The networks take pixels from 0 to 255. They are built as Google's, also for files of PyTorch that
come from those; timm's own (efficientnet_lite0, not tf_efficientnet_lite0) need variant='torch'.
"""

from __future__ import annotations

from cnnx import layers
from cnnx.applications.application import Application, Request, application
from cnnx.applications.efficientnet import NAMES, STEM, TIMM, TOP, blocks_of
from cnnx.applications.imagenet_utils import decode_predictions, preprocessing
from cnnx.applications.inverted_residual import Style, modules_of_timm
from cnnx.models import Model

__all__ = [
    "EfficientNetLite0",
    "EfficientNetLite1",
    "EfficientNetLite2",
    "EfficientNetLite3",
    "EfficientNetLite4",
    "decode_predictions",
    "preprocess_input",
]

preprocess_input = preprocessing(None)


def _lite(number: int, width: float, depth: float, side: int, dropout: float) -> Application:
    """Return the function of a network with these factors."""

    def build(request: Request) -> Model:
        torch = request.variant == "torch"
        style = Style(NAMES, *((1e-5, 0.9) if torch else (1e-3, 0.99)), torch)
        blocks = list(blocks_of(width, depth, "relu6", lite=True))
        image = request.image(side)
        x = request.pixels(image) if torch else layers.Rescaling(1 / 128, -127 / 128)(image)
        x = style.convolution(x, 32, 3, STEM, "relu6", 2)
        for block in blocks:
            x = style.block(x, block)
        x = style.convolution(x, 1280, 1, TOP, "relu6")
        output = request.head(x, lambda x: request.classified(x, dropout))
        return request.model(image, output, [(TIMM | dict(modules_of_timm(blocks, NAMES))).get])

    summary = (
        f"Return EfficientNet-Lite{number} (Google 2020), for pictures of {side}x{side} pixels."
    )
    return application(build, f"EfficientNetLite{number}", summary)


EfficientNetLite0 = _lite(0, 1.0, 1.0, 224, 0.2)
EfficientNetLite1 = _lite(1, 1.0, 1.1, 240, 0.2)
EfficientNetLite2 = _lite(2, 1.1, 1.2, 260, 0.3)
EfficientNetLite3 = _lite(3, 1.2, 1.4, 280, 0.3)
EfficientNetLite4 = _lite(4, 1.4, 1.8, 300, 0.3)
