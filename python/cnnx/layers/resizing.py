"""Images of another height and width."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnx import _core, geometry
from cnnx.arrays import Array, Double, Float, Shape
from cnnx.layers.call import Call, Traits
from cnnx.layers.layer import Layer, check_rank
from cnnx.layers.layout import in_its_layout
from cnnx.layers.picture_layer import Change, PictureLayer
from cnnx.layers.resampling import Axis, Resampling, Window
from cnnx.registry import choice

_MODES = {"bilinear": "linear", "nearest": "nearest", "bicubic": "cubic"}
"""Names that `Resampling` has for interpolations, which it knows without antialiasing."""


def _triangle(d: Double) -> Double:
    return np.maximum(1 - d, 0)


def _keys(d: Double) -> Double:
    """Keys' cubic with a = -1/2."""
    near = (1.5 * d - 2.5) * d * d + 1
    far = ((-0.5 * d + 2.5) * d - 4) * d + 2
    return np.where(d <= 1, near, np.where(d < 2, far, 0.0))


def _lanczos(radius: int) -> Callable[[Double], Double]:
    return lambda d: np.where(d < radius, np.sinc(d) * np.sinc(d / radius), 0.0)


_KERNELS: dict[str, tuple[int, Callable[[Double], Double]]] = {
    "bilinear": (1, _triangle),
    "bicubic": (2, _keys),
    "lanczos3": (3, _lanczos(3)),
    "lanczos5": (5, _lanczos(5)),
}
INTERPOLATIONS = (*_KERNELS, "nearest")


class Part:
    """
    A part of an axis, brought to another extent.

    Parameters
    ----------
    start, length
        Of the part; it may begin before the axis, and end after it.
    wanted
        Pixels of the result.
    """

    def __init__(self, start: int, length: int, wanted: int) -> None:
        self.start = start
        self.length = length
        self.wanted = wanted

    def axis(self, extent: int, interpolation: str, antialias: bool) -> Axis:
        """
        Return where the pixels of the result come from.

        A kernel k gives pixel j of the part the share k(|j - p| / s) of a pixel whose middle lies
        at p, divided by the sum of the shares. s is 1, or the part's length by that of the result
        if this is larger and `antialias` is true.
        """
        scale = self.length / self.wanted
        middle = (np.arange(self.wanted) + 0.5) * scale
        if interpolation == "nearest":
            seen = np.floor(middle)[:, None]
            shares = np.ones_like(seen)
        else:
            radius, kernel = _KERNELS[interpolation]
            stretch = max(scale, 1.0) if antialias else 1.0
            places = middle[:, None] - 0.5
            reach = radius * stretch
            seen = np.ceil(places - reach) + np.arange(int(np.ceil(2 * reach)) + 1)
            shares = kernel(np.abs(places - seen) / stretch)
            shares = shares * ((seen >= 0) & (seen < self.length))
            shares /= shares.sum(1, keepdims=True)
        seen = seen + self.start
        shares = shares * ((seen >= 0) & (seen < extent))
        used = shares.any(0)  # none but the first where the whole part lies outside
        used[0] |= not used.any()
        places_ = np.clip(seen[:, used], 0, extent - 1).astype(np.intp)
        return Axis(places_, shares[:, used].astype(np.float32))


def cropped(extents: tuple[int, int], wanted: tuple[int, int]) -> tuple[Part, Part]:
    """Return the largest part in the middle of an image that has the wanted shape's ratio."""
    height, width = extents
    rows = max(min(height, int(float(width * wanted[0]) / wanted[1])), 1)
    columns = max(min(width, int(float(height * wanted[1]) / wanted[0])), 1)
    return (
        Part((height - rows) // 2, rows, wanted[0]),
        Part((width - columns) // 2, columns, wanted[1]),
    )


def padded(extents: tuple[int, int], wanted: tuple[int, int]) -> tuple[Part, Part]:
    """
    Return the smallest part around an image that has the wanted shape's ratio.

    There is as much around it on both sides, as in Keras.
    """
    height, width = extents
    above = max(0, int(float(width * wanted[0]) / wanted[1]) - height) // 2
    beside = max(0, int(float(height * wanted[1]) / wanted[0]) - width) // 2
    return (
        Part(-above, height + 2 * above, wanted[0]),
        Part(-beside, width + 2 * beside, wanted[1]),
    )


class Resized(Change):
    """
    A part of all pictures, brought to another size.

    Parameters
    ----------
    parts
        Of rows and columns.
    extents
        Height and width of the pictures.
    interpolation, antialias, filling
        As in `Resizing`.
    """

    def __init__(
        self,
        parts: tuple[Part, Part],
        extents: tuple[int, int],
        interpolation: str = "bilinear",
        antialias: bool = False,
        filling: float = 0.0,
    ) -> None:
        self._parts = parts
        both = list(zip(parts, extents, strict=True))
        self._window = Window([p.axis(n, interpolation, antialias) for p, n in both], filling)
        self._nearest = Window([p.axis(n, "nearest", False) for p, n in both], filling)

    def pictures(self, x: Float, y: Float) -> None:
        """Resample the part."""
        self._window.resample(x, y)

    def gradient(self, dy: Float, dx: Float, owner: str) -> None:
        """Send each gradient to the pixels that it came from."""
        self._window.gradient(dy, dx)

    def masks(self, x: Float, y: Float) -> None:
        """Take the nearest pixels."""
        self._nearest.resample(x, y)

    def boxes(self, corners: Array, size: tuple[int, int]) -> Array:
        """Move and scale the boxes."""
        rows, columns = self._parts
        starts = np.array([columns.start, rows.start])
        scales = np.array([columns.wanted / columns.length, rows.wanted / rows.length])
        found: Array = (corners - np.tile(starts, 2)) * np.tile(scales, 2)
        return found


class Parts(Change):
    """A part of each picture, as it is."""

    def __init__(self, offsets: NDArray[np.int32]) -> None:
        self._offsets = offsets

    def pictures(self, x: Float, y: Float) -> None:
        """Copy the parts."""
        _core.crop_forward(x, self._offsets, y)

    masks = pictures

    def gradient(self, dy: Float, dx: Float, owner: str) -> None:
        """Give what was left out none."""
        _core.crop_backward_data(dy, self._offsets, dx)

    def boxes(self, corners: Array, size: tuple[int, int]) -> Array:
        """Move the boxes."""
        found: Array = corners - self._offsets[:, None, [1, 0, 1, 0]]
        return found


class Resizing(PictureLayer, Resampling):
    """
    Give images another height and width: what a network for images of one size begins with.

    Input (batch, rows, columns, channels), output (batch, height, width, channels). The middle of
    output pixel i lies at (i + 1/2) rows / height - 1/2 of the input, as in Keras.

    Parameters
    ----------
    height, width
        Of the output, in pixels.
    interpolation
        'bilinear', between the four pixels around; 'bicubic', 'lanczos3' and 'lanczos5', between
        16, 36 and 100; or 'nearest'.
    crop_to_aspect_ratio
        Whether to cut the largest part out of the middle that has the output's ratio, rather than
        to change the image's.
    pad_to_aspect_ratio
        Whether to put `fill_value` around the image, so that it has the output's ratio.
    fill_mode
        'constant'.
    fill_value
        Of the pixels around the image.
    antialias
        Whether smaller outputs are means of all pixels that they cover, as in Pillow.
    data_format, **kwargs
        As in `PictureLayer`.
    """

    def __init__(
        self,
        height: int,
        width: int,
        interpolation: str = "bilinear",
        crop_to_aspect_ratio: bool = False,
        pad_to_aspect_ratio: bool = False,
        fill_mode: str = "constant",
        fill_value: float = 0.0,
        antialias: bool = False,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        owner = type(self).__name__
        extents = [
            geometry.integer(n, f"{owner}: {name}")
            for n, name in ((height, "height"), (width, "width"))
        ]
        word = choice(interpolation, f"{owner}: interpolation", *INTERPOLATIONS)
        super().__init__(
            data_format,
            size=extents,
            interpolation=_MODES.get(word, "linear"),
            coordinates="half_pixel",
            rounding="round_prefer_ceil",
            cubic_coefficient=-0.5,
            exclude_outside=word == "bicubic",
            **kwargs,
        )
        self.kernel = word
        self.crop_to_aspect_ratio = bool(crop_to_aspect_ratio)
        self.pad_to_aspect_ratio = bool(pad_to_aspect_ratio)
        if self.crop_to_aspect_ratio and self.pad_to_aspect_ratio:
            raise ValueError(
                f"{self}: crop_to_aspect_ratio and pad_to_aspect_ratio exclude one another"
            )
        self.fill_mode = choice(fill_mode, f"{self}: fill_mode", "constant")
        self.filling = geometry.number(fill_value, f"{self}: fill_value", -np.inf, np.inf)
        self.antialias = bool(antialias)

    @property
    def is_plain(self) -> bool:
        """Whether a `Resampling` with the same settings computes the same."""
        other = self.antialias or self.crop_to_aspect_ratio or self.pad_to_aspect_ratio
        return self.kernel in _MODES and not other

    def parts(self, extents: tuple[int, int]) -> tuple[Part, Part]:
        """Return which part of images the output shows."""
        wanted = (self.size[0], self.size[1])
        if self.crop_to_aspect_ratio:
            return cropped(extents, wanted)
        if self.pad_to_aspect_ratio:
            return padded(extents, wanted)
        return Part(0, extents[0], wanted[0]), Part(0, extents[1], wanted[1])

    def change(self, shape: Shape, training: bool) -> Change:
        """Return what resizes a batch of this shape."""
        extents = (shape[1], shape[2])
        return Resized(self.parts(extents), extents, self.kernel, self.antialias, self.filling)

    def axes(self, extents: tuple[int, ...]) -> list[Axis]:
        """Return where rows and columns of the output come from."""
        both = zip(self.parts((extents[0], extents[1])), extents, strict=True)
        return [part.axis(extent, self.kernel, self.antialias) for part, extent in both]

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        config = Layer.get_config(self)
        if self.bounding_box_format is not None:
            config["bounding_box_format"] = self.bounding_box_format
        return config | {
            "height": self.size[0],
            "width": self.size[1],
            "interpolation": self.kernel,
            "crop_to_aspect_ratio": self.crop_to_aspect_ratio,
            "pad_to_aspect_ratio": self.pad_to_aspect_ratio,
            "fill_mode": self.fill_mode,
            "fill_value": self.filling,
            "antialias": self.antialias,
        }


class Cropping(PictureLayer):
    """
    What the layers share that cut images to a size; those that are too small are resized.

    Parameters
    ----------
    height, width
        Of the output, in pixels.
    **kwargs
        As in `PictureLayer`.
    """

    def __init__(self, height: int, width: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.height = geometry.integer(height, f"{self}: height")
        self.width = geometry.integer(width, f"{self}: width")

    traits = Traits(False, False)

    @in_its_layout
    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (batch, height, width, channels)."""
        channels = check_rank(self, input_shape, 2)[-1]
        return input_shape[0], self.height, self.width, channels

    def middle(self, shape: Shape) -> Change:
        """Return the largest part in the middle of images, brought to the size."""
        extents = (shape[1], shape[2])
        return Resized(cropped(extents, (self.height, self.width)), extents)

    def forward(self, call: Call, x: Float) -> None:
        """Write the parts."""
        call.change = self.change(x.shape, call.training)
        if len(x):
            call.change.pictures(x, call.y)

    def backward(self, call: Call, dy: Float) -> None:
        """Bring each gradient back to where its pixel came from."""
        call.change.gradient(dy, call.dx[0], str(self))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {"height": self.height, "width": self.width}


class CenterCrop(Cropping):
    """
    Cut the middle out of images.

    Of images that are smaller, the largest part in the middle with the output's ratio is resized
    bilinearly.

    Parameters
    ----------
    height, width
        Of the output, in pixels.
    data_format, **kwargs
        As in `PictureLayer`.
    """

    def __init__(
        self, height: int, width: int, data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(height, width, data_format=data_format, **kwargs)

    def change(self, shape: Shape, training: bool) -> Change:
        """Return the cut."""
        rows, columns = shape[1] - self.height, shape[2] - self.width
        if rows < 0 or columns < 0:
            return self.middle(shape)
        offsets = np.array([rows // 2, columns // 2], np.int32)
        return Parts(np.tile(offsets, (shape[0], 1)))
