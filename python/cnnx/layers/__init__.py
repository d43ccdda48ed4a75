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
from cnnx.layers.merging import (
    Add,
    Average,
    Concatenate,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
    add,
    concatenate,
)
from cnnx.layers.normalization import BatchNormalization
from cnnx.layers.padding import Cropping1D, Cropping2D, ZeroPadding1D, ZeroPadding2D
from cnnx.layers.pooling import (
    AveragePooling2D,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    MaxPooling2D,
    SumPooling2D,
    WeightedAveragePooling2D,
)
from cnnx.layers.rescaling import Rescaling
from cnnx.layers.reshaping import Flatten, Identity, Permute, RepeatVector, Reshape
from cnnx.layers.sample_normalization import GroupNormalization, LayerNormalization
from cnnx.layers.upsampling import UpSampling1D, UpSampling2D

__all__ = [
    "ELU",
    "Activation",
    "Add",
    "Average",
    "AveragePooling2D",
    "BatchNormalization",
    "Concatenate",
    "Conv2D",
    "Cropping1D",
    "Cropping2D",
    "Dense",
    "Dropout",
    "Flatten",
    "GaussianDropout",
    "GaussianNoise",
    "GlobalAveragePooling2D",
    "GlobalMaxPooling2D",
    "GroupNormalization",
    "Identity",
    "Input",
    "InputLayer",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "MaxPooling2D",
    "Maximum",
    "Minimum",
    "Multiply",
    "PReLU",
    "Permute",
    "RandomContrast",
    "RandomFlip",
    "RandomRotation",
    "RandomTranslation",
    "RandomZoom",
    "ReLU",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "Softmax",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "Subtract",
    "SumPooling2D",
    "UpSampling1D",
    "UpSampling2D",
    "WeightedAveragePooling2D",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "add",
    "concatenate",
]

LAYERS: dict[str, type[Layer]] = {
    cls.__name__: cls
    for cls in (
        Activation,
        Add,
        Average,
        AveragePooling2D,
        BatchNormalization,
        Concatenate,
        Conv2D,
        Cropping1D,
        Cropping2D,
        Dense,
        Dropout,
        ELU,
        Flatten,
        GaussianDropout,
        GaussianNoise,
        GlobalAveragePooling2D,
        GlobalMaxPooling2D,
        GroupNormalization,
        Identity,
        InputLayer,
        LayerNormalization,
        LeakyReLU,
        MaxPooling2D,
        Maximum,
        Minimum,
        Multiply,
        Permute,
        PReLU,
        RandomContrast,
        RandomFlip,
        RandomRotation,
        RandomTranslation,
        RandomZoom,
        ReLU,
        RepeatVector,
        Rescaling,
        Reshape,
        Softmax,
        Subtract,
        SpatialDropout1D,
        SpatialDropout2D,
        SumPooling2D,
        UpSampling1D,
        UpSampling2D,
        WeightedAveragePooling2D,
        ZeroPadding1D,
        ZeroPadding2D,
    )
}
"""The closed table of classes that a model's config may name."""
