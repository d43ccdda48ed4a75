"""The layers of a network."""

from cnnx.layers.activations import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
from cnnx.layers.augmentation import (
    RandomContrast,
    RandomFlip,
    RandomRotation,
    RandomTranslation,
    RandomZoom,
)
from cnnx.layers.borders import Padding, Tile
from cnnx.layers.convolution import Conv1D, Conv2D
from cnnx.layers.dense import Dense
from cnnx.layers.depthwise import DepthwiseConv1D, DepthwiseConv2D
from cnnx.layers.dropout import (
    Dropout,
    GaussianDropout,
    GaussianNoise,
    SpatialDropout1D,
    SpatialDropout2D,
)
from cnnx.layers.elementwise import Affine, Clip, Elementary, Power
from cnnx.layers.input_layer import Input, InputLayer
from cnnx.layers.layer import Layer
from cnnx.layers.local_response import LocalResponseNormalization
from cnnx.layers.merging import (
    Add,
    Average,
    Concatenate,
    Divide,
    Maximum,
    Minimum,
    Multiply,
    Select,
    Subtract,
    add,
    concatenate,
)
from cnnx.layers.normalization import BatchNormalization
from cnnx.layers.padding import Cropping1D, Cropping2D, ZeroPadding1D, ZeroPadding2D
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
from cnnx.layers.preprocessing import Normalization, Resizing
from cnnx.layers.products import MatMul
from cnnx.layers.quantization import Quantization
from cnnx.layers.reduction import Reduction
from cnnx.layers.resampling import Resampling
from cnnx.layers.rescaling import Rescaling
from cnnx.layers.reshaping import Flatten, Identity, Permute, RepeatVector, Reshape
from cnnx.layers.sample_normalization import GroupNormalization, LayerNormalization
from cnnx.layers.selection import ArgMax, Take
from cnnx.layers.separable import SeparableConv1D, SeparableConv2D
from cnnx.layers.transposed import Conv1DTranspose, Conv2DTranspose
from cnnx.layers.upsampling import UpSampling1D, UpSampling2D

# Other names that Keras has for the same classes.
AvgPool1D, AvgPool2D = AveragePooling1D, AveragePooling2D
Convolution1D, Convolution2D = Conv1D, Conv2D
Convolution1DTranspose, Convolution2DTranspose = Conv1DTranspose, Conv2DTranspose
GlobalAvgPool1D, GlobalAvgPool2D = GlobalAveragePooling1D, GlobalAveragePooling2D
GlobalMaxPool1D, GlobalMaxPool2D = GlobalMaxPooling1D, GlobalMaxPooling2D
MaxPool1D, MaxPool2D = MaxPooling1D, MaxPooling2D
SeparableConvolution1D, SeparableConvolution2D = SeparableConv1D, SeparableConv2D

__all__ = [
    "ELU",
    "Activation",
    "Add",
    "Affine",
    "ArgMax",
    "Average",
    "AveragePooling1D",
    "AveragePooling2D",
    "AvgPool1D",
    "AvgPool2D",
    "BatchNormalization",
    "Clip",
    "Concatenate",
    "Conv1D",
    "Conv1DTranspose",
    "Conv2D",
    "Conv2DTranspose",
    "Convolution1D",
    "Convolution1DTranspose",
    "Convolution2D",
    "Convolution2DTranspose",
    "Cropping1D",
    "Cropping2D",
    "Dense",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "Divide",
    "Dropout",
    "Elementary",
    "Flatten",
    "GaussianDropout",
    "GaussianNoise",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAvgPool1D",
    "GlobalAvgPool2D",
    "GlobalMaxPool1D",
    "GlobalMaxPool2D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GroupNormalization",
    "Identity",
    "Input",
    "InputLayer",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "LocalResponseNormalization",
    "MatMul",
    "MaxPool1D",
    "MaxPool2D",
    "MaxPooling1D",
    "MaxPooling2D",
    "Maximum",
    "Minimum",
    "Multiply",
    "Normalization",
    "PReLU",
    "Padding",
    "Permute",
    "Power",
    "Quantization",
    "RandomContrast",
    "RandomFlip",
    "RandomRotation",
    "RandomTranslation",
    "RandomZoom",
    "ReLU",
    "Reduction",
    "RepeatVector",
    "Resampling",
    "Rescaling",
    "Reshape",
    "Resizing",
    "Select",
    "SeparableConv1D",
    "SeparableConv2D",
    "SeparableConvolution1D",
    "SeparableConvolution2D",
    "Softmax",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "Subtract",
    "SumPooling2D",
    "Take",
    "Tile",
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
        Affine,
        ArgMax,
        Average,
        AveragePooling2D,
        BatchNormalization,
        Concatenate,
        Conv2D,
        Cropping1D,
        Cropping2D,
        AveragePooling1D,
        Conv1D,
        Conv1DTranspose,
        Conv2DTranspose,
        Dense,
        DepthwiseConv1D,
        DepthwiseConv2D,
        Dropout,
        ELU,
        Flatten,
        GaussianDropout,
        GaussianNoise,
        GlobalAveragePooling1D,
        GlobalAveragePooling2D,
        GlobalMaxPooling1D,
        GlobalMaxPooling2D,
        GroupNormalization,
        Identity,
        InputLayer,
        LayerNormalization,
        LeakyReLU,
        MaxPooling1D,
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
        SeparableConv1D,
        SeparableConv2D,
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
        Clip,
        Divide,
        Select,
        Elementary,
        LocalResponseNormalization,
        MatMul,
        Normalization,
        Resizing,
        Padding,
        Power,
        Quantization,
        Reduction,
        Resampling,
        Take,
        Tile,
    )
}
"""The closed table of classes that a model's config may name."""
