"""Activation functions as layers of their own."""

from typing import Any

from cnnx import activations, geometry
from cnnx.arrays import Float, Shape
from cnnx.layers.call import Call, Traits
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

    any_size = True

    def __init__(self, activation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = activations.get(activation, f"{self}: activation")

    @property
    def traits(self) -> Traits:
        """The derivative is computed from the output; a linear function is no operation."""
        linear = self.activation is activations.linear
        return Traits(reads_inputs=False, in_place=True, gradient_in_place=True, view=linear)

    def build(self, input_shape: Shape) -> None:
        """Check that there is an axis for a softmax."""
        if not self.activation.elementwise and len(input_shape) < 2:
            raise ValueError(f"{self} expects (batch, ..., outputs), got shape {input_shape}")

    def forward(self, call: Call, x: Float) -> None:
        """Write the function's values."""
        self.activation.forward(x, call.y)

    def backward(self, call: Call, dy: Float) -> None:
        """Multiply by the derivative."""
        self.activation.backward(call.y, dy, call.dx[0])

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
