"""Normalisation of each number by those of the channels beside it."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnx import geometry
from cnnx.arrays import Float, Shape
from cnnx.layers.call import Call, Traits
from cnnx.layers.layer import Layer


class LocalResponseNormalization(Layer):
    r"""
    Divide each number by what the channels beside it hold (Krizhevsky et al. 2012, section 3.3).

    .. math::

        y_c = \frac{x_c}{(\mathrm{bias} + \frac{\alpha}{\mathrm{size}} \sum_j x_j^2)^\beta}

    The sum runs over `size` channels around c, one more after it than before if their number is
    even.

    Parameters
    ----------
    size
        Number of channels in the sum.
    alpha, beta, bias
        As above; bias > 0.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    any_size = True

    def __init__(
        self,
        size: int = 5,
        alpha: float = 1e-4,
        beta: float = 0.75,
        bias: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.size = geometry.integer(size, f"{self}: size")
        self.alpha = geometry.number(alpha, f"{self}: alpha", 0, np.inf)
        self.beta = geometry.number(beta, f"{self}: beta", 0, np.inf)
        self.bias = geometry.number(bias, f"{self}: bias", 1e-12, np.inf)

    traits = Traits(gradient_in_place=False)

    def build(self, input_shape: Shape) -> None:
        """Check that there are channels."""
        if len(input_shape) < 2:
            raise ValueError(f"{self} expects (batch, ..., channels), got shape {input_shape}")

    def forward(self, call: Call, x: Float) -> None:
        """Write the normalised numbers; keep what they were divided by."""
        before, after = (self.size - 1) // 2, self.size // 2
        sums = _sums(np.square(x, dtype=np.float64), before, after)
        call.base = self.bias + self.alpha / self.size * sums
        call.y[...] = x * call.base**-self.beta

    def backward(self, call: Call, dy: Float) -> None:
        """
        Write the gradient of the input.

        With b the base, dx_c is dy_c b_c^-beta, less 2 alpha beta / size x_c times the sum of
        dy_j x_j b_j^(-beta - 1) over the channels j whose sums hold c.
        """
        x = call.xs[0]
        before, after = (self.size - 1) // 2, self.size // 2
        part = _sums(dy * x * call.base ** (-self.beta - 1), after, before)
        part *= 2 * self.alpha * self.beta / self.size
        call.dx[0][...] = dy * call.base**-self.beta - x * part

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {
            "size": self.size,
            "alpha": self.alpha,
            "beta": self.beta,
            "bias": self.bias,
        }


def _sums(x: Any, before: int, after: int) -> Any:
    """Return for each channel the sum over those from so many before it to so many after it."""
    channels = x.shape[-1]
    before, after = min(before, channels), min(after, channels)
    total = np.zeros((*x.shape[:-1], channels + 1))
    np.cumsum(x, axis=-1, out=total[..., 1:])
    places = np.arange(channels)
    return (
        total[..., np.minimum(places + after + 1, channels)]
        - total[..., np.maximum(places - before, 0)]
    )
