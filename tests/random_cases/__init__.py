"""
Random layers and losses, for comparing them with PyTorch or the oracle; error bounds for each.

A case draws its configuration and its numbers from one generator. It says how the library computes
its results (`by_cnnx`), how PyTorch and the oracle do in float64, and how far a float32 result may
be from theirs (`bounds`). Results are the output, then the gradients of the arrays.
"""

from __future__ import annotations

import numpy as np

from random_cases.activations import (
    ExponentialLinear,
    Gated,
    LeakyRectifier,
    LearnedSlopes,
    LogSoftmax,
    Rectifier,
)
from random_cases.arrangement import (
    Add,
    Average,
    Concatenate,
    Cropping2D,
    Maximum,
    Minimum,
    Multiply,
    Permute,
    RepeatVector,
    Subtract,
    ZeroPadding2D,
)
from random_cases.case import Case
from random_cases.convolutions import (
    Convolution,
    Depthwise,
    DepthwiseConvolution,
    SeparableConvolution,
    TransposedConvolution,
    Winograd,
)
from random_cases.losses import (
    AbsoluteError,
    Binary,
    BinaryFromLogits,
    Categorical,
    CategoricalFromLogits,
    Cosine,
    HalfSquaredError,
    Hinge,
    Loss,
    Sparse,
    SparseFromLogits,
    SquaredError,
)
from random_cases.normalization import (
    GroupNormalization,
    LayerNormalization,
    RMSNormalization,
    UnitNormalization,
)
from random_cases.numpy_layers import (
    Affine,
    Clip,
    Divide,
    Dot,
    Elementary,
    LocalResponse,
    MatMul,
    Normalization,
    Power,
    Quantization,
    Reduction,
    Resampling,
    Resizing,
    Select,
)
from random_cases.pooling import (
    AdaptiveAveragePooling,
    AdaptiveMaxPooling,
    AveragePooling,
    GlobalAveragePooling,
    GlobalMaxPooling,
    MaxPooling,
    SumPooling,
    WeightedPooling,
)
from random_cases.rows import (
    Activation,
    AlphaDropout,
    BatchNormalization,
    BatchNormalizationInUse,
    Dense,
    Dropout,
    GaussianNoise,
    Rescaling,
    Softmax,
    SpatialDropout1D,
    SpatialDropout2D,
)
from random_cases.sequences import (
    AdaptiveAveragePooling1D,
    AdaptiveMaxPooling1D,
    AveragePooling1D,
    Convolution1D,
    DepthwiseConvolution1D,
    GlobalAveragePooling1D,
    GlobalMaxPooling1D,
    MaxPooling1D,
    SeparableConvolution1D,
    TransposedConvolution1D,
)
from random_cases.upsampling import UpSampling1D, UpSampling2D

__all__ = ["FAMILIES", "Case", "Loss", "random_case"]

FAMILIES: dict[str, type[Case]] = {
    "Conv2D": Convolution,
    "Conv2D, depthwise": Depthwise,
    "Conv2D, Winograd": Winograd,
    "Conv1D": Convolution1D,
    "DepthwiseConv2D": DepthwiseConvolution,
    "DepthwiseConv1D": DepthwiseConvolution1D,
    "SeparableConv2D": SeparableConvolution,
    "SeparableConv1D": SeparableConvolution1D,
    "Conv2DTranspose": TransposedConvolution,
    "Conv1DTranspose": TransposedConvolution1D,
    "Dense": Dense,
    "MaxPooling2D": MaxPooling,
    "AveragePooling2D": AveragePooling,
    "MaxPooling1D": MaxPooling1D,
    "AveragePooling1D": AveragePooling1D,
    "SumPooling2D": SumPooling,
    "WeightedAveragePooling2D": WeightedPooling,
    "GlobalMaxPooling2D": GlobalMaxPooling,
    "GlobalAveragePooling2D": GlobalAveragePooling,
    "GlobalMaxPooling1D": GlobalMaxPooling1D,
    "GlobalAveragePooling1D": GlobalAveragePooling1D,
    "AdaptiveMaxPooling2D": AdaptiveMaxPooling,
    "AdaptiveAveragePooling2D": AdaptiveAveragePooling,
    "AdaptiveMaxPooling1D": AdaptiveMaxPooling1D,
    "AdaptiveAveragePooling1D": AdaptiveAveragePooling1D,
    "BatchNormalization": BatchNormalization,
    "BatchNormalization, frozen": BatchNormalizationInUse,
    "LayerNormalization": LayerNormalization,
    "RMSNormalization": RMSNormalization,
    "UnitNormalization": UnitNormalization,
    "GroupNormalization": GroupNormalization,
    "Activation": Activation,
    "Activation, gated": Gated,
    "Activation, log_softmax": LogSoftmax,
    "ReLU, pieces": Rectifier,
    "LeakyReLU": LeakyRectifier,
    "ELU": ExponentialLinear,
    "PReLU": LearnedSlopes,
    "Softmax": Softmax,
    "UpSampling1D": UpSampling1D,
    "UpSampling2D": UpSampling2D,
    "ZeroPadding2D": ZeroPadding2D,
    "Cropping2D": Cropping2D,
    "Permute": Permute,
    "RepeatVector": RepeatVector,
    "Add": Add,
    "Subtract": Subtract,
    "Multiply": Multiply,
    "Average": Average,
    "Maximum": Maximum,
    "Minimum": Minimum,
    "Concatenate": Concatenate,
    "AlphaDropout": AlphaDropout,
    "Dropout": Dropout,
    "SpatialDropout1D": SpatialDropout1D,
    "SpatialDropout2D": SpatialDropout2D,
    "GaussianNoise": GaussianNoise,
    "Rescaling": Rescaling,
    "Affine": Affine,
    "Clip": Clip,
    "Divide": Divide,
    "Elementary": Elementary,
    "LocalResponseNormalization": LocalResponse,
    "Dot": Dot,
    "MatMul": MatMul,
    "Normalization": Normalization,
    "Power": Power,
    "Quantization": Quantization,
    "Reduction": Reduction,
    "Resampling": Resampling,
    "Resizing": Resizing,
    "Select": Select,
    "MeanSquaredError": SquaredError,
    "HalfSquaredError": HalfSquaredError,
    "MeanAbsoluteError": AbsoluteError,
    "CosineSimilarity": Cosine,
    "CategoricalHinge": Hinge,
    "CategoricalCrossentropy": Categorical,
    "CategoricalCrossentropy, logits": CategoricalFromLogits,
    "SparseCategoricalCrossentropy": Sparse,
    "SparseCategoricalCrossentropy, logits": SparseFromLogits,
    "BinaryCrossentropy": Binary,
    "BinaryCrossentropy, logits": BinaryFromLogits,
}


def random_case(family: str, number: int) -> Case:
    """Return case `number`, always the same; half are of whole numbers, each 25th is large."""
    chance = np.random.default_rng([number, *family.encode()])
    return FAMILIES[family](chance, whole=number % 2 == 1, large=number % 25 == 24)
