"""What holds a weight back."""

from __future__ import annotations

from typing import Any, NamedTuple

from cnnx import registry
from cnnx.constraints import Constraint
from cnnx.regularizers import Regularizer


class Restraint(NamedTuple):
    """
    The penalty and the bounds of a weight.

    Attributes
    ----------
    argument
        How the layer's arguments for them begin: "kernel".
    regularizer, constraint
        None for none.
    """

    argument: str
    regularizer: Regularizer | None
    constraint: Constraint | None

    def config(self) -> dict[str, Any]:
        """Return the layer's arguments as JSON-serialisable values, but for None."""
        given = {"regularizer": self.regularizer, "constraint": self.constraint}
        return {
            f"{self.argument}_{name}": registry.serialize(item)
            for name, item in given.items()
            if item is not None
        }
