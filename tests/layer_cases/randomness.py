"""Dropout, noise and augmentation: cases for `layer_test.py`."""

from __future__ import annotations

import numpy as np

import reference
from cnnx import layers
from layer_cases.case import Case, identity

NOISE = np.random.default_rng(5).bit_generator.random_raw()  # what a layer of seed 5 draws first


SEED_OF_FOUR_FLIPS = 57  # RandomFlip then mirrors a whole batch of layer_test.py


CASES = {
    "random flip, seed of four flips": Case(
        layers.RandomFlip,
        {"mode": "horizontal", "seed": SEED_OF_FOUR_FLIPS},
        (3, 4, 2),
        lambda x: x[:, :, ::-1],
    ),
    "random translation by half": Case(
        layers.RandomTranslation,
        {"height_factor": (0.5, 0.5), "width_factor": (-0.25, -0.25), "fill_mode": "wrap"},
        (4, 4, 2),
        lambda x: np.roll(x, (2, -1), (1, 2)),
    ),
    "random rotation by a quarter": Case(
        layers.RandomRotation,
        {"factor": (0.25, 0.25), "fill_mode": "constant"},
        (3, 3, 2),
        lambda x: np.rot90(x, 1, (1, 2)),
    ),
    "random zoom out of nothing": Case(
        layers.RandomZoom, {"height_factor": 0.0}, (3, 4, 1), identity
    ),
    "random shear of nothing": Case(layers.RandomShear, {}, (3, 4, 2), identity),
    "random perspective of nothing": Case(
        layers.RandomPerspective, {"scale": 0.0}, (3, 4, 2), identity
    ),
    "random contrast of values from 0": Case(
        layers.RandomContrast, {"factor": 0.0}, (3, 4, 2), lambda x: np.maximum(x, 0)
    ),
    "random contrast of any values": Case(
        layers.RandomContrast, {"factor": 0.0, "value_range": None}, (3, 4, 2), identity
    ),
    "dropout": Case(
        layers.Dropout, {"rate": 0.3, "seed": 5}, (3, 4), lambda x: reference.dropout(x, 0.3, NOISE)
    ),
    "dropout of whole images": Case(
        layers.Dropout,
        {"rate": 0.3, "noise_shape": (None, 1, 1), "seed": 5},
        (3, 4),
        lambda x: reference.shared_dropout(x, 0.3, NOISE, (len(x), 1, 1)),
    ),
    "dropout, shared by the batch": Case(
        layers.Dropout,
        {"rate": 0.3, "noise_shape": [1, None, 1], "seed": 5},
        (3, 4),
        lambda x: reference.shared_dropout(x, 0.3, NOISE, (1, 3, 1)),
    ),
    "alpha dropout": Case(
        layers.AlphaDropout,
        {"rate": 0.3, "seed": 5},
        (3, 4),
        lambda x: reference.alpha_dropout(x, 0.3, NOISE),
    ),
    "alpha dropout 0": Case(layers.AlphaDropout, {"rate": 0.0}, (3, 4), identity),
    "gaussian dropout": Case(
        layers.GaussianDropout,
        {"rate": 0.3, "seed": 5},
        (3, 4),
        lambda x: reference.gaussian_dropout(x, 0.3, NOISE),
    ),
    "spatial dropout of sequences": Case(
        layers.SpatialDropout1D,
        {"rate": 0.3, "seed": 5},
        (3, 4),
        lambda x: reference.spatial_dropout(x, 0.3, NOISE),
    ),
    "spatial dropout of images": Case(
        layers.SpatialDropout2D,
        {"rate": 0.5, "seed": 5},
        (3, 2, 5),
        lambda x: reference.spatial_dropout(x, 0.5, NOISE),
    ),
    "gaussian noise": Case(
        layers.GaussianNoise,
        {"stddev": 0.3, "seed": 5},
        (3, 4),
        lambda x: reference.gaussian_noise(x, 0.3, NOISE),
    ),
    "gaussian noise 0": Case(layers.GaussianNoise, {"stddev": 0}, (3, 4), identity),
    "dropout 0": Case(layers.Dropout, {"rate": 0.0}, (3, 4), identity),
    "gaussian dropout 0": Case(layers.GaussianDropout, {"rate": 0.0}, (3, 4), identity),
}
