"""Losses made of functions of the user's."""

from collections.abc import Callable
from typing import Any, Self

from cnnx import registry
from cnnx.losses.loss import Loss


class FunctionLoss(Loss):
    """
    A function of your own as a loss; `compile` makes one of a function that it is given.

    Parameters
    ----------
    function
        f(y_true, y_pred), as `Loss.call`.
    gradient
        Its derivative g(y_true, y_pred), as `Loss.derivative`: by default the attribute `gradient`
        of the function, and central differences if there is none.
    """

    def __init__(
        self, function: Callable[[Any, Any], Any], gradient: Callable[[Any, Any], Any] | None = None
    ) -> None:
        for name, item in (("function", function), ("gradient", gradient)):
            if not callable(item) and (name, item) != ("gradient", None):
                raise TypeError(f"FunctionLoss: {name} must be a function, got {item!r}")
        self.function, self.gradient_function = function, gradient
        self.name = getattr(function, "__name__", type(function).__name__)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return what the function returns."""
        return self.function(y_true, y_pred)

    def derivative(self, y_true: Any, y_pred: Any) -> Any:
        """Return what the gradient function returns, or central differences."""
        own = self.gradient_function or getattr(self.function, "gradient", None)
        return super().derivative(y_true, y_pred) if own is None else own(y_true, y_pred)

    def get_config(self) -> dict[str, Any]:
        """Return the names of the functions."""
        gradient = self.gradient_function
        return {
            "function": registry.name_of(self.function),
            "gradient": None if gradient is None else registry.name_of(gradient),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Make a loss of functions that are registered, or among the custom objects."""
        return cls(*(registry.function_of(config[name]) for name in ("function", "gradient")))
