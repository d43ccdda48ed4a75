"""Activation functions as layers of their own."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnx import activations, geometry, initializers
from cnnx.arrays import Float, Shape
from cnnx.layers.call import Call, Traits
from cnnx.layers.layer import Layer, open_size_error
from cnnx.layers.weight import Weight


class Activation(Layer):
    """
    Apply a function to every element, or along an axis (softmax, log_softmax).

    'linear' costs nothing.

    Parameters
    ----------
    activation
        Name, `cnnx.activations.Activation`, or whatever else `cnnx.activations.get` takes.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    any_size = True

    def __init__(self, activation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = activations.get(activation, f"{self}: activation")

    @property
    def applied_alone(self) -> activations.Activation:
        """The function, for a layer whose `activation` is this layer."""
        return self.activation

    @property
    def traits(self) -> Traits:
        """The derivative is computed from input or output; a linear function is no operation."""
        return Traits(
            reads_inputs=self.activation.of_input,
            reads_output=not self.activation.of_input,
            in_place=True,
            gradient_in_place=True,
            view=self.activation is activations.linear,
            native=self.activation.native,
        )

    def build(self, input_shape: Shape) -> None:
        """Check that there is an axis for a softmax."""
        self.activation.check_axis(input_shape, str(self))

    def forward(self, call: Call, x: Float) -> None:
        """Write the function's values."""
        self.activation.forward(x, call.y)

    def backward(self, call: Call, dy: Float) -> None:
        """Multiply by the derivative."""
        seen = call.xs[0] if self.activation.of_input else call.y
        self.activation.backward(seen, dy, call.dx[0])

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"activation": activations.serialize(self.activation)}


class ReLU(Activation):
    """
    Apply max(x, 0), or a function like it; its derivative at 0 is 0.

    y = min(x, max_value) where x > threshold, else negative_slope (x - threshold). Where two pieces
    meet the derivative is 0. max_value=6 gives relu6 (Howard et al. 2017, MobileNets).

    Parameters
    ----------
    max_value
        Largest output, >= 0; None is no limit.
    negative_slope
        Slope below the threshold, >= 0.
    threshold
        Where the slope begins, >= 0.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    def __init__(
        self,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__("relu", **kwargs)
        self.max_value = None if max_value is None else _not_negative(self, "max_value", max_value)
        self.negative_slope = _not_negative(self, "negative_slope", negative_slope)
        self.threshold = _not_negative(self, "threshold", threshold)
        self.activation = activations.relu.configured(
            self.negative_slope, self.max_value, self.threshold
        )

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return Layer.get_config(self) | {
            "max_value": self.max_value,
            "negative_slope": self.negative_slope,
            "threshold": self.threshold,
        }


class LeakyReLU(Activation):
    """
    Apply x where x > 0, else negative_slope x, with that slope at 0 (Maas et al. 2013).

    Parameters
    ----------
    negative_slope
        Slope below 0, >= 0.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any) -> None:
        super().__init__("leaky_relu", **kwargs)
        self.negative_slope = _not_negative(self, "negative_slope", negative_slope)
        self.activation = activations.leaky_relu.configured(self.negative_slope)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return Layer.get_config(self) | {"negative_slope": self.negative_slope}


class ELU(Activation):
    """
    Apply x where x > 0, else alpha (e^x - 1) (Clevert et al. 2016).

    Parameters
    ----------
    alpha
        How far below 0 the output comes, >= 0.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    def __init__(self, alpha: float = 1.0, **kwargs: Any) -> None:
        super().__init__("elu", **kwargs)
        self.alpha = _not_negative(self, "alpha", alpha)
        self.activation = activations.elu.configured(self.alpha)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return Layer.get_config(self) | {"alpha": self.alpha}


def _not_negative(layer: Layer, name: str, value: Any) -> float:
    return geometry.number(value, f"{layer}: {name}", 0, np.inf)


class PReLU(Layer):
    """
    Apply x where x > 0, else alpha x, with slopes alpha that are learned (He et al. 2015).

    Each element of a sample has a slope of its own, except along `shared_axes`.

    Parameters
    ----------
    alpha_initializer
        Name or `cnnx.initializers.Initializer` of the slopes.
    shared_axes
        Axes along which all elements have the same slope, the batch being axis 0: (1, 2) gives each
        channel of images one. None shares none.
    alpha_regularizer, alpha_constraint
        Name or object of `cnnx.regularizers`, and of `cnnx.constraints`; None for none.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    alpha: Weight

    def __init__(
        self,
        alpha_initializer: Any = "zeros",
        *,
        shared_axes: int | Sequence[int] | None = None,
        alpha_regularizer: Any = None,
        alpha_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.restrain("alpha", "alpha", alpha_regularizer, alpha_constraint)
        self.alpha_initializer = initializers.get(alpha_initializer, f"{self}: alpha_initializer")
        shared = () if shared_axes is None else shared_axes
        self.shared_axes = geometry.integers(shared, f"{self}: shared_axes")

    def build(self, input_shape: Shape) -> None:
        """Create the slopes."""
        if max(self.shared_axes, default=0) >= len(input_shape):
            raise ValueError(
                f"{self}: shared_axes={self.shared_axes} must be less than {len(input_shape)}, the "
                f"number of axes of shape {input_shape}"
            )
        shape = tuple(
            1 if axis in self.shared_axes else extent
            for axis, extent in enumerate(input_shape[1:], start=1)
        )
        if None in shape:
            axes = tuple(range(1, len(input_shape) - 1))
            need, remedy = "has a slope for each place", f"share them: shared_axes={axes}"
            raise open_size_error(self, input_shape, need, remedy)
        self.alpha = self.add_weight("alpha", shape, self.alpha_initializer)

    traits = Traits(reads_output=False, gradient_in_place=True)

    def forward(self, call: Call, x: Float) -> None:
        """Write x where x > 0, else alpha x."""
        np.multiply(x, self._slopes(x), out=call.y)

    def backward(self, call: Call, dy: Float) -> None:
        """Write the gradients of the slopes and of the input."""
        (x,), (dx,), alpha = call.xs, call.dx, call.gradient(self.alpha)
        if alpha is not None:
            axes = (0, *self.shared_axes)
            total = (dy * np.minimum(x, 0)).sum(axis=axes, dtype=np.float64, keepdims=True)
            np.copyto(alpha, total[0], casting="same_kind")
        if dx is not None:
            np.multiply(dy, self._slopes(x), out=dx)

    def _slopes(self, x: Float) -> Float:
        return np.where(x > 0, np.float32(1), self.alpha.value)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {
            "alpha_initializer": initializers.serialize(self.alpha_initializer),
            "shared_axes": list(self.shared_axes) or None,
        }


class Softmax(Activation):
    """
    Apply exp(x_i) / sum_j exp(x_j) along an axis.

    Parameters
    ----------
    axis
        Which one, the batch being axis 0; by default the last.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__("softmax", **kwargs)
        self.axis = geometry.integer(axis, f"{self}: axis", minimum=-64)
        self.activation = activations.softmax.configured(self.axis)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return Layer.get_config(self) | {"axis": self.axis}
