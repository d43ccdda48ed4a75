"""Cross-correlation and convolution of signals, which have one axis."""

from typing import Any

from cnnx import geometry
from cnnx.arrays import Float, as_float32
from cnnx.ops.convolution import Convolution
from cnnx.registry import choice


def correlate1d(x: Any, k: Any, mode: Any = "valid", strides: int = 1) -> Float:
    """
    Return the cross-correlation of a signal with a kernel.

    In mode 'valid', y[i] = sum over u of x[i + u] k[u].

    Parameters
    ----------
    x
        Signal (length,).
    k
        Kernel (length,).
    mode
        'valid' (only windows inside the signal), 'same' (as long as the signal) or 'full' (every
        window that touches the signal), as in `correlate2d`. With a kernel of even length, 'same'
        puts the odd zero at the end; `numpy.convolve` and `correlate` put it at the beginning.
    strides
        Elements from one window to the next.

    Returns
    -------
    Array (windows,).

    Raises
    ------
    ValueError, TypeError
        If shapes or dtypes don't fit.
    """
    return _slide("correlate1d", "correlation", x, k, mode, strides)


def convolve1d(x: Any, k: Any, mode: Any = "valid", strides: int = 1) -> Float:
    """
    Return the convolution of a signal with a kernel: `correlate1d` with k reversed.

    In mode 'full', y[i] = sum over u of x[i - u] k[u], which is commutative.

    Parameters
    ----------
    x, k, mode, strides
        As for `correlate1d`.
    """
    return _slide("convolve1d", "convolution", x, k, mode, strides)


def _slide(owner: str, operation: str, x: Any, k: Any, mode: Any, strides: int) -> Float:
    signal, kernel = _sequence(x, f"{owner}: x"), _sequence(k, f"{owner}: k")
    padding = choice(mode, f"{owner}: mode", "valid", "same", "full")
    step = geometry.integer(strides, f"{owner}: strides")
    if padding == "valid" and len(kernel) > len(signal):
        raise ValueError(
            f"{owner}: mode='valid' needs a k no longer than x, got {len(kernel)} and "
            f"{len(signal)} elements; use mode='same' or 'full'"
        )
    # A signal is an image of one row.
    image, taps = signal[None, None, :, None], kernel[None, :, None, None]
    c = Convolution(owner, image, taps, (1, step), padding, 1, 1, operation)
    return c.forward(None)[0, 0, :, 0]


def _sequence(value: Any, name: str) -> Float:
    sequence = as_float32(value, name)
    if sequence.ndim != 1 or not len(sequence):
        raise ValueError(f"{name} must be one row of numbers, got shape {sequence.shape}")
    return sequence
