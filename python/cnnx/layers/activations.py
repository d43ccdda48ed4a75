"""Activation functions as layers of their own."""

from typing import Any

import numpy as np

from cnnx import activations, geometry
from cnnx.arrays import Float, Shape
from cnnx.buffer import Buffer
from cnnx.layers.layer import Layer


class Activation(Layer):
    """
    Apply a function to every element (softmax: to the last axis). 'linear' costs nothing.

    Parameters
    ----------
    activation
        Name or `cnnx.activations.Activation`.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    def __init__(self, activation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = activations.get(activation, f"{self}: activation")

    def build(self, input_shape: Shape) -> None:
        """Prepare the output's buffer."""
        if not self.activation.elementwise and len(input_shape) < 2:
            raise ValueError(f"{self} expects (batch, ..., outputs), got shape {input_shape}")
        self._output = Buffer(input_shape[1:])
        self._y = np.empty(0, np.float32)

    def forward(self, x: Float, training: bool) -> Float:
        """Return the function's values."""
        if self.activation is activations.linear:
            return x
        y = self._output.rows(len(x))
        self.activation.forward(x, y)
        self._y = y
        return y

    def backward(self, dy: Float) -> Float:
        """Apply the derivative to `dy` in place."""
        self.activation.backward(self._y, dy, dy)
        return dy

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"activation": self.activation.name}


class ReLU(Activation):
    """
    Apply max(x, 0); its derivative at 0 is 0.

    Parameters
    ----------
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("relu", **kwargs)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return Layer.get_config(self)


class Softmax(Activation):
    """
    Apply exp(x_i) / sum_j exp(x_j) over the last axis.

    Parameters
    ----------
    axis
        -1: the last axis.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__("softmax", **kwargs)
        if geometry.integer(axis, f"{self}: axis", minimum=-1) != -1:
            raise ValueError(f"{self}: axis must be -1, the last axis, got {axis!r}")

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return Layer.get_config(self)
