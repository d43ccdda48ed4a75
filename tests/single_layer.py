"""A layer by itself: forward and backward over arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnx.layers import Layer
from cnnx.layers.call import Call, alone, take_gradients, take_output

Array = NDArray[Any]


def forward(layer: Layer, x: Any, training: bool = True) -> Call:
    """Return the call of a layer, with the output in `y`."""
    call = alone(layer, np.ascontiguousarray(x, np.float32), training=training)
    y = layer.forward(call, *call.xs)
    if y is not None:
        take_output(call, y)
    return call


def backward(layer: Layer, call: Call, dy: Any) -> Array:
    """Return the gradient of the input; `dy` stays as it is."""
    dx = layer.backward(call, np.array(dy, np.float32))
    if dx is not None:
        take_gradients(call, dx)
    gradient: Array = call.dx[0]
    return gradient


def both(layer: Layer, x: Any, dy: Any) -> tuple[Array, Array]:
    """Return output and input's gradient in training."""
    call = forward(layer, x)
    y = call.y.copy()
    return y, backward(layer, call, dy)
