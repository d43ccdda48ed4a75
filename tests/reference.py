"""The oracle: each operation of cnnx written again from its equation, in NumPy and float64.

Loops go over output pixels and window taps; only channels and the batch are left to NumPy. Nothing
here is shared with the library. Sizes in pairs are (height, width), padding is (top, left).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Pair = tuple[int, int]
CLIP = 1e-7


def f64(values: ArrayLike) -> Array:
    return np.asarray(values, np.float64)


# --- matrix products ------------------------------------------------------------------------------


def matmul(a: ArrayLike, b: ArrayLike) -> Array:
    """c[i, j] = sum_k a[i, k] b[k, j]."""
    a, b = f64(a), f64(b)
    c = np.zeros((a.shape[0], b.shape[1]))
    for i in range(a.shape[0]):
        for j in range(b.shape[1]):
            c[i, j] = np.sum(a[i] * b[:, j])
    return c


def dense_forward(src: ArrayLike, weights: ArrayLike, bias: ArrayLike | None) -> Array:
    """dst[b, o] = sum_i src[b, i] weights[i, o] + bias[o]."""
    return matmul(src, weights) + (0.0 if bias is None else f64(bias))


def dense_backward(
    src: ArrayLike, weights: ArrayLike, diff_dst: ArrayLike
) -> tuple[Array, Array, Array]:
    """diff_src = dY W^T, diff_weights = X^T dY, diff_bias = sum_b dY."""
    return (
        matmul(diff_dst, f64(weights).T),
        matmul(f64(src).T, diff_dst),
        f64(diff_dst).sum(axis=0),
    )


# --- sliding windows ------------------------------------------------------------------------------


def taps(
    input_size: Pair,
    output_size: Pair,
    kernel_size: Pair,
    strides: Pair,
    padding: Pair,
    dilation: Pair = (1, 1),
) -> Iterator[tuple[int, int, int, int, int, int]]:
    """Output pixel (y, x), tap (ky, kx) and input pixel (row, column) of every tap in the image."""
    for y in range(output_size[0]):
        for x in range(output_size[1]):
            for ky in range(kernel_size[0]):
                for kx in range(kernel_size[1]):
                    row = y * strides[0] - padding[0] + ky * dilation[0]
                    column = x * strides[1] - padding[1] + kx * dilation[1]
                    if 0 <= row < input_size[0] and 0 <= column < input_size[1]:
                        yield y, x, ky, kx, row, column


def im2col(
    src: ArrayLike,
    kernel_size: Pair,
    output_size: Pair,
    strides: Pair,
    padding: Pair,
    dilation: Pair,
) -> Array:
    """Row (b, y, x) holds the window of that output pixel in the order (ky, kx, channel)."""
    src = f64(src)
    mb, ih, iw, ic = src.shape
    col = np.zeros((mb, *output_size, *kernel_size, ic))
    for y, x, ky, kx, r, c in taps((ih, iw), output_size, kernel_size, strides, padding, dilation):
        col[:, y, x, ky, kx] = src[:, r, c]
    return col.reshape(mb * math.prod(output_size), math.prod(kernel_size) * ic)


def group_slices(channels: int, groups: int) -> list[slice]:
    size = channels // groups
    return [slice(g * size, (g + 1) * size) for g in range(groups)]


def conv2d_forward(
    src: ArrayLike,
    weights: ArrayLike,
    bias: ArrayLike | None,
    output_size: Pair,
    strides: Pair = (1, 1),
    padding: Pair = (0, 0),
    dilation: Pair = (1, 1),
    groups: int = 1,
) -> Array:
    """dst[b, y, x, o] = bias[o] + sum_{ky, kx, i} src[b, row, column, i] weights[ky, kx, i, o]."""
    src, weights = f64(src), f64(weights)
    mb, ih, iw, ic = src.shape
    kh, kw, _, oc = weights.shape
    dst = np.zeros((mb, *output_size, oc))
    if bias is not None:
        dst += f64(bias)
    for y, x, ky, kx, r, c in taps((ih, iw), output_size, (kh, kw), strides, padding, dilation):
        for i, o in zip(group_slices(ic, groups), group_slices(oc, groups), strict=True):
            dst[:, y, x, o] += src[:, r, c, i] @ weights[ky, kx, :, o]
    return dst


def conv2d_backward(
    src: ArrayLike,
    weights: ArrayLike,
    diff_dst: ArrayLike,
    strides: Pair = (1, 1),
    padding: Pair = (0, 0),
    dilation: Pair = (1, 1),
    groups: int = 1,
) -> tuple[Array, Array, Array]:
    """Each tap's product of the forward pass, differentiated by the pixel and by the weight."""
    src, weights, diff_dst = f64(src), f64(weights), f64(diff_dst)
    _, ih, iw, ic = src.shape
    kh, kw, _, oc = weights.shape
    size = (diff_dst.shape[1], diff_dst.shape[2])
    diff_src, diff_weights = np.zeros(src.shape), np.zeros(weights.shape)
    for y, x, ky, kx, r, c in taps((ih, iw), size, (kh, kw), strides, padding, dilation):
        for i, o in zip(group_slices(ic, groups), group_slices(oc, groups), strict=True):
            diff_src[:, r, c, i] += diff_dst[:, y, x, o] @ weights[ky, kx, :, o].T
            diff_weights[ky, kx, :, o] += src[:, r, c, i].T @ diff_dst[:, y, x, o]
    return diff_src, diff_weights, diff_dst.sum(axis=(0, 1, 2))


def max_pool2d_forward(
    src: ArrayLike, output_size: Pair, pool_size: Pair, strides: Pair, padding: Pair
) -> tuple[Array, NDArray[np.int32]]:
    """The first maximum of the pixels inside and its place ky * kw + kx; NaN is the largest."""
    src = f64(src)
    mb, ih, iw, ch = src.shape
    dst = np.full((mb, *output_size, ch), np.nan)
    argmax = np.full(dst.shape, -1, np.int32)
    for y, x, ky, kx, r, c in taps((ih, iw), output_size, pool_size, strides, padding):
        value, best, place = src[:, r, c], dst[:, y, x], argmax[:, y, x]
        better = (place < 0) | (value > best) | (np.isnan(value) & ~np.isnan(best))
        best[better] = value[better]
        place[better] = ky * pool_size[1] + kx
    return dst, argmax


def max_pool2d_backward(
    diff_dst: ArrayLike,
    argmax: NDArray[np.int32],
    input_size: Pair,
    pool_size: Pair,
    strides: Pair,
    padding: Pair,
) -> Array:
    """The gradient of an output goes to the pixel that was its maximum."""
    diff_dst = f64(diff_dst)
    mb, oh, ow, ch = diff_dst.shape
    diff_src = np.zeros((mb, *input_size, ch))
    for y, x, ky, kx, r, c in taps(input_size, (oh, ow), pool_size, strides, padding):
        chosen = argmax[:, y, x] == ky * pool_size[1] + kx
        diff_src[:, r, c] += np.where(chosen, diff_dst[:, y, x], 0.0)
    return diff_src


def window_counts(
    input_size: Pair, output_size: Pair, pool_size: Pair, strides: Pair, padding: Pair
) -> Array:
    """How many pixels of the image each window sees, (oh, ow, 1)."""
    counts = np.zeros((*output_size, 1))
    for y, x, *_ in taps(input_size, output_size, pool_size, strides, padding):
        counts[y, x] += 1
    return counts


def avg_pool2d_forward(
    src: ArrayLike, output_size: Pair, pool_size: Pair, strides: Pair, padding: Pair
) -> Array:
    """The mean of the pixels inside."""
    src = f64(src)
    mb, ih, iw, ch = src.shape
    dst = np.zeros((mb, *output_size, ch))
    for y, x, _, _, r, c in taps((ih, iw), output_size, pool_size, strides, padding):
        dst[:, y, x] += src[:, r, c]
    return dst / window_counts((ih, iw), output_size, pool_size, strides, padding)


def avg_pool2d_backward(
    diff_dst: ArrayLike, input_size: Pair, pool_size: Pair, strides: Pair, padding: Pair
) -> Array:
    """Every pixel inside receives an equal share."""
    diff_dst = f64(diff_dst)
    mb, oh, ow, ch = diff_dst.shape
    share = diff_dst / window_counts(input_size, (oh, ow), pool_size, strides, padding)
    diff_src = np.zeros((mb, *input_size, ch))
    for y, x, _, _, r, c in taps(input_size, (oh, ow), pool_size, strides, padding):
        diff_src[:, r, c] += share[:, y, x]
    return diff_src


# --- elementwise and rows -------------------------------------------------------------------------


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


def softmax_forward(src: ArrayLike) -> Array:
    """e^(x - max) over its row's sum."""
    src = f64(src)
    powers = np.exp(src - src.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def softmax_backward(dst: ArrayLike, diff_dst: ArrayLike) -> Array:
    """y_i (dy_i - sum_j dy_j y_j)."""
    dst, diff_dst = f64(dst), f64(diff_dst)
    return dst * (diff_dst - (dst * diff_dst).sum(axis=-1, keepdims=True))


# --- normalisation and dropout --------------------------------------------------------------------


def batch_norm_forward(
    src: ArrayLike,
    gamma: ArrayLike,
    beta: ArrayLike,
    mean: ArrayLike,
    variance: ArrayLike,
    epsilon: float,
) -> Array:
    """Gamma (x - mean) / sqrt(variance + epsilon) + beta; with given or the batch's statistics."""
    return f64(gamma) * (f64(src) - f64(mean)) / np.sqrt(f64(variance) + epsilon) + f64(beta)


def batch_norm_statistics(src: ArrayLike) -> tuple[Array, Array]:
    """Mean and biased variance of every channel."""
    rows = f64(src).reshape(-1, np.shape(src)[-1])
    mean = rows.mean(axis=0)
    return mean, ((rows - mean) ** 2).mean(axis=0)


def batch_norm_backward(
    src: ArrayLike, diff_dst: ArrayLike, gamma: ArrayLike, epsilon: float
) -> tuple[Array, Array, Array]:
    """With x^ = (x - mean) / std: dx = gamma / std (dy - mean(dy) - x^ mean(dy x^))."""
    src, diff_dst = f64(src), f64(diff_dst)
    mean, variance = batch_norm_statistics(src)
    std = np.sqrt(variance + epsilon)
    normal = (src - mean) / std
    axes = tuple(range(src.ndim - 1))
    diff_beta = diff_dst.sum(axis=axes)
    diff_gamma = (diff_dst * normal).sum(axis=axes)
    rows = src.size // src.shape[-1]
    diff_src = f64(gamma) / std * (diff_dst - diff_beta / rows - normal * diff_gamma / rows)
    return diff_src, diff_gamma, diff_beta


def philox4x32_10(counter: int, seed: int) -> list[int]:
    """Salmon et al. (2011), "Parallel random numbers: as easy as 1, 2, 3", section 3.3."""
    mask = 0xFFFFFFFF
    words = [counter & mask, counter >> 32, 0, 0]
    keys = [seed & mask, seed >> 32]
    for _ in range(10):
        a, b = 0xD2511F53 * words[0], 0xCD9E8D57 * words[2]
        words = [(b >> 32) ^ words[1] ^ keys[0], b & mask, (a >> 32) ^ words[3] ^ keys[1], a & mask]
        keys = [(keys[0] + 0x9E3779B9) & mask, (keys[1] + 0xBB67AE85) & mask]
    return words


def dropout(src: ArrayLike, rate: float, seed: int) -> Array:
    """x / (1 - rate) where the element's random number is at least rate, else 0."""
    src = f64(src)
    blocks = [philox4x32_10(i, seed) for i in range((src.size + 3) // 4)]
    uniform = np.array(blocks, np.float64).ravel()[: src.size] / 2**32
    return np.where(uniform.reshape(src.shape) >= rate, src / (1.0 - rate), 0.0)


# --- losses: one a row, and its gradient by the outputs -------------------------------------------


def one_hot(labels: NDArray[np.int64], n: int) -> Array:
    return np.eye(n)[labels]


def log_softmax(logits: ArrayLike) -> Array:
    shifted = f64(logits) - f64(logits).max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def softmax_cross_entropy(logits: ArrayLike, targets: ArrayLike) -> tuple[Array, Array]:
    """-sum t log softmax(z); by z: p sum(t) - t, which is p - t for targets that sum to 1."""
    targets = f64(targets)
    losses = -(targets * log_softmax(logits)).sum(axis=-1)
    return losses, softmax_forward(logits) * targets.sum(axis=-1, keepdims=True) - targets


def sigmoid_cross_entropy(logits: ArrayLike, targets: ArrayLike) -> tuple[Array, Array]:
    """mean of max(z, 0) - z t + log(1 + e^-|z|); by z: (p - t) / n."""
    logits, targets = f64(logits), f64(targets)
    losses = np.maximum(logits, 0) - logits * targets + np.log1p(np.exp(-np.abs(logits)))
    return losses.mean(axis=-1), (sigmoid_forward(logits) - targets) / logits.shape[-1]


def clipped(probs: ArrayLike) -> tuple[Array, NDArray[np.bool_]]:
    """Probabilities clipped to [1e-7, 1 - 1e-7], and where the clip left them alone."""
    low, high = float(np.float32(CLIP)), float(np.float32(1) - np.float32(CLIP))
    probs = f64(probs)
    return np.clip(probs, low, high), (probs >= low) & (probs <= high)


def categorical_cross_entropy(probs: ArrayLike, targets: ArrayLike) -> tuple[Array, Array]:
    """-sum t log p; by p: -t / p."""
    p, inside = clipped(probs)
    return -(f64(targets) * np.log(p)).sum(axis=-1), np.where(inside, -f64(targets) / p, 0.0)


def binary_cross_entropy(probs: ArrayLike, targets: ArrayLike) -> tuple[Array, Array]:
    """mean of -t log p - (1 - t) log(1 - p); by p: (p - t) / (p (1 - p)) / n."""
    (p, inside), t = clipped(probs), f64(targets)
    losses = -(t * np.log(p) + (1 - t) * np.log1p(-p))
    return losses.mean(axis=-1), np.where(inside, (p - t) / (p * (1 - p)), 0.0) / p.shape[-1]


def mean_squared_error(outputs: ArrayLike, targets: ArrayLike) -> tuple[Array, Array]:
    """mean of (y - t)^2; by y: 2 (y - t) / n."""
    error = f64(outputs) - f64(targets)
    return (error**2).mean(axis=-1), 2 * error / error.shape[-1]


# --- optimizer steps ------------------------------------------------------------------------------


def sgd_step(
    params: ArrayLike,
    grads: ArrayLike,
    velocity: ArrayLike,
    learning_rate: float,
    momentum: float = 0.0,
    nesterov: bool = False,
) -> tuple[Array, Array]:
    """v = momentum v - rate g; p += v, or p += momentum v - rate g by Nesterov."""
    step = learning_rate * f64(grads)
    velocity = momentum * f64(velocity) - step
    return f64(params) + (momentum * velocity - step if nesterov else velocity), velocity


def adam_step(
    params: ArrayLike,
    grads: ArrayLike,
    m: ArrayLike,
    v: ArrayLike,
    learning_rate: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
    step: int,
) -> tuple[Array, Array, Array]:
    """Kingma & Ba (2015), Algorithm 1."""
    m = beta_1 * f64(m) + (1 - beta_1) * f64(grads)
    v = beta_2 * f64(v) + (1 - beta_2) * f64(grads) ** 2
    m_hat, v_hat = m / (1 - beta_1**step), v / (1 - beta_2**step)
    return f64(params) - learning_rate * m_hat / (np.sqrt(v_hat) + epsilon), m, v


# --- derivatives by definition --------------------------------------------------------------------


def central_differences(
    f: Callable[[Array], Array | float], x: ArrayLike, epsilon: float = 1e-6
) -> Array:
    """d sum(f(x)) / dx, element by element: (f(x + e) - f(x - e)) / 2e."""
    x = f64(x).copy()
    gradient = np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        value = x[i]
        x[i] = value + epsilon
        above = np.sum(f(x))
        x[i] = value - epsilon
        gradient[i] = (above - np.sum(f(x))) / (2 * epsilon)
        x[i] = value
    return gradient
