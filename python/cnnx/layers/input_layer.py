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
    shape, batch_size, dtype, batch_shape, name
        As for `Input`.
    """

    def __init__(
        self,
        shape: Sequence[int | None] | None = None,
        batch_size: int | None = None,
        dtype: Any = None,
        *,
        batch_shape: Sequence[int | None] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        if (shape is None) == (batch_shape is None):
            raise TypeError(f"{self}: give shape, or batch_shape, which has the batch before it")
        if batch_shape is not None:
            if not (isinstance(batch_shape, (tuple, list)) and batch_shape):
                raise TypeError(
                    f"{self}: batch_shape must be a tuple such as (None, 28, 28, 1), got "
                    f"{batch_shape!r}"
                )
            batch_size, *shape = batch_shape
        if batch_size is not None:
            geometry.integer(batch_size, f"{self}: batch_size")
        self.shape = geometry.open_shape(shape, f"{self}: shape")
        self.declared_input_shape = self.shape
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
    shape: Sequence[int | None] | None = None,
    batch_size: int | None = None,
    dtype: Any = None,
    *more: Never,
    batch_shape: Sequence[int | None] | None = None,
    name: str | None = None,
) -> Value:
    """
    Return an input of a network: layers called on it, and on what they return, make the network.

    A `Sequential` may begin with it: `Sequential([Input((28, 28, 1)), ...])`.

    Parameters
    ----------
    shape
        Shape of one sample, without the batch. None leaves a size open: (None, None, 3) is for
        images of any size, those of one batch being of one size.
    batch_size
        Samples in a batch, for Keras' sake alone: every network takes batches of any number.
    dtype
        None or "float32"; samples of other types are converted batch by batch.
    batch_shape
        batch_size and shape in one, in place of both: (None, 28, 28, 1).
    name
        By default input_layer, input_layer_1, ....
    """
    if more or (isinstance(shape, int) and not isinstance(shape, bool)):  # Input(28, 28, 1)
        raise TypeError("Input: shape must be one tuple, such as Input((28, 28, 1))")
    if isinstance(batch_size, str):
        raise TypeError(f"Input: give the name by name: Input(shape, name={batch_size!r})")
    return InputLayer(shape, batch_size, dtype, batch_shape=batch_shape, name=name).value()
