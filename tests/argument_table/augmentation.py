"""Layers that show training another form of each picture, each constructed and used once."""

from __future__ import annotations

from typing import Any

import numpy as np

from argument_table.kinds import CHOICE, COUNT, INFINITY, NAN, REAL, Entry, Kind, types, values
from argument_table.layer_entry import LAYER_INPUT, layer
from cnnx import layers

COLORS = np.random.default_rng(22).random((2, 6, 6, 3), np.float32)
FACTOR: Kind = values(NAN, INFINITY, 1.5, -0.5, (1, 2, 3), (0.5, -0.5)) | types(
    "half", 1j, True, None, ("a", "b")
)
SHARE: Kind = FACTOR | values((-0.5, 0.5))
OPTIONAL: Kind = {name: fault for name, fault in FACTOR.items() if name != "None"}
SHARES: Kind = {name: fault for name, fault in OPTIONAL.items() if name != "(0.5, -0.5)"}
RANGE: Kind = values((1, 2, 3), (1, 0), (1, 1), (0, NAN)) | types("half", 3, None, ("a", "b"))
NUMBER: Kind = {name: fault for name, fault in REAL.items() if name not in ("[1]", "None")}
TAPS: Kind = values(0, 2, -1, 257, (1, 2, 3), (3, 2)) | types(True, 1.5, "3", None, (1, 1.5))
FIXED: dict[str, Any] = {"data_format": None}
DRAWN: dict[str, Any] = FIXED | {"seed": 1}
COLORED: dict[str, Any] = DRAWN | {"value_range": (0.0, 1.0)}
MOVES: dict[str, Any] = DRAWN | {
    "fill_mode": "reflect",
    "interpolation": "bilinear",
    "fill_value": 0.5,
}
KINDS: dict[str, Kind] = {
    "x": LAYER_INPUT,
    **dict.fromkeys(["height_factor", "factor"], FACTOR),
    **dict.fromkeys(["width_factor", "x_factor", "y_factor"], FACTOR),
    "value_range": RANGE,
    "interpolation": CHOICE,
    "fill_value": NUMBER,
}


def entry(cls: type[layers.Layer], kinds: dict[str, Kind] | None = None, **arguments: Any) -> Entry:
    return layer(cls, KINDS | (kinds or {}), **{"x": COLORS, **arguments})


AUGMENTATION: dict[str, Entry] = {
    "AutoContrast": entry(layers.AutoContrast, value_range=(0.0, 1.0)),
    "CutMix": entry(layers.CutMix, {"factor": SHARE}, factor=0.5, **DRAWN),
    "Equalization": entry(
        layers.Equalization,
        {"bins": COUNT | values(1, 257)},
        value_range=(0.0, 1.0),
        bins=16,
        **FIXED,
    ),
    "MixUp": entry(layers.MixUp, {"alpha": REAL | values(0, -1)}, alpha=0.2, **DRAWN),
    "RandAugment": entry(
        layers.RandAugment,
        {"factor": SHARE, "num_ops": COUNT | values(100)},
        num_ops=3,
        factor=0.5,
        interpolation="nearest",
        **COLORED,
    ),
    "RandomBrightness": entry(layers.RandomBrightness, factor=0.5, value_range=(0.0, 1.0), seed=1),
    "RandomColorDegeneration": entry(
        layers.RandomColorDegeneration, {"factor": SHARE}, factor=0.5, **COLORED
    ),
    "RandomColorJitter": entry(
        layers.RandomColorJitter,
        dict.fromkeys(
            ["brightness_factor", "contrast_factor", "saturation_factor", "hue_factor"], SHARES
        ),
        brightness_factor=0.1,
        contrast_factor=0.2,
        saturation_factor=0.3,
        hue_factor=0.4,
        **COLORED,
    ),
    "RandomContrast": entry(
        layers.RandomContrast,
        {
            "factor": values(NAN, INFINITY, (1, 2, 3), (-0.5, 0.5), 1.5) | types("half", None),
            "value_range": {name: fault for name, fault in RANGE.items() if name != "None"},
        },
        factor=0.5,
        value_range=(0.0, 1.0),
        seed=1,
    ),
    "RandomCrop": entry(
        layers.RandomCrop, {"height": COUNT, "width": COUNT}, height=4, width=3, **DRAWN
    ),
    "RandomErasing": entry(
        layers.RandomErasing,
        {"factor": SHARE, "scale": SHARE, "fill_value": NUMBER | values((1, NAN, 1), (1.0, 2.0))},
        factor=1.0,
        scale=(0.1, 0.3),
        fill_value=0.5,
        **COLORED,
    ),
    "RandomFlip": entry(
        layers.RandomFlip, {"mode": CHOICE}, mode="horizontal_and_vertical", **DRAWN
    ),
    "RandomGaussianBlur": entry(
        layers.RandomGaussianBlur,
        {
            "factor": SHARE,
            "kernel_size": TAPS,
            "sigma": values(NAN, INFINITY, -0.5, (1, 2, 3), (0.5, -0.5)) | types("half", None),
        },
        factor=1.0,
        kernel_size=3,
        sigma=1.0,
        **COLORED,
    ),
    "RandomGrayscale": entry(
        layers.RandomGrayscale,
        {"factor": values(NAN, INFINITY, 1.5, -0.5) | types("half", 1j, True, None, (0, 1))},
        factor=0.5,
        **DRAWN,
    ),
    "RandomHue": entry(layers.RandomHue, {"factor": SHARE}, factor=0.5, **COLORED),
    "RandomInvert": entry(layers.RandomInvert, {"factor": SHARE}, factor=0.5, **COLORED),
    "RandomPerspective": entry(
        layers.RandomPerspective,
        {"factor": SHARE, "scale": REAL | values(1.5, -0.5)},
        factor=0.5,
        scale=0.5,
        interpolation="bilinear",
        fill_value=0.5,
        **DRAWN,
    ),
    "RandomPosterization": entry(
        layers.RandomPosterization,
        {"factor": values(0, 9, (1, 2, 3), (3, 2)) | types("half", 1.5, True, None, (1, 2.5))},
        factor=(2, 5),
        **COLORED,
    ),
    "RandomRotation": entry(layers.RandomRotation, factor=0.5, **MOVES),
    "RandomSaturation": entry(layers.RandomSaturation, {"factor": SHARE}, factor=0.5, **COLORED),
    "RandomSharpness": entry(layers.RandomSharpness, {"factor": SHARE}, factor=0.5, **COLORED),
    "RandomShear": entry(layers.RandomShear, x_factor=0.2, y_factor=0.3, **MOVES),
    "RandomTranslation": entry(
        layers.RandomTranslation, height_factor=0.5, width_factor=0.5, **MOVES
    ),
    "RandomZoom": entry(
        layers.RandomZoom,
        {"width_factor": OPTIONAL},
        height_factor=0.5,
        width_factor=0.5,
        **MOVES,
    ),
    "Solarization": entry(
        layers.Solarization,
        {"addition_factor": SHARE, "threshold_factor": SHARE},
        addition_factor=0.2,
        threshold_factor=0.7,
        value_range=(0.0, 1.0),
        seed=1,
    ),
}
