"""Functions that flatten out, whose derivative follows from their value."""

from cnnx.activations.activation import of_core

sigmoid = of_core("sigmoid")
tanh = of_core("tanh")
arctan = of_core("arctan")
hard_sigmoid = of_core("hard_sigmoid")
hard_tanh = of_core("hard_tanh")
softsign = of_core("softsign")
log_sigmoid = of_core("log_sigmoid")
