"""The form that pictures of any kind are brought to: size, channels, type of pixels."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from cnnx import geometry
from cnnx.registry import choice

CHANNELS = {"grayscale": 1, "rgb": 3}
DTYPES = ("uint8", "float32")


@dataclass(frozen=True)
class PictureForm:
    """What pictures are brought to.

    Attributes
    ----------
    size : tuple, optional
        (height, width); by default that of each picture.
    color_mode : str, optional
        'grayscale' or 'rgb'; by default as each picture is.
    dtype : str
        'uint8', or 'float32' for the file's own values.
    background : tuple, optional
        Red, green and blue of the ground behind transparent pictures; by default the transparency
        is dropped.
    """

    size: tuple[int, int] | None = None
    color_mode: str | None = None
    dtype: str = "uint8"
    background: tuple[int, int, int] | None = None

    @classmethod
    def checked(
        cls, owner: str, size_name: str, size: Any, color_mode: Any, dtype: Any, background: Any
    ) -> Self:
        """Return the form that a user's arguments describe; errors begin with `owner`."""
        with suppress(TypeError, ValueError):
            dtype = np.dtype(dtype).name
        return cls(
            None if size is None else geometry.pair(size, f"{owner}: {size_name}"),
            choice(color_mode, f"{owner}: color_mode", *CHANNELS),
            choice(dtype, f"{owner}: dtype", *DTYPES),
            None if background is None else _colour(background, f"{owner}: background"),
        )

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of a form with a size and a colour mode."""
        assert self.size is not None
        assert self.color_mode is not None
        return (*self.size, CHANNELS[self.color_mode])


def _colour(value: Any, name: str) -> tuple[int, int, int]:
    several = isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.ndim)
    values = list(value) if several else [value] * 3
    if len(values) != 3:
        raise ValueError(f"{name} must be one number from 0 to 255 or three, got {value!r}")
    red, green, blue = (geometry.integer(part, name, minimum=0, limit=256) for part in values)
    return red, green, blue
