"""What the core does with each picture of a batch: its operations, and their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnx import _core
from cnnx.arrays import Array, Float

NUMBERS = 8
"""Parameters of an operation."""


class Operation(IntEnum):
    """What the core can do with a picture; `cnnx/pictures.hpp` says what their numbers mean."""

    NOTHING = 0
    BRIGHTNESS = 1
    CONTRAST = 2
    SATURATION = 3
    HUE = 4
    GRAY = 5
    INVERT = 6
    POSTERIZE = 7
    SOLARIZE = 8
    AUTO_CONTRAST = 9
    EQUALIZE = 10
    SHARPNESS = 11
    BLUR = 12
    WARP = 13


@dataclass(frozen=True)
class Settings:
    """
    What the operations of a layer share.

    Attributes
    ----------
    value_range
        (low, high) of the pixels.
    fill_mode, interpolation, fill_value
        What lies outside a picture, how values between pixels are found, and the number outside
        where fill_mode is 'constant'.
    """

    value_range: tuple[float, float] = (-np.inf, np.inf)
    fill_mode: str = "reflect"
    interpolation: str = "bilinear"
    fill_value: float = 0.0


class Recipe:
    """
    Operations of each picture of a batch, one after the other.

    Parameters
    ----------
    operations
        Shape (pictures, steps): `Operation`.
    parameters
        Shape (pictures, steps, 8).
    """

    def __init__(self, operations: NDArray[np.int32], parameters: Float) -> None:
        self.operations = operations
        self.parameters = parameters

    @classmethod
    def step(
        cls, operation: Operation, numbers: Sequence[ArrayLike], where: Any = True, count: int = 0
    ) -> Recipe:
        """
        Return one operation with a column of numbers for each parameter.

        Parameters
        ----------
        operation
            The same for all pictures.
        numbers
            An array (pictures,) or one number for each parameter; those left out are 0.
        where
            Pictures to change, (pictures,) booleans; the others stay as they are.
        count
            Pictures.
        """
        operations = np.where(where, np.int32(operation), np.int32(0)).reshape(-1, 1)
        parameters = np.zeros((count, 1, NUMBERS), np.float32)
        for index, column in enumerate(numbers):
            parameters[:, 0, index] = column
        return cls(np.ascontiguousarray(np.broadcast_to(operations, (count, 1))), parameters)

    @classmethod
    def sequence(cls, recipes: Sequence[Recipe]) -> Recipe:
        """Return the operations of several recipes, one recipe after the other."""
        return cls(
            np.concatenate([recipe.operations for recipe in recipes], 1),
            np.concatenate([recipe.parameters for recipe in recipes], 1),
        )

    @classmethod
    def choice(cls, recipes: Sequence[Recipe], chosen: Array) -> Recipe:
        """Return for each picture its own of several recipes of one step, by number."""
        pictures = np.arange(len(chosen))
        operations = np.stack([recipe.operations for recipe in recipes])
        parameters = np.stack([recipe.parameters for recipe in recipes])
        return cls(operations[chosen, pictures], parameters[chosen, pictures])

    def run(self, x: Float, y: Float, settings: Settings) -> None:
        """Write the changed pictures of `x` to `y`."""
        _core.transform_pictures(
            x,
            self.operations,
            self.parameters,
            y,
            settings.value_range,
            settings.fill_mode,
            settings.interpolation,
            settings.fill_value,
        )

    def moves(self) -> Recipe:
        """Return the operations that move pixels alone."""
        moving = self.operations == Operation.WARP
        return Recipe(self.operations * moving, self.parameters)
