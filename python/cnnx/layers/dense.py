"""Fully connected layer."""

from typing import Any

from cnnx import _core, geometry
from cnnx.arrays import Float, Shape
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

    def build(self, input_shape: Shape) -> None:
        """Create kernel and bias."""
        super().build(input_shape)
        self._is_matrix = len(input_shape) == 2

    def _matrix(self, array: Float) -> Float:
        return array if self._is_matrix else array.reshape(-1, array.shape[-1])

    def preactivation(self, x: Float, training: bool) -> Float:
        """Return x kernel + bias."""
        y = self._output.rows(len(x))
        bias = None if self.bias is None else self.bias.value
        _core.dense_forward(self._matrix(x), self.kernel.value, bias, self._matrix(y))
        if training:
            self._x = x
        return y

    def backward_preactivation(self, dz: Float) -> Float | None:
        """Write the gradients of kernel and bias; return the input's."""
        if self.trainable:
            diff_bias = None if self.bias is None else self.bias.gradient
            _core.dense_backward_weights(
                self._matrix(self._x), self._matrix(dz), self.kernel.gradient, diff_bias
            )
        if not self.needs_input_gradient:
            return None
        dx = self._input_gradient.rows(len(dz))
        _core.dense_backward_data(self._matrix(dz), self.kernel.value, self._matrix(dx))
        return dx

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"units": self.units}
