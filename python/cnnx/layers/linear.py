"""What Conv2D and Dense share: kernel, bias and activation."""

from typing import Any

import numpy as np

from cnnx import activations, initializers
from cnnx.arrays import Float, Shape
from cnnx.buffer import Buffer
from cnnx.layers.layer import Layer
from cnnx.layers.weight import Weight


class LinearLayer(Layer):
    """
    A layer activation(x * kernel + bias) for some product *.

    Subclasses implement `kernel_shape`, `compute_output_shape`, `preactivation` and
    `backward_preactivation`. The plan calls the last two alone where the activation is fused with
    the loss.
    """

    kernel: Weight
    bias: Weight | None

    def __init__(
        self,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.activation = activations.get(activation, f"{self}: activation")
        self.use_bias = bool(use_bias)
        self.kernel_initializer = initializers.get(
            kernel_initializer, f"{self}: kernel_initializer"
        )
        self.bias_initializer = initializers.get(bias_initializer, f"{self}: bias_initializer")

    def kernel_shape(self, input_shape: Shape) -> tuple[int, ...]:
        """Check `input_shape` and return the kernel's shape, outputs last."""
        raise NotImplementedError(f"{type(self).__name__} must implement kernel_shape")

    def bias_shape(self, output_shape: Shape) -> tuple[int, ...]:
        """Return the bias's shape: one for each output channel."""
        return output_shape[-1:]

    def preactivation(self, x: Float, training: bool) -> Float:
        """Return x * kernel + bias in the layer's output buffer."""
        raise NotImplementedError(f"{type(self).__name__} must implement preactivation")

    def backward_preactivation(self, dz: Float) -> Float | None:
        """Do what `backward` does, for the gradient of the preactivation."""
        raise NotImplementedError(f"{type(self).__name__} must implement backward_preactivation")

    def build(self, input_shape: Shape) -> None:
        """Create kernel and bias."""
        shape = self.kernel_shape(input_shape)
        output_shape = self.compute_output_shape(input_shape)
        self.kernel = self.add_weight("kernel", shape, self.kernel_initializer)
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                "bias", self.bias_shape(output_shape), self.bias_initializer
            )
        self._output = Buffer(output_shape[1:])
        self._input_gradient = Buffer(input_shape[1:])
        self._x = self._y = np.empty(0, np.float32)

    def forward(self, x: Float, training: bool) -> Float:
        """Return activation(x * kernel + bias)."""
        y = self.preactivation(x, training)
        self.activation.forward(y, y)
        self._y = y
        return y

    def backward(self, dy: Float) -> Float | None:
        """Apply the activation's derivative to `dy` in place, then the linear part's."""
        self.activation.backward(self._y, dy, dy)
        return self.backward_preactivation(dy)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {
            "activation": self.activation.name,
            "use_bias": self.use_bias,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
        }
