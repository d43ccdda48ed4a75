"""Activation functions: element by element, and of rows."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from reference.arrays import Array, f64


def relu_forward(src: ArrayLike) -> Array:
    """max(x, 0)."""
    return np.maximum(f64(src), 0.0)


def relu_backward(dst: ArrayLike, diff_dst: ArrayLike) -> Array:
    """dy where y > 0, and 0 at x = 0."""
    return np.where(f64(dst) > 0, f64(diff_dst), 0.0)


def sigmoid_forward(src: ArrayLike) -> Array:
    """1 / (1 + e^-x), with e^-|x| so that nothing overflows."""
    src = f64(src)
    small = np.exp(-np.abs(src))
    return np.where(src >= 0, 1.0, small) / (1.0 + small)


def sigmoid_backward(dst: ArrayLike, diff_dst: ArrayLike) -> Array:
    """dy y (1 - y)."""
    return f64(diff_dst) * f64(dst) * (1.0 - f64(dst))


def tanh_forward(src: ArrayLike) -> Array:
    """tanh x."""
    return np.tanh(f64(src))


def tanh_backward(dst: ArrayLike, diff_dst: ArrayLike) -> Array:
    """dy (1 - y^2)."""
    return f64(diff_dst) * (1.0 - f64(dst) ** 2)


def arctan_forward(src: ArrayLike) -> Array:
    """arctan x."""
    return np.arctan(f64(src))


def arctan_backward(dst: ArrayLike, diff_dst: ArrayLike) -> Array:
    """dy / (1 + x^2) with x = tan y."""
    return f64(diff_dst) / (1.0 + np.tan(f64(dst)) ** 2)


def elu_forward(src: ArrayLike, alpha: float = 1.0) -> Array:
    """x, below 0 alpha (e^x - 1)."""
    return np.where(f64(src) > 0, f64(src), alpha * np.expm1(np.minimum(f64(src), 0)))


def elu_backward(dst: ArrayLike, diff_dst: ArrayLike, alpha: float = 1.0) -> Array:
    """dy, below 0 dy alpha e^x = dy (y + alpha)."""
    return f64(diff_dst) * np.where(f64(dst) > 0, 1.0, f64(dst) + alpha)


def leaky_relu_forward(src: ArrayLike, slope: float = 0.2) -> Array:
    """x, below 0 slope x."""
    return f64(src) * np.where(f64(src) > 0, 1.0, slope)


def leaky_relu_backward(dst: ArrayLike, diff_dst: ArrayLike, slope: float = 0.2) -> Array:
    """dy, below 0 slope dy."""
    return f64(diff_dst) * np.where(f64(dst) > 0, 1.0, slope)


def softplus_forward(src: ArrayLike) -> Array:
    """log(1 + e^x)."""
    return np.logaddexp(0.0, f64(src))


def softplus_backward(dst: ArrayLike, diff_dst: ArrayLike) -> Array:
    """dy / (1 + e^-x) = dy (1 - e^-y)."""
    return f64(diff_dst) * -np.expm1(-f64(dst))


def exponential_forward(src: ArrayLike) -> Array:
    """e^x."""
    return np.exp(f64(src))


def exponential_backward(dst: ArrayLike, diff_dst: ArrayLike) -> Array:
    """dy y."""
    return f64(diff_dst) * f64(dst)


def relu6_forward(src: ArrayLike) -> Array:
    """max(x, 0), at most 6."""
    return np.minimum(relu_forward(src), 6.0)


def relu6_backward(dst: ArrayLike, diff_dst: ArrayLike) -> Array:
    """dy where 0 < y < 6."""
    return np.where((f64(dst) > 0) & (f64(dst) < 6), f64(diff_dst), 0.0)


SELU = 1.0507009873554805, 1.6732632423543772


def selu_forward(src: ArrayLike) -> Array:
    """1.0507 x, below 0 1.0507 1.6733 (e^x - 1) (Klambauer et al. 2017, equation 2)."""
    scale, alpha = SELU
    return scale * np.where(f64(src) > 0, f64(src), alpha * np.expm1(np.minimum(f64(src), 0)))


def selu_backward(dst: ArrayLike, diff_dst: ArrayLike) -> Array:
    """1.0507 dy, below 0 dy (y + 1.0507 1.6733)."""
    scale, alpha = SELU
    return f64(diff_dst) * np.where(f64(dst) > 0, scale, f64(dst) + scale * alpha)


def softsign_forward(src: ArrayLike) -> Array:
    """x / (1 + |x|)."""
    return f64(src) / (1.0 + np.abs(f64(src)))


def softsign_backward(dst: ArrayLike, diff_dst: ArrayLike) -> Array:
    """dy / (1 + |x|)^2 = dy (1 - |y|)^2."""
    return f64(diff_dst) * (1.0 - np.abs(f64(dst))) ** 2


def hard_sigmoid_forward(src: ArrayLike) -> Array:
    """(x + 3) / 6, in [0, 1]."""
    return np.minimum(np.maximum(f64(src) / 6.0 + 0.5, 0.0), 1.0)


def hard_sigmoid_backward(dst: ArrayLike, diff_dst: ArrayLike) -> Array:
    """dy / 6 where 0 < y < 1."""
    return np.where((f64(dst) > 0) & (f64(dst) < 1), f64(diff_dst) / 6.0, 0.0)


def hard_tanh_forward(src: ArrayLike) -> Array:
    """x, in [-1, 1]."""
    return np.minimum(np.maximum(f64(src), -1.0), 1.0)


def hard_tanh_backward(dst: ArrayLike, diff_dst: ArrayLike) -> Array:
    """dy where -1 < y < 1."""
    return np.where((f64(dst) > -1) & (f64(dst) < 1), f64(diff_dst), 0.0)


def log_sigmoid_forward(src: ArrayLike) -> Array:
    """-log(1 + e^-x)."""
    return -np.logaddexp(0.0, -f64(src))


def log_sigmoid_backward(dst: ArrayLike, diff_dst: ArrayLike) -> Array:
    """dy (1 - sigmoid(x)) = dy (1 - e^y)."""
    return f64(diff_dst) * (1.0 - np.exp(f64(dst)))


def log_softmax_forward(src: ArrayLike, axis: int = -1) -> Array:
    """x - log sum_j e^x_j along an axis."""
    shifted = f64(src) - f64(src).max(axis=axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))


def log_softmax_backward(dst: ArrayLike, diff_dst: ArrayLike, axis: int = -1) -> Array:
    """dy_i - e^y_i sum_j dy_j."""
    return f64(diff_dst) - np.exp(f64(dst)) * f64(diff_dst).sum(axis=axis, keepdims=True)


def silu_forward(src: ArrayLike) -> Array:
    """x sigmoid(x)."""
    return f64(src) * sigmoid_forward(src)


def silu_backward(src: ArrayLike, diff_dst: ArrayLike) -> Array:
    """dy (s + x s (1 - s)) with s = sigmoid(x)."""
    s = sigmoid_forward(src)
    return f64(diff_dst) * (s + f64(src) * s * (1.0 - s))


def normal_probability(x: ArrayLike) -> Array:
    """P(x) = erfc(-x / sqrt(2)) / 2."""
    return np.vectorize(lambda z: math.erfc(-z / math.sqrt(2)) / 2, otypes=[float])(f64(x))


def gelu_forward(src: ArrayLike) -> Array:
    """x P(x) (Hendrycks & Gimpel 2016)."""
    return f64(src) * normal_probability(src)


def gelu_backward(src: ArrayLike, diff_dst: ArrayLike) -> Array:
    """dy (P(x) + x p(x)) with the density p(x) = e^(-x^2 / 2) / sqrt(2 pi)."""
    src = f64(src)
    density = np.exp(-(src**2) / 2) / math.sqrt(2 * math.pi)
    return f64(diff_dst) * (normal_probability(src) + src * density)


def mish_forward(src: ArrayLike) -> Array:
    """x tanh(log(1 + e^x)) (Misra 2019)."""
    return f64(src) * np.tanh(np.logaddexp(0.0, f64(src)))


def mish_backward(src: ArrayLike, diff_dst: ArrayLike) -> Array:
    """dy (t + x (1 - t^2) sigmoid(x)) with t = tanh(log(1 + e^x))."""
    t = np.tanh(np.logaddexp(0.0, f64(src)))
    return f64(diff_dst) * (t + f64(src) * (1.0 - t**2) * sigmoid_forward(src))


def hard_silu_forward(src: ArrayLike) -> Array:
    """x (x + 3) / 6 with the second factor in [0, 1]."""
    return f64(src) * hard_sigmoid_forward(src)


def hard_silu_backward(src: ArrayLike, diff_dst: ArrayLike) -> Array:
    """0 below -3, dy above 3, dy (2 x + 3) / 6 between."""
    src = f64(src)
    return f64(diff_dst) * np.where(src < -3, 0.0, np.where(src > 3, 1.0, (2 * src + 3) / 6))


def celu_forward(src: ArrayLike, alpha: float = 1.0) -> Array:
    """x, below 0 alpha (e^(x / alpha) - 1)."""
    return np.where(f64(src) > 0, f64(src), alpha * np.expm1(np.minimum(f64(src), 0) / alpha))


def celu_backward(dst: ArrayLike, diff_dst: ArrayLike, alpha: float = 1.0) -> Array:
    """dy, below 0 dy e^(x / alpha) = dy (y / alpha + 1)."""
    return f64(diff_dst) * np.where(f64(dst) > 0, 1.0, f64(dst) / alpha + 1.0)


def hard_shrink_forward(src: ArrayLike, threshold: float = 0.5) -> Array:
    """x where |x| > threshold, else 0."""
    return np.where(np.abs(f64(src)) > threshold, f64(src), 0.0)


def hard_shrink_backward(dst: ArrayLike, diff_dst: ArrayLike, threshold: float = 0.5) -> Array:
    """dy where y is not 0."""
    return np.where(f64(dst) != 0, f64(diff_dst), 0.0)


def soft_shrink_forward(src: ArrayLike, threshold: float = 0.5) -> Array:
    """x - threshold above it, x + threshold below -threshold, else 0."""
    src = f64(src)
    return np.maximum(src - threshold, 0) + np.minimum(src + threshold, 0)


def soft_shrink_backward(dst: ArrayLike, diff_dst: ArrayLike, threshold: float = 0.5) -> Array:
    """dy where y is not 0."""
    return np.where(f64(dst) != 0, f64(diff_dst), 0.0)


def squareplus_forward(src: ArrayLike, b: float = 4.0) -> Array:
    """(x + sqrt(x^2 + b)) / 2; below 0 b / 2 / (sqrt(x^2 + b) - x), where the sum would cancel."""
    src, root = f64(src), np.hypot(f64(src), math.sqrt(b))
    return np.where(src > 0, (src + root) / 2, b / 2 / (root + np.abs(src)))


def squareplus_backward(dst: ArrayLike, diff_dst: ArrayLike, b: float = 4.0) -> Array:
    """dy (1 + x / sqrt(x^2 + b)) / 2 = dy y^2 / (y^2 + b / 4)."""
    return f64(diff_dst) / (1 + b / 4 / f64(dst) ** 2)


def gelu_tanh_forward(src: ArrayLike) -> Array:
    """x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2; the second factor as a sigmoid."""
    src = f64(src)
    return src * sigmoid_forward(2 * math.sqrt(2 / math.pi) * (src + 0.044715 * src**3))


def gelu_tanh_backward(src: ArrayLike, diff_dst: ArrayLike) -> Array:
    """dy (s + x s (1 - s) v') with s = sigmoid(v)."""
    src = f64(src)
    scale = 2 * math.sqrt(2 / math.pi)
    s = sigmoid_forward(scale * (src + 0.044715 * src**3))
    slope = scale * (1 + 3 * 0.044715 * src**2)
    return f64(diff_dst) * (s + src * s * (1 - s) * slope)


def tanh_shrink_forward(src: ArrayLike) -> Array:
    """x - tanh x; near 0 x^3 / 3 - 2 x^5 / 15 + 17 x^7 / 315, where the difference cancels."""
    src = f64(src)
    series = src**3 / 3 - 2 * src**5 / 15 + 17 * src**7 / 315
    return np.where(np.abs(src) < 0.02, series, src - np.tanh(src))


def tanh_shrink_backward(src: ArrayLike, diff_dst: ArrayLike) -> Array:
    """dy tanh^2 x."""
    return f64(diff_dst) * np.tanh(f64(src)) ** 2


def threshold_forward(src: ArrayLike, threshold: float = 0.0, value: float = 0.0) -> Array:
    """x above the threshold, else the value."""
    return np.where(f64(src) > threshold, f64(src), value)


def threshold_backward(
    src: ArrayLike, diff_dst: ArrayLike, threshold: float = 0.0, value: float = 0.0
) -> Array:
    """dy above the threshold, else 0."""
    return np.where(f64(src) > threshold, f64(diff_dst), 0.0)


def rectifier_forward(
    src: ArrayLike, max_value: float = math.inf, slope: float = 0.0, threshold: float = 0.0
) -> Array:
    """min(x, max_value) above the threshold, slope (x - threshold) below."""
    src = f64(src)
    return np.where(src > threshold, np.minimum(src, max_value), slope * (src - threshold))


def rectifier_backward(
    dst: ArrayLike,
    diff_dst: ArrayLike,
    max_value: float = math.inf,
    slope: float = 0.0,
    threshold: float = 0.0,
) -> Array:
    """dy where the function rises, slope dy where its value is below 0."""
    dst = f64(dst)
    return f64(diff_dst) * (((dst > 0) & (dst < max_value)) + slope * (dst < 0))


def prelu_forward(src: ArrayLike, alpha: ArrayLike) -> Array:
    """x, below 0 alpha x."""
    return np.maximum(f64(src), 0) + f64(alpha) * np.minimum(f64(src), 0)


def softmax_forward(src: ArrayLike, axis: int = -1) -> Array:
    """e^(x - max) over its row's sum."""
    src = f64(src)
    powers = np.exp(src - src.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


def softmax_backward(dst: ArrayLike, diff_dst: ArrayLike, axis: int = -1) -> Array:
    """y_i (dy_i - sum_j dy_j y_j)."""
    dst, diff_dst = f64(dst), f64(diff_dst)
    return dst * (diff_dst - (dst * diff_dst).sum(axis=axis, keepdims=True))
