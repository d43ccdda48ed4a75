"""Layers, each constructed and used once."""

from __future__ import annotations

from typing import Any

import numpy as np

from argument_table.augmentation import AUGMENTATION
from argument_table.kinds import (
    CHOICE,
    COUNT,
    FLAG,
    INFINITY,
    NAN,
    NO_NUMBERS,
    PADDING,
    PAIR,
    RATE,
    REAL,
    SHAPE,
    Array,
    Entry,
    Fault,
    Kind,
    less,
    types,
    values,
)
from argument_table.layer_entry import IMAGE, LAYER_INPUT, layer
from argument_table.windows import SEQUENCE, WINDOW_LAYERS
from cnnx import layers

SEQUENCE_INPUT: Kind = LAYER_INPUT | {"a row": Fault(ValueError, lambda a: a[0], named=False)}
MARGINS = {name: fault for name, fault in PADDING.items() if name != "'causal'"} | types("same")
MARGIN = (
    types(True, 1.5, 1j, {}, (1, 1.5), "1")
    | values(-1, 2**31, 2**63, (1, 2, 3), (1, -1), (1,))
    | types(True, 1.5, 1j, {}, (1, 1.5), "1")
)
RANDOM: dict[str, Any] = {"seed": 1}
NOISE = values((None, 0), (None, 1), (None, 9, 9, 9), [1] * 70) | types("1", 1, {}, (None, 1.5))
NORMALIZATION: dict[str, Kind] = {"epsilon": RATE | values(0), "scale": FLAG}
AFFINE: dict[str, Any] = {
    "epsilon": 1e-3,
    "center": True,
    "scale": True,
    "beta_initializer": "zeros",
    "gamma_initializer": "ones",
    "beta_regularizer": "l2",
    "gamma_constraint": "non_neg",
}


def merging(cls: type[layers.Layer], kinds: dict[str, Kind] | None = None, **given: Any) -> Entry:
    """Construct a layer that merges and use it once."""

    def call(x: Any, **given: Any) -> Array:
        return cls(**given)([x, *[IMAGE] * (getattr(cls, "most", None) or 2)][:-1], training=True)

    return Entry(call, {"x": IMAGE, **given}, None, {"x": LAYER_INPUT} | (kinds or {}))


AXIS = values(0, 4, -5, 2**63) | types(True, 1.5) | NO_NUMBERS
AXES_OF_SAMPLES = values(0, 4, -4, -5, (1, 1), (3, -1), 2**63) | types(True, 1.5, "1", (1, 1.5))
REAL_NUMBERS = values(NAN, INFINITY) | types(True, "1", None, 1j)
LAYERS: dict[str, Entry] = {
    "Add": merging(layers.Add),
    "Average": merging(layers.Average),
    "Concatenate": merging(layers.Concatenate, {"axis": AXIS}, axis=-1),
    "Maximum": merging(layers.Maximum),
    "Minimum": merging(layers.Minimum),
    "Multiply": merging(layers.Multiply),
    "Subtract": merging(layers.Subtract),
    "Activation": layer(layers.Activation, activation="tanh"),
    "BatchNormalization": layer(
        layers.BatchNormalization,
        {
            "axis": values(0, 2, -2, 4, 2**63) | types(True, 1.5) | NO_NUMBERS,
            "epsilon": RATE | values(0),
            "scale": FLAG,
            "synchronized": FLAG,
        },
        synchronized=False,
        axis=-1,
        momentum=0.9,
        epsilon=1e-3,
        center=True,
        scale=True,
        beta_initializer="zeros",
        gamma_initializer="ones",
        beta_regularizer="l1",
        gamma_regularizer="l2",
        beta_constraint="non_neg",
        gamma_constraint="non_neg",
        moving_mean_initializer="zeros",
        moving_variance_initializer="ones",
    ),
    "Cropping1D": layer(
        layers.Cropping1D,
        {"x": SEQUENCE_INPUT, "cropping": MARGIN | values(3, (5, 1))},
        x=SEQUENCE,
        cropping=(1, 2),
    ),
    "Cropping2D": layer(
        layers.Cropping2D,
        {"cropping": MARGINS | values(3, ((1, 5), (0, 0)))},
        cropping=((1, 0), (2, 1)),
        data_format=None,
    ),
    "Dense": layer(
        layers.Dense,
        {"dtype": values("float64", "mixed_float16", np.int32, 3)},
        units=4,
        activation="relu",
        use_bias=True,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        kernel_regularizer="l2",
        bias_regularizer="l1",
        activity_regularizer="l2",
        kernel_constraint="max_norm",
        bias_constraint="non_neg",
        dtype="float32",
    ),
    "AlphaDropout": layer(
        layers.AlphaDropout, {"noise_shape": NOISE}, rate=0.5, noise_shape=(None, 1, 1, 2), **RANDOM
    ),
    "Dropout": layer(
        layers.Dropout, {"noise_shape": NOISE}, rate=0.5, noise_shape=(None, 1, 1, 2), **RANDOM
    ),
    "ELU": layer(layers.ELU, alpha=0.5),
    "Flatten": layer(layers.Flatten, data_format=None, order="C"),
    "GaussianDropout": layer(layers.GaussianDropout, rate=0.5, **RANDOM),
    "GaussianNoise": layer(layers.GaussianNoise, stddev=0.5, **RANDOM),
    "GroupNormalization": layer(
        layers.GroupNormalization,
        {
            "axis": values(0, 1, -2, 4, 2**63) | types(True, 1.5) | NO_NUMBERS,
            "groups": values(0, -2, 2**31, 3) | types(True, 1.5, 2.0) | NO_NUMBERS,
            **NORMALIZATION,
        },
        groups=2,
        axis=-1,
        **AFFINE,
    ),
    "Identity": layer(layers.Identity),
    "ActivityRegularization": layer(
        layers.ActivityRegularization, {"l1": RATE, "l2": RATE}, l1=0.1, l2=0.2
    ),
    "InputLayer": Entry(
        layers.InputLayer,
        {"shape": (4, 4), "batch_size": 3, "batch_shape": None, "name": "i"},
        None,
        {"shape": SHAPE, "batch_shape": types((None, 4))},
    ),
    "LayerNormalization": layer(
        layers.LayerNormalization,
        {
            "axis": values(0, 4, -4, -5, (), (1, 1), (3, -1), 2**63)
            | types(True, 1.5, "1", None, (1, 1.5)),
            **NORMALIZATION,
        },
        axis=(1, -1),
        **AFFINE,
    ),
    "LeakyReLU": layer(layers.LeakyReLU, negative_slope=0.1),
    "PReLU": layer(
        layers.PReLU,
        {"shared_axes": values(0, -1, 4, (1, 1), (1, 2**31)) | types(True, 1.5, "1", (1, "2"))},
        alpha_initializer="zeros",
        shared_axes=(1, 2),
        alpha_regularizer="l2",
        alpha_constraint="non_neg",
    ),
    "Permute": layer(
        layers.Permute,
        {
            "dims": values((1, 2), (1, 2, 2), (0, 1, 2), (2, 3, 4), (1, 2, 3, 4), (1, 2, 2**31))
            | types(3, "123", None, (1, 2, 3.0), (1, 2, "3"))
        },
        dims=(3, 1, 2),
    ),
    **AUGMENTATION,
    "ReLU": layer(
        layers.ReLU,
        {
            "max_value": {name: fault for name, fault in RATE.items() if name != "None"},
            "threshold": RATE,
        },
        max_value=6,
        negative_slope=0.1,
        threshold=1,
    ),
    "RepeatVector": layer(
        layers.RepeatVector,
        {
            "x": LAYER_INPUT | {"images": Fault(ValueError, lambda a: a[None], named=False)},
            "n": COUNT,
        },
        x=SEQUENCE[0],
        n=3,
    ),
    "Rescaling": layer(
        layers.Rescaling,
        {
            "scale": less(REAL, "[1]", "array([1., 1.])") | values([], [1, NAN], [1.0, 2.0, 3.0]),
            "offset": less(REAL, "[1]", "array([1., 1.])") | values([], [1.0, 2.0, 3.0]),
        },
        scale=0.5,
        offset=[1.0, 2.0],
    ),
    "Reshape": layer(
        layers.Reshape,
        {
            "target_shape": values((5,), (-1, -1), (0, 72), (2**63,))
            | types(72, "72", (36.0, 2), None, (True, 72))
        },
        target_shape=(36, 2),
        order="C",
    ),
    "Softmax": layer(
        layers.Softmax, {"axis": values(0, 9, -9, 2**63) | types(True, 1.5) | NO_NUMBERS}, axis=-1
    ),
    "SpatialDropout1D": layer(
        layers.SpatialDropout1D, {"x": SEQUENCE_INPUT}, x=SEQUENCE, rate=0.5, **RANDOM
    ),
    "SpatialDropout2D": layer(layers.SpatialDropout2D, rate=0.5, data_format=None, **RANDOM),
    "SpectralNormalization": layer(
        layers.SpectralNormalization,
        {"layer": types(None, "dense", 3, layers.Dense), "power_iterations": COUNT | values(1000)},
        layer=layers.Dense(3),
        power_iterations=2,
    ),
    "RMSNormalization": layer(
        layers.RMSNormalization,
        {"axis": values(0, 9, [1, 1], []) | types(1.5, "2", True), "epsilon": RATE | values(0)},
        axis=-1,
        epsilon=0.01,
    ),
    "UnitNormalization": layer(
        layers.UnitNormalization,
        {"axis": values(0, 9, [1, 1], []) | types(1.5, "2", True)},
        axis=-1,
    ),
    "UpSampling1D": layer(
        layers.UpSampling1D, {"x": SEQUENCE_INPUT, "size": COUNT}, x=SEQUENCE, size=2
    ),
    "UpSampling2D": layer(
        layers.UpSampling2D,
        {"size": PAIR | values(2**20), "interpolation": CHOICE | values("bicubic")},
        size=(2, 3),
        data_format=None,
        interpolation="bilinear",
    ),
    "Affine": layer(
        layers.Affine,
        {"axis": AXES_OF_SAMPLES, "scale": FLAG},
        axis=(1, -1),
        center=True,
        scale=True,
        beta_initializer="zeros",
        gamma_initializer="ones",
    ),
    "ArgMax": layer(layers.ArgMax, {"axis": AXIS}, axis=-1, keepdims=False),
    "CenterCrop": layer(
        layers.CenterCrop,
        {"height": COUNT, "width": COUNT},
        height=4,
        width=9,
        data_format=None,
    ),
    "Clip": layer(
        layers.Clip,
        {"min_value": less(REAL, "None") | values(7), "max_value": less(REAL, "None") | values(-7)},
        min_value=0.5,
        max_value=6,
    ),
    "Divide": merging(layers.Divide),
    "Select": merging(layers.Select),
    "Elementary": layer(layers.Elementary, {"function": CHOICE}, function="abs"),
    "LocalResponseNormalization": layer(
        layers.LocalResponseNormalization,
        {"size": COUNT, "beta": RATE, "bias": RATE | values(0)},
        size=3,
        alpha=0.5,
        beta=0.75,
        bias=1.0,
    ),
    "Dot": merging(
        layers.Dot,
        {"axes": less(AXES_OF_SAMPLES, "(1, 1)", "(3, -1)") | values((1, 2, 3), (1,))},
        axes=(1, 2),
        normalize=True,
    ),
    "MatMul": Entry(
        lambda x: layers.MatMul()([x, np.ones((2, 6, 2, 3), np.float32)]),
        {"x": IMAGE},
        None,
        {"x": LAYER_INPUT},
    ),
    "Normalization": layer(
        layers.Normalization,
        {
            "axis": values(0, 1, -2, 4, 2**63) | types(True, 1.5, "1"),
            "mean": values(NAN, INFINITY, [1, 2, 3], [], None) | types("1", 1j, ["1"]),
            "variance": values(NAN, -1, [1, 2, 3], [], None) | types("1", 1j, ["1"]),
            "invert": FLAG,
        },
        axis=-1,
        mean=[1, 2],
        variance=[3, 4],
        invert=False,
    ),
    "Resizing": layer(
        layers.Resizing,
        {
            "height": COUNT,
            "width": COUNT,
            "interpolation": CHOICE | values("area"),
            "crop_to_aspect_ratio": FLAG,
            "pad_to_aspect_ratio": FLAG,
            "fill_mode": CHOICE | values("reflect"),
            "fill_value": {name: fault for name, fault in REAL.items() if name != "[1]"},
            "antialias": FLAG,
        },
        height=4,
        width=9,
        interpolation="bilinear",
        crop_to_aspect_ratio=False,
        pad_to_aspect_ratio=True,
        fill_mode="constant",
        fill_value=0.5,
        antialias=True,
        data_format=None,
    ),
    "Padding": layer(
        layers.Padding,
        {
            "sides": values(((1, 1),), ((1, 1), (1, -1), (0, 0)), ((6, 0), (0, 0), (0, 0)))
            | types(3, "123", None, ((1, 1), (1, 1.5), (0, 0))),
            "mode": CHOICE,
            "value": REAL,
        },
        sides=((1, 2), (0, 1), (0, 0)),
        mode="reflect",
        value=1.5,
    ),
    "Power": layer(layers.Power, {"exponent": REAL}, exponent=2),
    "Quantization": layer(
        layers.Quantization,
        {
            "scale": REAL_NUMBERS | values(0, -1, [1.0, 2.0, 3.0]),
            "zero_point": values(2**31, [1, 2, 3]) | types(1.5, "1", None),
            "low": values(2**31, 256) | types(1.5, "1", None),
            "high": values(2**31, -1) | types(1.5, "1", None),
        },
        scale=0.5,
        zero_point=3,
        low=0,
        high=255,
    ),
    "Reduction": layer(
        layers.Reduction,
        {"operation": CHOICE, "axis": AXES_OF_SAMPLES | values(())},
        operation="max",
        axis=(1, 2),
        keepdims=True,
    ),
    "Resampling": layer(
        layers.Resampling,
        {
            "size": values((0, 3), (3, 2**31), (1, 2, 3), (), (3,), (2**30, 2**30))
            | types(3, "33", None, (1.5, 3)),
            "interpolation": CHOICE,
            "coordinates": CHOICE,
            "rounding": CHOICE,
            "scales": values((0, 1), (1,), (NAN, 1), (1e9, 1)) | types(2, "22", ("1", 2)),
            "cubic_coefficient": REAL | values(11),
            "exclude_outside": FLAG,
        },
        size=(4, 9),
        interpolation="linear",
        coordinates="half_pixel",
        rounding="floor",
        scales=(0.6, 1.5),
        cubic_coefficient=-0.5,
        exclude_outside=True,
    ),
    "Take": layer(
        layers.Take,
        {
            "indices": values((), (6,), (-1,), (0, 2**31)) | types(3, "3", None, (1.5,), (True,)),
            "axis": AXIS,
        },
        indices=(0, 5, 0),
        axis=1,
    ),
    "Tile": layer(
        layers.Tile,
        {
            "repeats": values((1, 2), (0, 1, 1), (2**20, 2**20, 2**20))
            | types(3, "3", None, (1, 1, 1.5))
        },
        repeats=(1, 2, 3),
    ),
    "ZeroPadding1D": layer(
        layers.ZeroPadding1D,
        {"x": SEQUENCE_INPUT, "padding": MARGIN},
        x=SEQUENCE,
        padding=(1, 2),
        data_format=None,
    ),
    "ZeroPadding2D": layer(
        layers.ZeroPadding2D,
        {"padding": MARGINS | values(2**30)},
        padding=((1, 0), (2, 1)),
        data_format=None,
    ),
    **WINDOW_LAYERS,
}
