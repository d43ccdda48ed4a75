"""Activation functions and their gradients."""

from typing import Any

from cnnx import activations
from cnnx.arrays import Float, as_float32, empty
from cnnx.ops.arguments import expect


def relu(x: Any) -> Float:
    """Return max(x, 0) of an array of any shape."""
    return activations.relu(x)


def sigmoid(x: Any) -> Float:
    """Return 1 / (1 + exp(-x)) of an array of any shape."""
    return activations.sigmoid(x)


def tanh(x: Any) -> Float:
    """Return the hyperbolic tangent of an array of any shape."""
    return activations.tanh(x)


def arctan(x: Any) -> Float:
    """Return the inverse tangent, in (-pi / 2, pi / 2), of an array of any shape."""
    return activations.arctan(x)


def softmax(x: Any) -> Float:
    """Return exp(x_i) / sum_j exp(x_j) over the last axis of an array of any shape."""
    return activations.softmax(x)


def relu_backward(y: Any, dy: Any) -> Float:
    """Return dy where y = relu(x) is positive, else 0."""
    return _activation_backward(activations.relu, y, dy)


def sigmoid_backward(y: Any, dy: Any) -> Float:
    """Return the gradient dy y (1 - y) of y = sigmoid(x)."""
    return _activation_backward(activations.sigmoid, y, dy)


def tanh_backward(y: Any, dy: Any) -> Float:
    """Return the gradient dy (1 - y^2) of y = tanh(x)."""
    return _activation_backward(activations.tanh, y, dy)


def arctan_backward(y: Any, dy: Any) -> Float:
    """Return the gradient dy cos(y)^2 = dy / (1 + x^2) of y = arctan(x)."""
    return _activation_backward(activations.arctan, y, dy)


def softmax_backward(y: Any, dy: Any) -> Float:
    """Return the gradient y (dy - sum_j dy_j y_j) of y = softmax(x)."""
    return _activation_backward(activations.softmax, y, dy)


def _activation_backward(function: activations.Activation, y: Any, dy: Any) -> Float:
    name = f"{function.name}_backward"
    dst = as_float32(y, f"{name}: y")
    diff_dst = expect(as_float32(dy, f"{name}: dy"), dst.shape, f"{name}: dy")
    diff_src = empty(name, dst.shape)
    function.backward(dst, diff_dst, diff_src)
    return diff_src
