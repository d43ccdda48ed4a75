"""Fully connected layer."""

from typing import Any

from cnnx import _core, geometry
from cnnx.arrays import Float, Shape
from cnnx.layers.call import Call
from cnnx.layers.linear import LinearLayer


class Dense(LinearLayer):
    """
    Weigh all inputs into each output: y = activation(x kernel + bias).

    Input (batch, ..., inputs), output (batch, ..., units), kernel (inputs, units); with more than
    two axes the last alone is transformed.

    Parameters
    ----------
    units
        Number of outputs.
    activation
        Name or `cnnx.activations.Activation`; None is linear.
    use_bias
        Whether to add a bias to each output.
    kernel_initializer, bias_initializer
        Name or `cnnx.initializers.Initializer`.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **kwargs: Any,
    ) -> None:
        super().__init__(activation, use_bias, kernel_initializer, bias_initializer, **kwargs)
        self.units = geometry.integer(units, f"{self}: units")

    def kernel_shape(self, input_shape: Shape) -> tuple[int, ...]:
        """Return (inputs, units)."""
        if len(input_shape) < 2:
            raise ValueError(f"{self} expects (batch, ..., inputs), got shape {input_shape}")
        return input_shape[-1], self.units

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (batch, ..., units)."""
        return (*input_shape[:-1], self.units)

    def net_input(self, call: Call, x: Float) -> None:
        """Write x kernel + bias."""
        _core.dense_forward(_matrix(x), self.kernel.value, self.bias_value, _matrix(call.y))

    def net_input_backward(self, call: Call, dz: Float) -> None:
        """Write the gradients of kernel, bias and input."""
        gradients, (dx,) = _matrix(dz), call.dx
        kernel, bias = call.gradient(self.kernel), call.gradient(self.bias)
        if kernel is not None:
            _core.dense_backward_weights(_matrix(call.xs[0]), gradients, kernel, bias)
        elif bias is not None:
            _core.bias_add_backward(gradients, bias)
        if dx is not None:
            _core.dense_backward_data(gradients, self.kernel.value, _matrix(dx))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"units": self.units}


def _matrix(array: Float) -> Float:
    return array if array.ndim == 2 else array.reshape(-1, array.shape[-1])
