"""Regularizers: penalties of weights and outputs that are added to the loss."""

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

from cnnx import _core, registry
from cnnx.arrays import Array, Float
from cnnx.geometry import number
from cnnx.registry import choice

__all__ = [
    "L1",
    "L1L2",
    "L2",
    "OrthogonalRegularizer",
    "Regularizer",
    "deserialize",
    "get",
    "l1",
    "l1_l2",
    "l2",
    "orthogonal_regularizer",
    "serialize",
]


class Regularizer(registry.Configurable):
    """A penalty of an array; subclasses implement `__call__` and `gradient`, for any float type."""

    def __call__(self, x: Any) -> Any:
        """Return the penalty, a number."""
        raise NotImplementedError(f"{type(self).__name__} must implement __call__(x)")

    def gradient(self, x: Any) -> Any:
        """Return the derivative of the penalty with respect to each element."""
        raise NotImplementedError(f"{type(self).__name__} must implement gradient(x)")

    def penalty(self, x: Float) -> float:
        """Return the penalty of a contiguous array."""
        return float(self(x))

    def add_gradient(self, x: Float, gradient: Float, scale: float = 1.0) -> None:
        """Add the derivative of the penalty of a contiguous array, times `scale`."""
        found = np.asarray(self.gradient(x))
        if found.shape != gradient.shape:
            raise ValueError(
                f"{type(self).__name__}: gradient must return the shape of x, {gradient.shape}, "
                f"got {found.shape}"
            )
        gradient += (scale * found).astype(np.float32)


class L1L2(Regularizer):
    """
    l1 sum |x| + l2 sum x^2; the derivative of |x| at 0 is 0.

    Parameters
    ----------
    l1, l2
        Factors, >= 0; None is 0.
    """

    def __init__(self, l1: float | None = 0.0, l2: float | None = 0.0) -> None:
        owner = type(self).__name__
        self.l1 = number(0.0 if l1 is None else l1, f"{owner}: l1", 0, float("inf"))
        self.l2 = number(0.0 if l2 is None else l2, f"{owner}: l2", 0, float("inf"))

    def __call__(self, x: Any) -> Any:
        """Return the penalty."""
        x = np.asarray(x)
        return self.l1 * np.abs(x).sum() + self.l2 * np.square(x).sum()

    def gradient(self, x: Any) -> Any:
        """Return l1 sign(x) + 2 l2 x."""
        x = np.asarray(x)
        return self.l1 * np.sign(x) + 2 * self.l2 * x

    def penalty(self, x: Float) -> float:
        """Return the penalty of a contiguous array."""
        flat, total = x.reshape(-1), 0.0
        if self.l1:
            total += self.l1 * _core.sum_of_magnitudes(flat)
        if self.l2:
            total += self.l2 * _core.sum_of_squares(flat)
        return total

    def add_gradient(self, x: Float, gradient: Float, scale: float = 1.0) -> None:
        """Add the derivative of the penalty of a contiguous array, times `scale`."""
        _core.penalty_backward(x.reshape(-1), gradient.reshape(-1), self.l1, self.l2, scale)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"l1": self.l1, "l2": self.l2}


class L1(L1L2):
    """
    l1 sum |x|: many weights become 0 (the lasso, Tibshirani 1996).

    Parameters
    ----------
    l1
        Factor, >= 0.
    """

    def __init__(self, l1: float | None = 0.01) -> None:
        super().__init__(l1=0.01 if l1 is None else l1)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"l1": self.l1}


class L2(L1L2):
    """
    l2 sum x^2: weights stay small (ridge regression, Hoerl & Kennard 1970).

    Parameters
    ----------
    l2
        Factor, >= 0.
    """

    def __init__(self, l2: float | None = 0.01) -> None:
        super().__init__(l2=0.01 if l2 is None else l2)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"l2": self.l2}


class OrthogonalRegularizer(Regularizer):
    """
    The mean of |cosine| between different rows or columns of a matrix, times `factor`.

    Parameters
    ----------
    factor
        Of the mean, >= 0.
    mode
        'rows' or 'columns'.
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        self.factor = number(factor, "OrthogonalRegularizer: factor", 0, float("inf"))
        self.mode = choice(mode, "OrthogonalRegularizer: mode", "rows", "columns")

    def _units(self, x: Any) -> tuple[Array, Array, Array]:
        """Return the rows divided by their norms, these norms, and the cosines between them."""
        matrix = np.asarray(x)
        if matrix.ndim != 2:
            raise ValueError(
                f"OrthogonalRegularizer: x must be a matrix, such as a Dense kernel, got shape "
                f"{matrix.shape}"
            )
        rows = matrix if self.mode == "rows" else matrix.T
        norms = np.maximum(np.sqrt(np.square(rows).sum(axis=1, keepdims=True)), 1e-12)
        units = rows / norms
        cosines = units @ units.T
        np.fill_diagonal(cosines, 0)
        return units, norms, cosines

    def _share(self, size: int) -> float:
        """Return what each pair counts."""
        return self.factor / max(size * (size - 1) / 2, 1)

    def __call__(self, x: Any) -> Any:
        """Return the penalty."""
        cosines = self._units(x)[2]
        return self._share(len(cosines)) * np.abs(cosines).sum() / 2

    def gradient(self, x: Any) -> Any:
        """Return the derivatives, through the norms."""
        units, norms, cosines = self._units(x)
        of_units = self._share(len(cosines)) * np.sign(cosines) @ units
        along = (of_units * units).sum(axis=1, keepdims=True)
        found = (of_units - along * units) / norms
        return found if self.mode == "rows" else found.T

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"factor": self.factor, "mode": self.mode}


l1, l2, l1_l2 = L1, L2, L1L2
orthogonal_regularizer: TypeAlias = OrthogonalRegularizer

REGULARIZERS: dict[str, type[Regularizer]] = {
    "l1": L1,
    "l1_l2": L1L2,
    "l2": L2,
    "orthogonal_regularizer": OrthogonalRegularizer,
}


def get(identifier: Any, owner: str = "regularizer") -> Regularizer | None:
    """
    Return a regularizer from its name, class, config or itself; None from None.

    'l1_l2' is `L1L2(0.01, 0.01)`. Errors begin with `owner`.
    """
    if identifier is None:
        return None
    if registry.is_function(identifier):
        raise TypeError(
            f"{owner} must be a name or an object of class Regularizer, got {identifier!r}; a "
            "function needs its derivative: subclass Regularizer with __call__ and gradient"
        )
    if isinstance(identifier, str) and identifier == "l1_l2":
        return L1L2(0.01, 0.01)
    return registry.get(owner, identifier, Regularizer, REGULARIZERS)


def serialize(regularizer: Regularizer) -> dict[str, Any]:
    """Return what `get` makes the same regularizer from."""
    return registry.serialize(regularizer)


def deserialize(
    config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None
) -> Regularizer:
    """Make a regularizer from what `serialize` returned."""
    with registry.custom_objects(custom_objects, "regularizers.deserialize"):
        return registry.get("regularizer", config, Regularizer, REGULARIZERS)
