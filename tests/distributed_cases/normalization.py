"""Statistics of batches that ranks share."""

from __future__ import annotations

from typing import Any

import numpy as np

import cnnx
from cnnx import callbacks, layers
from cnnx.distributed import Group
from distributed_cases.case import case, draw, fit


def normalized(group: Group, **options: Any) -> Any:
    """Return a network with a shortcut and normalisation, as those of ResNet."""
    cnnx.utils.set_random_seed(3 + group.rank)
    image = cnnx.Input((8, 8, 3))
    x = layers.Conv2D(6, 3, padding="same", use_bias=False)(image)
    x = layers.ReLU()(layers.BatchNormalization(synchronized=True, momentum=0.8)(x))
    y = layers.Conv2D(6, 3, padding="same", use_bias=False)(x)
    y = layers.BatchNormalization(synchronized=True, momentum=0.8, **options)(y)
    y = layers.MaxPooling2D()(layers.ReLU()(x + y))
    y = layers.Dense(4, activation="softmax")(layers.GlobalAveragePooling2D()(y))
    model = cnnx.Model(image, y)
    model.compile(cnnx.optimizers.Momentum(0.05), "sparse_categorical_crossentropy", ["accuracy"])
    return model


@case
def synchronized_normalization(group: Group) -> dict[str, Any]:
    x, y = 2 + draw(101, 8, 8, 3), np.arange(101) % 4
    return fit(group, normalized(group), x, y, epochs=13, validation_split=0.2)


@case
def synchronized_normalization_without_scale_and_samples(group: Group) -> dict[str, Any]:
    x, y = draw(49, 8, 8, 3), np.arange(49) % 4
    return fit(group, normalized(group, scale=False, center=False), x, y)


@case
def resnet20(group: Group) -> dict[str, Any]:
    """
    Take 52 steps with the network of He et al. (2016), a quarter as wide.

    At a rate of .02 a last bit of one weight changes the losses by a hundredth in 52 steps, and at
    any rate where it moves an element over the bend of a ReLU; so the network has SiLU here.
    """

    def convolution(x: Any, filters: int, strides: int = 1, size: int = 3) -> Any:
        x = layers.Conv2D(filters, size, strides, padding="same", use_bias=False)(x)
        return layers.BatchNormalization(synchronized=True, momentum=0.9)(x)

    cnnx.utils.set_random_seed(4 + group.rank)
    image = cnnx.Input((16, 16, 3))
    x = layers.Activation("silu")(convolution(image, 4))
    for filters in (4, 8, 16):
        for index in range(3):
            strides = 2 if filters > 4 and index == 0 else 1
            y = layers.Activation("silu")(convolution(x, filters, strides))
            shortcut = convolution(x, filters, strides, 1) if strides == 2 else x
            x = layers.Activation("silu")(convolution(y, filters) + shortcut)
    x = layers.Dense(10, activation="softmax")(layers.GlobalAveragePooling2D()(x))
    model = cnnx.Model(image, x)
    model.compile(cnnx.optimizers.Momentum(0.001), "sparse_categorical_crossentropy", ["accuracy"])
    x, y = draw(96, 16, 16, 3), np.arange(96) % 10
    per_batch = callbacks.History(per_batch=True)
    return fit(group, model, x, y, epochs=13, callbacks=[per_batch])


@case
def own_statistics_are_averaged(group: Group) -> dict[str, Any]:
    """Let all ranks have the same samples: their own statistics are then the joint ones."""
    x, y = np.repeat(draw(12, 8, 8, 3), 12, 0), np.repeat(np.arange(12) % 4, 12)
    cnnx.utils.set_random_seed(3 + group.rank)
    model = cnnx.Sequential(
        [
            cnnx.Input((8, 8, 3)),
            layers.Conv2D(6, 3),
            layers.BatchNormalization(momentum=0.7),
            layers.Flatten(),
            layers.Dense(4, activation="softmax"),
        ]
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    return fit(group, model, x, y, batch_size=12 // group.size, shuffle=False)
