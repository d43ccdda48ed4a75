"""Images and sequences of another size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnx import layers
from cnnx.layers.resampling import INTERPOLATIONS
from cnnx.onnx.operators.windows import channels_last, made
from cnnx.onnx.tensor import Tensor, count
from cnnx.onnx.unsupported import UnsupportedError
from cnnx.onnx.use import Use

_MODES = ("half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel")
_FIRST_PIXEL = 1e5
"""A scale at which every place is the first pixel's."""


def resize(at: Use) -> Tensor:
    """Resize along the axes of images or sequences."""
    mode = at.attribute("mode", "nearest")
    old = at.opset < 11
    coordinates = "asymmetric" if old else at.attribute("coordinate_transformation_mode", _MODES[0])
    rounding = "floor" if old else at.attribute("nearest_mode", "round_prefer_floor")
    if at.attribute("antialias", 0):
        raise UnsupportedError("attribute antialias=1")
    if mode not in INTERPOLATIONS:
        raise UnsupportedError(f"attribute mode={mode!r}")
    if coordinates not in _MODES:
        raise UnsupportedError(f"attribute coordinate_transformation_mode={coordinates!r}")
    target = _target(at, 1 if old else 2, 3)
    cubic: dict[str, Any] = {}
    if mode == "cubic":
        cubic["cubic_coefficient"] = at.attribute("cubic_coeff_a", -0.75)
        cubic["exclude_outside"] = bool(at.attribute("exclude_outside", 0))
    return _resized(at, mode, coordinates, rounding, *target, **cubic)


def upsample(at: Use) -> Tensor:
    """Upsample: what Resize was before version 10."""
    mode = at.attribute("mode", "nearest")
    if mode not in ("nearest", "linear"):
        raise UnsupportedError(f"attribute mode={mode!r}")
    return _resized(at, mode, "asymmetric", "floor", *_target(at, 1, 99))


def _target(at: Use, scales_at: int, sizes_at: int) -> tuple[list[int], list[float]]:
    """Return the new extents of the axes after the channels, and the scales."""
    tensor = at.tensor()
    extents = [count(group) for group in tensor.axes[2:]]
    rank = len(extents)
    axes = [n % tensor.rank for n in at.attribute("axes") or range(tensor.rank)]
    spatial = list(range(2, tensor.rank))
    if any(place < 2 for place in axes) and axes != list(range(tensor.rank)):
        raise UnsupportedError(f"attribute axes={at.attribute('axes')}")
    scales = at.optional(scales_at)
    if scales is None and at.attribute("scales"):
        scales = np.asarray(at.attribute("scales"), np.float32)
    if scales is not None and scales.size:
        given = dict(zip(axes, scales.tolist(), strict=True))
        if any(given.get(place, 1) != 1 for place in (0, 1)):
            raise UnsupportedError(f"scales {scales.tolist()} of the samples or the channels")
        found = [float(given.get(place, 1)) for place in spatial]
        return [int(np.floor(n * s)) for n, s in zip(extents, found, strict=True)], found
    sizes = dict(zip(axes, zip(*at.known(sizes_at), strict=True), strict=True))
    for place in (0, 1):
        written = {tensor.sizes[place], (at.builder.batch,) * 2 if not place else ()}
        if place in sizes and tuple(int(n) for n in sizes[place]) not in written:
            raise UnsupportedError("sizes of the samples or the channels")
    wanted = [int(sizes[place][0]) if place in sizes else extents[place - 2] for place in spatial]
    if len(wanted) != rank or min(wanted) < 1:
        raise UnsupportedError(f"sizes {wanted}")
    scales = np.array([m / n for m, n in zip(wanted, extents, strict=True)])
    policy = at.attribute("keep_aspect_ratio_policy", "stretch")
    if policy != "stretch":
        own = scales[[place - 2 for place in axes if place > 1]]
        scales[:] = own.min() if policy == "not_larger" else own.max()
        wanted = [int(np.floor(n * s + 0.5)) for n, s in zip(extents, scales, strict=True)]
    return wanted, scales.tolist()


def _resized(
    at: Use,
    mode: str,
    coordinates: str,
    rounding: str,
    wanted: list[int],
    scales: Sequence[float],
    **cubic: Any,
) -> Tensor:
    tensor = channels_last(at, at.tensor())
    extents = [count(group) for group in tensor.axes[2:]]
    if wanted == extents and all(scale == 1 for scale in scales):
        return tensor
    if coordinates == "pytorch_half_pixel":
        coordinates = "half_pixel"
        scales = [_FIRST_PIXEL if m == 1 else s for m, s in zip(wanted, scales, strict=True)]
    own = [m / n for m, n in zip(wanted, extents, strict=True)]
    settings: dict[str, Any] = {
        "size": wanted,
        "interpolation": mode,
        "coordinates": coordinates,
        "rounding": rounding,
        "scales": None if at.builder.is_open and list(scales) == own else list(scales),
        **cubic,
    }
    factors = [m // n for m, n in zip(wanted, extents, strict=True)]
    if all(f * n == m for f, n, m in zip(factors, extents, wanted, strict=True)):
        if mode == "nearest" and _repeats(settings, extents, factors):
            cls: Any = (layers.UpSampling1D, layers.UpSampling2D)[len(factors) - 1]
            size = factors if len(factors) == 2 else factors[0]
            return made(tensor, at.value(cls, tensor.value, size=size))
        if (mode, coordinates, len(factors)) == ("linear", "half_pixel", 2) and (
            list(scales) == factors
        ):
            value = at.value(
                layers.UpSampling2D, tensor.value, size=factors, interpolation="bilinear"
            )
            return made(tensor, value)
    return made(tensor, at.value(layers.Resampling, tensor.value, **settings))


def _repeats(settings: dict[str, Any], extents: list[int], factors: list[int]) -> bool:
    """Return whether each pixel is repeated as often as any other."""
    layer = layers.Resampling(**settings)
    return all(
        np.array_equal(layer.axis(number, n).places[:, 0], np.arange(n).repeat(factor))
        for number, (n, factor) in enumerate(zip(extents, factors, strict=True))
    )


OPERATORS: dict[str, Any] = {"Resize": resize, "Upsample": upsample}
