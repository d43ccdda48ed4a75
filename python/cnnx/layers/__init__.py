"""The layers of a network."""

from cnnx.layers.activations import Activation, ReLU, Softmax
from cnnx.layers.augmentation import (
    RandomContrast,
    RandomFlip,
    RandomRotation,
    RandomTranslation,
    RandomZoom,
)
from cnnx.layers.convolution import Conv1D, Conv2D
from cnnx.layers.dense import Dense
from cnnx.layers.depthwise import DepthwiseConv1D, DepthwiseConv2D
from cnnx.layers.dropout import Dropout, GaussianDropout
from cnnx.layers.input_layer import Input, InputLayer
from cnnx.layers.layer import Layer
from cnnx.layers.normalization import BatchNormalization
from cnnx.layers.pooling import (
    AveragePooling1D,
    AveragePooling2D,
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    MaxPooling1D,
    MaxPooling2D,
    SumPooling2D,
    WeightedAveragePooling2D,
)
from cnnx.layers.rescaling import Rescaling
from cnnx.layers.reshaping import Flatten, Reshape
from cnnx.layers.separable import SeparableConv1D, SeparableConv2D
from cnnx.layers.transposed import Conv1DTranspose, Conv2DTranspose

# Other names that Keras has for the same classes.
AvgPool1D, AvgPool2D = AveragePooling1D, AveragePooling2D
Convolution1D, Convolution2D = Conv1D, Conv2D
Convolution1DTranspose, Convolution2DTranspose = Conv1DTranspose, Conv2DTranspose
GlobalAvgPool1D, GlobalAvgPool2D = GlobalAveragePooling1D, GlobalAveragePooling2D
GlobalMaxPool1D, GlobalMaxPool2D = GlobalMaxPooling1D, GlobalMaxPooling2D
MaxPool1D, MaxPool2D = MaxPooling1D, MaxPooling2D
SeparableConvolution1D, SeparableConvolution2D = SeparableConv1D, SeparableConv2D

__all__ = [
    "Activation",
    "AveragePooling1D",
    "AveragePooling2D",
    "AvgPool1D",
    "AvgPool2D",
    "BatchNormalization",
    "Conv1D",
    "Conv1DTranspose",
    "Conv2D",
    "Conv2DTranspose",
    "Convolution1D",
    "Convolution1DTranspose",
    "Convolution2D",
    "Convolution2DTranspose",
    "Dense",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "Dropout",
    "Flatten",
    "GaussianDropout",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAvgPool1D",
    "GlobalAvgPool2D",
    "GlobalMaxPool1D",
    "GlobalMaxPool2D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "Input",
    "InputLayer",
    "Layer",
    "MaxPool1D",
    "MaxPool2D",
    "MaxPooling1D",
    "MaxPooling2D",
    "RandomContrast",
    "RandomFlip",
    "RandomRotation",
    "RandomTranslation",
    "RandomZoom",
    "ReLU",
    "Rescaling",
    "Reshape",
    "SeparableConv1D",
    "SeparableConv2D",
    "SeparableConvolution1D",
    "SeparableConvolution2D",
    "Softmax",
    "SumPooling2D",
    "WeightedAveragePooling2D",
]

LAYERS: dict[str, type[Layer]] = {
    cls.__name__: cls
    for cls in (
        Activation,
        AveragePooling1D,
        AveragePooling2D,
        BatchNormalization,
        Conv1D,
        Conv1DTranspose,
        Conv2D,
        Conv2DTranspose,
        Dense,
        DepthwiseConv1D,
        DepthwiseConv2D,
        Dropout,
        Flatten,
        GaussianDropout,
        GlobalAveragePooling1D,
        GlobalAveragePooling2D,
        GlobalMaxPooling1D,
        GlobalMaxPooling2D,
        InputLayer,
        MaxPooling1D,
        MaxPooling2D,
        RandomContrast,
        RandomFlip,
        RandomRotation,
        RandomTranslation,
        RandomZoom,
        ReLU,
        Rescaling,
        Reshape,
        SeparableConv1D,
        SeparableConv2D,
        Softmax,
        SumPooling2D,
        WeightedAveragePooling2D,
    )
}
"""The closed table of classes that a model's config may name."""
