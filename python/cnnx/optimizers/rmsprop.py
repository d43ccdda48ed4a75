"""RMSprop."""

from typing import Any

from cnnx.geometry import number
from cnnx.optimizers.root_mean_square import RootMeanSquare
from cnnx.optimizers.schedules import LearningRateSchedule


class RMSprop(RootMeanSquare):
    r"""
    Descent by the gradient over its running root mean square (Tieleman & Hinton 2012).

    With the gradient g, its mean square s, the velocity v, and mu for the momentum:

    .. math::

        s \leftarrow \rho s + (1 - \rho) g^2

        v \leftarrow \mu v + \mathrm{rate} \frac{g}{\sqrt{s + \varepsilon}}

        \theta \leftarrow \theta - v

    Centred (Graves 2013), the square of the gradient's running mean is subtracted from s.

    Parameters
    ----------
    learning_rate
        A number >= 0, or a `LearningRateSchedule`.
    rho
        Share of the old average kept at each step, in [0, 1).
    momentum
        Share of the old velocity kept at each step, in [0, 1).
    epsilon
        Keeps the step finite where the gradient is 0; > 0.
    centered
        Whether to divide by the deviation of the gradient rather than by its root mean square.
    epsilon_in_root
        True adds epsilon under the root, as Keras; False to the root, as textbooks and PyTorch do.
    **kwargs
        weight_decay, clipnorm and what else every `Optimizer` takes.

    Notes
    -----
    The textbook's is `RMSprop(0.001, 0.9, epsilon=1e-8, epsilon_in_root=False)`.
    """

    name = "rmsprop"

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        *,
        epsilon_in_root: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, epsilon, epsilon_in_root, **kwargs)
        self.rho = number(rho, "RMSprop: rho", 0, 1)
        self.momentum = number(momentum, "RMSprop: momentum", 0, 1)
        self.centered = bool(centered)
        self.slot_names += ("mean",) * self.centered + ("velocity",) * (self.momentum > 0)

    @property
    def shares(self) -> tuple[float, float]:
        """A running average."""
        return self.rho, 1 - self.rho

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        added = {"momentum": self.momentum} if self.momentum else {}
        return (
            super().get_config()
            | {"rho": self.rho}
            | added
            | ({"centered": True} if self.centered else {})
        )
