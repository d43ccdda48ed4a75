"""Dropout."""

from typing import Any

import numpy as np

from cnnx import _core, geometry
from cnnx.arrays import Float
from cnnx.layers.call import Call, Traits
from cnnx.layers.random_layer import RandomLayer


class NoiseLayer(RandomLayer):
    """
    What the dropout layers share: in training, elements are multiplied by random numbers.

    Subclasses implement `multiply`, by numbers that depend on a seed and the place of an element
    alone.

    Parameters
    ----------
    rate
        In [0, 1).
    seed
        None draws from the global generator; a whole number makes this layer repeatable by itself.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    any_size = True

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(seed, **kwargs)
        self.rate = geometry.number(rate, f"{self}: rate", 0, 1)

    def multiply(self, src: Float, dst: Float, noise_seed: int) -> None:
        """Write `src` times the random numbers of a seed to `dst`, which may be `src`."""
        raise NotImplementedError(f"{type(self).__name__} must implement multiply")

    traits = Traits(False, False, in_place=True, gradient_in_place=True, identity_in_use=True)

    def draw_seed(self) -> int:
        """Draw the seed of the random numbers for one batch."""
        return int(self.generator.bit_generator.random_raw())

    def forward(self, call: Call, x: Float) -> None:
        """Write the input times random numbers, or the input itself."""
        call.noise_seed = None
        if not call.training or self.rate == 0:
            np.copyto(call.y, x)
            return
        call.noise_seed = self.draw_seed()
        self.multiply(x, call.y, call.noise_seed)

    def backward(self, call: Call, dy: Float) -> None:
        """Multiply by the same numbers."""
        if call.noise_seed is None:
            np.copyto(call.dx[0], dy)
        else:
            self.multiply(dy, call.dx[0], call.noise_seed)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"rate": self.rate}


class Dropout(NoiseLayer):
    """
    In training, set each element to 0 with probability `rate` and divide the others by 1 - `rate`.

    Otherwise return the input as it is (Srivastava et al. 2014, "inverted" so that the expected
    value stays the same).

    Parameters are those of `NoiseLayer`: rate, seed.
    """

    def multiply(self, src: Float, dst: Float, noise_seed: int) -> None:
        """Multiply `src` by the random numbers."""
        _core.dropout(src, dst, self.rate, noise_seed)


class GaussianDropout(NoiseLayer):
    """
    In training, multiply each element by a normal number of mean 1 and variance rate / (1 - rate).

    Otherwise return the input as it is. Mean and variance of what multiplies an element are those
    of `Dropout` (Srivastava et al. 2014, section 10).

    Parameters are those of `NoiseLayer`: rate, seed.
    """

    def multiply(self, src: Float, dst: Float, noise_seed: int) -> None:
        """Multiply `src` by the random numbers."""
        _core.gaussian_dropout(src, dst, self.rate, noise_seed)
