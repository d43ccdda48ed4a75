"""Dropout."""

from typing import Any

from cnnx import _core, geometry, random
from cnnx.arrays import Float, Shape
from cnnx.buffer import Buffer
from cnnx.layers.layer import Layer


class Dropout(Layer):
    """
    In training, set each element to 0 with probability `rate` and divide the others by 1 - `rate`.

    Otherwise return the input as it is (Srivastava et al. 2014, "inverted" so that the expected
    value stays the same).

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
        super().__init__(**kwargs)
        self.rate = geometry.number(rate, f"{self}: rate", 0, 1)
        self.seed = None if seed is None else random.check_seed(seed)
        self._generator = None if seed is None else random.generator(seed)
        self._mask_seed = 0

    def build(self, input_shape: Shape) -> None:
        """Prepare the output's buffer."""
        self._output = Buffer(input_shape[1:])

    def forward(self, x: Float, training: bool) -> Float:
        """Return the input with elements dropped, or the input itself."""
        if not training or self.rate == 0:
            return x
        generator = random.generator() if self._generator is None else self._generator
        self._mask_seed = generator.bit_generator.random_raw()
        y = self._output.rows(len(x))
        _core.dropout(x, y, self.rate, self._mask_seed)
        return y

    def backward(self, dy: Float) -> Float:
        """Drop the same elements of `dy`, in place."""
        if self.rate > 0:
            _core.dropout(dy, dy, self.rate, self._mask_seed)
        return dy

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"rate": self.rate, "seed": self.seed}
