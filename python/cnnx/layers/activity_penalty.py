"""What `activity_regularizer` adds to the loss."""

from __future__ import annotations

import numpy as np

from cnnx.arrays import Float
from cnnx.geometry import number
from cnnx.layers.call import Call, Traits
from cnnx.layers.layer import Layer
from cnnx.layers.reshaping import Identity
from cnnx.regularizers import L1L2, Regularizer


class ActivityRegularization(Identity):
    """
    Return the input as it is, and add (l1 sum |x| + l2 sum x^2) / samples to the loss.

    Parameters
    ----------
    l1, l2
        Factors, >= 0.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.l1 = number(l1, f"{self}: l1", 0, float("inf"))
        self.l2 = number(l2, f"{self}: l2", 0, float("inf"))
        self.activity_regularizer = L1L2(self.l1, self.l2)

    def get_config(self) -> dict[str, object]:
        """Return the constructor's arguments."""
        config = super().get_config()
        del config["activity_regularizer"]
        return config | {"l1": self.l1, "l2": self.l2}


class ActivityPenalty(Layer):
    """
    Hands a layer's output on, and measures it: a step of training, and no layer of a network.

    The penalty is that of all samples over their number, as in Keras.

    Parameters
    ----------
    regularizer
        Of the layer.

    Attributes
    ----------
    rows
        Over how many samples the penalty is the mean; None for those of the batch.
    value
        The penalty of the last batch.
    """

    any_size = True
    traits = Traits(reads_inputs=False, in_place=True, gradient_in_place=True)

    def __init__(self, regularizer: Regularizer) -> None:
        super().__init__(name="activity_penalty")
        self._regularizer = regularizer
        self._rows: int | None = None
        self._value = 0.0

    @property
    def value(self) -> float:
        """The penalty of the last batch."""
        return self._value

    def share_rows(self, rows: int | None) -> None:
        """Say over how many samples the penalty is the mean."""
        self._rows = rows

    def _share(self, call: Call) -> float:
        return 1 / max(len(call.y) if self._rows is None else self._rows, 1)

    def forward(self, call: Call, x: Float) -> None:
        """Measure the output."""
        np.copyto(call.y, x)
        self._value = self._regularizer.penalty(call.y) * self._share(call)

    def backward(self, call: Call, dy: Float) -> None:
        """Add the penalty's derivative."""
        np.copyto(call.dx[0], dy)
        self._regularizer.add_gradient(call.y, call.dx[0], self._share(call))
