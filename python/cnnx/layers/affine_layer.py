"""What layers share that multiply by a gamma and add a beta."""

from typing import Any

from cnnx import initializers
from cnnx.layers.layer import Layer
from cnnx.layers.weight import Weight


class AffineLayer(Layer):
    """
    A layer with a weight `gamma` and a weight `beta`, each of which may be left out.

    Parameters
    ----------
    center, scale
        Whether there is a beta, and a gamma.
    beta_initializer, gamma_initializer
        Name or `cnnx.initializers.Initializer`.
    beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint
        Names or objects of `cnnx.regularizers` and `cnnx.constraints`; None for none.
    **kwargs
        input_shape, name and trainable, as in `Layer`.
    """

    gamma: Weight | None
    beta: Weight | None

    def __init__(
        self,
        center: bool,
        scale: bool,
        beta_initializer: Any,
        gamma_initializer: Any,
        *,
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.restrain("beta", "beta", beta_regularizer, beta_constraint)
        self.restrain("gamma", "gamma", gamma_regularizer, gamma_constraint)
        self.center = bool(center)
        self.scale = bool(scale)
        self.beta_initializer = initializers.get(beta_initializer, f"{self}: beta_initializer")
        self.gamma_initializer = initializers.get(gamma_initializer, f"{self}: gamma_initializer")

    def add_gamma_and_beta(self, shape: tuple[int, ...]) -> None:
        """Create those of the two weights that the layer has."""
        self.gamma = self.add_weight("gamma", shape, self.gamma_initializer) if self.scale else None
        self.beta = self.add_weight("beta", shape, self.beta_initializer) if self.center else None

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {
            "center": self.center,
            "scale": self.scale,
            "beta_initializer": initializers.serialize(self.beta_initializer),
            "gamma_initializer": initializers.serialize(self.gamma_initializer),
        }
