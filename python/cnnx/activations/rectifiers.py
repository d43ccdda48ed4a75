"""Functions that are linear above 0 and something else below."""

import math
from typing import Any

from cnnx.activations.activation import Activation, of_core
from cnnx.geometry import number

LEAKY_SLOPE = 0.2
"""Slope of the usual leaky ReLU below 0."""

SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805
"""Fixed point of mean 0 and variance 1 (Klambauer et al. 2017, equation 14)."""


def _make_relu(
    negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0
) -> Activation | None:
    highest = math.inf if max_value is None else not_negative("relu: max_value", max_value)
    slope = not_negative("relu: negative_slope", negative_slope)
    start = not_negative("relu: threshold", threshold)
    if (highest, start) == (math.inf, 0):
        return leaky_relu.configured(slope) if slope else None
    if (highest, slope, start) == (6, 0, 0):
        return relu6
    return of_core(
        "rectifier",
        keras="relu",
        parameters=(highest, slope, start),
        settings={
            "negative_slope": slope,
            "max_value": None if max_value is None else highest,
            "threshold": start,
        },
    )


def _make_leaky_relu(negative_slope: float = LEAKY_SLOPE) -> Activation | None:
    slope = not_negative("leaky_relu: negative_slope", negative_slope)
    if slope == 0:
        return relu
    if slope == LEAKY_SLOPE:
        return None
    return of_core("leaky_relu", parameters=(slope,), settings={"negative_slope": slope})


def _make_elu(alpha: float = 1.0) -> Activation | None:
    depth = not_negative("elu: alpha", alpha)
    return None if depth == 1 else of_core("elu", parameters=(depth,), settings={"alpha": depth})


def _make_celu(alpha: float = 1.0) -> Activation | None:
    depth = not_negative("celu: alpha", alpha)
    if depth == 0:
        raise ValueError("celu: alpha must be more than 0, got 0")
    return None if depth == 1 else of_core("celu", parameters=(depth,), settings={"alpha": depth})


def _make_threshold(threshold: float = 0.0, default_value: float = 0.0) -> Activation | None:
    values = (
        number(threshold, "threshold: threshold", -math.inf, math.inf),
        number(default_value, "threshold: default_value", -math.inf, math.inf),
    )
    if values == (0, 0):
        return None
    return of_core(
        "threshold",
        of_input=True,
        increasing=values[1] <= values[0],
        parameters=values,
        settings={"threshold": values[0], "default_value": values[1]},
    )


def not_negative(name: str, value: Any) -> float:
    """Return a number from 0 on; raises ValueError or TypeError for anything else."""
    return number(value, name, 0, math.inf)


relu = of_core("relu", make=_make_relu)
elu = of_core("elu", make=_make_elu)
leaky_relu = of_core("leaky_relu", make=_make_leaky_relu)
relu6 = of_core("relu6")
selu = of_core("selu")
celu = of_core("celu", make=_make_celu)
threshold = of_core("threshold", of_input=True, increasing=True, make=_make_threshold)
