"""Activations, and what works element by element: cases for `layer_test.py`."""

from __future__ import annotations

import math

import numpy as np

import reference
from cnnx import layers
from cnnx.activations import ACTIVATIONS
from layer_cases.case import Case, identity

CASES = {
    "affine": Case(layers.Affine, {}, (3, 4, 2), lambda x, g, b: g * x + b),
    "affine of rows, no offset": Case(
        layers.Affine, {"axis": 1, "center": False}, (3, 4, 2), lambda x, g: g * x
    ),
    "affine of one number": Case(layers.Affine, {"axis": None}, (3, 4), lambda x, g, b: g * x + b),
    "clip": Case(
        layers.Clip,
        {"min_value": -0.5, "max_value": 0.25},
        (3, 4),
        lambda x: np.clip(x, -0.5, 0.25),
    ),
    "clip above": Case(layers.Clip, {"max_value": 0.25}, (3, 4), lambda x: np.minimum(x, 0.25)),
    "abs": Case(layers.Elementary, {"function": "abs"}, (3, 4), np.abs),
    "erf": Case(
        layers.Elementary,
        {"function": "erf"},
        (3, 4),
        lambda x: np.vectorize(math.erf)(x).astype(float),
    ),
    "is positive": Case(layers.Elementary, {"function": "is_positive"}, (3, 4), lambda x: x > 0),
    "is not negative": Case(
        layers.Elementary, {"function": "is_not_negative"}, (3, 4), lambda x: x >= 0
    ),
    "square": Case(layers.Power, {"exponent": 2}, (3, 4), np.square),
    "cube": Case(layers.Power, {"exponent": 3}, (3, 4), lambda x: x**3),
    "reciprocal": Case(layers.Power, {"exponent": -1}, (3, 4), lambda x: 1 / x),
    "activity": Case(layers.ActivityRegularization, {"l1": 0.1, "l2": 0.2}, (2, 3), identity),
    "relu": Case(layers.ReLU, {}, (3, 4), reference.relu_forward),
    "relu, at most 1": Case(
        layers.ReLU, {"max_value": 1}, (3, 4), lambda x: reference.rectifier_forward(x, 1, 0, 0)
    ),
    "relu, above a threshold": Case(
        layers.ReLU,
        {"threshold": 0.5},
        (3, 4),
        lambda x: reference.rectifier_forward(x, np.inf, 0, 0.5),
    ),
    "relu of three pieces": Case(
        layers.ReLU,
        {"max_value": 1.5, "negative_slope": 0.1, "threshold": 0.25},
        (3, 5),
        lambda x: reference.rectifier_forward(x, 1.5, 0.1, 0.25),
    ),
    "leaky relu": Case(
        layers.LeakyReLU, {}, (3, 4), lambda x: reference.rectifier_forward(x, np.inf, 0.3, 0)
    ),
    "leaky relu of the core": Case(
        layers.LeakyReLU, {"negative_slope": 0.2}, (3, 4), reference.leaky_relu_forward
    ),
    "elu": Case(layers.ELU, {}, (3, 4), reference.elu_forward),
    "elu, half as deep": Case(
        layers.ELU,
        {"alpha": 0.5},
        (3, 4),
        lambda x: np.where(x > 0, x, 0.5 * reference.elu_forward(x)),
    ),
    "prelu": Case(layers.PReLU, {}, (3, 4), reference.prelu_forward),
    "prelu, a slope a channel": Case(
        layers.PReLU,
        {"alpha_initializer": "ones", "shared_axes": [1, 2]},
        (3, 5, 2),
        reference.prelu_forward,
    ),
    "softmax": Case(layers.Softmax, {}, (2, 4), reference.softmax_forward),
    "softmax along the rows": Case(
        layers.Softmax, {"axis": 1}, (3, 2, 4), lambda x: reference.softmax_forward(x, 1)
    ),
    "gelu, approximated": Case(
        layers.Activation,
        {"activation": {"class_name": "gelu", "config": {"approximate": True}}},
        (3, 4),
        reference.gelu_tanh_forward,
    ),
    **{
        f"activation {name}": Case(
            layers.Activation, {"activation": name}, (2, 5), getattr(reference, f"{name}_forward")
        )
        for name in ACTIVATIONS
        if name != "linear"
    },
    "activation linear": Case(layers.Activation, {"activation": "linear"}, (5,), identity),
}
