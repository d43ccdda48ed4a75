"""ResNet V2 (He, Zhang, Ren & Sun 2016, "Identity mappings"): blocks begin with batch norm."""

from __future__ import annotations

from cnnx import layers
from cnnx.applications.application import Application, Request, application
from cnnx.applications.imagenet_utils import decode_predictions, preprocessing
from cnnx.layers.value import Value
from cnnx.models import Model

__all__ = ["ResNet50V2", "ResNet101V2", "ResNet152V2", "decode_predictions", "preprocess_input"]

preprocess_input = preprocessing("tf")


def _normalized(x: Value, name: str, relu: str) -> Value:
    x = layers.BatchNormalization(epsilon=1.001e-5, name=name)(x)
    value: Value = layers.ReLU(name=relu)(x)
    return value


def _block(x: Value, filters: int, strides: int, widens: bool, name: str) -> Value:
    """Return a residual block of x."""
    y = _normalized(x, f"{name}_preact_bn", f"{name}_preact_relu")
    if widens:
        x = layers.Conv2D(4 * filters, 1, strides, name=f"{name}_0_conv")(y)
    elif strides > 1:
        x = layers.MaxPooling2D(1, strides, name=f"{name}_0_pool")(x)
    y = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_1_conv")(y)
    y = _normalized(y, f"{name}_1_bn", f"{name}_1_relu")
    y = layers.Conv2D(filters, 3, strides, padding=1, use_bias=False, name=f"{name}_2_conv")(y)
    y = _normalized(y, f"{name}_2_bn", f"{name}_2_relu")
    y = layers.Conv2D(4 * filters, 1, name=f"{name}_3_conv")(y)
    value: Value = layers.Add(name=f"{name}_out")([x, y])
    return value


def _resnet(number: int, counts: tuple[int, ...]) -> Application:
    """Return the function of a network with so many blocks in each of four groups."""

    def build(request: Request) -> Model:
        image = request.image(224)
        x = layers.Conv2D(64, 7, 2, padding=3, name="conv1_conv")(image)
        x = layers.ZeroPadding2D(1, name="pool1_pad")(x)
        x = layers.MaxPooling2D(3, 2, name="pool1_pool")(x)
        for group, count in enumerate(counts):
            for place in range(count):
                strides = 2 if place == count - 1 and group < len(counts) - 1 else 1
                name = f"conv{group + 2}_block{place + 1}"
                x = _block(x, 64 << group, strides, not place, name)
        x = _normalized(x, "post_bn", "post_relu")
        return request.model(image, request.head(x, request.classified))

    summary = f"Return ResNet-{number} V2 (He et al. 2016), for pictures of 224x224 pixels."
    return application(build, f"ResNet{number}V2", summary)


ResNet50V2 = _resnet(50, (3, 4, 6, 3))
ResNet101V2 = _resnet(101, (3, 4, 23, 3))
ResNet152V2 = _resnet(152, (3, 8, 36, 3))
