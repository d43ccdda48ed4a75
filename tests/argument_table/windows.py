"""Convolution and pooling layers, each constructed and used once."""

from __future__ import annotations

from typing import Any

from agreement import normal
from argument_table.kinds import (
    CHOICE,
    COUNT,
    ENDS,
    PADDING,
    PAIR,
    SHAPE,
    STEP,
    Entry,
    Kind,
    less,
    values,
)
from argument_table.layer_entry import layer
from cnnx import layers

SEQUENCE = normal(21, 2, 6, 2)
WINDOWS: dict[str, Any] = {"pool_size": 2, "strides": 2, "padding": "valid", "data_format": None}
STEPS: dict[str, Kind] = {
    **dict.fromkeys(["kernel_size", "strides", "dilation_rate", "pool_size"], STEP),
    "padding": ENDS,
}
POOLING_OF_STEPS = STEPS | {"padding": ENDS | values("full", "causal", 2)}
KERNEL: dict[str, Any] = {
    "kernel_size": 3,
    "strides": 1,
    "padding": "valid",
    "data_format": None,
    "dilation_rate": 1,
    "activation": "relu",
    "use_bias": True,
    "bias_initializer": "zeros",
}
DEPTHWISE: dict[str, Any] = KERNEL | {
    "depth_multiplier": 2,
    "depthwise_initializer": "glorot_uniform",
    "depthwise_regularizer": "l1",
    "depthwise_constraint": "unit_norm",
}
SEPARABLE: dict[str, Any] = DEPTHWISE | {
    "filters": 4,
    "pointwise_initializer": "ones",
    "pointwise_regularizer": "l2",
    "pointwise_constraint": "max_norm",
}
TRANSPOSED: dict[str, Any] = KERNEL | {
    "filters": 4,
    "strides": 2,
    "output_padding": 1,
    "kernel_initializer": "glorot_uniform",
    "groups": 2,
}
ADDED = values(2)  # as many as the strides
GROUPS = COUNT | values(3)
POOLING = {"padding": PADDING | values("full", 2), "strides": {**PAIR}}
WINDOW_LAYERS: dict[str, Entry] = {
    "AveragePooling2D": layer(layers.AveragePooling2D, POOLING, **WINDOWS),
    "Conv1D": layer(
        layers.Conv1D,
        STEPS | {"bias": CHOICE, "groups": GROUPS},
        **KERNEL,
        x=SEQUENCE,
        filters=4,
        groups=2,
        kernel_initializer="glorot_uniform",
        operation="correlation",
        bias="tied",
        bias_operation="add",
    ),
    "Conv1DTranspose": layer(
        layers.Conv1DTranspose,
        STEPS | {"groups": GROUPS, "output_padding": less(STEP, "0") | ADDED},
        x=SEQUENCE,
        **TRANSPOSED,
    ),
    "Conv2DTranspose": layer(
        layers.Conv2DTranspose,
        {"groups": GROUPS, "output_padding": less(PAIR, "0") | ADDED},
        **TRANSPOSED,
    ),
    "DepthwiseConv1D": layer(layers.DepthwiseConv1D, STEPS, x=SEQUENCE, **DEPTHWISE),
    "DepthwiseConv2D": layer(layers.DepthwiseConv2D, **DEPTHWISE),
    "SeparableConv1D": layer(layers.SeparableConv1D, STEPS, x=SEQUENCE, **SEPARABLE),
    "SeparableConv2D": layer(layers.SeparableConv2D, **SEPARABLE),
    "AdaptiveAveragePooling1D": layer(
        layers.AdaptiveAveragePooling1D,
        {"output_size": STEP},
        x=SEQUENCE,
        output_size=4,
        data_format=None,
    ),
    "AdaptiveAveragePooling2D": layer(
        layers.AdaptiveAveragePooling2D, {"output_size": PAIR}, output_size=4, data_format=None
    ),
    "AdaptiveMaxPooling1D": layer(
        layers.AdaptiveMaxPooling1D,
        {"output_size": STEP},
        x=SEQUENCE,
        output_size=4,
        data_format=None,
    ),
    "AdaptiveMaxPooling2D": layer(
        layers.AdaptiveMaxPooling2D, {"output_size": PAIR}, output_size=(4, 5), data_format=None
    ),
    "AveragePooling1D": layer(layers.AveragePooling1D, POOLING_OF_STEPS, x=SEQUENCE, **WINDOWS),
    "MaxPooling1D": layer(layers.MaxPooling1D, POOLING_OF_STEPS, x=SEQUENCE, **WINDOWS),
    "GlobalAveragePooling1D": layer(
        layers.GlobalAveragePooling1D, x=SEQUENCE, data_format=None, keepdims=False
    ),
    "GlobalMaxPooling1D": layer(
        layers.GlobalMaxPooling1D, x=SEQUENCE, data_format=None, keepdims=False
    ),
    "Conv2D": layer(
        layers.Conv2D,
        {
            "bias": CHOICE,
            "groups": COUNT | values(3),
            "input_shape": {k: f for k, f in SHAPE.items() if k != "None"},
        },
        filters=4,
        kernel_size=3,
        strides=1,
        padding="valid",
        data_format=None,
        dilation_rate=1,
        groups=2,
        activation="relu",
        use_bias=True,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        operation="correlation",
        bias="tied",
        bias_operation="add",
        name="c",
        input_shape=(6, 6, 2),
    ),
    "GlobalAveragePooling2D": layer(
        layers.GlobalAveragePooling2D, data_format=None, keepdims=False
    ),
    "GlobalMaxPooling2D": layer(layers.GlobalMaxPooling2D, data_format=None, keepdims=False),
    "MaxPooling2D": layer(layers.MaxPooling2D, POOLING, **WINDOWS),
    "SumPooling2D": layer(layers.SumPooling2D, POOLING, **WINDOWS),
    "WeightedAveragePooling2D": layer(
        layers.WeightedAveragePooling2D, POOLING, **WINDOWS, scale_initializer="ones"
    ),
}
