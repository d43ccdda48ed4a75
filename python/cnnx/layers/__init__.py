"""The layers of a network."""

from cnnx.layers.activations import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
from cnnx.layers.augmentation import (
    RandomContrast,
    RandomFlip,
    RandomRotation,
    RandomTranslation,
    RandomZoom,
)
from cnnx.layers.convolution import Conv2D
from cnnx.layers.dense import Dense
from cnnx.layers.dropout import (
    Dropout,
    GaussianDropout,
    GaussianNoise,
    SpatialDropout1D,
    SpatialDropout2D,
)
from cnnx.layers.input_layer import Input, InputLayer
from cnnx.layers.layer import Layer
from cnnx.layers.normalization import BatchNormalization
from cnnx.layers.pooling import (
    AveragePooling2D,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    MaxPooling2D,
    SumPooling2D,
    WeightedAveragePooling2D,
)
from cnnx.layers.rescaling import Rescaling
from cnnx.layers.reshaping import Flatten, Reshape
from cnnx.layers.sample_normalization import GroupNormalization, LayerNormalization

__all__ = [
    "ELU",
    "Activation",
    "AveragePooling2D",
    "BatchNormalization",
    "Conv2D",
    "Dense",
    "Dropout",
    "Flatten",
    "GaussianDropout",
    "GaussianNoise",
    "GlobalAveragePooling2D",
    "GlobalMaxPooling2D",
    "GroupNormalization",
    "Input",
    "InputLayer",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "MaxPooling2D",
    "PReLU",
    "RandomContrast",
    "RandomFlip",
    "RandomRotation",
    "RandomTranslation",
    "RandomZoom",
    "ReLU",
    "Rescaling",
    "Reshape",
    "Softmax",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SumPooling2D",
    "WeightedAveragePooling2D",
]

LAYERS: dict[str, type[Layer]] = {
    cls.__name__: cls
    for cls in (
        Activation,
        AveragePooling2D,
        BatchNormalization,
        Conv2D,
        Dense,
        Dropout,
        ELU,
        Flatten,
        GaussianDropout,
        GaussianNoise,
        GlobalAveragePooling2D,
        GlobalMaxPooling2D,
        GroupNormalization,
        InputLayer,
        LayerNormalization,
        LeakyReLU,
        MaxPooling2D,
        PReLU,
        RandomContrast,
        RandomFlip,
        RandomRotation,
        RandomTranslation,
        RandomZoom,
        ReLU,
        Rescaling,
        Reshape,
        Softmax,
        SpatialDropout1D,
        SpatialDropout2D,
        SumPooling2D,
        WeightedAveragePooling2D,
    )
}
"""The closed table of classes that a model's config may name."""
