"""What is written under a layer's figure: its operation in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeGuard

from cnnx.activations import Activation, linear
from cnnx.geometry import Extents, Pair
from cnnx.layers.adaptive_pooling import AdaptivePooling
from cnnx.layers.convolution_layer import ConvolutionLayer
from cnnx.layers.dropout import DropoutLayer, GaussianNoise
from cnnx.layers.layer import Layer
from cnnx.layers.padding import Margins
from cnnx.layers.pooling import LocalPooling
from cnnx.layers.spectral_normalization import SpectralNormalization
from cnnx.layers.upsampling import UpSampling2D


def caption(layer: Layer, show_activation: bool) -> Iterator[str]:
    """Yield what a layer does, line by line."""
    yield f"{type(layer).__name__} {_measure(layer)}".rstrip()
    details = ", ".join(_details(layer))
    if details:
        yield details
    function: Any = getattr(layer, "activation", None)
    if show_activation and _is_said(layer, function):
        yield function.name
    count = layer.count_params()
    if count:
        frozen = "" if layer.trainable else ", frozen"
        yield f"{count:,} parameter{'s' if count > 1 else ''}{frozen}"


def _is_said(layer: Layer, function: Any) -> TypeGuard[Activation]:
    """Return whether a layer has an activation that the name of its class does not say already."""
    if not isinstance(function, Activation) or function is linear:
        return False
    return function.name.replace("_", "") != type(layer).__name__.lower()


def _measure(layer: Layer) -> str:
    """Return the size of a window, a factor, margins, how strong a noise is, or nothing."""
    if isinstance(layer, ConvolutionLayer):
        return _joined(layer.kernel_size)
    if isinstance(layer, LocalPooling):
        return _joined(layer.pool_size)
    if isinstance(layer, SpectralNormalization):
        return f"of {type(layer.layer).__name__} {_measure(layer.layer)}".rstrip()
    if isinstance(layer, AdaptivePooling):
        return f"to {_joined(layer.output_size)}"
    if isinstance(layer, UpSampling2D):
        return _joined(layer.size)
    if isinstance(layer, Margins):
        return "x".join(_sides(pair) for pair in layer.sides)
    if isinstance(layer, GaussianNoise):
        return f"{layer.stddev:g}"
    return f"{layer.rate:g}" if isinstance(layer, DropoutLayer) else ""


def _details(layer: Layer) -> Iterator[str]:
    """Yield what is not as usual in the way the windows lie."""
    if isinstance(layer, LocalPooling) and layer.strides != layer.pool_size:
        yield f"stride {_shortest(layer.strides)}"
    if isinstance(layer, UpSampling2D) and layer.interpolation != "nearest":
        yield layer.interpolation
    if isinstance(layer, ConvolutionLayer):
        if max(layer.strides) > 1:
            yield f"stride {_shortest(layer.strides)}"
        if max(layer.dilation_rate) > 1:
            yield f"dilation {_shortest(layer.dilation_rate)}"
        if layer.groups > 1:
            yield f"{layer.groups} groups"


def _joined(extents: Extents) -> str:
    return "x".join(map(str, extents))


def _sides(pair: Pair) -> str:
    """Return 1 for one pixel on both sides, else 1+2."""
    return str(pair[0]) if pair[0] == pair[1] else f"{pair[0]}+{pair[1]}"


def _shortest(extents: Extents) -> str:
    """Return 2 for twice the same, else 2x1."""
    return _joined(extents if len(set(extents)) > 1 else extents[:1])
