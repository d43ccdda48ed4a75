"""Normalization: cases for `layer_test.py`."""

from __future__ import annotations

from typing import Any

import numpy as np

import reference
from cnnx import layers
from layer_cases.case import Case

EPSILON = 1e-3  # of BatchNormalization


def local_response(x: Any, size: int, alpha: float, beta: float, bias: float) -> Any:
    """Compute one channel after the other, as the formula says."""
    y = np.empty_like(x)
    for c in range(x.shape[-1]):
        first = max(c - (size - 1) // 2, 0)
        total = np.square(x[..., first : c + size // 2 + 1]).sum(-1)
        y[..., c] = x[..., c] / (bias + alpha / size * total) ** beta
    return y


def normalised(x: Any, gamma: Any, beta: Any, *_: Any) -> Any:
    return reference.batch_norm_forward(
        x, gamma, beta, *reference.batch_norm_statistics(x), EPSILON
    )


CASES = {
    "local response": Case(
        layers.LocalResponseNormalization,
        {"size": 3, "alpha": 2.0, "beta": 0.5, "bias": 1.5},
        (2, 3, 5),
        lambda x: local_response(x, 3, 2.0, 0.5, 1.5),
    ),
    "local response of an even number": Case(
        layers.LocalResponseNormalization,
        {"size": 4, "alpha": 1.0},
        (2, 6),
        lambda x: local_response(x, 4, 1.0, 0.75, 1.0),
    ),
    "normalization": Case(
        layers.Normalization,
        {"mean": [1, -2], "variance": [4, 0.25]},
        (3, 4, 2),
        lambda x, mean, variance: (x - mean) / np.sqrt(variance),
    ),
    "normalization of all, inverted": Case(
        layers.Normalization,
        {"axis": None, "mean": 1, "variance": 4, "invert": True},
        (3, 2),
        lambda x, mean, variance: x * np.sqrt(variance) + mean,
    ),
    "unit normalization": Case(layers.UnitNormalization, {}, (3, 4), reference.unit_length),
    "root mean square normalization": Case(
        layers.RMSNormalization,
        {"epsilon": 0.1},
        (3, 4),
        lambda x, scale: reference.rms_normalised(x, scale, 0.1),
    ),
    "root mean square normalization of rows and channels": Case(
        layers.RMSNormalization,
        {"axis": [1, -1]},
        (3, 2, 4),
        lambda x, scale: reference.rms_normalised(x, scale[:, None], 1e-6, (1, 3)),
    ),
    "unit normalization of images": Case(
        layers.UnitNormalization,
        {"axis": [1, 2, 3]},
        (3, 2, 4),
        lambda x: reference.unit_length(x, (1, 2, 3)),
    ),
    "batch normalization of images": Case(layers.BatchNormalization, {}, (3, 2, 2), normalised),
    "batch normalization of rows": Case(layers.BatchNormalization, {}, (5,), normalised),
    "batch normalization, no gamma, no beta": Case(
        layers.BatchNormalization,
        {"scale": False, "center": False},
        (3,),
        lambda x, *_: normalised(x, 1.0, 0.0),
    ),
    "batch normalization, frozen": Case(
        layers.BatchNormalization,
        {"trainable": False},
        (3,),
        lambda x, *weights: reference.batch_norm_forward(x, *weights, EPSILON),
    ),
    "layer normalization of rows": Case(
        layers.LayerNormalization,
        {},
        (5,),
        lambda x, g, b: reference.normalised_together(x, g, b, EPSILON, np.zeros(5)),
    ),
    "layer normalization of pixels": Case(
        layers.LayerNormalization,
        {"axis": 3, "epsilon": 0.1},
        (3, 2, 4),
        lambda x, g, b: reference.normalised_together(x, g, b, 0.1, reference.pixels((3, 2, 4))),
    ),
    "layer normalization of whole images": Case(
        layers.LayerNormalization,
        {"axis": [-1, 1, 2]},
        (3, 2, 3),
        lambda x, g, b: reference.normalised_together(x, g, b, EPSILON, np.zeros((3, 2, 3))),
    ),
    "layer normalization of rows of pixels, no beta": Case(
        layers.LayerNormalization,
        {"axis": 2, "center": False},
        (2, 5, 3),
        lambda x, g: reference.normalised_together(
            x, g[:, None], 0, EPSILON, np.arange(6).reshape(2, 1, 3).repeat(5, axis=1)
        ),
    ),
    "layer normalization, frozen": Case(
        layers.LayerNormalization,
        {"trainable": False, "scale": False},
        (4,),
        lambda x, b: reference.normalised_together(x, 1, b, EPSILON, np.zeros(4)),
    ),
    "group normalization": Case(
        layers.GroupNormalization,
        {"groups": 2},
        (3, 2, 6),
        lambda x, g, b: reference.normalised_together(
            x, g, b, EPSILON, reference.groups_of_channels((3, 2, 6), 2)
        ),
    ),
    "group normalization of each channel": Case(
        layers.GroupNormalization,
        {"groups": -1, "axis": 3, "center": False, "scale": False},
        (3, 2, 3),
        lambda x: reference.normalised_together(
            x, 1, 0, EPSILON, reference.groups_of_channels((3, 2, 3), 3)
        ),
    ),
    "group normalization of rows": Case(
        layers.GroupNormalization,
        {"groups": 1, "epsilon": 0.01},
        (5,),
        lambda x, g, b: reference.normalised_together(x, g, b, 0.01, np.zeros(5)),
    ),
    "rescaling of channels": Case(
        layers.Rescaling,
        {"scale": [0.5, 2.0], "offset": (-1, 3)},
        (3, 2),
        lambda x: np.array([0.5, 2.0]) * x + [-1, 3],
    ),
    "rescaling": Case(
        layers.Rescaling, {"scale": 0.5, "offset": -1}, (3, 2), lambda x: 0.5 * x - 1
    ),
}
