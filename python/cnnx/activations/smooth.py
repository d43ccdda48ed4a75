"""Functions without a bound above, smooth ones, and shrinkage."""

from cnnx.activations.activation import Activation, of_core
from cnnx.activations.rectifiers import not_negative


def _make_squareplus(b: float = 4.0) -> Activation | None:
    size = not_negative("squareplus: b", b)
    return None if size == 4 else of_core("squareplus", parameters=(size,), settings={"b": size})


def _make_hard_shrink(threshold: float = 0.5) -> Activation | None:
    return _shrink("hard_shrink", threshold)


def _make_soft_shrink(threshold: float = 0.5) -> Activation | None:
    return _shrink("soft_shrink", threshold)


def _shrink(name: str, threshold: float) -> Activation | None:
    width = not_negative(f"{name}: threshold", threshold)
    return (
        None if width == 0.5 else of_core(name, parameters=(width,), settings={"threshold": width})
    )


softplus = of_core("softplus")
exponential = of_core("exponential")
squareplus = of_core("squareplus", make=_make_squareplus)
hard_shrink = of_core("hard_shrink", make=_make_hard_shrink)
soft_shrink = of_core("soft_shrink", make=_make_soft_shrink)
tanh_shrink = of_core("tanh_shrink", of_input=True, increasing=True)
