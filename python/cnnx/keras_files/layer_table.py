"""Which class of ours each class of Keras is, and what becomes of its arguments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from cnnx.layers import LAYERS, Layer
from cnnx.registry import argument_names

_ALIKE = (
    "Activation",
    "ActivityRegularization",
    "AdaptiveAveragePooling1D",
    "AdaptiveAveragePooling2D",
    "AdaptiveMaxPooling1D",
    "AdaptiveMaxPooling2D",
    "Add",
    "AutoContrast",
    "AlphaDropout",
    "Average",
    "AveragePooling1D",
    "AveragePooling2D",
    "CenterCrop",
    "Concatenate",
    "Conv1D",
    "Conv1DTranspose",
    "Conv2D",
    "Conv2DTranspose",
    "Cropping1D",
    "Cropping2D",
    "CutMix",
    "Dense",
    "Dot",
    "Dropout",
    "ELU",
    "Equalization",
    "Flatten",
    "GaussianDropout",
    "GaussianNoise",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GroupNormalization",
    "Identity",
    "LayerNormalization",
    "MaxPooling1D",
    "MaxPooling2D",
    "Maximum",
    "Minimum",
    "MixUp",
    "Multiply",
    "PReLU",
    "Permute",
    "RMSNormalization",
    "RandAugment",
    "RandomBrightness",
    "RandomColorDegeneration",
    "RandomColorJitter",
    "RandomContrast",
    "RandomCrop",
    "RandomErasing",
    "RandomFlip",
    "RandomGaussianBlur",
    "RandomGrayscale",
    "RandomHue",
    "RandomInvert",
    "RandomPerspective",
    "RandomPosterization",
    "RandomRotation",
    "RandomSaturation",
    "RandomSharpness",
    "RandomShear",
    "RandomTranslation",
    "RandomZoom",
    "ReLU",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "Resizing",
    "Softmax",
    "Solarization",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "Subtract",
    "UnitNormalization",
    "UpSampling1D",
    "UpSampling2D",
    "ZeroPadding1D",
    "ZeroPadding2D",
)
"""Classes that differ in nothing but arguments that both can do without."""
_CHANNEL_BY_CHANNEL = ("DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D")
_NORMALIZATION = {"fused", "renorm_clipping", "renorm_momentum", "virtual_batch_size"}
_SHARED_KERNEL = {"groups", "kernel_initializer", "kernel_regularizer", "kernel_constraint"}
INERT = {
    "autocast",
    "batch_input_shape",
    "batch_shape",
    "input_dtype",
    "input_shape",
    "name",
    "trainable",
}
"""Arguments of every layer that are read elsewhere, or that say nothing."""
TRAINING_ALONE = ("_regularizer", "_constraint")
"""How the names of arguments end that change nothing in a trained network."""


class Row(NamedTuple):
    """
    How a class is taken over.

    Attributes
    ----------
    name
        Of our class.
    renamed
        Our names of arguments that Keras calls something else.
    inert
        Arguments that say nothing about this class.
    trained
        Arguments that change nothing in a trained network, and the values that ours has.
    """

    name: str
    renamed: Mapping[str, str] = {}
    inert: frozenset[str] = frozenset()
    trained: Mapping[str, object] = {}

    @property
    def layer(self) -> type[Layer]:
        """Our class."""
        return LAYERS[self.name]


def _rows() -> dict[str, Row]:
    shared = frozenset(_SHARED_KERNEL)
    batch_normalization = Row("BatchNormalization", inert=frozenset(_NORMALIZATION))
    return {
        **{name: Row(name) for name in _ALIKE},
        **{name: Row(name, inert=shared) for name in _CHANNEL_BY_CHANNEL},
        "BatchNormalization": batch_normalization,
        "BatchNormalizationV1": batch_normalization,
        "BatchNormalizationV2": batch_normalization,
        "LeakyReLU": Row("LeakyReLU", {"alpha": "negative_slope"}),
        "ThresholdedReLU": Row("ReLU", {"theta": "threshold"}),
    }


ROWS = _rows()
"""By the class's name in Keras."""
TAKEN = {row.name: argument_names(row.layer)[0] for row in ROWS.values()}
"""Arguments of our classes."""
