"""What changes the form of samples, or chooses among their numbers: cases for `layer_test.py`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import reference
from cnnx import layers
from layer_cases.case import Case, identity


def triangle(d: float) -> float:
    return max(1 - d, 0)


def sharp(d: float) -> float:
    return keys(d, -0.5) if d < 2 else 0


def interpolated(x: Any, axis: int, wanted: int, kernel: Any) -> Any:
    """Give an axis another extent, pixel by pixel; smaller ones are means of all they cover."""
    x = np.moveaxis(x, axis, 0)
    scale = len(x) / wanted
    rows = []
    for i in range(wanted):
        place = (i + 0.5) * scale - 0.5
        shares = np.array([kernel(abs(place - j) / max(scale, 1)) for j in range(len(x))])
        rows.append(np.tensordot(shares / shares.sum(), x, 1))
    return np.moveaxis(np.array(rows), 0, axis)


def resampled(x: Any, size: tuple[int, int], interpolation: str, coordinates: str) -> Any:
    """Compute one pixel after the other, as the formula says."""
    y = np.empty((len(x), *size, x.shape[-1]))

    def place(i: int, n: int, m: int) -> float:
        if coordinates == "half_pixel":
            return (i + 0.5) * n / m - 0.5
        return i * n / m if coordinates == "asymmetric" else i * (n - 1) / (m - 1)

    def row(image: Any, at: float) -> Any:
        if interpolation == "cubic":
            around = range(math.floor(at) - 1, math.floor(at) + 3)
            last = len(image) - 1
            return sum(keys(abs(at - i)) * image[min(max(i, 0), last)] for i in around)
        at = min(max(at, 0), len(image) - 1)
        if interpolation == "nearest":
            return image[math.ceil(at - 0.5)]
        low = min(math.floor(at), len(image) - 2)
        return (1 - (at - low)) * image[low] + (at - low) * image[low + 1]

    for n, image in enumerate(x):
        for i in range(size[0]):
            line = row(image, place(i, x.shape[1], size[0]))
            for j in range(size[1]):
                y[n, i, j] = row(line, place(j, x.shape[2], size[1]))
    return y


def keys(d: float, a: float = -0.75) -> float:
    """Return the share of a pixel at a distance."""
    if d <= 1:
        return (a + 2) * d**3 - (a + 3) * d**2 + 1
    return a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a


CASES = {
    "argmax": Case(layers.ArgMax, {}, (3, 4), lambda x: x.argmax(-1)),
    "argmax of rows": Case(
        layers.ArgMax, {"axis": 1, "keepdims": True}, (3, 4), lambda x: x.argmax(1)[:, None]
    ),
    "resizing": Case(
        layers.Resizing,
        {"height": 7, "width": 3},
        (4, 5, 2),
        lambda x: resampled(x, (7, 3), "linear", "half_pixel"),
    ),
    "resizing, nearest": Case(
        layers.Resizing,
        {"height": 2, "width": 10, "interpolation": "nearest"},
        (4, 5, 2),
        lambda x: x[:, 1::2].repeat(2, axis=2),
    ),
    "resizing, cut, between 16 pixels": Case(
        layers.Resizing,
        {"height": 6, "width": 3, "interpolation": "bicubic", "crop_to_aspect_ratio": True},
        (4, 5, 2),
        lambda x: interpolated(interpolated(x[:, :, 1:3], 1, 6, sharp), 2, 3, sharp),
    ),
    "resizing, with pixels around, smaller": Case(
        layers.Resizing,
        {
            "height": 3,
            "width": 4,
            "pad_to_aspect_ratio": True,
            "fill_value": 2.0,
            "antialias": True,
        },
        (7, 4, 2),
        lambda x: interpolated(
            interpolated(
                np.pad(x, ((0, 0), (0, 0), (2, 2), (0, 0)), constant_values=2), 1, 3, triangle
            ),
            *(2, 4, triangle),
        ),
    ),
    "middle": Case(
        layers.CenterCrop, {"height": 2, "width": 3}, (5, 6, 2), lambda x: x[:, 1:3, 1:4]
    ),
    "middle of a small image": Case(
        layers.CenterCrop,
        {"height": 6, "width": 3},
        (4, 5, 2),
        lambda x: interpolated(interpolated(x[:, :, 1:3], 1, 6, triangle), 2, 3, triangle),
    ),
    "random crop of the whole": Case(
        layers.RandomCrop, {"height": 3, "width": 4}, (3, 4, 2), identity
    ),
    "padding with a number": Case(
        layers.Padding,
        {"sides": ((1, 0), (0, 2)), "value": 1.5},
        (3, 2),
        lambda x: np.pad(x, ((0, 0), (1, 0), (0, 2)), constant_values=1.5),
    ),
    "padding, reflect": Case(
        layers.Padding,
        {"sides": ((2, 1), (0, 2), (0, 0)), "mode": "reflect"},
        (3, 4, 2),
        lambda x: np.pad(x, ((0, 0), (2, 1), (0, 2), (0, 0)), mode="reflect"),
    ),
    "padding, edge": Case(
        layers.Padding,
        {"sides": ((2, 1), (0, 3)), "mode": "edge"},
        (3, 2),
        lambda x: np.pad(x, ((0, 0), (2, 1), (0, 3)), mode="edge"),
    ),
    "mean": Case(layers.Reduction, {}, (3, 4), lambda x: x.mean((1, 2))[:, None]),
    "sum of rows": Case(
        layers.Reduction,
        {"operation": "sum", "axis": 1, "keepdims": True},
        (3, 4, 2),
        lambda x: x.sum(1, keepdims=True),
    ),
    "max of two axes": Case(
        layers.Reduction,
        {"operation": "max", "axis": (1, -1)},
        (3, 4, 2),
        lambda x: x.max((1, 3)),
    ),
    "min": Case(layers.Reduction, {"operation": "min", "axis": -1}, (3, 4), lambda x: x.min(-1)),
    **{
        f"resampling {interpolation}, {coordinates}, {size}": Case(
            layers.Resampling,
            {"size": size, "interpolation": interpolation, "coordinates": coordinates},
            (4, 5, 2),
            lambda x, size=size, i=interpolation, c=coordinates: resampled(x, size, i, c),
        )
        for interpolation in ("nearest", "linear", "cubic")
        for coordinates in ("half_pixel", "asymmetric", "align_corners")
        for size in ((7, 3), (8, 10))
    },
    "take": Case(layers.Take, {"indices": [2, 0, 2], "axis": 1}, (3, 4), lambda x: x[:, [2, 0, 2]]),
    "take every other": Case(layers.Take, {"indices": [1, 3]}, (3, 4), lambda x: x[:, :, 1:4:2]),
    "tile": Case(
        layers.Tile, {"repeats": (2, 1, 3)}, (3, 4, 2), lambda x: np.tile(x, (1, 2, 1, 3))
    ),
    "flatten": Case(layers.Flatten, {}, (2, 3, 2), lambda x: x.reshape(len(x), -1)),
    "reshape": Case(
        layers.Reshape, {"target_shape": (3, -1)}, (2, 3, 2), lambda x: x.reshape(len(x), 3, 4)
    ),
    "identity": Case(layers.Identity, {}, (2, 3), identity),
    "permute": Case(
        layers.Permute, {"dims": (3, 1, 2)}, (2, 3, 4), lambda x: reference.permuted(x, (3, 1, 2))
    ),
    "permute rows and columns": Case(
        layers.Permute, {"dims": [2, 1]}, (3, 5), lambda x: reference.permuted(x, (2, 1))
    ),
    "repeat vector": Case(
        layers.RepeatVector, {"n": 3}, (5,), lambda x: np.stack([x, x, x], axis=1)
    ),
    "zero padding of images": Case(
        layers.ZeroPadding2D, {}, (2, 3, 2), lambda x: reference.zero_padded(x, ((1, 1), (1, 1)))
    ),
    "zero padding of each side": Case(
        layers.ZeroPadding2D,
        {"padding": ((0, 2), (3, 1))},
        (2, 3, 2),
        lambda x: reference.zero_padded(x, ((0, 2), (3, 1))),
    ),
    "zero padding of sequences": Case(
        layers.ZeroPadding1D, {}, (3, 2), lambda x: reference.zero_padded(x, ((1, 1),))
    ),
    "zero padding before sequences": Case(
        layers.ZeroPadding1D,
        {"padding": (2, 0)},
        (3, 2),
        lambda x: reference.zero_padded(x, ((2, 0),)),
    ),
    "cropping of nothing": Case(layers.Cropping2D, {}, (2, 3, 2), identity),
    "cropping of images": Case(
        layers.Cropping2D,
        {"cropping": ((1, 0), (2, 1))},
        (3, 5, 2),
        lambda x: reference.cropped(x, ((1, 0), (2, 1))),
    ),
    "cropping of rows and columns": Case(
        layers.Cropping2D,
        {"cropping": (1, 2)},
        (3, 6, 1),
        lambda x: reference.cropped(x, ((1, 1), (2, 2))),
    ),
    "cropping of sequences": Case(
        layers.Cropping1D, {}, (5, 2), lambda x: reference.cropped(x, ((1, 1),))
    ),
    "upsampling of images": Case(
        layers.UpSampling2D, {}, (3, 2, 2), lambda x: reference.upsampled(x, (2, 2))
    ),
    "upsampling of rows alone": Case(
        layers.UpSampling2D, {"size": (3, 1)}, (2, 3, 1), lambda x: reference.upsampled(x, (3, 1))
    ),
    "bilinear upsampling": Case(
        layers.UpSampling2D,
        {"interpolation": "bilinear"},
        (3, 4, 2),
        lambda x: reference.upsampled(x, (2, 2), "bilinear"),
    ),
    "bilinear upsampling of a single row": Case(
        layers.UpSampling2D,
        {"size": (3, 4), "interpolation": "bilinear"},
        (1, 3, 2),
        lambda x: reference.upsampled(x, (3, 4), "bilinear"),
    ),
    "upsampling of sequences": Case(
        layers.UpSampling1D,
        {"size": 3},
        (4, 2),
        lambda x: reference.upsampled(x[:, :, None], (3, 1))[:, :, 0],
    ),
    "flatten, columns first": Case(
        layers.Flatten,
        {"order": "F"},
        (2, 3, 2),
        lambda x: np.stack([sample.ravel(order="F") for sample in x]),
    ),
    "reshape, columns first": Case(
        layers.Reshape,
        {"target_shape": (3, -1), "order": "F"},
        (2, 3, 2),
        lambda x: np.stack([sample.reshape(3, 4, order="F") for sample in x]),
    ),
}
