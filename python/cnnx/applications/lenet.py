"""LeNet-5 (LeCun, Bottou, Bengio & Haffner 1998), in its usual form of today."""

from __future__ import annotations

from cnnx import geometry, layers
from cnnx.applications.application import Request, application
from cnnx.layers.value import Value
from cnnx.models import Model

__all__ = ["LeNet5"]


def _build(request: Request) -> Model:
    image = request.image(32, least=12, channels=1)
    x = layers.Conv2D(6, 5, activation="tanh", name="C1")(image)
    x = layers.AveragePooling2D(2, name="S2")(x)
    x = layers.Conv2D(16, 5, activation="tanh", name="C3")(x)
    x = layers.AveragePooling2D(2, name="S4")(x)

    def top(x: Value) -> Value:
        if geometry.is_open(x.shape):
            raise ValueError(
                f"LeNet5: input_shape={image.shape[1:]} leaves a size open, which its top needs; "
                "give (32, 32, 1), or include_top=False"
            )
        x = layers.Conv2D(120, x.shape[1:3], activation="tanh", name="C5")(x)
        x = layers.Flatten(name="flatten")(x)
        return request.predictions(layers.Dense(84, activation="tanh", name="F6")(x))

    return request.model(image, request.head(x, top))


LeNet5 = application(
    _build,
    "LeNet5",
    "Return LeNet-5 (LeCun et al. 1998), for digits of 32x32 pixels; give classes=10.",
)
