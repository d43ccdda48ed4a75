"""One array that a layer learns or keeps."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from cnnx.arrays import Float, real_array
from cnnx.constraints import Constraint
from cnnx.regularizers import Regularizer

_changes = itertools.count(1)


class Weight:
    """
    One array of a layer, and its gradient if it is learned.

    Parameters
    ----------
    path
        Names of its layer and its own: "conv2d/kernel".
    value
        The first values; a model moves them into its flat buffer (`bind`).
    learnable
        False for what is not learned by gradients, such as moving statistics.
    regularizer
        Its penalty in the loss, or None.
    constraint
        The rule that it obeys after each step, or None.

    Attributes
    ----------
    value
        The values, read-only: `assign` changes them, so that what was derived from them is made
        anew.
    version
        Number of changes.
    owner
        Whose flat buffer holds the values.
    """

    __slots__ = (
        "_array",
        "_gradient",
        "_trainable",
        "constraint",
        "learnable",
        "owner",
        "path",
        "regularizer",
        "value",
        "version",
    )
    last_change: ClassVar[int] = 0
    """Another number after every change of any weight."""
    last_arrangement: ClassVar[int] = 0
    """
    Another number whenever something else is trainable, weights move to another buffer, or a layer
    gets another setting.
    """

    def __init__(
        self,
        path: str,
        value: Float,
        learnable: bool,
        regularizer: Regularizer | None = None,
        constraint: Constraint | None = None,
    ) -> None:
        self.path = path
        self.regularizer = regularizer
        self.constraint = constraint
        self.version = 0
        self.owner: object = None
        self._hold(value)
        self._gradient: Float | None = None
        self.learnable = self._trainable = bool(learnable)

    def _hold(self, array: Float) -> None:
        self._array = array
        self.value = array.view()
        self.value.flags.writeable = False

    @property
    def name(self) -> str:
        """Its own name: "kernel"."""
        return self.path.rpartition("/")[2]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the value."""
        return self.value.shape

    @property
    def size(self) -> int:
        """Number of elements."""
        return self.value.size

    @property
    def gradient(self) -> Float:
        """The last gradient, to be written by the layer; made at its first use."""
        if self._gradient is None:
            self._gradient = np.zeros(self.shape if self.learnable else 0, np.float32)
        return self._gradient

    @property
    def trainable(self) -> bool:
        """Whether training changes the weight; a change takes effect at the next step."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        if value and not self.learnable:
            raise ValueError(f"{self.path} is not learned by gradients: it cannot be trainable")
        self._trainable = bool(value)
        Weight.count_arrangement()

    def bind(self, owner: object, value: Float, gradient: Float | None = None) -> None:
        """Move the value, and the gradient, into the owner's arrays: flat, of `size` elements."""
        self.owner = owner
        Weight.count_arrangement()
        value[...] = self.value.ravel()
        self._hold(value.reshape(self.shape))
        if gradient is not None:
            self._gradient = gradient.reshape(self.shape)

    def check(self, value: Any) -> NDArray[Any]:
        """Return `value` as an array if it fits this weight, else raise ValueError."""
        array = real_array(value, self.path)
        if array.shape != self.shape:
            raise ValueError(f"{self.path} has shape {self.shape}, got {array.shape}")
        return array

    @staticmethod
    def count_change(weights: Iterable[Weight]) -> None:
        """Count a change of each weight, so that what was derived from them is made anew."""
        for weight in weights:
            weight.version += 1
        Weight.last_change = next(_changes)

    @staticmethod
    def count_arrangement() -> None:
        """Say that something else is trainable, lies elsewhere or is set than before."""
        Weight.last_arrangement = next(_changes)

    def writable(self) -> Float:
        """Return the values for a layer to write to, which counts as a change."""
        self.count_change((self,))
        return self._array

    def constrain(self) -> None:
        """Change the values so that they obey the constraint, if there is one."""
        if self.constraint is not None:
            self.constraint.apply(self._array)

    def assign(self, value: Any) -> None:
        """Replace the values by an array of the same shape."""
        np.copyto(self.writable(), self.check(value), casting="same_kind")

    def replace(self, array: Float) -> None:
        """Take over a new array of the same shape as the values, without a copy."""
        self._hold(array)
        self.count_change((self,))

    def numpy(self) -> Float:
        """Return a copy of the values."""
        return self.value.copy()

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.value, dtype, copy=copy)

    def __repr__(self) -> str:
        return f"<Weight {self.path}, shape {self.shape}>"
