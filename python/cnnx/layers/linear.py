"""What convolutions and Dense share: kernel, bias and activation."""

from typing import Any, ClassVar

import numpy as np

from cnnx import activations, initializers
from cnnx.arrays import Float, Shape
from cnnx.layers.call import Call, Traits
from cnnx.layers.layer import Layer
from cnnx.layers.weight import Weight


class LinearLayer(Layer):
    """
    A layer activation(x * kernel + bias) for some product *.

    Subclasses implement `kernel_shape`, `compute_output_shape`, `net_input` and
    `net_input_backward`. A plan calls the last two alone where the activation is fused with the
    loss.
    """

    kernel_name: ClassVar[str] = "kernel"
    """Name of the weight."""
    kernel_argument: ClassVar[str] = "kernel"
    """How the constructor's arguments for the kernel begin."""
    kernel: Weight
    bias: Weight | None

    def __init__(
        self,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.activation = activations.get(activation, f"{self}: activation")
        self.use_bias = bool(use_bias)
        self.kernel_initializer = initializers.get(
            kernel_initializer, f"{self}: {self.kernel_argument}_initializer"
        )
        self.bias_initializer = initializers.get(bias_initializer, f"{self}: bias_initializer")
        self.restrain(self.kernel_name, self.kernel_argument, kernel_regularizer, kernel_constraint)
        self.restrain("bias", "bias", bias_regularizer, bias_constraint)

    def kernel_shape(self, input_shape: Shape) -> tuple[int, ...]:
        """Check `input_shape` and return the kernel's shape, outputs last."""
        raise NotImplementedError(f"{type(self).__name__} must implement kernel_shape")

    def bias_shape(self, output_shape: Shape) -> tuple[int, ...]:
        """Return the bias's shape: one for each output channel."""
        return output_shape[-1:]

    def net_input(self, call: Call, x: Float) -> None:
        """Write x * kernel + bias to `call.y`."""
        raise NotImplementedError(f"{type(self).__name__} must implement net_input")

    def net_input_backward(self, call: Call, dz: Float) -> None:
        """Do what `backward` does, for the gradient of the net input."""
        raise NotImplementedError(f"{type(self).__name__} must implement net_input_backward")

    @property
    def traits(self) -> Traits:
        """The input is read for the kernel's gradient, the output for the activation's."""
        of_output = not self.activation.of_input and self.activation is not activations.linear
        return Traits(
            reads_inputs=bool(self.trainable_weights),
            reads_output=of_output,
            native=self.activation.native and not self.activation.of_input,
        )

    @property
    def bias_value(self) -> Float | None:
        """The bias, or None if there is none."""
        return None if self.bias is None else self.bias.value

    def build(self, input_shape: Shape) -> None:
        """Create kernel and bias."""
        output_shape = self.compute_output_shape(input_shape)
        self.activation.check_axis(output_shape, f"{self}: activation")
        self.add_kernels(input_shape)
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                "bias", self.bias_shape(output_shape), self.bias_initializer
            )

    def add_kernels(self, input_shape: Shape) -> None:
        """Create the weights that come before the bias."""
        shape = self.kernel_shape(input_shape)
        self.kernel = self.add_weight(self.kernel_name, shape, self.kernel_initializer)

    def forward(self, call: Call, x: Float) -> None:
        """Write activation(x * kernel + bias)."""
        self.net_input(call, x)
        if self.activation.of_input and call.differentiates:
            np.copyto(self._kept_net_input(call), call.y)
        self.activation.forward(call.y, call.y)

    def backward(self, call: Call, dy: Float) -> None:
        """Apply the activation's derivative to `dy` in place, then the linear part's."""
        seen = self._kept_net_input(call) if self.activation.of_input else call.y
        self.activation.backward(seen, dy, dy)
        self.net_input_backward(call, dy)

    def _kept_net_input(self, call: Call) -> Float:
        return call.keep("net input", call.y.shape[1:])

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            f"{self.kernel_argument}_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
        }
