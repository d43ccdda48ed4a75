"""Constraints: bounds within which weights are put after each step."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cnnx import _core, registry
from cnnx.arrays import Float
from cnnx.geometry import MAX_RANK, integer, number

__all__ = [
    "Constraint",
    "MaxNorm",
    "MinMaxNorm",
    "NonNeg",
    "UnitNorm",
    "deserialize",
    "get",
    "max_norm",
    "min_max_norm",
    "non_neg",
    "serialize",
    "unit_norm",
]

_EPSILON = 1e-7


class Constraint(registry.Configurable):
    """A rule for the values of a weight; subclasses implement `__call__`."""

    def __call__(self, w: Any) -> Any:
        """Return values like `w` that obey the rule."""
        raise NotImplementedError(f"{type(self).__name__} must implement __call__(w)")

    def check(self, shape: Sequence[int], owner: str) -> None:
        """Raise ValueError if weights of this shape cannot obey the rule."""

    def apply(self, w: Float) -> None:
        """Change a contiguous array in place."""
        np.copyto(w, np.asarray(self(w)), casting="same_kind")


class NonNeg(Constraint):
    """max(w, 0)."""

    def __call__(self, w: Any) -> Any:
        """Return the weights, negative ones as 0."""
        return np.maximum(w, 0)

    def apply(self, w: Float) -> None:
        """Change an array in place."""
        np.maximum(w, 0, out=w)


class MinMaxNorm(Constraint):
    """
    w (rate clip(|w|, min_value, max_value) + (1 - rate) |w|) / (|w| + 1e-7).

    Parameters
    ----------
    min_value, max_value
        Least and largest Euclidean norm |w| of a unit's incoming weights, >= 0.
    rate
        How much of the way to these bounds each step goes, in [0, 1].
    axis
        Axis or axes of a unit's weights: 0 of a `Dense` kernel, [0, 1, 2] of a `Conv2D` kernel.
    """

    def __init__(
        self,
        min_value: float = 0.0,
        max_value: float = 1.0,
        rate: float = 1.0,
        axis: int | Sequence[int] = 0,
    ) -> None:
        owner = type(self).__name__
        self.min_value = number(min_value, f"{owner}: min_value", 0, float("inf"))
        self.max_value = number(max_value, f"{owner}: max_value", 0, float("inf"))
        if self.min_value > self.max_value:
            raise ValueError(
                f"{owner}: min_value={self.min_value} must be at most max_value={self.max_value}"
            )
        self.rate = number(rate, f"{owner}: rate", 0, 1, include_high=True)
        several = isinstance(axis, (list, tuple))
        axes = [
            integer(item, f"{owner}: axis", minimum=-MAX_RANK, limit=MAX_RANK)
            for item in (axis if isinstance(axis, (list, tuple)) else [axis])
        ]
        self.axis = axes if several else axes[0]

    def _axes(self, rank: int) -> tuple[int, ...]:
        given = self.axis if isinstance(self.axis, list) else [self.axis]
        return tuple(sorted(axis % rank for axis in given))

    def check(self, shape: Sequence[int], owner: str) -> None:
        """Raise ValueError unless the axes are some of `shape`, each once."""
        rank = len(shape)
        given = self.axis if isinstance(self.axis, list) else [self.axis]
        inside = all(-rank <= axis < rank for axis in given)
        if not (given and inside and len(set(self._axes(rank))) == len(given)):
            raise ValueError(
                f"{owner}: {type(self).__name__} needs axes of the shape {tuple(shape)}, got "
                f"axis={self.axis}"
            )

    def __call__(self, w: Any) -> Any:
        """Return the weights with their norms within the bounds."""
        w = np.asarray(w)
        norm = np.sqrt(np.square(w).sum(axis=self._axes(w.ndim), keepdims=True))
        within = np.clip(norm, self.min_value, self.max_value)
        return w * ((self.rate * within + (1 - self.rate) * norm) / (norm + _EPSILON))

    def apply(self, w: Float) -> None:
        """Change a contiguous array in place."""
        axes = self._axes(w.ndim)
        first, end = axes[0], axes[-1] + 1
        if len(axes) != end - first:  # not side by side
            super().apply(w)
            return
        outer, reduced = math.prod(w.shape[:first]), math.prod(w.shape[first:end])
        columns = w.reshape(outer, reduced, math.prod(w.shape[end:]))
        _core.limit_norms(columns, self.min_value, self.max_value, self.rate, _EPSILON)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            "min_value": self.min_value,
            "max_value": self.max_value,
            "rate": self.rate,
            "axis": self.axis,
        }


class MaxNorm(MinMaxNorm):
    """
    Norms of at most `max_value` (Srivastava et al. 2014, "Dropout").

    Parameters
    ----------
    max_value
        Largest Euclidean norm of a unit's incoming weights, >= 0.
    axis
        As in `MinMaxNorm`.
    """

    def __init__(self, max_value: float = 2, axis: int | Sequence[int] = 0) -> None:
        super().__init__(max_value=max_value, axis=axis)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"max_value": self.max_value, "axis": self.axis}


class UnitNorm(MinMaxNorm):
    """
    Norms of 1.

    Parameters
    ----------
    axis
        As in `MinMaxNorm`.
    """

    def __init__(self, axis: int | Sequence[int] = 0) -> None:
        super().__init__(1.0, 1.0, axis=axis)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"axis": self.axis}


max_norm, min_max_norm, non_neg, unit_norm = MaxNorm, MinMaxNorm, NonNeg, UnitNorm

CONSTRAINTS: dict[str, type[Constraint]] = {
    registry.snake_case(cls.__name__): cls for cls in (MaxNorm, MinMaxNorm, NonNeg, UnitNorm)
}


def get(identifier: Any, owner: str = "constraint") -> Constraint | None:
    """Return a constraint from its name, class, config or itself; None from None."""
    if identifier is None:
        return None
    return registry.get(owner, identifier, Constraint, CONSTRAINTS)


def serialize(constraint: Constraint) -> dict[str, Any]:
    """Return what `get` makes the same constraint from."""
    return registry.serialize(constraint)


def deserialize(
    config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None
) -> Constraint:
    """Make a constraint from what `serialize` returned."""
    with registry.custom_objects(custom_objects, "constraints.deserialize"):
        return registry.get("constraint", config, Constraint, CONSTRAINTS)
