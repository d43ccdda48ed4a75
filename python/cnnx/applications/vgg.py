"""VGG (Simonyan & Zisserman 2015): 3x3 convolutions alone, in five blocks."""

from __future__ import annotations

from collections.abc import Iterator

from cnnx import layers
from cnnx.applications.application import Application, Request, application
from cnnx.applications.imagenet_utils import decode_predictions, preprocessing
from cnnx.layers.value import Value
from cnnx.models import Model

__all__ = ["VGG11", "VGG13", "VGG16", "VGG19", "decode_predictions", "preprocess_input"]

FILTERS = (64, 128, 256, 512, 512)

preprocess_input = preprocessing("caffe")


def _vgg(number: int, counts: tuple[int, ...]) -> Application:
    """Return the function of a network with so many convolutions in each block."""

    def build(request: Request) -> Model:
        x = image = request.image(224)
        for block, (filters, count) in enumerate(zip(FILTERS, counts, strict=True), start=1):
            for place in range(1, count + 1):
                name = f"block{block}_conv{place}"
                x = layers.Conv2D(filters, 3, padding="same", activation="relu", name=name)(x)
            x = layers.MaxPooling2D(2, name=f"block{block}_pool")(x)

        def top(x: Value) -> Value:
            x = layers.Flatten(name="flatten")(x)
            for name in ("fc1", "fc2"):
                x = layers.Dense(4096, activation="relu", name=name)(x)
            return request.predictions(x)

        return request.model(image, request.head(x, top), [dict(_modules(counts)).get])

    summary = f"Return VGG{number} (Simonyan & Zisserman 2015), for pictures of 224x224 pixels."
    return application(build, f"VGG{number}", summary)


def _modules(counts: tuple[int, ...]) -> Iterator[tuple[str, str]]:
    """Yield layers with their modules in torchvision: each has a ReLU, each block a pooling."""
    number = 0
    for block, count in enumerate(counts, start=1):
        for place in range(1, count + 1):
            yield f"block{block}_conv{place}", f"features.{number}"
            number += 2
        number += 1
    yield from (("fc1", "classifier.0"), ("fc2", "classifier.3"), ("predictions", "classifier.6"))


VGG11 = _vgg(11, (1, 1, 2, 2, 2))
VGG13 = _vgg(13, (2, 2, 2, 2, 2))
VGG16 = _vgg(16, (2, 2, 3, 3, 3))
VGG19 = _vgg(19, (2, 2, 4, 4, 4))
