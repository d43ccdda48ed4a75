"""Dropout."""

from typing import Any

from cnnx import _core, geometry
from cnnx.arrays import Float, Shape
from cnnx.buffer import Buffer
from cnnx.layers.random_layer import RandomLayer


class NoiseLayer(RandomLayer):
    """
    What the dropout layers share: in training, elements are multiplied by random numbers.

    Subclasses implement `multiply`, by numbers that depend on `noise_seed` and the place of an
    element alone.

    Parameters
    ----------
    rate
        In [0, 1).
    seed
        None draws from the global generator; a whole number makes this layer repeatable by itself.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(seed, **kwargs)
        self.rate = geometry.number(rate, f"{self}: rate", 0, 1)
        self.noise_seed = 0

    def multiply(self, src: Float, dst: Float) -> None:
        """Write `src` times the random numbers to `dst`, which may be `src`."""
        raise NotImplementedError(f"{type(self).__name__} must implement multiply")

    def build(self, input_shape: Shape) -> None:
        """Prepare the output's buffer."""
        self._output = Buffer(input_shape[1:])

    def forward(self, x: Float, training: bool) -> Float:
        """Return the input times random numbers, or the input itself."""
        if not training or self.rate == 0:
            return x
        self.noise_seed = self.generator.bit_generator.random_raw()
        y = self._output.rows(len(x))
        self.multiply(x, y)
        return y

    def backward(self, dy: Float) -> Float:
        """Multiply `dy` by the same numbers, in place."""
        if self.rate > 0:
            self.multiply(dy, dy)
        return dy

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

    def multiply(self, src: Float, dst: Float) -> None:
        """Multiply `src` by the random numbers."""
        _core.dropout(src, dst, self.rate, self.noise_seed)


class GaussianDropout(NoiseLayer):
    """
    In training, multiply each element by a normal number of mean 1 and variance rate / (1 - rate).

    Otherwise return the input as it is. Mean and variance of what multiplies an element are those
    of `Dropout` (Srivastava et al. 2014, section 10).

    Parameters are those of `NoiseLayer`: rate, seed.
    """

    def multiply(self, src: Float, dst: Float) -> None:
        """Multiply `src` by the random numbers."""
        _core.gaussian_dropout(src, dst, self.rate, self.noise_seed)
