"""What is written under a layer's figure: its operation in words."""

from __future__ import annotations

from collections.abc import Iterator

from cnnx.activations import Activation, linear
from cnnx.geometry import Pair
from cnnx.layers.convolution import Conv2D
from cnnx.layers.dropout import DropoutLayer, GaussianNoise
from cnnx.layers.layer import Layer
from cnnx.layers.padding import Margins
from cnnx.layers.pooling import Pooling2D
from cnnx.layers.upsampling import UpSampling2D


def caption(layer: Layer, show_activation: bool) -> Iterator[str]:
    """Yield what a layer does, line by line."""
    yield f"{type(layer).__name__} {_measure(layer)}".rstrip()
    details = ", ".join(_details(layer))
    if details:
        yield details
    function = getattr(layer, "activation", None)
    if show_activation and isinstance(function, Activation) and function is not linear:
        yield function.name
    count = layer.count_params()
    if count:
        frozen = "" if layer.trainable else ", frozen"
        yield f"{count:,} parameter{'s' if count > 1 else ''}{frozen}"


def _measure(layer: Layer) -> str:
    """Return the size of a window, a factor, margins, how strong a noise is, or nothing."""
    if isinstance(layer, Conv2D):
        return _pair(layer.kernel_size)
    if isinstance(layer, Pooling2D):
        return _pair(layer.pool_size)
    if isinstance(layer, UpSampling2D):
        return _pair(layer.size)
    if isinstance(layer, Margins):
        return "x".join(_sides(pair) for pair in layer.sides)
    if isinstance(layer, GaussianNoise):
        return f"{layer.stddev:g}"
    return f"{layer.rate:g}" if isinstance(layer, DropoutLayer) else ""


def _details(layer: Layer) -> Iterator[str]:
    """Yield what is not as usual in the way the windows lie."""
    if isinstance(layer, Pooling2D) and layer.strides != layer.pool_size:
        yield f"stride {_shortest(layer.strides)}"
    if isinstance(layer, UpSampling2D) and layer.interpolation != "nearest":
        yield layer.interpolation
    if isinstance(layer, Conv2D):
        if layer.strides != (1, 1):
            yield f"stride {_shortest(layer.strides)}"
        if layer.dilation_rate != (1, 1):
            yield f"dilation {_shortest(layer.dilation_rate)}"
        if layer.groups > 1:
            yield f"{layer.groups} groups"


def _pair(pair: Pair) -> str:
    return f"{pair[0]}x{pair[1]}"


def _sides(pair: Pair) -> str:
    """Return 1 for one pixel on both sides, else 1+2."""
    return str(pair[0]) if pair[0] == pair[1] else f"{pair[0]}+{pair[1]}"


def _shortest(pair: Pair) -> str:
    """Return 2 for twice the same, else 2x1."""
    return str(pair[0]) if pair[0] == pair[1] else _pair(pair)
