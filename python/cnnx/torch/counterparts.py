"""What the weights of layers are called and how they lie in PyTorch's modules."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from cnnx.arrays import Array, Float, Label
from cnnx.layers import (
    BatchNormalization,
    Dense,
    GroupNormalization,
    LayerNormalization,
    Normalization,
    PReLU,
)
from cnnx.layers.convolution import Convolution
from cnnx.layers.convolution_layer import ConvolutionLayer
from cnnx.layers.depthwise import Depthwise
from cnnx.layers.layer import Layer
from cnnx.layers.separable import Separable
from cnnx.layers.transposed import Transposed
from cnnx.layers.weight import Weight
from cnnx.torch.flat_order import FlatOrders

__all__ = ["Counterpart", "counterparts"]


class Place(NamedTuple):
    """
    Where a weight is in PyTorch.

    Attributes
    ----------
    weight
        Ours.
    shape
        Of PyTorch's tensor.
    ours
        Turns PyTorch's tensor into our array.
    theirs
        Turns our array into PyTorch's.
    """

    weight: Weight
    shape: tuple[int, ...]
    ours: Callable[[Array], Array]
    theirs: Callable[[Float], Array]


Counterpart = dict[str, Place]
"""The tensors of one module of PyTorch, by their names."""


def counterparts(layer: Layer, orders: FlatOrders) -> list[Counterpart]:
    """
    Return the modules that a layer is in PyTorch: two for a separable convolution, else one.

    The Normalization of pictures is none: PyTorch leaves it to what comes before the network.

    A layer of the user's own has tensors that are called and lie as its weights do.

    Raises
    ------
    ValueError
        PyTorch has no such layer.
    """
    if isinstance(layer, Normalization):
        return []
    kept, made = orders.inputs.get(layer), orders.outputs.get(layer)
    if isinstance(layer, Separable):
        bias = {} if layer.bias is None else {"bias": _vector(layer.bias)}
        return [
            {"weight": _depthwise(layer.depthwise_kernel)},
            {"weight": _kernel(layer.pointwise_kernel), **bias},
        ]
    if isinstance(layer, (ConvolutionLayer, Dense)):
        if isinstance(layer, Convolution) and _has_odd_bias(layer):
            raise ValueError(f"{layer}: PyTorch's bias is one number a channel, and added")
        if isinstance(layer, Depthwise):
            found = {"weight": _depthwise(layer.kernel)}
        elif isinstance(layer, Transposed):
            found = {"weight": _kernel(layer.kernel)}
        elif isinstance(layer, Dense):
            found = {"weight": _matrix(layer.kernel, kept, made)}
        else:
            rotated = isinstance(layer, Convolution) and layer.operation == "convolution"
            found = {"weight": _kernel(layer.kernel, rotated)}
        return [found if layer.bias is None else found | {"bias": _vector(layer.bias, made)}]
    if isinstance(layer, (BatchNormalization, GroupNormalization, LayerNormalization)):
        order = kept if made is None else made
        names = ("gamma", "beta", "moving_mean", "moving_variance")
        theirs = ("weight", "bias", "running_mean", "running_var")
        weights = [
            (name, getattr(layer, own, None)) for name, own in zip(theirs, names, strict=True)
        ]
        return [{name: _vector(weight, order) for name, weight in weights if weight is not None}]
    if isinstance(layer, PReLU):
        return [{"weight": _row(layer.alpha)}]
    return [{weight.name: _vector(weight) for weight in layer.weights}]


def _has_odd_bias(layer: Convolution) -> bool:
    return layer.use_bias and (layer.bias_sharing, layer.bias_operation) != ("tied", "add")


def _kernel(weight: Weight, rotated: bool = False) -> Place:
    """Return the place of (height, width, a, b), which is (b, a, height, width) there."""
    *pixels, first, last = range(len(weight.shape))
    axes = (last, first, *pixels)
    turned = tuple(range(2, len(axes))) if rotated else ()
    shape = tuple(weight.shape[axis] for axis in axes)
    back = np.argsort(axes)
    return Place(
        weight,
        shape,
        lambda theirs: np.flip(theirs, turned).transpose(back),
        lambda ours: np.flip(ours.transpose(axes), turned),
    )


def _depthwise(weight: Weight) -> Place:
    """Return the place of (height, width, c, m), which is (c m, 1, height, width) there."""
    *pixels, channels, multiplier = weight.shape
    shape = (channels * multiplier, 1, *pixels)
    return Place(
        weight,
        shape,
        lambda theirs: np.moveaxis(theirs.reshape(channels, multiplier, *pixels), (0, 1), (-2, -1)),
        lambda ours: np.moveaxis(ours, (-2, -1), (0, 1)).reshape(shape),
    )


def _matrix(weight: Weight, kept: Label | None, made: Label | None) -> Place:
    """Return the place of (inputs, outputs), which is (outputs, inputs) there."""
    rows = np.arange(weight.shape[0]) if kept is None else kept
    columns = np.arange(weight.shape[1]) if made is None else made
    back = np.argsort(columns), np.argsort(rows)
    return Place(
        weight,
        weight.shape[::-1],
        lambda theirs: theirs[np.ix_(columns, rows)].T,
        lambda ours: ours.T[np.ix_(*back)],
    )


def _vector(weight: Weight, order: Label | None = None) -> Place:
    """Return the place of a weight that has the same shape there."""
    if order is None or len(weight.shape) != 1:
        return Place(weight, weight.shape, lambda theirs: theirs, lambda ours: ours)
    back = np.argsort(order)
    return Place(weight, weight.shape, lambda theirs: theirs[order], lambda ours: ours[back])


def _row(weight: Weight) -> Place:
    """Return the place of slopes that are one or one a channel, in one row there."""
    if weight.size != weight.shape[-1]:
        raise ValueError(
            f"{weight.path} has shape {weight.shape}: PyTorch's PReLU has one slope a channel; "
            "give the layer shared_axes"
        )
    return Place(
        weight,
        (weight.size,),
        lambda theirs: theirs.reshape(weight.shape),
        lambda ours: ours.ravel(),
    )
