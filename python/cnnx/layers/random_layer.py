"""What layers that draw random numbers share."""

from typing import Any

import numpy as np

from cnnx import distributed, random
from cnnx.layers.layer import Layer


class RandomLayer(Layer):
    """
    A layer that draws random numbers in training.

    Parameters
    ----------
    seed
        None draws from the global generator; a whole number makes this layer repeatable by itself.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    def __init__(self, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = None if seed is None else random.check_seed(seed, f"{self}: seed")
        self._generator = None if seed is None else random.generator(seed)

    @property
    def generator(self) -> np.random.Generator:
        """
        The layer's own generator, or the global one.

        In a group, the ranks draw one number in step from it, which seeds another for each rank.
        """
        source = random.generator() if self._generator is None else self._generator
        group = distributed.group()
        if group.size == 1:
            return source
        return np.random.default_rng([int(source.bit_generator.random_raw()), group.rank])

    @property
    def random_state(self) -> dict[str, Any] | None:
        """Where the layer's own generator stands, JSON-serialisable; None without a seed."""
        return None if self._generator is None else dict(self._generator.bit_generator.state)

    @random_state.setter
    def random_state(self, state: dict[str, Any] | None) -> None:
        if self._generator is not None and state is not None:
            self._generator.bit_generator.state = state

    def __reduce__(self) -> tuple[Any, ...]:
        return *super().__reduce__(), self.random_state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.random_state = state

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"seed": self.seed}
