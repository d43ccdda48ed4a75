"""Products of two matrices that the network computes."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnx import geometry
from cnnx.arrays import Float, Shape
from cnnx.layers.call import Call, Traits
from cnnx.layers.merging import Merging, give


class MatMul(Merging):
    """
    Multiply matrices: (batch, ..., m, k) and (batch, ..., k, n) to (batch, ..., m, n).

    An extent of 1 among the axes before the last two is repeated along the other's.

    Parameters are those of `Merging`.
    """

    def compute_output_shape(self, *input_shapes: Shape) -> Shape:
        """Return (batch, ..., m, n)."""
        try:
            (batch, *one), (_, *two) = input_shapes
            if len(one) != len(two) or len(one) < 2 or len({one[-1], two[-2]} - {None}) > 1:
                raise ValueError
            front = geometry.common_shape([one[:-2], two[:-2]])
        except ValueError:
            raise ValueError(
                f"{self} multiplies (batch, ..., m, k) by (batch, ..., k, n), got "
                f"{' and '.join(map(str, input_shapes))}"
            ) from None
        return (batch, *front, one[-2], two[-1])

    traits = Traits(reads_output=False)

    def forward(self, call: Call, a: Float, b: Float) -> None:
        """Write the products."""
        np.matmul(a, b, out=call.y)

    def backward(self, call: Call, dy: Float) -> None:
        """Write dy b^T and a^T dy, summed over what was repeated."""
        a, b = call.xs
        first, second = call.dx
        if first is not None:
            give(first, np.matmul(dy, b.swapaxes(-1, -2)))
        if second is not None:
            give(second, np.matmul(a.swapaxes(-1, -2), dy))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config()
