"""Functions that flatten out, whose derivative follows from their value."""

import numpy as np

from cnnx import _core
from cnnx.activations.activation import Activation, of_core
from cnnx.arrays import Float


def _hard_tanh(src: Float, dst: Float) -> None:
    np.clip(src, -1, 1, out=dst)


def _hard_tanh_backward(dst: Float, diff_dst: Float, diff_src: Float) -> None:
    np.multiply(diff_dst, np.abs(dst) < 1, out=diff_src)


def _softsign(src: Float, dst: Float) -> None:
    np.divide(src, 1 + np.abs(src), out=dst)


def _softsign_backward(dst: Float, diff_dst: Float, diff_src: Float) -> None:
    # With y = x / (1 + |x|), 1 / (1 + |x|)^2 is (1 - |y|)^2.
    np.multiply(diff_dst, np.square(1 - np.abs(dst)), out=diff_src)


def _log_sigmoid(src: Float, dst: Float) -> None:
    np.negative(src, out=dst)
    _core.softplus_forward(dst, dst)
    np.negative(dst, out=dst)


def _log_sigmoid_backward(dst: Float, diff_dst: Float, diff_src: Float) -> None:
    # With y = log sigmoid(x), 1 - sigmoid(x) is 1 - e^y.
    np.multiply(diff_dst, -np.expm1(dst), out=diff_src)


def _log_softmax(src: Float, dst: Float) -> None:
    np.subtract(src, src.max(axis=-1, keepdims=True), out=dst)
    np.subtract(dst, np.log(np.exp(dst).sum(axis=-1, keepdims=True)), out=dst)


def _log_softmax_backward(dst: Float, diff_dst: Float, diff_src: Float) -> None:
    np.subtract(diff_dst, np.exp(dst) * diff_dst.sum(axis=-1, keepdims=True), out=diff_src)


hard_sigmoid = of_core("hard_sigmoid")
hard_tanh = Activation("hard_tanh", _hard_tanh, _hard_tanh_backward, increasing=True)
softsign = Activation("softsign", _softsign, _softsign_backward, increasing=True)
log_sigmoid = Activation("log_sigmoid", _log_sigmoid, _log_sigmoid_backward, increasing=True)
log_softmax = Activation("log_softmax", _log_softmax, _log_softmax_backward, elementwise=False)
