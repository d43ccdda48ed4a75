"""RandomCrop: another part of each picture."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnx.arrays import Shape
from cnnx.layers.augmentation.random_picture_layer import RandomPictureLayer
from cnnx.layers.picture_layer import Change
from cnnx.layers.resizing import Cropping, Parts


class RandomCrop(Cropping, RandomPictureLayer):
    """
    In training, cut a part out of each image, at a place of its own.

    Otherwise, and from images that are smaller, the largest part in the middle with the output's
    ratio is taken and resized bilinearly, as in Keras.

    Parameters
    ----------
    height, width
        Of the output, in pixels.
    seed, data_format, **kwargs
        As in `RandomPictureLayer`.
    """

    numbers = 2

    def __init__(
        self,
        height: int,
        width: int,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(height, width, seed=seed, data_format=data_format, **kwargs)

    def draw(self, shape: Shape) -> Change:
        """Draw the places of the parts."""
        rest = np.array([shape[1] - self.height, shape[2] - self.width])
        if (rest < 0).any() or not rest.any():
            return self.middle(shape)
        offsets = np.floor(self.uniform_numbers(shape[0]) * (rest + 1))
        return Parts(np.minimum(offsets, rest).astype(np.int32))

    def change(self, shape: Shape, training: bool) -> Change:
        """Return what happens to a batch of this shape."""
        return self.draw(shape) if training and shape[0] else self.middle(shape)
