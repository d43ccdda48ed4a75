"""
The operations on arrays, checked: functions of arrays that return new arrays.

Layers use the same core on buffers of their own; these are for experiments and tests. Arrays may
have any real dtype and layout and are never written to; results are float32. Images are (batch,
height, width, channels), convolution kernels (height, width, channels / groups, filters).
"""

from cnnx.ops.activation import (
    arctan,
    arctan_backward,
    relu,
    relu_backward,
    sigmoid,
    sigmoid_backward,
    softmax,
    softmax_backward,
    tanh,
    tanh_backward,
)
from cnnx.ops.convolution import conv2d, conv2d_backward, im2col
from cnnx.ops.correlation import conv_matrix, convolve2d, correlate2d
from cnnx.ops.linear import dense, dense_backward, matmul
from cnnx.ops.normalization import batch_norm, batch_norm_backward, batch_norm_inference
from cnnx.ops.pooling import (
    avg_pool2d,
    avg_pool2d_backward,
    max_pool2d,
    max_pool2d_backward,
    sum_pool2d,
    sum_pool2d_backward,
)
from cnnx.ops.regularization import dropout, gaussian_dropout
from cnnx.ops.signals import convolve1d, correlate1d

__all__ = [
    "arctan",
    "arctan_backward",
    "avg_pool2d",
    "avg_pool2d_backward",
    "batch_norm",
    "batch_norm_backward",
    "batch_norm_inference",
    "conv2d",
    "conv2d_backward",
    "conv_matrix",
    "convolve1d",
    "convolve2d",
    "correlate1d",
    "correlate2d",
    "dense",
    "dense_backward",
    "dropout",
    "gaussian_dropout",
    "im2col",
    "matmul",
    "max_pool2d",
    "max_pool2d_backward",
    "relu",
    "relu_backward",
    "sigmoid",
    "sigmoid_backward",
    "softmax",
    "softmax_backward",
    "sum_pool2d",
    "sum_pool2d_backward",
    "tanh",
    "tanh_backward",
]
