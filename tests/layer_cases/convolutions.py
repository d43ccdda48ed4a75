"""Convolutions of all kinds, and dense layers: cases for `layer_test.py`."""

from __future__ import annotations

import numpy as np

import reference
from cnnx import layers
from layer_cases.case import Case, of_sequences

CASES = {
    "conv2d": Case(
        layers.Conv2D,
        {"filters": 4, "kernel_size": 3},
        (5, 6, 2),
        lambda x, w, b: reference.conv2d_forward(x, w, b, (3, 4)),
    ),
    "conv2d same, strides, tanh": Case(
        layers.Conv2D,
        {
            "filters": 3,
            "kernel_size": (3, 2),
            "strides": (2, 1),
            "padding": "same",
            "activation": "tanh",
        },
        (5, 4, 2),
        lambda x, w, b: np.tanh(reference.conv2d_forward(x, w, b, (3, 4), (2, 1), (1, 0))),
    ),
    "conv2d groups, dilation, uneven padding, no bias": Case(
        layers.Conv2D,
        {
            "filters": 6,
            "kernel_size": 2,
            "padding": ((1, 0), (0, 2)),
            "dilation_rate": (1, 2),
            "groups": 3,
            "use_bias": False,
        },
        (4, 4, 3),
        lambda x, w: reference.conv2d_forward(x, w, None, (4, 4), (1, 1), (1, 0), (1, 2), 3),
    ),
    "conv2d convolution, full, dilation": Case(
        layers.Conv2D,
        {
            "filters": 4,
            "kernel_size": (3, 2),
            "strides": (2, 1),
            "padding": "FULL",
            "dilation_rate": (1, 2),
            "groups": 2,
            "operation": "convolution",
        },
        (5, 4, 2),
        lambda x, w, b: reference.conv2d_forward(
            x, w, b, (4, 6), (2, 1), (2, 2), (1, 2), 2, rotated=True
        ),
    ),
    "conv2d untied bias": Case(
        layers.Conv2D,
        {"filters": 3, "kernel_size": 2, "bias": "untied", "activation": "sigmoid"},
        (4, 5, 2),
        lambda x, w, b: reference.sigmoid_forward(reference.conv2d_forward(x, w, None, (3, 4)) + b),
    ),
    "conv2d bias multiplies": Case(
        layers.Conv2D,
        {"filters": 3, "kernel_size": 2, "bias_operation": "multiply"},
        (4, 5, 2),
        lambda x, w, b: reference.conv2d_forward(x, w, None, (3, 4)) * b,
    ),
    "conv2d untied bias multiplies, tanh": Case(
        layers.Conv2D,
        {
            "filters": 3,
            "kernel_size": 2,
            "bias": "untied",
            "bias_operation": "multiply",
            "activation": "tanh",
        },
        (3, 3, 2),
        lambda x, w, b: np.tanh(reference.conv2d_forward(x, w, None, (2, 2)) * b),
    ),
    "conv1d": Case(
        layers.Conv1D,
        {"filters": 4, "kernel_size": 3},
        (7, 2),
        lambda x, w, b: of_sequences(reference.conv2d_forward, x, w, b, (1, 5)),
    ),
    "conv1d causal, dilation, strides, groups, tanh": Case(
        layers.Conv1D,
        {
            "filters": 4,
            "kernel_size": (3,),
            "strides": 2,
            "padding": "causal",
            "dilation_rate": 2,
            "groups": 2,
            "activation": "tanh",
        },
        (7, 2),
        lambda x, w, b: np.tanh(
            of_sequences(reference.conv2d_forward, x, w, b, (1, 4), (1, 2), (0, 4), (1, 2), 2)
        ),
    ),
    "conv1d convolution, full, untied bias multiplies": Case(
        layers.Conv1D,
        {
            "filters": 2,
            "kernel_size": 3,
            "padding": "full",
            "operation": "convolution",
            "bias": "untied",
            "bias_operation": "multiply",
        },
        (5, 2),
        lambda x, w, b: (
            of_sequences(
                reference.conv2d_forward, x, w, None, (1, 7), (1, 1), (0, 2), (1, 1), 1, True
            )
            * b
        ),
    ),
    "depthwise conv2d": Case(
        layers.DepthwiseConv2D,
        {"kernel_size": 3},
        (5, 6, 3),
        lambda x, w, b: reference.depthwise2d_forward(x, w, b, (3, 4)),
    ),
    "depthwise conv2d same, strides, multiplier, sigmoid": Case(
        layers.DepthwiseConv2D,
        {
            "kernel_size": (3, 2),
            "strides": (2, 1),
            "padding": "same",
            "depth_multiplier": 3,
            "activation": "sigmoid",
        },
        (5, 4, 2),
        lambda x, w, b: reference.sigmoid_forward(
            reference.depthwise2d_forward(x, w, b, (3, 4), (2, 1), (1, 0))
        ),
    ),
    "depthwise conv2d uneven padding, dilation, no bias": Case(
        layers.DepthwiseConv2D,
        {
            "kernel_size": 2,
            "padding": ((1, 0), (0, 2)),
            "dilation_rate": (1, 2),
            "use_bias": False,
        },
        (4, 4, 3),
        lambda x, w: reference.depthwise2d_forward(x, w, None, (4, 4), (1, 1), (1, 0), (1, 2)),
    ),
    "depthwise conv1d causal, multiplier": Case(
        layers.DepthwiseConv1D,
        {"kernel_size": 3, "padding": "causal", "depth_multiplier": 2, "activation": "elu"},
        (5, 3),
        lambda x, w, b: reference.elu_forward(
            of_sequences(reference.depthwise2d_forward, x, w, b, (1, 5), (1, 1), (0, 2))
        ),
    ),
    "separable conv2d": Case(
        layers.SeparableConv2D,
        {"filters": 4, "kernel_size": 3},
        (5, 6, 2),
        lambda x, d, p, b: reference.separable2d_forward(x, d, p, b, (3, 4)),
    ),
    "separable conv2d same, strides, multiplier, tanh, no bias": Case(
        layers.SeparableConv2D,
        {
            "filters": 3,
            "kernel_size": (2, 3),
            "strides": 2,
            "padding": "same",
            "depth_multiplier": 2,
            "activation": "tanh",
            "use_bias": False,
        },
        (5, 4, 2),
        lambda x, d, p: np.tanh(
            reference.separable2d_forward(x, d, p, None, (3, 2), (2, 2), (0, 0))
        ),
    ),
    "separable conv1d, dilation": Case(
        layers.SeparableConv1D,
        {"filters": 3, "kernel_size": 2, "padding": (2, 1), "dilation_rate": 3},
        (4, 2),
        lambda x, d, p, b: of_sequences(
            reference.separable2d_forward, x, d, p, b, (1, 4), (1, 1), (0, 2), (1, 3)
        ),
    ),
    "conv2d transpose": Case(
        layers.Conv2DTranspose,
        {"filters": 3, "kernel_size": 3},
        (3, 4, 2),
        lambda x, w, b: reference.conv2d_transpose_forward(x, w, b, (5, 6)),
    ),
    "conv2d transpose same, strides, tanh": Case(
        layers.Conv2DTranspose,
        {
            "filters": 2,
            "kernel_size": (3, 2),
            "strides": (2, 3),
            "padding": "same",
            "activation": "tanh",
        },
        (3, 2, 3),
        lambda x, w, b: np.tanh(
            reference.conv2d_transpose_forward(x, w, b, (6, 6), (2, 3), (0, 0))
        ),
    ),
    "conv2d transpose same, large kernel, output padding, no bias": Case(
        layers.Conv2DTranspose,
        {
            "filters": 2,
            "kernel_size": (5, 4),
            "strides": 2,
            "padding": "same",
            "output_padding": (0, 1),
            "use_bias": False,
        },
        (3, 3, 2),
        lambda x, w: reference.conv2d_transpose_forward(x, w, None, (5, 5), (2, 2), (2, 1)),
    ),
    "conv2d transpose uneven padding, dilation, groups": Case(
        layers.Conv2DTranspose,
        {
            "filters": 4,
            "kernel_size": 2,
            "padding": ((1, 0), (0, 2)),
            "dilation_rate": (2, 3),
            "groups": 2,
        },
        (4, 3, 6),
        lambda x, w, b: reference.conv2d_transpose_forward(
            x, w, b, (5, 4), (1, 1), (1, 0), (2, 3), 2
        ),
    ),
    "conv1d transpose, strides beyond the kernel": Case(
        layers.Conv1DTranspose,
        {"filters": 2, "kernel_size": 2, "strides": 3},
        (4, 3),
        lambda x, w, b: of_sequences(
            reference.conv2d_transpose_forward, x, w, b, (1, 12), (1, 3), (0, 0)
        ),
    ),
    "dense": Case(layers.Dense, {"units": 3}, (5,), lambda x, w, b: x @ w + b),
    "dense softmax": Case(
        layers.Dense,
        {"units": 3, "activation": "softmax"},
        (5,),
        lambda x, w, b: reference.softmax_forward(x @ w + b),
    ),
    "dense on images, no bias": Case(
        layers.Dense,
        {"units": 3, "use_bias": False, "activation": "sigmoid"},
        (2, 2, 4),
        lambda x, w: reference.sigmoid_forward(x @ w),
    ),
    "dense silu, of its input": Case(
        layers.Dense,
        {"units": 4, "activation": "swish"},
        (5,),
        lambda x, w, b: reference.silu_forward(x @ w + b),
    ),
    "conv2d gelu": Case(
        layers.Conv2D,
        {"filters": 3, "kernel_size": 2, "activation": "gelu"},
        (3, 4, 2),
        lambda x, w, b: reference.gelu_forward(reference.conv2d_forward(x, w, b, (2, 3))),
    ),
    "dense elu": Case(
        layers.Dense,
        {"units": 4, "activation": "elu"},
        (5,),
        lambda x, w, b: reference.elu_forward(x @ w + b),
    ),
}
