"""Functions x g(x) with a gate g from 0 to 1: they fall before they rise, so that x is needed."""

from cnnx.activations.activation import Activation, of_core


def _make_gelu(approximate: bool = False) -> Activation | None:
    if not approximate:
        return None
    return of_core("gelu_tanh", of_input=True, keras="gelu", settings={"approximate": True})


silu = of_core("silu", of_input=True)
gelu = of_core("gelu", of_input=True, make=_make_gelu)
mish = of_core("mish", of_input=True)
hard_silu = of_core("hard_silu", of_input=True)
