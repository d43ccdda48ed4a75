"""RandomErasing: a rectangle of each picture is hidden."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnx import _core, geometry
from cnnx.arrays import Float, Shape
from cnnx.layers.augmentation.colors import BYTES, ColorLayer, Range
from cnnx.layers.augmentation.factors import Ends, Factor, between, positive
from cnnx.layers.picture_layer import Change


def rectangles(
    ratios: Float, places: Float, size: tuple[int, int], where: Any = True
) -> NDArray[np.int32]:
    """
    Return the pixels (pictures, 4) from top and left to below bottom and right of rectangles.

    Parameters
    ----------
    ratios
        Heights and widths as shares of the picture's, (pictures, 2).
    places
        Where they lie, from 0 (above, left) to 1, (pictures, 2).
    size
        Height and width of the pictures.
    where
        Pictures that have one; the others' are empty.
    """
    extents = ratios * np.array(size, np.float32)
    starts = places * (np.array(size, np.float32) - extents)
    bounds = np.ceil(np.concatenate([starts, starts + extents], 1)).astype(np.int32)
    bounds[:, 2:] = np.minimum(bounds[:, 2:], size)
    bounds *= np.reshape(where, (-1, 1))
    return np.ascontiguousarray(bounds)


class _Erased(Change):
    """Numbers in a rectangle of each picture."""

    def __init__(
        self,
        boxes: NDArray[np.int32],
        fill: Float,
        value_range: Ends,
        deviation: float,
        seed: int,
    ) -> None:
        self._boxes = boxes
        self._fill = fill
        self._value_range = value_range
        self._noise = deviation, seed

    def pictures(self, x: Float, y: Float) -> None:
        """Fill the rectangles."""
        _core.erase_pictures(x, self._boxes, self._fill, y, self._value_range, *self._noise)

    def gradient(self, dy: Float, dx: Float, owner: str) -> None:
        """Give the pixels in rectangles none."""
        _core.erase_pictures(dy, self._boxes, np.zeros_like(self._fill), dx, (-np.inf, np.inf))


class RandomErasing(ColorLayer):
    """
    In training, hide a rectangle of images with a probability (Zhong et al. 2017).

    Height and width are drawn by themselves: each is the root of a share from `scale`, times that
    of the image.

    Parameters
    ----------
    factor
        The probability: a number p draws it from (0, p) for each image, two numbers from (low,
        high).
    scale
        (low, high) of the share of the image that is hidden; a number s means (0, s).
    fill_value
        A number, or one for each channel; None fills with normal numbers of deviation
        `value_range[1]`.
    value_range, seed, data_format, **kwargs
        As in `ColorLayer`.
    """

    numbers = 6

    def __init__(
        self,
        factor: Factor = 1.0,
        scale: Factor = (0.02, 0.33),
        fill_value: float | Sequence[float] | None = None,
        value_range: Range = BYTES,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range, seed, data_format, **kwargs)
        self.factor = positive(factor, f"{self}: factor")
        self.scale = positive(scale, f"{self}: scale")
        name = f"{self}: fill_value"
        self.fill_value: float | list[float] | None = None
        if isinstance(fill_value, (tuple, list)):
            self.fill_value = [geometry.number(n, name, -np.inf, np.inf) for n in fill_value]
        elif fill_value is not None:
            self.fill_value = geometry.number(fill_value, name, -np.inf, np.inf)

    def build(self, input_shape: Shape) -> None:
        """Check that the input holds images of as many channels as numbers to fill with."""
        super().build(input_shape)
        channels = input_shape[-1]
        if isinstance(self.fill_value, list) and len(self.fill_value) != channels:
            raise ValueError(
                f"{self}: fill_value must be one number or {channels}, one for each channel, got "
                f"{self.fill_value}"
            )

    def draw(self, shape: Shape) -> Change:
        """Draw the rectangles of a batch."""
        numbers = self.uniform_numbers(shape[0])
        size = (shape[1], shape[2])
        erased = numbers[:, 0] < between(self.factor, numbers[:, 1])
        ratios = np.sqrt(between(self.scale, numbers[:, 2:4]))
        boxes = rectangles(ratios, numbers[:, 4:], size, erased)
        low, high = self.settings.value_range
        fill = np.zeros(shape[3], np.float32)
        if self.fill_value is None:
            return _Erased(boxes, fill, (low, high), high, self.draw_seed())
        fill[:] = self.fill_value
        return _Erased(boxes, fill, (low, high), 0.0, 0)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().get_config() | {
            "factor": list(self.factor),
            "scale": list(self.scale),
            "fill_value": self.fill_value,
        }
