"""The declared shape of a model's input."""

import weakref
from collections.abc import Sequence
from typing import Any, Never

from cnnx import geometry
from cnnx.arrays import Float
from cnnx.layers.call import Call, Traits
from cnnx.layers.layer import Layer
from cnnx.layers.value import Node, Value


class InputLayer(Layer):
    """
    Tell a model the shape of its samples, so that it is built at once.

    Parameters
    ----------
    shape
        Shape of one sample, without the batch, such as (28, 28, 1); None leaves a size open.
    name
        By default input_layer, input_layer_1, ....
    """

    def __init__(self, shape: Sequence[int | None], name: str | None = None) -> None:
        super().__init__(input_shape=shape, name=name)
        self.shape = geometry.open_shape(shape, f"{self}: shape")
        geometry.check_elements(self.shape, f"{self}: a sample")

    traits = Traits(False, False, view=True)

    def value(self) -> Value:
        """Return the input as a value of a network."""
        return self._use(())

    def _use(self, values: Sequence[Value]) -> Value:
        self.built = True
        self.input_shape = self.output_shape = (None, *self.shape)
        value = Value(self.output_shape, Node(self, ()))
        self._values = [weakref.ref(value)]
        return value

    def forward(self, call: Call, x: Float) -> Float:
        """Return the batch itself."""
        return x

    def backward(self, call: Call, dy: Float) -> Float:
        """Return the gradient itself."""
        return dy

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"shape": list(self.shape), "name": self.name}


def Input(  # noqa: N802
    shape: Sequence[int | None], name: str | None = None, *more: Never
) -> Value:
    """
    Return an input of a network: layers called on it, and on what they return, make the network.

    A `Sequential` may begin with it: `Sequential([Input((28, 28, 1)), ...])`.

    Parameters
    ----------
    shape
        Shape of one sample, without the batch. None leaves a size open: (None, None, 3) is for
        images of any size, those of one batch being of one size.
    name
        By default input_layer, input_layer_1, ....
    """
    if more or isinstance(name, int):  # Input(28, 28, 1)
        raise TypeError("Input: shape must be one tuple, such as Input((28, 28, 1))")
    return InputLayer(shape, name).value()
